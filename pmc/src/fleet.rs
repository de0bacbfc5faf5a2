//! `pmc --fleet`: the same question to many, at the same time. Each member is asked by a `pmc` of its own, so that none can keep
//! the others waiting, and every command and tool that ends by itself can be asked of all.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;

use crate::options::{EXIT_ERROR_REPLY, EXIT_NO_REPLY, EXIT_SUCCESS, EXIT_USAGE, Options};
use crate::tools::{Tool, parse_target};

/// Members that are asked at the same time.
const AT_ONCE: usize = 32;
/// Members of a fleet.
const MAX_MEMBERS: usize = 10_000;
/// Octets of one member's answer that are kept.
const MAX_ANSWER: u64 = 16 << 20;
/// How long one that is told to end may take for it.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// One of the fleet.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Member {
    label: String,
    arguments: Vec<String>,
}

/// What came of one.
struct Answer {
    code: u8,
    out: String,
    err: String,
}

/// `PATH` or `IDENTITY` with further options; words of one line.
fn member(words: &[&str]) -> Result<Member, String> {
    let is_place = |w: &str| w.starts_with('/') || parse_target(w).is_ok();
    let (label, rest) = match words {
        [first, ..] if is_place(first) => (*first, words),
        [label, place, ..] if is_place(place) => (*label, words.get(1..).unwrap_or_default()),
        _ => {
            return Err(format!(
                "`{}` names no daemon: give the path of its socket, or its identity, such as 001122.fffe.334455",
                words.join(" ")
            ));
        }
    };
    let mut arguments = Vec::new();
    if let Some((place, options)) = rest.split_first() {
        let option = if place.starts_with('/') { "-s" } else { "--target" };
        arguments.extend([option.to_owned(), (*place).to_owned()]);
        arguments.extend(options.iter().map(|o| (*o).to_owned()));
    }
    Ok(Member { label: label.to_owned(), arguments })
}

/// A list with commas, or `@FILE` with a member a line.
fn members(text: &str) -> Result<Vec<Member>, String> {
    let mut all = Vec::new();
    if let Some(path) = text.strip_prefix('@') {
        let lines =
            std::fs::read_to_string(path).map_err(|e| format!("cannot read the fleet's file {path}: {e}"))?;
        for (line, number) in lines.lines().zip(1..) {
            let line = line.split('#').next().unwrap_or_default();
            let words: Vec<_> = line.split_whitespace().collect();
            if !words.is_empty() {
                all.push(member(&words).map_err(|e| format!("{path}:{number}: {e}"))?);
            }
        }
    } else {
        for one in text.split(',').map(str::trim).filter(|one| !one.is_empty()) {
            all.push(member(&[one])?);
        }
    }
    match all.len() {
        0 => Err("the fleet has no members".to_owned()),
        n if n > MAX_MEMBERS => Err(format!("the fleet has {n} members: at most {MAX_MEMBERS} can be asked")),
        _ => Ok(all),
    }
}

/// What was typed, without what only the fleet is about.
fn passed_on(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut rest = Vec::new();
    let mut skip = false;
    for argument in arguments {
        let text = argument.to_string_lossy();
        if std::mem::replace(&mut skip, false) {
            continue;
        }
        if text == "--fleet" || text == "--limit" {
            skip = true;
        } else if !text.starts_with("--fleet=") && !text.starts_with("--limit=") {
            rest.push(argument);
        }
    }
    rest
}

/// Why this question cannot be asked of a fleet.
fn unfit(options: &Options) -> Option<&'static str> {
    match &options.tool {
        Some(Tool::Watch(_) | Tool::Top(_)) => Some("watch and top look at one daemon"),
        Some(Tool::Diff(_)) => Some("diff names its two daemons itself"),
        None if options.commands.is_empty() => {
            Some("a fleet is asked what stands on the command line: give a command")
        }
        _ if options.server.is_some() || options.target.is_some() => {
            Some("--fleet names who is asked: leave out -s and --target")
        }
        _ => None,
    }
}

