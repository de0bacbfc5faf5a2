//! Hostile senders: what they put on a link.

use std::borrow::Cow;

use ptp_wire::management::{Action, ManagementHeader, ManagementId};
use ptp_wire::{
    Announce, Body, ClockAccuracy, ClockIdentity, ClockQuality, Flags, Header, LogInterval, Message,
    MessageType, PortIdentity, SdoId, TimeInterval, TimePoint, TimeSource, Timestamp, TlvType, Writer,
};
use ptpd::engine::Address;

use super::super::{EPOCH_NS, LinkId, Octets, Rng, Simulation};
use super::model::{Attack, AttackKind};

/// An attack that is going on.
#[derive(Debug)]
pub(super) struct Attacker {
    attack: Attack,
    link: LinkId,
    rng: Rng,
    /// Messages sent so far.
    pub(super) sent: u64,
    /// The request that was answered last.
    answered: Option<(PortIdentity, u16)>,
}

/// Whose link it is: the group its messages go to, the domain and the sdoId spoken there.
struct Ground {
    groups: [Address; 2],
    domain: u8,
    sdo_id: SdoId,
}

/// A frame that was made, and where it goes.
type Forgery = (Address, Address, Vec<u8>);

impl Attacker {
    pub(super) fn new(attack: Attack, link: LinkId, seed: u64, index: u64) -> Self {
        Self { attack, link, rng: Rng::new(seed, 5, index), sent: 0, answered: None }
    }

    /// What it is.
    pub(super) fn attack(&self) -> &Attack {
        &self.attack
    }

    /// One message more, if there is an occasion for it.
    pub(super) fn act(&mut self, sim: &mut Simulation) {
        let Some(ground) = self.ground(sim) else { return };
        if let Some((from, to, octets)) = self.make(sim, &ground) {
            self.sent += 1;
            sim.forge(self.link, from, to, &octets);
        }
    }

    /// The first living end speaks for all.
    fn ground(&self, sim: &Simulation) -> Option<Ground> {
        sim.ends(self.link).iter().find_map(|end| {
            let config = sim.engine(end.node)?.config();
            let interface = &config.ports.get(usize::from(end.port.0).checked_sub(1)?)?.interface;
            let (_, _, groups) = sim.port_of(end.node, interface)?;
            let domain = self.attack.domain.unwrap_or(config.domain_number);
            Some(Ground { groups, domain, sdo_id: config.sdo_id })
        })
    }

    /// Under whose name, and from which address: somebody of the network, or one of many strangers.
    fn source(&mut self, sim: &Simulation, ground: &Ground) -> (PortIdentity, Address) {
        if let Some((node, interface)) = &self.attack.pose
            && let Some(node) = sim.nodes().nth(*node)
            && let Some((port, address, _)) = sim.port_of(node, interface)
        {
            return (PortIdentity::new(sim.identity(node), port), address);
        }
        let stranger = self.rng.below(self.attack.sources.max(1) as usize) as u32;
        let [a, b, c, d] = stranger.to_be_bytes();
        let address = match ground.groups[0] {
            Address::Ipv4(_) => Address::Ipv4([172, 16 | (b & 15), c, d].into()),
            Address::Ipv6(_) => {
                Address::Ipv6([0xfe80, 0, 0, 0, 0xbad, 0, (stranger >> 16) as u16, stranger as u16].into())
            }
            Address::Ethernet(_) => Address::Ethernet([6, 0xff, a, b, c, d]),
        };
        (PortIdentity::new(ClockIdentity([6, 0xff, 0xfe, 0xfe, a, b, c, d]), 1), address)
    }

    /// True time, and the lie.
    fn lie(&self, sim: &Simulation) -> Timestamp {
        let now = TimePoint::from_scaled((EPOCH_NS << 16) + sim.now().0);
        (now + self.attack.offset).split().0
    }

