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
                Output::Transmit { port, destination, octets, class, stamp } => {
                    if octets[0] & 0xf == MessageType::Management as u8 {
                        assert_eq!((class, stamp), (MessageClass::General, None));
                        all.push(Out { route: Some((port, destination)), peer: 0, octets: octets.to_vec() });
                    }
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

/// What linuxptp answers to GET, in the order of its list.
const LINUXPTP: [u16; 39] = [
    0x0000, 0x0001, 0x0002, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009,
    0x200a, 0x200b, 0x200c, 0x2010, 0x2012, 0x2013, 0x201e, 0x201f, 0x2021, 0x3001, 0x6000, 0x6001, 0xc000,
    0xc001, 0xc002, 0xc003, 0xc004, 0xc005, 0xc006, 0xc007, 0xc008, 0xc009, 0xc00a, 0xc00b, 0xc00c, 0xc00d,
];

#[test]
fn every_id_is_answered_and_linuxptps_with_data() {
    let mut bench = Bench::new(1);
    for row in ManagementId::ALL {
        let answer = bench.one(RW, &get(row.id));
        assert_eq!(answer.content().id(), row.id);
        assert_eq!(answer.body().action, Action::Response);
        let own_extra =
            [ManagementId::UTC_PROPERTIES, ManagementId::PATH_TRACE_LIST, ManagementId::PATH_TRACE_ENABLE];
        if LINUXPTP.contains(&row.id.0) || own_extra.contains(&row.id) {
            assert_eq!(answer.payload().id(), row.id, "{}", row.name);
        } else {
            assert_eq!(answer.error(), ErrorId::NOT_SUPPORTED, "{}", row.name);
        }
        // What no port can be asked for is refused by the clock.
        let by_port = row.scope == Scope::Port && row.actions.allow(Action::Get);
        let source = PortIdentity::new(OWN, u16::from(by_port));
        assert_eq!(answer.message().header().source_port_identity, source, "{}", row.name);
        assert_eq!(answer.message().header().sequence_id, 99);
    }
}

#[test]
fn zeros_in_a_get_mean_nothing() {
    let mut bench = Bench::new(1);
    let zeros = [0; 266];
    for row in ManagementId::ALL.iter().filter(|row| LINUXPTP.contains(&row.id.0)) {
        let short = bench.one(RW, &get(row.id));
        let padded = bench.one(RW, &message(Action::Get, &Payload::Raw(row.id, &zeros), ALL));
        assert_eq!(short.octets, padded.octets, "{}", row.name);
    }
}

#[test]
fn data_sets_tell_what_is() {
    let mut bench = Bench::with(2, |c| {
        c.priority1 = 10;
        c.domain_number = 24;
        c.description.user = "here;there".into();
        c.ports[1].mac = [2, 0, 0, 0, 0, 2];
        c.ports[1].protocol_address = vec![10, 0, 0, 2];
        c.ports[1].phc_index = Some(3);
        c.ports[1].delay = Delay::P2p;
    });
    let to = To { domain: 24, ..port_of(OWN, 2) };
    let ask = |bench: &mut Bench, id| bench.one(RW, &message(Action::Get, &Payload::Raw(id, &[]), to));
    let answer = ask(&mut bench, ManagementId::DEFAULT_DATA_SET);
    let Payload::DefaultDataSet(ds) = answer.payload() else { panic!() };
    assert_eq!((ds.number_ports, ds.priority1, ds.domain_number), (2, 10, 24));
    assert_eq!((ds.clock_identity, ds.two_step, ds.slave_only), (OWN, true, false));
    let answer = ask(&mut bench, ManagementId::PORT_DATA_SET);
    let Payload::PortDataSet(ds) = answer.payload() else { panic!() };
    assert_eq!((ds.port_identity, ds.port_state), (PortIdentity::new(OWN, 2), PortState::Master as u8));
    assert_eq!((ds.delay_mechanism, ds.announce_receipt_timeout), (2, 3));
    let answer = ask(&mut bench, ManagementId::PARENT_DATA_SET);
    let Payload::ParentDataSet(ds) = answer.payload() else { panic!() };
    assert_eq!((ds.parent_port_identity, ds.grandmaster_priority1), (PortIdentity::new(OWN, 0), 10));
    let answer = ask(&mut bench, ManagementId::CLOCK_DESCRIPTION);
    let Payload::ClockDescription(d) = answer.payload() else { panic!() };
    assert_eq!(d.clock_type.0, 0x4000);
    assert_eq!(
        (d.physical_address, d.protocol_address.address),
        (&[2, 0, 0, 0, 0, 2][..], &[10, 0, 0, 2][..])
    );
    assert_eq!(d.user_description.as_str(), Some("here;there"));
    let answer = ask(&mut bench, ManagementId::PORT_HWCLOCK_NP);
    let Payload::PortHwclockNp(p) = answer.payload() else { panic!() };
    assert_eq!(p.phc_index, 3);
    let answer = ask(&mut bench, ManagementId::PORT_PROPERTIES_NP);
    let Payload::PortPropertiesNp(p) = answer.payload() else { panic!() };
    assert_eq!((p.interface.as_str(), p.timestamping), (Some("eth1"), 0));
    let answer = ask(&mut bench, ManagementId::PORT_STATS_NP);
    let Payload::PortStatsNp(p) = answer.payload() else { panic!() };
    assert!(p.tx(MessageType::Announce) > 3 && p.rx(MessageType::Announce) == 0);
    assert_eq!(p.tx(MessageType::Announce), bench.engine.ports[1].stats.tx[0xb]);
}

#[test]
fn a_wrong_request_gets_the_right_error() {
    let mut bench = Bench::new(1);
    let unknown = ManagementId(0x3004);
    assert_eq!(bench.refused(RW, &get(unknown)), ErrorId::NO_SUCH_ID);
    assert_eq!(bench.refused(RW, &set(&Payload::Raw(unknown, &[1, 2]))), ErrorId::NO_SUCH_ID);
    assert_eq!(
        bench.refused(RW, &set(&Payload::Raw(ManagementId::DEFAULT_DATA_SET, &[0; 20]))),
        ErrorId::NOT_SETABLE
    );
    assert_eq!(bench.refused(RW, &get(ManagementId::ENABLE_PORT)), ErrorId::NOT_SUPPORTED);
    assert_eq!(bench.refused(RW, &command(ManagementId::PRIORITY1)), ErrorId::NOT_SUPPORTED);
    assert_eq!(
        bench.refused(RW, &command(ManagementId::SAVE_IN_NON_VOLATILE_STORAGE)),
        ErrorId::NOT_SUPPORTED
    );
    assert_eq!(bench.refused(RW, &set(&Payload::Domain(3))), ErrorId::NOT_SUPPORTED);
    let raw = |data| set(&Payload::Raw(ManagementId::PRIORITY1, data));
    assert_eq!(bench.refused(RW, &raw(&[])), ErrorId::WRONG_LENGTH);
    assert_eq!(bench.refused(RW, &raw(&[1, 0, 0, 0])), ErrorId::WRONG_LENGTH);
    assert_eq!(bench.refused(RW, &set(&Payload::LogSyncInterval(LogInterval(100)))), ErrorId::WRONG_VALUE);
    assert_eq!(bench.refused(RW, &set(&Payload::AnnounceReceiptTimeout(1))), ErrorId::WRONG_VALUE);
    let text = [b'x'; 129];
    let long = PtpText::new(&text).unwrap();
    assert_eq!(bench.refused(RW, &set(&Payload::UserDescription(long))), ErrorId::WRONG_VALUE);
    let no_text = PtpText::new(&[0xff, 0xfe]).unwrap();
    assert_eq!(bench.refused(RW, &set(&Payload::UserDescription(no_text))), ErrorId::WRONG_VALUE);
    let both =
        UtcProperties { current_utc_offset: 37, leap61: true, leap59: true, current_utc_offset_valid: true };
    assert_eq!(bench.refused(RW, &set(&Payload::UtcProperties(both))), ErrorId::WRONG_VALUE);
    let elsewhere = message(Action::Get, &Payload::Raw(ManagementId::PORT_DATA_SET, &[]), port_of(OWN, 9));
    assert_eq!(bench.refused(RW, &elsewhere), ErrorId::WRONG_VALUE);
    let key = message(Action::Get, &Payload::Raw(ManagementId::ALTERNATE_TIME_OFFSET_NAME, &[5, 0]), ALL);
    assert_eq!(bench.refused(RW, &key), ErrorId::WRONG_VALUE);
    // A COMMAND's errors are acknowledgements.
    let answer = bench.one(RW, &command(ManagementId::INITIALIZE));
    assert_eq!((answer.body().action, answer.error()), (Action::Acknowledge, ErrorId::WRONG_LENGTH));
    assert!(bench.changes.is_empty(), "{:?}", bench.changes);
}

#[test]
fn only_the_read_write_socket_may_change_anything() {
    let mut bench = Bench::new(1);
    for octets in [
        set(&Payload::Priority1(1)),
        command(ManagementId::DISABLE_PORT),
        set(&Payload::Raw(ManagementId(0x3004), &[])),
    ] {
        assert_eq!(bench.refused(RO, &octets), ErrorId::NOT_SUPPORTED);
        let out = bench.network(1, &octets);
        assert_eq!(out.iter().map(Out::error).collect::<Vec<_>>(), [ErrorId::NOT_SUPPORTED]);
    }
    for id in [ManagementId::PORT_PROPERTIES_NP, ManagementId::PORT_HWCLOCK_NP] {
        assert_eq!(bench.refused(RO, &get(id)), ErrorId::NOT_SUPPORTED);
        assert_eq!(bench.network(1, &get(id))[0].error(), ErrorId::NOT_SUPPORTED);
    }
    let empty = bench.one(RO, &get(ManagementId::SUBSCRIBE_EVENTS_NP));
    assert!(matches!(empty.content(), Content::Management(tlv) if tlv.data.is_empty()));
    assert_eq!(bench.one(RO, &get(ManagementId::PRIORITY1)).payload(), Payload::Priority1(128));
    assert_eq!(bench.engine.port_state(PortNumber(1)), Some(PortState::Master));
    assert!(bench.changes.is_empty());
}

#[test]
fn what_is_not_for_us_gets_silence() {
    let mut bench = Bench::new(1);
    let id = Payload::Raw(ManagementId::PRIORITY1, &[]);
    assert!(bench.ask(RW, &message(Action::Get, &id, port_of(OTHER, 1))).is_empty());
    assert!(bench.ask(RW, &message(Action::Get, &id, To { domain: 5, ..ALL })).is_empty());
    assert!(bench.ask(RW, &message(Action::Response, &Payload::Priority1(1), ALL)).is_empty());
    assert!(bench.ask(RW, &message(Action::Acknowledge, &id, ALL)).is_empty());
    let mut two = get(ManagementId::PRIORITY1);
    two.extend_from_slice(&[0, 1, 0, 2, 0x20, 0x05]);
    two[3] += 6;
    assert!(bench.ask(RW, &two).is_empty());
    let mut gptp = get(ManagementId::PRIORITY1);
    gptp[0] |= (SdoId::GPTP.major()) << 4;
    assert!(bench.ask(RW, &gptp).is_empty());
    let whole = get(ManagementId::PRIORITY1);
    for len in 0..whole.len() {
        assert!(bench.ask(RW, &whole[..len]).is_empty());
    }
    assert_eq!(bench.ask(RW, &whole).len(), 1);
}

/// Whatever octet is wrong, nothing breaks, and no more than an error comes of a request that changes nothing.
#[test]
fn flipped_octets_do_no_harm() {
    let mut bench = Bench::new(2);
    for row in ManagementId::ALL {
        let octets = get(row.id);
        for at in 0..octets.len() {
            for bit in 0..8 {
                let mut wrong = octets.clone();
                wrong[at] ^= 1 << bit;
                bench.local(RW, &wrong);
                bench.network(1, &wrong);
            }
        }
    }
    assert_eq!(bench.one(RW, &get(ManagementId::PRIORITY1)).payload(), Payload::Priority1(128));
}

#[test]
fn port_ids_are_answered_by_each_port_that_was_asked() {
    let mut bench = Bench::new(3);
    let ask = |bench: &mut Bench, id, to| {
        let all = bench.ask(RW, &message(Action::Get, &Payload::Raw(id, &[]), to));
        all.iter().map(|o| o.message().header().source_port_identity.port_number.0).collect::<Vec<_>>()
    };
    assert_eq!(ask(&mut bench, ManagementId::PORT_DATA_SET, ALL), [1, 2, 3]);
    assert_eq!(ask(&mut bench, ManagementId::PORT_DATA_SET, port_of(OWN, 0xffff)), [1, 2, 3]);
    assert_eq!(ask(&mut bench, ManagementId::PORT_DATA_SET, port_of(OWN, 2)), [2]);
    assert_eq!(ask(&mut bench, ManagementId::PORT_DATA_SET, port_of(ClockIdentity::ANY, 3)), [3]);
    // The port number is not examined for what is the clock's.
    assert_eq!(ask(&mut bench, ManagementId::DEFAULT_DATA_SET, port_of(OWN, 77)), [0]);
}

#[test]
fn answers_go_back_the_way_the_request_came() {
    let mut bench = Bench::new(1);
    let id = Payload::Raw(ManagementId::PRIORITY1, &[]);
    let answer = bench.one(RW, &message(Action::Get, &id, ALL));
    assert_eq!(answer.peer, PEER);
    assert_eq!(answer.body().target_port_identity, CLIENT);
    assert_eq!(answer.message().header().log_message_interval, LogInterval::NOT_APPLICABLE);

    let before = bench.engine.ports[0].stats.tx[0xd];
    let out = bench.network(1, &message(Action::Get, &id, To { hops: 3, ..ALL }));
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].route, Some((PortNumber(1), Destination::Primary)));
    assert_eq!((out[0].body().starting_boundary_hops, out[0].body().boundary_hops), (0, 0));
    // On the network the answer comes from the port that was asked.
    assert_eq!(out[0].message().header().source_port_identity, PortIdentity::new(OWN, 1));
    assert!(!out[0].message().header().flags.has(Flags::UNICAST));
    assert_eq!(bench.engine.ports[0].stats.tx[0xd], before + 1);

    // Two of three hops are used up: the answer may make as many.
    let mut octets = message(Action::Get, &id, To { hops: 3, flags: Flags::UNICAST, ..ALL });
    octets[45] = 1;
    let out = bench.network(1, &octets);
    assert_eq!(out[0].route, Some((PortNumber(1), Destination::Unicast(SOURCE))));
    assert!(out[0].message().header().flags.has(Flags::UNICAST));
    assert_eq!((out[0].body().starting_boundary_hops, out[0].body().boundary_hops), (2, 2));
    // A request with more hops left than it started with.
    octets[45] = 9;
    assert_eq!(bench.network(1, &octets)[0].body().boundary_hops, 0);
}

