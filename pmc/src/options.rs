use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{ArgGroup, Parser};
use ptp_management::{
    Client, ClientConfig, ClientError, Network, Refused, Sealed, Transport, Uds, Unauthenticated,
};
use ptp_security::{Database, SecurityAssociation};
use ptp_wire::{PortIdentity, SdoId};

use crate::config_file::ConfigFile;
use crate::tools::{Tool, parse_target, seconds};

/// Every reply is there and none is an error.
pub(crate) const EXIT_SUCCESS: u8 = 0;
/// A reply is MANAGEMENT_ERROR_STATUS.
pub(crate) const EXIT_ERROR_REPLY: u8 = 1;
/// An option or a command is wrong.
pub(crate) const EXIT_USAGE: u8 = 2;
/// A request got no reply.
pub(crate) const EXIT_NO_REPLY: u8 = 3;
/// There is no daemon: its socket is not there, nobody listens on it, or it is something else.
pub(crate) const EXIT_NO_DAEMON: u8 = 4;
/// This user may not ask.
pub(crate) const EXIT_NOT_PERMITTED: u8 = 5;
/// An answer cannot be read.
pub(crate) const EXIT_MALFORMED: u8 = 6;
/// The network or the system refused.
pub(crate) const EXIT_SYSTEM: u8 = 7;

/// Answers came that are not authentic.
pub(crate) const EXIT_NOT_AUTHENTIC: u8 = 8;

/// The exit status of what stands in the way.
pub(crate) fn exit_of(error: &ClientError) -> u8 {
    match error {
        ClientError::NoServer { .. }
        | ClientError::NobodyListens { .. }
        | ClientError::WrongSocket { .. } => EXIT_NO_DAEMON,
        ClientError::NotPermitted { .. } => EXIT_NOT_PERMITTED,
        ClientError::Network(ptp_net::NetError::Privilege { .. }) => EXIT_NOT_PERMITTED,
        ClientError::Busy => EXIT_NO_REPLY,
        ClientError::Wire(_) => EXIT_USAGE,
        _ => EXIT_SYSTEM,
    }
}

/// linuxptp's socket, which ptpd can make, too; ptpd's own; linuxptp's before version 4.
const SERVERS: [&str; 3] = ["/var/run/ptp/ptp4l", "/run/escapement/ptpd", "/var/run/ptp4l"];

const AFTER_HELP: &str = "\
Commands (in any case; may be cut short to what is unique):
  GET id               ask
  SET id [label] value change; more than one value: label value label value ...
  CMD id               command (ENABLE_PORT, DISABLE_PORT, ...)
  TARGET identity      send what follows to one port, such as 001122.fffe.334455-1; TARGET * to all
  HELP                 list the ids
Without commands, they are read from the standard input, one a line.

Exit status: 0 every request was answered, 1 an answer is an error, 2 wrong option or command,
3 a request was not answered, 4 there is no such daemon, 5 not permitted, 6 an answer cannot be read,
7 the network or the system refused, 8 answers are not authentic. Where several apply: 2, then 6, 8, 3, 1.

Examples:
  pmc -u 'GET TIME_STATUS_NP' 'GET PORT_DATA_SET'
  pmc -u --json 'GET CURRENT_DATA_SET'
  pmc -u 'SET PRIORITY1 100'
  pmc top
  pmc check 'clockClass==6' 'stepsRemoved<=3' 'offset<100ns'

nsm measures over the network. The other tools ask over the UNIX socket unless -2, -4 or -6 is given, and end with
0 for well, 1 for a warning or a difference, 2 for an assertion that does not hold or a wrong option,
3 where nobody answered (check: for everything that keeps it from an answer).";

