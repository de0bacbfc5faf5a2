# What scenarios are made of. Names of devices: rig0-rig1, rig2-rig3, ... are the ends of cables.
RIG=/sys/kernel/debug/ptprig
PIDS=''

# load PARAMETER...: fresh hardware. load pairs=2 phc=0,1,1,2 is a boundary clock's.
load() {
    insmod /ptprig.ko "$@"
    for directory in "$RIG"/phc*; do echo 20000 >"$directory/wander"; done
    echo 0 >"$RIG/phc0/wander"
    for directory in "$RIG"/rig*; do
        echo 1000 >"$directory/delay"
        echo 2 >"$directory/noise"
    done
}

# host NAME DEVICE...: a network namespace with these devices, up, 10.0.N.(device+1) with N the cable.
host() {
    name=$1; shift
    ip netns add "$name"
    inside "$name" ip link set lo up
    for device in "$@"; do plug "$name" "$device"; done
}

plug() {
    number=${2#rig}
    ip link set "$2" netns "$1"
    inside "$1" ip link set "$2" up
    inside "$1" ip address add "10.0.$((number / 2)).$((number + 1))/24" dev "$2"
}

inside() { space=$1; shift; nsenter "--net=/run/netns/$space" "$@"; }

# start HOST LABEL PROGRAM...: in the background, log in $OUT/LABEL.log; "-" is the first namespace. Sets LAST to its id.
start() {
    where=$1 label=$2; shift 2
    if [ "$where" = - ]; then "$@" >"$OUT/$label.log" 2>&1 &
    else nsenter "--net=/run/netns/$where" "$@" >"$OUT/$label.log" 2>&1 &
    fi
    LAST=$!
    PIDS="$PIDS $LAST"
}

alive() { kill -0 "$1" 2>/dev/null || { echo "FAILED: process $1 is gone"; exit 1; }; }

# knob NAME VALUE: knob phc1/ppb 8000
knob() { echo "$2" >"$RIG/$1"; }

# absent REASON: this side cannot do the scenario. It ends here; tables and tests tell the reason.
absent() { echo "$*" >"$OUT/absent"; exit 0; }

# knows KEY VALUE: our ptpd has this key of the configuration.
knows() {
    printf '%s: %s\nports:\n  - interface: rig0\n' "$1" "$2" >/tmp/knows.yaml
    ptpd check /tmp/knows.yaml >/dev/null 2>&1
}

# settle SECONDS: waits until clocks are steady; in the short form for 2/5 of it.
settle() {
    if [ "$FORM" = full ]; then sleep "$1"; else sleep "$(($1 * 2 / 5))"; fi
}

# measure LABEL SECONDS COLUMN [LABEL COLUMN]...: the true errors of clock COLUMN (from 0: the PHCs, the system clock, auxiliary
# clocks where the kernel has them), 8 a second; in the short form for a third of it.
measure() {
    label=$1 seconds=$2 column=$3; shift 3
    echo 125 >"$RIG/sample_ms"
    if [ "$FORM" = full ]; then sleep "$seconds"; else sleep "$((seconds / 3))"; fi
    set -- "$label" "$column" "$@"
    while [ $# -gt 0 ]; do
        awk -v c="$2" '{ print $1, $(c + 2) }' "$RIG/series" >"$OUT/$1.series"
        if grep -q off "$OUT/$1.series"; then echo "FAILED: $1: the clock is not enabled"; exit 1; fi
        shift 2
    done
    echo 0 >"$RIG/sample_ms"
}

# ptp HOST LABEL ROLE DEVICES [KEY=VALUE...]: a PTP instance of this side. ROLE: server, client, boundary, auto.
# Keys: transport (ethernet, udp4, udp6), mechanism (e2e, p2p), sync, delay, announce (log2 s), one_step (yes), jbod (yes), stamps (hardware,
# software), more (lines of our configuration), theirs (lines of theirs).
ptp() { ptp_by "$SIDE" "$@"; }

# ptp_by SIDE HOST LABEL ROLE DEVICES [KEY=VALUE...]: likewise, of this side (ours, theirs) whichever is measured.
ptp_by() {
    by=$1 where=$2 label=$3 role=$4 devices=$5; shift 5
    transport=ethernet mechanism=e2e sync=-3 delay=-3 announce=-2 one_step='' jbod='' stamps=hardware more='' theirs=''
    for pair in "$@"; do eval "${pair%%=*}=\${pair#*=}"; done
    "ptp_$by"
}

ptp_ours() {
    file=$OUT/$label.yaml
    stamping=$stamps
    [ -z "$one_step" ] || case $mechanism in p2p) stamping=p2p1step ;; *) stamping=onestep ;; esac
    {
        echo 'state_file: off'
        [ -z "$more" ] || echo "$more"
        case $role in server) echo 'priority1: 100' ;; client) echo 'client_only: true' ;; esac
        printf 'management:\n  socket: /run/ours-%s\n  read_only_socket: /run/ours-%s-ro\n' "$where" "$where"
        echo 'ports:'
        for device in $devices; do
            printf '  - interface: %s\n    transport: %s\n    stamping: %s\n    delay_mechanism: %s\n' \
                "$device" "$transport" "$stamping" "$mechanism"
            printf '    log_announce_interval: %s\n    log_sync_interval: %s\n' "$announce" "$sync"
            case $mechanism in
                p2p) printf '    log_min_pdelay_req_interval: %s\n' "$delay" ;;
                *) printf '    log_min_delay_req_interval: %s\n' "$delay" ;;
            esac
        done
    } >"$file"
    start "$where" "$label" ptpd -f "$file"
}

