# As gnss, with the sentences by gpsd.
load pairs=1
knob phc0/ppb 3000
knob phc0/step -40000000
gnss 0
grandmaster 0 gpsd
settle 90
measure phc 120 0
alive "$LAST"
