//! A service manager as daemons see it: the socket that hears that they are ready, alive, and how they are.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::error::LabError;
use super::process::Process;

/// One daemon's socket (sd_notify(3)).
#[derive(Debug)]
pub struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    heard: Vec<String>,
}

impl Manager {
    /// Listens at `path`.
    ///
    /// # Errors
    ///
    /// [`LabError::Io`].
    pub fn new(path: &Path) -> Result<Self, LabError> {
        let socket = UnixDatagram::bind(path).map_err(LabError::io(format!("bind {}", path.display())))?;
        socket.set_nonblocking(true).map_err(LabError::io("make a socket non-blocking"))?;
        Ok(Self { socket, path: path.to_owned(), heard: Vec::new() })
    }

    /// The environment that a service manager gives to a daemon with a watchdog of this time.
    pub fn watch(&self, command: &mut Command, watchdog: Duration) {
        command.env("NOTIFY_SOCKET", &self.path).env("WATCHDOG_USEC", watchdog.as_micros().to_string());
    }

    /// All messages so far.
    pub fn heard(&mut self) -> &[String] {
        let mut octets = [0; 4096];
        while let Ok(n) = self.socket.recv(&mut octets) {
            self.heard.push(String::from_utf8_lossy(octets.get(..n).unwrap_or_default()).into_owned());
        }
        &self.heard
    }

    /// Whether the daemon has said that it is ready.
    pub fn is_ready(&mut self) -> bool {
        self.heard().iter().any(|m| m == "READY=1")
    }

    /// How often it has said that it is alive.
    pub fn signs_of_life(&mut self) -> usize {
        self.heard().iter().filter(|m| *m == "WATCHDOG=1").count()
    }

    /// Waits until what was heard pleases `wanted`.
    ///
    /// # Errors
    ///
    /// [`LabError::Wrong`] with all that was heard, if the time runs out.
    pub fn wait_until(
        &mut self,
        awaited: &str,
        process: &Process,
        limit: Duration,
        wanted: impl Fn(&mut Self) -> bool,
    ) -> Result<(), LabError> {
        let start = Instant::now();
        while !wanted(self) {
            if start.elapsed() > limit {
                let words = process.last_words();
                return Err(LabError::Wrong(format!("{awaited}: not in time: {:?}\n{words}", self.heard)));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}
