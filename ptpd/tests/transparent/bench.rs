//! A transparent clock on a bench, and messages for it.

use ptp_wire::management::{Action, ManagementHeader, ManagementId, Payload};
use ptp_wire::{
    Announce, Body, ClockIdentity, ClockQuality, Flags, Header, LogInterval, Message, MessageType,
    PortIdentity, PortNumber, TimeInterval, TimePoint, TimeSource, Timestamp, TlvType, Writer,
};
use ptpd::engine::{
    Address, Delay, Destination, DropCause, Engine, Envelope, FrameHeaders, Input, InstanceConfig,
    InstanceKind, Instant, MessageClass, Output, PortConfig, TxToken,
};

pub(crate) const OWN: ClockIdentity = ClockIdentity([2, 0, 0, 0xff, 0xfe, 0, 0, 0xcc]);
pub(crate) const MASTER: PortIdentity = PortIdentity::new(ClockIdentity([1; 8]), 1);
pub(crate) const CLIENT: PortIdentity = PortIdentity::new(ClockIdentity([9; 8]), 1);
/// Our clock reads this at instant 0.
pub(crate) const EPOCH: i128 = 1_700_000_000_000_000_000;
pub(crate) const SECOND: u64 = 1_000_000_000;
pub(crate) const US: u64 = 1000;

/// A frame that left.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) port: u16,
    pub(crate) class: MessageClass,
    pub(crate) envelope: Option<Envelope>,
    pub(crate) octets: Vec<u8>,
    pub(crate) token: Option<TxToken>,
}

impl Sent {
    pub(crate) fn header(&self) -> Header {
        *Message::parse(&self.octets).expect("ours").header()
    }

    pub(crate) fn body(&self) -> Body {
        *Message::parse(&self.octets).expect("ours").body()
    }

    pub(crate) fn correction_ns(&self) -> f64 {
        self.header().correction.nanos_f64()
    }
}

pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) now: u64,
}

pub(crate) fn clock(ns: u64) -> TimePoint {
    TimePoint::from_nanos(EPOCH + i128::from(ns))
}

pub(crate) fn mac(last: u8) -> Address {
    Address::Ethernet([2, 0, 0, 0, 0, last])
}

pub(crate) fn envelope(source: u8, destination: Destination) -> Envelope {
    let headers = FrameHeaders::new(&[source; 14]).expect("it fits");
    Envelope { source: mac(source), destination, headers }
}

pub(crate) fn group(source: u8) -> Envelope {
    envelope(source, Destination::Primary)
}

impl Bench {
    pub(crate) fn new(kind: InstanceKind, ports: u16, change: impl Fn(u16, &mut PortConfig)) -> Self {
        let ports = (1..=ports)
            .map(|n| {
                let mut port = PortConfig::new(&format!("eth{n}"));
                port.delay = if kind == InstanceKind::TransparentP2p { Delay::P2p } else { Delay::E2e };
                change(n, &mut port);
                port
            })
            .collect();
        let mut config = InstanceConfig::new(OWN, ports);
        config.kind = kind;
        let mut bench = Self { engine: Engine::new(config, 1, Instant(0)), now: 0 };
        for n in 1..=bench.engine.config().ports.len() as u16 {
            bench.engine.handle(Instant(0), Input::PortUp { port: PortNumber(n) });
        }
        bench.drain();
        bench
    }

    pub(crate) fn e2e(ports: u16) -> Self {
        Self::new(InstanceKind::TransparentE2e, ports, |_, _| {})
    }

