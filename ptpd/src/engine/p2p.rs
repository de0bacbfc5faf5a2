//! The peer-to-peer delay mechanism (1588-2019 11.4), both ends.

use ptp_wire::{Body, Flags, LogInterval, MessageType, PortIdentity, TimeInterval, TimePoint, Timestamp};

use super::e2e::E2e;
use super::gptp::PeerTimes;
use super::instance::Instance;
use super::port::{Port, Received, next_due, take};
use super::stats::DropCause;
use super::timers::Timer;
use super::transmit::Sent;
use super::{Delay, DelaySample, Destination, Event, Instant};

/// Answers kept of each kind where the neighbour is known: who answers in its name, too, cannot displace it.
const ANSWERS: usize = 4;

/// One exchange; its four times come in any order.
#[derive(Clone, Copy, Debug)]
struct Exchange {
    sequence_id: u16,
    responder: Option<PortIdentity>,
    t1: Option<TimePoint>,
    responses: Answers<Response>,
    follow_ups: Answers<FollowUp>,
    /// More than one peer answered: the measurement means nothing.
    ambiguous: bool,
}

/// The last answers; the oldest makes room.
#[derive(Clone, Copy, Debug)]
struct Answers<T> {
    list: [Option<T>; ANSWERS],
    next: usize,
}

impl<T: Copy> Answers<T> {
    const NONE: Self = Self { list: [None; ANSWERS], next: 0 };

    fn is_empty(&self) -> bool {
        self.next == 0
    }

    fn push(&mut self, answer: T) {
        self.list[self.next % ANSWERS] = Some(answer);
        self.next = self.next.wrapping_add(1).max(1);
    }

    fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.list.iter().copied().flatten()
    }
}

#[derive(Clone, Copy, Debug)]
struct Response {
    t4: TimePoint,
    request_receipt: TimePoint,
    correction: TimeInterval,
    two_step: bool,
    minor_version: u8,
}

#[derive(Clone, Copy, Debug)]
struct FollowUp {
    response_origin: TimePoint,
    correction: TimeInterval,
}

impl Exchange {
    /// The times of complete answers (11.4.2), of the first that `fits`. `gptp`: t2 is told with the sign of 802.1AS.
    fn times(&self, gptp: bool, fits: impl Fn(&PeerTimes) -> bool) -> Option<(PeerTimes, u8)> {
        let t1 = self.t1?;
        let one_step = |r: Response| {
            let round_trip = r.t4 - t1 - r.correction;
            PeerTimes { round_trip, turnaround: TimeInterval::ZERO, response: None }
        };
        let two_step = |r: Response, f: FollowUp| {
            let t2 = if gptp { r.request_receipt + r.correction } else { r.request_receipt - r.correction };
            let t3 = f.response_origin + f.correction;
            PeerTimes { round_trip: r.t4 - t1, turnaround: t3 - t2, response: Some((t3, r.t4)) }
        };
        self.responses.iter().find_map(|r| {
            let times = if r.two_step {
                self.follow_ups.iter().map(|f| two_step(r, f)).find(|t| fits(t))
            } else {
                Some(one_step(r)).filter(|t| fits(t))
            };
            times.map(|t| (t, r.minor_version))
        })
    }
}

/// The requester's side.
#[derive(Clone, Debug, Default)]
pub(super) struct PeerDelay {
    exchange: Option<Exchange>,
    /// Several responders have been reported.
    reported: bool,
    /// The last measured delay.
    pub(super) last: Option<TimeInterval>,
}

impl PeerDelay {
    pub(super) fn clear_exchange(&mut self) {
        self.exchange = None;
        self.last = None;
    }
}

