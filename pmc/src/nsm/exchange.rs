//! One measurement of another clock (NetSync monitor): a unicast Delay_Req with an empty PTPMON_REQ TLV is answered by a
//! Delay_Resp that tells how the clock is synchronised, a Sync and perhaps its Follow_Up.

use std::io;
use std::time::{Duration, Instant};

use ptp_daemon::{Interest, PollSet, Signals, Wait, monotonic_now};
use ptp_management::{json, text};
use ptp_net::{
    Address, Destination, Interface, MessageClass, NetError, PortSockets, SocketOptions, StampRequest,
};
use ptp_wire::management::{Payload, port_state_name};
use ptp_wire::{
    Body, ClockIdentity, Flags, Header, Message, MessageType, PortIdentity, PtpmonResp, SdoId, TimeInterval,
    TimePoint, TlvType, TlvValue, Writer,
};
use serde_json::json;

/// nsm's column of values.
const WIDTH: usize = 38;

/// What is asked, and how.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub(crate) sockets: SocketOptions,
    pub(crate) domain: u8,
    pub(crate) sdo_id: SdoId,
    /// delayAsymmetry: how much longer the way from there to here is than the mean of both.
    pub(crate) delay_asymmetry: TimeInterval,
    pub(crate) stamp_timeout: Duration,
}

/// What went wrong with a measurement.
#[derive(Debug)]
pub(crate) enum NsmError {
    /// The network.
    Net(NetError),
    /// Waiting.
    Io(io::Error),
    /// No stamp of the request came back.
    NoStamp,
    /// What the other side sent did not make a measurement.
    Incomplete { target: Address, missing: &'static str },
    /// A signal.
    Stopped,
}

impl From<NetError> for NsmError {
    fn from(e: NetError) -> Self {
        Self::Net(e)
    }
}

impl From<io::Error> for NsmError {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

impl std::fmt::Display for NsmError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Net(e) => e.fmt(f),
            Self::Io(e) => e.fmt(f),
            Self::NoStamp => f.write_str(
                "no stamp of the request came back: nobody has that address, or the device does not stamp what it sends \
                 (software stamps work on all)",
            ),
            Self::Incomplete { target, missing } => write!(
                f,
                "{target}: {missing}: does it serve NetSync monitors (ptpd: `net_sync_monitor: true`, ptp4l: \
                 net_sync_monitor 1) in this domain?"
            ),
            Self::Stopped => f.write_str("stopped by a signal"),
        }
    }
}

/// A measurement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measurement {
    target: Address,
    /// The clock of our stamps minus the target's.
    pub(crate) offset: TimeInterval,
    /// Half of the round trip.
    delay: TimeInterval,
    /// The Delay_Resp as it came.
    response: Vec<u8>,
}

/// The four times, as they come together.
#[derive(Debug, Default)]
struct Exchange {
    t1: Option<TimePoint>,
    t2: Option<TimePoint>,
    t3: Option<TimePoint>,
    t4: Option<TimePoint>,
    /// A Sync came, and a Follow_Up is to come; its correction.
    sync_correction: TimeInterval,
    sync: bool,
    precise: Option<(TimePoint, TimeInterval)>,
    response: Option<Vec<u8>>,
}

impl Exchange {
    fn take(&mut self, message: &Message<'_>, stamp: Option<TimePoint>, id: PortIdentity) {
        let header = message.header();
        match *message.body() {
            Body::Sync { origin_timestamp } => {
                self.sync = true;
                self.t2 = stamp;
                self.sync_correction = header.correction;
                if !header.flags.has(Flags::TWO_STEP) {
                    self.t1 = Some(TimePoint::from(origin_timestamp) + header.correction);
                }
            }
            Body::FollowUp { precise_origin_timestamp } => {
                self.precise = Some((precise_origin_timestamp.into(), header.correction));
            }
            Body::DelayResp { receive_timestamp, requesting_port_identity }
                if requesting_port_identity == id =>
            {
                let told = message.tlvs().any(|tlv| tlv.tlv_type == TlvType::PTPMON_RESP);
                if told {
                    self.t4 = Some(TimePoint::from(receive_timestamp) - header.correction);
                    self.response = Some(message.octets().to_vec());
                }
            }
            _ => {}
        }
        if let (true, Some((origin, correction)), None) = (self.sync, self.precise, self.t1) {
            self.t1 = Some(origin + correction + self.sync_correction);
        }
    }

