# A client on a bond of two ports of one card; the cable of the active one is pulled.
[ "$SIDE" = theirs ] || knows port_clocks together || absent 'ptpd does not follow the active device of a bond yet'
load pairs=2 phc=0,1,0,1
host server rig0 rig2
ip netns add client
inside client ip link set lo up
ip link set rig1 netns client
ip link set rig3 netns client
inside client ip link add bond0 type bond mode active-backup miimon 100
inside client ip link set rig1 master bond0
inside client ip link set rig3 master bond0
inside client ip link set bond0 up
inside client ip link set rig1 up
inside client ip link set rig3 up
knob phc1/ppb 8000
ptp server server server 'rig0 rig2'
ptp client client client bond0
active() {
    inside client ip -d link show bond0 | sed -n 's/.*active_slave \([a-z0-9]*\).*/active \1/p'
}
settle 40
active
measure before 30 1
knob rig1/link 0
settle 40
active
measure after 30 1
alive "$LAST"
