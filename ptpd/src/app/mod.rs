//! The daemon around the engine: sockets, clock, signals. What it shares with the simulator is in [`ptpd::host`].
//!
//! One thread and one loop ([`run`]) serve any number of instances ([`instance`]) over what they have in common
//! ([`shared`]): sockets, clocks, management sockets. [`reading`] gives each message to whom it is for.

mod clock;
mod cmlds;
mod drop_in;
mod evidence;
mod instance;
mod local;
mod metrics;
mod net_port;
mod port_clocks;
mod reading;
mod ready;
mod resolve;
mod run;
mod shared;
mod start;
mod tell;
mod zones;

pub(crate) use run::run;
