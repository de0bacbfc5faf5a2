# Boundary clock of two cards with a clock each: ptp4l leaves the second to phc2sys; ptpd keeps both, or leaves it to phc-sync where it cannot.
load pairs=2
host server rig0
host middle rig1 rig2
host client rig3
knob phc1/ppb 8000
knob phc2/ppb 2000
knob phc3/ppb -5000
ptp server server server rig0
ptp middle middle boundary 'rig1 rig2' jbod=yes
middle=$LAST
case $SIDE in
    ours) knows port_clocks together || start - keep phc-sync -s phc1 -c phc2 -R 8 -O 0 ;;
    theirs) start - keep phc2sys -s /dev/ptp1 -c /dev/ptp2 -R 8 -O 0 -m ;;
esac
ptp client client client rig3
settle 60
measure middle 40 2
measure client 40 3
alive "$middle"
alive "$LAST"
