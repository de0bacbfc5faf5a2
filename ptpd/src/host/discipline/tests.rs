//! What becomes of samples: the clock is set, steered, handed over, or left alone.

use ptp_clock::{VirtualClock, VirtualOptions};
use ptp_wire::ClockIdentity;

use super::*;

const SECOND: i64 = 1_000_000_000;

fn sample(ingress: TimePoint, origin: TimePoint) -> Sample {
    Sample {
        port: PortNumber(1),
        master: PortIdentity::new(ClockIdentity::ZERO, 1),
        ingress,
        origin,
        offset: ingress - origin,
        mean_delay: TimeInterval::ZERO,
        forward: ingress - origin,
        log_sync_interval: LogInterval(0),
        mechanism: Delay::E2e,
        weight: 1.0,
    }
}

#[test]
fn a_clock_decades_off_is_set_to_its_own_timescale_at_once() {
    let path = std::env::temp_dir().join(format!("escapement-afar-{}", std::process::id()));
    let mut clock = VirtualClock::create(&path, &VirtualOptions::default()).expect("a clock");
    let pi = Steering { kind: ptp_servo::ServoKind::Pi, ..Steering::default() };
    let mut discipline = Discipline::new(pi, &mut clock, false, Memory::default(), None).expect("one");
    let decades = i128::from(SECOND) * 86_400 * 365 * 50 * 65_536;
    let utc = TimeInterval::from_nanos(37 * SECOND);
    for ahead in [decades, -decades] {
        let before = clock.now().expect("a reading");
        let master = TimePoint::from_scaled(before.scaled() + ahead);
        let outcome = discipline.sample(0, &mut clock, sample(before, master), utc);
        assert!(outcome.stepped);
        assert_eq!(outcome.state, ServoState::Unlocked);
        // The master's time less the 37 s; the time that passes here is far below a second.
        let after = clock.now().expect("a reading");
        let error = (after - (master - utc)).nanos_f64();
        assert!((0.0..1e9).contains(&error), "{error}");
    }
    // Nearer, the same correction is only added.
    let now = clock.now().expect("a reading");
    assert!(!discipline.sample(0, &mut clock, sample(now, now + utc), utc).stepped);
    assert_eq!(discipline.memory().frequency_ppb, None);

    // Once it has been right it is not set any more, where only the first step is allowed.
    let later = |seconds: i64| now + TimeInterval::from_nanos(seconds * SECOND);
    for seconds in [100, 200, 300, 400] {
        discipline.sample(0, &mut clock, sample(later(seconds), later(seconds)), TimeInterval::ZERO);
    }
    assert!(discipline.memory().frequency_ppb.is_some());
    let afar = TimePoint::from_scaled(later(500).scaled() + decades);
    let outcome = discipline.sample(0, &mut clock, sample(later(500), afar), TimeInterval::ZERO);
    assert_eq!(outcome, Outcome { stepped: false, state: ServoState::Unlocked });
    let error = clock.now().expect("a reading") - now;
    assert!(error.nanos_f64().abs() < 60e9, "{error}");
    std::fs::remove_file(path).expect("the clock");
}

/// A virtual clock with a phase control: what it is given is made at once, and counted.
struct WithPhase(VirtualClock, Vec<TimeInterval>);

impl Clock for WithPhase {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn now(&mut self) -> Result<TimePoint, ClockError> {
        self.0.now()
    }
    fn frequency(&mut self) -> Result<f64, ClockError> {
        self.0.frequency()
    }
    fn set_frequency(&mut self, ppb: f64) -> Result<(), ClockError> {
        self.0.set_frequency(ppb)
    }
    fn step(&mut self, by: TimeInterval) -> Result<(), ClockError> {
        self.0.step(by)
    }
    fn set(&mut self, to: TimePoint) -> Result<(), ClockError> {
        self.0.set(to)
    }
    fn max_frequency(&self) -> f64 {
        self.0.max_frequency()
    }
    fn adjusts_phase(&self) -> bool {
        true
    }
    fn adjust_phase(&mut self, by: TimeInterval) -> Result<(), ClockError> {
        self.1.push(by);
        self.0.step(by)
    }
}

