# An ordinary clock over Ethernet: hardware stamps, two steps. The client's oscillator is 8 ppm off and wanders.
load pairs=1
host server rig0
host client rig1
knob phc1/ppb 8000
knob phc1/step 3000000
ptp server server server rig0
ptp client client client rig1
settle 40
measure client 60 1
alive "$LAST"
