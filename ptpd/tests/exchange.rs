//! Two engines on a wire without noise: what they measure must be exact to 2^-16 ns, and cost no allocation.

use std::collections::VecDeque;

use ptp_wire::{ClockIdentity, ClockQuality, PortNumber, TimeInterval, TimePoint};
use ptpd::engine::{
    Accuracy, Address, AlternateTimeOffset, Delay, DownCause, DropCause, Engine, Event, Input,
    InstanceConfig, Instant, MessageClass, Output, PortConfig, PortState, Sample, SampleMode, ServoState,
    SlaveMonitoring,
};

const PORT: PortNumber = PortNumber(1);
/// The master's clock reads this at instant 0.
const EPOCH_NS: i128 = 1_700_000_000_000_000_000;

/// A frame on its way: when it arrives, whose it is, and what its transmission was.
struct Flying {
    arrives: u64,
    to: usize,
    octets: Vec<u8>,
    event: bool,
}

/// Two engines, one wire, delays per direction, the second clock ahead by `offset`.
struct Wire {
    engines: [Engine; 2],
    now: u64,
    /// ns, from 0 to 1 and from 1 to 0.
    delay: [u64; 2],
    offset: TimeInterval,
    flying: VecDeque<Flying>,
    samples: Vec<Sample>,
    events: Vec<(usize, Event)>,
    lose_stamps: bool,
    locked: bool,
    /// Turns a two-step Sync into a one-step one, as a one-step master would send it.
    one_step: bool,
    /// Sync and Follow_Up get lost.
    lose_sync: bool,
}

impl Wire {
    fn new(change: impl Fn(usize, &mut InstanceConfig)) -> Self {
        let engine = |i: usize| {
            let mut config = InstanceConfig::new(
                ClockIdentity::from_mac([2, 0, 0, 0, 0, i as u8 + 1]),
                vec![PortConfig::new("eth0")],
            );
            if i == 0 {
                config.clock_quality = ClockQuality { clock_class: 6, ..ClockQuality::DEFAULT };
            }
            change(i, &mut config);
            let mut engine = Engine::new(config, i as u64, Instant(0));
            engine.handle(Instant(0), Input::PortUp { port: PORT });
            engine
        };
        Self {
            engines: [engine(0), engine(1)],
            now: 0,
            delay: [1000, 1000],
            offset: TimeInterval::ZERO,
            flying: VecDeque::new(),
            samples: Vec::new(),
            events: Vec::new(),
            lose_stamps: false,
            locked: true,
            one_step: false,
            lose_sync: false,
        }
    }

    fn clock(&self, i: usize, at: u64) -> TimePoint {
        let t = TimePoint::from_nanos(EPOCH_NS + i128::from(at));
        if i == 1 { t + self.offset } else { t }
    }

    fn drain(&mut self, i: usize) {
        let mut stamps = Vec::new();
        let mut sampled = false;
        let sent_at = self.clock(i, self.now);
        while let Some(output) = self.engines[i].poll() {
            match output {
                Output::Transmit { class, octets, stamp, .. } => {
                    let event = class == MessageClass::Event;
                    let mut octets = octets.to_vec();
                    if self.one_step && i == 0 && octets[0] & 0xf == 0 {
                        let (t, fraction) = sent_at.split();
                        octets[6] &= !0x02;
                        octets[8..16].copy_from_slice(&fraction.0.to_be_bytes());
                        octets[34..40].copy_from_slice(&t.seconds().to_be_bytes()[2..]);
                        octets[40..44].copy_from_slice(&t.nanoseconds().to_be_bytes());
                    }
                    let kind = octets[0] & 0xf;
                    let lost = (self.one_step && kind == 8) || (self.lose_sync && (kind == 0 || kind == 8));
                    if !lost {
                        let arrives = self.now + self.delay[i];
                        self.flying.push_back(Flying { arrives, to: 1 - i, octets, event });
                    }
                    stamps.extend(stamp);
                }
                Output::Sample(s) => {
                    self.samples.push(s);
                    sampled = true;
                }
                Output::Event(e) => self.events.push((i, e)),
                Output::Delay(_)
                | Output::Forward(_)
                | Output::LocalReply { .. }
                | Output::Transit { .. } => {}
            }
        }
        for token in stamps {
            let stamp = (!self.lose_stamps).then_some(sent_at);
            self.engines[i].handle(Instant(self.now), Input::TransmitStamp { token, stamp });
            self.drain(i);
        }
        if sampled && self.locked {
            self.engines[i].handle(Instant(self.now), Input::Servo(ServoState::Locked));
            self.drain(i);
        }
    }

