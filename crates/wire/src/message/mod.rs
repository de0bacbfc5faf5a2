//! Messages (1588-2019 clause 13).

mod announce;
mod body;
mod flags;
mod header;
mod view;
mod writer;

pub use announce::Announce;
pub use body::Body;
pub use flags::Flags;
pub use header::{Header, MessageType};
pub use view::Message;
pub use writer::Writer;
