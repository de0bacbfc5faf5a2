//! TLVs (1588-2019 clause 14): framing here, one file per family beside it.

mod iter;
mod tlv_type;

pub use iter::{Tlv, TlvIter};
pub use tlv_type::TlvType;
