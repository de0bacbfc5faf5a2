//! PTP (IEEE 1588-2019, IEEE 802.1AS) on the wire: every message, TLV, signaling and management payload.
//!
//! Two levels, as in smoltcp: a zero-copy *view* for reading ([`Message`], [`Tlv`]) and plain structs to emit
//! ([`Header`], [`Body`], [`Writer`]). Nothing here allocates, panics or performs I/O, whatever the input.
//!
//! ```
//! use ptp_wire::{Body, Header, Message, MessageType, Timestamp, Writer};
//!
//! let mut header = Header::new(MessageType::Sync);
//! header.sequence_id = 7;
//! let mut buf = [0u8; 128];
//! let len = Writer::new(&mut buf, &header, &Body::Sync { origin_timestamp: Timestamp::ZERO }).unwrap().finish();
//!
//! let message = Message::parse(&buf[..len]).unwrap();
//! assert_eq!(message.header().sequence_id, 7);
//! ```
#![no_std]
#![forbid(unsafe_code)]

mod dump;
mod error;
mod field;
mod message;
mod octets;
mod pretty;
mod tlv;
mod types;

pub mod management;

pub use error::WireError;
pub use message::{Announce, Body, Flags, Header, Message, MessageType, Writer};
pub use pretty::Pretty;
pub use tlv::*;
pub use types::{
    ClockAccuracy, ClockIdentity, ClockQuality, LogInterval, PortAddress, PortIdentity, PortNumber,
    RateOffset, SdoId, Seconds48, TimeInterval, TimePoint, TimeSource, Timestamp,
};
