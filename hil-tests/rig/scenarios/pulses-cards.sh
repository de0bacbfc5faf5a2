# ts2phc -a with three cards that stamp one outside pulse: the card whose port is a slave is right, and another one after its cable is cut.
[ "$SIDE" = ours ] || absent 'linuxptp 3.1.1 has no ts2phc -a (4.0 has)'
load pairs=3
host server rig0
host client rig1 rig2 rig4
host far rig3
host idle rig5
knob phc1/ppb 8000
knob phc2/ppb -6000
knob phc4/ppb 3000
knob phc2/step 3000000
knob phc4/step -2000000
# An oscillator's pulses, wired to each card: nobody's time, so that only the slave's stamps say when they come.
knob gnss/jitter 0
knob gnss/sawtooth 0
knob gnss/offset 123456
for card in 1 2 4; do knob "phc$card/extts0" 100; done
ptp_by theirs server server server rig0
ptp_by theirs client ptp4l boundary 'rig1 rig2 rig4' jbod=yes
daemon=$LAST
printf '#$\t3960000000\n#@\t4200000000\n2272060800\t10\t# 1 Jan 1972\n3692217600\t37\t# 1 Jan 2017\n' >/leap-seconds.list
{
    printf '[global]\nuds_address /run/theirs-client\nts2phc.external_pps 1\nleapfile /leap-seconds.list\n'
    for card in 1 2 4; do
        printf '[/dev/ptp%s]\nts2phc.channel 0\nts2phc.extts_polarity rising\n' "$card"
    done
} >"$OUT/ts2phc.cfg"
while [ ! -S /run/theirs-client ]; do alive "$daemon"; sleep 1; done
start client ts2phc ts2phc -a -s generic -f "$OUT/ts2phc.cfg" -m -q
pulses=$LAST
settle 90
measure second 30 2
measure third 30 4
# The slave's cable is cut, and a grandmaster appears behind the second card.
knob rig1/link 0
ptp_by theirs far far server rig3
settle 90
measure first-after 30 1
measure third-after 30 4
alive "$daemon"
alive "$pulses"
