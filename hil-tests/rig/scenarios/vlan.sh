# A client on a VLAN over a card, and on a VLAN over a bond of two: hardware stamps are the card's below. linuxptp 3.1.1 steers nothing on a VLAN over a bond: its clock shows its own 8 ppm.
load pairs=3 phc=0,1,0,1,0,2
host server rig0 rig2 rig4
ip netns add client
inside client ip link set lo up
for device in rig1 rig3 rig5; do ip link set "$device" netns client; done
inside client ip link set rig5 up
inside client ip link add bond0 type bond mode active-backup miimon 100
for device in rig1 rig3; do
    inside client ip link set "$device" master bond0
    inside client ip link set "$device" up
done
inside client ip link set bond0 up
# vlan HOST DEVICE NUMBER ADDRESS: DEVICE.NUMBER, tagged.
vlan() {
    inside "$1" ip link add link "$2" name "$2.$3" type vlan id "$3"
    inside "$1" ip address add "$4/24" dev "$2.$3"
    inside "$1" ip link set "$2.$3" up
}
vlan server rig4 100 10.1.0.1
vlan client rig5 100 10.1.0.2
vlan server rig0 200 10.2.0.1
vlan client bond0 200 10.2.0.2
knob phc1/ppb 8000
knob phc2/ppb -6000
ptp server server server 'rig0.200 rig4.100' transport=udp4
ptp client over-bond client bond0.200 transport=udp4
first=$LAST
alive "$first"
settle 40
measure bond 30 1
alive "$first"
kill "$first"
ptp client over-card client rig5.100 transport=udp4
settle 40
measure card 30 2
alive "$LAST"
