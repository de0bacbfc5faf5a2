//! Processes of an experiment: started in a host, logged to a file, ended with the experiment.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::LabError;

/// How often files and processes are looked at while waiting.
const LOOK: Duration = Duration::from_millis(50);

/// Where `program` is: in PATH, or where Debian puts administrators' programs.
///
/// # Errors
///
/// [`LabError::Missing`] with the package that has it.
pub fn find_program(program: &str, package: &'static str) -> Result<PathBuf, LabError> {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"])
        .map(|dir| Path::new(dir).join(program))
        .find(|file| file.is_file())
        .ok_or_else(|| LabError::Missing { program: program.to_owned(), package })
}

/// Runs a command to its end and gives its standard output.
///
/// # Errors
///
/// [`LabError::Command`] unless it ends with success.
pub fn run_command(program: &str, arguments: &[&str]) -> Result<String, LabError> {
    let line = format!("{program} {}", arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(LabError::io(format!("start `{line}`")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let answer = if stderr.trim().is_empty() { output.status.to_string() } else { stderr.trim().to_owned() };
    Err(LabError::Command { line, answer })
}

/// A running program of an experiment. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    label: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with both outputs in `log`.
    ///
    /// # Errors
    ///
    /// [`LabError::Io`].
    pub fn start(label: &str, mut command: Command, log: PathBuf) -> Result<Self, LabError> {
        let file = File::create(&log).map_err(LabError::io(format!("create {}", log.display())))?;
        let second = file.try_clone().map_err(LabError::io("share the log"))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(second)
            .spawn()
            .map_err(LabError::io(format!("start {label}")))?;
        Ok(Self { label: label.to_owned(), child, log })
    }

    /// The name it was started under.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Its number in the room.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its outputs go.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// What it wrote so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until a line of its log pleases `wanted`.
    ///
    /// # Errors
    ///
    /// [`LabError::Timeout`]; [`LabError::Wrong`] if the program ends before.
    pub fn wait_for_line(
        &mut self,
        awaited: &str,
        limit: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String, LabError> {
        let start = Instant::now();
        loop {
            // Asked first, so that the last words of a program that just ended are still read.
            let ended = self.ended();
            if let Some(line) = self.log().lines().find(|line| wanted(line)) {
                return Ok(line.to_owned());
            }
            if let Some(status) = ended {
                return Err(LabError::Wrong(format!(
                    "{} ended ({status}) before {awaited}:\n{}",
                    self.label,
                    self.last_words()
                )));
            }
            if start.elapsed() > limit {
                return Err(LabError::Timeout {
                    awaited: format!("{awaited} from {}", self.label),
                    waited: limit,
                    log: Some(self.log.clone()),
                });
            }
            std::thread::sleep(LOOK);
        }
    }

    /// The last 15 lines of its log.
    #[must_use]
    pub fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Sends a signal.
    ///
    /// # Errors
    ///
    /// [`LabError::Wrong`] if the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<(), LabError> {
        let number = i32::try_from(self.child.id()).unwrap_or(i32::MAX);
        kill(Pid::from_raw(number), signal)
            .map_err(|error| LabError::Wrong(format!("{} cannot be sent {signal}: {error}", self.label)))
    }

    /// Asks it to end (SIGTERM) and waits; kills it after `patience`.
    ///
    /// # Errors
    ///
    /// [`LabError::Timeout`] if it had to be killed, [`LabError::Io`].
    pub fn stop(&mut self, patience: Duration) -> Result<ExitStatus, LabError> {
        if let Some(status) = self.ended() {
            return Ok(status);
        }
        self.signal(Signal::SIGTERM)?;
        let start = Instant::now();
        while start.elapsed() < patience {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill()?;
        Err(LabError::Timeout {
            awaited: format!("{} to end after SIGTERM", self.label),
            waited: patience,
            log: Some(self.log.clone()),
        })
    }

    /// Kills it without warning (SIGKILL), as a power cut would.
    ///
    /// # Errors
    ///
    /// [`LabError::Io`].
    pub fn kill(&mut self) -> Result<ExitStatus, LabError> {
        let _ = self.child.kill();
        self.child.wait().map_err(LabError::io(format!("wait for {}", self.label)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_names_its_package() {
        let error = find_program("surely-not-installed", "linuxptp").expect_err("it cannot be there");
        assert!(error.to_string().contains("apt-get install linuxptp"));
    }

    #[test]
    fn waiting_ends_with_the_program() {
        let log = std::env::temp_dir().join(format!("escapement-process-test-{}", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "echo first; echo second >&2"]);
        let mut process = Process::start("sh", command, log.clone()).expect("sh runs");
        let line = process.wait_for_line("second", Duration::from_secs(20), |line| line == "second");
        assert_eq!(line.expect("it was written"), "second");
        let error = process.wait_for_line("third", Duration::from_secs(20), |line| line == "third");
        assert!(error.expect_err("never written").to_string().contains("ended"));
        let _ = std::fs::remove_file(log);
    }
}
