//! What the daemon runs with, whatever it was said in: a file, a profile, options.

use std::path::PathBuf;

use super::refclock::Refclock;
use crate::engine::{InstanceConfig, Stamping, Transport};
use ptp_clock::ClockName;
use ptp_evidence::RecorderOptions;
use ptp_net::Address;
use ptp_servo::Steering;
use ptp_wire::{ClockIdentity, PortNumber, SdoId};

/// Which clock is disciplined.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LocalClock {
    /// The PHC behind the first port with hardware stamps, the system clock with software stamps.
    Auto,
    /// This one.
    Named(ClockName),
}

/// What becomes of ports whose stamps are of different clocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PortClocks {
    /// They are kept with the clock of the client port.
    Together,
    /// Another program keeps them together.
    External,
    /// They are an error.
    Same,
}

/// Who makes the stamps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stamps {
    /// The hardware where it can, the kernel otherwise.
    Auto,
    /// The hardware; a port without it fails.
    Hardware,
    /// The hardware, which writes Sync itself.
    OneStep,
    /// The hardware, which writes Sync and Pdelay_Resp itself.
    P2pOneStep,
    /// The kernel.
    Software,
}

/// A port's network, beyond what the engine knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Network {
    /// Name of its interface.
    pub interface: String,
    /// As the engine knows it.
    pub transport: Transport,
    /// The group of all messages but peer delay's.
    pub primary: Address,
    /// The group of peer delay messages.
    pub peer_delay: Address,
    /// Time to live or hop limit, 1..=255.
    pub ttl: u8,
    /// DiffServ code point of event messages, 0..=63.
    pub dscp_event: u8,
    /// DiffServ code point of general messages, 0..=63.
    pub dscp_general: u8,
    /// SO_PRIORITY on Ethernet, 0..=15; 0 leaves it.
    pub socket_priority: u8,
    /// Many messages with one kernel call: for ports that serve unicast clients.
    pub batch: bool,
    /// Unicast messages leave by packet sockets.
    pub direct: bool,
    /// A transparent clock's port: messages for others pass.
    pub relay: bool,
    /// ns until a port that failed is tried again.
    pub retry_ns: u64,
    /// The clock of its stamps; `Auto`: the card's, or the instance's with software stamps.
    pub clock: LocalClock,
}

impl Network {
    /// Whether two ports would open the same sockets. A transparent clock's hear what is for others, and are its own.
    pub fn shares(&self, other: &Self) -> bool {
        self.meets(other) && self.differs(other).is_none() && !self.relay && !other.relay
    }

    /// What keeps two ports on one interface from sharing sockets, by its name in the configuration; `None`: nothing, or
    /// they have nothing to do with each other.
    pub fn differs(&self, other: &Self) -> Option<&'static str> {
        [
            ("the group addresses (`destination_address` and the like)", self.groups() != other.groups()),
            ("udp_ttl", self.ttl != other.ttl),
            ("dscp_event", self.dscp_event != other.dscp_event),
            ("dscp_general", self.dscp_general != other.dscp_general),
            ("socket_priority", self.socket_priority != other.socket_priority),
        ]
        .into_iter()
        .find_map(|(name, differs)| differs.then_some(name))
    }

    /// They are on one interface, over one transport.
    pub fn meets(&self, other: &Self) -> bool {
        self.interface == other.interface && self.transport == other.transport
    }

    const fn groups(&self) -> (Address, Address) {
        (self.primary, self.peer_delay)
    }
}

/// A management socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LocalAddress {
    /// Where.
    pub path: PathBuf,
    /// Its file mode.
    pub mode: u32,
}

/// A port whose link the common mean link delay service measures.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CommonLink {
    /// The port.
    pub port: PortNumber,
    /// The service's management socket.
    pub server: PathBuf,
    /// The own end; `None`: any.
    pub client: Option<PathBuf>,
    /// The service's port on the link.
    pub remote: PortNumber,
    /// domainNumber of its management messages.
    pub domain_number: u8,
    /// sdoId of its management messages.
    pub sdo_id: SdoId,
}