#[test]
fn changes_take_effect_at_once() {
    let mut bench = Bench::new(1);
    assert_eq!(bench.one(RW, &set(&Payload::Priority1(7))).payload(), Payload::Priority1(7));
    let settings = GrandmasterSettingsNp {
        clock_quality: ClockQuality {
            clock_class: 6,
            clock_accuracy: ClockAccuracy(0x21),
            offset_scaled_log_variance: 0x4e5d,
        },
        utc_offset: 38,
        time_flags: Flags::UTC_OFFSET_VALID | Flags::PTP_TIMESCALE | Flags::LEAP61,
        time_source: TimeSource::GNSS,
    };
    let payload = Payload::GrandmasterSettingsNp(settings);
    assert_eq!(bench.one(RW, &set(&payload)).payload(), payload);
    let answer = bench.one(RW, &get(ManagementId::PARENT_DATA_SET));
    let Payload::ParentDataSet(parent) = answer.payload() else { panic!() };
    assert_eq!((parent.grandmaster_priority1, parent.grandmaster_clock_quality), (7, settings.clock_quality));
    let answer = bench.one(RW, &get(ManagementId::TIME_PROPERTIES_DATA_SET));
    let Payload::TimePropertiesDataSet(time) = answer.payload() else { panic!() };
    assert_eq!(
        (time.current_utc_offset, time.flags, time.time_source),
        (38, settings.time_flags, TimeSource::GNSS)
    );
    let utc =
        UtcProperties { current_utc_offset: 36, leap61: false, leap59: true, current_utc_offset_valid: true };
    assert_eq!(bench.one(RW, &set(&Payload::UtcProperties(utc))).payload(), Payload::UtcProperties(utc));
    let text = Payload::UserDescription(PtpText::from_text("rack 7;cellar"));
    assert_eq!(bench.one(RW, &set(&text)).payload(), text);
    let corrections = Payload::PortCorrectionsNp(PortCorrectionsNp {
        egress_latency: TimeInterval::from_nanos(10),
        ingress_latency: TimeInterval::from_nanos(20),
        delay_asymmetry: TimeInterval::from_nanos(-5),
    });
    assert_eq!(bench.one(RW, &set(&corrections)).payload(), corrections);
    assert_eq!(bench.engine.ports[0].config.egress_latency, TimeInterval::from_nanos(10));
    let faster = Payload::LogSyncInterval(LogInterval(-3));
    assert_eq!(bench.one(RW, &set(&faster)).payload(), faster);
    let before = bench.engine.ports[0].stats.tx[0];
    bench.pass(10);
    assert!((78..=82).contains(&(bench.engine.ports[0].stats.tx[0] - before)), "eight Syncs a second");
    assert_eq!(
        bench.changes,
        [
            ManagementId::PRIORITY1,
            ManagementId::GRANDMASTER_SETTINGS_NP,
            ManagementId::UTC_PROPERTIES,
            ManagementId::USER_DESCRIPTION,
            ManagementId::PORT_CORRECTIONS_NP,
            ManagementId::LOG_SYNC_INTERVAL,
        ]
    );
}

