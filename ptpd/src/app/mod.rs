//! The daemon around the engine: sockets, clock, servo, signals.

mod clock;
mod discipline;
mod local;
mod net_port;
mod run;
pub(crate) mod settings;

pub(crate) use run::run;
