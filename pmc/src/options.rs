use std::path::{Path, PathBuf};

use clap::{ArgGroup, Parser};
use ptp_management::{Client, ClientConfig, ClientError, Network, Transport, Uds};
use ptp_wire::SdoId;

/// Every reply is there and none is an error.
pub(crate) const EXIT_SUCCESS: u8 = 0;
/// A reply is MANAGEMENT_ERROR_STATUS.
pub(crate) const EXIT_ERROR_REPLY: u8 = 1;
/// An option or a command is wrong.
pub(crate) const EXIT_USAGE: u8 = 2;
/// A request got no reply, or could not be sent.
pub(crate) const EXIT_NO_REPLY: u8 = 3;

/// linuxptp's socket, which ptpd makes, too.
const SERVER: &str = "/var/run/ptp/ptp4l";
/// ptpd's own.
const SERVER_PTPD: &str = "/run/escapement/ptpd";

const AFTER_HELP: &str = "\
Commands (in any case; may be cut short to what is unique):
  GET id               ask
  SET id [label] value change; more than one value: label value label value ...
  CMD id               command (ENABLE_PORT, DISABLE_PORT, ...)
  TARGET identity      send what follows to one port, such as 001122.fffe.334455-1; TARGET * to all
  HELP                 list the ids
Without commands, they are read from the standard input, one a line.

Exit status: 0 every request was answered, 1 an answer is an error, 2 wrong option or command,
3 a request was not answered or could not be sent. Where several apply: 2, then 3, then 1.

Examples:
  pmc -u 'GET TIME_STATUS_NP' 'GET PORT_DATA_SET'
  pmc -u --json 'GET CURRENT_DATA_SET'
  pmc -u 'SET PRIORITY1 100'";

/// Asks PTP instances for their data sets, changes them, and commands them.
#[derive(Debug, Parser)]
#[command(name = "pmc", version, disable_version_flag = true, after_help = AFTER_HELP)]
#[command(group(ArgGroup::new("transport").args(["ethernet", "ipv4", "ipv6", "uds"])))]
pub(crate) struct Options {
    /// IEEE 802.3
    #[arg(short = '2')]
    pub(crate) ethernet: bool,
    /// UDP over IPv4 (default)
    #[arg(short = '4')]
    pub ipv4: bool,
    /// UDP over IPv6
    #[arg(short = '6')]
    pub ipv6: bool,
    /// UNIX socket of a daemon on this host
    #[arg(short = 'u')]
    pub(crate) uds: bool,
    /// How many boundary clocks requests pass
    #[arg(short = 'b', value_name = "HOPS", default_value_t = 1)]
    pub(crate) boundary_hops: u8,
    /// Domain number
    #[arg(short = 'd', value_name = "DOMAIN", default_value_t = 0)]
    pub(crate) domain: u8,
    /// Interface (default eth0); with -u the path of the own socket (default pmc.PID beside the server's)
    #[arg(short = 'i', value_name = "INTERFACE")]
    pub(crate) interface: Option<String>,
    /// Server's UNIX socket (default /var/run/ptp/ptp4l, or /run/escapement/ptpd where only that exists)
    #[arg(short = 's', value_name = "PATH", requires = "uds")]
    pub(crate) server: Option<PathBuf>,
    /// majorSdoId (transportSpecific), hexadecimal, 0..=f: 1 for gPTP
    #[arg(short = 't', value_name = "HEX", default_value = "0", value_parser = nibble)]
    pub(crate) sdo_id: u8,
    /// GETs without data; by default they carry zeros
    #[arg(short = 'z')]
    pub(crate) short_gets: bool,
    /// One JSON object a line for every reply (docs/pmc-json.md)
    #[arg(long)]
    pub(crate) json: bool,
    /// Print version
    #[arg(short = 'v', long = "version", action = clap::ArgAction::Version)]
    version: Option<bool>,
    /// Commands; without any, they are read from the standard input
    #[arg(value_name = "COMMAND")]
    pub(crate) commands: Vec<String>,
}

fn nibble(text: &str) -> Result<u8, String> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    match u8::from_str_radix(digits, 16) {
        Ok(n) if n <= 0xf => Ok(n),
        _ => Err("must be a hexadecimal number in 0..=f".into()),
    }
}

impl Options {
    /// Opens the transport that the options choose.
    ///
    /// # Errors
    /// What is missing, and what to do about it.
    pub(crate) fn client(&self) -> Result<Client<Box<dyn Transport>>, ClientError> {
        let config = ClientConfig {
            domain_number: self.domain,
            sdo_id: SdoId::new(u16::from(self.sdo_id) << 8),
            boundary_hops: self.boundary_hops,
            short_gets: self.short_gets,
            ..ClientConfig::default()
        };
        Ok(Client::new(self.transport()?, config))
    }

    fn transport(&self) -> Result<Box<dyn Transport>, ClientError> {
        let network = |transport| {
            let interface = self.interface.as_deref().unwrap_or("eth0");
            Network::open(interface, transport).map(|n| Box::new(n) as Box<dyn Transport>)
        };
        match self {
            Self { uds: true, .. } => {
                let server = self.server.as_deref().unwrap_or_else(|| default_server(Path::exists));
                Ok(Box::new(Uds::connect(server, self.interface.as_deref().map(Path::new))?))
            }
            Self { ethernet: true, .. } => network(ptp_net::Transport::Ethernet),
            Self { ipv6: true, .. } => network(ptp_net::Transport::UdpIpv6),
            _ => network(ptp_net::Transport::UdpIpv4),
        }
    }
}

/// linuxptp's path, unless only ptpd's own exists.
fn default_server(exists: impl Fn(&Path) -> bool) -> &'static Path {
    let (first, second) = (Path::new(SERVER), Path::new(SERVER_PTPD));
    if !exists(first) && exists(second) { second } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn options_are_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn linuxptp_options_are_understood() {
        let o = Options::parse_from([
            "pmc", "-u", "-b", "0", "-d", "24", "-t", "1", "-z", "-i", "/x", "GET TIME",
        ]);
        assert!(o.uds && o.short_gets && !o.json);
        assert_eq!((o.boundary_hops, o.domain, o.sdo_id), (0, 24, 1));
        assert_eq!(o.interface.as_deref(), Some("/x"));
        assert_eq!(o.commands, ["GET TIME"]);
        assert_eq!(Options::parse_from(["pmc", "-t", "0xf"]).sdo_id, 15);
        assert!(Options::try_parse_from(["pmc", "-t", "10"]).is_err());
        assert!(Options::try_parse_from(["pmc", "-u", "-4"]).is_err());
        assert!(Options::try_parse_from(["pmc", "-d", "256"]).is_err());
    }

    #[test]
    fn linuxptps_socket_comes_first() {
        assert_eq!(default_server(|_| true), Path::new(SERVER));
        assert_eq!(default_server(|_| false), Path::new(SERVER));
        assert_eq!(default_server(|p| p == Path::new(SERVER_PTPD)), Path::new(SERVER_PTPD));
    }
}