#[test]
fn ports_can_be_disabled_and_enabled() {
    let mut bench = Bench::new(2);
    let to = port_of(OWN, 2);
    let disable = message(Action::Command, &Payload::DisablePort(()), to);
    let answer = bench.one(RW, &disable);
    assert_eq!(answer.body().action, Action::Acknowledge);
    assert!(matches!(answer.content(), Content::Management(tlv) if tlv.data.is_empty()));
    assert_eq!(bench.engine.port_state(PortNumber(2)), Some(PortState::Disabled));
    assert_eq!(bench.engine.port_state(PortNumber(1)), Some(PortState::Master));
    // Silent, and still there for management.
    let before = bench.engine.ports[1].stats.tx;
    bench.pass(10);
    assert_eq!(bench.engine.ports[1].stats.tx, before);
    let ask = message(Action::Get, &Payload::Raw(ManagementId::PORT_DATA_SET, &[]), to);
    let answer = bench.one(RW, &ask);
    assert!(matches!(answer.payload(), Payload::PortDataSet(ds) if ds.port_state == 3));
    bench.one(RW, &message(Action::Command, &Payload::EnablePort(()), to));
    assert_eq!(bench.engine.port_state(PortNumber(2)), Some(PortState::Listening));
    bench.pass(20);
    assert_eq!(bench.engine.port_state(PortNumber(2)), Some(PortState::Master));
    assert_eq!(bench.changes, [ManagementId::DISABLE_PORT, ManagementId::ENABLE_PORT]);
}

