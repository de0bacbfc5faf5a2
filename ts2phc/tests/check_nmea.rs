//! The program itself, fed by a real pseudo-terminal, a TCP connection and a file.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};

fn sentence(body: &str) -> String {
    format!("${body}*{:02X}\r\n", body.bytes().fold(0, |x, o| x ^ o))
}

fn ts2phc(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ts2phc"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// The program's output and exit code, when it has ended by itself.
fn end(mut child: Child) -> (String, String, Option<i32>) {
    let until = Instant::now() + Duration::from_secs(20);
    while child.try_wait().expect("it is ours").is_none() {
        if Instant::now() > until {
            child.kill().expect("it is ours");
            panic!("it did not end: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let out = child.wait_with_output().expect("it has ended");
    let text = |o: Vec<u8>| String::from_utf8(o).expect("text");
    (text(out.stdout), text(out.stderr), out.status.code())
}

#[test]
fn a_serial_line_is_read_and_what_is_bad_is_counted() {
    let mut master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY).expect("pseudo-terminals exist");
    grantpt(&master).expect("granted");
    unlockpt(&master).expect("unlocked");
    let device = ptsname_r(&master).expect("it has a name");
    let mut child =
        ts2phc(&["--nmea", &device, "--baud", "38400", "--check-nmea", "--count", "3", "--utc-offset", "37"]);
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("it says what it reads");
    assert!(line.contains(&format!("reading time of day from {device}")), "{line}");

    let mut text = b"cut,off*12\r\n$GPRMC,no checksum\r\n$GPZDA,,,,,,*00\r\n".to_vec();
    text.extend([0xff; 400]);
    text.extend(b"\r\n");
    for body in [
        "GPRMC,,V,,,,,,,,,,N",
        "GPGGA,053001.00,,,,,0,,,,,,,,",
        "GPRMC,256000,A,,,,,,,211126,,,A",
        "GPRMC,053001.00,A,4807.038,N,01131.000,E,022.4,084.4,211126,003.1,W,A",
        "GPZDA,053001.00,21,11,2026,00,00",
        "GNRMC,053002.00,A,4807.038,N,01131.000,E,022.4,084.4,211126,003.1,W,A",
    ] {
        text.extend(sentence(body).bytes());
    }
    // Slow, and in pieces, as serial lines are. A terminal in its usual mode would echo and change line ends.
    for piece in text.chunks(50) {
        master.write_all(piece).expect("the line is open");
        std::thread::sleep(Duration::from_millis(2));
    }
    let (out, _, code) = end(child);
    let lines: Vec<_> = out.lines().collect();
    let [no_fix, rmc, zda, last, counts] = lines.as_slice() else { panic!("{out}") };
    assert_eq!(*no_fix, "no fix");
    assert!(rmc.starts_with("2026-11-21T05:30:01.000Z RMC "), "{rmc}");
    assert!(rmc.ends_with(" ms by the system clock, TAI 1795239038.000000000"), "{rmc}");
    assert!(zda.starts_with("2026-11-21T05:30:01.000Z ZDA "), "{zda}");
    assert!(last.starts_with("2026-11-21T05:30:02.000Z RMC "), "{last}");
    let expected = "3 times, 1 without fix, 1 other sentences; dropped: 1 no sentence, 1 no checksum, \
                    1 wrong checksum, 1 wrong time, 1 too long";
    assert_eq!(*counts, expected);
    assert_eq!(code, Some(0));
}

#[test]
fn a_connection_that_ends_is_made_again() {
    let server = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = format!("tcp:{}", server.local_addr().expect("bound"));
    let child = ts2phc(&["--nmea", &address, "--check-nmea", "--count", "2"]);
    for second in 1..3 {
        let (mut peer, _) = server.accept().expect("it connects");
        let text = sentence(&format!("GPRMC,05300{second},A,,,,,,,211126,,,A"));
        peer.write_all(text.as_bytes()).expect("connected");
    }
    let (out, log, code) = end(child);
    assert!(out.contains("05:30:01.000Z") && out.contains("05:30:02.000Z"), "{out}");
    assert!(log.contains("has ended: trying again"), "{log}");
    assert_eq!(code, Some(0));
}

#[test]
fn a_file_is_read_to_its_end() {
    let path = std::env::temp_dir().join(format!("ts2phc-nmea-{}", std::process::id()));
    let name = path.to_str().expect("a plain path");
    std::fs::write(&path, sentence("GPZDA,235960.00,31,12,2016,00,00")).expect("written");
    let (out, _, code) = end(ts2phc(&["--nmea", name, "--check-nmea"]));
    assert!(out.starts_with("2016-12-31T23:59:60.000Z ZDA "), "{out}");
    assert_eq!(code, Some(0));
    std::fs::write(&path, "nothing of use\n").expect("written");
    let (out, _, code) = end(ts2phc(&["--nmea", name, "--check-nmea"]));
    assert!(out.starts_with("0 times"), "{out}");
    assert_eq!(code, Some(1));
    std::fs::remove_file(&path).expect("it is ours");
}

#[test]
fn a_signal_ends_it() {
    let server = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = format!("tcp:{}", server.local_addr().expect("bound"));
    let mut child = ts2phc(&["--nmea", &address, "--check-nmea"]);
    let (_peer, _) = server.accept().expect("it connects");
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    let mut line = [0; 1];
    child.stderr.as_mut().expect("piped").read_exact(&mut line).expect("it logs");
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it is ours");
    let (out, _, code) = end(child);
    assert!(out.starts_with("0 times"), "{out}");
    assert_eq!(code, Some(1));
}

#[test]
fn what_cannot_be_is_said() {
    let missing: &[(&[&str], &str)] = &[
        (&["--nmea", "/dev/null", "-c", "phc4000"], "4000"),
        (&["--nmea", "/dev/null", "-c", "lo"], "has no PTP hardware clock"),
        (&["--nmea", "/dev/null", "-c", "absent0"], "there is no interface absent0"),
        (&["--nmea", "/dev/null", "-c", "system"], "has no input for pulses"),
        (&["--nmea", "/dev/null", "-c", "phc0", "--leap-file", "/no/list"], "--utc-offset"),
    ];
    for (arguments, text) in missing {
        let (_, log, code) = end(ts2phc(arguments));
        assert!(log.contains(text), "{arguments:?}: {log}");
        assert_eq!(code, Some(1), "{arguments:?}");
    }
    assert_eq!(end(ts2phc(&["--nmea", "tcp:", "-c", "phc0"])).2, Some(2));
}
