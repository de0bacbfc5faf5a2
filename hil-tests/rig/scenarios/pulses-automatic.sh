# ts2phc -a after a ptp4l of two cards: the one whose port is a slave is right, and the one that makes the pulses follows it.
[ "$SIDE" = ours ] || absent 'linuxptp 3.1.1 has no ts2phc -a (4.0 has)'
load pairs=2
host server rig0
host client rig1 rig2
knob phc1/ppb 8000
knob phc2/ppb -6000
knob phc2/step 3000000
# Output 0 of PHC 2 is wired to an input of PHC 1.
knob phc1/extts0 4
host far rig3
# Debian's ptp4l is the daemon that is followed.
ptp_by theirs server server server rig0
ptp_by theirs client ptp4l boundary 'rig1 rig2' jbod=yes
daemon=$LAST
{
    printf '[global]\nuds_address /run/theirs-client\nts2phc.pulsewidth 500000000\n'
    printf '[/dev/ptp2]\nts2phc.master 1\nts2phc.channel 0\nts2phc.pin_index 2\n'
    printf '[/dev/ptp1]\nts2phc.channel 0\nts2phc.extts_polarity rising\n'
} >"$OUT/ts2phc.cfg"
while [ ! -S /run/theirs-client ]; do alive "$daemon"; sleep 1; done
start client ts2phc ts2phc -a -s /dev/ptp2 -f "$OUT/ts2phc.cfg" -m -q
settle 90
measure slave 40 1
measure pulses 40 2
alive "$daemon"
alive "$LAST"