#[test]
fn a_boundary_clock_repeats_what_has_hops_left() {
    let mut bench = Bench::new(3);
    bench.one(RW, &message(Action::Command, &Payload::DisablePort(()), port_of(OWN, 3)));
    let id = Payload::Raw(ManagementId::PRIORITY1, &[]);
    let request = message(Action::Get, &id, To { hops: 2, flags: Flags::UNICAST, ..ALL });
    let out = bench.network(1, &request);
    // Repeated on port 2 only, and answered on port 1.
    assert_eq!(out.iter().map(|o| o.route.unwrap().0.0).collect::<Vec<_>>(), [2, 1]);
    let copy = &out[0];
    assert_eq!(copy.route, Some((PortNumber(2), Destination::Primary)));
    assert_eq!((copy.body().starting_boundary_hops, copy.body().boundary_hops), (2, 1));
    assert_eq!(copy.message().header().source_port_identity, CLIENT);
    assert!(!copy.message().header().flags.has(Flags::UNICAST));
    let mut expected = request.clone();
    expected[45] = 1;
    expected[6] = 0;
    assert_eq!(copy.octets, expected);

    assert_eq!(bench.network(1, &message(Action::Get, &id, ALL)).len(), 1, "no hops left");
    let ours = bench.network(1, &message(Action::Get, &id, To { hops: 2, ..port_of(OWN, 1) }));
    assert_eq!(ours.len(), 1, "it has arrived");
    let others =
        bench.network(2, &message(Action::Set, &Payload::Priority1(1), To { hops: 1, ..port_of(OTHER, 1) }));
    assert_eq!(others.iter().map(|o| o.route.unwrap().0.0).collect::<Vec<_>>(), [1], "not for us to answer");
}