/// Asks PTP instances for their data sets, changes them, and commands them.
#[derive(Debug, Parser)]
#[command(name = "pmc", version, disable_version_flag = true, after_help = AFTER_HELP)]
#[command(
    subcommand_precedence_over_arg = true,
    disable_help_subcommand = true,
    subcommand_value_name = "TOOL"
)]
#[command(subcommand_help_heading = "Tools")]
#[command(group(ArgGroup::new("transport").args(["ethernet", "ipv4", "ipv6", "uds"])))]
pub(crate) struct Options {
    /// IEEE 802.3
    ///
    /// Asks all instances of a network. Needs CAP_NET_RAW.
    #[arg(short = '2', global = true)]
    pub(crate) ethernet: bool,
    /// UDP over IPv4 (default)
    ///
    /// Asks all instances of a network. Needs CAP_NET_BIND_SERVICE.
    #[arg(short = '4', global = true)]
    pub ipv4: bool,
    /// UDP over IPv6
    ///
    /// Likewise.
    #[arg(short = '6', global = true)]
    pub ipv6: bool,
    /// UNIX socket of a daemon on this host
    #[arg(short = 'u', global = true)]
    pub(crate) uds: bool,
    /// How many boundary clocks requests pass (default 1; 0 for the tools, who ask one clock)
    ///
    /// With -u and 1 or more the daemon passes requests on to its network, and other instances answer, too; 0 asks the daemon alone.
    #[arg(short = 'b', value_name = "HOPS", global = true)]
    pub(crate) boundary_hops: Option<u8>,
    /// Domain number (default 0)
    #[arg(short = 'd', long = "domainNumber", value_name = "DOMAIN", global = true)]
    pub(crate) domain: Option<u8>,
    /// Configuration file of linuxptp: domainNumber, transportSpecific, network_transport, uds_address, sa_file, spp,
    /// active_key_id and allow_unauth of its global section
    ///
    /// Options of the command line win.
    #[arg(short = 'f', value_name = "FILE", global = true)]
    pub(crate) file: Option<PathBuf>,
    /// Interface (default eth0); with -u the path of the own socket (default pmc.PID beside the server's)
    #[arg(short = 'i', value_name = "INTERFACE", global = true)]
    pub(crate) interface: Option<String>,
    /// Server's UNIX socket (default: /var/run/ptp/ptp4l, /run/escapement/ptpd, /var/run/ptp4l, the first that exists)
    #[arg(short = 's', long = "uds_address", value_name = "PATH", global = true)]
    pub(crate) server: Option<PathBuf>,
    /// majorSdoId (transportSpecific), hexadecimal, 0..=f: 1 for gPTP (default 0)
    #[arg(short = 't', long = "transportSpecific", value_name = "HEX", value_parser = nibble, global = true)]
    pub(crate) sdo_id: Option<u8>,
    /// GETs without data; by default they carry zeros
    #[arg(short = 'z')]
    pub(crate) short_gets: bool,
    /// One JSON object a line for every reply (docs/pmc-json.md)
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How long to wait for the first and for each further answer after the last command
    #[arg(long, value_name = "MS", default_value_t = 100, global = true,
        value_parser = clap::value_parser!(u32).range(1..=3_600_000))]
    pub(crate) wait: u32,
    /// Key file (linuxptp's security associations)
    #[arg(long = "sa_file", value_name = "PATH", global = true)]
    pub(crate) sa_file: Option<PathBuf>,
    /// Security association of the key file: requests are sealed, and answers over the network must be; -1: off
    ///
    /// Answers that are not sealed with a key of the association (IEEE 1588-2019, 16.14) are passed over. Over a UNIX socket all
    /// answers are taken: who may write to it is decided by its mode.
    #[arg(long, value_name = "SPP", global = true, allow_negative_numbers = true, value_parser = clap::value_parser!(i16).range(-1..=255))]
    pub(crate) spp: Option<i16>,
    /// The key that requests are sealed with; 0: none
    #[arg(long = "active_key_id", value_name = "ID", global = true)]
    pub(crate) active_key_id: Option<u32>,
    /// 1: also take answers without AUTHENTICATION TLV; 2: all answers
    #[arg(long = "allow_unauth", value_name = "0..2", global = true, value_parser = clap::value_parser!(u8).range(0..=2))]
    pub(crate) allow_unauth: Option<u8>,
    /// What these four come to.
    #[arg(skip)]
    pub(crate) authentication: Option<Authentication>,
    /// Ask all of these at once: sockets or identities with commas between, or @FILE with one a line (docs/pmc.md)
    ///
    /// In a file, a label may stand before a member and options behind it. Each line of the answer has its member's name, objects
    /// have `member`; the exit status is the worst.
    #[arg(long, value_name = "MEMBERS", global = true)]
    pub(crate) fleet: Option<String>,
    /// With --fleet: seconds that each member has for its answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, global = true, value_parser = seconds)]
    pub(crate) limit: f64,
    /// Ask this clock or port only, such as 001122.fffe.334455
    #[arg(long, value_name = "IDENTITY", global = true, value_parser = parse_target)]
    pub(crate) target: Option<PortIdentity>,
    /// Print version
    #[arg(short = 'v', long = "version", action = clap::ArgAction::Version)]
    version: Option<bool>,
    /// Commands; without any, they are read from the standard input
    #[arg(value_name = "COMMAND")]
    pub(crate) commands: Vec<String>,
    #[command(subcommand)]
    pub(crate) tool: Option<Tool>,
}

