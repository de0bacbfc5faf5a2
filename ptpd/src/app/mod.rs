//! The daemon around the engine: sockets, clock, servo, signals.

mod clock;
mod convert;
mod discipline;
mod local;
mod net_port;
mod resolve;
mod run;
mod settings;
mod start;

pub(crate) use convert::settings;
pub(crate) use run::run;
