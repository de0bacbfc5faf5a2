# Someone else steps the client's clock by 50 us.
load pairs=1
host server rig0
host client rig1
knob phc1/ppb 8000
ptp server server server rig0
ptp client client client rig1
settle 40
knob phc1/step 50000
settle 50
measure after 30 1
alive "$LAST"
