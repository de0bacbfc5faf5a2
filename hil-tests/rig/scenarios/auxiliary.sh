# Auxiliary clocks of the kernel: every call against the truth; one after a PHC, with its program restarted, the clock gone and back, and somebody else at it; one after another PHC at the same time; one beside CLOCK_REALTIME by a port's state, and one of its own for the instance; a PHC after one. Ours only, on the kernel with auxiliary clocks (hil-tests/rig/run --auxiliary auxiliary).
[ "$SIDE" = ours ] || absent 'linuxptp 3.1.1 knows no auxiliary clocks'
AUX=/sys/kernel/time/aux_clocks
if [ ! -e $AUX ]; then
    if phc-sync clock CLOCK_AUX0 get 2>"$OUT/none"; then echo 'FAILED: a clock that is not there'; exit 1; fi
    grep -q 'CLOCK_AUX0: an auxiliary clock (Linux 6.17 has them' "$OUT/none"
    absent 'this kernel has no auxiliary clocks (--auxiliary boots one)'
fi

# says WORDS FILE: it has them.
says() { grep -q -e "$1" "$2" || { echo "FAILED: no '$1' in $2:"; cat "$2"; exit 1; }; }

# until_says WORDS FILE: within a minute.
until_says() {
    tries=60
    while [ $tries -gt 0 ]; do ! grep -q -e "$1" "$2" || return 0; tries=$((tries - 1)); sleep 1; done
    says "$1" "$2"
}

# within AT LABEL...: these series have a mean within 30 ns of AT, which is half of what reading a PHC takes here, and no value four
# times as far.
within() {
    at=$1; shift
    for label in "$@"; do
        awk -v at="$at" -v label="$label" '{ d = $2 - at; sum += d; if (d < 0) d = -d; if (d > max) max = d }
            END { mean = NR ? sum / NR : 1e9; if (mean < 0) mean = -mean; if (mean > 30 || max > 120) { print "FAILED: " label ": mean " mean ", max " max " ns off " at; exit 1 } }' "$OUT/$label.series"
    done
}

load pairs=2
for directory in "$RIG"/phc*; do echo 0 >"$directory/wander"; done
# PHCs from 0 to 3, CLOCK_REALTIME, CLOCK_AUX0 to 7.
aux0=5 aux1=6 aux2=7 aux3=8

# Nobody enabled it.
for line in '-s phc0 -c CLOCK_AUX0' '-s CLOCK_AUX0 -c phc0'; do
    if phc-sync $line >"$OUT/disabled" 2>&1; then echo 'FAILED: a clock that is not enabled'; exit 1; fi
    says "CLOCK_AUX0 is not enabled: as root, echo 1 >$AUX/0/aux_clock_enable" "$OUT/disabled"
done
if phc-sync clock CLOCK_AUX0 get >"$OUT/disabled" 2>&1; then echo 'FAILED: a clock that is not enabled'; exit 1; fi
says 'CLOCK_AUX0 is not enabled' "$OUT/disabled"

# By hand.
echo 1 >$AUX/0/aux_clock_enable
escapement-rig-check auxiliary 0
phc-sync clock CLOCK_AUX1 enable get set 1000.5 adjust 2 get frequency 1250 frequency compare capabilities >"$OUT/hand"
says 'CLOCK_AUX1 is enabled' "$OUT/hand"
says 'clock time is 1002.5' "$OUT/hand"
says 'frequency offset is 1250.0' "$OUT/hand"
says 'offset from CLOCK_REALTIME is 1' "$OUT/hand"
says '500000 maximum frequency adjustment' "$OUT/hand"
if phc-sync clock CLOCK_AUX1 phase 0.000001 2>"$OUT/phase"; then echo 'FAILED: a phase'; exit 1; fi
says 'adjusting the phase is not supported' "$OUT/phase"
phc-sync clock CLOCK_AUX1 frequency 0 disable
if phc-sync clock CLOCK_AUX1 get 2>"$OUT/disabled"; then echo 'FAILED: a clock that was disabled'; exit 1; fi
says 'CLOCK_AUX1 is not enabled' "$OUT/disabled"
phc-sync clock CLOCK_AUX1 enable set >"$OUT/hand"

