# The client's card is pulled out and put back: the daemon lives, and finds its way.
load pairs=1
ip link set rig1 up
ip address add 10.0.0.2/24 dev rig1
host server rig0
knob phc1/ppb 8000
ptp server server server rig0
ptp - client client rig1
settle 50
measure before 20 1
knob rig1/present 0
sleep 5
knob rig1/present 1
ip link set rig1 up
ip address add 10.0.0.2/24 dev rig1
knob phc1/step 500000
settle 60
alive "$LAST"
measure after 30 1