    pub(crate) fn drain(&mut self) -> Vec<Sent> {
        let mut all = Vec::new();
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Transit { port, class, envelope, octets, stamp } => all.push(Sent {
                    port: port.0,
                    class,
                    envelope: Some(envelope),
                    octets: octets.to_vec(),
                    token: stamp,
                }),
                Output::Transmit { port, class, octets, stamp, .. } => all.push(Sent {
                    port: port.0,
                    class,
                    envelope: None,
                    octets: octets.to_vec(),
                    token: stamp,
                }),
                Output::LocalReply { octets, .. } => all.push(Sent {
                    port: 0,
                    class: MessageClass::General,
                    envelope: None,
                    octets: octets.to_vec(),
                    token: None,
                }),
                _ => {}
            }
        }
        all
    }

    /// A frame comes in at `ns`, stamped if it is an event message.
    pub(crate) fn receive(&mut self, ns: u64, port: u16, octets: &[u8], envelope: &Envelope) -> Vec<Sent> {
        self.now = self.now.max(ns);
        let stamp = (octets[0] & 0xf < 8).then(|| clock(ns));
        let input = Input::Transit { port: PortNumber(port), octets, stamp, envelope };
        self.engine.handle(Instant(self.now), input);
        self.drain()
    }

    pub(crate) fn stamp(&mut self, ns: u64, token: TxToken) -> Vec<Sent> {
        self.now = self.now.max(ns);
        self.engine.handle(Instant(self.now), Input::TransmitStamp { token, stamp: Some(clock(ns)) });
        self.drain()
    }

    pub(crate) fn pass(&mut self, ns: u64) -> Vec<Sent> {
        self.now += ns;
        self.engine.handle(Instant(self.now), Input::Tick);
        self.drain()
    }

    pub(crate) fn dropped(&self, port: u16, cause: DropCause) -> u64 {
        self.engine.port_stats(PortNumber(port)).expect("there").dropped(cause)
    }
}

pub(crate) fn header(message_type: MessageType, source: PortIdentity, sequence_id: u16) -> Header {
    let mut header = Header::new(message_type);
    header.source_port_identity = source;
    header.sequence_id = sequence_id;
    header.log_message_interval = LogInterval(0);
    header
}

pub(crate) fn write(header: &Header, body: &Body) -> Vec<u8> {
    let mut octets = vec![0; 128];
    let length = Writer::new(&mut octets, header, body).expect("it fits").finish();
    octets.truncate(length);
    octets
}

pub(crate) fn sync(sequence_id: u16, two_step: bool) -> Vec<u8> {
    let mut h = header(MessageType::Sync, MASTER, sequence_id);
    h.flags = Flags::NONE.with(Flags::TWO_STEP, two_step);
    let origin_timestamp = if two_step { Timestamp::ZERO } else { clock(0).split().0 };
    write(&h, &Body::Sync { origin_timestamp })
}

pub(crate) fn follow_up(sequence_id: u16, correction_ns: i64) -> Vec<u8> {
    let mut h = header(MessageType::FollowUp, MASTER, sequence_id);
    h.correction = TimeInterval::from_nanos(correction_ns);
    write(&h, &Body::FollowUp { precise_origin_timestamp: clock(0).split().0 })
}

pub(crate) fn delay_req(sequence_id: u16) -> Vec<u8> {
    let h = header(MessageType::DelayReq, CLIENT, sequence_id);
    write(&h, &Body::DelayReq { origin_timestamp: Timestamp::ZERO })
}

pub(crate) fn delay_resp(sequence_id: u16) -> Vec<u8> {
    let h = header(MessageType::DelayResp, MASTER, sequence_id);
    let receive_timestamp = clock(0).split().0;
    write(&h, &Body::DelayResp { receive_timestamp, requesting_port_identity: CLIENT })
}

pub(crate) fn announce() -> Vec<u8> {
    let body = Body::Announce(Announce {
        origin_timestamp: Timestamp::ZERO,
        current_utc_offset: 37,
        grandmaster_priority1: 1,
        grandmaster_clock_quality: ClockQuality::DEFAULT,
        grandmaster_priority2: 1,
        grandmaster_identity: MASTER.clock_identity,
        steps_removed: 0,
        time_source: TimeSource::GNSS,
    });
    write(&header(MessageType::Announce, MASTER, 5), &body)
}

pub(crate) fn get(id: ManagementId, target: PortIdentity, hops: u8) -> Vec<u8> {
    let mut h = header(MessageType::Management, PortIdentity::new(ClockIdentity([5; 8]), 77), id.0);
    h.log_message_interval = LogInterval::NOT_APPLICABLE;
    let body = Body::Management(ManagementHeader {
        target_port_identity: target,
        starting_boundary_hops: hops,
        boundary_hops: hops,
        action: Action::Get,
    });
    let mut octets = vec![0; 256];
    let mut writer = Writer::new(&mut octets, &h, &body).expect("it fits");
    writer.tlv_with(TlvType::MANAGEMENT, |room| Payload::Raw(id, &[]).emit(room)).expect("it fits");
    let length = writer.finish();
    octets.truncate(length);
    octets
}
