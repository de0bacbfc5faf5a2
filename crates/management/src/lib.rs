//! The management client: asks PTP instances (ours or linuxptp's) over a UNIX socket or a network, and shows what they answer.
//!
//! * [`Client`] sends [`Request`]s and receives [`Reply`]s, one at a time, without blocking unless asked to.
//! * [`Command`] is the language of pmc's command line.
//! * [`text`] prints replies exactly as linuxptp's pmc does; [`json`] prints them for programs (docs/pmc-json.md).
//!
//! ```no_run
//! use ptp_management::{Client, ClientConfig, REPLY_WINDOW, Request, Uds};
//! use ptp_wire::management::{ManagementId, Payload};
//!
//! let uds = Uds::connect("/var/run/ptp/ptp4l".as_ref(), None)?;
//! let mut client = Client::new(uds, ClientConfig::default());
//! for reply in client.ask(&Request::get(ManagementId::PORT_DATA_SET), REPLY_WINDOW)? {
//!     if let Ok(Payload::PortDataSet(ds)) = reply.payload() {
//!         println!("{} is in state {}", ds.port_identity, ds.port_state);
//!     }
//! }
//! # Ok::<(), ptp_management::ClientError>(())
//! ```
#![forbid(unsafe_code)]

mod arguments;
mod client;
mod command;
mod error;
mod fields;
mod records;
mod request;
mod table;
mod transport;
pub mod words;

pub mod json;
pub mod text;

pub use arguments::ArgumentError;
pub use client::{Client, ClientConfig, REPLY_WINDOW, Reply, ReplyError};
pub use command::{Command, CommandError, known_ids};
pub use error::ClientError;
pub use request::Request;
pub use table::TableRequest;
pub use transport::{Network, Refused, Sealed, Transport, Uds, Unauthenticated};
