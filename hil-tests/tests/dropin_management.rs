//! A stock linuxptp `pmc`, `phc2sys -a` and our own `pmc` cannot tell `ptpd` from `ptp4l`: every reply octet by octet.

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use hil_tests::lab::{
    Host, LINUXPTP, Lab, LabError, Process, experiment, find_program, our_program, run_command,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Two networks that differ in nothing but whose daemon is asked: Debian's or ours. Each follows a master of Debian's.
struct Twins {
    hosts: [Host; 2],
    daemons: Vec<Process>,
}

const UDS: [&str; 2] = ["/run/theirs", "/run/ours"];

fn twins(lab: &mut Lab, options: &[&str]) -> Result<Twins, LabError> {
    let ptp4l = find_program("ptp4l", "linuxptp")?;
    let link = lab.dir().join("ptp4l");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(our_program("ptpd")?, &link).map_err(LabError::io("link ptp4l"))?;
    let hosts = [lab.host("theirs")?, lab.host("ours")?];
    let masters = [lab.host("gm1")?, lab.host("gm2")?];
    let mut daemons = Vec::new();
    for (i, (host, master)) in hosts.iter().zip(&masters).enumerate() {
        // Equal addresses, so that descriptions can be compared.
        lab.link((host, "eth0"), (master, "eth0"))?;
        let name = host.name().to_owned();
        for (host, mac) in [(&name, "02:00:00:00:00:01"), (&master.name().to_owned(), "02:00:00:00:00:02")] {
            run_command("ip", &["-n", host, "link", "set", "eth0", "address", mac])?;
        }
        let (old, new) = (format!("10.0.{}.1/24", i + 1), "10.9.9.1/24");
        run_command("ip", &["-n", &name, "address", "delete", &old, "dev", "eth0"])?;
        run_command("ip", &["-n", &name, "address", "add", new, "dev", "eth0"])?;
    }
    std::thread::sleep(Duration::from_secs(2));
    let common = ["-S", "-i", "eth0", "-m", "-q", "--free_running=1"];
    for (i, (host, master)) in hosts.iter().zip(&masters).enumerate() {
        let mut all = common.to_vec();
        let uds = format!("--uds_address=/run/{}", master.name());
        all.extend(["--priority1=10", &uds]);
        daemons.push(master.start("gm", &ptp4l, &all)?);
        let program: &Path = if i == 0 { &ptp4l } else { &link };
        let uds = format!("--uds_address={}", UDS[i]);
        let mut all = common.to_vec();
        all.push(&uds);
        all.extend_from_slice(options);
        daemons.push(host.start("ptp4l", program, &all)?);
    }
    for daemon in [1, 3] {
        daemons[daemon].wait_for_line("a master", PATIENCE, |l| l.contains("to UNCALIBRATED on RS_SLAVE"))?;
    }
    // Until both have measured a path delay.
    for daemon in [1, 3] {
        daemons[daemon].wait_for_line("a report", PATIENCE, |l| l.contains("master offset"))?;
    }
    Ok(Twins { hosts, daemons })
}

/// Whether the client said it, and what.
type Told = mpsc::Receiver<(bool, Vec<u8>)>;

/// Stands between a client and a daemon, and hands out what it passes on: whether the client sent it, and the octets.
fn between(name: &str, daemon: &str) -> Result<(String, Told), LabError> {
    let (front_path, back_path) = (format!("/run/{name}"), format!("/run/{name}-back"));
    let bind = |path: &str| {
        let socket = UnixDatagram::bind(path).map_err(LabError::io("bind a socket between"))?;
        socket.set_read_timeout(Some(Duration::from_millis(5))).map_err(LabError::io("set a time limit"))?;
        Ok::<_, LabError>(socket)
    };
    let (front, back) = (bind(&front_path)?, bind(&back_path)?);
    let (tell, told) = mpsc::channel();
    let daemon = daemon.to_owned();
    std::thread::spawn(move || {
        let mut client = None;
        let mut octets = [0u8; 2000];
        loop {
            if let Ok((n, from)) = front.recv_from(&mut octets) {
                client = from.as_pathname().map(Path::to_owned);
                let _ = back.send_to(&octets[..n], &daemon);
                if tell.send((true, octets[..n].to_vec())).is_err() {
                    return;
                }
            }
            while let Ok(n) = back.recv(&mut octets) {
                if let Some(client) = &client {
                    let _ = front.send_to(&octets[..n], client);
                }
                if tell.send((false, octets[..n].to_vec())).is_err() {
                    return;
                }
            }
        }
    });
    Ok((front_path, told))
}

/// What a client and a daemon said: who, without what differs by itself, and without the client's identity (its process).
fn transcript(told: &Told) -> Vec<String> {
    let mut lines = Vec::new();
    while let Ok((asked, octets)) = told.try_recv() {
        let mut r = masked(&octets);
        let identity = if asked { 20..30 } else { 34..44 };
        if let Some(part) = r.get_mut(identity) {
            part.fill(0);
        }
        // The reserved octet of a SET PRIORITY1 is whatever linuxptp's pmc had there.
        if asked && r.get(52..54) == Some(&[0x20, 0x05]) && r.len() == 56 {
            r[55] = 0;
        }
        lines.push(format!("{} {}", if asked { ">" } else { "<" }, hex(&[r])));
    }
    // Whether an answer overtakes the next question is the processor's affair: each side's words in their order.
    lines.sort_by_key(|line| line.starts_with('<'));
    lines
}

#[test]
fn clients_say_and_hear_the_same() {
    experiment("clients_say_and_hear_the_same", LINUXPTP, |lab| {
        let twins = twins(lab, &[])?;
        let phc2sys = find_program("phc2sys", "linuxptp")?;
        let mut requests = Vec::new();
        for id in GETS {
            requests.push(format!("GET {id}"));
        }
        requests
            .extend(["SET PRIORITY1 200", "GET DEFAULT_DATA_SET", "SET PRIORITY1 128"].map(str::to_owned));
        let pmcs = [("theirs", find_program("pmc", "linuxptp")?), ("ours", our_program("pmc")?)];
        let mut all = [Vec::new(), Vec::new()];
        for (i, uds) in UDS.iter().enumerate() {
            for (whose, pmc) in &pmcs {
                let (front, told) = between(&format!("{whose}-{i}"), uds)?;
                let client = format!("/run/c-{whose}-{i}");
                let mut arguments = vec!["-u", "-b", "0", "-s", &front, "-i", &client];
                arguments.extend(requests.iter().map(String::as_str));
                run_command(&pmc.to_string_lossy(), &arguments)?;
                std::thread::sleep(Duration::from_millis(200));
                all[i].push((format!("pmc ({whose})"), transcript(&told)));
            }
            // No port has a hardware clock, so it asks for all ports and then goes on renewing its subscription.
            let (front, told) = between(&format!("phc2sys-{i}"), uds)?;
            let mut process =
                twins.hosts[i].start("phc2sys", &phc2sys, ["-a", "-m", "-q", "-l", "7", "-z", &front])?;
            std::thread::sleep(Duration::from_secs(13));
            process.stop(Duration::from_secs(5))?;
            all[i].push(("phc2sys -a".to_owned(), transcript(&told)));
        }
        let [theirs, ours] = all;
        for ((what, a), (_, b)) in theirs.into_iter().zip(ours) {
            if a != b || a.len() < 6 {
                let differ = a.iter().zip(&b).filter(|(a, b)| a != b).map(|(a, b)| format!("{a}\n{b}"));
                let differ: Vec<_> = differ.take(6).collect();
                return Err(LabError::Wrong(format!(
                    "{what}: {} and {} messages\n{}",
                    a.len(),
                    b.len(),
                    differ.join("\n")
                )));
            }
            println!("{what}: {} messages, all the same", a.len());
        }
        drop(twins.daemons);
        Ok(())
    });
}

/// What 3.1.1's pmc and ptp4l both know.
const GETS: &[&str] = &[
    "USER_DESCRIPTION",
    "DEFAULT_DATA_SET",
    "CURRENT_DATA_SET",
    "PARENT_DATA_SET",
    "TIME_PROPERTIES_DATA_SET",
    "PRIORITY1",
    "PRIORITY2",
    "DOMAIN",
    "SLAVE_ONLY",
    "CLOCK_ACCURACY",
    "TRACEABILITY_PROPERTIES",
    "TIMESCALE_PROPERTIES",
    "TIME_STATUS_NP",
    "GRANDMASTER_SETTINGS_NP",
    "SUBSCRIBE_EVENTS_NP",
    "NULL_MANAGEMENT",
    "CLOCK_DESCRIPTION",
    "PORT_DATA_SET",
    "LOG_ANNOUNCE_INTERVAL",
    "ANNOUNCE_RECEIPT_TIMEOUT",
    "LOG_SYNC_INTERVAL",
    "VERSION_NUMBER",
    "DELAY_MECHANISM",
    "LOG_MIN_PDELAY_REQ_INTERVAL",
    "PORT_DATA_SET_NP",
    "PORT_PROPERTIES_NP",
    "PORT_STATS_NP",
];

/// A management request: GET 0, SET 1, COMMAND 3.
fn request(action: u8, id: u16, port: u16, data: &[u8], sequence: u16) -> Vec<u8> {
    let mut m = vec![0u8; 48];
    let length = 54 + data.len() as u16;
    m[0] = 0x0d;
    m[1] = 0x12;
    m[2..4].copy_from_slice(&length.to_be_bytes());
    m[20..30].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 7, 0, 9]);
    m[30..32].copy_from_slice(&sequence.to_be_bytes());
    m[32] = 4;
    m[33] = 0x7f;
    m[34..42].fill(0xff);
    m[42..44].copy_from_slice(&port.to_be_bytes());
    m[46] = action;
    m.extend(1u16.to_be_bytes());
    m.extend((2 + data.len() as u16).to_be_bytes());
    m.extend(id.to_be_bytes());
    m.extend(data);
    m
}