    fn make(&mut self, sim: &Simulation, ground: &Ground) -> Option<Forgery> {
        let kind = self.attack.kind;
        let [primary, peer_delay] = ground.groups;
        let forged = |header: &Header, body: &Body, tlvs: &[(TlvType, &[u8])]| {
            let mut buf = [0; 1500];
            let mut writer = Writer::new(&mut buf, header, body).ok()?;
            for (tlv, value) in tlvs {
                writer.tlv(*tlv, value).ok()?;
            }
            let len = writer.finish();
            buf.get(..len).map(<[u8]>::to_vec)
        };
        let (source, from) = self.source(sim, ground);
        let header = |message_type: MessageType, rng: &mut Rng| {
            let mut header = Header::new(message_type);
            header.domain_number = ground.domain;
            header.sdo_id = ground.sdo_id;
            header.source_port_identity = source;
            header.sequence_id = rng.next_u64() as u16;
            header
        };
        match kind {
            AttackKind::Announce => {
                let mut h = header(MessageType::Announce, &mut self.rng);
                h.log_message_interval = LogInterval(0);
                h.flags = Flags::NONE.with(Flags::PTP_TIMESCALE, true).with(Flags::TIME_TRACEABLE, true);
                let body = Body::Announce(Announce {
                    origin_timestamp: Timestamp::ZERO,
                    current_utc_offset: 37,
                    grandmaster_priority1: self.attack.priority1,
                    grandmaster_clock_quality: ClockQuality {
                        clock_class: 6,
                        clock_accuracy: ClockAccuracy(0x20),
                        offset_scaled_log_variance: 0,
                    },
                    grandmaster_priority2: 0,
                    grandmaster_identity: source.clock_identity,
                    steps_removed: 0,
                    time_source: TimeSource(0x20),
                });
                Some((from, primary, forged(&h, &body, &[])?))
            }
            AttackKind::Sync => {
                let mut h = header(MessageType::Sync, &mut self.rng);
                h.log_message_interval = LogInterval(0);
                let body = Body::Sync { origin_timestamp: self.lie(sim) };
                Some((from, primary, forged(&h, &body, &[])?))
            }
            AttackKind::DelayResp | AttackKind::PdelayResp => {
                let request = match kind {
                    AttackKind::DelayResp => MessageType::DelayReq,
                    _ => MessageType::PdelayReq,
                };
                let asked = self.request(sim, request)?;
                let (asker, sequence_id) = asked;
                self.answered = Some(asked);
                let (message_type, to, body) = if kind == AttackKind::DelayResp {
                    let body =
                        Body::DelayResp { receive_timestamp: self.lie(sim), requesting_port_identity: asker };
                    (MessageType::DelayResp, primary, body)
                } else {
                    let body = Body::PdelayResp {
                        request_receipt_timestamp: self.lie(sim),
                        requesting_port_identity: asker,
                    };
                    (MessageType::PdelayResp, peer_delay, body)
                };
                let mut h = header(message_type, &mut self.rng);
                h.sequence_id = sequence_id;
                Some((from, to, forged(&h, &body, &[])?))
            }
            AttackKind::PdelayReq => {
                let h = header(MessageType::PdelayReq, &mut self.rng);
                let body = Body::PdelayReq { origin_timestamp: Timestamp::ZERO };
                Some((from, peer_delay, forged(&h, &body, &[])?))
            }
            AttackKind::Signaling => {
                let h = header(MessageType::Signaling, &mut self.rng);
                let body = Body::Signaling { target_port_identity: PortIdentity::ANY };
                // REQUEST_UNICAST_TRANSMISSION for some message, as often and as long as it likes.
                let message = [0xb0, 0x00, 0x90, 0xa0][self.rng.below(4)];
                let interval = self.rng.next_u64() as u8;
                let duration = (self.rng.next_u64() as u32).to_be_bytes();
                let request = [message, interval, duration[0], duration[1], duration[2], duration[3]];
                // gPTP's message interval request, in an organization's TLV, with absurd intervals.
                let any = self.rng.next_u64().to_be_bytes();
                let gptp = [0, 0x80, 0xc2, 0, 0, 2, any[0], any[1], any[2], any[3], 0, 0];
                let tlvs: [(TlvType, &[u8]); 2] = [(TlvType(4), &request), (TlvType(3), &gptp)];
                let which = &tlvs[self.rng.below(2)..];
                // To the group, and to each of those who are there.
                let ends = sim.ends(self.link);
                let to = match self.rng.below(ends.len() + 1).checked_sub(1).and_then(|i| ends.get(i)) {
                    Some(end) => sim.address_of(end.node, end.port.0)?,
                    None => primary,
                };
                Some((from, to, forged(&h, &body, &which[..1])?))
            }
            AttackKind::Management => {
                let h = header(MessageType::Management, &mut self.rng);
                // SET PRIORITY1 and PRIORITY2, COMMAND DISABLE_PORT and INITIALIZE, for everyone.
                let (action, id, data): (Action, ManagementId, &[u8]) = [
                    (Action::Set, ManagementId::PRIORITY1, [0, 0].as_slice()),
                    (Action::Set, ManagementId::PRIORITY2, [0, 0].as_slice()),
                    (Action::Command, ManagementId::DISABLE_PORT, [].as_slice()),
                    (Action::Command, ManagementId::INITIALIZE, [0, 0].as_slice()),
                ][self.rng.below(4)];
                let body = Body::Management(ManagementHeader {
                    target_port_identity: PortIdentity::ANY,
                    starting_boundary_hops: 255,
                    boundary_hops: 255,
                    action,
                });
                let value = [&id.0.to_be_bytes(), data].concat();
                Some((from, primary, forged(&h, &body, &[(TlvType::MANAGEMENT, &value)])?))
            }
            AttackKind::Garbage => {
                let octets = (0..1 + self.rng.below(200)).map(|_| self.rng.next_u64() as u8).collect();
                Some((from, primary, octets))
            }
            _ => {
                let (heard_from, to, octets) = self.pick(sim)?;
                let mut altered = self.alter(&octets, ground.domain);
                if kind == AttackKind::Oversized && altered.len() >= Header::LEN {
                    // Not a replay: somebody else says it.
                    altered[20..28].copy_from_slice(&source.clock_identity.0);
                    altered[28..30].copy_from_slice(&source.port_number.0.to_be_bytes());
                    return Some((from, to, altered));
                }
                Some((heard_from, to, altered))
            }
        }
    }

