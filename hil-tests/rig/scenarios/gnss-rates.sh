# A PHC after a GNSS receiver of 2, 8, 16 and 128 pulses a second; the last again (w128) with sentences that wander by more than their period.
[ "$SIDE" = ours ] || absent 'linuxptp 3.1.1 takes one pulse a second (4.3 has ts2phc.pulserate)'
load pairs=1
knob phc0/ppb 3000
gnss 0
# at RATE LABEL DELAY: follows so many pulses a second, whose sentences are so late.
at_rate() {
    knob phc0/step -40000000
    knob gnss/rate "$1"
    start - "ts2phc-$2" ts2phc --nmea /tmp/gnss -c phc0 --channel 0 --utc-offset 37 --rate "$1" --sentence-delay "$3"
    settle 50
    measure "$2" 45 0
    alive "$LAST"
    kill "$LAST"
    wait "$LAST"
    tail -1 "$OUT/ts2phc-$2.log"
}
for rate in 2 8 16 128; do at_rate "$rate" "r$rate" 150ms; done
knob gnss/sentence_jitter 10000000
at_rate 128 w128 155ms