/// All replies of a daemon within a moment.
fn ask(socket: &UnixDatagram, daemon: &str, message: &[u8]) -> Result<Vec<Vec<u8>>, LabError> {
    socket.send_to(message, daemon).map_err(LabError::io(format!("ask {daemon}")))?;
    let mut replies = Vec::new();
    let mut octets = [0u8; 2000];
    // With one port there is one reply, or none.
    if let Ok(n) = socket.recv(&mut octets) {
        replies.push(octets[..n].to_vec());
    }
    Ok(replies)
}

/// What an ID's data has that goes on by itself, as ranges of octets behind the ID.
fn moving(id: u16) -> &'static [(usize, usize)] {
    match id {
        0x2001 => &[(2, 18)],           // offset and delay
        0x2004 => &[(11, 12)],          // the interval in force is the master's
        0xc000 => &[(0, 16), (16, 20)], // offset, ingress time, rate
        0xc005 => &[(10, 266)],
        0xc007 => &[(10, 90)],
        _ => &[],
    }
}

fn masked(reply: &[u8]) -> Vec<u8> {
    let mut r = reply.to_vec();
    // 3.1.1 says PTP 2.0 and fills controlField; 4.x says 2.1 and leaves it.
    (r[1], r[32]) = (0x12, 0);
    if r.len() >= 54 && r[48..50] == [0, 1] {
        let id = u16::from_be_bytes([r[52], r[53]]);
        for &(from, to) in moving(id) {
            let end = (54 + to).min(r.len());
            if 54 + from < end {
                r[54 + from..end].fill(0);
            }
        }
    }
    r
}