#[test]
fn a_local_client_reaches_the_network() {
    let mut bench = Bench::new(2);
    let id = Payload::Raw(ManagementId::PRIORITY1, &[]);
    let request = message(Action::Get, &id, To { hops: 1, ..ALL });
    assert_eq!(bench.local(RO, &request).len(), 1, "the read-only socket reaches nobody else");
    let out = bench.local(RW, &request);
    let ports: Vec<_> = out.iter().map(|o| o.route.map(|(p, _)| p.0)).collect();
    assert_eq!(ports, [Some(1), Some(2), None]);
    assert_eq!(out[0].body().boundary_hops, 0);

    // Another clock answers on port 2, for the client and for one that never asked.
    for (target, heard) in [(CLIENT, true), (PortIdentity::new(OTHER, 8), false)] {
        let mut header = Header::new(MessageType::Management);
        header.source_port_identity = PortIdentity::new(OTHER, 1);
        let body = Body::Management(ManagementHeader {
            target_port_identity: target,
            starting_boundary_hops: 1,
            boundary_hops: 1,
            action: Action::Response,
        });
        let mut value = [0; 8];
        let len = Payload::Priority1(42).emit(&mut value).unwrap();
        let mut buf = [0; 100];
        let len = write_message(&mut buf, &header, &body, TlvType::MANAGEMENT, &value[..len]).unwrap();
        let out = bench.network(2, &buf[..len]);
        let to_client: Vec<_> = out.iter().filter(|o| o.route.is_none()).collect();
        assert_eq!(to_client.len(), usize::from(heard));
        assert!(to_client.iter().all(|o| o.peer == PEER && o.payload() == Payload::Priority1(42)));
        assert_eq!(out.iter().filter_map(|o| o.route).map(|(p, _)| p.0).collect::<Vec<_>>(), [1]);
    }
}

