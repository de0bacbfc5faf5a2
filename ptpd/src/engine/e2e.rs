//! The delay request-response mechanism (1588-2019 11.3), both ends.

use core::time::Duration;

use ptp_wire::{Body, Flags, LogInterval, MessageType, PortIdentity, TimeInterval, TimePoint, Timestamp};

use super::fsm::FsmEvent;
use super::instance::Instance;
use super::port::{Port, Received, randomised, take};
use super::stats::DropCause;
use super::timers::Timer;
use super::transmit::Sent;
use super::{Address, Delay, DelaySample, Destination, PortState};

/// The first request follows the first Sync within this time: nobody waits for a full interval to be synchronised.
const FIRST_REQUEST: Duration = Duration::from_millis(50);

/// One exchange: t3 and the response may come in any order.
#[derive(Clone, Copy, Debug)]
struct Exchange {
    sequence_id: u16,
    t3: Option<TimePoint>,
    /// t4 less its correction.
    t4: Option<TimePoint>,
    correction: TimeInterval,
}

/// The client's side of the mechanism.
#[derive(Clone, Debug, Default)]
pub(super) struct E2e {
    exchange: Option<Exchange>,
    /// t2 - t1 - corrections of the last Sync.
    forward: Option<TimeInterval>,
    /// Delay_Reqs without an answer, in a row.
    unanswered: u8,
    /// t4 - t3 - corrections of the last exchange.
    backward: Option<TimeInterval>,
    /// Where to send requests, if not to the group.
    master: Option<Address>,
}

impl E2e {
    pub(super) fn clear(&mut self) {
        self.exchange = None;
        self.forward = None;
        self.backward = None;
    }

    /// The delay by the last Sync and the last exchange.
    pub(super) fn raw_delay(&self) -> Option<TimeInterval> {
        let (forward, backward) = (self.forward?, self.backward?);
        Some(TimeInterval(((i128::from(forward.0) + i128::from(backward.0)) / 2) as i64))
    }
}

impl Port {
    /// A Sync has been taken in.
    pub(super) fn sync_for_e2e(&mut self, instance: &mut Instance, forward: TimeInterval) {
        self.e2e.forward = Some(forward);
        let due = self.timers.get(Timer::DelayReq);
        let first = self.filter.value().is_none() || self.filter_stale;
        if due.is_none() || first {
            let interval = self.log_delay_req_interval.duration();
            let soon = instance.now + interval.min(FIRST_REQUEST).mul_f64(instance.rng.unit());
            if due.is_none_or(|at| soon < at) {
                self.timers.set(Timer::DelayReq, soon);
            }
        }
    }

    pub(super) fn delay_req_due(&mut self, instance: &mut Instance) {
        let asks = self.config.delay == Delay::E2e && !self.config.gptp.inhibit_delay_req;
        if !self.is_client() || !asks {
            return;
        }
        let wait = randomised(instance, self.log_delay_req_interval, self.config.delay_request_variability);
        self.timers.set(Timer::DelayReq, instance.now + wait);
        if self.e2e.exchange.is_some_and(|e| e.t4.is_none()) {
            self.stats.service.delay_timeout += 1;
            self.e2e.unanswered = self.e2e.unanswered.saturating_add(1);
            let limit = self.config.delay_response_timeout;
            if limit > 0 && self.e2e.unanswered >= limit {
                self.e2e.unanswered = 0;
                self.transition(instance, FsmEvent::SynchronizationFault);
            }
        }
        let mut header = self.header(instance, MessageType::DelayReq);
        header.sequence_id = take(&mut self.sequences.delay_req);
        header.correction = -self.path_asymmetry();
        self.e2e.exchange = Some(Exchange {
            sequence_id: header.sequence_id,
            t3: None,
            t4: None,
            correction: TimeInterval::ZERO,
        });
        let destination = match (self.unicast_master(), self.e2e.master) {
            (Some(master), _) => Destination::Unicast(master),
            (None, Some(master)) if self.config.hybrid_e2e => Destination::Unicast(master),
            _ => Destination::Primary,
        };
        let token = self.want_stamp(instance, Sent::DelayReq { sequence_id: header.sequence_id });
        let body = Body::DelayReq { origin_timestamp: Timestamp::ZERO };
        self.send(instance, &header, &body, destination, Some(token));
    }

