//! The Common Mean Link Delay Service (802.1AS-2020 11.2.17, 1588-2019 16.6): one measurement per link for all domains.
//!
//! The service is an instance with sdoId 0x200 whose ports have neither role nor Announce
//! ([`BestMaster::Static`](super::BestMaster) without a role): it measures, and [`Engine::link_delay`] tells. Instances
//! whose ports have [`Delay::CommonP2p`](crate::engine::Delay) send no Pdelay_Req; what the service tells is given to
//! them as [`Input::LinkDelay`](crate::engine::Input).

use ptp_wire::{PortNumber, TimeInterval};

use crate::engine::{Engine, port_mut};

/// What is known of one physical link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkDelay {
    /// meanLinkDelay, in the neighbour's time; `None`: not measured.
    pub mean_link_delay: Option<TimeInterval>,
    /// neighborRateRatio: the neighbour's frequency over the local one; `None`: not measured.
    pub neighbor_rate_ratio: Option<f64>,
    /// asCapableAcrossDomains.
    pub as_capable: bool,
}

impl Engine {
    /// What a port knows of its link; `None` for a port that does not exist.
    pub fn link_delay(&self, port: PortNumber) -> Option<LinkDelay> {
        self.port(port).map(|p| p.link_delay())
    }

    /// neighborRateRatio of a port: the neighbour's frequency over the local one.
    pub fn neighbor_rate_ratio(&self, port: PortNumber) -> Option<f64> {
        self.port(port).and_then(|p| p.gptp.neighbor_ratio())
    }

    /// asCapable of a port (802.1AS-2020 10.2.5.1); true where it has no meaning.
    pub fn as_capable(&self, port: PortNumber) -> Option<bool> {
        self.port(port).map(|p| p.as_capable())
    }

    pub(in crate::engine) fn take_link_delay(&mut self, port: PortNumber, link: LinkDelay) {
        if let Some(port) = port_mut(&mut self.ports, port) {
            port.common_link_delay(&mut self.instance, link);
        }
    }
}
