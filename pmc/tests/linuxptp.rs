//! Against Debian's ptp4l, side by side with Debian's pmc, in a network namespace of our own.

use std::process::{Command, Output};

const PMC: &str = env!("CARGO_BIN_EXE_pmc");

/// Every ID that pmc 3.1.1 can GET, but SUBSCRIBE_EVENTS_NP, of which later versions print more.
const GETS: &str = "USER_DESCRIPTION DEFAULT_DATA_SET CURRENT_DATA_SET PARENT_DATA_SET TIME_PROPERTIES_DATA_SET \
    PRIORITY1 PRIORITY2 DOMAIN SLAVE_ONLY CLOCK_ACCURACY TRACEABILITY_PROPERTIES TIMESCALE_PROPERTIES \
    TIME_STATUS_NP GRANDMASTER_SETTINGS_NP SYNCHRONIZATION_UNCERTAIN_NP NULL_MANAGEMENT CLOCK_DESCRIPTION \
    PORT_DATA_SET LOG_ANNOUNCE_INTERVAL ANNOUNCE_RECEIPT_TIMEOUT LOG_SYNC_INTERVAL VERSION_NUMBER \
    DELAY_MECHANISM LOG_MIN_PDELAY_REQ_INTERVAL PORT_DATA_SET_NP PORT_PROPERTIES_NP PORT_STATS_NP";

/// Puts the other end of the veth pair into a namespace of its own: `far` runs a command there.
const FAR: &str = r#"
    unshare -n sleep 60 & N=$!
    trap 'kill $P $N; wait $P $N 2>/dev/null || :; rm -rf $D' EXIT
    for n in $(seq 100); do [ $(readlink /proc/$N/ns/net) != $(readlink /proc/$$/ns/net) ] && break; sleep 0.02; done
    ip link set vb netns $N
    far() { nsenter -t $N -n "$@"; }
    far ip link set vb up; far ip addr add 10.1.1.2/24 dev vb; far ip route add 224.0.0.0/4 dev vb
    far ip -6 addr add fe80::2/64 dev vb nodad
    sleep 0.5
"#;

/// Starts ptp4l on a veth pair, then runs the script with `$D` its directory, `$S` its socket, `$PMC` ours.
/// `None`: this machine cannot.
fn with_ptp4l(script: &str) -> Option<Output> {
    with_ptp4l_over("UDPv4", script)
}

fn with_ptp4l_over(transport: &str, script: &str) -> Option<Output> {
    let able = Command::new("unshare")
        .args(["-Urn", "sh", "-c", "ip link add va type veth peer name vb && command -v ptp4l pmc"])
        .output();
    if !able.is_ok_and(|o| o.status.success()) {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no namespaces, no iproute2 or no linuxptp");
        eprintln!("skipped: needs user namespaces, iproute2 and linuxptp");
        return None;
    }
    let setup = r#"
        set -e
        D=$(mktemp -d); S=$D/ptp4l
        ip link set lo up
        ip link add va type veth peer name vb
        ip link set va up; ip link set vb up
        ip addr add 10.1.1.1/24 dev va; ip addr add 10.1.1.2/24 dev vb
        printf '[global]\nfree_running 1\ntime_stamping software\nuds_address %s\npriority1 77\n' $S > $D/cfg
        printf 'userDescription here;there\nnetwork_transport %s\n[va]\n' ${TRANSPORT:-UDPv4} >> $D/cfg
        ip -6 addr add fe80::1/64 dev va nodad || :
        ptp4l -f $D/cfg -m > $D/log 2>&1 & P=$!
        trap 'kill $P; wait $P || :; rm -rf $D' EXIT
        for n in $(seq 100); do [ -S $S ] && break; sleep 0.05; done
        set +e
        deb() { pmc -u -s $S -i $D/deb "$@"; }
        our() { $PMC -u -s $S -i $D/our "$@"; }
    "#;
    let output = Command::new("unshare")
        .args(["-Urn", "bash", "-c", &format!("{setup}\n{script}")])
        .env("PMC", PMC)
        .env("TRANSPORT", transport)
        .output()
        .expect("unshare ran before");
    Some(output)
}

