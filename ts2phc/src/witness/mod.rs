//! Second opinions on the receiver: chronyd's estimate, other grandmasters by PTP, other clocks.
//!
//! Pulses that jump disagree with what the clock predicts. A receiver that is led away slowly takes the clock along, and the
//! prediction with it: only somebody else notices. [`Doubt`] decides, and is a value without I/O; [`Witness`] measures.

mod doubt;
mod source;

pub use doubt::{Doubt, DoubtConfig, Finding, Hearing, Policy, Standing};
pub use source::Witness;

use std::path::PathBuf;
use std::str::FromStr;

/// Who it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WitnessKind {
    /// chronyd, by its command socket's path or HOST:PORT: its estimate of the system clock.
    Ntp(String),
    /// A PTP daemon that is a client of another grandmaster, by its management socket.
    Ptp(PathBuf),
    /// A clock that others steer: `phcN`, `/dev/ptpN`, `virtual:PATH`, or an interface.
    Clock(String),
}

/// A witness.
#[derive(Clone, Debug, PartialEq)]
pub struct WitnessSettings {
    /// Who.
    pub kind: WitnessKind,
    /// The clock that a PTP daemon steers; `None`: the first clock of all, which that daemon only measures.
    pub clock: Option<String>,
    /// On top of what it says of itself, ns.
    pub error_ns: f64,
    /// domainNumber of a PTP daemon.
    pub domain_number: u8,
}

impl WitnessSettings {
    /// What is taken for the error if nothing is said, ns.
    pub const ERROR_NS: f64 = 1000.0;

    /// With defaults.
    pub const fn new(kind: WitnessKind) -> Self {
        Self { kind, clock: None, error_ns: Self::ERROR_NS, domain_number: 0 }
    }

    /// As it is called in the log, in events and metrics.
    pub fn name(&self) -> String {
        match &self.kind {
            WitnessKind::Ntp(address) => format!("ntp:{address}"),
            WitnessKind::Ptp(socket) => format!("ptp:{}", socket.display()),
            WitnessKind::Clock(name) => format!("clock:{name}"),
        }
    }
}

impl FromStr for WitnessSettings {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let kind = match s.split_once(':') {
            Some((_, "")) | None => None,
            Some(("ntp", address)) => Some(WitnessKind::Ntp(address.to_owned())),
            Some(("ptp", socket)) => Some(WitnessKind::Ptp(socket.into())),
            Some(("clock", name)) => Some(WitnessKind::Clock(name.to_owned())),
            Some(_) => None,
        };
        let wrong = || "give ntp:SOCKET, ntp:HOST:PORT, ptp:SOCKET or clock:NAME".to_owned();
        kind.map(Self::new).ok_or_else(wrong)
    }
}
