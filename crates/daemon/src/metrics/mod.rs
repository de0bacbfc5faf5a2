//! What a daemon measures of itself, for Prometheus.
//!
//! The loop of the daemon keeps plain numbers ([`Histogram`], counters) and copies them now and then into a snapshot
//! ([`Publisher`]). Everything else (text, sockets) happens in the thread of [`crate::http`], from the snapshot.

mod common;
mod docs;
mod histogram;
pub mod openshift;
mod page;
mod publish;
mod samples;

pub(crate) use common::Counts;
pub use common::{COMMON, Identity, node_name};
pub use docs::check_documentation;
pub use histogram::{BOUNDS_NS, Histogram};
pub use openshift::OpenShiftClock;
pub use page::{Family, FamilyWriter, Format, Kind, Page, Unit};
pub(crate) use publish::Shared;
pub use publish::{Condition, Exposed, Publisher, Reading};
pub use samples::{LastSample, Samples};
