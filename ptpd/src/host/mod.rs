//! What surrounds the engine in every host, real or simulated: from the configuration to what engine and servo are
//! told ([`settings`]), and from samples to the clock ([`Discipline`]). No I/O of its own.

mod apart;
mod convert;
mod discipline;
mod leap;
mod measured;
mod memory;
mod refclock;
mod sanity;
mod settings;
mod several;
mod telling;
mod together;
mod zones;

pub use apart::{Apart, Finding};
pub use convert::{Mixed, settings};
pub use discipline::{Discipline, Outcome};
pub use leap::{LeapKeeper, Scale};
pub use measured::Measured;
pub use memory::Memory;
pub use refclock::{Feed, Refclock};
pub use settings::{
    CommonLink, EvidenceSettings, LocalAddress, LocalClock, Network, PortClocks, Settings, Stamps,
};
pub use several::{Clash, ClashKind, steers, together};
pub use together::{Clocks, Round, Together};
pub use zones::{Zone, Zones};