    /// The first thing that is not there yet.
    fn missing(&self) -> Option<&'static str> {
        match self {
            Self { response: None, .. } => Some("no answer"),
            Self { sync: false, .. } => Some("no Sync came with the answer"),
            Self { t2: None, .. } => Some("its Sync was not stamped here"),
            Self { t1: None, .. } => Some("no Follow_Up came after its Sync"),
            _ => None,
        }
    }

    fn result(&self, target: Address, asymmetry: TimeInterval) -> Option<Measurement> {
        let (down, up) = (self.t2? - self.t1? - asymmetry, self.t4? - self.t3? + asymmetry);
        let half = |of: TimeInterval| of.half();
        let response = self.response.clone()?;
        Some(Measurement { target, offset: half(down - up), delay: half(down + up), response })
    }
}

/// Measures clocks from one interface.
pub(crate) struct Monitor {
    asking: Asking,
    sockets: PortSockets,
    id: PortIdentity,
    sequence_id: u16,
}

impl Monitor {
    /// Opens the interface.
    pub(crate) fn open(asking: Asking) -> Result<Self, NetError> {
        let mac = Interface::query(&asking.sockets.interface)?.mac.unwrap_or_default();
        let sockets = PortSockets::open(&asking.sockets)?;
        Ok(Self { sockets, id: PortIdentity::new(ClockIdentity::from_mac(mac), 1), sequence_id: 0, asking })
    }

    /// Measures once, for at most `window`. The kernel begins to stamp what is received a moment after the first socket
    /// asks for it: what was not stamped is asked for again.
    pub(crate) fn measure(
        &mut self,
        target: Address,
        window: Duration,
        signals: &Signals,
    ) -> Result<Measurement, NsmError> {
        let end = Instant::now() + window;
        loop {
            let exchange = self.exchange(target, end, signals)?;
            if let Some(done) = exchange.result(target, self.asking.delay_asymmetry) {
                return Ok(done);
            }
            let missing = exchange.missing().unwrap_or("no stamp of the request");
            let unstamped = exchange.sync && exchange.t2.is_none();
            if !unstamped || Instant::now() >= end {
                return Err(NsmError::Incomplete { target, missing });
            }
        }
    }

    fn exchange(&mut self, target: Address, end: Instant, signals: &Signals) -> Result<Exchange, NsmError> {
        let token = self.send(target)?;
        let mut exchange = Exchange::default();
        if let Some(stamp) = self.sockets.completion_after_send()?.filter(|s| s.token == token) {
            exchange.t3 = Some(stamp.stamp);
        }
        let stamp_end = Instant::now() + self.asking.stamp_timeout;
        let mut poll = PollSet::new();
        loop {
            if exchange.t3.is_some()
                && (exchange.missing().is_none() || exchange.sync && exchange.t2.is_none())
            {
                return Ok(exchange);
            }
            let now = Instant::now();
            if exchange.t3.is_none() && now >= stamp_end.min(end) {
                return Err(NsmError::NoStamp);
            }
            if now >= end {
                return Ok(exchange);
            }
            if signals.stop() {
                return Err(NsmError::Stopped);
            }
            let until = if exchange.t3.is_none() { stamp_end.min(end) } else { end };
            let left = u64::try_from((until - now).as_nanos()).unwrap_or(u64::MAX);
            poll.clear();
            poll.add(
                self.sockets.fd(MessageClass::Event),
                Interest::READ_AND_ERROR_QUEUE,
                MessageClass::Event,
            );
            poll.add(self.sockets.fd(MessageClass::General), Interest::READ, MessageClass::General);
            if poll.wait(Some(monotonic_now().saturating_add(left)))? != Wait::Ready {
                continue;
            }
            for ready in (0..poll.len()).filter_map(|i| poll.ready(i)) {
                if ready.priority
                    && ready.key == MessageClass::Event
                    && let Some(stamp) = self.sockets.completion()?.filter(|s| s.token == token)
                {
                    exchange.t3 = Some(stamp.stamp);
                }
                if ready.readable || ready.priority && ready.key == MessageClass::General {
                    self.receive(ready.key, target, &mut exchange)?;
                }
            }
        }
    }

    fn receive(
        &mut self,
        class: MessageClass,
        target: Address,
        exchange: &mut Exchange,
    ) -> Result<(), NsmError> {
        let Some(received) = self.sockets.receive(class)? else { return Ok(()) };
        let Ok(message) = Message::parse(received.octets) else { return Ok(()) };
        let header = message.header();
        let ours = header.sequence_id == self.sequence_id
            && header.domain_number == self.asking.domain
            && header.sdo_id == self.asking.sdo_id
            && header.source_port_identity != self.id;
        if ours && received.source == target {
            exchange.take(&message, received.stamp, self.id);
        }
        Ok(())
    }

