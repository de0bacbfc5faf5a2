# The receiver is led away by 20 ns more each second, and two witnesses tell: a client of another grandmaster by PTP, and a card that others keep.
[ "$SIDE" = ours ] || absent "linuxptp's ts2phc asks nobody else"
load pairs=2
knob phc0/ppb 3000
knob phc1/ppb -4000
knob phc3/ppb 8000
# The other grandmaster's clock is the truth.
knob phc2/wander 0
gnss 0
host gm rig0
host far rig1
host truth rig2
host peer rig3
ptp gm told server rig0
ptp far listener client rig1
ptp truth truth server rig2 more='clock_class: 6
clock_accuracy: 0x21'
ptp peer witness client rig3
{
    printf 'time: /tmp/gnss\nutc_offset: 37\nannounce: /run/ours-gm\nprofile: telecom\nagree_for: 20 s\n'
    printf 'witnesses:\n  - { ptp: /run/ours-peer, clock: phc3, error: 100 ns }\n  - { clock: phc2, error: 200 ns }\n'
    printf 'clocks:\n  - { clock: phc0, channel: 0 }\n'
} >"$OUT/ts2phc.yaml"
start - ts2phc ts2phc -f "$OUT/ts2phc.yaml"
daemon=$LAST

# look PHASE SECONDS: what a client hears of the grandmaster (class, accuracy), and the true errors of the two in ps, once a second.
look() {
    n=0
    while [ "$n" -lt "$2" ]; do
        pmc -u -b 0 -i "/run/pmc-$$" -s /run/ours-far 'GET PARENT_DATA_SET' >"$OUT/parent" 2>&1 || :
        echo "$1 $(sed -n 's/.*gm.ClockClass *//p' "$OUT/parent") $(sed -n 's/.*gm.ClockAccuracy *//p' "$OUT/parent") $(cat "$RIG/phc0/error_ps") $(cat "$RIG/phc1/error_ps")"
        sleep 1
        n=$((n + 1))
    done
}

sleep 60
look before 5
echo 125 >"$RIG/sample_ms"
knob gnss/pull 20000
look led 80
knob gnss/pull -20000
look back 80
awk '{ print $1, $2 }' "$RIG/series" >"$OUT/led.series"
awk '{ print $1, $3 }' "$RIG/series" >"$OUT/client.series"
echo 0 >"$RIG/sample_ms"
knob gnss/pull 0
look agree 50
measure returned 20 0
look returned 5
alive "$daemon"
