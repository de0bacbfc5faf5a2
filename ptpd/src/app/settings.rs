//! What the daemon runs with, whatever it was said in: a file, a profile, options.

use std::path::PathBuf;

use ptp_clock::ClockName;
use ptp_net::Address;
use ptp_servo::ServoConfig;
use ptp_wire::ClockIdentity;
use ptpd::engine::{InstanceConfig, Transport};

/// Which clock is disciplined.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum LocalClock {
    /// The PHC behind the first port with hardware stamps, the system clock with software stamps.
    Auto,
    /// This one.
    Named(ClockName),
}

/// Who makes the stamps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stamps {
    /// The hardware where it can, the kernel otherwise.
    Auto,
    Hardware,
    Software,
}

/// A port's network, beyond what the engine knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Network {
    pub(crate) interface: String,
    pub(crate) transport: Transport,
    pub(crate) primary: Address,
    pub(crate) peer_delay: Address,
    pub(crate) ttl: u8,
    pub(crate) dscp_event: u8,
    pub(crate) dscp_general: u8,
    pub(crate) socket_priority: u8,
    /// ns until a port that failed is tried again.
    pub(crate) retry_ns: u64,
}

/// A management socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LocalAddress {
    pub(crate) path: PathBuf,
    pub(crate) mode: u32,
}

/// Everything.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// What the engine is told. Its clock identity and the ports' addresses are filled in when the interfaces are known.
    pub(crate) instance: InstanceConfig,
    /// `None`: from the first port's MAC address.
    pub(crate) clock_identity: Option<ClockIdentity>,
    pub(crate) networks: Vec<Network>,
    pub(crate) clock: LocalClock,
    pub(crate) stamps: Stamps,
    /// With the gains for hardware stamps.
    pub(crate) servo: ServoConfig,
    /// The same with the gains for software stamps.
    pub(crate) software_servo: ServoConfig,
    pub(crate) read_write: Option<LocalAddress>,
    pub(crate) read_only: Option<LocalAddress>,
    pub(crate) state_file: Option<PathBuf>,
    /// Root is given up for this user.
    pub(crate) user: Option<String>,
    /// ns to wait for a transmit stamp before it counts as lost.
    pub(crate) tx_stamp_timeout_ns: u64,
    /// ns between summary lines; `None`: a line per sample.
    pub(crate) summary_ns: Option<u64>,
    /// Lines, exit codes and SIGHUP as linuxptp's ptp4l has them.
    pub(crate) drop_in: bool,
}
