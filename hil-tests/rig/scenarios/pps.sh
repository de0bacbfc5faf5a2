# CLOCK_REALTIME after a GNSS receiver's pulses on /dev/ppsN, which the kernel stamps; a PHC tells the second.
load pairs=1
knob truth_ppb 5000
knob phc0/ppb 5000
knob gnss/jitter 5
pps=''
for one in /sys/class/pps/pps*; do
    [ "$(cat "$one/name")" != ptprig-gnss ] || pps=/dev/${one##*/}
done
# What the clock has to get rid of, ns.
escapement-rig-check step 300000
case $SIDE in
    ours) start - sync phc-sync -d "$pps" -s phc0 -c system -O -37 -m ;;
    theirs) start - sync phc2sys -d "$pps" -s /dev/ptp0 -c CLOCK_REALTIME -O -37 -m ;;
esac
settle 100
measure system 60 2
alive "$LAST"
# 60 and more of them were the receiver's pulses.
echo "pulses $(grep -c 'CLOCK_REALTIME pps offset' "$OUT/sync.log")"
