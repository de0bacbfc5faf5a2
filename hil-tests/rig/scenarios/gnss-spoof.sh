# The receiver is led astray by 5 ns more each second.
load pairs=1
knob phc0/ppb 3000
gnss 0
grandmaster 0
settle 90
knob gnss/pull 5000
measure spoofed 90 0
alive "$LAST"
