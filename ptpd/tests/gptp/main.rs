//! IEEE 802.1AS between engines: attacks on peer delay, the common service, and several domains on one link.

mod attack;
mod common;
mod intervals;
mod net;
