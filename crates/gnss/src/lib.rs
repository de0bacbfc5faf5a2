//! What GNSS receivers say, without I/O: octets in, messages out, and from them the time, its state and its TAI.
//!
//! * [`Splitter`] takes NMEA sentences, UBX frames and gpsd's JSON out of one stream of octets, whatever else is in it.
//! * [`Receiver`] keeps what was said: fix, satellites, position, hints of jamming, leap seconds, the pulse's rounding.
//! * [`LeapTable`] tells TAI - UTC by `leap-seconds.list` or tzdata's `leapseconds`.
//!
//! Any input is survived; what is wrong is counted by cause and dropped.
//!
//! ```
//! use ptp_gnss::{LeapTable, Message, Splitter, TimeSource};
//!
//! let mut splitter = Splitter::default();
//! let mut times = Vec::new();
//! splitter.push(b"$GPZDA,053001.00,21,11,2026,00,00*64\r\n", |m| {
//!     if let Message::Time { source: TimeSource::Zda, utc, .. } = m {
//!         times.push(utc);
//!     }
//! });
//! let utc = times[0].expect("it knows the time");
//! assert_eq!(utc.to_string(), "2026-11-21T05:30:01.000Z");
//! assert_eq!(utc.tai(&LeapTable::fixed(37)).expect("after 1972").nanos() / 1_000_000_000, 1_795_239_038);
//! ```
#![forbid(unsafe_code)]

mod era;
mod gpsd;
mod leap;
mod message;
mod nmea;
mod receiver;
mod splitter;
mod ubx;
mod utc;

pub use era::{EARLIEST, Era};
pub use gpsd::{WATCH as GPSD_WATCH, watch as gpsd_watch};
pub use leap::{LeapError, LeapTable};
pub use message::{Bad, Fix, Jamming, Message, Position, TimeSource};
pub use receiver::{Condition, Limits, Receiver};
pub use splitter::{Counts, Splitter};
pub use ubx::{GPS_EPOCH_TAI, GpsTime, TimeLs, TimePulse};
pub use utc::UtcTime;
