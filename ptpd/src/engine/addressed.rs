//! Whom a message is for, seen from its header alone.

use ptp_wire::PortNumber;

use super::transmit::Outstanding;
use super::{Engine, TxToken};

impl Engine {
    /// The port whose transmission a token names.
    pub fn port_of(token: TxToken) -> PortNumber {
        Outstanding::port_of(token)
    }

    /// Whether a message's domainNumber and sdoId are this instance's (1588-2019 7.1): a program of several instances
    /// gives each the messages that are its own. A sender of 2008 knows only the major nibble of the sdoId. False for
    /// octets that are too few for a header.
    pub fn hears(&self, octets: &[u8]) -> bool {
        let Some(&[first, version, _, _, domain, minor_sdo]) = octets.first_chunk() else { return false };
        let (major, minor) = (first >> 4, version >> 4);
        let config = &self.instance.config;
        let own = config.sdo_id;
        domain == config.domain_number
            && major == own.major()
            && (minor == 0 || u16::from(minor_sdo) == own.get() & 0xff)
    }

    /// The same for a management message from a UNIX socket, whose client need not know the minor octet of the sdoId
    /// (1588-2019 15.3.1).
    pub fn hears_management(&self, octets: &[u8]) -> bool {
        let Some(&[first, _, _, _, domain]) = octets.first_chunk() else { return false };
        let config = &self.instance.config;
        domain == config.domain_number && first >> 4 == config.sdo_id.major()
    }
}

#[cfg(test)]
mod tests {
    use ptp_wire::{ClockIdentity, SdoId};

    use super::super::{Engine, InstanceConfig, Instant, PortConfig};

    #[test]
    fn domain_and_sdo_id_decide() {
        let identity = ClockIdentity::from_mac([2, 0, 0, 0, 0, 1]);
        let mut config = InstanceConfig::new(identity, vec![PortConfig::new("eth0")]);
        config.domain_number = 20;
        config.sdo_id = SdoId::new(0x123);
        let engine = Engine::new(config, 1, Instant(0));
        let header = |major: u8, minor_version: u8, domain: u8, minor: u8| {
            [major << 4, minor_version << 4 | 2, 0, 44, domain, minor]
        };
        assert!(engine.hears(&header(1, 1, 20, 0x23)));
        assert!(engine.hears(&header(1, 0, 20, 0)), "a sender of 2008");
        assert!(!engine.hears(&header(1, 1, 20, 0x22)));
        assert!(!engine.hears(&header(1, 1, 21, 0x23)));
        assert!(!engine.hears(&header(0, 1, 20, 0x23)));
        assert!(!engine.hears(&header(1, 1, 20, 0x23)[..5]));
        assert!(engine.hears_management(&header(1, 1, 20, 0)));
        assert!(!engine.hears_management(&header(2, 1, 20, 0)));
        assert!(!engine.hears_management(&[]));
    }
}
