//! Authentication of PTP messages (IEEE 1588-2019 16.14), with immediate security processing: security associations and
//! their keys, the file they come from, and the integrity check value of the AUTHENTICATION TLV.
//!
//! The file is the one linuxptp's `sa_file` names:
//!
//! ```text
//! [security_association]
//! spp 7
//! 1 SHA256-128 HEX:000102030405060708090a0b0c0d0e0f
//! 2 AES128     B64:AAECAwQFBgcICQoLDA0ODw==
//! ```
//!
//! ```
//! use ptp_security::Database;
//! use ptp_wire::{Body, Header, Message, MessageType, Timestamp, Writer};
//!
//! let (database, problems) = Database::parse("[security_association]\nspp 7\n1 AES128 HEX:000102030405060708090a0b0c0d0e0f\n");
//! assert!(problems.is_empty());
//! let association = database.get(7).expect("there is one");
//!
//! let mut buf = [0; 128];
//! let body = Body::Sync { origin_timestamp: Timestamp::ZERO };
//! let len = Writer::new(&mut buf, &Header::new(MessageType::Sync), &body)?.finish();
//! let len = association.seal(1, &mut buf, len)?;
//! assert_eq!(len, 44 + 26);
//! assert_eq!(association.verify(&Message::parse(&buf[..len])?), Ok(1));
//! # Ok::<(), ptp_wire::WireError>(())
//! ```

#![forbid(unsafe_code)]

mod algorithm;
mod association;
mod file;

pub use algorithm::{Algorithm, Key};
pub use association::{Rejected, SecurityAssociation};
pub use file::{Database, FileError, Problem};