fn subscribe(duration: u16, events: &[NotifyEvent]) -> Vec<u8> {
    let events = events.iter().fold(EventMask::NONE, |mask, e| mask.with(*e, true));
    set(&Payload::SubscribeEventsNp(SubscribeEventsNp { duration, events }))
}

fn ids(out: &[Out]) -> Vec<ManagementId> {
    out.iter().map(|o| o.content().id()).collect()
}

#[test]
fn subscribers_are_told_of_port_states() {
    let mut bench = Bench::new(2);
    let octets = subscribe(60, &[NotifyEvent::PortState]);
    assert_eq!(ids(&bench.ask(RW, &octets)), [ManagementId::SUBSCRIBE_EVENTS_NP], "no snapshot follows");
    assert!(bench.pass(5).is_empty());
    let out = bench.ask(RW, &message(Action::Command, &Payload::DisablePort(()), port_of(OWN, 2)));
    assert_eq!(ids(&out), [ManagementId::DISABLE_PORT, ManagementId::PORT_DATA_SET]);
    let told = &out[1];
    assert_eq!(told.peer, PEER);
    assert_eq!((told.body().action, told.body().target_port_identity), (Action::Response, CLIENT));
    assert_eq!(told.message().header().source_port_identity, PortIdentity::new(OWN, 2));
    assert_eq!(told.message().header().sequence_id, 0);
    assert!(matches!(told.payload(), Payload::PortDataSet(ds) if ds.port_state == PortState::Disabled as u8));
    let out = bench.ask(RW, &message(Action::Command, &Payload::EnablePort(()), port_of(OWN, 2)));
    assert_eq!(out[1].message().header().sequence_id, 1, "counted for each subscriber");
}