/// What linuxptp 3.1.1 does not know and 4.x does: ours answers as 4.x.
const NEWER: &[u16] =
    &[0xc009, 0xc00a, 0xc00b, 0xc00c, 0xc00d, 0xc008, 0xc007, 0xc006, 0x3001, 0x201e, 0x201f, 0x2021];

fn identifiers() -> Vec<u16> {
    let mut ids: Vec<u16> = (0x0000..=0x0008).collect();
    ids.extend(0x2000..=0x2022);
    ids.extend(0x3000..=0x3005);
    ids.extend(0x4000..=0x4002);
    ids.extend(0x6000..=0x6003);
    ids.extend(0xc000..=0xc00e);
    ids.extend([0x1fff, 0x5000, 0xdfff, 0xffff]);
    ids
}

fn hex(octets: &[Vec<u8>]) -> String {
    let one = |o: &Vec<u8>| o.iter().map(|b| format!("{b:02x}")).collect::<String>();
    octets.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn client(name: &str) -> Result<UnixDatagram, LabError> {
    let path = PathBuf::from(format!("/run/{name}"));
    let _ = std::fs::remove_file(&path);
    let socket = UnixDatagram::bind(&path).map_err(LabError::io("bind a client"))?;
    socket.set_read_timeout(Some(Duration::from_millis(60))).map_err(LabError::io("set a time limit"))?;
    Ok(socket)
}

/// ERROR NO_SUCH_ID or NOT_SUPPORTED.
fn unknown(replies: &[Vec<u8>]) -> bool {
    replies
        .iter()
        .all(|r| r.len() >= 54 && r[48..50] == [0, 2] && matches!(r[52..54], [0, 2] | [0, 4] | [0, 6]))
}

#[test]
fn every_reply_is_the_same() {
    experiment("every_reply_is_the_same", LINUXPTP, |lab| {
        let _twins = twins(lab, &[])?;
        let socket = client("asker")?;
        let mut wrong = Vec::new();
        let mut same = BTreeMap::from([("same", 0), ("newer", 0)]);
        let mut sequence = 0;
        let mut requests: Vec<(u8, u16, u16, Vec<u8>)> = Vec::new();
        for id in identifiers() {
            for port in [0xffff, 0, 1, 2] {
                requests.push((0, id, port, Vec::new()));
            }
            // Nothing to set, and a command: both refused, or not.
            requests.push((1, id, 0xffff, Vec::new()));
            if !matches!(id, 0x0004 | 0x0005 | 0x200d | 0x200e) {
                requests.push((3, id, 0xffff, Vec::new()));
            }
        }
        let settings = vec![0xf8, 0xfe, 0xff, 0xff, 0, 37, 0, 0xa0];
        requests.extend([
            (1, 0x2005, 0xffff, vec![200, 0]),
            (0, 0x2000, 0xffff, vec![]),
            (1, 0x2005, 0xffff, vec![128, 0]),
            (1, 0x2006, 0xffff, vec![99, 0]),
            (0, 0x2006, 0xffff, vec![]),
            (1, 0xc001, 0xffff, settings),
            (0, 0xc001, 0xffff, vec![]),
            (1, 0xc002, 1, vec![0, 0, 0x30, 0, 0, 0, 0, 1]),
            (0, 0xc002, 1, vec![]),
            (1, 0x2007, 0xffff, vec![3, 0]),
            (1, 0x2008, 0xffff, vec![1, 0]),
            (1, 0x2009, 1, vec![2, 0]),
            (1, 0x2010, 0xffff, vec![0x21, 0]),
            (1, 0xc003, 0xffff, [&[0u8, 60, 1][..], &[0; 63]].concat()),
            (0, 0xc003, 0xffff, vec![]),
            (1, 0xc003, 0xffff, [&[0u8, 60, 0][..], &[0; 63]].concat()),
        ]);
        for (action, id, port, data) in requests {
            sequence += 1;
            let message = request(action, id, port, &data, sequence);
            let a = ask(&socket, UDS[0], &message)?;
            let b = ask(&socket, UDS[1], &message)?;
            let (a, b): (Vec<_>, Vec<_>) =
                (a.iter().map(|r| masked(r)).collect(), b.iter().map(|r| masked(r)).collect());
            if a == b {
                *same.entry("same").or_default() += 1;
            } else if NEWER.contains(&id) && unknown(&a) {
                *same.entry("newer").or_default() += 1;
            } else {
                wrong.push(format!("action {action} id {id:04x} port {port}:\n  {}\n  {}", hex(&a), hex(&b)));
            }
        }
        println!("{same:?}");
        if wrong.is_empty() { Ok(()) } else { Err(LabError::Wrong(wrong.join("\n"))) }
    });
}
