//! NetSync monitor: a unicast Delay_Req with an empty PTPMON_REQ TLV is answered, whatever the port's state, with a
//! Delay_Resp that tells how this clock is synchronised, a Sync and its Follow_Up, all with the request's sequenceId. So
//! anybody may measure this clock once, without becoming its client (linuxptp's `net_sync_monitor`, its program `nsm`).

use ptp_wire::management::{CurrentDataSet, ParentDataSet, TimePropertiesDataSet};
use ptp_wire::{Body, Flags, LogInterval, MessageType, PortAddress, PtpmonResp, TlvType, TlvValue, Writer};

use super::super::instance::Instance;
use super::super::outbox::{Outbox, Route};
use super::super::port::{Port, Received};
use super::super::stats::DropCause;
use super::super::{Address, Destination, Instant, MessageClass};

/// A bucket that fills with one answer per interval, up to a second's worth.
#[derive(Debug, Default)]
pub(in super::super) struct Limit {
    /// When the bucket would be full, were nothing taken any more.
    full_at: Instant,
}

impl Limit {
    /// Takes one of `rate` a second, if there is one.
    fn take(&mut self, now: Instant, rate: u16) -> bool {
        const SECOND: u64 = 1_000_000_000;
        let Some(cost) = SECOND.checked_div(rate.into()) else { return false };
        let full_at = self.full_at.0.max(now.0).saturating_add(cost);
        let allowed = full_at <= now.0.saturating_add(SECOND);
        if allowed {
            self.full_at = Instant(full_at);
        }
        allowed
    }
}

impl Port {
    /// Answers a Delay_Req that is a NetSync monitor's. False: it is not one, or this port does not answer them.
    pub(in super::super) fn net_sync_monitored(&mut self, instance: &mut Instance, rx: Received<'_>) -> bool {
        let request = rx.message.header();
        let rate = self.config.options.net_sync_monitor_rate;
        if rate == 0
            || !request.flags.has(Flags::UNICAST)
            || !rx.message.tlvs().any(|tlv| tlv.tlv_type == TlvType::PTPMON_REQ)
        {
            return false;
        }
        if !self.options.net_sync_monitor.take(instance.now, rate) {
            self.stats.drop(DropCause::RateLimit);
            return true;
        }
        let Some(t4) = self.ingress(rx.stamp) else { return true };
        let destination = Destination::Unicast(rx.source);
        let (receive_timestamp, fraction) = t4.split();
        let mut header = self.header(instance, MessageType::DelayResp);
        header.sequence_id = request.sequence_id;
        header.correction = request.correction - fraction;
        header.log_message_interval = LogInterval::NOT_APPLICABLE;
        header.flags = Flags::UNICAST;
        let body =
            Body::DelayResp { receive_timestamp, requesting_port_identity: request.source_port_identity };
        // A grandmaster is its own parent; so is, for now, a clock that has not heard Sync of its parent yet.
        let parent_octets =
            instance.options.parent_address.filter(|_| !instance.is_grandmaster()).map(octets);
        let parent_address = match &parent_octets {
            Some((network_protocol, octets, len)) => PortAddress {
                network_protocol: *network_protocol,
                address: octets.get(..*len).unwrap_or_default(),
            },
            None => PortAddress {
                network_protocol: self.config.transport.network_protocol(),
                address: &self.config.protocol_address,
            },
        };
        let parent = &instance.parent;
        let current = &instance.current;
        let response = TlvValue::PtpmonResp(PtpmonResp {
            port_state: self.state as u8,
            parent_address,
            parent: ParentDataSet {
                parent_port_identity: parent.parent_port_identity,
                parent_stats: false,
                observed_parent_offset_scaled_log_variance: 0xffff,
                observed_parent_clock_phase_change_rate: 0x7fff_ffff,
                grandmaster_priority1: parent.grandmaster_priority1,
                grandmaster_clock_quality: parent.grandmaster_clock_quality,
                grandmaster_priority2: parent.grandmaster_priority2,
                grandmaster_identity: parent.grandmaster_identity,
            },
            current: CurrentDataSet {
                steps_removed: current.steps_removed,
                offset_from_master: current.offset_from_master,
                mean_path_delay: current.mean_delay,
            },
            time_properties: TimePropertiesDataSet {
                current_utc_offset: instance.time_properties.current_utc_offset,
                flags: instance.announce_flags(),
                time_source: instance.time_properties.time_source,
            },
            last_sync: current.ingress_time.split().0,
        });
        let route = Route { port: self.number(), class: MessageClass::General, destination, stamp: None };
        let written = instance.out.transmit(route, 2 * Outbox::TIMING, |buf| {
            let mut w = Writer::new(buf, &header, &body)?;
            w.tlv_value(&response)?;
            Ok(w.finish())
        });
        if written.is_ok() {
            self.stats.sent(MessageType::DelayResp);
        }
        self.send_optional_sync(
            instance,
            request.sequence_id,
            LogInterval::NOT_APPLICABLE,
            Flags::NONE,
            destination,
        );
        true
    }
}

/// networkProtocol, the octets of an address, and their number.
fn octets(address: Address) -> (u16, [u8; 16], usize) {
    let mut octets = [0; 16];
    let mut put = |of: &[u8]| {
        octets.iter_mut().zip(of).for_each(|(to, from)| *to = *from);
        of.len()
    };
    let (protocol, len) = match address {
        Address::Ipv4(a) => (1, put(&a.octets())),
        Address::Ipv6(a) => (2, put(&a.octets())),
        Address::Ethernet(a) => (3, put(&a)),
    };
    (protocol, octets, len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_gives_as_many_answers_as_the_rate_and_a_flood_no_more() {
        let mut limit = Limit::default();
        let mut allowed = 0;
        // Ten seconds of a thousand requests each.
        for i in 0..10_000u64 {
            allowed += u32::from(limit.take(Instant(5_000_000_000 + i * 1_000_000), 16));
        }
        assert!((160..=176).contains(&allowed), "{allowed}");
        assert!(!Limit::default().take(Instant(1), 0));
        // Later, there is a second's worth at once.
        let burst = (0..100).filter(|_| limit.take(Instant(60_000_000_000), 16)).count();
        assert_eq!(burst, 16);
    }
}
