# A one-step server (linuxptp's on both sides: ptpd sends two-step), a client of each side.
load pairs=1
host server rig0
host client rig1
knob phc1/ppb 8000
knob phc1/step 3000000
ours_or_theirs=$SIDE
SIDE=theirs
ptp server server server rig0 one_step=yes
SIDE=$ours_or_theirs
ptp client client client rig1
sleep 40
measure client 60 1
alive "$LAST"
