# The receiver loses its sky for a minute (20 s in the short form), and comes back.
load pairs=1
knob phc0/ppb 3000
gnss 0
grandmaster 0
settle 90
knob gnss/on 0
measure lost 60 0
knob gnss/on 1
sleep 10
measure returned 30 0
alive "$LAST"
