//! Whatever goes wrong is one sentence with its cause and a remedy, and has an exit status of its own.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PMC: &str = env!("CARGO_BIN_EXE_pmc");

struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pmc-failures-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).expect("a directory");
        // Others have to come through it.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).expect("its mode");
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn told(output: &Output) -> (i32, String) {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), error)
}

fn ask(server: &Path) -> (i32, String) {
    let output = Command::new(PMC).args(["-u", "-s"]).arg(server).arg("GET PRIORITY1").output();
    told(&output.expect("our own program starts"))
}

/// One line, and these words in it.
fn says((code, error): (i32, String), expected: i32, words: &[&str]) {
    assert_eq!(code, expected, "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    for word in words {
        assert!(error.contains(word), "no `{word}` in {error}");
    }
}

#[test]
fn a_socket_that_is_none_says_what_is_wrong_with_it() {
    let dir = Directory::new("none");
    says(ask(&dir.path("missing")), 4, &["does not exist", "is ptpd or ptp4l running", "-s"]);
    std::fs::write(dir.path("file"), "").expect("write");
    says(ask(&dir.path("file")), 4, &["is not a management socket", "/run/escapement/ptpd"]);
    let _stream = UnixListener::bind(dir.path("stream")).expect("bind");
    says(ask(&dir.path("stream")), 4, &["is not a management socket"]);
    drop(UnixDatagram::bind(dir.path("left")).expect("bind"));
    says(ask(&dir.path("left")), 4, &["nobody listens", "Start it again"]);
}

#[test]
fn silence_and_nonsense_are_told_apart() {
    let dir = Directory::new("silence");
    let silent = UnixDatagram::bind(dir.path("silent")).expect("bind");
    says(ask(&dir.path("silent")), 3, &["no answer to 1 of 1 requests", "silent", "(-d)"]);
    drop(silent);
    let server = UnixDatagram::bind(dir.path("nonsense")).expect("bind");
    let answering = std::thread::spawn(move || {
        let mut octets = [0; 1500];
        let (_, client) = server.recv_from(&mut octets).expect("a request");
        let path = client.as_pathname().expect("pmc has a path").to_owned();
        server.send_to(b"HTTP/1.1 400 Bad Request", path).expect("send");
    });
    says(ask(&dir.path("nonsense")), 6, &["1 answers", "cannot be read", "PTP daemon"]);
    answering.join().expect("it answered");
}

#[test]
fn a_member_of_nobody_is_told_how_to_be_let_in() {
    let dir = Directory::new("permission");
    let _server = UnixDatagram::bind(dir.path("closed")).expect("bind");
    std::fs::set_permissions(dir.path("closed"), std::fs::Permissions::from_mode(0o600)).expect("its mode");
    // The program itself may lie where nobody may look.
    std::fs::copy(PMC, dir.path("pmc")).expect("copy");
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(dir.path("pmc"))
        .args(["-u", "-s"])
        .arg(dir.path("closed"))
        .arg("GET PRIORITY1")
        .output();
    match output {
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("setpriv:") => {
            says(told(&output), 5, &["not permitted to write to", "root", "group"]);
        }
        other => {
            assert!(std::env::var_os("CI").is_none_or(|v| v != "true"), "setpriv: {other:?}");
            println!("skipped: setpriv does not work here");
        }
    }
}

#[test]
fn a_fleet_is_as_well_as_its_worst_and_each_answer_has_a_name() {
    let dir = Directory::new("fleet");
    let silent = UnixDatagram::bind(dir.path("silent")).expect("bind");
    let list = format!("b {}\na {}\n", dir.path("silent").display(), dir.path("missing").display());
    std::fs::write(dir.path("fleet"), list).expect("write");
    let fleet = format!("@{}", dir.path("fleet").display());
    let ask = |words: &[&str]| {
        told(
            &Command::new(PMC)
                .args(["--fleet", &fleet])
                .args(words)
                .output()
                .expect("our own program starts"),
        )
    };
    let (code, error) = ask(&["GET PRIORITY1"]);
    assert_eq!(code, 4, "{error}");
    assert!(error.contains("a: pmc: ") && error.contains("does not exist"), "{error}");
    assert!(error.contains("b: pmc: no answer") && error.contains("2 of 2 did not answer"), "{error}");
    // Each has its time, and no more. What it has made is taken away.
    let (code, error) = ask(&["--limit", "0.3", "--wait", "60000", "GET PRIORITY1"]);
    assert_eq!(code, 4, "{error}");
    assert!(error.contains("b: pmc: no answer within 0.3 s (--limit)"), "{error}");
    drop(silent);
    let left: Vec<_> =
        std::fs::read_dir(&dir.0).expect("it is there").flatten().map(|e| e.file_name()).collect();
    assert!(left.iter().all(|n| !n.to_string_lossy().starts_with("pmc.")), "{left:?}");
    for wrong in [&["top"][..], &["-s", "/x", "GET PRIORITY1"], &[]] {
        let (code, error) = ask(wrong);
        assert!(code == 2 && error.lines().count() == 1, "{wrong:?}: {code} {error}");
    }
}

#[test]
fn sockets_of_events_and_of_management_are_not_mistaken_for_each_other() {
    let dir = Directory::new("events");
    let watch = |path: &Path| {
        let output = Command::new(PMC).args(["watch", "--duration", "5", "--events"]).arg(path).output();
        told(&output.expect("our own program starts"))
    };
    says(watch(&dir.path("missing")), 4, &["does not exist", "events.socket"]);
    let _management = UnixDatagram::bind(dir.path("management")).expect("bind");
    says(watch(&dir.path("management")), 4, &["management socket", "events.socket"]);
    let other = UnixListener::bind(dir.path("other")).expect("bind");
    let answering = std::thread::spawn(move || {
        use std::io::Write;
        let (mut stream, _) = other.accept().expect("a client");
        stream.write_all(b"220 mail.example ESMTP\r\n").expect("write");
    });
    says(watch(&dir.path("other")), 6, &["is no event"]);
    answering.join().expect("it answered");
}