#[test]
fn subscriptions_end() {
    let mut bench = Bench::new(1);
    let left = |bench: &mut Bench| {
        let answer = bench.one(RW, &get(ManagementId::SUBSCRIBE_EVENTS_NP));
        let Payload::SubscribeEventsNp(s) = answer.payload() else { panic!() };
        (s.duration, s.events.has(NotifyEvent::PortState))
    };
    let toggle = |bench: &mut Bench| {
        let mut out = bench.ask(RW, &command(ManagementId::DISABLE_PORT));
        out.extend(bench.ask(RW, &command(ManagementId::ENABLE_PORT)));
        ids(&out).into_iter().filter(|id| *id == ManagementId::PORT_DATA_SET).count()
    };
    assert_eq!(left(&mut bench), (0, false));
    bench.ask(RW, &subscribe(10, &[NotifyEvent::PortState]));
    assert_eq!(left(&mut bench), (10, true));
    bench.pass(4);
    assert_eq!(left(&mut bench), (6, true));
    assert_eq!(toggle(&mut bench), 2);
    bench.pass(6);
    assert_eq!(left(&mut bench), (0, false));
    assert_eq!(toggle(&mut bench), 0);
    assert_eq!(bench.engine.management.next_deadline(), None);

    bench.ask(RW, &subscribe(0xffff, &[NotifyEvent::PortState]));
    bench.pass(100_000);
    assert_eq!(left(&mut bench), (0, true), "for ever");
    bench.ask(RW, &subscribe(10, &[]));
    assert_eq!(left(&mut bench), (0, false), "an empty mask ends it");
    bench.ask(RW, &subscribe(10, &[NotifyEvent::PortState]));
    bench.ask(RW, &subscribe(0, &[NotifyEvent::PortState]));
    assert_eq!(left(&mut bench), (0, false), "so does no time");
}