# Two clocks after two PHCs, half a millisecond apart. All oscillators are 5 ppm off the kernel's.
knob truth_ppb 5000
knob phc0/ppb 5000
knob phc1/ppb 5000
knob phc1/step 500000
start - first phc-sync -s phc0 -c CLOCK_AUX0 -R 8 -m
first=$LAST
start - second phc-sync -s phc1 -c CLOCK_AUX1 -R 8 -m
second=$LAST
sleep 30
measure first 40 $aux0 second $aux1
within 0 first
within 500000 second
alive "$first"

# Another program goes on where the first one was.
kill "$first"; wait "$first" || :
start - again phc-sync -s phc0 -c CLOCK_AUX0 -R 8 -m
first=$LAST
measure restarted 20 $aux0
within 0 restarted
if grep -q ' s1 ' "$OUT/again.log"; then echo 'FAILED: a step after the restart'; exit 1; fi

# Somebody else steps it; it is slewed back.
phc-sync clock CLOCK_AUX0 adjust 0.0001
until_says 'CLOCK_AUX0: somebody else adjusts this clock' "$OUT/again.log"
sleep 20
measure slewed 10 $aux0
within 0 slewed

# Gone: it is told once, and waited for. Back again it begins at zero: it is stepped, as at the start.
echo 0 >$AUX/0/aux_clock_enable
until_says 'CLOCK_AUX0 is not enabled' "$OUT/again.log"
sleep 3
alive "$first"
echo 1 >$AUX/0/aux_clock_enable
until_says 'CLOCK_AUX0 is there again' "$OUT/again.log"
sleep 20
measure back 10 $aux0
within 0 back
# The same between two measurements.
echo 0 >$AUX/0/aux_clock_enable; echo 1 >$AUX/0/aux_clock_enable
sleep 20
measure anew 10 $aux0
within 0 anew
alive "$first"
alive "$second"
says 'it has begun at zero\|is not enabled' "$OUT/again.log"

# The one is right now: a PHC follows it.
start - phc phc-sync -s CLOCK_AUX0 -c phc3 -R 8 -m
sleep 30
measure phc 20 3
within 0 phc
for id in "$first" "$second" "$LAST"; do kill "$id"; done
phc-sync clock CLOCK_AUX0 disable
phc-sync clock CLOCK_AUX1 disable

# By the state of a port: CLOCK_REALTIME gets UTC, auxiliary clocks TAI, which the kernel's TAI offset does not concern.
phc-sync clock CLOCK_AUX2 enable
phc-sync clock CLOCK_AUX3 enable
knob phc1/step -500000
host server rig0
host client rig1
ptp server server server rig0
announce server 37 0 0
ptp client client client rig1
printf 'system_clock: sink\nsinks: [CLOCK_AUX2]\nrate: 8\ninstances:\n  - socket: /run/ours-client\n    sinks: [CLOCK_AUX3]\n' >"$OUT/follow.yaml"
phc-sync check "$OUT/follow.yaml"
start - follow phc-sync -f "$OUT/follow.yaml" -m
follow=$LAST
sleep 60
measure system 30 4 beside $aux2 own $aux3
within 0 beside own
says 'selecting CLOCK_AUX2 for synchronization' "$OUT/follow.log"
kill "$follow"; wait "$follow" || :
# As phc2sys, an auxiliary clock in the system clock's place.
mkdir -p /tmp/as; ln -sf "$(command -v phc-sync)" /tmp/as/phc2sys
start - drop-in /tmp/as/phc2sys -a -r -C CLOCK_AUX2 -z /run/ours-client -R 8 -m -q
sleep 20
measure drop-in 20 $aux2
within 0 drop-in
says 'selecting CLOCK_AUX2 for synchronization' "$OUT/drop-in.log"
says 'CLOCK_AUX2 phc offset' "$OUT/drop-in.log"
alive "$LAST"