ptp_theirs() {
    file=$OUT/$label.cfg
    stamping=$stamps
    [ -z "$one_step" ] || case $mechanism in p2p) stamping=p2p1step ;; *) stamping=onestep ;; esac
    {
        printf '[global]\ntime_stamping %s\n' "$stamping"
        [ -z "$one_step" ] || echo 'twoStepFlag 0'
        case $role in server) echo 'priority1 100' ;; client) echo 'slaveOnly 1' ;; esac
        case $transport in ethernet) echo 'network_transport L2' ;; udp4) echo 'network_transport UDPv4' ;;
            udp6) echo 'network_transport UDPv6' ;; esac
        [ "$mechanism" = e2e ] || echo 'delay_mechanism P2P'
        [ -z "$jbod" ] || echo 'boundary_clock_jbod 1'
        [ -z "$theirs" ] || echo "$theirs"
        printf 'logAnnounceInterval %s\nlogSyncInterval %s\n' "$announce" "$sync"
        printf 'logMinDelayReqInterval %s\nlogMinPdelayReqInterval %s\n' "$delay" "$delay"
        printf 'uds_address /run/theirs-%s\n' "$where"
        for device in $devices; do echo "[$device]"; done
    } >"$file"
    start "$where" "$label" ptp4l -m -q -f "$file"
}

# announce HOST OFFSET LEAP61 LEAP59: what the grandmaster there tells of UTC, by linuxptp's pmc on both sides.
announce() {
    tell="SET GRANDMASTER_SETTINGS_NP clockClass 6 clockAccuracy 0x21 offsetScaledLogVariance 0x4e5d currentUtcOffset $2 leap61 $3 leap59 $4 currentUtcOffsetValid 1 ptpTimescale 1 timeTraceable 1 frequencyTraceable 1 timeSource 0x20"
    for try in 1 2 3 4 5 6 7 8 9 10; do
        pmc -u -b 0 -i "/run/pmc-$$" -s "/run/$SIDE-$1" "$tell" >"$OUT/pmc" 2>&1 || :
        ! grep -q "RESPONSE MANAGEMENT GRANDMASTER_SETTINGS_NP" "$OUT/pmc" || return 0
        sleep 1
    done
    cat "$OUT/pmc"; echo 'FAILED: the grandmaster was not told of UTC'; exit 1
}

# at TIME: sleeps until the guest's clock shows it, UTC.
at() { while [ "$(date -u +%s)" -lt "$(date -u -d "$1" +%s)" ]; do sleep 0.2; done; }

# calm: the kernel forgets leap seconds; its clock is where the other scenarios have it. When nothing steers it any more.
calm() {
    escapement-rig-check leap forget || :
    date -u -s '2026-03-01 00:00:00' >/dev/null
}

# around WHAT LABEL PHC: goes through the leap second at the end of 2026: WHAT is insert or delete; that PHC's true error meanwhile is the
# series LABEL.
around() {
    at '2026-12-31 23:59:50'
    echo 20 >"$RIG/sample_ms"
    escapement-rig-check leap "$1"
    awk -v c="$3" '{ print $1, $(c + 2) }' "$RIG/series" >"$OUT/$2.series"
    echo 0 >"$RIG/sample_ms"
}

finish() {
    for id in $PIDS; do kill "$id" 2>/dev/null || :; done
    sleep 1
    for id in $PIDS; do kill -9 "$id" 2>/dev/null || :; done
    wait
    for space in /run/netns/*; do [ -e "$space" ] && ip netns delete "${space##*/}"; done
    for try in 1 2 3 4 5; do rmmod ptprig 2>/dev/null && break; sleep 1; done
}

# gnss CLOCK-INDEX: a receiver of 5 ns jitter and 16 ns sawtooth, wired to channel 0 of that PHC; sentences on /tmp/gnss.
gnss() {
    knob gnss/jitter 5
    knob gnss/sawtooth 16
    knob "phc$1/extts0" 100
    sentences
}

# The receiver's serial line: /tmp/gnss.
sentences() {
    rm -f /tmp/gnss
    start - gnss escapement-rig-gnss /tmp/gnss
    while [ ! -e /tmp/gnss ]; do alive "$LAST"; sleep 1; done
    # linuxptp refuses a list that has expired.
    printf '#$\t3960000000\n#@\t4200000000\n2272060800\t10\t# 1 Jan 1972\n3692217600\t37\t# 1 Jan 2017\n' >/leap-seconds.list
}

# grandmaster INDEX [gpsd]: this side's ts2phc steers /dev/ptpINDEX by channel 0; sentences from /tmp/gnss or from gpsd.
# gpsd speaks first, and of other things: ts2phc gets its sentences by a relay on port 2948.
grandmaster() {
    source=/tmp/gnss
    if [ "${2:-}" = gpsd ]; then
        start - gpsd gpsd -N -n -b -D 2 /tmp/gnss
        start - relay escapement-rig-gnss --gpsd 2948
        sleep 3
        source=tcp:127.0.0.1:2948
    fi
    case $SIDE in
        ours) start - ts2phc ts2phc --nmea "$source" -c "phc$1" --channel 0 --utc-offset 37 ;;
        theirs)
            {
                printf '[global]\nleapfile /leap-seconds.list\nts2phc.pulsewidth 100000000\n'
                case $source in
                    tcp:*) printf 'ts2phc.nmea_remote_host 127.0.0.1\nts2phc.nmea_remote_port 2948\n' ;;
                    *) printf 'ts2phc.nmea_serialport %s\n' "$source" ;;
                esac
                printf '[/dev/ptp%s]\nts2phc.channel 0\nts2phc.extts_polarity rising\n' "$1"
            } >"$OUT/ts2phc.cfg"
            start - ts2phc ts2phc-theirs -f "$OUT/ts2phc.cfg" -s nmea -m -q
            ;;
    esac
}
