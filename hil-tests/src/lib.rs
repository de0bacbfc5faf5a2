//! The laboratory of Escapement: experiments on real daemons, the deterministic simulator, the demonstration.
#![forbid(unsafe_code)]

pub mod lab;
pub mod preload;
pub mod rig;
pub mod sim;