#[test]
fn a_stable_clock_is_left_to_its_own_phase_control() {
    let path = std::env::temp_dir().join(format!("escapement-phase-{}", std::process::id()));
    let clock = VirtualClock::create(&path, &VirtualOptions::default()).expect("a clock");
    let mut clock = WithPhase(clock, Vec::new());
    let servo = ptp_servo::ServoConfig {
        offset_threshold: Some(TimeInterval::from_nanos(100)),
        num_offset_values: 3,
        ..Default::default()
    };
    let kind = ptp_servo::ServoKind::Pi;
    let steering = Steering { kind, servo, phase_adjustment: true, ..Steering::default() };
    let mut discipline = Discipline::new(steering, &mut clock, false, Memory::default(), None).expect("one");
    let begin = clock.now().expect("a reading");
    let mut frequencies = Vec::new();
    let offsets = [0, 0, 50, -40, 30, 70, -60, 500, 10];
    for (second, offset) in (0..).zip(offsets) {
        let master = begin + TimeInterval::from_nanos(second * SECOND);
        let local = master + TimeInterval::from_nanos(offset);
        discipline.sample(0, &mut clock, sample(local, master), TimeInterval::ZERO);
        frequencies.push(clock.frequency().expect("a reading"));
    }
    // The first two begin, three more in a row are small: from then on the phase is corrected and nothing else.
    let phases: Vec<_> = clock.1.iter().map(|p| p.nanos()).collect();
    let stable = phases.len();
    assert!(phases.ends_with(&[-70, 60]) && stable >= 2, "{phases:?}");
    let last = frequencies[6 - stable];
    assert!(frequencies[7 - stable..7].iter().all(|f| *f == last), "{frequencies:?}");
    // One that is large is the frequency's again.
    assert_ne!(frequencies[7], last, "{frequencies:?}");
    std::fs::remove_file(path).expect("the clock");
}

#[test]
fn an_ntp_daemon_gets_the_offsets_and_the_clock_is_not_touched() {
    use std::os::unix::net::UnixDatagram;
    let path = std::env::temp_dir().join(format!("escapement-feed-{}", std::process::id()));
    let socket = path.with_extension("sock");
    let mut clock = VirtualClock::create(&path, &VirtualOptions::default()).expect("a clock");
    clock.set_frequency(123.0).expect("its own");
    let mut discipline =
        Discipline::new(Steering::default(), &mut clock, true, Memory::default(), None).expect("one");
    let refclock = super::super::Refclock::ChronySock(socket.clone());
    discipline.feed(Feed::open(&refclock).expect("nobody has to listen"));
    let master = TimePoint::from_nanos(i128::from(1_700_000_000 * SECOND));
    let local = master + TimeInterval::from_nanos(250_000);
    let mut take = |leap: Option<LeapSecond>| {
        assert!(leap.is_none_or(|leap| discipline.tell_leap(leap)));
        let utc = TimeInterval::from_nanos(37 * SECOND);
        let outcome = discipline.sample(0, &mut clock, sample(local, master + utc), utc);
        assert_eq!(outcome, Outcome { stepped: false, state: ServoState::Unlocked });
    };
    take(None); // Before chronyd is there: nothing happens.
    let chronyd = UnixDatagram::bind(&socket).expect("bind");
    chronyd.set_nonblocking(true).expect("a socket");
    take(None);
    take(Some(LeapSecond::Insert));
    for leap in [0, 1] {
        let mut octets = [0; 64];
        assert_eq!(chronyd.recv(&mut octets).expect("handed over"), 40);
        assert_eq!(i64::from_ne_bytes(octets[..8].try_into().expect("eight")), 1_700_000_000);
        assert_eq!(i64::from_ne_bytes(octets[8..16].try_into().expect("eight")), 250);
        assert_eq!(f64::from_ne_bytes(octets[16..24].try_into().expect("eight")), -250e-6);
        assert_eq!(octets[28], leap);
    }
    assert!((clock.frequency().expect("a reading") - 123.0).abs() < 1e-6);
    assert_eq!(discipline.memory().frequency_ppb, None);
    std::fs::remove_file(path).expect("the clock");
    std::fs::remove_file(socket).expect("the socket");
}