    fn send(&mut self, target: Address) -> Result<u64, NsmError> {
        self.sequence_id = self.sequence_id.wrapping_add(1);
        let mut header = Header::new(MessageType::DelayReq);
        header.domain_number = self.asking.domain;
        header.sdo_id = self.asking.sdo_id;
        header.source_port_identity = self.id;
        header.sequence_id = self.sequence_id;
        header.flags = Flags::UNICAST;
        let mut octets = [0; 64];
        let body = Body::DelayReq { origin_timestamp: ptp_wire::Timestamp::ZERO };
        let mut writer = Writer::new(&mut octets, &header, &body).expect("a Delay_Req has 44 octets");
        writer.tlv(TlvType::PTPMON_REQ, &[]).expect("4 octets more");
        let length = writer.finish();
        let timeout = u64::try_from(self.asking.stamp_timeout.as_nanos()).unwrap_or(u64::MAX);
        let token = self.sequence_id.into();
        let request = StampRequest { token, deadline: monotonic_now().saturating_add(timeout) };
        while self.sockets.expire(u64::MAX).is_some() {}
        let message = octets.get(..length).unwrap_or_default();
        self.sockets.send(MessageClass::Event, Destination::Unicast(target), message, Some(request))?;
        Ok(token)
    }
}

impl Measurement {
    fn told<R>(&self, show: impl FnOnce(&PtpmonResp<'_>) -> R) -> Option<R> {
        let message = Message::parse(&self.response).ok()?;
        let tlv = message.tlvs().find(|tlv| tlv.tlv_type == TlvType::PTPMON_RESP)?;
        match TlvValue::parse(&tlv) {
            Ok(TlvValue::PtpmonResp(response)) => Some(show(&response)),
            _ => None,
        }
    }

    /// As linuxptp's nsm prints it.
    pub(crate) fn text(&self) -> Option<String> {
        self.told(|r| {
            let mut all = String::from("NSM MEASUREMENT COMPLETE\n");
            let address =
                format!("{} {}", r.parent_address.network_protocol, text::address(&r.parent_address));
            let state = port_state_name(r.port_state).unwrap_or("NONE").to_owned();
            for (label, value) in [
                ("offset", self.offset.nanos().to_string()),
                ("portState", state),
                ("parentPortAddress", address),
            ] {
                all += &format!("\t\t{label:WIDTH$}{value}\n");
            }
            for (title, data_set) in [
                ("parentDataset", Payload::ParentDataSet(r.parent)),
                ("currentDataset", Payload::CurrentDataSet(r.current)),
                ("timePropertiesDataset", Payload::TimePropertiesDataSet(r.time_properties)),
            ] {
                all += &format!("\t{title}\n{}", text::data_set(&data_set, WIDTH));
            }
            let (s, ns) = (r.last_sync.seconds(), r.last_sync.nanoseconds());
            all + &format!("\tlastSyncTimestamp    {s}.{ns:09}\n")
        })
    }

    /// The same as an object.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        self.told(|r| {
            json!({
                "target": self.target.to_string(),
                "offset": self.offset.nanos_f64(),
                "delay": self.delay.nanos_f64(),
                "portState": port_state_name(r.port_state),
                "parentPortAddress": text::address(&r.parent_address),
                "parentDataset": json::data_set(&Payload::ParentDataSet(r.parent)),
                "currentDataset": json::data_set(&Payload::CurrentDataSet(r.current)),
                "timePropertiesDataset": json::data_set(&Payload::TimePropertiesDataSet(r.time_properties)),
                "lastSyncTimestamp": format!("{}.{:09}", r.last_sync.seconds(), r.last_sync.nanoseconds()),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: PortIdentity = PortIdentity::new(ClockIdentity([1; 8]), 1);

    fn at(ns: i128) -> TimePoint {
        TimePoint::from_nanos(ns)
    }

    fn message(body: &Body, flags: Flags, correction: i64) -> Vec<u8> {
        let mut header = Header::new(body.message_type());
        header.flags = flags;
        header.correction = TimeInterval::from_nanos(correction);
        let mut octets = [0; 300];
        let mut w = Writer::new(&mut octets, &header, body).expect("it fits");
        if matches!(body, Body::DelayResp { .. }) {
            let told = PtpmonResp {
                port_state: 9,
                parent_address: ptp_wire::PortAddress { network_protocol: 1, address: &[10, 0, 0, 1] },
                parent: ptp_wire::management::ParentDataSet {
                    parent_port_identity: ID,
                    parent_stats: false,
                    observed_parent_offset_scaled_log_variance: 0xffff,
                    observed_parent_clock_phase_change_rate: 0x7fff_ffff,
                    grandmaster_priority1: 10,
                    grandmaster_clock_quality: ptp_wire::ClockQuality {
                        clock_class: 6,
                        clock_accuracy: ptp_wire::ClockAccuracy(0x21),
                        offset_scaled_log_variance: 0x4e5d,
                    },
                    grandmaster_priority2: 128,
                    grandmaster_identity: ID.clock_identity,
                },
                current: ptp_wire::management::CurrentDataSet {
                    steps_removed: 1,
                    offset_from_master: TimeInterval::from_nanos(3),
                    mean_path_delay: TimeInterval::from_nanos(300),
                },
                time_properties: ptp_wire::management::TimePropertiesDataSet {
                    current_utc_offset: 37,
                    flags: Flags::PTP_TIMESCALE,
                    time_source: ptp_wire::TimeSource(0x20),
                },
                last_sync: ptp_wire::Timestamp::new(7, 8).expect("a time"),
            };
            w.tlv_value(&TlvValue::PtpmonResp(told)).expect("it fits");
        }
        let n = w.finish();
        octets[..n].to_vec()
    }

    fn take(exchange: &mut Exchange, octets: &[u8], stamp: Option<i128>) {
        exchange.take(&Message::parse(octets).expect("our own"), stamp.map(at), ID);
    }

    #[test]
    fn the_four_times_make_the_offset_in_any_order() {
        let time = |ns| ptp_wire::Timestamp::new(1, ns).expect("a time");
        // Ours is 1000 ns ahead; the way there takes 300 ns, the way back 300 and a correction of 40.
        let sync = message(&Body::Sync { origin_timestamp: time(0) }, Flags::TWO_STEP, 30);
        let follow_up = message(&Body::FollowUp { precise_origin_timestamp: time(5_000) }, Flags::NONE, 10);
        let response = Body::DelayResp { receive_timestamp: time(4_400), requesting_port_identity: ID };
        let response = message(&response, Flags::UNICAST, 100);
        for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0]] {
            let mut exchange = Exchange { t3: Some(at(1_000_005_000)), ..Exchange::default() };
            assert_eq!(exchange.missing(), Some("no answer"));
            for which in order {
                match which {
                    0 => take(&mut exchange, &sync, Some(1_000_006_340)),
                    1 => take(&mut exchange, &follow_up, None),
                    _ => take(&mut exchange, &response, None),
                }
            }
            assert_eq!(exchange.missing(), None);
            let done =
                exchange.result(Address::Ipv4([10, 0, 0, 1].into()), TimeInterval::ZERO).expect("complete");
            assert_eq!(done.offset, TimeInterval::from_nanos(1_000));
            assert_eq!(done.delay, TimeInterval::from_nanos(300));
            let text = done.text().expect("it was told");
            for line in [
                "NSM MEASUREMENT COMPLETE",
                "\t\toffset                                1000",
                "\t\tportState                             SLAVE",
                "\t\tparentPortAddress                     1 10.0.0.1",
                "\t\tobservedParentOffsetScaledLogVariance 0xffff",
                "\t\tgm.ClockClass                         6",
                "\t\toffsetFromMaster                      3.0",
                "\t\tptpTimescale                          1",
                "\t\ttimeSource                            0x20",
                "\tlastSyncTimestamp    7.000000008",
            ] {
                assert!(text.lines().any(|l| l == line), "{line:?} in {text}");
            }
            let json = done.json().expect("it was told");
            assert_eq!((json["offset"].as_f64(), json["portState"].as_str()), (Some(1_000.0), Some("SLAVE")));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let time = |ns| ptp_wire::Timestamp::new(1, ns).expect("a time");
        let response = Body::DelayResp { receive_timestamp: time(0), requesting_port_identity: ID };
        let mut exchange = Exchange::default();
        take(&mut exchange, &message(&response, Flags::NONE, 0), None);
        assert_eq!(exchange.missing(), Some("no Sync came with the answer"));
        let sync = message(&Body::Sync { origin_timestamp: time(0) }, Flags::TWO_STEP, 0);
        take(&mut exchange, &sync, None);
        assert_eq!(exchange.missing(), Some("its Sync was not stamped here"));
        take(&mut exchange, &sync, Some(3));
        assert_eq!(exchange.missing(), Some("no Follow_Up came after its Sync"));
        // One step needs none.
        take(&mut exchange, &message(&Body::Sync { origin_timestamp: time(0) }, Flags::NONE, 0), Some(3));
        assert_eq!(exchange.missing(), None);
        assert_eq!(
            exchange.result(Address::Ethernet([0; 6]), TimeInterval::ZERO),
            None,
            "the request's stamp"
        );
        // An answer to somebody else.
        let other = PortIdentity::new(ClockIdentity([2; 8]), 1);
        let response = Body::DelayResp { receive_timestamp: time(0), requesting_port_identity: other };
        let mut exchange = Exchange::default();
        take(&mut exchange, &message(&response, Flags::NONE, 0), None);
        assert_eq!(exchange.missing(), Some("no answer"));
    }
}
