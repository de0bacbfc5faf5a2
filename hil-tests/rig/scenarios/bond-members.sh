# A server and a client on a bond of two cards each; the client's cards have a clock each. The cable in use is cut, put
# back, and the other one is cut: the active members change, the port stays SLAVE, and the clock that stamps is right.
load pairs=2 phc=0,1,0,2
knob phc1/ppb 8000
knob phc2/ppb -3000
bond() { # HOST ADDRESS DEVICE...
    space=$1 address=$2; shift 2
    ip netns add "$space"
    inside "$space" ip link set lo up
    inside "$space" ip link add bond9 type bond mode active-backup miimon 100
    for device in "$@"; do
        ip link set "$device" down
        ip link set "$device" netns "$space"
        nsenter "--net=/run/netns/$space" ip link set "$device" master bond9
    done
    nsenter "--net=/run/netns/$space" ip link set bond9 up
    nsenter "--net=/run/netns/$space" ip address add "$address" dev bond9
}
bond server 10.0.9.1/24 rig0 rig2
bond client 10.0.9.2/24 rig1 rig3
ptp server server server bond9
server=$LAST
ptp client client client bond9
sleep 30
measure before 20 1
knob rig0/link 0
knob rig1/link 0
sleep 2
measure changed 30 2
measure spare 10 1
knob rig0/link 1
knob rig1/link 1
sleep 5
knob rig2/link 0
knob rig3/link 0
sleep 2
measure back 30 1
alive "$LAST"
alive "$server"
[ "$SIDE" = ours ] || exit 0
grep 'is active now' "$OUT/client.log"
if grep 'SLAVE to\|FAULTY' "$OUT/client.log"; then echo 'FAILED: the port left SLAVE'; exit 1; fi
