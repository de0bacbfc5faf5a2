//! The PTP engine of `ptpd`: a PTP instance as a value, without I/O (see [`engine`]).
#![forbid(unsafe_code)]

pub mod engine;