fn nibble(text: &str) -> Result<u8, String> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    match u8::from_str_radix(digits, 16) {
        Ok(n) if n <= 0xf => Ok(n),
        _ => Err("must be a hexadecimal number in 0..=f".into()),
    }
}

/// How messages are authenticated.
#[derive(Clone, Debug)]
pub(crate) struct Authentication {
    association: Arc<SecurityAssociation>,
    active_key_id: Option<u32>,
    unauthenticated: Unauthenticated,
}

impl Options {
    /// Reads the keys, if there are to be any.
    ///
    /// # Errors
    /// What is wrong, for the operator.
    pub(crate) fn authenticate(&mut self, file: &ConfigFile) -> Result<(), String> {
        let Ok(spp) = u8::try_from(self.spp.or(file.spp).unwrap_or(-1)) else { return Ok(()) };
        let path = self.sa_file.as_ref().or(file.sa_file.as_ref());
        let path = path.ok_or_else(|| format!("--spp {spp} needs a key file: give --sa_file PATH"))?;
        // Which users may read it is the business of those who run the daemons.
        let (database, problems, _) = Database::read_any(path).map_err(|e| e.to_string())?;
        let association = database.get(spp).cloned().ok_or_else(|| {
            let mut text = format!("{}: no security association with spp {spp}", path.display());
            for problem in problems {
                text = format!("{text}\n{problem}");
            }
            text
        })?;
        let active_key_id = self.active_key_id.or(file.active_key_id).filter(|id| *id > 0);
        if let Some(id) = active_key_id.filter(|id| association.key(*id).is_none()) {
            return Err(format!("{}: security association {spp} has no key {id}", path.display()));
        }
        let unauthenticated = match (self.over_uds(), self.allow_unauth.or(file.allow_unauth)) {
            // Who may write to a UNIX socket is decided by its mode.
            (true, _) | (false, Some(2)) => Unauthenticated::AllowAll,
            (false, Some(1)) => Unauthenticated::AllowMissing,
            (false, _) => Unauthenticated::Refuse,
        };
        self.authentication = Some(Authentication { association, active_key_id, unauthenticated });
        Ok(())
    }

    /// Over a UNIX socket: the tools unless a network is chosen.
    pub(crate) fn over_uds(&self) -> bool {
        self.uds || (self.tool.is_some() && !(self.ethernet || self.ipv4 || self.ipv6))
    }

    /// boundaryHops of requests.
    pub(crate) fn hops(&self) -> u8 {
        self.boundary_hops.unwrap_or(u8::from(self.tool.is_none() || !self.over_uds()))
    }

    fn server_or_default<'a>(&'a self, file: &'a ConfigFile) -> &'a Path {
        let server = self.server.as_deref().or(file.server.as_deref());
        server.unwrap_or_else(|| default_server(Path::exists))
    }

    /// Who is asked, for messages.
    pub(crate) fn whom(&self, file: &ConfigFile) -> String {
        if self.over_uds() {
            return self.server_or_default(file).display().to_string();
        }
        format!("the network of {}", self.interface.as_deref().unwrap_or("eth0"))
    }

    /// What silence may mean where messages are, or could be, authenticated; behind a question mark.
    pub(crate) fn keys_to_doubt(&self) -> String {
        match &self.authentication {
            _ if self.over_uds() => String::new(),
            None => " A port with keys answers only to --sa_file and --spp.".to_owned(),
            Some(a) => {
                let key = a.active_key_id.map_or("without a key".to_owned(), |id| format!("with key {id}"));
                format!(
                    " It was asked {key} of spp {}, which it has to know: its counters of dropped messages tell.",
                    a.association.spp
                )
            }
        }
    }

    /// Answers that were refused: what was wrong with them, and what to do.
    pub(crate) fn not_authentic(&self, whom: &str, refused: Refused) -> String {
        let spp = self.authentication.as_ref().map_or(0, |a| a.association.spp);
        let Refused { unauthenticated, unknown_key, bad_icv } = refused;
        format!(
            "{} answers from {whom} are not authentic ({unauthenticated} without AUTHENTICATION TLV, {unknown_key} with an unknown \
             key, {bad_icv} with a wrong check value): give both sides the same keys of spp {spp}, or take them with --allow_unauth",
            refused.total()
        )
    }

