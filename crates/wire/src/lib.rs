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
//!
//! TLVs are walked without decoding them; [`Tlv::decode`] decodes one, [`Writer::tlv_value`] appends one. Lists ([`Records`])
//! are borrowed from the message when read and from a slice when sent. [`Pretty`] shows a message to people.
//!
//! ```
//! use ptp_wire::*;
//!
//! let request = TlvValue::RequestUnicast(RequestUnicast {
//!     message_type: MessageType::Announce,
//!     log_inter_message_period: LogInterval(1),
//!     duration: 300,
//! });
//! let mut buf = [0u8; 128];
//! let body = Body::Signaling { target_port_identity: PortIdentity::ANY };
//! let mut writer = Writer::new(&mut buf, &Header::new(MessageType::Signaling), &body)?;
//! writer.tlv_value(&request)?;
//! let len = writer.finish();
//!
//! for tlv in Message::parse(&buf[..len])?.tlvs() {
//!     assert_eq!(tlv.decode()?, request);
//! }
//! # Ok::<(), WireError>(())
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
    Address, ClockAccuracy, ClockIdentity, ClockQuality, Destination, LogInterval, MessageClass, PortAddress,
    PortIdentity, PortNumber, RateOffset, SdoId, Seconds48, TimeInterval, TimePoint, TimeSource, Timestamp,
    Transport,
};