#[test]
fn subscribers_are_limited() {
    let mut bench = Bench::new(1);
    let mut octets = subscribe(60, &[NotifyEvent::PortState]);
    let answers: Vec<_> = (0..100u8)
        .map(|n| {
            octets[29] = n;
            matches!(bench.one(RW, &octets).content(), Content::Management(_))
        })
        .collect();
    assert_eq!(answers.iter().filter(|ok| **ok).count(), 64);
    // One that is known may renew.
    octets[29] = 3;
    assert!(matches!(bench.one(RW, &octets).content(), Content::Management(_)));
}

/// A client clock without a delay mechanism: one-step Syncs are all it needs.
fn follow(bench: &mut Bench, ingress: TimePoint, sequence_id: u16) -> Vec<Out> {
    let mut all = Vec::new();
    let mut header = Header::new(MessageType::Announce);
    header.source_port_identity = PortIdentity::new(OTHER, 1);
    header.sequence_id = sequence_id;
    header.log_message_interval = LogInterval(1);
    let announce = Body::Announce(Announce {
        origin_timestamp: Timestamp::ZERO,
        current_utc_offset: 37,
        grandmaster_priority1: 1,
        grandmaster_clock_quality: ClockQuality::DEFAULT,
        grandmaster_priority2: 1,
        grandmaster_identity: OTHER,
        steps_removed: 0,
        time_source: TimeSource::GNSS,
    });
    let sync = Body::Sync { origin_timestamp: Timestamp::new(1000, 0).unwrap() };
    for (body, stamp) in [(announce, None), (sync, Some(ingress))] {
        let mut buf = [0; 100];
        let len = Writer::new(&mut buf, &header, &body).unwrap().finish();
        let input = Input::Frame { port: PortNumber(1), octets: &buf[..len], stamp, source: SOURCE };
        bench.engine.handle(bench.now, input);
        all.extend(bench.drain());
        all.extend(bench.pass(1));
    }
    all
}

#[test]
fn subscribers_are_told_of_parents_and_offsets() {
    let mut bench = Bench::with(1, |c| {
        c.free_running = true;
        c.ports[0].delay = Delay::None;
    });
    bench.ask(
        RW,
        &subscribe(60, &[NotifyEvent::ParentDataSet, NotifyEvent::TimeSync, NotifyEvent::PortState]),
    );
    let arrival = TimePoint::from_nanos(1000 * 1_000_000_000 + 250);
    let out: Vec<_> = (0..4).flat_map(|n| follow(&mut bench, arrival, n)).collect();
    let parents: Vec<_> = out.iter().filter(|o| o.content().id() == ManagementId::PARENT_DATA_SET).collect();
    assert_eq!(parents.len(), 1);
    let Payload::ParentDataSet(ds) = parents[0].payload() else { panic!() };
    assert_eq!(ds.parent_port_identity, PortIdentity::new(OTHER, 1));
    let states: Vec<_> = out
        .iter()
        .filter_map(|o| match o.payload() {
            Payload::PortDataSet(ds) => Some(ds.port_state),
            _ => None,
        })
        .collect();
    assert_eq!(states, [PortState::Uncalibrated as u8, PortState::Slave as u8]);
    let offsets: Vec<_> = out
        .iter()
        .filter_map(|o| match o.payload() {
            Payload::TimeStatusNp(s) => Some(s),
            _ => None,
        })
        .collect();
    assert!(offsets.len() >= 2, "{offsets:?}");
    for s in offsets {
        assert_eq!((s.master_offset, s.ingress_time), (250, 1000 * 1_000_000_000 + 250));
        assert_eq!((s.gm_present, s.gm_identity), (true, OTHER));
    }
    assert!(ids(&out).iter().all(|id| *id != ManagementId::CMLDS_INFO_NP));

    // While it follows, the time properties are the grandmaster's.
    let utc =
        UtcProperties { current_utc_offset: 1, leap61: false, leap59: false, current_utc_offset_valid: true };
    assert_eq!(bench.refused(RW, &set(&Payload::UtcProperties(utc))), ErrorId::NOT_SETABLE);
}