/// Both programs end after 100 ms of silence, and a machine under load can silence ptp4l for longer: two more tries.
fn patiently(test: fn()) {
    for _ in 0..2 {
        if std::panic::catch_unwind(test).is_ok() {
            return;
        }
    }
    test();
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// Without the lines that only say what was sent: their place among the replies is a matter of timing.
fn replies(text: &str) -> Vec<&str> {
    text.lines().filter(|l| !l.starts_with("sending: ")).collect()
}

#[test]
fn every_get_prints_what_debians_pmc_prints() {
    patiently(try_every_get_prints_what_debians_pmc_prints);
}

fn try_every_get_prints_what_debians_pmc_prints() {
    let script = format!(
        r#"for id in {GETS}; do set -- "$@" "GET $id"; done
        deb "$@"; echo "== $?"; our "$@"; echo "== $?""#
    );
    let Some(output) = with_ptp4l(&script) else { return };
    let out = text(&output.stdout);
    let [deb, our] = out.split_inclusive("== 0\n").collect::<Vec<_>>()[..] else {
        panic!("{out}\n{}", text(&output.stderr))
    };
    compare(deb, our);
}

fn compare(deb: &str, our: &str) {
    let (deb, our) = (replies(deb), replies(our));
    assert!(deb.len() > 100, "{deb:?}");
    for (d, o) in deb.iter().zip(&our) {
        // Counters and times go on between the two.
        let counter =
            ["\t\trx_", "\t\ttx_", "\t\tportState", "\t\tgmPresent"].iter().any(|p| d.starts_with(p));
        if counter {
            let label = |l: &str| l.trim_start().split(' ').next().map(str::to_owned);
            assert_eq!(label(d), label(o));
        } else {
            assert_eq!(d, o);
        }
    }
    assert_eq!(deb.len(), our.len());
}

#[test]
fn sets_and_commands_have_linuxptps_effect() {
    patiently(try_sets_and_commands_have_linuxptps_effect);
}

fn try_sets_and_commands_have_linuxptps_effect() {
    let settings = "clockClass 6 clockAccuracy 0x21 offsetScaledLogVariance 0x4e5d currentUtcOffset 37 leap61 0 \
        leap59 0 currentUtcOffsetValid 1 ptpTimescale 1 timeTraceable 1 frequencyTraceable 1 timeSource 0x20";
    let Some(output) = with_ptp4l(&format!(
        r#"our 'SET PRIORITY1 99'; echo "rc $?"
        our 'SET GRANDMASTER_SETTINGS_NP {settings}'; echo "rc $?"
        our 'SET SUBSCRIBE_EVENTS_NP duration 9 NOTIFY_PORT_STATE on'; echo "rc $?"
        deb 'GET PRIORITY1' 'GET GRANDMASTER_SETTINGS_NP'"#
    )) else {
        return;
    };
    let out = text(&output.stdout);
    assert_eq!(out.matches("rc 0\n").count(), 3, "{out}");
    let (_, deb) = out.rsplit_once("rc 0\n").expect("three of them");
    for line in ["\t\tpriority1 99", "\t\tclockClass              6", "\t\ttimeSource              0x20"] {
        assert!(deb.lines().any(|l| l == line), "{line} is missing in\n{deb}");
    }
    assert!(out.contains("\t\tNOTIFY_PORT_STATE      on\n"), "{out}");
}

#[test]
fn the_exit_status_tells_what_happened() {
    patiently(try_the_exit_status_tells_what_happened);
}

fn try_the_exit_status_tells_what_happened() {
    let Some(output) = with_ptp4l(
        r#"our 'GET PRIORITY1' >/dev/null; echo "ok $?"
        our 'GET FAULT_LOG'; echo "refused $?"
        our 'GET NONSENSE' 2>&1; echo "bad $?"
        our 'SET PRIORITY1 1 2' 2>&1; echo "bad $?"
        our -d 5 'GET PRIORITY1' >/dev/null; echo "silent $?"
        $PMC -u -f $D/cfg 'GET PRIORITY1' >/dev/null; echo "by file $?"
        $PMC -u -f $D/none 'GET PRIORITY1' 2>/dev/null; echo "bad $?"
        our -d 5 --json 'GET PRIORITY1'; echo "silent $?"
        printf 'GET PRIO\nGET PRIORITY1' | our; echo "bad $?"
        our --no-such-option 2>/dev/null; echo "bad $?"
        $PMC -u -s $D/none 'GET PRIORITY1' 2>&1 >/dev/null; echo "missing $?"
        ls $D"#,
    ) else {
        return;
    };
    let out = text(&output.stdout);
    for line in [
        "ok 0",
        "refused 1",
        "bad command: GET NONSENSE",
        "PRIORITY1 SET needs 1 value",
        "silent 3",
        "by file 0",
        "id PRIO is too ambiguous",
        "missing 4",
    ] {
        assert!(out.lines().any(|l| l == line), "{line} is missing in\n{out}");
    }
    assert_eq!(out.matches("bad 2\n").count(), 5, "{out}");
    assert!(out.contains("none does not exist: is ptpd or ptp4l running?"), "{out}");
    assert!(out.contains(r#""name":"NO_REPLY""#), "{out}");
    // Our own sockets are gone.
    assert!(out.trim_end().ends_with("cfg\nlog\nptp4l"), "{out}");
}

#[test]
fn standard_input_is_answered_line_by_line() {
    patiently(try_standard_input_is_answered_line_by_line);
}

fn try_standard_input_is_answered_line_by_line() {
    let Some(output) = with_ptp4l(
        r#"(echo GET PRIORITY1; sleep 0.5; printf 'TARGET *\nGET PRIORITY2\nHELP') | our; echo "rc $?""#,
    ) else {
        return;
    };
    let out = text(&output.stdout);
    let lines: Vec<_> = out.lines().map(|l| l.split('.').next_back().unwrap_or("")).collect();
    let at =
        |text: &str| lines.iter().position(|l| l.ends_with(text)).unwrap_or_else(|| panic!("{text}: {out}"));
    assert!(at("sending: GET PRIORITY1") < at("RESPONSE MANAGEMENT PRIORITY1 "));
    assert!(at("RESPONSE MANAGEMENT PRIORITY1 ") < at("sending: GET PRIORITY2"));
    assert!(at("[action] CMLDS_INFO_NP") > 0);
    assert!(at("RESPONSE MANAGEMENT PRIORITY2 ") > at("sending: GET PRIORITY2"));
    assert_eq!(lines.last(), Some(&"rc 0"));
}

/// Over each network, from a namespace of its own, what both print is compared.
#[test]
fn networks_are_answered_as_to_debians_pmc() {
    patiently(try_networks_are_answered_as_to_debians_pmc);
}

fn try_networks_are_answered_as_to_debians_pmc() {
    for (transport, option) in [("UDPv4", "-4"), ("UDPv6", "-6"), ("L2", "-2")] {
        let script = format!(
            r#"{FAR}
            set -- 'GET PRIORITY1' 'GET CLOCK_DESCRIPTION' 'GET DEFAULT_DATA_SET' 'SET PRIORITY1 3'
            far pmc {option} -i vb "$@"; echo "== $?"
            far $PMC {option} -i vb "$@"; echo "== $?""#
        );
        let Some(output) = with_ptp4l_over(transport, &script) else { return };
        let out = text(&output.stdout);
        let parts: Vec<_> = out.split("== ").collect();
        let [deb, our, code] = parts[..] else { panic!("{out}\n{}", text(&output.stderr)) };
        let our = our.strip_prefix("0\n").expect("linuxptp's pmc always ends with 0");
        assert_eq!(replies(deb), replies(our), "{transport}\n{}", text(&output.stderr));
        assert!(replies(our).contains(&"\t\tpriority1 77"), "{transport}: {out}\n{}", text(&output.stderr));
        assert!(our.contains("MANAGEMENT_ERROR_STATUS \n"), "the network may not set: {our}");
        assert_eq!(code, "1\n");
    }
}

#[test]
fn a_missing_interface_or_privilege_is_named() {
    let run = |args: &[&str]| {
        let output = Command::new(PMC).args(args).output().expect("our own program starts");
        (output.status.code(), text(&output.stderr))
    };
    let (code, error) = run(&["-4", "-i", "nonesuch0", "GET PRIORITY1"]);
    assert_eq!(code, Some(7));
    assert!(error.contains("there is no interface nonesuch0"), "{error}");
    let unprivileged = Command::new("unshare").args(["-Un", PMC, "-2", "-i", "lo", "GET PRIORITY1"]).output();
    if let Ok(output) = unprivileged
        && output.status.code() == Some(5)
    {
        let error = text(&output.stderr);
        assert!(error.contains("CAP_NET_RAW") || error.contains("lo"), "{error}");
    }
}

/// The queues of UNIX sockets are short (10 datagrams); nothing may get lost in them.
#[test]
fn many_commands_are_all_answered() {
    patiently(try_many_commands_are_all_answered);
}

fn try_many_commands_are_all_answered() {
    let Some(output) = with_ptp4l(
        r#"for n in $(seq 300); do echo GET PORT_STATS_NP; done | our > $D/out; echo "rc $?"
        grep -c 'RESPONSE MANAGEMENT PORT_STATS_NP' $D/out"#,
    ) else {
        return;
    };
    assert_eq!(text(&output.stdout), "rc 0\n300\n", "{}", text(&output.stderr));
}

/// A server that is there and does not read must not hang its client.
#[test]
fn a_stopped_server_is_noticed() {
    let Some(output) = with_ptp4l(
        r#"kill -STOP $P
        for n in $(seq 50); do echo GET PORT_STATS_NP; done | our 2>&1 >/dev/null; echo "rc $?"
        our 'GET PRIORITY1' 2>&1 >/dev/null; echo "rc $?"
        kill -CONT $P"#,
    ) else {
        return;
    };
    let out = text(&output.stdout);
    assert_eq!(out.matches("rc 3\n").count(), 2, "{out}");
    assert!(out.contains("does not read its requests"), "{out}");
}

#[test]
fn an_interrupt_leaves_no_socket_behind() {
    let Some(output) = with_ptp4l(
        r#"mkfifo $D/in; $PMC -u -s $S -i $D/own < $D/in & C=$!
        exec 9> $D/in
        for n in $(seq 100); do [ -S $D/own ] && break; sleep 0.05; done
        [ -S $D/own ] && echo made
        kill -INT $C; wait $C; echo "rc $?"
        [ -e $D/own ] || echo gone"#,
    ) else {
        return;
    };
    assert_eq!(text(&output.stdout), "made\nrc 0\ngone\n", "{}", text(&output.stderr));
}
