//! Scripts that run the real daemon in namespaces of their own.

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
servo: { proportional_scale: 0.3, integral_scale: 0.03 }
log: { level: debug }'
config() { # name interface extra...
    name=$1; interface=$2; shift 2
    printf 'clock_device: "virtual:%s"\nstate_file: %s\nmanagement: { socket: %s, read_only_socket: %s }\n%s\n%s\nports:\n  - interface: %s\n' \
        "$D/$name.clock" "$D/$name.state" "$D/$name" "$D/$name-ro" "$fast" "${1:-}" "$interface" > "$D/$name.yaml"
}
"#;

/// Runs a script as root of its own user, network and mount namespaces. `None`: this machine does not let us.
pub(crate) fn run(script: &str) -> Option<Output> {
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

/// Runs a script that has to succeed.
pub(crate) fn check(script: &str) {
    if let Some(o) = run(script) {
        let (out, err) = (String::from_utf8_lossy(&o.stdout), String::from_utf8_lossy(&o.stderr));
        assert!(o.status.success(), "{}\n{out}\n{err}", o.status);
        out.lines().filter(|l| l.starts_with("skipped: ")).for_each(|l| println!("{l}"));
    }
}
