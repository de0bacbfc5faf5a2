# A PHC after a GNSS receiver whose pulses the kernel stamps on /dev/ppsN: they reach the PHC by cross timestamps with CLOCK_REALTIME.
[ "$SIDE" = ours ] || absent "linuxptp's ts2phc takes no /dev/ppsN"
load pairs=1
knob truth_ppb 5000
knob phc0/ppb 3000
knob phc0/step -40000000
knob gnss/jitter 5
pps=''
for one in /sys/class/pps/pps*; do
    [ "$(cat "$one/name")" != ptprig-gnss ] || pps=/dev/${one##*/}
done
sentences
start - ts2phc ts2phc --nmea /tmp/gnss -c phc0 --pps "$pps" --utc-offset 37
settle 90
measure phc 60 0
alive "$LAST"
