//! Debian's `ptp4l` and `ptpd` called as `ptp4l`: the same options, the same events, and their logs line by line; how
//! they start, where they log, and how they end.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use hil_tests::lab::{
    Host, LINUXPTP, Lab, LabError, Process, experiment, find_program, our_program, run_command,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// `ptpd` under the name of `ptp4l`.
fn ours(lab: &Lab) -> Result<PathBuf, LabError> {
    let link = lab.dir().join("ptp4l");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(our_program("ptpd")?, &link).map_err(LabError::io("link ptp4l"))?;
    Ok(link)
}

/// A line without its time, identities and values. Debian's 3.1.1 does not name a port's interface, 4.x does: that is
/// taken away.
fn normal(line: &str) -> String {
    let text = line.split_once("]: ").map_or(line, |(_, text)| text);
    let text = match text.strip_prefix("port ") {
        Some(rest) => {
            let (number, more) = rest.split_at(rest.find([':', ' ']).unwrap_or(rest.len()));
            let more = more.strip_prefix(" (").and_then(|m| m.split_once(')')).map_or(more, |(_, m)| m);
            format!("port {number}{more}")
        }
        None => text.to_owned(),
    };
    text.split(' ').map(|word| if is_identity(word) { "ID" } else { word }).collect::<Vec<_>>().join(" ")
}

fn is_identity(word: &str) -> bool {
    let id = word.split('-').next().unwrap_or_default();
    id.len() == 18 && id.split('.').map(str::len).eq([6, 4, 6])
}

/// The values of a servo or summary line, if the line is exactly as linuxptp writes it.
fn report(text: &str) -> Option<&'static str> {
    let w: Vec<&str> = text.split_whitespace().collect();
    let f = |i: usize| w.get(i).and_then(|v| v.parse::<f64>().ok()).unwrap_or(f64::NAN);
    match w.first() {
        Some(&"master") => {
            let state = w.get(3)?;
            let again =
                format!("master offset {:10.0} {state} freq {:+7.0} path delay {:9.0}", f(2), f(5), f(8));
            (again.replace("-0 ", "+0 ") == text.replace("-0 ", "+0 ")).then_some("master offset")
        }
        Some(&"rms") => {
            let again = format!(
                "rms {:4.0} max {:4.0} freq {:+6.0} +/- {:3.0} delay {:5.0} +/- {:3.0}",
                f(1),
                f(3),
                f(5),
                f(7),
                f(9),
                f(11)
            );
            (again.replace("-0 ", "+0 ") == text.replace("-0 ", "+0 ")).then_some("rms")
        }
        _ => None,
    }
}

/// What happened from line `from` on: reports as one line however many there are, and what was said before in the same
/// phase only once (Debian's decides anew at every occasion).
fn story(log: &str, from: usize) -> Vec<String> {
    let mut story: Vec<String> = Vec::new();
    for line in log.lines().skip(from) {
        let text = normal(line);
        let text = report(&text).map_or(text, str::to_owned);
        if !story.contains(&text) {
            story.push(text);
        }
    }
    story
}

/// Two daemons, each in a network of its own with a master of its own.
struct Pair {
    theirs: Process,
    ours: Process,
    /// Lines of both logs that belong to earlier phases.
    read: [usize; 2],
}

