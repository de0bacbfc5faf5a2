# The receiver's sentences are wrong by a second for 45 s (15 s in the short form); its pulses are right.
load pairs=1
knob phc0/ppb 3000
gnss 0
grandmaster 0
settle 90
knob gnss/second_error 1
measure wrong 45 0
knob gnss/second_error 0
settle 90
measure returned 30 0
alive "$LAST"
