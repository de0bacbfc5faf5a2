# CLOCK_REALTIME after a card's own pulses on /dev/ppsN: whoever wants them has to switch them on.
load pairs=1
knob truth_ppb 5000
knob phc0/ppb 5000
pps=''
for one in /sys/class/pps/pps*; do
    [ "$(cat "$one/name")" != ptp0 ] || pps=/dev/${one##*/}
done
case $SIDE in
    ours) start - sync phc-sync -d "$pps" -s phc0 -c system -O -37 -m ;;
    theirs) start - sync phc2sys -d "$pps" -s /dev/ptp0 -c CLOCK_REALTIME -O -37 -m ;;
esac
settle 100
measure system 60 2
alive "$LAST"
echo "pulses $(grep -c 'CLOCK_REALTIME pps offset' "$OUT/sync.log")"
