# Of the client's transmit stamps 2 % never come.
load pairs=1
host server rig0
host client rig1
knob phc1/ppb 8000
ptp server server server rig0
ptp client client client rig1
settle 40
knob rig1/stamp_lost_ppm 20000
measure client 90 1
alive "$LAST"
# Chance decides when they are lost; one side goes on sending, the other does not for a while.
case $SIDE in ours) enough=4 ;; theirs) enough=1 ;; esac
until [ "$(cat "$RIG/rig1/stamps_lost")" -ge $enough ]; do alive "$LAST"; sleep 1; done
echo "stamps_lost $(cat "$RIG/rig1/stamps_lost")"
