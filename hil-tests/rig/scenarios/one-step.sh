# One-step Sync: the server's card writes the time into each as it leaves.
load pairs=1
host server rig0
host client rig1
knob phc1/ppb 8000
knob phc1/step 3000000
ptp server server server rig0 one_step=yes
ptp client client client rig1
settle 40
measure client 60 1
alive "$LAST"
echo "one_steps $(cat "$RIG/rig0/one_steps")"
