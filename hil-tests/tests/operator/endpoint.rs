//! The HTTP endpoint of every daemon: what a scrape costs, OpenShift's names, and clients that mean harm.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use hil_tests::lab::{Lab, LabError, PATIENCE, expect, experiment};

use super::stage::{DAEMONS, Stage, endpoint_of, get, series, until, wrong};

/// Names and labels of linuxptp-daemon's exporter (its pkg/daemon/metrics.go), as far as a daemon of ours has something to
/// say of them.
const OPENSHIFT: [(&str, &[&str]); 10] = [
    ("openshift_ptp_offset_ns", &["from", "process", "node", "iface"]),
    ("openshift_ptp_max_offset_ns", &["from", "process", "node", "iface"]),
    ("openshift_ptp_frequency_adjustment_ns", &["from", "process", "node", "iface"]),
    ("openshift_ptp_delay_ns", &["from", "process", "node", "iface"]),
    ("openshift_ptp_clock_state", &["process", "node", "iface"]),
    ("openshift_ptp_clock_class", &["process", "node", "config"]),
    ("openshift_ptp_interface_role", &["process", "node", "iface"]),
    ("openshift_ptp_process_status", &["process", "node", "config"]),
    ("openshift_ptp_nmea_status", &["process", "node", "iface"]),
    ("openshift_ptp_pps_status", &["process", "node", "iface"]),
];

/// Of which daemon which of them are.
const OF: [(&str, &str, &[usize]); 3] = [
    ("ptpd", "ptp4l", &[0, 1, 2, 3, 4, 5, 6, 7]),
    ("phc-sync", "phc2sys", &[0, 1, 2, 3, 4, 7]),
    // Pulses have no delay.
    ("ts2phc", "ts2phc", &[0, 1, 2, 4, 5, 7, 8, 9]),
];

/// No more series than this for one clock and one port each: a scrape's size does not depend on what happens.
const MOST_SERIES: usize = 200;

fn openshift(daemon: &str, process: &str, wanted: &[usize], page: &str) -> Result<(), LabError> {
    let all: Vec<&str> = page.lines().filter(|l| l.starts_with("openshift_ptp_")).collect();
    for line in &all {
        let (name, rest) = line.split_once('{').ok_or_else(|| wrong(format!("{daemon}: {line}")))?;
        let (labels, value) = rest.split_once("} ").ok_or_else(|| wrong(format!("{daemon}: {line}")))?;
        let labels: Vec<(&str, &str)> = labels.split(',').filter_map(|l| l.split_once('=')).collect();
        let known = OPENSHIFT.iter().find(|k| k.0 == name);
        let names: Vec<&str> = labels.iter().map(|l| l.0).collect();
        expect(known.is_some_and(|k| k.1 == names), || format!("{daemon}: labels of {line}"))?;
        let of = labels.iter().find(|l| l.0 == "process").map(|l| l.1.trim_matches('"'));
        expect(of == Some(process), || format!("{daemon}: {line}"))?;
        // What that exporter says of an unknown offset is never said here.
        expect(!value.contains("999999"), || format!("{daemon}: {line}"))?;
    }
    for (place, (name, _)) in OPENSHIFT.iter().enumerate() {
        let there = all.iter().any(|l| l.starts_with(&format!("{name}{{")));
        expect(there == wanted.contains(&place), || {
            format!("{daemon}: {name}: {there}\n{}", all.join("\n"))
        })?;
    }
    let locked = format!("openshift_ptp_clock_state{{process=\"{process}\"");
    expect(all.iter().any(|l| l.starts_with(&locked) && (l.ends_with(" 1") || l.ends_with(" 1.0"))), || {
        format!("{daemon} is not LOCKED:\n{}", all.join("\n"))
    })
}

fn cost(daemon: &str) -> Result<(), LabError> {
    let cpu = || -> Result<f64, LabError> {
        let page = get(&endpoint_of(daemon), "/metrics")?;
        series(&page, "process_cpu_seconds_total").ok_or_else(|| wrong("no processor time"))
    };
    let count = |page: &str| page.lines().filter(|l| !l.starts_with('#') && l.contains(' ')).count();
    let (before, first) = (cpu()?, get(&endpoint_of(daemon), "/metrics")?);
    for _ in 0..100 {
        get(&endpoint_of(daemon), "/metrics")?;
    }
    let used = (cpu()? - before) * 1e4;
    let last = get(&endpoint_of(daemon), "/metrics")?;
    println!(
        "{daemon}: {} series, {} octets, {used:.0} us of processor time for a scrape",
        count(&last),
        last.len()
    );
    expect(count(&last) <= MOST_SERIES && count(&last) <= count(&first) + 2, || {
        format!("{daemon}: {} series, then {}", count(&first), count(&last))
    })
}

