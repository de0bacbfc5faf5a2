# One-step Sync and one-step Pdelay_Resp: no Follow_Up of either kind is sent.
load pairs=1
host server rig0
host client rig1
knob phc1/ppb 8000
knob phc1/step 3000000
ptp server server server rig0 mechanism=p2p one_step=yes
ptp client client client rig1 mechanism=p2p one_step=yes
settle 40
measure client 60 1
alive "$LAST"
echo "one_steps $(cat "$RIG/rig0/one_steps")"
echo "one_step_answers $(cat "$RIG/rig1/one_steps")"
