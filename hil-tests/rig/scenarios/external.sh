# Boundary clock of two cards that another program is to keep together (port_clocks: external): ptpd tells how far they are apart while none
# does. Ours only.
[ "$SIDE" = ours ] || exit 0
load pairs=2
host server rig0
host middle rig1 rig2
knob phc1/ppb 8000
knob phc2/step 250000
ptp server server server rig0
ptp middle middle boundary 'rig1 rig2' more='port_clocks: external'
middle=$LAST
sleep 30
grep 'phc2 is +[0-9]* ns off phc1' "$OUT/middle.log" || { echo 'FAILED: nothing is told'; exit 1; }
grep -q 'phc2 is +2[0-9][0-9][0-9][0-9][0-9] ns off phc1' "$OUT/middle.log" || { echo 'FAILED: a wrong figure'; exit 1; }
start - keep phc-sync -s phc1 -c phc2 -R 8 -O 0
sleep 30
grep 'phc2 is with phc1 now' "$OUT/middle.log" || { echo 'FAILED: it is still apart'; exit 1; }
measure together 20 2
if sed -n '/is with phc1/,$p' "$OUT/middle.log" | grep ' off phc1'; then echo 'FAILED: told once more'; exit 1; fi
alive "$middle"
