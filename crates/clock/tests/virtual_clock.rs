//! Virtual clocks as processes use them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use ptp_clock::{
    Clock, ClockError, Comparer, FreeRunning, Method, RealtimeReading, VirtualClock, VirtualOptions,
    monotonic_raw_now, observe, realtime_now,
};
use ptp_wire::{TimeInterval, TimePoint};

/// A path of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("virtual-clock-test-{}-{n}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn clock(path: &Path, options: &VirtualOptions) -> VirtualClock {
    VirtualClock::create(path, options).unwrap_or_else(|e| panic!("{e}"))
}

fn off_by(ppb: f64) -> VirtualOptions {
    VirtualOptions { frequency_error_ppb: ppb, ..VirtualOptions::default() }
}

fn ns(v: i64) -> TimeInterval {
    TimeInterval::from_nanos(v)
}

/// A raw time that is later than every adjustment a test makes.
fn later() -> u64 {
    monotonic_raw_now() + 3_600_000_000_000
}

#[test]
fn the_oscillators_error_adds_up_exactly() {
    let path = Scratch::new();
    let mut c = clock(&path.0, &off_by(30_000.0));
    let t = later();
    let gained = (c.at_raw(t + 1_000_000_000).expect("a good clock") - c.at_raw(t).expect("a good clock")).0;
    let want = ns(1_000_030_000).0;
    assert!((gained - want).abs() <= 1, "{gained} is not {want} (2^-16 ns)");
}

#[test]
fn the_offset_is_from_truth() {
    let path = Scratch::new();
    let options =
        VirtualOptions { offset: TimeInterval(-12_345_678_901), epoch: Some(7), ..VirtualOptions::default() };
    let mut c = clock(&path.0, &options);
    let t = later();
    assert_eq!(c.true_error_at(t).expect("a good clock"), options.offset);
    assert_eq!(c.truth_at(t), TimePoint::from_nanos(i128::from(t) + 7));
    assert_eq!(c.epoch(), 7);
}