/// The evidence log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EvidenceSettings {
    /// Where, and how safe.
    pub recorder: RecorderOptions,
    /// ns between records of measurements.
    pub interval_ns: u64,
    /// SHA-256 of what `ptpd config` prints of this configuration; empty where nobody says.
    pub configuration: String,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What this instance is called where there are several; empty where it is alone.
    pub name: String,
    /// Somebody wrote that this instance is to steer its clock: then another one may not.
    pub told_to_steer: bool,
    /// It only measures, as another instance keeps the clock.
    pub measures_only: bool,
    /// What the engine is told. Its clock identity and the ports' addresses are filled in when the interfaces are known.
    pub instance: InstanceConfig,
    /// `None`: from the first port's MAC address.
    pub clock_identity: Option<ClockIdentity>,
    /// One for each port of the instance, in the same order.
    pub networks: Vec<Network>,
    /// Ports that ask the common mean link delay service.
    pub common: Vec<CommonLink>,
    /// What is disciplined.
    pub clock: LocalClock,
    /// What becomes of ports whose stamps are of different clocks.
    pub port_clocks: PortClocks,
    /// Who makes the stamps, the same on all ports.
    pub stamps: Stamps,
    /// With the gains for hardware stamps.
    pub servo: Steering,
    /// The same with the gains for software stamps.
    pub software_servo: Steering,
    /// Management socket that may change things.
    pub read_write: Option<LocalAddress>,
    /// Management socket that may only ask.
    pub read_only: Option<LocalAddress>,
    /// Where events are told. One instance's word is the daemon's.
    pub events: Option<LocalAddress>,
    /// The NTP daemon that gets the offsets; `None`: the clock is steered here.
    pub refclock: Option<Refclock>,
    /// Keys of alternate time offsets with the time zones that say them.
    pub zones: Vec<(u8, String)>,
    /// The kernel carries out announced leap seconds of the system clock.
    pub kernel_leap: bool,
    /// The socket of another program that gets each measurement.
    pub slave_event_monitor: Option<PathBuf>,
    /// What is recorded so that it can be proved later.
    pub evidence: Option<EvidenceSettings>,
    /// Keeps the last frequency for the next start.
    pub state_file: Option<PathBuf>,
    /// When the service manager is told that the daemon is ready.
    pub ready_when: ptp_config::ReadyWhen,
    /// Root is given up for this user.
    pub user: Option<String>,
    /// The endpoint for monitoring; `None`: there is none.
    pub metrics: Option<ptp_daemon::http::Settings>,
    /// ns to wait for a transmit stamp before it counts as lost.
    pub tx_stamp_timeout_ns: u64,
    /// ns between summary lines; `None`: a line per sample.
    pub summary_ns: Option<u64>,
    /// Lines, exit codes and SIGHUP as linuxptp's ptp4l has them.
    pub drop_in: bool,
    /// ns over which the frequency of a clock that is only measured is told, as ptp4l does.
    pub frequency_window_ns: u64,
}

impl Settings {
    /// Fills in what is known once the interfaces are: who the clock is, whose stamps it gets and which clock it keeps.
    pub fn settle(&mut self, identity: ClockIdentity, stamping: Stamping, name: &ClockName) {
        self.instance.clock_identity = identity;
        if stamping == Stamping::Software {
            self.servo = self.software_servo;
        }
        if *name == ClockName::System {
            // The system clock keeps UTC: what it serves is not the PTP timescale.
            self.instance.time_properties.ptp_timescale = false;
        }
        for port in &mut self.instance.ports {
            port.stamping = stamping;
        }
    }
    /// Takes over what a reload may change (docs/configuration.md); the engine is told of its part by itself.
    pub fn take_over(&mut self, new: Self) {
        self.instance = new.instance;
        (self.servo, self.software_servo) = (new.servo, new.software_servo);
        self.zones = new.zones;
        self.kernel_leap = new.kernel_leap;
        self.slave_event_monitor = new.slave_event_monitor;
        self.state_file = new.state_file;
        self.ready_when = new.ready_when;
        self.summary_ns = new.summary_ns;
        if let (Some(own), Some(new)) = (&mut self.evidence, new.evidence) {
            own.configuration = new.configuration;
        }
    }
}