    fn run_until(&mut self, end: u64) {
        loop {
            for i in 0..2 {
                self.drain(i);
            }
            let arrival = self.flying.iter().map(|f| f.arrives).min();
            let timer = self.engines.iter().filter_map(|e| e.next_deadline()).map(|t| t.0).min();
            let next = arrival.into_iter().chain(timer).min().unwrap_or(end);
            if next > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            if let Some(k) = self.flying.iter().position(|f| f.arrives <= self.now) {
                let f = self.flying.remove(k).expect("just found");
                let stamp = f.event.then(|| self.clock(f.to, f.arrives));
                let source = Address::Ethernet([2, 0, 0, 0, 0, 2 - f.to as u8]);
                let input = Input::Frame { port: PORT, octets: &f.octets, stamp, source };
                self.engines[f.to].handle(Instant(self.now), input);
                continue;
            }
            for e in &mut self.engines {
                e.handle(Instant(self.now), Input::Tick);
            }
        }
    }

    fn state(&self, i: usize) -> PortState {
        self.engines[i].port_state(PORT).expect("port 1 exists")
    }
}

const S: u64 = 1_000_000_000;

#[test]
fn a_client_finds_its_master_and_measures_the_exact_offset() {
    for delay in [Delay::E2e, Delay::P2p] {
        for one_step in [false, true] {
            let mut wire = Wire::new(|_, c| c.ports[0].delay = delay);
            wire.one_step = one_step;
            wire.offset = TimeInterval(123_456_789 << 16 | 0x1234);
            wire.run_until(30 * S);
            assert_eq!((wire.state(0), wire.state(1)), (PortState::Master, PortState::Slave), "{delay:?}");
            let last = wire.samples.last().expect("there are samples");
            assert_eq!(last.offset, wire.offset, "{delay:?}, one-step {one_step}");
            assert_eq!(last.mean_delay, TimeInterval::from_nanos(1000));
            assert_eq!(wire.engines[1].current_ds().steps_removed, 1);
            assert!(wire.engines[0].is_grandmaster() && !wire.engines[1].is_grandmaster());
            let lost = wire.engines[1].port_stats(PORT).expect("port 1").service;
            assert_eq!((lost.sync_mismatch, lost.followup_mismatch), (0, 0));
        }
    }
}

#[test]
fn known_asymmetry_and_latencies_are_taken_out() {
    for delay in [Delay::E2e, Delay::P2p] {
        let mut wire = Wire::new(|i, c| {
            let port = &mut c.ports[0];
            port.delay = delay;
            port.egress_latency = TimeInterval::from_nanos(70);
            port.ingress_latency = TimeInterval::from_nanos(30);
            // Stamps are taken 70 ns before the wire and 30 ns after it: both shorten the way by 100 ns each.
            if i == 1 {
                port.delay_asymmetry = TimeInterval::from_nanos(200);
            }
            if i == 0 && delay == Delay::P2p {
                port.delay_asymmetry = TimeInterval::from_nanos(-200);
            }
        });
        wire.delay = [1300, 900];
        wire.offset = TimeInterval::from_nanos(-5_000_000);
        wire.run_until(30 * S);
        let last = wire.samples.last().expect("there are samples");
        assert_eq!(last.offset, wire.offset, "{delay:?}");
        assert_eq!(last.mean_delay, TimeInterval::from_nanos(1000), "{delay:?}");
    }
}

#[test]
fn an_unknown_asymmetry_shows_as_half_of_it() {
    let mut wire = Wire::new(|_, _| {});
    wire.delay = [1400, 1000];
    wire.run_until(30 * S);
    assert_eq!(wire.samples.last().expect("samples").offset, TimeInterval::from_nanos(200));
}