    /// What no combination of options may be, and clap cannot say.
    pub(crate) fn inconsistency(&self) -> Option<&'static str> {
        let network = self.ethernet || self.ipv4 || self.ipv6;
        (self.server.is_some() && !self.uds && (self.tool.is_none() || network))
            .then_some("-s names a UNIX socket: it goes with -u")
    }

    /// Opens the transport that the options choose.
    ///
    /// # Errors
    /// What is missing, and what to do about it.
    pub(crate) fn client(&self, file: &ConfigFile) -> Result<Client<Box<dyn Transport>>, ClientError> {
        let transport = self.transport(file)?;
        let transport: Box<dyn Transport> = match self.authentication.clone() {
            None => transport,
            Some(a) => Box::new(Sealed::new(transport, a.association, a.active_key_id, a.unauthenticated)),
        };
        Ok(Client::new(transport, self.client_config(file)))
    }

    /// Addressing of requests.
    pub(crate) fn client_config(&self, file: &ConfigFile) -> ClientConfig {
        ClientConfig {
            domain_number: self.domain.or(file.domain).unwrap_or(0),
            sdo_id: SdoId::new(u16::from(self.sdo_id.or(file.sdo_id).unwrap_or(0)) << 8),
            boundary_hops: self.hops(),
            short_gets: self.short_gets,
            ..ClientConfig::default()
        }
    }

    /// Which network the options choose.
    pub(crate) fn network_transport(&self, file: &ConfigFile) -> ptp_net::Transport {
        match self {
            Self { ethernet: true, .. } => ptp_net::Transport::Ethernet,
            Self { ipv6: true, .. } => ptp_net::Transport::UdpIpv6,
            Self { ipv4: true, .. } => ptp_net::Transport::UdpIpv4,
            _ => file.transport.unwrap_or(ptp_net::Transport::UdpIpv4),
        }
    }

    fn transport(&self, file: &ConfigFile) -> Result<Box<dyn Transport>, ClientError> {
        if self.over_uds() {
            let server = self.server_or_default(file);
            return Ok(Box::new(Uds::connect(server, self.interface.as_deref().map(Path::new))?));
        }
        let interface = self.interface.as_deref().unwrap_or("eth0");
        Ok(Box::new(Network::open(interface, self.network_transport(file))?))
    }
}

/// The first that exists, or else linuxptp's.
fn default_server(exists: impl Fn(&Path) -> bool) -> &'static Path {
    let [first, ..] = SERVERS;
    SERVERS.iter().map(Path::new).find(|path| exists(path)).unwrap_or(Path::new(first))
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
    fn completions_and_manual_page_are_current() {
        crate::cli_documents::hold_manual_page("pmc.8", Options::command());
        crate::cli_documents::hold_completions("pmc", Options::command());
    }

    #[test]
    fn linuxptp_options_are_understood() {
        let o = Options::parse_from([
            "pmc", "-u", "-b", "0", "-d", "24", "-t", "1", "-z", "-i", "/x", "GET TIME",
        ]);
        assert!(o.uds && o.short_gets && !o.json);
        assert_eq!((o.boundary_hops, o.domain, o.sdo_id), (Some(0), Some(24), Some(1)));
        assert_eq!(o.interface.as_deref(), Some("/x"));
        assert_eq!(o.commands, ["GET TIME"]);
        let o = Options::parse_from(["pmc", "-u", "-s", "/run/x", "check", "clockClass==6", "-d", "5"]);
        assert!(o.tool.is_some() && o.commands.is_empty() && o.domain == Some(5));
        assert_eq!(Options::parse_from(["pmc", "-t", "0xf"]).sdo_id, Some(15));
        assert!(Options::try_parse_from(["pmc", "-t", "10"]).is_err());
        assert!(Options::try_parse_from(["pmc", "-u", "-4"]).is_err());
        assert!(Options::try_parse_from(["pmc", "-d", "256"]).is_err());
    }

    #[test]
    fn the_first_socket_that_exists_is_taken() {
        let [linuxptp, ptpd, old] = SERVERS.map(Path::new);
        assert_eq!(default_server(|_| true), linuxptp);
        assert_eq!(default_server(|_| false), linuxptp);
        assert_eq!(default_server(|p| p != linuxptp), ptpd);
        assert_eq!(default_server(|p| p == old), old);
    }
}
