# A PHC that keeps true time, and CLOCK_REALTIME after it.
load pairs=1
knob truth_ppb 5000
knob phc0/ppb 5000
case $SIDE in
    ours) start - sync phc-sync -s phc0 -c system -O -37 -R 8 -N 5 -m ;;
    theirs) start - sync phc2sys -s /dev/ptp0 -c CLOCK_REALTIME -O -37 -R 8 -N 5 -m ;;
esac
settle 60
measure system 60 2
alive "$LAST"
