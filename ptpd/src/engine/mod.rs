//! A PTP instance (IEEE 1588-2019) without I/O, clocks, threads or randomness of its own.
//!
//! It is driven: [`Input`]s go in with the monotonic time they happened at, [`Output`]s come out until there are none,
//! and `next_deadline` says when it wants to be woken with [`Input::Tick`].
//! Same inputs, same seed: same outputs.

mod config;
mod io;

pub use config::{
    Delay, DelayFilterKind, Description, InstanceConfig, InstanceKind, PortConfig, Stamping, TimeProperties,
    Transport,
};
pub use io::{
    Access, Address, DelaySample, Destination, DownCause, Event, Input, Instant, MessageClass, Output,
    PortState, Sample, ServoState, TxToken,
};
