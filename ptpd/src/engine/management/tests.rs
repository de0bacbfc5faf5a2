//! The server, driven from outside: octets in, octets out.

use core::net::Ipv4Addr;

use ptp_wire::management::{
    EventMask, GrandmasterSettingsNp, NotifyEvent, PortCorrectionsNp, SubscribeEventsNp, UtcProperties,
};
use ptp_wire::{
    Announce, ClockAccuracy, ClockQuality, LogInterval, SdoId, TimeInterval, TimePoint, TimeSource, Timestamp,
};

use super::super::{Delay, Input, InstanceConfig, Output, PortConfig, PortState};
use super::*;

mod lease;
mod notifications;
mod options;
mod records;
mod requests;
mod routing;

const OWN: ClockIdentity = ClockIdentity([2, 0, 0, 0xff, 0xfe, 0, 0, 1]);
const OTHER: ClockIdentity = ClockIdentity([2, 0, 0, 0xff, 0xfe, 0, 0, 9]);
/// A client, as linuxptp's pmc names itself.
const CLIENT: PortIdentity = PortIdentity::new(ClockIdentity([0; 8]), 4711);
const PEER: u32 = 7;
const SOURCE: Address = Address::Ipv4(Ipv4Addr::new(10, 0, 0, 9));
const RW: Access = Access::ReadWrite;
const RO: Access = Access::ReadOnly;

/// What came out.
#[derive(Debug)]
struct Out {
    /// The port a frame went out of, and where to; `None`: to the client.
    route: Option<(PortNumber, Destination)>,
    peer: u32,
    octets: Vec<u8>,
}

impl Out {
    fn message(&self) -> Message<'_> {
        Message::parse(&self.octets).unwrap()
    }

    fn body(&self) -> ManagementHeader {
        match *self.message().body() {
            Body::Management(body) => body,
            _ => panic!("no management message"),
        }
    }

    fn content(&self) -> Content<'_> {
        Content::of(&Message::parse(&self.octets).unwrap()).unwrap()
    }

    fn payload(&self) -> Payload<'_> {
        match self.content() {
            Content::Management(tlv) => tlv.payload().unwrap(),
            Content::Error(e) => panic!("{} for {}", e.error, e.id),
        }
    }

    fn error(&self) -> ErrorId {
        match self.content() {
            Content::Error(e) => e.error,
            Content::Management(tlv) => panic!("{} was answered", tlv.id),
        }
    }
}

struct Bench {
    engine: Engine,
    now: Instant,
    changes: Vec<ManagementId>,
}

impl Bench {
    /// A clock of so many ports, all up and MASTER.
    fn new(ports: usize) -> Self {
        Self::with(ports, |_| {})
    }

    fn with(ports: usize, change: impl Fn(&mut InstanceConfig)) -> Self {
        let ports = (0..ports).map(|n| PortConfig::new(&format!("eth{n}"))).collect();
        let mut config = InstanceConfig::new(OWN, ports);
        change(&mut config);
        let mut bench =
            Self { engine: Engine::new(config, 1, Instant(0)), now: Instant(0), changes: Vec::new() };
        for number in 1..=bench.engine.ports.len() {
            bench.engine.handle(bench.now, Input::PortUp { port: PortNumber(number as u16) });
        }
        bench.pass(20);
        bench
    }

    /// Lets seconds pass.
    fn pass(&mut self, seconds: u64) -> Vec<Out> {
        let end = Instant(self.now.0 + seconds * 1_000_000_000);
        let mut all = Vec::new();
        loop {
            self.now = self.engine.next_deadline().unwrap_or(end).max(self.now).min(end);
            self.engine.handle(self.now, Input::Tick);
            all.extend(self.drain());
            if self.now == end {
                return all;
            }
        }
    }

    /// Management messages only.
    fn drain(&mut self) -> Vec<Out> {
        let mut all = Vec::new();
        while let Some(output) = self.engine.poll() {
            match output {
                Output::LocalReply { peer, octets } => {
                    all.push(Out { route: None, peer, octets: octets.to_vec() });
                }
                Output::Transmit { port, destination, octets, class, stamp }
                    if octets[0] & 0xf == MessageType::Management as u8 =>
                {
                    assert_eq!((class, stamp), (MessageClass::General, None));
                    all.push(Out { route: Some((port, destination)), peer: 0, octets: octets.to_vec() });
                }
                Output::Event(Event::ManagementChange { id }) => self.changes.push(ManagementId(id)),
                _ => {}
            }
        }
        all
    }

    fn local(&mut self, access: Access, octets: &[u8]) -> Vec<Out> {
        self.engine.handle(self.now, Input::LocalManagement { octets, access, peer: PEER });
        self.drain()
    }

    fn network(&mut self, port: u16, octets: &[u8]) -> Vec<Out> {
        let input = Input::Frame { port: PortNumber(port), octets, stamp: None, source: SOURCE };
        self.engine.handle(self.now, input);
        self.drain()
    }

    /// What the clock itself answers to the client.
    fn ask(&mut self, access: Access, octets: &[u8]) -> Vec<Out> {
        let mut all = self.local(access, octets);
        all.retain(|o| o.route.is_none());
        all
    }

    fn one(&mut self, access: Access, octets: &[u8]) -> Out {
        let mut all = self.ask(access, octets);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn refused(&mut self, access: Access, octets: &[u8]) -> ErrorId {
        self.one(access, octets).error()
    }
}

/// How a request is sent.
#[derive(Clone, Copy)]
struct To {
    target: PortIdentity,
    hops: u8,
    flags: Flags,
    domain: u8,
}

const ALL: To = To { target: PortIdentity::ANY, hops: 0, flags: Flags::NONE, domain: 0 };

fn message(action: Action, payload: &Payload<'_>, to: To) -> Vec<u8> {
    let mut header = Header::new(MessageType::Management);
    header.source_port_identity = CLIENT;
    header.sequence_id = 99;
    header.flags = to.flags;
    header.domain_number = to.domain;
    let body = Body::Management(ManagementHeader {
        target_port_identity: to.target,
        starting_boundary_hops: to.hops,
        boundary_hops: to.hops,
        action,
    });
    let mut buf = [0; 1480];
    let mut writer = Writer::new(&mut buf, &header, &body).unwrap();
    writer.tlv_with(TlvType::MANAGEMENT, |room| payload.emit(room)).unwrap();
    let len = writer.finish();
    buf[..len].to_vec()
}

fn get(id: ManagementId) -> Vec<u8> {
    message(Action::Get, &Payload::Raw(id, &[]), ALL)
}

fn set(payload: &Payload<'_>) -> Vec<u8> {
    message(Action::Set, payload, ALL)
}

fn command(id: ManagementId) -> Vec<u8> {
    message(Action::Command, &Payload::Raw(id, &[]), ALL)
}

fn port_of(clock: ClockIdentity, port: u16) -> To {
    To { target: PortIdentity::new(clock, port), ..ALL }
}
