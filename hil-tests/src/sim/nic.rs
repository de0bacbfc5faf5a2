//! What a NIC does with frames: stamps them, writes times into them, puts them on the wire.

use ptp_wire::{Body, Message, PortNumber, TimeInterval, TimePoint, Timestamp};
use ptpd::engine::{Address, TxToken};

use super::drive::{Happening, Octets};
use super::link::{Link, Overheard};
use super::node::Node;
use super::{EventQueue, LinkId, Moment, NodeId};

/// Requests that a card remembers.
const REMEMBERED: usize = 8;
const SYNC: u8 = 0x0;
const PDELAY_RESP: u8 = 0x3;
const FOLLOW_UP: u8 = 0x8;
const PDELAY_RESP_FOLLOW_UP: u8 = 0xa;

/// Plans the engine's news of a transmit stamp, if there is to be any.
pub(super) fn plan_stamp(
    queue: &mut EventQueue<Happening>,
    node: &mut Node,
    id: NodeId,
    now: Moment,
    token: TxToken,
    connected: bool,
) {
    let stamp = node.clock.stamp(now);
    let host = node.spec.host;
    let lost = node.rng.chance(host.stamp_loss);
    let latency = host.stamp_latency.around(TimeInterval::ZERO, &mut node.rng);
    let (at, stamp) = if lost || !connected {
        node.record.stamps_withheld += 1;
        if node.rng.chance(0.5) {
            return;
        }
        (now + latency + TimeInterval::from_nanos(5_000_000), None)
    } else {
        (now + latency, Some(stamp))
    };
    queue.push(at, Happening::Stamp { node: id, life: node.life, token, stamp });
}

/// What a one-step NIC makes of a frame: it carries its own time, and what would follow is not sent.
pub(super) fn one_step(node: &mut Node, now: Moment, octets: Octets) -> Option<Octets> {
    let message = Message::parse(&octets).ok()?;
    let correction = match octets.first()? & 0xf {
        FOLLOW_UP | PDELAY_RESP_FOLLOW_UP => return None,
        SYNC => None,
        PDELAY_RESP => Some(message.header().correction),
        _ => return Some(octets),
    };
    let stamp = node.clock.stamp(now);
    let mut octets = octets.to_vec();
    octets[6] &= !0x02;
    let (time, correction) = match (correction, message.body()) {
        // The turnaround goes into the correction, the time itself is zero.
        (Some(c), Body::PdelayResp { request_receipt_timestamp: t, .. }) => {
            (Timestamp::ZERO, stamp - (TimePoint::from(*t) - c))
        }
        _ => stamp.split(),
    };
    octets[8..16].copy_from_slice(&correction.0.to_be_bytes());
    octets[34..40].copy_from_slice(&time.seconds().to_be_bytes()[2..]);
    octets[40..44].copy_from_slice(&time.nanoseconds().to_be_bytes());
    Some(octets.into())
}

/// What leaves for a link.
pub(super) struct OnWire<'a> {
    /// The place of the sender among the link's ends; `None`: somebody who has no place there.
    pub(super) sender: Option<usize>,
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) octets: &'a Octets,
}

/// A card that writes into what it is told to write into, and leaves the rest alone: Sync, and Pdelay_Resp if it does that,
/// without twoStepFlag.
pub(super) fn write_as_told(node: &mut Node, now: Moment, number: PortNumber, octets: Octets) -> Octets {
    let Some(stamping) = node.port(number).map(|p| p.config.stamping) else { return octets };
    let Ok(message) = Message::parse(&octets) else { return octets };
    let header = *message.header();
    let two_step = header.flags.has(ptp_wire::Flags::TWO_STEP);
    let body = *message.body();
    let (time, correction) = match body {
        Body::Sync { .. } if stamping.writes_sync() && !two_step => {
            let (time, fraction) = node.clock.stamp(now).split();
            (time, header.correction + fraction)
        }
        Body::PdelayResp { requesting_port_identity: requester, .. }
            if stamping.writes_pdelay_resp() && !two_step =>
        {
            let stamp = node.clock.stamp(now);
            let asked = (number, requester, header.sequence_id);
            let seen = node.peer_requests.iter().rev().find(|(whose, _)| *whose == asked);
            let Some((_, received)) = seen else { return octets };
            (Timestamp::ZERO, header.correction + (stamp - *received))
        }
        _ => return octets,
    };
    let mut octets = octets.to_vec();
    octets[8..16].copy_from_slice(&correction.0.to_be_bytes());
    octets[34..40].copy_from_slice(&time.seconds().to_be_bytes()[2..]);
    octets[40..44].copy_from_slice(&time.nanoseconds().to_be_bytes());
    octets.into()
}

/// A card that answers peers by itself remembers when they asked.
pub(super) fn remember_request(node: &mut Node, number: PortNumber, octets: &[u8], stamp: Option<TimePoint>) {
    let (Some(stamp), Ok(message)) = (stamp, Message::parse(octets)) else { return };
    if let Body::PdelayReq { .. } = message.body() {
        let header = message.header();
        let asked = (number, header.source_port_identity, header.sequence_id);
        if node.peer_requests.len() == REMEMBERED {
            node.peer_requests.pop_front();
        }
        node.peer_requests.push_back((asked, stamp));
    }
}

pub(super) fn put_on_wire(
    queue: &mut EventQueue<Happening>,
    link: &mut Link,
    id: LinkId,
    now: Moment,
    frame: &OnWire<'_>,
    nodes: &[Node],
) {
    let &OnWire { sender, from, to, octets } = frame;
    link.overhear(|| Overheard { at: now, from, to, octets: octets.clone() });
    let cuts = link.cuts;
    for round in 0..=link.echo {
        for end in 0..link.ends.len() {
            let receiver = link.ends[end];
            let node = &nodes[receiver.node.0];
            let hears = node.is_transparent() || node.port(receiver.port).is_some_and(|p| p.hears(to));
            if (Some(end) == sender && round == 0) || !hears {
                continue;
            }
            let round_trip = TimeInterval(link.spec.delay.0.saturating_mul(i64::from(round)));
            link.travel(sender == Some(0), |delay| {
                let what = Happening::Arrive { link: id, cuts, end, from, to, octets: octets.clone() };
                queue.push(now + delay + round_trip, what);
            });
        }
    }
}
