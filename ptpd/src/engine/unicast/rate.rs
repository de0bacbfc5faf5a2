//! The rates of both ends of a path (G.8275.2 annex D): what they make of its asymmetry.
//!
//! A stamp is taken where the preamble ends. What stands before that point is on the wire of the sender before the stamp,
//! what stands after it has to arrive before the next node can send the frame on. So the way from the master takes the
//! bits after the stamp at the master's rate and the bits before it at the client's, and the way back the same with the
//! rates exchanged. With equal rates this is the same both ways; else the way from the master takes longer by
//! (after - before) x (the master's bit period - the client's), of which half is the asymmetry.

use ptp_wire::{InterfaceRate, Organization, TimeInterval, TlvType, TlvValue};

use super::super::port::{Port, Received};
use super::super::stats::DropCause;
use super::super::{Delay, Transport};

/// Preamble and start of frame.
const BEFORE: u16 = 64;
/// Attoseconds in a second.
const SECOND: u64 = 1_000_000_000_000_000_000;
/// A slower interface than 1 Mbit/s is none that PTP runs on.
const LONGEST_PERIOD: u64 = SECOND / 1_000_000;
/// A longer frame than 2048 octets carries no Sync.
const MOST_BITS: u16 = 2048 * 8;

/// Attoseconds of one bit; `None` for rates that mean nothing.
pub(in super::super) fn bit_period(bits_per_second: u64) -> Option<u64> {
    SECOND.checked_div(bits_per_second).filter(|p| (1..=LONGEST_PERIOD).contains(p))
}

/// Bits of a Sync behind the preamble, with the frame's check sequence.
const fn after(transport: Transport) -> u16 {
    let headers = match transport {
        Transport::UdpIpv4 => 14 + 20 + 8,
        Transport::UdpIpv6 => 14 + 40 + 8,
        Transport::Ethernet => 14,
    };
    (headers + 44 + 4) * 8
}

/// Half of how much longer the way from the master takes. `None`: no interface is like that.
fn asymmetry(told: &InterfaceRate, own_period: u64) -> Option<TimeInterval> {
    let (before, after) = (told.number_bits_before_timestamp, told.number_bits_after_timestamp);
    let sane = (1..=LONGEST_PERIOD).contains(&told.interface_bit_period)
        && before <= MOST_BITS
        && after <= MOST_BITS;
    if !sane {
        return None;
    }
    let bits = i128::from(after) - i128::from(before);
    let difference = i128::from(told.interface_bit_period) - i128::from(own_period);
    // At most 2^14 bits of 2^40 attoseconds; in units of 2^-16 ns, rounded.
    let half = (bits * difference * (1 << 16)).div_euclid(1_000_000_000) + 1;
    i64::try_from(half.div_euclid(2)).ok().map(TimeInterval)
}

impl Port {
    /// The TLV that goes with grants; `None`: it is not configured, or the rate is not known.
    pub(super) fn own_interface_rate(&self) -> Option<TlvValue<'static>> {
        let interface_bit_period = self.unicast.rate.filter(|_| self.config.interface_rate_tlv)?;
        let rate = InterfaceRate {
            interface_bit_period,
            number_bits_before_timestamp: BEFORE,
            number_bits_after_timestamp: after(self.config.transport),
        };
        Some(TlvValue::Organization(TlvType::ORGANIZATION_EXTENSION, Organization::InterfaceRate(rate)))
    }

    /// What came with a grant, or did not.
    pub(super) fn receive_interface_rate(&mut self, rx: Received<'_>, told: Option<InterfaceRate>) {
        let (Some(own), true) = (self.unicast.rate, self.config.interface_rate_tlv) else { return };
        let source = rx.message.header().source_port_identity;
        let Some(entry) = self.unicast.client.as_mut().and_then(|c| c.find(rx.source)) else { return };
        if entry.identity != Some(source) {
            return;
        }
        match told.map(|told| asymmetry(&told, own)) {
            None => entry.rate_asymmetry = TimeInterval::ZERO,
            Some(Some(asymmetry)) => entry.rate_asymmetry = asymmetry,
            Some(None) => self.stats.drop(DropCause::Malformed),
        }
    }

    /// portDS.delayAsymmetry, and what the rates of both ends add to it.
    pub(in super::super) fn path_asymmetry(&self) -> TimeInterval {
        let of_rates = match (&self.unicast.client, self.config.delay) {
            (Some(client), Delay::E2e) => client.rate_asymmetry(),
            _ => TimeInterval::ZERO,
        };
        self.config.delay_asymmetry + of_rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bits_per_second: u64) -> InterfaceRate {
        InterfaceRate {
            interface_bit_period: bit_period(bits_per_second).expect("a rate"),
            number_bits_before_timestamp: BEFORE,
            number_bits_after_timestamp: after(Transport::UdpIpv4),
        }
    }

    #[test]
    fn the_slower_end_makes_the_way_from_it_longer() {
        let period = |rate| bit_period(rate).expect("a rate");
        let ns = |of: u64, own| asymmetry(&told(of), period(own)).expect("sane").nanos_f64();
        // 656 bits, each 900 ps longer, half of it.
        assert!((ns(1_000_000_000, 10_000_000_000) - 295.2).abs() < 0.001);
        assert!((ns(10_000_000_000, 1_000_000_000) + 295.2).abs() < 0.001);
        assert_eq!(ns(25_000_000_000, 25_000_000_000), 0.0);
        assert_eq!(after(Transport::UdpIpv4), 720);
    }

    #[test]
    fn absurd_rates_are_none() {
        assert_eq!(bit_period(0), None);
        assert_eq!(bit_period(1000), None);
        assert_eq!(bit_period(u64::MAX), None);
        let good = told(1_000_000_000);
        for bad in [
            InterfaceRate { interface_bit_period: 0, ..good },
            InterfaceRate { interface_bit_period: u64::MAX, ..good },
            InterfaceRate { number_bits_after_timestamp: u16::MAX, ..good },
            InterfaceRate { number_bits_before_timestamp: u16::MAX, ..good },
        ] {
            assert_eq!(asymmetry(&bad, 1_000_000_000), None, "{bad:?}");
        }
    }
}
