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

/// What `pmc report --verify` says of these octets as a log.
fn verify(dir: &Directory, name: &str, octets: &[u8]) -> (i32, String) {
    std::fs::write(dir.path(name), octets).expect("write");
    let output = Command::new(PMC).args(["report", "--verify"]).arg(dir.path(name)).output();
    let output = output.expect("our own program starts");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), text)
}

#[test]
fn logs_that_are_none_or_not_whole_are_told_apart() {
    let dir = Directory::new("logs");
    let mut store = ptp_evidence::Store::open(&ptp_evidence::StoreOptions::new(&dir.path("log"), "ptpd"))
        .expect("opened");
    for n in 0..5i64 {
        store.append(&ptp_evidence::Entry::new("measurement").at(n).whole("n", n)).expect("written");
    }
    drop(store);
    let file = std::fs::read_dir(dir.path("log")).expect("made").flatten().map(|e| e.path());
    let file = file.into_iter().find(|p| p.extension().is_some_and(|e| e == "jsonl")).expect("a log");
    let good = std::fs::read(file).expect("readable");
    let has = |(code, text): (i32, String), expected: i32, words: &[&str]| {
        assert_eq!(code, expected, "{text}");
        for word in words {
            assert!(text.contains(word), "no `{word}` in {text}");
        }
    };
    has(verify(&dir, "good", &good), 0, &["records 0 to 5", "ok"]);
    has(verify(&dir, "cut", &good[..good.len() - 9]), 4, &["truncated: the end is missing", "recovery"]);
    let text = String::from_utf8(good).expect("text").replacen("\"n\":3", "\"n\":4", 1);
    has(
        verify(&dir, "changed", text.as_bytes()),
        1,
        &["changed:5", "tampered: ", "compare them with a copy"],
    );
    has(
        verify(&dir, "other", b"hello\n"),
        1,
        &["not one record of an evidence log", "other:1", "tampered: "],
    );
    let nowhere = Command::new(PMC).args(["report", "--verify"]).arg(dir.path("nowhere")).output();
    let nowhere = nowhere.expect("our own program starts");
    let said = String::from_utf8_lossy(&nowhere.stdout).into_owned();
    has((nowhere.status.code().unwrap_or(-1), said), 5, &["nowhere: cannot be opened", "evidence.directory"]);
    std::fs::create_dir(dir.path("nothing")).expect("made");
    let nothing = Command::new(PMC).args(["report", "--verify"]).arg(dir.path("nothing")).output();
    let nothing = nothing.expect("our own program starts");
    let said = String::from_utf8_lossy(&nothing.stdout).into_owned();
    has(
        (nothing.status.code().unwrap_or(-1), said),
        5,
        &["unreadable: there is no log here", "evidence.directory"],
    );
}

#[test]
fn keys_that_cannot_be_had_are_named() {
    let dir = Directory::new("keys");
    std::fs::write(dir.path("keys"), "[security_association]\nspp 7\n1 SHA256-128 secret\n").expect("write");
    let ask = |words: &[&str]| {
        let output = Command::new(PMC).arg("-u").args(words).arg("GET PRIORITY1").output();
        told(&output.expect("our own program starts"))
    };
    let keys = dir.path("keys").display().to_string();
    says(ask(&["--spp", "7"]), 2, &["--spp 7 needs a key file", "--sa_file"]);
    says(ask(&["--spp", "7", "--sa_file", "/nowhere/keys"]), 2, &["/nowhere/keys", "No such file"]);
    says(ask(&["--spp", "8", "--sa_file", &keys]), 2, &["no security association with spp 8"]);
    says(ask(&["--spp", "7", "--sa_file", &keys, "--active_key_id", "3"]), 2, &["7 has no key 3"]);
}
