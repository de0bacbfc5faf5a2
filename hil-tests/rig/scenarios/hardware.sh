# Every call of a PHC by ptp-clock against the truth; linuxptp's phc_ctl for comparison. Nothing drifts.
load pairs=2 phc=0,1,1,2
for directory in "$RIG"/phc*; do echo 0 >"$directory/wander"; done
# Several devices share a PHC; the card says what it can.
for device in rig1 rig2; do
    ethtool -T "$device" >"$OUT/$device"
    [ "$(sed -n 's/^PTP Hardware Clock: //p' "$OUT/$device")" = 1 ]
    for word in hardware-transmit software-transmit onestep-sync onestep-p2p ptpv2-event; do
        grep -q "$word" "$OUT/$device"
    done
done
[ -d /sys/class/ptp/ptp2 ] && [ ! -e /sys/class/ptp/ptp3 ]
case $SIDE in
    ours)
        escapement-rig-check
        # A kernel before 6.17 has no auxiliary clocks, and phc-sync says so.
        if [ ! -e /sys/kernel/time/aux_clocks ]; then
            if phc-sync -s phc1 -c CLOCK_AUX0 2>"$OUT/aux"; then echo 'FAILED: an auxiliary clock'; exit 1; fi
            cat "$OUT/aux"
            grep -q 'CLOCK_AUX0: an auxiliary clock (Linux 6.17 has them' "$OUT/aux"
        fi
        ;;
    theirs)
        phc_ctl -q /dev/ptp1 adj 0.000002 cmp caps
        [ "$(cat "$RIG/phc1/error_ps")" = 2000000 ]
        ;;
esac
