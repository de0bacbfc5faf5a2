# Pulses that do not come, that come twice, and noise on their line (t), and both of their edges stamped (b), at 1, 16 and 128 pulses a second.
[ "$SIDE" = ours ] || absent 'linuxptp 3.1.1 takes one pulse a second (4.3 has ts2phc.pulserate)'
load pairs=1
knob phc0/ppb 3000
gnss 0
# many TROUBLE...: how many of each there were.
many() { for one in "$@"; do cat "$RIG/gnss/$one"; done; }
# follow LABEL OPTION...: until it is steady.
follow() {
    label=$1; shift
    start - "$label" ts2phc --nmea /tmp/gnss -c phc0 --channel 0 --utc-offset 37 --rate "$rate" --sentence-delay 150ms "$@"
    settle 50
}
# told LABEL: what it says of the edges at its end, and how often it did not follow pulses.
told() {
    alive "$LAST"
    kill "$LAST"
    wait "$LAST"
    echo "$1 said: $(sed -n 's/.*ptp0: \([0-9]* pulses, .*\)/\1/p' "$OUT/$1.log")"
    echo "$1 refused: $(sed -n '/not followed until/p' "$OUT/$1.log" | grep -c . || :)"
}
for rate in 1 16 128; do
    knob gnss/rate "$rate"
    follow "t$rate"
    before=$(many lost twice strays)
    for trouble in lost twice stray; do knob "gnss/${trouble}_ppm" 30000; done
    measure "t$rate" 60 0
    for trouble in lost twice stray; do knob "gnss/${trouble}_ppm" 0; done
    sleep 1
    echo "t$rate before:" $before "after:" $(many lost twice strays)
    told "t$rate"
    [ "$rate" != 1 ] || continue
    knob gnss/width "$((200000000 / rate))"
    follow "b$rate" --edge both
    measure "b$rate" 45 0
    told "b$rate"
    knob gnss/width 0
done
