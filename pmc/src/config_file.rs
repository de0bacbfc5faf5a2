//! What linuxptp's pmc takes from a configuration file of linuxptp: some options of its global section. All others belong to
//! other programs.

use std::fmt;
use std::path::{Path, PathBuf};

/// The options that were there.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct ConfigFile {
    pub(crate) domain: Option<u8>,
    pub(crate) sdo_id: Option<u8>,
    pub(crate) transport: Option<ptp_net::Transport>,
    pub(crate) server: Option<PathBuf>,
    pub(crate) sa_file: Option<PathBuf>,
    pub(crate) spp: Option<i16>,
    pub(crate) active_key_id: Option<u32>,
    pub(crate) allow_unauth: Option<u8>,
    /// Software stamps; otherwise the card's.
    pub(crate) software: Option<bool>,
    /// delayAsymmetry, ns.
    pub(crate) delay_asymmetry: Option<i32>,
    /// tx_timestamp_timeout, ms.
    pub(crate) stamp_timeout: Option<u32>,
}

/// What is wrong with the file.
#[derive(Debug)]
pub(crate) enum ConfigFileError {
    Read { path: PathBuf, error: std::io::Error },
    Value { path: PathBuf, line: usize, text: String, allowed: &'static str },
}

impl fmt::Display for ConfigFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, error } => write!(f, "cannot read {}: {error}", path.display()),
            Self::Value { path, line, text, allowed } => {
                write!(f, "{}:{line}: {text}: must be {allowed}", path.display())
            }
        }
    }
}

impl ConfigFile {
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigFileError::Read { path: path.to_owned(), error })?;
        Self::parse(&text).map_err(|(line, text, allowed)| ConfigFileError::Value {
            path: path.to_owned(),
            line,
            text,
            allowed,
        })
    }

    /// An option of the command line: it goes before what the file says.
    ///
    /// # Errors
    /// What the value may be.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        self.read_line(key, value)
    }

    fn parse(text: &str) -> Result<Self, (usize, String, &'static str)> {
        let mut config = Self::default();
        let mut global = false;
        for (line, number) in text.lines().map(str::trim).zip(1..) {
            if line.starts_with('[') {
                global = line == "[global]";
                continue;
            }
            let Some((key, value)) = line.split_once(char::is_whitespace) else { continue };
            if !global || line.starts_with('#') {
                continue;
            }
            let value = value.trim();
            config.read_line(key, value).map_err(|allowed| (number, line.to_owned(), allowed))?;
        }
        Ok(config)
    }

    fn read_line(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        match key {
            "domainNumber" => self.domain = Some(value.parse().map_err(|_| "0..=255")?),
            "transportSpecific" => {
                self.sdo_id = Some(integer(value).filter(|n| *n <= 0xf).ok_or("0x0..=0xf")?);
            }
            "network_transport" => {
                self.transport = Some(match value {
                    "UDPv4" => ptp_net::Transport::UdpIpv4,
                    "UDPv6" => ptp_net::Transport::UdpIpv6,
                    "L2" => ptp_net::Transport::Ethernet,
                    _ => return Err("UDPv4, UDPv6 or L2"),
                });
            }
            "uds_address" => self.server = Some(value.into()),
            "sa_file" => self.sa_file = Some(value.into()).filter(|p: &PathBuf| !p.as_os_str().is_empty()),
            "spp" => {
                let spp = value.parse().ok().filter(|spp| (-1..=255).contains(spp));
                self.spp = Some(spp.ok_or("-1..=255")?);
            }
            "active_key_id" => {
                self.active_key_id = Some(value.parse().map_err(|_| "0..=4294967295")?);
            }
            "allow_unauth" => {
                let allow = value.parse().ok().filter(|allow| *allow <= 2);
                self.allow_unauth = Some(allow.ok_or("0..=2")?);
            }
            "time_stamping" => {
                self.software = Some(match value {
                    "software" => true,
                    "hardware" | "legacy" | "onestep" | "p2p1step" => false,
                    _ => return Err("hardware, software or legacy"),
                });
            }
            "delayAsymmetry" => {
                self.delay_asymmetry = Some(value.parse().map_err(|_| "ns, 32 bits")?);
            }
            "tx_timestamp_timeout" => {
                let ms = value.parse().ok().filter(|ms| *ms > 0);
                self.stamp_timeout = Some(ms.ok_or("1..=2147483647 ms")?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Decimal, or hexadecimal with 0x.
fn integer(text: &str) -> Option<u8> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_global_section_count() {
        let text = "# domainNumber 1\n[global]\ndomainNumber\t24\n  transportSpecific 0x1\nnetwork_transport L2\n\
            uds_address /run/x\nsa_file /k\nspp 7\nactive_key_id 2\nallow_unauth 1\ntime_stamping software\n\
            delayAsymmetry -3\ntx_timestamp_timeout 100\npriority1 3\n[eth0]\ndomainNumber 9\nnetwork_transport nonsense\n";
        let expected = ConfigFile {
            domain: Some(24),
            sdo_id: Some(1),
            transport: Some(ptp_net::Transport::Ethernet),
            server: Some("/run/x".into()),
            sa_file: Some("/k".into()),
            spp: Some(7),
            active_key_id: Some(2),
            allow_unauth: Some(1),
            software: Some(true),
            delay_asymmetry: Some(-3),
            stamp_timeout: Some(100),
        };
        assert_eq!(ConfigFile::parse(text), Ok(expected));
        assert_eq!(ConfigFile::parse(""), Ok(ConfigFile::default()));
    }

    #[test]
    fn wrong_values_are_named_with_their_line() {
        let wrong = |text: &str| ConfigFile::parse(text).unwrap_err();
        assert_eq!(wrong("[global]\n\ndomainNumber 256"), (3, "domainNumber 256".into(), "0..=255"));
        assert_eq!(wrong("[global]\ntransportSpecific 0x10").0, 2);
        assert_eq!(wrong("[global]\nspp 256").2, "-1..=255");
        assert_eq!(wrong("[global]\nallow_unauth 3").2, "0..=2");
        assert_eq!(wrong("[global]\ntime_stamping soft").2, "hardware, software or legacy");
        assert_eq!(wrong("[global]\nnetwork_transport UDP").2, "UDPv4, UDPv6 or L2");
    }
}
