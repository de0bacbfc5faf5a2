//! What the daemon runs with, whatever it was said in: a file, a profile, options.

use std::path::PathBuf;

use crate::engine::{InstanceConfig, Stamping, Transport};
use ptp_clock::ClockName;
use ptp_net::Address;
use ptp_servo::Steering;
use ptp_wire::ClockIdentity;

/// Which clock is disciplined.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LocalClock {
    /// The PHC behind the first port with hardware stamps, the system clock with software stamps.
    Auto,
    /// This one.
    Named(ClockName),
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
    /// A transparent clock's port: messages for others pass.
    pub relay: bool,
    /// ns until a port that failed is tried again.
    pub retry_ns: u64,
}

/// A management socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LocalAddress {
    /// Where.
    pub path: PathBuf,
    /// Its file mode.
    pub mode: u32,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the engine is told. Its clock identity and the ports' addresses are filled in when the interfaces are known.
    pub instance: InstanceConfig,
    /// `None`: from the first port's MAC address.
    pub clock_identity: Option<ClockIdentity>,
    /// One for each port of the instance, in the same order.
    pub networks: Vec<Network>,
    /// What is disciplined.
    pub clock: LocalClock,
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
    /// The socket of another program that gets each measurement.
    pub slave_event_monitor: Option<PathBuf>,
    /// Keeps the last frequency for the next start.
    pub state_file: Option<PathBuf>,
    /// Root is given up for this user.
    pub user: Option<String>,
    /// ns to wait for a transmit stamp before it counts as lost.
    pub tx_stamp_timeout_ns: u64,
    /// ns between summary lines; `None`: a line per sample.
    pub summary_ns: Option<u64>,
    /// Lines, exit codes and SIGHUP as linuxptp's ptp4l has them.
    pub drop_in: bool,
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
}
