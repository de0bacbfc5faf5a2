//! The PTP engine of `ptpd`: a PTP instance as a value, without I/O (see [`engine`]), and what stands between it, its
//! configuration and its clock (see [`host`]).
#![forbid(unsafe_code)]

pub mod engine;
pub mod host;
