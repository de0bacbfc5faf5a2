//! What a port sends: as master, and with every message that wants its stamp.

use ptp_wire::{
    Body, Flags, Header, LogInterval, MessageType, Organization, TimePoint, Timestamp, TlvType, Writer,
};

use super::instance::Instance;
use super::outbox::{Outbox, Route};
use super::port::Port;
use super::power::Power;
use super::timers::Timer;
use super::transmit::Sent;
use super::{Destination, Event, MessageClass, PortState, TxToken};

impl Port {
    pub(super) fn header(&self, instance: &Instance, message_type: MessageType) -> Header {
        let mut header = Header::new(message_type);
        header.sdo_id = instance.config.sdo_id;
        header.minor_version = instance.config.minor_version;
        header.domain_number = instance.config.domain_number;
        header.source_port_identity = self.id;
        header
    }

    /// Remembers a transmission whose stamp is wanted; one that had to make room counts as lost.
    pub(super) fn want_stamp(&mut self, instance: &mut Instance, sent: Sent) -> TxToken {
        let (token, lost) = self.outstanding.issue(sent);
        if let Some(lost) = lost {
            self.stamp_lost(instance, lost.message_type());
        }
        token
    }

    /// Sends header and body.
    pub(super) fn send(
        &mut self,
        instance: &mut Instance,
        header: &Header,
        body: &Body,
        destination: Destination,
        stamp: Option<TxToken>,
    ) {
        self.send_with(instance, header, body, destination, stamp, None);
    }

    /// Sends header, body and Follow_Up information.
    fn send_with(
        &mut self,
        instance: &mut Instance,
        header: &Header,
        body: &Body,
        destination: Destination,
        stamp: Option<TxToken>,
        information: Option<&Organization<'_>>,
    ) {
        let message_type = body.message_type();
        let class = if message_type.is_event() { MessageClass::Event } else { MessageClass::General };
        let unicast = matches!(destination, Destination::Unicast(_));
        let header = Header { flags: header.flags.with(Flags::UNICAST, unicast), ..*header };
        let route = Route { port: self.number(), class, destination, stamp };
        let written = instance.out.transmit(route, Outbox::TIMING, |buf| {
            let mut w = Writer::new(buf, &header, body)?;
            if let Some(information) = information {
                w.tlv_with(TlvType::ORGANIZATION_EXTENSION, |room| information.emit(room))?;
            }
            Ok(w.finish())
        });
        if written.is_ok() {
            self.stats.sent(message_type);
        }
    }

    pub(super) fn send_announce_to(
        &mut self,
        instance: &mut Instance,
        destination: Destination,
        sequence_id: u16,
    ) {
        let unicast = matches!(destination, Destination::Unicast(_));
        let mut header = self.header(instance, MessageType::Announce);
        header.sequence_id = sequence_id;
        header.log_message_interval =
            if unicast { LogInterval::NOT_APPLICABLE } else { self.config.log_announce_interval };
        header.flags = instance.announce_flags().with(Flags::UNICAST, unicast);
        if !self.aligned && instance.may_be_uncertain() {
            header.flags = header.flags.with(Flags::SYNCHRONIZATION_UNCERTAIN, true);
        }
        let power =
            Power::announced(&self.config.power, instance.is_grandmaster(), instance.parent_power.as_ref());
        let body = Body::Announce(instance.announce_body());
        let route = Route { port: self.number(), class: MessageClass::General, destination, stamp: None };
        let mut out = std::mem::take(&mut instance.out);
        let written = out.transmit(route, instance.announce_room(), |buf| {
            let mut w = Writer::new(buf, &header, &body)?;
            instance.announce_tlvs(&mut w, power);
            Ok(w.finish())
        });
        instance.out = out;
        if written.is_ok() {
            self.stats.sent(MessageType::Announce);
        }
    }

    /// What is announced has changed: the next Announces are due now.
    pub(super) fn announce_now(&mut self, instance: &mut Instance) {
        if self.config.multicast {
            self.timers.set(Timer::Announce, instance.now);
        }
        self.unicast_announce_now(instance);
    }

    /// `log_interval`: the one that holds for this destination.
    pub(super) fn send_sync_to(
        &mut self,
        instance: &mut Instance,
        destination: Destination,
        sequence_id: u16,
        log_interval: LogInterval,
    ) {
        if !self.aligned {
            return; // Its clock is not the grandmaster's yet: no time is better than a wrong one.
        }
        let unicast = matches!(destination, Destination::Unicast(_));
        let log_interval = if unicast { LogInterval::NOT_APPLICABLE } else { log_interval };
        let mut header = self.header(instance, MessageType::Sync);
        header.sequence_id = sequence_id;
        header.log_message_interval = log_interval;
        let body = Body::Sync { origin_timestamp: Timestamp::ZERO };
        if self.config.stamping.writes_sync() {
            // The card writes when it saw the message; the rest of the way to the wire is known.
            header.correction = self.config.egress_latency;
            return self.send(instance, &header, &body, destination, None);
        }
        header.flags = Flags::TWO_STEP;
        let token = self.want_stamp(instance, Sent::Sync { sequence_id, destination, log_interval });
        self.send(instance, &header, &body, destination, Some(token));
    }

    /// A transmit stamp has come, or is known to be lost.
    pub(super) fn transmit_stamp(
        &mut self,
        instance: &mut Instance,
        token: TxToken,
        stamp: Option<TimePoint>,
    ) {
        let Some(sent) = self.outstanding.complete(token) else { return };
        let Some(stamp) = stamp else {
            return self.stamp_lost(instance, sent.message_type());
        };
        let stamp = stamp + self.config.egress_latency;
        match sent {
            Sent::Sync { sequence_id, destination, log_interval } => {
                if self.state != PortState::Master {
                    return;
                }
                let (t1, fraction) = stamp.split();
                let mut header = self.header(instance, MessageType::FollowUp);
                header.sequence_id = sequence_id;
                header.log_message_interval = log_interval;
                header.correction = fraction;
                let (t1, information) = self.follow_up_of(instance, &mut header, t1, stamp);
                let body = Body::FollowUp { precise_origin_timestamp: t1 };
                self.send_with(instance, &header, &body, destination, None, information.as_ref());
            }
            Sent::OptionalSync { sequence_id, log_interval, flags, destination } => {
                self.optional_sync_sent(instance, sequence_id, log_interval, flags, destination, stamp);
            }
            Sent::DelayReq { sequence_id } => {
                self.monitor_transmitted(instance, MessageType::DelayReq, sequence_id, stamp);
                self.delay_req_sent(instance, sequence_id, stamp);
            }
            Sent::PdelayReq { sequence_id } => {
                self.monitor_transmitted(instance, MessageType::PdelayReq, sequence_id, stamp);
                self.pdelay_req_sent(instance, sequence_id, stamp);
            }
            // Taken before it came here.
            Sent::Transit { .. } => {}
            Sent::PdelayResp { sequence_id, requester, correction, destination } => {
                self.pdelay_resp_sent(instance, sequence_id, requester, correction, destination, stamp);
            }
        }
    }

    pub(super) fn stamp_lost(&mut self, instance: &mut Instance, message_type: MessageType) {
        self.stats.tx_stamps_lost += 1;
        let total = self.stats.tx_stamps_lost;
        // The first, and then each time the number doubles: an operator sees it, the log survives it.
        if total.is_power_of_two() {
            instance.out.event(Event::TransmitStampLost { port: self.number(), message_type, total });
        }
    }
}