#[test]
fn a_clock_of_1970_can_be_set() {
    let path = Scratch::new();
    let mut c = clock(&path.0, &VirtualOptions { epoch: Some(0), ..off_by(1_000.0) });
    let to = TimePoint::from_nanos(1_750_000_000_000_000_000);
    c.set(to).expect("a good clock");
    let since = c.now().expect("a good clock") - to;
    assert!(since >= TimeInterval::ZERO && since < ns(60_000_000_000), "{since}");
    assert!(matches!(c.set(TimePoint::from_scaled(i128::MAX)), Err(ClockError::Range { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn frequency_and_step_are_exact(error in -1e6..1e6f64, ppb in -1e8..1e8f64, step in any::<i64>()) {
        let path = Scratch::new();
        let mut c = clock(&path.0, &off_by(error));
        c.set_frequency(ppb).expect("in range");
        prop_assert!((c.frequency().expect("a good clock") - ppb).abs() < 2e-8);
        let (t0, t1) = (later(), later() + 10_000_000_000);
        let before = c.at_raw(t0).expect("a good clock");
        let gained = (c.at_raw(t1).expect("a good clock") - before).nanos_f64();
        let elapsed = (t1 - t0) as f64;
        let want = elapsed * ((1.0 + error * 1e-9) * (1.0 + ppb * 1e-9));
        // Double precision resolves 10 s to 2e-6 ns, a stamp to 1.5e-5 ns.
        prop_assert!((gained - want).abs() < 4e-5, "{gained} is not {want}");
        c.step(TimeInterval(step)).expect("in range");
        let after = c.at_raw(t0).expect("a good clock");
        // The segment begins anew and is rounded anew, by 2^-32 ns.
        prop_assert!(((after.scaled() - before.scaled()) - i128::from(step)).abs() <= 1);
    }
}

#[test]
fn frequencies_beyond_the_limit_are_refused() {
    let path = Scratch::new();
    let mut c = clock(&path.0, &VirtualOptions { max_frequency_ppb: 1_000.0, ..VirtualOptions::default() });
    for ppb in [1_000.1, -1e9, f64::NAN, f64::INFINITY] {
        assert!(matches!(c.set_frequency(ppb), Err(ClockError::Frequency { .. })), "{ppb}");
        let e = VirtualClock::create(&path.0, &off_by(ppb * 1e9)).expect_err("out of range");
        assert!(matches!(e, ClockError::Frequency { .. }), "{ppb}");
    }
    assert_eq!(observe(&path.0).expect("a good clock").adjustments, 0);
}

#[test]
fn stamps_of_before_an_adjustment_keep_their_value() {
    let path = Scratch::new();
    let mut c = clock(&path.0, &VirtualOptions { wander: 50.0, seed: 3, ..off_by(20_000.0) });
    let mut known: Vec<(u64, TimePoint)> = Vec::new();
    for i in 0..300i32 {
        let raw = monotonic_raw_now();
        known.push((raw, c.at_raw(raw).expect("a good clock")));
        if i % 2 == 0 {
            c.set_frequency(f64::from(i) * 1_000.0).expect("in range");
        } else {
            c.step(ns(1_000_000)).expect("in range");
        }
    }
    // 256 are kept, one of which is in force and one may be written over at any moment.
    for (raw, time) in known.iter().rev().take(254) {
        assert_eq!(c.at_raw(*raw).expect("a good clock"), *time);
    }
    // The oldest ones are reckoned from what is left, a hundred steps off.
    let (raw, time) = known[0];
    assert!(c.at_raw(raw).expect("a good clock") - time > ns(1_000_000));
}

#[test]
fn all_who_look_see_the_same() {
    let path = Scratch::new();
    let options = VirtualOptions { wander: 1_000.0, seed: 42, ..off_by(-5_000.0) };
    let mut a = clock(&path.0, &options);
    a.set_frequency(4_000.0).expect("in range");
    let mut b = VirtualClock::open(&path.0).expect("a good clock");
    let mut c = VirtualClock::open_read_only(&path.0).expect("a good clock");
    for _ in 0..100 {
        let raw = monotonic_raw_now();
        let at = a.at_raw(raw).expect("a good clock");
        assert_eq!(b.at_raw(raw).expect("a good clock"), at);
        assert_eq!(c.at_raw(raw).expect("a good clock"), at);
        b.step(ns(-77)).expect("in range");
    }
    let seen = observe(&path.0).expect("a good clock");
    assert_eq!(seen.adjustments, 101);
    assert!((seen.frequency_ppb - 4_000.0).abs() < 1e-6);
    assert_eq!(seen.true_error, seen.time - seen.truth);
    assert!(matches!(c.step(ns(1)), Err(ClockError::ReadOnly { .. })));
    assert!(!c.is_writable());
}

#[test]
fn software_stamps_are_converted() {
    let path = Scratch::new();
    let mut c = clock(&path.0, &off_by(100_000.0));
    let before = c.now().expect("a good clock");
    let stamps: Vec<TimePoint> = (0..10).map(|_| realtime_now()).collect();
    let after = c.now().expect("a good clock");
    let reading = RealtimeReading::take();
    let slack = reading.delay + ns(20_000);
    for s in stamps {
        let t = c.from_realtime_with(&reading, s).expect("a good clock");
        assert!(t >= before - slack && t <= after + slack, "{before} {t} {after}, slack {slack}");
    }
    let t = c.from_realtime(TimePoint::ZERO).expect("even a stamp of 1970");
    assert!(t < before);
}

#[test]
fn two_of_them_are_compared_exactly() {
    let (a, b) = (Scratch::new(), Scratch::new());
    let epoch = Some(VirtualOptions::epoch_now());
    let mut source = clock(&a.0, &VirtualOptions { epoch, ..VirtualOptions::default() });
    let mut sink = clock(&b.0, &VirtualOptions { epoch, offset: ns(1_234_567), ..VirtualOptions::default() });
    let c = Comparer::new(5).compare(&mut source, &mut sink).expect("good clocks");
    assert_eq!((c.offset(), c.delay, c.method), (ns(1_234_567), TimeInterval::ZERO, Method::Raw));
}

#[test]
fn the_system_clock_is_compared_by_a_sandwich() {
    let path = Scratch::new();
    let mut c = clock(&path.0, &VirtualOptions { offset: ns(5_000_000_000), ..VirtualOptions::default() });
    let mut system = ptp_clock::SystemClock::new();
    let there = Comparer::new(5).compare(&mut system, &mut c).expect("good clocks");
    let back = Comparer::new(5).compare(&mut c, &mut system).expect("good clocks");
    assert_eq!((there.method, back.method), (Method::CrossStamp, Method::CrossStamp));
    // Truth is CLOCK_REALTIME at creation; a slewed system clock may have left it a little since.
    for offset in [there.offset(), -back.offset()] {
        assert!((offset - ns(5_000_000_000)).abs() < ns(5_000_000), "{offset}");
    }
}

/// A virtual clock that does not tell it is one, so that it is read like a PHC without any ioctl.
struct Plain(VirtualClock);

impl Clock for Plain {
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
}

#[test]
fn clocks_that_can_only_be_read_are_compared_within_the_delay() {
    let (a, b) = (Scratch::new(), Scratch::new());
    let epoch = Some(VirtualOptions::epoch_now());
    let mut source = Plain(clock(&a.0, &VirtualOptions { epoch, ..VirtualOptions::default() }));
    let mut sink =
        Plain(clock(&b.0, &VirtualOptions { epoch, offset: ns(-777_000), ..VirtualOptions::default() }));
    for readings in [1, 5, 25] {
        let c = Comparer::new(readings).compare(&mut source, &mut sink).expect("good clocks");
        assert_eq!(c.method, Method::Sandwich);
        assert!(c.delay > TimeInterval::ZERO);
        // Half the delay, and a ns for each rounding.
        assert!((c.offset() - ns(-777_000)).abs() <= c.delay.half() + ns(2), "{c:?}");
        let stamp = sink.cross_stamp(readings).expect("a good clock");
        assert!(stamp.delay >= TimeInterval::ZERO);
    }
}

#[test]
fn a_free_running_clock_is_read_but_not_touched() {
    let path = Scratch::new();
    let mut c = FreeRunning::new(clock(&path.0, &off_by(0.0)));
    let t = c.now().expect("a good clock");
    c.set_frequency(5_000.0).expect("nothing is done");
    c.step(ns(1_000_000_000_000)).expect("nothing is done");
    c.set(TimePoint::ZERO).expect("nothing is done");
    assert!(c.now().expect("a good clock") - t < ns(900_000_000_000));
    assert_eq!(c.frequency().expect("a good clock"), 0.0);
    assert_eq!(c.into_inner().observation().expect("a good clock").adjustments, 0);
}

/// Of each writer in `no_adjustment_is_lost`: so many that they meet.
const STEPS: i64 = 30_000;

/// What the other process of `no_adjustment_is_lost` does; of itself it does nothing.
#[test]
fn child_steps() {
    let Some(path) = std::env::var_os("VIRTUAL_CLOCK_TEST_CHILD") else { return };
    let mut c = VirtualClock::open(path).expect("a good clock");
    for _ in 0..STEPS {
        c.step(ns(1)).expect("in range");
    }
}

#[test]
fn no_adjustment_is_lost_between_processes_and_threads() {
    let path = Scratch::new();
    let mut c = clock(&path.0, &VirtualOptions::default());
    let t = later();
    let before = c.at_raw(t).expect("a good clock");
    let exe = std::env::current_exe().expect("this program");
    let mut child = Command::new(exe)
        .args(["--exact", "child_steps", "--test-threads=1"])
        .env("VIRTUAL_CLOCK_TEST_CHILD", &path.0)
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("this program again");
    let path_of_thread = path.0.clone();
    let thread = std::thread::spawn(move || {
        let mut c = VirtualClock::open(path_of_thread).expect("a good clock");
        // The other process takes a while to come.
        while c.observation().expect("a good clock").adjustments == 0 {
            std::thread::yield_now();
        }
        for _ in 0..STEPS {
            c.step(ns(1)).expect("in range");
        }
    });
    // A reader meanwhile sees whole steps only, and never fewer.
    let mut last = before;
    while !thread.is_finished() || child.try_wait().expect("a child").is_none() {
        let now = c.at_raw(t).expect("a consistent clock, whoever writes");
        assert_eq!((now - before).0 % (1 << 16), 0, "half a step");
        assert!(now >= last && now - before <= ns(2 * STEPS));
        last = now;
        std::thread::yield_now();
    }
    thread.join().expect("the thread's assertions");
    assert!(child.wait().expect("a child").success());
    assert_eq!(c.at_raw(t).expect("a good clock") - before, ns(2 * STEPS));
    assert_eq!(observe(&path.0).expect("a good clock").adjustments, 2 * STEPS as u64);
}

#[test]
fn a_new_clock_leaves_the_old_one_to_those_who_have_it() {
    let path = Scratch::new();
    let mut old =
        clock(&path.0, &VirtualOptions { offset: ns(1), epoch: Some(0), ..VirtualOptions::default() });
    let mut new =
        clock(&path.0, &VirtualOptions { offset: ns(2), epoch: Some(0), ..VirtualOptions::default() });
    old.step(ns(10)).expect("in range");
    assert_eq!(old.true_error().expect("a good clock"), ns(11));
    assert_eq!(new.true_error().expect("a good clock"), ns(2));
}

fn corrupt(path: &Path) -> String {
    match VirtualClock::open(path) {
        Err(e @ ClockError::Corrupt { .. }) => e.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_clock_is_refused() {
    let path = Scratch::new();
    std::fs::write(&path.0, b"").expect("a file");
    assert!(corrupt(&path.0).contains("length"));
    drop(clock(&path.0, &VirtualOptions::default()));
    let good = std::fs::read(&path.0).expect("a file");
    std::fs::write(&path.0, &good[..good.len() - 1]).expect("a file");
    assert!(corrupt(&path.0).contains("length"));
    let mut of_tomorrow = good.clone();
    of_tomorrow[8] = 2;
    std::fs::write(&path.0, &of_tomorrow).expect("a file");
    assert!(corrupt(&path.0).contains("version"));
    std::fs::write(&path.0, vec![0; good.len()]).expect("a file");
    assert!(corrupt(&path.0).contains("begin"));
    assert!(matches!(VirtualClock::open("/dev/null"), Err(ClockError::Corrupt { .. })));
    assert!(VirtualClock::open(std::env::temp_dir()).is_err());
    assert!(matches!(VirtualClock::open("/nonexistent"), Err(ClockError::NotFound { .. })));
}

#[test]
fn every_wrong_bit_of_what_is_used_is_found() {
    let path = Scratch::new();
    drop(clock(&path.0, &VirtualOptions { wander: 1.0, ..off_by(5.0) }));
    let good = std::fs::read(&path.0).expect("a file");
    let word = |n: usize| n * 8..n * 8 + 8;
    let used = word(0).start..word(9).end;
    for octet in used.chain(word(16)).chain(word(64).start..word(71).end) {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[octet] ^= 1 << bit;
            std::fs::write(&path.0, &bad).expect("a file");
            assert!(VirtualClock::open(&path.0).is_err(), "octet {octet} bit {bit}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whatever is in the file, and becomes of it while it is open: values or errors, never a panic.
    #[test]
    fn garbage_is_survived(
        places in prop::collection::vec((0usize..200, any::<u64>()), 0..20),
        open_before in any::<bool>(),
        raw in any::<u64>(),
    ) {
        let path = Scratch::new();
        let mut early = clock(&path.0, &VirtualOptions { wander: 1.0, ..VirtualOptions::default() });
        early.set_frequency(5.0).expect("in range");
        let mut octets = std::fs::read(&path.0).expect("a file");
        for (place, v) in places {
            octets[place * 8..place * 8 + 8].copy_from_slice(&v.to_ne_bytes());
        }
        // In place: the mapping sees it.
        use std::os::unix::fs::FileExt;
        let file = std::fs::OpenOptions::new().write(true).open(&path.0).expect("a file");
        file.write_all_at(&octets, 0).expect("a file");
        let opened = if open_before { Ok(early) } else { VirtualClock::open(&path.0) };
        if let Ok(mut c) = opened {
            let _ = c.now();
            let _ = c.at_raw(raw);
            let _ = c.observation();
            let _ = c.set_frequency(1_000.0);
            let _ = c.step(TimeInterval::MAX);
            let _ = c.true_error();
        }
    }
}
