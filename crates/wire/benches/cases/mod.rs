//! What is measured: reading and emitting Sync, and Announce with a PATH_TRACE of two.

use ptp_wire::{
    Announce, Body, ClockIdentity, ClockQuality, Header, Message, MessageType, PortIdentity, TimeSource,
    Timestamp, Writer,
};

/// The messages, as octets and as parts.
pub(crate) struct Messages {
    sync: (Header, Body),
    announce: (Header, Body),
    sync_octets: Vec<u8>,
    announce_octets: Vec<u8>,
}

/// A case: returns a number that depends on the work.
pub(crate) type Case = fn(&Messages, &mut [u8]) -> usize;

/// All of them.
pub(crate) const CASES: [(&str, Case); 4] = [
    ("parse-sync", parse_sync),
    ("emit-sync", emit_sync),
    ("parse-announce", parse_announce),
    ("emit-announce", emit_announce),
];

const PATH: [ClockIdentity; 2] = [ClockIdentity([1; 8]), ClockIdentity([2; 8])];

impl Messages {
    /// Makes them.
    pub(crate) fn new() -> Self {
        let header = |t| Header {
            source_port_identity: PortIdentity::new(PATH[1], 1),
            sequence_id: 4711,
            ..Header::new(t)
        };
        let announce = Announce {
            origin_timestamp: Timestamp::ZERO,
            current_utc_offset: 37,
            grandmaster_priority1: 128,
            grandmaster_clock_quality: ClockQuality::DEFAULT,
            grandmaster_priority2: 128,
            grandmaster_identity: PATH[0],
            steps_removed: 1,
            time_source: TimeSource::GNSS,
        };
        let origin_timestamp = Timestamp::new(1_700_000_000, 123_456_789).expect("below 10^9");
        let mut messages = Self {
            sync: (header(MessageType::Sync), Body::Sync { origin_timestamp }),
            announce: (header(MessageType::Announce), Body::Announce(announce)),
            sync_octets: Vec::new(),
            announce_octets: Vec::new(),
        };
        let mut buf = [0; 128];
        let len = emit_sync(&messages, &mut buf);
        messages.sync_octets = buf[..len].to_vec();
        let len = emit_announce(&messages, &mut buf);
        messages.announce_octets = buf[..len].to_vec();
        messages
    }
}

fn parse_sync(m: &Messages, _: &mut [u8]) -> usize {
    let message = Message::parse(&m.sync_octets).expect("emitted above");
    let Body::Sync { origin_timestamp } = message.body() else { return 0 };
    usize::from(message.header().sequence_id) + origin_timestamp.nanoseconds() as usize
}

fn emit_sync(m: &Messages, buf: &mut [u8]) -> usize {
    Writer::new(buf, &m.sync.0, &m.sync.1).expect("fits").finish()
}

fn parse_announce(m: &Messages, _: &mut [u8]) -> usize {
    let message = Message::parse(&m.announce_octets).expect("emitted above");
    let Body::Announce(announce) = message.body() else { return 0 };
    usize::from(announce.steps_removed) + message.path_trace().filter(|id| *id == ClockIdentity::ANY).count()
}

fn emit_announce(m: &Messages, buf: &mut [u8]) -> usize {
    let mut writer = Writer::new(buf, &m.announce.0, &m.announce.1).expect("fits");
    writer.path_trace([PATH[0]], PATH[1]).expect("fits");
    writer.finish()
}
