//! Packets on the wire: captured with dumpcap, dissected by tshark.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::LabError;
use super::network::Host;
use super::process::{Process, find_program, run_command};

/// A running capture of one interface.
#[derive(Debug)]
pub struct Capture {
    process: Process,
    file: PathBuf,
}

/// PTP over UDP or Ethernet, and nothing else.
const FILTER: &str = "ether proto 0x88f7 or udp port 319 or udp port 320";

impl Capture {
    /// Starts capturing PTP on `interface` of `host`, and waits until dumpcap says that it does.
    ///
    /// # Errors
    ///
    /// [`LabError::Missing`] without dumpcap, [`LabError::Timeout`] if it does not start.
    pub fn start(host: &Host, interface: &str, dir: &Path) -> Result<Self, LabError> {
        let file = dir.join(format!("{}-{interface}.pcapng", host.name()));
        let dumpcap = find_program("dumpcap", "wireshark-common")?;
        let name = file.to_string_lossy().into_owned();
        let arguments = ["-q", "-i", interface, "-f", FILTER, "-w", &name];
        let mut process = host.start(&format!("dumpcap-{interface}"), &dumpcap, arguments)?;
        process.wait_for_line("capturing", Duration::from_secs(30), |line| line.starts_with("File:"))?;
        Ok(Self { process, file })
    }

    /// Ends the capture and gives its file.
    ///
    /// # Errors
    ///
    /// [`LabError::Timeout`] if dumpcap does not end.
    pub fn stop(mut self) -> Result<PathBuf, LabError> {
        // dumpcap learns of packets in batches; the last ones wait up to a second.
        std::thread::sleep(Duration::from_millis(1100));
        self.process.stop(Duration::from_secs(20))?;
        Ok(self.file)
    }
}

/// What tshark thinks of a capture.
#[derive(Debug)]
pub struct Dissection {
    /// PTP messages seen, by messageType (0..=15).
    pub by_type: [usize; 16],
    /// Complaints: frame number, source, and tshark's words. Empty when all is well.
    pub complaints: Vec<String>,
}

impl Dissection {
    /// Dissects the PTP messages in `file`; with `source` (a MAC address) only those sent from there.
    ///
    /// A complaint is a malformed or truncated packet, an expert note of severity warning or worse, or octets that
    /// no dissector claims.
    ///
    /// # Errors
    ///
    /// [`LabError::Missing`] without tshark, [`LabError::Command`] if it fails.
    pub fn read(file: &Path, source: Option<&str>) -> Result<Self, LabError> {
        let tshark = find_program("tshark", "tshark")?;
        let name = file.to_string_lossy();
        let filter = match source {
            Some(mac) => format!("ptp && eth.src == {mac}"),
            None => "ptp".to_owned(),
        };
        let mut arguments =
            vec!["-n", "-r", &name, "-Y", &filter, "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"];
        // Checksums of UDP over veth are left to hardware that is not there; tshark does not check them by default.
        for field in [
            "frame.number",
            "eth.src",
            "ptp.v2.messagetype",
            "_ws.malformed",
            "_ws.expert.severity",
            "_ws.expert.message",
            "_ws.col.Protocol",
        ] {
            arguments.extend(["-e", field]);
        }
        let table = run_command(&tshark.to_string_lossy(), &arguments)?;
        let mut dissection = Self { by_type: [0; 16], complaints: Vec::new() };
        for line in table.lines() {
            let fields: Vec<&str> = line.split('|').collect();
            let field = |n: usize| fields.get(n).copied().unwrap_or_default();
            let number = field(2).trim_start_matches("0x");
            match usize::from_str_radix(number, 16) {
                Ok(message_type) if message_type < 16 => dissection.by_type[message_type] += 1,
                _ => dissection.complaints.push(format!("frame {}: messageType `{}`", field(0), field(2))),
            }
            if !field(3).is_empty() || is_bad(field(4)) {
                dissection.complaints.push(format!("frame {} from {}: {}", field(0), field(1), field(5)));
            }
        }
        Ok(dissection)
    }

    /// All PTP messages.
    #[must_use]
    pub fn total(&self) -> usize {
        self.by_type.iter().sum()
    }
}

/// tshark's severities are numbers: chat 0x200000, note 0x400000, warning 0x600000, error 0x800000.
fn is_bad(severities: &str) -> bool {
    const WARNING: u32 = 0x60_0000;
    severities
        .split(',')
        .filter_map(|text| text.trim().parse::<u32>().ok())
        .any(|severity| severity >= WARNING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities() {
        assert!(!is_bad(""));
        assert!(!is_bad("2097152,4194304"));
        assert!(is_bad("4194304,6291456"));
        assert!(is_bad("8388608"));
    }
}
