//! A run of the guest, from its start to what it brought home.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::image::{Means, RigError, io_error, output, which};
use super::outcome::Outcome;

/// Whose programs run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// Escapement's.
    Ours,
    /// linuxptp's.
    Theirs,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
        })
    }
}

/// One scenario with one side's programs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Job {
    /// The name of a file in `hil-tests/rig/scenarios`, without `.sh`.
    pub scenario: String,
    /// Whose programs.
    pub side: Side,
    /// Settle and measure for a fraction of the time.
    pub short: bool,
}

impl Job {
    /// As the guest is told.
    fn line(&self) -> String {
        format!("{} {} {}\n", self.scenario, self.side, if self.short { "short" } else { "full" })
    }

    fn of_line(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let scenario = words.next()?.to_owned();
        let side = match words.next()? {
            "ours" => Side::Ours,
            "theirs" => Side::Theirs,
            _ => return None,
        };
        Some(Self { scenario, side, short: words.next()? == "short" })
    }
}

/// Boots the guest once and does the jobs one after the other. Files are kept in `target/rig/runs/NAME`; an earlier
/// run of that name is replaced. `limit` is wall time: only for a guest that hangs.
///
/// # Errors
///
/// [`RigError`]; a job that fails is an [`Outcome`], not an error.
pub fn run(means: &Means, name: &str, jobs: &[Job], limit: Duration) -> Result<Vec<Outcome>, RigError> {
    let directory = means.work().join("runs").join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).map_err(io_error(directory.display().to_string()))?;
    let directory = directory.canonicalize().map_err(io_error("the run's directory"))?;
    let lines: String = jobs.iter().map(Job::line).collect();
    let image = means.image(&directory, &lines)?;
    boot(means, &directory, &image, limit)?;
    let out = directory.join("out");
    fs::create_dir_all(&out).map_err(io_error("out"))?;
    let archive = directory.join("outbox");
    output(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&out)).map_err(|e| {
        RigError::Guest(format!("the guest brought nothing home: {e}\n{}", last_words(&directory)))
    })?;
    let dmesg = fs::read_to_string(out.join("dmesg")).map_err(io_error("dmesg"))?;
    if let Some(complaint) = complaint(&dmesg) {
        return Err(RigError::Guest(format!(
            "the guest's kernel complains: {complaint}; {}",
            out.join("dmesg").display()
        )));
    }
    read_all(jobs, &out)
}

fn read_all(jobs: &[Job], out: &Path) -> Result<Vec<Outcome>, RigError> {
    jobs.iter().map(|job| Outcome::read(job, &out.join(&job.scenario).join(job.side.to_string()))).collect()
}

/// What an earlier run of this name came to.
///
/// # Errors
///
/// [`RigError`]: there is no such run, or it did not end.
pub fn read(means: &Means, name: &str) -> Result<Vec<Outcome>, RigError> {
    let directory = means.work().join("runs").join(name);
    let list = directory.join("root/jobs");
    let text = fs::read_to_string(&list).map_err(io_error(list.display().to_string()))?;
    read_all(&text.lines().filter_map(Job::of_line).collect::<Vec<_>>(), &directory.join("out"))
}

fn boot(means: &Means, directory: &Path, image: &Path, limit: Duration) -> Result<(), RigError> {
    let file = |name: &str| format!("file:{}", directory.join(name).display());
    let mut child = Command::new(which("qemu-system-x86_64")?)
        .args(["-machine", "q35,hpet=off,accel=tcg", "-cpu", "qemu64,+rdrand", "-smp", "1", "-m", "768"])
        .args(["-icount", "shift=1,sleep=off", "-rtc", "base=2026-03-01T00:00:00,clock=vm", "-seed", "1"])
        .args(["-display", "none", "-nodefaults", "-no-reboot", "-net", "none"])
        .arg("-serial")
        .arg(file("console"))
        .arg("-debugcon")
        .arg(file("outbox"))
        .arg("-kernel")
        .arg(means.kernel())
        .arg("-initrd")
        .arg(image)
        .args(["-append", "console=ttyS0 loglevel=4 panic=-1 nokaslr random.trust_cpu=on mitigations=off tsc=reliable audit=0"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(directory.join("qemu")).map_err(io_error("qemu's log"))?)
        .spawn()
        .map_err(io_error("qemu-system-x86_64"))?;
    let start = Instant::now();
    loop {
        match child.try_wait().map_err(io_error("qemu"))? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => {
                return Err(RigError::Guest(format!("QEMU ended: {status}\n{}", last_words(directory))));
            }
            None if start.elapsed() > limit => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(RigError::Guest(format!(
                    "the guest did not end within {} s\n{}",
                    limit.as_secs(),
                    last_words(directory)
                )));
            }
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn last_words(directory: &Path) -> String {
    let mut words = String::new();
    for name in ["qemu", "console"] {
        let path: PathBuf = directory.join(name);
        let text = fs::read(&path).map(|t| String::from_utf8_lossy(&t).into_owned()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        words.push_str(&lines[lines.len().saturating_sub(15)..].join("\n"));
    }
    words
}

/// The first line of the kernel's log that must not be there.
fn complaint(dmesg: &str) -> Option<&str> {
    dmesg.lines().find(|line| {
        [
            "BUG:",
            "WARNING:",
            "Oops",
            "Call Trace",
            "refcount",
            "soft lockup",
            "general protection",
            "waiting for rig",
        ]
        .iter()
        .any(|mark| line.contains(mark))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_told_in_a_line() {
        let job = Job { scenario: "peer-delay".to_owned(), side: Side::Theirs, short: true };
        assert_eq!(job.line(), "peer-delay theirs short\n");
        assert_eq!(Job::of_line("peer-delay theirs short"), Some(job));
        assert_eq!(Job::of_line("peer-delay nobody short"), None);
    }

    #[test]
    fn the_kernels_complaints_are_seen() {
        assert_eq!(complaint("[ 0.1] all is well\n[ 0.2] x86: fine"), None);
        assert_eq!(
            complaint("[ 0.1] a\n[ 0.2] BUG: scheduling while atomic"),
            Some("[ 0.2] BUG: scheduling while atomic")
        );
    }
}