#[test]
fn lost_transmit_stamps_lose_samples_and_never_the_port() {
    let mut wire = Wire::new(|_, _| {});
    wire.run_until(20 * S);
    assert_eq!(wire.state(1), PortState::Slave);
    let before = wire.samples.len();
    wire.lose_stamps = true;
    wire.run_until(40 * S);
    assert!(wire.samples.len() <= before + 1);
    assert_eq!((wire.state(0), wire.state(1)), (PortState::Master, PortState::Slave));
    let lost = wire.engines[0].port_stats(PORT).expect("port 1").tx_stamps_lost;
    assert!((19..=21).contains(&lost), "{lost} Syncs of 20 s");
    let told =
        wire.events.iter().filter(|(i, e)| *i == 0 && matches!(e, Event::TransmitStampLost { .. })).count();
    assert_eq!(told, 5, "1, 2, 4, 8, 16");
    wire.lose_stamps = false;
    wire.run_until(45 * S);
    assert!(wire.samples.len() > before + 3);
}

#[test]
fn a_silent_master_is_replaced_after_the_announce_receipt_timeout() {
    let mut wire = Wire::new(|_, _| {});
    wire.run_until(30 * S);
    assert_eq!(wire.state(1), PortState::Slave);
    wire.engines[0].handle(Instant(wire.now), Input::PortDown { port: PORT, cause: DownCause::Link });
    assert_eq!(wire.state(0), PortState::Faulty);
    // 3 intervals of 2 s, and up to one more at random.
    wire.run_until(35 * S);
    assert_eq!(wire.state(1), PortState::Slave);
    wire.run_until(39 * S);
    assert_eq!(wire.state(1), PortState::Master);
    assert!(wire.engines[1].is_grandmaster());
    wire.engines[0].handle(Instant(wire.now), Input::PortUp { port: PORT });
    wire.run_until(60 * S);
    assert_eq!((wire.state(0), wire.state(1)), (PortState::Master, PortState::Slave));
}

#[test]
fn a_client_only_clock_waits_and_never_announces() {
    let mut wire = Wire::new(|i, c| c.client_only = i == 1);
    wire.engines[0].handle(Instant(0), Input::PortDown { port: PORT, cause: DownCause::Fault });
    wire.run_until(60 * S);
    assert_eq!(wire.state(1), PortState::Listening);
    assert_eq!(wire.engines[1].port_stats(PORT).expect("port 1").tx, [0; 16]);
    wire.engines[0].handle(Instant(wire.now), Input::PortUp { port: PORT });
    wire.run_until(90 * S);
    assert_eq!(wire.state(1), PortState::Slave);
}

#[test]
fn sync_that_stops_while_announce_goes_on_is_noticed() {
    let mut wire = Wire::new(|_, c| c.ports[0].sync_receipt_timeout = 3);
    wire.run_until(30 * S);
    assert_eq!(wire.state(1), PortState::Slave);
    wire.lose_sync = true;
    wire.run_until(40 * S);
    let stats = wire.engines[1].port_stats(PORT).expect("port 1");
    assert!(stats.service.sync_timeout >= 1, "{:?}", stats.service);
    let left = wire.events.iter().any(|(i, e)| {
        *i == 1 && matches!(e, Event::PortState { from: PortState::Slave, to: PortState::Master, .. })
    });
    assert!(left, "the client gave its master up");
}

