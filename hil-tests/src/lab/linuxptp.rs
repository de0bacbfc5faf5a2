//! Debian's linuxptp as the other side: `ptp4l` with a log that can be read.

use std::time::Duration;

use super::error::LabError;
use super::network::Host;
use super::process::{Process, find_program, run_command};

/// A running `ptp4l`.
#[derive(Debug)]
pub struct Ptp4l {
    /// Its process and log.
    pub process: Process,
    /// Its management socket.
    pub uds: String,
}

/// One line of a free running or servoing `ptp4l`'s log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Measured {
    /// Its clock minus its master's, ns.
    pub master_offset: i64,
    /// ns.
    pub path_delay: i64,
}

impl Ptp4l {
    /// Starts `ptp4l` with software stamps on `interfaces`, free running: it measures, and never touches a clock.
    /// `options` are further `--key=value` pairs, or switches.
    ///
    /// # Errors
    ///
    /// [`LabError::Missing`] without linuxptp.
    pub fn start(host: &Host, interfaces: &[&str], options: &[&str]) -> Result<Self, LabError> {
        let program = find_program("ptp4l", "linuxptp")?;
        let uds = format!("/run/ptp4l-{}", host.name());
        let uds_option = format!("--uds_address={uds}");
        let mut arguments = vec![
            "-S",
            "-m",
            "-q",
            "--free_running=1",
            "--summary_interval=-4",
            "--freq_est_interval=0",
            "--logging_level=6",
            "--logAnnounceInterval=-2",
            "--logSyncInterval=-3",
            "--logMinDelayReqInterval=-3",
            "--logMinPdelayReqInterval=-2",
            "--tx_timestamp_timeout=100",
            &uds_option,
        ];
        arguments.extend_from_slice(options);
        for interface in interfaces {
            arguments.extend(["-i", interface]);
        }
        let process = host.start("ptp4l", &program, arguments)?;
        Ok(Self { process, uds })
    }

    /// Waits for a state transition of a port to `state`, as the log writes it.
    ///
    /// # Errors
    ///
    /// [`LabError::Timeout`].
    pub fn wait_for_state(&mut self, port: u16, state: &str, limit: Duration) -> Result<(), LabError> {
        let port = format!("port {port}");
        let to = format!(" to {state} on ");
        self.process
            .wait_for_line(&format!("{port} in state {state}"), limit, |line| {
                line.contains(&port) && line.contains(&to)
            })
            .map(|_| ())
    }

    /// All offsets it logged so far.
    #[must_use]
    pub fn measured(&self) -> Vec<Measured> {
        self.process.log().lines().filter_map(parse_measured).collect()
    }

    /// Waits until it logged at least `count` offsets.
    ///
    /// # Errors
    ///
    /// [`LabError::Timeout`].
    pub fn wait_for_measured(&mut self, count: usize, limit: Duration) -> Result<Vec<Measured>, LabError> {
        let start = std::time::Instant::now();
        loop {
            let measured = self.measured();
            if measured.len() >= count {
                return Ok(measured);
            }
            if let Some(status) = self.process.ended() {
                let words = self.process.last_words();
                return Err(LabError::Wrong(format!("ptp4l ended ({status}):\n{words}")));
            }
            if start.elapsed() > limit {
                return Err(LabError::Timeout {
                    awaited: format!("{count} offsets from ptp4l (it has {})", measured.len()),
                    waited: limit,
                    log: Some(self.process.log_path().to_owned()),
                });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// `ptp4l[12.345]: master offset  -123 s0 freq +0 path delay  2521`
fn parse_measured(line: &str) -> Option<Measured> {
    let rest = line.split_once("master offset")?.1;
    let mut words = rest.split_whitespace();
    let master_offset = words.next()?.parse().ok()?;
    let path_delay = rest.split_once("path delay")?.1.trim().parse().ok()?;
    Some(Measured { master_offset, path_delay })
}

/// Asks a management socket with linuxptp's own `pmc`; gives what it printed.
///
/// # Errors
///
/// [`LabError::Missing`], [`LabError::Command`].
pub fn their_pmc(uds: &str, requests: &[&str]) -> Result<String, LabError> {
    let program = find_program("pmc", "linuxptp")?;
    let own = format!("/run/pmc-{}-{}", std::process::id(), uds.rsplit('/').next().unwrap_or_default());
    let mut arguments = vec!["-u", "-b", "0", "-s", uds, "-i", &own];
    arguments.extend_from_slice(requests);
    run_command(&program.to_string_lossy(), &arguments)
}

/// The value that follows `label` in what `pmc` printed.
#[must_use]
pub fn field<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let rest = line.trim_start().strip_prefix(label)?;
        rest.starts_with(char::is_whitespace).then(|| rest.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines() {
        let line = "ptp4l[2666.752]: master offset        -61 s0 freq     +42 path delay      2521";
        assert_eq!(parse_measured(line), Some(Measured { master_offset: -61, path_delay: 2521 }));
        assert_eq!(parse_measured("ptp4l[2666.752]: rms  561 max  921"), None);
    }

    #[test]
    fn labels_are_whole_words() {
        let text = "\t\tportStateX 1\n\t\tportState               SLAVE\n";
        assert_eq!(field(text, "portState"), Some("SLAVE"));
        assert_eq!(field(text, "port"), None);
    }
}
