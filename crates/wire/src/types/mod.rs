//! Primitive and derived data types (1588-2019 5.2, 5.3).

mod address;
mod identity;
mod quality;
mod scaled;
mod time;
mod transport;

pub use address::PortAddress;
pub use identity::{ClockIdentity, PortIdentity, PortNumber, SdoId};
pub use quality::{ClockAccuracy, ClockQuality, TimeSource};
pub use scaled::{RateOffset, Seconds48};
pub use time::{LogInterval, TimeInterval, TimePoint, Timestamp};
pub use transport::{Address, Destination, MessageClass, Transport};