/// Asks all; the exit status is the worst of theirs.
pub(crate) fn run(options: &Options, fleet: &str) -> ExitCode {
    let members = match unfit(options).map_or_else(|| members(fleet), |e| Err(e.to_owned())) {
        Ok(members) => members,
        Err(e) => {
            eprintln!("pmc: {e}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let rest = passed_on(std::env::args_os().skip(1));
    let limit = Duration::from_secs_f64(options.limit);
    let next = Mutex::new(0..members.len());
    let answers: Vec<Mutex<Option<Answer>>> = members.iter().map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..members.len().min(AT_ONCE) {
            scope.spawn(|| {
                while let Some(i) = next.lock().ok().and_then(|mut n| n.next())
                    && let Some((member, place)) = members.get(i).zip(answers.get(i))
                {
                    let answer = ask(member, &rest, options.uds, limit);
                    if let Ok(mut place) = place.lock() {
                        *place = Some(answer);
                    }
                }
            });
        }
    });
    let mut worst = EXIT_SUCCESS;
    let mut silent = Vec::new();
    for (member, answer) in members.iter().zip(&answers) {
        let Some(answer) = answer.lock().ok().and_then(|mut a| a.take()) else { continue };
        if rank(answer.code) > rank(worst) {
            worst = answer.code;
        }
        if answer.code >= EXIT_NO_REPLY {
            silent.push(member.label.as_str());
        }
        if show(member, &answer, options.json).is_err() {
            return ExitCode::from(worst); // Nobody reads us any more.
        }
    }
    if !silent.is_empty() {
        let (n, all) = (silent.len(), members.len());
        eprintln!("pmc: {n} of {all} did not answer as they should: {}", silent.join(", "));
    }
    ExitCode::from(worst)
}

/// How bad an exit status is.
fn rank(code: u8) -> u8 {
    match code {
        EXIT_SUCCESS => 0,
        EXIT_ERROR_REPLY => 1,
        EXIT_USAGE => u8::MAX,
        more => more,
    }
}

fn ask(member: &Member, rest: &[OsString], uds: bool, limit: Duration) -> Answer {
    let failed = |e: std::io::Error| Answer {
        code: crate::options::EXIT_SYSTEM,
        out: String::new(),
        err: format!("pmc: cannot ask: {e}\n"),
    };
    let over_uds = member.arguments.first().is_some_and(|o| o == "-s");
    let mut command = Command::new("/proc/self/exe");
    command.args((over_uds && !uds).then_some("-u")).args(&member.arguments).args(rest);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(e) => return failed(e),
    };
    let (out, err) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let out = scope.spawn(|| read(out));
        let err = scope.spawn(|| read(err));
        let code = wait(&mut child, limit);
        let (out, mut err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
        let code = code.unwrap_or_else(|| {
            err.push_str(&format!("pmc: no answer within {:.1} s (--limit)\n", limit.as_secs_f64()));
            EXIT_NO_REPLY
        });
        Answer { code, out, err }
    })
}

fn read(from: Option<impl Read>) -> String {
    let mut octets = Vec::new();
    if let Some(from) = from {
        // What came before it broke is worth showing.
        let _ = from.take(MAX_ANSWER).read_to_end(&mut octets);
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// Its exit status; `None`: its time was over, and it was ended.
fn wait(child: &mut Child, limit: Duration) -> Option<u8> {
    let start = Instant::now();
    let mut told = false;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if !told => {
                return Some(
                    status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(crate::options::EXIT_SYSTEM),
                );
            }
            Ok(None) => {}
            Ok(Some(_)) | Err(_) => return None,
        }
        let passed = start.elapsed();
        if passed >= limit && !std::mem::replace(&mut told, true) {
            // It takes its own socket away.
            if let Ok(pid) = i32::try_from(child.id()) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
            }
        }
        if passed >= limit + LAST_WORDS {
            let _ = child.kill();
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// One line is shown behind the label, more of them below it; objects say in `member` whose they are.
fn show(member: &Member, answer: &Answer, json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let label = &member.label;
    if json {
        for line in answer.out.lines() {
            match serde_json::from_str(line) {
                Ok(Json::Object(mut object)) => {
                    object.insert("member".into(), label.as_str().into());
                    writeln!(out, "{}", Json::Object(object))?;
                }
                _ => writeln!(out, "{line}")?,
            }
        }
    } else if answer.out.lines().count() == 1 {
        write!(out, "{label}: {}", answer.out)?;
    } else if !answer.out.is_empty() {
        writeln!(out, "== {label}")?;
        out.write_all(answer.out.as_bytes())?;
    }
    out.flush()?;
    for line in answer.err.lines() {
        eprintln!("{label}: {line}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_sockets_or_identities() {
        let one = |text: &str| members(text).map(|m| m[0].arguments.join(" "));
        assert_eq!(one("/run/a").as_deref(), Ok("-s /run/a"));
        assert_eq!(one("001122.fffe.334455,/run/b").as_deref(), Ok("--target 001122.fffe.334455"));
        assert_eq!(members("/a, /b,").map(|m| m.len()), Ok(2));
        for bad in ["", ",", "host", "@/nowhere/at/all"] {
            assert!(members(bad).is_err(), "{bad}");
        }
        let path = std::env::temp_dir().join(format!("pmc-fleet-{}", std::process::id()));
        std::fs::write(&path, "# all\ngm /run/gm   # the best\n\n001122.fffe.334455 -d 24\n").expect("write");
        let all = members(&format!("@{}", path.display())).expect("two");
        std::fs::write(&path, "gm /run/gm\nnonsense\n").expect("write");
        let wrong = members(&format!("@{}", path.display())).expect_err("no daemon");
        std::fs::remove_file(&path).expect("remove");
        assert_eq!((all[0].label.as_str(), all[0].arguments.join(" ")), ("gm", "-s /run/gm".to_owned()));
        assert_eq!(all[1].arguments.join(" "), "--target 001122.fffe.334455 -d 24");
        assert!(wrong.contains(":2: `nonsense` names no daemon"), "{wrong}");
    }

    #[test]
    fn the_worst_counts_and_the_rest_is_passed_on() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let rest = passed_on(words("--fleet /a,/b -d 24 --limit=3 check x==1").into_iter());
        assert_eq!(rest, words("-d 24 check x==1"));
        let mut codes = [1, 4, 0, 2, 3];
        codes.sort_by_key(|c| rank(*c));
        assert_eq!(codes, [0, 1, 3, 4, 2]);
    }
}
