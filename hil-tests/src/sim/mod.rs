//! A deterministic simulator of PTP networks: the real engine and the real servo on simulated clocks and wires.
//!
//! Nothing here waits, and nothing depends on the machine: a seed decides every draw, and equal seeds give equal runs,
//! frame by frame and bit by bit ([`Simulation::trace_hash`]).
//!
//! A test reads like a story:
//!
//! ```
//! use core::time::Duration;
//! use hil_tests::sim::{LinkSpec, NodeSpec, PortState, Simulation};
//!
//! let mut sim = Simulation::new(1);
//! let gm = sim.node(NodeSpec::grandmaster("gm"));
//! let client = sim.node(NodeSpec::new("client").off(3_000_000, 12_000.0));
//! sim.link(&[gm, client], LinkSpec::wire(500));
//! sim.run_for(Duration::from_secs(60));
//! assert_eq!(sim.state(client, 1), PortState::Slave);
//! assert!(sim.offsets(client, gm, Duration::from_secs(20)).rms < 50.0);
//! ```
//!
//! | file | concept |
//! |---|---|
//! | `moment`, `queue` | true time; what happens next |
//! | `noise` | how waits vary (seeded numbers: `ptp_servo::simulate::Rng`) |
//! | `clock`, `oscillator` | oscillator and steered counter; flicker, temperature |
//! | `link` | wires and shared segments: delay, loss, duplicates, reordering |
//! | `node` | an instance, its servo, its clock, its host's latencies |
//! | `nic` | stamps, one-step, the way onto the wire |
//! | `drive` | the loop between engines and wires |
//! | `simulation` | what a test builds, does and asks |
//! | `record`, `capture` | what a run leaves behind |
//! | `scenario` | files that say all of this, for people who do not write Rust |
//! | `invariants` | what must hold at any moment, and how long it may be broken |
//! | `campaign` | random networks and faults by the thousand |
//! | `topology` | parts of a network, and what must hold in each once it is quiet |

pub mod campaign;
mod capture;
mod clock;
mod drive;
mod invariants;
mod link;
mod moment;
mod nic;
mod node;
mod noise;
mod oscillator;
mod queue;
mod record;
pub mod scenario;
mod simulation;
mod topology;

pub use capture::Capture;
pub use clock::{ClockSpec, EPOCH_NS, Hosted, SimClock};
pub use drive::Octets;
pub use invariants::{Breach, Longest, Watch};
pub use link::{DoubleMasters, End, LinkSpec, LinkStats, Overheard};
pub use moment::Moment;
pub use node::{HostSpec, NodeSpec, PortSpec};
pub use noise::Jitter;
pub use oscillator::{Flicker, Temperature};
pub use ptp_servo::simulate::Rng;
pub use ptpd::engine::PortState;
pub use queue::EventQueue;
pub use record::{Change, Figures, Look, NodeRecord, TraceHash};
pub use simulation::Simulation;

/// A node of a [`Simulation`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeId(pub(crate) usize);

/// A link of a [`Simulation`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkId(pub(crate) usize);

impl LinkId {
    /// The link that was made first.
    pub const fn first() -> Self {
        Self(0)
    }
}
