# A PTP client, and CLOCK_REALTIME after its clock because its port is a slave: nobody names clocks or offsets. The
# daemon is restarted half-way.
load pairs=1
host server rig0
host client rig1
knob phc1/ppb 8000
ptp server server server rig0
ptp client client client rig1
daemon=$LAST
case $SIDE in
    ours) start - sync phc-sync -a -r -z /run/ours-client -R 8 -m ;;
    # It asks the interface for its clock, and so has to be where that is.
    theirs) start client sync phc2sys -a -r -z /run/theirs-client -R 8 -m ;;
esac
follower=$LAST
sleep 60
measure system 40 2
kill "$daemon"
sleep 5
ptp client again client rig1
daemon=$LAST
sleep 40
measure again 20 2
alive "$daemon"
alive "$follower"