impl Port {
    pub(super) fn pdelay_req_due(&mut self, instance: &mut Instance, due: Instant) {
        if self.config.delay != Delay::P2p || !self.active() || self.config.gptp.inhibit_delay_req {
            return;
        }
        let Some(interval) = self.pdelay_interval() else { return };
        let next = next_due(due, interval, instance.now);
        self.timers.set(Timer::PdelayReq, next);
        self.finish_peer_exchange(instance, true);
        if let Some(e) = self.peer.exchange.take() {
            self.stats.service.delay_timeout += 1;
            if e.ambiguous {
                self.gptp_exchange_faulty(instance);
            } else {
                self.gptp_exchange_lost(instance);
            }
        }
        let mut header = self.header(instance, MessageType::PdelayReq);
        header.sequence_id = take(&mut self.sequences.pdelay_req);
        if instance.config.sdo_id.major() == 0 {
            header.correction = -self.config.delay_asymmetry;
        } else {
            header.log_message_interval = interval;
        }
        self.peer.exchange = Some(Exchange {
            sequence_id: header.sequence_id,
            responder: None,
            t1: None,
            responses: Answers::NONE,
            follow_ups: Answers::NONE,
            ambiguous: false,
        });
        let token = self.want_stamp(instance, Sent::PdelayReq { sequence_id: header.sequence_id });
        let body = Body::PdelayReq { origin_timestamp: Timestamp::ZERO };
        let destination = self.unicast_master().map_or(Destination::PeerDelay, Destination::Unicast);
        self.send(instance, &header, &body, destination, Some(token));
    }

    pub(super) fn pdelay_req_sent(&mut self, instance: &mut Instance, sequence_id: u16, t1: TimePoint) {
        if let Some(e) = self.peer.exchange.as_mut().filter(|e| e.sequence_id == sequence_id) {
            e.t1 = Some(t1);
            self.finish_peer_exchange(instance, false);
        }
    }

    pub(super) fn receive_pdelay_resp(
        &mut self,
        instance: &mut Instance,
        rx: Received<'_>,
        request_receipt: Timestamp,
        requester: PortIdentity,
    ) {
        if requester != self.id {
            return;
        }
        let header = rx.message.header();
        let Some(t4) = self.ingress(rx.stamp) else { return };
        let number = self.number();
        let asymmetry = match instance.config.sdo_id.major() {
            0 => self.config.delay_asymmetry,
            _ => TimeInterval::ZERO,
        };
        let known = self.gptp_peer();
        let stranger = known.is_some_and(|p| p != header.source_port_identity);
        let Some(e) = self.peer.exchange.as_mut().filter(|e| e.sequence_id == header.sequence_id) else {
            return self.stats.drop(DropCause::Unexpected);
        };
        if stranger {
            // The neighbour is known: whoever else answers cannot spoil the measurement.
            if !std::mem::replace(&mut self.peer.reported, true) {
                instance.out.event(Event::MultiplePdelayResponders { port: number });
            }
            return self.stats.drop(DropCause::Unexpected);
        }
        let another = known.is_none() && !e.responses.is_empty();
        if another || e.responder.is_some_and(|r| r != header.source_port_identity) {
            if e.responder != Some(header.source_port_identity) {
                e.ambiguous = true;
                if !std::mem::replace(&mut self.peer.reported, true) {
                    instance.out.event(Event::MultiplePdelayResponders { port: number });
                }
            }
            return self.stats.drop(DropCause::Unexpected);
        }
        e.responder = Some(header.source_port_identity);
        e.responses.push(Response {
            t4,
            request_receipt: request_receipt.into(),
            correction: header.correction + asymmetry,
            two_step: header.flags.has(Flags::TWO_STEP) || instance.config.assume_two_step,
            minor_version: header.minor_version,
        });
        self.finish_peer_exchange(instance, false);
    }

    pub(super) fn receive_pdelay_resp_follow_up(
        &mut self,
        instance: &mut Instance,
        rx: Received<'_>,
        response_origin: Timestamp,
        requester: PortIdentity,
    ) {
        if requester != self.id {
            return;
        }
        let header = rx.message.header();
        let source = header.source_port_identity;
        let known = self.gptp_peer();
        if known.is_some_and(|p| p != source) {
            return self.stats.drop(DropCause::Unexpected);
        }
        let expected = |e: &&mut Exchange| {
            e.sequence_id == header.sequence_id && e.responder.is_none_or(|r| r == source)
        };
        let Some(e) = self.peer.exchange.as_mut().filter(expected) else {
            return self.stats.drop(DropCause::Unexpected);
        };
        e.responder = Some(source);
        if known.is_none() {
            e.follow_ups = Answers::NONE;
        }
        e.follow_ups
            .push(FollowUp { response_origin: response_origin.into(), correction: header.correction });
        self.finish_peer_exchange(instance, false);
    }

