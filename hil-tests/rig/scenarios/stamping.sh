# ptpd stamping reads and sets what a card stamps, as hwstamp_ctl does, which looks on.
load pairs=1
ip link set rig0 up
# card TX RX: the card itself knows.
card() {
    found="$(cat "$RIG/rig0/tx_type") $(cat "$RIG/rig0/rx_filter")"
    [ "$found" = "$1 $2" ] || { echo "FAILED: the card has $found, not $1 $2"; exit 1; }
}
card 0 0
ours() { ln -sf /bin/ptpd /tmp/hwstamp_ctl; /tmp/hwstamp_ctl "$@"; }
case $SIDE in
    theirs)
        hwstamp_ctl -i rig0 -t 1 -r 12
        card 1 12
        exit 0
        ;;
esac
ptpd stamping -i rig0 >"$OUT/asked"
grep -q 'can transmit:     off, on, onestep-sync, onestep-p2p' "$OUT/asked"
grep -q 'PTP clock:        /dev/ptp0' "$OUT/asked"
grep -q 'stamps now:       transmit off, receive none' "$OUT/asked"
ptpd stamping -i rig0 --transmit on --receive ptpv2-event
card 1 12
# One of two: the other stays.
ptpd stamping -i rig0 --transmit onestep-sync
card 2 12
# The card takes more than it was asked for, and that is told.
ptpd stamping -i rig0 --transmit on --receive ptpv2-l2-sync | tee "$OUT/wider"
card 1 12
grep -q 'rig0: transmit on, receive ptpv2-event' "$OUT/wider"
grep -q 'asked for was: transmit on, receive ptpv2-l2-sync' "$OUT/wider"
# What it cannot do is refused, and nothing changes.
if ptpd stamping -i rig0 --receive all 2>"$OUT/refused"; then echo 'FAILED: taken'; exit 1; fi
cat "$OUT/refused"
card 1 12
# Word for word as hwstamp_ctl, which reads the same.
ours -i rig0 -t 0 -r 0 >"$OUT/our-set" 2>&1
card 0 0
hwstamp_ctl -i rig0 -t 1 -r 12 >/dev/null 2>&1
hwstamp_ctl -i rig0 -t 0 -r 0 >"$OUT/their-set" 2>&1
for side in our their; do sed 's/^[[:space:]]*//' "$OUT/$side-set" >"$OUT/$side"; done
cat "$OUT/our" "$OUT/their"
[ "$(cat "$OUT/our")" = "$(cat "$OUT/their")" ] || { echo 'FAILED: not as hwstamp_ctl'; exit 1; }
hwstamp_ctl -i rig0 -t 1 -r 12 >/dev/null 2>&1
ptpd stamping -i rig0 | grep 'stamps now:       transmit on, receive ptpv2-event'
if ptpd stamping -i lo --transmit on; then echo 'FAILED: lo stamps'; exit 1; fi