impl Pair {
    fn wait(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<(), LabError> {
        for (process, read) in [(&mut self.theirs, self.read[0]), (&mut self.ours, self.read[1])] {
            let begun = std::time::Instant::now();
            while !process.log().lines().skip(read).any(|l| wanted(&normal(l))) {
                if process.ended().is_some() || begun.elapsed() > PATIENCE {
                    let log = process.log();
                    return Err(LabError::Wrong(format!(
                        "{what}: not in the log of {}:\n{log}",
                        process.label()
                    )));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }

    /// Compares what both said in this phase.
    fn compare(&mut self, phase: &str) -> Result<Vec<String>, LabError> {
        // Lines of one moment are complete.
        std::thread::sleep(Duration::from_millis(100));
        let (theirs, ours) = (self.theirs.log(), self.ours.log());
        let stories = [story(&theirs, self.read[0]), story(&ours, self.read[1])];
        self.read = [theirs.lines().count(), ours.lines().count()];
        let [a, b] = stories;
        // 4.x has a second management socket, and says so; 3.1.1 has none.
        if a != b {
            return Err(LabError::Wrong(format!(
                "{phase}: linuxptp said\n{}\nours\n{}",
                a.join("\n"),
                b.join("\n")
            )));
        }
        println!("{phase}: {}", a.join(" | "));
        Ok(a)
    }
}

fn networks(lab: &mut Lab) -> Result<[Host; 4], LabError> {
    let hosts = [lab.host("gm1")?, lab.host("theirs")?, lab.host("gm2")?, lab.host("ours")?];
    lab.link((&hosts[0], "eth0"), (&hosts[1], "eth0"))?;
    lab.link((&hosts[2], "eth0"), (&hosts[3], "eth0"))?;
    // The kernel's news of the links arrive before the daemons do.
    std::thread::sleep(Duration::from_secs(2));
    Ok(hosts)
}

fn start(host: &Host, program: &Path, options: &[&str]) -> Result<Process, LabError> {
    let uds = format!("--uds_address=/run/{}", host.name());
    let mut all = vec!["-S", "-i", "eth0", "--free_running=1", "--logAnnounceInterval=-1", uds.as_str()];
    all.extend_from_slice(options);
    host.start("ptp4l", program, all)
}

fn logs(lab: &mut Lab, options: &[&str], line: &'static str) -> Result<(), LabError> {
    let [gm1, theirs, gm2, ours_host] = networks(lab)?;
    let (linuxptp, ours) = (find_program("ptp4l", "linuxptp")?, ours(lab)?);
    // The masters lose their link, too, and wait for their own time-out before they speak again: those who listen to them
    // have more patience, so that nobody takes the role in between.
    let options = [&["-m", "-q", "--announceReceiptTimeout=10"], options].concat();
    let mut pair = Pair {
        theirs: start(&theirs, &linuxptp, &options)?,
        ours: start(&ours_host, &ours, &options)?,
        read: [0; 2],
    };
    pair.wait("master", |l| l.contains("assuming the grand master role"))?;
    pair.compare("start, and nobody else")?;

    let master = ["-m", "-q", "--priority1=10"];
    let masters = [start(&gm1, &linuxptp, &master)?, start(&gm2, &linuxptp, &master)?];
    pair.wait("reports", |l| report(l) == Some(line))?;
    pair.compare("a better master")?;

    for host in [&theirs, &ours_host] {
        host.set_link("eth0", false)?;
    }
    pair.wait("the role", |l| l.contains("assuming the grand master role"))?;
    for host in [&theirs, &ours_host] {
        host.set_link("eth0", true)?;
    }
    pair.wait("listening", |l| l.contains("to LISTENING on INIT_COMPLETE"))?;
    pair.wait("the master again", |l| l.contains("to UNCALIBRATED on RS_SLAVE"))?;
    pair.wait("reports", |l| report(l) == Some(line))?;
    pair.compare("the link down and up, and the master again")?;
    drop(masters);
    pair.wait("master", |l| l.contains("assuming the grand master role"))?;
    pair.compare("the master gone")?;

    for process in [&mut pair.theirs, &mut pair.ours] {
        let status = process.stop(Duration::from_secs(5))?;
        if status.code() != Some(0) {
            return Err(LabError::Wrong(format!("{} ended with {status}", process.label())));
        }
    }
    pair.compare("the end")?;
    for socket in ["/run/theirs", "/run/ours", "/var/run/ptp/ptp4lro", "/var/run/ptp4lro"] {
        if Path::new(socket).symlink_metadata().is_ok() {
            return Err(LabError::Wrong(format!("{socket} is left behind")));
        }
    }
    Ok(())
}

#[test]
fn one_line_per_sample() {
    experiment("one_line_per_sample", LINUXPTP, |lab| logs(lab, &["--freq_est_interval=0"], "master offset"));
}

#[test]
fn summaries() {
    experiment("summaries", LINUXPTP, |lab| {
        logs(lab, &["--summary_interval=1", "--freq_est_interval=0"], "rms")
    });
}

/// What a command line comes to without a daemon running: exit code, whether the usage is shown, and on which stream.
fn end_of(program: &Path, arguments: &[&str]) -> Result<(Option<i32>, bool, bool), LabError> {
    let Output { status, stdout, stderr } =
        std::process::Command::new(program).args(arguments).output().map_err(LabError::io("start ptp4l"))?;
    let usage = |o: &[u8]| String::from_utf8_lossy(o).contains("usage: ptp4l [options]");
    Ok((status.code(), usage(&stdout), usage(&stderr)))
}

#[test]
fn what_is_wrong_at_the_start_ends_alike() {
    experiment("what_is_wrong_at_the_start_ends_alike", LINUXPTP, |lab| {
        let (theirs, ours) = (find_program("ptp4l", "linuxptp")?, ours(lab)?);
        let bad = lab.dir().join("bad.cfg");
        std::fs::write(&bad, "[global]\npriority1 999\n").map_err(LabError::io("write bad.cfg"))?;
        let unknown = lab.dir().join("unknown.cfg");
        std::fs::write(&unknown, "[global]\nnothing 1\n").map_err(LabError::io("write unknown.cfg"))?;
        let (bad, unknown) = (bad.to_string_lossy(), unknown.to_string_lossy());
        for arguments in [
            &["-h"][..],
            &["-v"],
            &[],
            &["-x"],
            &["-i"],
            &["-q", "-m"],
            &["-i", "lo", "-l", "9"],
            &["-i", "lo", "--priority1=999"],
            &["-i", "lo", "-f", "/nonexistent.cfg"],
            &["-i", "lo", "-f", &bad],
            &["-i", "lo", "-f", &unknown],
            &["-i", "nosuch0", "-S", "-m", "-q"],
            &["-i", "nosuch0", "-H", "-m", "-q"],
            &["-i", "lo", "-S", "-m", "-q", "--clock_type=E2E_TC"],
        ] {
            let (a, b) = (end_of(&theirs, arguments)?, end_of(&ours, arguments)?);
            if a != b {
                return Err(LabError::Wrong(format!("{arguments:?}: linuxptp {a:?}, ours {b:?}")));
            }
            println!("{arguments:?}: {a:?}");
        }
        Ok(())
    });
}

/// What came to syslog: the priority and the text behind the program's name, without numbers.
fn told(socket: &UnixDatagram) -> Vec<String> {
    let mut told = Vec::new();
    let mut octets = [0; 2048];
    while let Ok(n) = socket.recv(&mut octets) {
        let text = String::from_utf8_lossy(&octets[..n]).into_owned();
        let priority = text.split_once('>').map_or("", |(p, _)| p).trim_start_matches('<').to_owned();
        let rest = text.split_once("ptp4l").map_or("", |(_, r)| r);
        // `: [123.456] text`: the time's brackets stay, to see that they are alike.
        let body = rest.split_once("] ").map_or(rest, |(_, b)| b);
        let before = rest.len() - body.len();
        let shape: String =
            rest[..before].chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let shape = shape.split('.').map(|p| p.trim_end_matches('0')).collect::<Vec<_>>().join(".");
        told.push(format!("{priority}{shape}{}", normal(body)));
    }
    told
}

#[test]
fn syslog_and_standard_output() {
    experiment("syslog_and_standard_output", LINUXPTP, |lab| {
        let [_, theirs, _, ours_host] = networks(lab)?;
        let (linuxptp, ours) = (find_program("ptp4l", "linuxptp")?, ours(lab)?);
        // A log device of the room's own.
        let socket = lab.dir().join("log");
        let _ = std::fs::remove_file(&socket);
        let server = UnixDatagram::bind(&socket).map_err(LabError::io("bind a log socket"))?;
        server
            .set_read_timeout(Some(Duration::from_millis(100)))
            .map_err(LabError::io("set a time limit"))?;
        let script = format!(
            "mkdir -p /run/dev && for d in null zero random urandom; do touch /run/dev/$d; \
             mount --bind /dev/$d /run/dev/$d; done; ln -s {} /run/dev/log && mount --rbind /run/dev /dev",
            socket.display()
        );
        run_command("sh", &["-c", &script])?;
        for options in [&[][..], &["-m"], &["-q"], &["-m", "-q"], &["-m", "-l", "5"], &["-m", "-l", "4"]] {
            let mut seen = Vec::new();
            for (host, program) in [(&theirs, &linuxptp), (&ours_host, &ours)] {
                let mut process = start(host, program, &[options, &["--logAnnounceInterval=-2"]].concat())?;
                let begun = std::time::Instant::now();
                let mut syslog = Vec::new();
                while begun.elapsed() < Duration::from_secs(3) {
                    syslog.extend(told(&server));
                }
                process.stop(Duration::from_secs(5))?;
                syslog.extend(told(&server));
                // The second management socket is 4.x's.
                syslog.dedup();
                seen.push((syslog, story(&process.log(), 0)));
            }
            if seen[0] != seen[1] {
                return Err(LabError::Wrong(format!(
                    "{options:?}: linuxptp {:#?}, ours {:#?}",
                    seen[0], seen[1]
                )));
            }
            println!("{options:?}: {} lines to syslog, {} out", seen[0].0.len(), seen[0].1.len());
        }
        Ok(())
    });
}