    /// Takes the exchange in once it is complete. Where the neighbour is known, times that cannot be its own wait for
    /// better ones until the next request is due (`last`).
    fn finish_peer_exchange(&mut self, instance: &mut Instance, last: bool) {
        let Some(e) = self.peer.exchange else { return };
        let gptp = instance.config.sdo_id.major() != 0;
        let times = e.times(gptp, |t| self.gptp_fits(t)).or_else(|| e.times(gptp, |_| last));
        let (Some((times, minor_version)), Some(t1)) = (times, e.t1) else { return };
        let Some(responder) = e.responder else { return };
        self.peer.exchange = None;
        if e.ambiguous {
            return self.gptp_exchange_faulty(instance);
        }
        let delay = self.gptp_exchange_done(instance, &times, responder, minor_version);
        let Some(delay) = delay else { return };
        self.filter_delay(delay);
        let (backward, mechanism) = (TimeInterval::ZERO, Delay::P2p);
        instance.out.delay(DelaySample { port: self.number(), mechanism, egress: t1, backward, delay });
        self.peer.last = Some(delay);
        let number = self.number();
        if let Some(performance) = &mut instance.options.performance {
            performance.link_delay(number, delay);
        }
    }

    /// A port that finds out how its link's delay is measured has a peer that does it: P2P from here on, for good.
    fn peer_detected(&mut self, instance: &mut Instance) {
        self.config.delay = Delay::P2p;
        self.e2e = E2e::default();
        self.filter.reset();
        self.timers.stop(Timer::DelayReq);
        self.timers.set(Timer::PdelayReq, instance.now);
        instance.out.event(Event::PeerDetected { port: self.number() });
    }

    /// Answers a peer's request: two-step, with both times (11.4.2 c, option B), or by the card in one.
    pub(super) fn receive_pdelay_req(&mut self, instance: &mut Instance, rx: Received<'_>) {
        if self.config.delay_auto && self.config.delay == Delay::E2e {
            self.peer_detected(instance);
        }
        if self.config.delay != Delay::P2p {
            return self.stats.drop(DropCause::Mechanism);
        }
        let Some(t2) = self.ingress(rx.stamp) else { return };
        let request = rx.message.header();
        let requester = request.source_port_identity;
        let (request_receipt_timestamp, fraction) = t2.split();
        let destination = if request.flags.has(Flags::UNICAST) {
            Destination::Unicast(rx.source)
        } else {
            Destination::PeerDelay
        };
        let mut header = self.header(instance, MessageType::PdelayResp);
        header.sequence_id = request.sequence_id;
        header.log_message_interval = LogInterval::NOT_APPLICABLE;
        if self.config.stamping.writes_pdelay_resp() {
            // The card adds its turnaround time; the ways between card and wire are known (11.4.2 c 1).
            header.correction = request.correction + self.config.ingress_latency + self.config.egress_latency;
            let body = Body::PdelayResp {
                request_receipt_timestamp: Timestamp::ZERO,
                requesting_port_identity: requester,
            };
            return self.send(instance, &header, &body, destination, None);
        }
        header.flags = Flags::TWO_STEP;
        let gptp = instance.config.sdo_id.major() != 0;
        header.correction = if gptp { fraction } else { -fraction };
        header.log_message_interval = LogInterval::NOT_APPLICABLE;
        let sent = Sent::PdelayResp {
            sequence_id: request.sequence_id,
            requester,
            correction: if gptp { TimeInterval::ZERO } else { request.correction },
            destination,
        };
        let token = self.want_stamp(instance, sent);
        let body = Body::PdelayResp { request_receipt_timestamp, requesting_port_identity: requester };
        self.send(instance, &header, &body, destination, Some(token));
    }

    pub(super) fn pdelay_resp_sent(
        &mut self,
        instance: &mut Instance,
        sequence_id: u16,
        requester: PortIdentity,
        correction: TimeInterval,
        destination: Destination,
        t3: TimePoint,
    ) {
        let (response_origin_timestamp, fraction) = t3.split();
        let mut header = self.header(instance, MessageType::PdelayRespFollowUp);
        header.sequence_id = sequence_id;
        header.correction = correction + fraction;
        let body =
            Body::PdelayRespFollowUp { response_origin_timestamp, requesting_port_identity: requester };
        self.send(instance, &header, &body, destination, None);
    }
}
