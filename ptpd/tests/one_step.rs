//! Cards that write the times of Sync and Pdelay_Resp themselves: what the engine leaves to them.

use ptp_wire::{
    Body, ClockIdentity, ClockQuality, Flags, Header, LogInterval, Message, MessageType, PortIdentity,
    PortNumber, TimeInterval, TimePoint, Timestamp, Writer,
};
use ptpd::engine::{
    Address, Delay, Engine, Input, InstanceConfig, Instant, MessageClass, Output, PortConfig, PortState,
    Stamping, TxToken,
};

const PORT: PortNumber = PortNumber(1);
const LATENCY: TimeInterval = TimeInterval::from_nanos(25);

fn master(stamping: Stamping, delay: Delay) -> Engine {
    let mut port = PortConfig::new("eth0");
    port.stamping = stamping;
    port.delay = delay;
    port.egress_latency = LATENCY;
    port.ingress_latency = TimeInterval::from_nanos(5);
    let mut config = InstanceConfig::new(ClockIdentity([7; 8]), vec![port]);
    config.clock_quality = ClockQuality { clock_class: 6, ..ClockQuality::DEFAULT };
    let mut engine = Engine::new(config, 1, Instant(0));
    engine.handle(Instant(0), Input::PortUp { port: PORT });
    engine
}

/// Messages sent until `end`, and what stamps were asked for; all stamps come at once.
fn run(engine: &mut Engine, end: u64) -> Vec<(Vec<u8>, Option<TxToken>)> {
    let mut all = Vec::new();
    let mut now = 0;
    loop {
        let mut tokens = Vec::new();
        while let Some(output) = engine.poll() {
            if let Output::Transmit { octets, stamp, class, .. } = output {
                assert_eq!(class == MessageClass::Event, octets[0] & 0xf < 8);
                all.push((octets.to_vec(), stamp));
                tokens.extend(stamp);
            }
        }
        for token in tokens {
            let stamp = Some(TimePoint::from_nanos(i128::from(now)));
            engine.handle(Instant(now), Input::TransmitStamp { token, stamp });
        }
        match engine.next_deadline() {
            Some(at) if at.0 <= end => now = now.max(at.0),
            _ => return all,
        }
        engine.handle(Instant(now), Input::Tick);
    }
}

#[test]
fn a_one_step_master_sends_no_follow_up_and_awaits_no_stamp() {
    for stamping in [Stamping::OneStep, Stamping::P2pOneStep, Stamping::Hardware] {
        let one_step = stamping != Stamping::Hardware;
        let mut engine = master(stamping, Delay::E2e);
        let sent = run(&mut engine, 60_000_000_000);
        assert_eq!(engine.port_state(PORT), Some(PortState::Master));
        let of = |t: MessageType| sent.iter().filter(move |(o, _)| o[0] & 0xf == t as u8);
        assert!(of(MessageType::Sync).count() > 20);
        assert_eq!(of(MessageType::FollowUp).count() > 0, !one_step);
        for (octets, stamp) in of(MessageType::Sync) {
            let message = Message::parse(octets).expect("ours");
            let header = message.header();
            assert_eq!((header.flags.has(Flags::TWO_STEP), stamp.is_some()), (!one_step, !one_step));
            assert_eq!(*message.body(), Body::Sync { origin_timestamp: Timestamp::ZERO });
            assert_eq!(header.correction, if one_step { LATENCY } else { TimeInterval::ZERO });
        }
    }
}

#[test]
fn a_one_step_peer_leaves_its_turnaround_to_the_card() {
    for (stamping, one_step) in [(Stamping::OneStep, false), (Stamping::P2pOneStep, true)] {
        let mut engine = master(stamping, Delay::P2p);
        run(&mut engine, 0);
        let mut header = Header::new(MessageType::PdelayReq);
        header.source_port_identity = PortIdentity::new(ClockIdentity([9; 8]), 3);
        header.sequence_id = 77;
        header.log_message_interval = LogInterval::NOT_APPLICABLE;
        header.correction = TimeInterval::from_nanos(1000);
        let mut octets = [0; 64];
        let body = Body::PdelayReq { origin_timestamp: Timestamp::ZERO };
        let length = Writer::new(&mut octets, &header, &body).expect("it fits").finish();
        let stamp = Some(TimePoint::from_nanos(5_000));
        let source = Address::Ethernet([2; 6]);
        let input = Input::Frame { port: PORT, octets: &octets[..length], stamp, source };
        engine.handle(Instant(5_000), input);
        let Some(Output::Transmit { octets, stamp, .. }) = engine.poll() else { panic!("no answer") };
        let message = Message::parse(octets).expect("ours");
        assert_eq!(
            (message.header().message_type, message.header().sequence_id),
            (MessageType::PdelayResp, 77)
        );
        assert_eq!((message.header().flags.has(Flags::TWO_STEP), stamp.is_some()), (!one_step, !one_step));
        if one_step {
            // The request's own, and what the card cannot see of the way out and in.
            assert_eq!(message.header().correction, TimeInterval::from_nanos(1030));
            let Body::PdelayResp { request_receipt_timestamp, .. } = *message.body() else { panic!() };
            assert_eq!(request_receipt_timestamp, Timestamp::ZERO);
        }
    }
}