    /// Notes where the master's messages come from, for hybrid mode.
    pub(super) fn note_master_address(&mut self, source: Address) {
        self.e2e.master = Some(source);
    }

    pub(super) fn delay_req_sent(&mut self, instance: &mut Instance, sequence_id: u16, t3: TimePoint) {
        if let Some(e) = self.e2e.exchange.as_mut().filter(|e| e.sequence_id == sequence_id) {
            e.t3 = Some(t3);
            self.finish_exchange(instance);
        }
    }

    pub(super) fn receive_delay_resp(
        &mut self,
        instance: &mut Instance,
        rx: Received<'_>,
        receive_timestamp: Timestamp,
        requester: PortIdentity,
    ) {
        let header = rx.message.header();
        if requester != self.id {
            return; // An answer to someone else: everybody on the link sees it.
        }
        if !self.is_client() || header.source_port_identity != instance.parent.parent_port_identity {
            return self.stats.drop(DropCause::NotMaster);
        }
        let Some(e) = self.e2e.exchange.as_mut().filter(|e| e.sequence_id == header.sequence_id) else {
            return self.stats.drop(DropCause::Unexpected);
        };
        self.e2e.unanswered = 0;
        e.t4 = Some(TimePoint::from(receive_timestamp) - header.correction);
        e.correction = header.correction;
        if (-10..=22).contains(&header.log_message_interval.0) {
            self.log_delay_req_interval = header.log_message_interval;
        }
        self.finish_exchange(instance);
    }

    fn finish_exchange(&mut self, instance: &mut Instance) {
        let (Some(Exchange { t3: Some(t3), t4: Some(t4), sequence_id, correction }), Some(_)) =
            (self.e2e.exchange, self.e2e.forward)
        else {
            return;
        };
        self.e2e.exchange = None;
        self.monitor_delay(instance, sequence_id, t3, t4, correction);
        let backward = t4 - t3;
        self.e2e.backward = Some(backward);
        let delay = self.e2e.raw_delay().unwrap_or_default();
        let first = self.filter.value().is_none();
        instance.current.mean_delay = self.filter_delay(delay);
        let mechanism = Delay::E2e;
        instance.out.delay(DelaySample { port: self.number(), mechanism, egress: t3, backward, delay });
        if let Some(performance) = &mut instance.options.performance {
            performance.path_delay(backward, delay);
        }
        if first {
            // From now on at the mean interval.
            let wait =
                randomised(instance, self.log_delay_req_interval, self.config.delay_request_variability);
            self.timers.set(Timer::DelayReq, instance.now + wait);
        }
    }

    /// As master: answers a request with the time it arrived.
    pub(super) fn receive_delay_req(&mut self, instance: &mut Instance, rx: Received<'_>) {
        if self.net_sync_monitored(instance, rx) {
            return;
        }
        if self.state != PortState::Master {
            return; // Other clients' requests are seen by all.
        }
        if !self.aligned {
            return; // The time of its arrival would be another clock's.
        }
        if self.config.delay != Delay::E2e {
            return self.stats.drop(DropCause::Mechanism);
        }
        let Some(t4) = self.ingress(rx.stamp) else { return };
        let request = rx.message.header();
        let (receive_timestamp, fraction) = t4.split();
        let unicast = request.flags.has(Flags::UNICAST);
        if unicast && !self.answers_unicast_delay_req(rx.source, request.source_port_identity, instance.now) {
            return self.stats.drop(DropCause::NotGranted);
        }
        let mut header = self.header(instance, MessageType::DelayResp);
        header.sequence_id = request.sequence_id;
        header.correction = request.correction - fraction;
        header.log_message_interval =
            if unicast { LogInterval::NOT_APPLICABLE } else { self.config.log_min_delay_req_interval };
        let body =
            Body::DelayResp { receive_timestamp, requesting_port_identity: request.source_port_identity };
        let destination = if unicast { Destination::Unicast(rx.source) } else { Destination::Primary };
        self.send(instance, &header, &body, destination, None);
    }
}
