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
            let bad = |allowed| (number, line.to_owned(), allowed);
            match key {
                "domainNumber" => config.domain = Some(value.parse().map_err(|_| bad("0..=255"))?),
                "transportSpecific" => {
                    config.sdo_id =
                        Some(integer(value).filter(|n| *n <= 0xf).ok_or_else(|| bad("0x0..=0xf"))?);
                }
                "network_transport" => {
                    config.transport = Some(match value {
                        "UDPv4" => ptp_net::Transport::UdpIpv4,
                        "UDPv6" => ptp_net::Transport::UdpIpv6,
                        "L2" => ptp_net::Transport::Ethernet,
                        _ => return Err(bad("UDPv4, UDPv6 or L2")),
                    });
                }
                "uds_address" => config.server = Some(value.into()),
                "sa_file" => {
                    config.sa_file = Some(value.into()).filter(|p: &PathBuf| !p.as_os_str().is_empty())
                }
                "spp" => {
                    let spp = value.parse().ok().filter(|spp| (-1..=255).contains(spp));
                    config.spp = Some(spp.ok_or_else(|| bad("-1..=255"))?);
                }
                "active_key_id" => {
                    config.active_key_id = Some(value.parse().map_err(|_| bad("0..=4294967295"))?);
                }
                "allow_unauth" => {
                    let allow = value.parse().ok().filter(|allow| *allow <= 2);
                    config.allow_unauth = Some(allow.ok_or_else(|| bad("0..=2"))?);
                }
                _ => {}
            }
        }
        Ok(config)
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
            uds_address /run/x\nsa_file /k\nspp 7\nactive_key_id 2\nallow_unauth 1\npriority1 3\n[eth0]\ndomainNumber 9\nnetwork_transport nonsense\n";
        let expected = ConfigFile {
            domain: Some(24),
            sdo_id: Some(1),
            transport: Some(ptp_net::Transport::Ethernet),
            server: Some("/run/x".into()),
            sa_file: Some("/k".into()),
            spp: Some(7),
            active_key_id: Some(2),
            allow_unauth: Some(1),
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
        assert_eq!(wrong("[global]\nnetwork_transport UDP").2, "UDPv4, UDPv6 or L2");
    }
}