#[test]
fn frames_that_do_not_belong_here_are_counted_by_cause() {
    let mut wire = Wire::new(|_, _| {});
    wire.run_until(30 * S);
    let announce = [
        0x0b, 0x12, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 0xff, 0xfe, 9, 9, 9, 0,
        1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 37, 0, 1, 6, 0x20, 0, 1, 1, 9, 9, 9, 0xff, 0xfe, 9,
        9, 9, 0, 0, 0xa0,
    ];
    type Spoil<'a> = &'a dyn Fn(&mut Vec<u8>);
    let cases: [(DropCause, Spoil<'_>); 8] = [
        (DropCause::Malformed, &|f| f.truncate(63)),
        (DropCause::Version, &|f| f[1] = 0x11),
        (DropCause::Domain, &|f| f[4] = 1),
        (DropCause::SdoId, &|f| f[0] |= 0x10),
        (DropCause::Own, &|f| f[20..28].copy_from_slice(&ClockIdentity::from_mac([2, 0, 0, 0, 0, 2]).0)),
        (DropCause::Alternate, &|f| f[6] |= 1),
        (DropCause::Announce, &|f| f[61..63].copy_from_slice(&255u16.to_be_bytes())),
        (DropCause::Unexpected, &|f| {
            (f[0], f[3]) = (0x0c, 44);
            f[34..44].fill(0xff); // Signaling for everybody, with nothing in it.
        }),
    ];
    for (cause, spoil) in cases {
        let mut frame = announce.to_vec();
        spoil(&mut frame);
        let before = wire.engines[1].port_stats(PORT).expect("port 1").dropped(cause);
        let source = Address::Ethernet([9; 6]);
        for _ in 0..5 {
            let input = Input::Frame { port: PORT, octets: &frame, stamp: None, source };
            wire.engines[1].handle(Instant(wire.now), input);
        }
        let after = wire.engines[1].port_stats(PORT).expect("port 1").dropped(cause);
        assert_eq!(after - before, 5, "{}", cause.name());
        assert_eq!(wire.state(1), PortState::Slave, "{}", cause.name());
    }
}

#[test]
fn steady_running_allocates_nothing() {
    steady(|_, _| {});
}

#[test]
fn steady_running_allocates_nothing_with_every_option() {
    steady(|_, c| {
        c.path_trace = true;
        c.options.slave_event_socket = true;
        c.options.collect_slave_events = true;
        c.options.performance_monitoring = true;
        c.options.accuracy = Some(Accuracy::default());
        c.options.alternate_time_offsets =
            vec![AlternateTimeOffset { enabled: true, name: "CET".into(), ..AlternateTimeOffset::new(1) }];
        let port = &mut c.ports[0].options;
        port.alternate_masters = 1;
        port.alternate_multicast_sync = true;
        port.net_sync_monitor_rate = 16;
        port.slave_monitoring = SlaveMonitoring {
            rx_sync_timing: true,
            rx_sync_computed: true,
            tx_event_timestamps: true,
            records: 8,
            ..SlaveMonitoring::default()
        };
    });
}

fn steady(change: impl Fn(usize, &mut InstanceConfig)) {
    let mut wire = Wire::new(change);
    wire.run_until(60 * S);
    assert_eq!(wire.state(1), PortState::Slave);
    // A recorded second of traffic is replayed into the client alone, so that only the engine is measured.
    let header = |message_type: u8, sequence_id: u16| {
        let mut f = vec![message_type, 0x12, 0, 44, 0, 0, 0, 0];
        f.extend([0; 12]);
        f.extend(ClockIdentity::from_mac([2, 0, 0, 0, 0, 1]).0);
        f.extend([0, 1]);
        f.extend(sequence_id.to_be_bytes());
        f.extend([0, 0]);
        f.extend([0, 0, 0x65, 0x53, 0xf1, 0, 0, 0, 0, 0]);
        f
    };
    let frames: Vec<_> = (0..1000u16)
        .map(|i| {
            let mut sync = header(0, i);
            sync[6] = 2;
            (sync, header(8, i))
        })
        .collect();
    let client = &mut wire.engines[1];
    let source = Address::Ethernet([2, 0, 0, 0, 0, 1]);
    let start = wire.now;
    let mut samples = 0;
    let counted = allocation_counter::measure(|| {
        for (i, (sync, follow_up)) in frames.iter().enumerate() {
            let now = Instant(start + i as u64 * 1_000_000);
            let stamp = Some(TimePoint::from_nanos(EPOCH_NS + i as i128));
            client.handle(now, Input::Frame { port: PORT, octets: sync, stamp, source });
            client.handle(now, Input::Frame { port: PORT, octets: follow_up, stamp: None, source });
            while let Some(output) = client.poll() {
                samples += usize::from(matches!(output, Output::Sample(_)));
            }
        }
    });
    assert_eq!(samples, 1000);
    assert_eq!(counted.count_total, 0, "{counted:?}");
    // And as a master, answering and sending.
    let master = &mut wire.engines[0];
    let mut request = header(1, 0);
    request[20..28].copy_from_slice(&ClockIdentity::from_mac([2, 0, 0, 0, 0, 2]).0);
    let mut responses = 0;
    let counted = allocation_counter::measure(|| {
        for i in 0..1000u64 {
            let now = Instant(start + i * 100_000_000);
            let stamp = Some(TimePoint::from_nanos(EPOCH_NS));
            master.handle(now, Input::Frame { port: PORT, octets: &request, stamp, source });
            let mut token = None;
            while let Some(output) = master.poll() {
                if let Output::Transmit { stamp, .. } = output {
                    token = stamp.or(token);
                    responses += 1;
                }
            }
            if let Some(token) = token {
                master.handle(now, Input::TransmitStamp { token, stamp });
                while master.poll().is_some() {}
            }
        }
    });
    assert!(responses >= 1000);
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

/// linuxptp's tsproc_mode: what a sample's offset is made with, and what it counts. The path has just become three times
/// as long, both ways: the filter still says 1 us, the last exchange says 3.
#[test]
fn each_sample_mode_makes_its_own_of_a_longer_path() {
    let ns = TimeInterval::from_nanos;
    for (mode, delay, offset, weight) in [
        (SampleMode::Filter, 1000, 2000, 1.0),
        (SampleMode::Raw, 3000, 0, 1.0),
        (SampleMode::FilterWeight, 1000, 2000, 1.0 / 3.0),
        (SampleMode::RawWeight, 3000, 0, 1.0 / 3.0),
    ] {
        for mechanism in [Delay::E2e, Delay::P2p] {
            let mut wire = Wire::new(|i, c| {
                c.ports[0].delay = mechanism;
                // Requests in between the Syncs, always.
                c.ports[0].delay_request_variability = 0.0;
                c.ports[0].sample_mode = if i == 1 { mode } else { SampleMode::Filter };
            });
            wire.run_until(40 * S);
            let usual = *wire.samples.last().expect("there are samples");
            assert_eq!((usual.offset, usual.mean_delay, usual.weight), (ns(0), ns(1000), 1.0), "{mode:?}");
            wire.delay = [3000, 3000];
            // Three of ten in the filter: its median is that of before.
            wire.run_until(43 * S + S / 2);
            let last = *wire.samples.last().expect("there are samples");
            // A longer path looks like a rate at first: peer delays are a little off.
            let near = |a: TimeInterval, b: TimeInterval| (a - b).nanos_f64().abs() < 0.01;
            let as_wanted = near(last.offset, ns(offset)) && near(last.mean_delay, ns(delay));
            assert!(as_wanted, "{mode:?} {mechanism:?}: {} and {}", last.offset, last.mean_delay);
            assert!((last.weight - weight).abs() < 1e-5, "{mode:?} {mechanism:?}: {}", last.weight);
            // A shorter path than usual is no worse: it counts whole.
            wire.delay = [500, 500];
            wire.run_until(46 * S + S / 2);
            let last = *wire.samples.last().expect("there are samples");
            assert_eq!(last.weight, 1.0, "{mode:?} {mechanism:?}");
        }
    }
}

/// linuxptp's initial_delay: offsets from the first Sync on, by a delay that is assumed until one is measured.
#[test]
fn an_assumed_delay_counts_until_one_is_measured() {
    let ns = TimeInterval::from_nanos;
    for mechanism in [Delay::E2e, Delay::P2p] {
        for assumed in [None, Some(ns(5_000))] {
            let mut wire = Wire::new(|i, c| {
                c.ports[0].delay = mechanism;
                // Nobody asks before 20 s have passed.
                c.ports[0].gptp.inhibit_delay_req = i == 1;
                c.ports[0].gptp.neighbor_delay = assumed.filter(|_| i == 1);
            });
            wire.run_until(20 * S);
            match assumed {
                None => assert!(wire.samples.is_empty(), "{mechanism:?}"),
                Some(delay) => {
                    let last = *wire.samples.last().expect("from the first Sync on");
                    assert_eq!((last.mean_delay, last.offset), (delay, ns(-4_000)), "{mechanism:?}");
                }
            }
            let mut config = wire.engines[1].config().clone();
            config.ports[0].gptp.inhibit_delay_req = false;
            wire.engines[1].handle(Instant(wire.now), Input::Configure(&config));
            wire.run_until(60 * S);
            let last = *wire.samples.last().expect("measured by now");
            assert_eq!((last.mean_delay, last.offset), (ns(1_000), ns(0)), "{mechanism:?}, {assumed:?}");
        }
    }
}
