//! The daemon on virtual clocks whose truth is known, and what a network does to it. How it takes an operator's mistakes is
//! in `daemon.rs`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use ptp_clock::{VirtualClock, VirtualOptions, monotonic_raw_now};
use ptp_wire::TimeInterval;

/// What all scripts have: `wait_for FILE PATTERN [COUNT]` and `say FACT`; they end with everything they started.
const TOOLS: &str = r#"
    trap 'kill $P $Q $N 2>/dev/null; wait 2>/dev/null' EXIT
    ip link set lo up || exit 77
    say() { echo "@ $*"; }
    wait_for() {
        for n in $(seq 400); do
            [ "$(grep -cE "$2" $1 2>/dev/null)" -ge ${3:-1} ] && return
            sleep 0.1
        done
        say "never: $2"; sed "s/^/| /" $1; exit 1
    }
    # stop PID: how it ended and after how many ms
    stop() { s=$(date +%s%N); kill -TERM $1; wait $1; say "stopped with $? after $(( ($(date +%s%N) - s) / 1000000 )) ms"; }
"#;

/// A script in user and network namespaces of its own, which talks with the test line by line.
struct Room {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    dir: PathBuf,
}

impl Room {
    /// `None`: this machine has no means for it.
    fn enter(name: &str, script: &str) -> Option<Self> {
        let probe = Command::new("unshare")
            .args(["-Urn", "sh", "-c", "ip link add va type veth peer name vb && setpriv --version"])
            .stdout(Stdio::null())
            .status();
        if !probe.as_ref().is_ok_and(|s| s.success()) {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{probe:?}");
            eprintln!("skipped: needs user and network namespaces, iproute2 and util-linux");
            return None;
        }
        let dir = std::env::temp_dir().join(format!("escapement-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        let mut child = Command::new("unshare")
            .args(["-Urn", "bash", "-c", &format!("{TOOLS}{script}")])
            .env("PTPD", env!("CARGO_BIN_EXE_ptpd"))
            .env("D", &dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare was there a moment ago");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Some(Self { child, input, output, dir })
    }

    /// The next fact that the script says.
    fn fact(&mut self) -> String {
        let mut before = String::new();
        loop {
            let mut line = String::new();
            let n = self.output.read_line(&mut line).expect("text");
            assert_ne!(n, 0, "the script ended:\n{before}");
            match line.strip_prefix("@ ") {
                Some(fact) if fact.starts_with("never") => before.push_str(fact),
                Some(fact) => return fact.trim_end().to_owned(),
                None => before.push_str(&line),
            }
        }
    }

    fn go_on(&mut self) {
        self.input.write_all(b"\n").expect("the script listens");
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.dir.join(file)).unwrap_or_default()
    }

    /// The script's end: it failed nowhere.
    fn leave(mut self) {
        let status = self.child.wait().expect("a child");
        assert!(status.success(), "{status}");
        std::fs::remove_dir_all(&self.dir).expect("the directory is there");
    }
}

fn clock(path: &Path, epoch: i64, offset_us: i64, error_ppb: f64) -> VirtualClock {
    let options = VirtualOptions {
        offset: TimeInterval::from_nanos(offset_us * 1000),
        frequency_error_ppb: error_ppb,
        epoch: Some(epoch),
        ..VirtualOptions::default()
    };
    VirtualClock::create(path, &options).expect("a clock")
}

/// Ended well, within the second that it has.
fn assert_clean_stop(fact: &str) {
    let after = fact.strip_prefix("stopped with 0 after ").and_then(|t| t.strip_suffix(" ms"));
    let ms: u64 = after.and_then(|t| t.parse().ok()).unwrap_or_else(|| panic!("{fact}"));
    assert!(ms < 1000, "{fact}");
}

const SYNCHRONISE: &str = r#"
    ip link add va type veth peer name vb
    unshare -n sleep 600 & N=$!
    for n in $(seq 100); do [ $(readlink /proc/$N/ns/net) != $(readlink /proc/$$/ns/net) ] && break; sleep 0.02; done
    ip link set vb netns $N
    far="nsenter -t $N -n --"
    ip link set va up; ip addr add 10.1.1.1/24 dev va
    $far ip link set vb up; $far ip addr add 10.1.1.2/24 dev vb
    config() {
        cat <<END
stamping: software
log_announce_interval: -2
log_sync_interval: -3
log_min_delay_req_interval: -3
clock_device: virtual:$D/clock-$1
priority1: $3
management: { socket: $D/$1, read_only_socket: $D/$1-ro }
state_file: $D/state-$1
servo: { kind: adaptive }
ports: [{ interface: $2 }]
END
    }
    config server va 10 > $D/server.yaml
    config client vb 128 > $D/client.yaml
    $PTPD -f $D/server.yaml 2> $D/server.log & P=$!
    client() { exec 3>$D/$1.log; nsenter -t $N -n -- $PTPD -f $D/client.yaml 2>&3 & Q=$!; exec 3>&-; }
    client client
    wait_for $D/client.log 'to SLAVE'
    wait_for $D/client.log 'master offset .* s2 ' 40
    say slave; read _

    for port in 319 320; do
        for n in $(seq 100); do head -c $((n * 7 % 300)) /dev/urandom > /dev/udp/10.1.1.2/$port; done
        # Looks like PTP, is cut short or lies about its length.
        for type in 0 1 2 3 8 9 a b c d; do
            printf "\\x0$type\\x02\\x00\\x2c\\x00\\x00\\x02\\x00" > /dev/udp/10.1.1.2/$port
            { printf "\\x0$type\\x02\\xff\\xff"; head -c 60 /dev/urandom; } > /dev/udp/10.1.1.2/$port
            { printf "\\x0$type\\x02\\x00\\x40\\x00\\x00\\x02\\x00"; head -c 56 /dev/urandom; } > /dev/udp/10.1.1.2/$port
        done
    done
    wait_for $D/client.log 'master offset .* s2 ' $(( $(grep -c 'master offset' $D/client.log) + 16 ))
    say survived; read _

    say threads $(ls /proc/$Q/task | wc -l)
    stop $Q
    read _
    client again
    wait_for $D/again.log 'master offset'
    stop $Q
    sed -i 's/^clock .*/clock phc0/' $D/state-client
    client other
    wait_for $D/other.log 'to SLAVE'
    stop $Q
    stop $P
    exit 0
"#;

#[test]
fn it_finds_the_truth_through_garbage_and_remembers_it() {
    let Some(mut room) = Room::enter("life", &format!("read _\n{SYNCHRONISE}")) else { return };
    let epoch = VirtualOptions::epoch_now();
    let mut server = clock(&room.dir.join("clock-server"), epoch, 0, 0.0);
    let client_clock = room.dir.join("clock-client");
    let mut client = clock(&client_clock, epoch, 300_000, 20_000.0);
    room.go_on();

    assert_eq!(room.fact(), "slave");
    // 300 ms and 20 ppm are taken away: the truth, not what the daemon thinks. The bound is the scheduler's noise.
    let far = |a: &mut VirtualClock, b: &mut VirtualClock| {
        let raw = monotonic_raw_now();
        let error = |c: &mut VirtualClock| c.true_error_at(raw).expect("a sound clock");
        (error(a) - error(b)).nanos_f64().abs()
    };
    let patience = Instant::now() + Duration::from_secs(20);
    while far(&mut server, &mut client) > 50_000.0 {
        assert!(Instant::now() < patience, "{} ns off", far(&mut server, &mut client));
        std::thread::sleep(Duration::from_millis(100));
    }
    room.go_on();
    assert_eq!(room.fact(), "survived");
    let log = room.text("client.log");
    assert_eq!(log.matches("SLAVE to").count(), 0, "{log}");
    room.go_on();

    assert_eq!(room.fact(), "threads 1");
    assert_clean_stop(&room.fact());
    let state = room.text("state-client");
    let saved = state.lines().find_map(|l| l.strip_prefix("frequency_ppb ")).expect("saved");
    let saved: f64 = saved.parse().expect("a number");
    assert!((saved + 20_000.0).abs() < 5_000.0, "{saved}");

    // After a power cut: the clock knows nothing, the daemon remembers.
    let _cold = clock(&client_clock, epoch, 0, 20_000.0);
    room.go_on();
    assert_clean_stop(&room.fact());
    let log = room.text("again.log");
    assert!(log.contains("starts at the last known frequency") && log.contains(" s ago"), "{log}");
    assert_clean_stop(&room.fact());
    // What another clock learnt means nothing.
    let log = room.text("other.log");
    assert!(!log.contains("starts at the last known frequency"), "{log}");
    assert!(log.contains("the state file is of"), "{log}");
    assert_clean_stop(&room.fact());
    room.leave();
}

const LATE_INTERFACE: &str = r#"
    o="-S --clock virtual:$D/clock --set management.socket=$D/m --set management.read_only_socket=$D/mr"
    o="$o --set state_file=off --set log_announce_interval=-3"
    $PTPD -i late0 $o 2> $D/never.log & P=$!
    wait_for $D/never.log 'waiting for it'
    stop $P
    $PTPD -i late0 $o 2> $D/late.log & P=$!
    wait_for $D/late.log 'waiting for it'
    sleep 1.2
    cable() { ip link add late0 type veth peer name peer0; ip addr add 10.1.1.1/24 dev late0; ip link set late0 up; ip link set peer0 up; }
    cable
    wait_for $D/late.log 'to MASTER'
    say up
    ip link set peer0 down
    wait_for $D/late.log 'link down'
    ip link set peer0 up
    wait_for $D/late.log 'to MASTER' 2
    say up again
    ip link del late0
    wait_for $D/late.log 'late0\): (interface gone|link down)' 2
    sleep 0.5
    cable
    wait_for $D/late.log 'to MASTER' 3
    say back
    stop $P
    exit 0
"#;

#[test]
fn it_waits_for_its_interface_and_follows_its_link() {
    let Some(mut room) = Room::enter("late", LATE_INTERFACE) else { return };
    assert_clean_stop(&room.fact());
    assert_eq!(room.fact(), "up");
    let log = room.text("late.log");
    assert_eq!(log.matches("no such interface").count(), 1, "said once: {log}");
    assert_eq!(room.fact(), "up again");
    assert_eq!(room.fact(), "back");
    assert_clean_stop(&room.fact());
    room.leave();
}

const POWERLESS: &str = r#"
    ip link add va type veth peer name vb; ip link set va up; ip link set vb up; ip addr add 10.1.1.1/24 dev va
    o="-S --set management.socket=$D/m --set management.read_only_socket=$D/mr --set state_file=off"
    powerless() { setpriv --bounding-set=-all --inh-caps=-all $PTPD -i va $o "$@"; }
    for transport in -4 -6 -2; do
        powerless $transport --clock virtual:$D/clock 2> $D/socket$transport.log; say $transport $?
    done
    powerless --clock system 2> $D/clock.log; say clock $?
    exit 0
"#;

#[test]
fn without_privilege_it_names_the_capability() {
    let Some(mut room) = Room::enter("powerless", POWERLESS) else { return };
    for (transport, capability) in
        [("-4", "CAP_NET_BIND_SERVICE"), ("-6", "CAP_NET_BIND_SERVICE"), ("-2", "CAP_NET_RAW")]
    {
        assert_eq!(room.fact(), format!("{transport} 1"));
        let log = room.text(&format!("socket{transport}.log"));
        assert!(log.contains(capability), "{transport}: {log}");
    }
    // Reading the frequency changes nothing; setting it to what it is fails without the right, and changes nothing either.
    assert_eq!(room.fact(), "clock 1");
    let log = room.text("clock.log");
    assert!(log.contains("CAP_SYS_TIME"), "{log}");
    room.leave();
}