/// What a client gets that sends this and then nothing more; empty if the connection is closed without an answer.
fn sends(daemon: &str, octets: &[u8]) -> Result<String, LabError> {
    let mut stream = UnixStream::connect(endpoint_of(daemon)).map_err(wrong)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(wrong)?;
    // It may be refused before it has sent everything.
    let _ = stream.write_all(octets);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn dropped(daemon: &str, cause: &str) -> Result<f64, LabError> {
    let page = get(&endpoint_of(daemon), "/metrics")?;
    let name = format!("escapement_http_connections_dropped_total{{cause=\"{cause}\"}}");
    series(&page, &name).ok_or_else(|| wrong(format!("no {name}")))
}

/// Who sends nothing, a little now and then, too much, or nonsense, and who comes with hundreds: nobody else notices.
fn attack(daemon: &str, stage: &mut Stage) -> Result<(), LabError> {
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    let headers = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000));
    let body = "POST /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n";
    for (what, octets, codes) in [
        ("a long line", long.as_bytes(), &["431", "414", "400"][..]),
        ("many headers", headers.as_bytes(), &["431", "400"]),
        ("a huge body", body.as_bytes(), &["413", "405", "400", "404"]),
        ("octets", &[0xff, 0, 1, 2, b'\r', b'\n', b'\r', b'\n'], &["400"]),
        ("another method", b"DELETE /metrics HTTP/1.1\r\n\r\n", &["405"]),
        ("a path upward", b"GET /../../etc/passwd HTTP/1.1\r\n\r\n", &["404", "400"]),
    ] {
        let answer = sends(daemon, octets)?;
        let code = answer.split(' ').nth(1).unwrap_or_default().to_owned();
        // A connection reset before the answer was read is an end, too.
        expect(answer.is_empty() || codes.contains(&code.as_str()), || {
            format!("{daemon}, {what}: {answer}")
        })?;
    }
    // An octet now and then (slowloris), and hundreds that say nothing.
    let (slow, crowded) = (dropped(daemon, "slow")?, dropped(daemon, "crowded")?);
    let mut lingering = UnixStream::connect(endpoint_of(daemon)).map_err(wrong)?;
    lingering.write_all(b"GET /metrics HTT").map_err(wrong)?;
    until(
        "slow dropped",
        || {
            let _ = lingering.write_all(b"P");
            Ok(dropped(daemon, "slow")? > slow)
        },
        String::new,
    )?;
    let mut crowd = Vec::new();
    for _ in 0..300 {
        // The queue of the socket may be full for a moment.
        match UnixStream::connect(endpoint_of(daemon)) {
            Ok(stream) => crowd.push(stream),
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    let begun = Instant::now();
    let page = get(&endpoint_of(daemon), "/healthz")?;
    let took = begun.elapsed();
    expect(page.contains(" 200 "), || format!("{daemon} among {} others: {page}", crowd.len()))?;
    println!("{daemon}: among {} silent connections, an answer after {took:?}", crowd.len());
    let id = stage.process(daemon).id();
    let files = std::fs::read_dir(format!("/proc/{id}/fd")).map_err(wrong)?.count();
    expect(files < 100, || format!("{daemon} has {files} open files"))?;
    expect(dropped(daemon, "crowded")? > crowded, || format!("{daemon}: nobody of the crowd was dropped"))
}

fn endpoints(lab: &mut Lab) -> Result<(), LabError> {
    let mut stage = Stage::start(lab, "/run/evidence")?;
    for (daemon, process, wanted) in OF {
        openshift(daemon, process, wanted, &get(&endpoint_of(daemon), "/metrics")?)?;
        cost(daemon)?;
    }
    for daemon in DAEMONS {
        attack(daemon, &mut stage)?;
    }
    // Time has gone on, and nobody has died.
    stage.wait_for_time()
}

#[test]
fn scrapes_are_small_and_hostile_clients_do_no_harm() {
    experiment("endpoint::scrapes_are_small_and_hostile_clients_do_no_harm", &[], endpoints);
}
