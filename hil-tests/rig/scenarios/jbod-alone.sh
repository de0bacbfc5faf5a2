# Boundary clock of two cards with a clock each, which ptpd keeps together itself (linuxptp cannot: its phc2sys does).
# Then the master's cable is cut and the one below takes over: the other clock is the source, without a step.
load pairs=2
host server rig0
host middle rig1 rig2
host client rig3
knob phc1/ppb 8000
knob phc2/ppb 2000
knob phc3/ppb -5000
ptp server server server rig0
ptp middle middle boundary 'rig1 rig2' jbod=yes
middle=$LAST
[ "$SIDE" = ours ] || start - keep phc2sys -s /dev/ptp1 -c /dev/ptp2 -R 8 -O 0 -m
ptp client client auto rig3 more='priority1: 110'
sleep 60
measure middle 40 2
measure client 40 3
[ "$SIDE" = ours ] || exit 0
knob rig1/link 0
sleep 60
alive "$middle"
grep 'disciplines phc2 instead of phc1' "$OUT/middle.log" || { echo 'FAILED: the other clock did not take over'; exit 1; }
# All go with the new grandmaster, wherever that goes: only how far they are apart counts.
for try in 1 2 3 4 5 6 7 8; do
    echo "$(cat $RIG/phc1/error_ps) $(cat $RIG/phc2/error_ps) $(cat $RIG/phc3/error_ps)"
    sleep 1
done >"$OUT/apart"
awk '{ a = ($1 - $2) / 1000; b = ($2 - $3) / 1000; print a, b; if (a < -500 || a > 500 || b < -50 || b > 50) bad = 1 }
    END { exit bad }' "$OUT/apart" || { echo 'FAILED: the clocks have gone apart'; exit 1; }
if sed -n '/instead of/,$p' "$OUT/middle.log" | grep 'stepped by'; then echo 'FAILED: a step'; exit 1; fi
alive "$LAST"