    /// The newest request on the link that was not answered yet.
    fn request(&self, sim: &Simulation, message_type: MessageType) -> Option<(PortIdentity, u16)> {
        let newest = sim.overheard(self.link).rev().find_map(|o| {
            let (header, _) = Header::parse(&o.octets).ok()?;
            (header.message_type == message_type).then_some((header.source_port_identity, header.sequence_id))
        });
        newest.filter(|request| self.answered != Some(*request))
    }

    /// Something that was overheard; for a replay the oldest half.
    fn pick(&mut self, sim: &Simulation) -> Option<(Address, Address, Octets)> {
        let heard = sim.overheard(self.link);
        let count =
            if self.attack.kind == AttackKind::Replay { heard.len().div_ceil(2) } else { heard.len() };
        let frame = sim.overheard(self.link).nth(self.rng.below(count))?;
        Some((frame.from, frame.to, frame.octets.clone()))
    }

    fn alter(&mut self, octets: &[u8], domain: u8) -> Vec<u8> {
        let mut altered = octets.to_vec();
        match self.attack.kind {
            AttackKind::Truncated => {
                altered.truncate(self.rng.below(octets.len().max(1)));
                // Half of them say so themselves.
                if self.rng.chance(0.5) && altered.len() > 3 {
                    let len = (altered.len() as u16).to_be_bytes();
                    altered[2..4].copy_from_slice(&len);
                }
            }
            AttackKind::Oversized => oversize(&mut altered, &mut self.rng),
            AttackKind::MisDomained => {
                let other =
                    self.attack.domain.unwrap_or_else(|| domain.wrapping_add(1 + self.rng.below(255) as u8));
                if let Some(o) = altered.get_mut(4) {
                    *o = other;
                }
            }
            AttackKind::Mutated => {
                for _ in 0..1 + self.rng.below(4) {
                    let at = self.rng.below(altered.len());
                    let value = self.rng.next_u64() as u8;
                    if let Some(o) = altered.get_mut(at) {
                        *o = value;
                    }
                }
            }
            _ => {}
        }
        altered
    }
}

/// Fills a message up to 1500 octets with TLVs, most of them of no known type.
fn oversize(message: &mut Vec<u8>, rng: &mut Rng) {
    // What is no message any more cannot be filled with TLVs.
    let plain: Cow<'_, [u8]> = match Message::parse(message) {
        Ok(m) => Cow::Owned(m.octets().to_vec()),
        Err(_) => return,
    };
    let mut filled = plain.into_owned();
    while filled.len() + 4 <= 1500 {
        let room = 1500 - filled.len() - 4;
        let len = (rng.below(room.min(300) + 1) & !1) as u16;
        let tlv = [0x4000u16, 0x8000, 8, 3, 0x7f00][rng.below(5)];
        filled.extend(tlv.to_be_bytes());
        filled.extend(len.to_be_bytes());
        filled.extend(std::iter::repeat_n(0xa5, usize::from(len)));
    }
    let len = (filled.len() as u16).to_be_bytes();
    if let Some(field) = filled.get_mut(2..4) {
        field.copy_from_slice(&len);
    }
    *message = filled;
}

/// How far the next message of an attack is away.
pub(super) fn pause(attack: &Attack) -> TimeInterval {
    TimeInterval::from_nanos_f64(1e9 / attack.rate.max(0.001))
}
