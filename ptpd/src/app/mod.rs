//! The daemon around the engine: sockets, clock, signals. What it shares with the simulator is in [`ptpd::host`].

mod clock;
mod drop_in;
mod local;
mod net_port;
mod resolve;
mod run;
mod start;

pub(crate) use run::run;
