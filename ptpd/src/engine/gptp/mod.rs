//! What IEEE 802.1AS-2020 asks beyond IEEE 1588: asCapable, the BTCA, Follow_Up information and the relay, interval
//! requests, CMLDS. Each is a rule of its own that [`Rules`] and [`BestMaster`] switch on; without them nothing here
//! changes what a port does.

mod btca;
mod cmlds;
mod neighbor;
mod port;
mod relay;
mod rules;
mod signaling;

pub(super) use super::BestMaster;
pub use cmlds::LinkDelay;
pub use rules::{AsCapable, GptpCapable, Rules, StaticRole};

pub(super) use btca::decide;
pub(super) use neighbor::PeerTimes;
pub(super) use port::{GptpPort, follow_up_information};
pub(super) use relay::{OwnTimeBase, Relayed};
