//! The real daemon in namespaces of its own: start, reload, stop, and everything that may be missing or wrong.

use std::process::{Command, Output};

/// Set-up of each script: a veth pair `va` (here) and `vb` (in the second namespace, reached by `$B`), a directory `$D`.
const PRELUDE: &str = r#"
set -eu
D=$(mktemp -d); mount -t tmpfs none "$D"
cleanup() { kill $(jobs -p) 2>/dev/null || true; }
trap cleanup EXIT
ip link set lo up
unshare -n sleep 300 & N=$!
B="nsenter -t $N -n"
until [ "$(readlink /proc/$N/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
pair() {
    ip link add va type veth peer name vb
    ip link set vb netns $N
    ip addr add 10.0.0.1/24 dev va; ip link set va up
    $B ip addr add 10.0.0.2/24 dev vb; $B ip link set vb up
}
# wait_for FILE TEXT: up to a minute
wait_for() {
    for _ in $(seq 600); do grep -q -- "$2" "$1" && return; sleep 0.1; done
    echo "in vain for '$2' in $1:"; cat "$1"; exit 1
}
fast='
log_announce_interval: -2
log_sync_interval: -3
log_min_delay_req_interval: -3
servo: { kind: pi, proportional_scale: 0.3, integral_scale: 0.03 }
log: { level: debug }'
config() { # name interface extra...
    name=$1; interface=$2; shift 2
    printf 'clock_device: "virtual:%s"\nstate_file: %s\nmanagement: { socket: %s, read_only_socket: %s }\n%s\n%s\nports:\n  - interface: %s\n' \
        "$D/$name.clock" "$D/$name.state" "$D/$name" "$D/$name-ro" "$fast" "${1:-}" "$interface" > "$D/$name.yaml"
}
"#;

/// Runs a script as root of its own user, network and mount namespaces. `None`: this machine does not let us.
fn run(script: &str) -> Option<Output> {
    let probe = Command::new("unshare").args(["-Urnm", "ip", "link", "set", "lo", "up"]).output();
    if !probe.as_ref().is_ok_and(|o| o.status.success()) {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no user namespaces: {probe:?}");
        println!("skipped: needs unprivileged user namespaces and iproute2");
        return None;
    }
    let output = Command::new("unshare")
        .args(["-Urnm", "--kill-child", "bash", "-c", &format!("{PRELUDE}\n{script}")])
        .env("P", env!("CARGO_BIN_EXE_ptpd"))
        .output()
        .expect("unshare ran before");
    Some(output)
}

fn check(script: &str) {
    if let Some(o) = run(script) {
        let (out, err) = (String::from_utf8_lossy(&o.stdout), String::from_utf8_lossy(&o.stderr));
        assert!(o.status.success(), "{}\n{out}\n{err}", o.status);
    }
}

#[test]
fn a_client_learns_keeps_its_frequency_and_starts_again_with_it() {
    check(
        r#"
        pair
        config a va 'clock_class: 6'
        config b vb 'client_only: true'
        $P -f $D/a.yaml 2> $D/a.log &
        $B $P -f $D/b.yaml 2> $D/b.log & PB=$!
        wait_for $D/b.log 'UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED'
        # Garbage and other people's packets do no harm.
        for port in 319 320; do
            for n in 1 2 20 43 44 63 64 200 1400; do head -c $n /dev/urandom > /dev/udp/10.0.0.2/$port; done
            printf '\x0b\x12\x00\x40' > /dev/udp/10.0.0.2/$port
        done
        sleep 1
        [ "$(ls /proc/$PB/task | wc -l)" = 1 ] || { echo 'more than one thread'; exit 1; }
        kill -TERM $PB
        for _ in $(seq 10); do kill -0 $PB 2>/dev/null || break; sleep 0.1; done
        kill -0 $PB 2>/dev/null && { echo 'still there a second after SIGTERM'; exit 1; }
        wait $PB || { echo "exit code $?"; exit 1; }
        grep -q '^frequency_ppb ' $D/b.state
        [ ! -e $D/b ] || { echo 'left its socket behind'; exit 1; }
        $B $P -f $D/b.yaml 2> $D/b2.log &
        wait_for $D/b2.log 'starts at the last known frequency'
        wait_for $D/b2.log 'to SLAVE'
        # A state file that is none is said and ignored.
        echo rubbish > $D/a.state
        config c va
        sed -i "s#state_file: .*#state_file: $D/a.state#" $D/c.yaml
        $P -f $D/c.yaml 2> $D/c.log & PC=$!
        wait_for $D/c.log 'a.state:1: not a state file'
        kill -INT $PC
        wait $PC
        "#,
    );
}

#[test]
fn a_missing_interface_is_waited_for_and_said_once() {
    check(
        r#"
        config a va 'clock_class: 6'
        $P -f $D/a.yaml 2> $D/a.log & PA=$!
        wait_for $D/a.log 'waiting for it to appear'
        sleep 2
        [ "$(grep -c 'waiting' $D/a.log)" = 1 ] || { echo 'said more than once'; cat $D/a.log; exit 1; }
        pair
        wait_for $D/a.log 'LISTENING to MASTER'
        # It goes, and comes back.
        ip link del va
        wait_for $D/a.log 'MASTER to FAULTY'
        pair
        wait_for $D/a.log 'FAULTY to INITIALIZING'
        [ "$(grep -c 'LISTENING to MASTER' $D/a.log)" -ge 1 ]
        kill -0 $PA
        "#,
    );
}

#[test]
fn a_reload_applies_what_it_can_and_names_the_rest() {
    check(
        r#"
        pair
        config a va 'clock_class: 6'
        $P -f $D/a.yaml 2> $D/a.log & PA=$!
        wait_for $D/a.log 'LISTENING to MASTER'
        sed -i 's/clock_class: 6/clock_class: 7\ndomain_number: 4/' $D/a.yaml
        kill -HUP $PA
        wait_for $D/a.log 'clock_class from 6 to 7'
        wait_for $D/a.log 'a change of domain_number needs a restart'
        wait_for $D/a.log 'configuration reloaded'
        # A bad file changes nothing and says why.
        echo 'priority1: 1000' >> $D/a.yaml
        kill -HUP $PA
        wait_for $D/a.log 'the configuration stays as it was'
        wait_for $D/a.log 'priority1'
        kill -0 $PA
        "#,
    );
}

#[test]
fn a_missing_privilege_is_named_with_the_way_to_give_it() {
    check(
        r#"
        pair
        config a va
        code=0
        setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all $P -f $D/a.yaml 2> $D/a.log || code=$?
        [ $code = 1 ] || { echo "exit code $code"; cat $D/a.log; exit 1; }
        grep -q 'CAP_NET_' $D/a.log
        grep -q 'setcap cap_net_' $D/a.log
        "#,
    );
}

#[test]
fn a_bad_configuration_starts_nothing() {
    let directory = std::env::temp_dir().join(format!("ptpd-bad-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let file = directory.join("bad.yaml");
    std::fs::write(&file, "priorty1: 1\nports:\n  - interface: lo\n    log_sync_interval: 99\n")
        .expect("a file");
    for arguments in [vec!["-f"], vec!["check"]] {
        let o = Command::new(env!("CARGO_BIN_EXE_ptpd")).args(arguments).arg(&file).output().expect("runs");
        let text = String::from_utf8_lossy(&o.stderr);
        assert_eq!(o.status.code(), Some(2), "{text}");
        assert!(text.contains("did you mean `priority1`") && text.contains("bad.yaml:4"), "{text}");
    }
    let nothing = Command::new(env!("CARGO_BIN_EXE_ptpd")).output().expect("runs");
    assert_eq!(nothing.status.code(), Some(2));
    std::fs::remove_dir_all(directory).expect("remove");
}
