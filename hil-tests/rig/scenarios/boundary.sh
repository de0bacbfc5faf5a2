# Server, boundary clock on one shared PHC, client.
load pairs=2 phc=0,1,1,2
host server rig0
host middle rig1 rig2
host client rig3
knob phc1/ppb 8000
knob phc2/ppb -5000
ptp server server server rig0
ptp middle middle boundary 'rig1 rig2'
ptp client client client rig3
settle 60
measure middle 40 1
measure client 40 2
alive "$LAST"
