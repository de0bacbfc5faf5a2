use super::*;
use proptest::prelude::*;

const S: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;

fn pulse(offset_ns: f64) -> Pulse {
    Pulse { offset_ns, tracks: true, bound_ns: 15.0 }
}

/// Locked by pulses at the seconds 0 to 10.
fn locked(config: GrandmasterConfig) -> Grandmaster {
    let mut g = Grandmaster::new(config, 0);
    g.set_time_scale(TimeScale { utc_offset: 37, valid: true, leap: Leap::None });
    g.reference(true, 0);
    for second in 0..=10 {
        assert!(g.judge(3.0, second * S));
        g.pulse(&pulse(3.0), second * S);
    }
    assert_eq!(g.state(), LockState::Locked);
    g
}

fn class(g: &Grandmaster) -> u8 {
    g.settings().clock_quality.clock_class
}

#[test]
fn from_cold_to_locked() {
    let mut g = Grandmaster::new(GrandmasterConfig::default(), 0);
    assert_eq!((g.state(), class(&g)), (LockState::FreeRun, 248));
    g.pulse(&pulse(3.0), 0);
    assert_eq!(g.state(), LockState::FreeRun, "the reference has not said that it is good");
    g.reference(true, 0);
    g.pulse(&Pulse { tracks: false, ..pulse(1e6) }, S);
    assert_eq!((g.state(), class(&g)), (LockState::WarmingUp, 248));
    for second in 2..11 {
        g.pulse(&pulse(3.0), second * S);
    }
    assert_eq!(g.state(), LockState::WarmingUp, "nine are not ten");
    g.pulse(&pulse(3.0), 11 * S);
    assert_eq!((g.state(), g.why()), (LockState::Locked, Why::Settled));
    let s = g.settings();
    // 15 ns and the reference's 40.
    let quality = ClockQuality {
        clock_class: 6,
        clock_accuracy: ClockAccuracy(0x21),
        offset_scaled_log_variance: 0x4e5d,
    };
    assert_eq!((s.clock_quality, s.time_source), (quality, TimeSource::GNSS));
    assert!(s.time_flags.has(Flags::TIME_TRACEABLE) && !s.time_flags.has(Flags::UTC_OFFSET_VALID));
}

#[test]
fn from_locked_through_both_holdovers_to_free_run_and_back() {
    let mut g = locked(GrandmasterConfig { profile: Profile::Telecom, ..GrandmasterConfig::default() });
    // The pulse of second 11 is due; the grace is 100 ms.
    assert_eq!(g.next_deadline(), Some(11 * S + 100 * MS));
    g.tick(11 * S + 100 * MS - 1);
    assert_eq!(g.state(), LockState::Locked);
    g.tick(11 * S + 100 * MS);
    assert_eq!((g.state(), g.why(), class(&g)), (LockState::HoldoverInSpec, Why::NoPulse, 7));
    let s = g.settings();
    assert!(s.time_flags.has(Flags::TIME_TRACEABLE) && s.time_flags.has(Flags::UTC_OFFSET_VALID));
    assert_eq!((s.time_source, s.utc_offset), (TimeSource::INTERNAL_OSCILLATOR, 37));
    g.holdover_bound(300.0, 100 * S);
    assert_eq!((class(&g), g.settings().clock_quality.clock_accuracy), (7, ClockAccuracy(0x23)));
    g.holdover_bound(1461.0, 1000 * S);
    assert_eq!((class(&g), g.why()), (160, Why::Bound));
    let s = g.settings();
    assert!(!s.time_flags.has(Flags::TIME_TRACEABLE) && !s.time_flags.has(Flags::FREQUENCY_TRACEABLE));
    g.holdover_bound(2e6, 9000 * S);
    assert_eq!((class(&g), g.settings().clock_quality.clock_accuracy), (248, ClockAccuracy(0xfe)));
    for second in 9001..9012 {
        assert!(g.judge(3.0, second * S));
        g.pulse(&pulse(3.0), second * S);
    }
    assert_eq!(class(&g), 6);
}

#[test]
fn time_ends_holdovers_too() {
    let day = 86_400;
    let mut g = locked(GrandmasterConfig::default());
    g.tick(12 * S);
    assert_eq!(g.next_deadline(), Some((12 + day) * S));
    g.tick((12 + day) * S);
    assert_eq!(class(&g), 52);
    g.tick((12 + 7 * day) * S);
    assert_eq!(class(&g), 248);
    // Long overdue: at once.
    let mut g = locked(GrandmasterConfig { profile: Profile::DefaultB, ..GrandmasterConfig::default() });
    g.tick(12 * S);
    g.tick((12 + 8 * day) * S);
    assert_eq!(g.state(), LockState::FreeRun);
}

#[test]
fn a_bad_reference_is_not_followed_and_a_returning_one_has_to_settle() {
    let mut g = locked(GrandmasterConfig::default());
    g.reference(false, 10 * S + 1);
    assert_eq!((g.state(), g.why(), g.may_follow()), (LockState::HoldoverInSpec, Why::Reference, false));
    for second in 11..30 {
        g.pulse(&pulse(3.0), second * S);
    }
    assert_eq!(g.state(), LockState::HoldoverInSpec, "pulses alone do not make it good");
    g.reference(true, 30 * S);
    for second in 30..39 {
        g.pulse(&pulse(3.0), second * S);
    }
    assert_eq!(g.state(), LockState::HoldoverInSpec);
    g.pulse(&pulse(3.0), 39 * S);
    assert_eq!(g.state(), LockState::Locked);
}

#[test]
fn pulses_that_disagree_are_quarantined_until_they_agree_or_nothing_is_known() {
    let mut g = locked(GrandmasterConfig::default());
    assert!(g.judge(1014.0, 11 * S), "15 ns and 1000");
    assert!(!g.judge(50_000.0, 12 * S));
    g.pulse(&pulse(50_000.0), 12 * S);
    assert_eq!((g.state(), g.why()), (LockState::HoldoverInSpec, Why::Disagreement));
    assert!(g.is_quarantined());
    for second in 13..22 {
        assert!(!g.judge(10.0, second * S), "{second}");
        g.tick(second * S + 999 * MS);
    }
    assert!(g.judge(10.0, 22 * S), "ten that agree");
    // It never agrees again: once the clock's own bound is out of all specification, the reference is all there is.
    assert!(!g.judge(5e6, 23 * S));
    g.holdover_bound(2e6, 5000 * S);
    assert_eq!(g.state(), LockState::FreeRun);
    assert!(g.judge(5e6, 5001 * S));
}

#[test]
fn what_witnesses_refute_is_not_followed_and_the_class_says_what_the_clock_is_worth() {
    // The clock itself is beyond doubt: within specification.
    let mut g = locked(GrandmasterConfig::default());
    g.witnesses(Some(0.0), 11 * S);
    assert_eq!((g.state(), g.why(), class(&g)), (LockState::HoldoverInSpec, Why::Outvoted, 7));
    assert!(!g.judge(3.0, 11 * S), "it agrees with the clock, and is not followed all the same");
    g.pulse(&pulse(3.0), 11 * S);
    g.witnesses(Some(0.0), 12 * S);
    assert_eq!((class(&g), g.is_outvoted()), (7, true));
    g.witnesses(None, 12 * S + 1);
    for second in 13..22 {
        assert!(g.judge(3.0, second * S));
        g.pulse(&pulse(3.0), second * S);
        assert_eq!(class(&g), 7, "it has to settle");
    }
    g.judge(3.0, 22 * S);
    g.pulse(&pulse(3.0), 22 * S);
    assert_eq!(class(&g), 6);
    // It has followed a receiver that was led away by 5 us: accuracy and class tell.
    g.witnesses(Some(5_000.0), 23 * S);
    assert_eq!((g.state(), class(&g)), (LockState::HoldoverOutOfSpec, 52));
    assert_eq!(g.settings().clock_quality.clock_accuracy, ClockAccuracy(0x25));
    // The receiver is back where it belongs: 4 us from where it led the clock. That is no contradiction.
    g.witnesses(None, 24 * S);
    for second in 24..34 {
        assert!(g.judge(-4_000.0, second * S));
        g.pulse(&pulse(3.0), second * S);
    }
    assert_eq!(class(&g), 6);
    assert!(g.bound_ns() < 100.0, "{}", g.bound_ns());
    // Witnesses that object while nothing is known keep it where it is.
    g.clock_lost(41 * S);
    g.witnesses(Some(9e9), 41 * S);
    for second in 42..60 {
        assert!(!g.judge(0.0, second * S));
        g.pulse(&pulse(0.0), second * S);
    }
    assert_eq!((g.state(), class(&g)), (LockState::FreeRun, 248));
}

#[test]
fn a_changed_clock_is_free_run_at_once() {
    let mut g = locked(GrandmasterConfig::default());
    g.clock_lost(10 * S + 1);
    assert_eq!((g.state(), g.why(), class(&g)), (LockState::FreeRun, Why::Clock, 248));
}

#[test]
fn leap_seconds_are_told_while_utc_is_known() {
    let mut g = locked(GrandmasterConfig::default());
    g.set_time_scale(TimeScale { utc_offset: 37, valid: true, leap: Leap::Insert });
    assert!(g.settings().time_flags.has(Flags::LEAP61));
    g.set_time_scale(TimeScale { utc_offset: 37, valid: true, leap: Leap::Delete });
    assert!(g.settings().time_flags.has(Flags::LEAP59));
    g.clock_lost(11 * S);
    let flags = g.settings().time_flags;
    assert!(
        !flags.has(Flags::LEAP59) && !flags.has(Flags::UTC_OFFSET_VALID) && flags.has(Flags::PTP_TIMESCALE)
    );
}

#[test]
fn the_telecom_tables_accuracy_can_be_had() {
    let config = GrandmasterConfig {
        profile: Profile::TelecomCategory1,
        accuracy: Accuracy::Unknown,
        ..GrandmasterConfig::default()
    };
    let mut g = locked(config);
    assert_eq!(g.settings().clock_quality.clock_accuracy, ClockAccuracy(0x21));
    g.tick(12 * S);
    assert_eq!(g.settings().clock_quality.clock_accuracy, ClockAccuracy(0xfe));
    g.holdover_bound(1e4, 500 * S);
    assert_eq!(class(&g), 140);
    assert!(g.settings().time_flags.has(Flags::FREQUENCY_TRACEABLE));
}

#[derive(Clone, Debug)]
enum Step {
    Reference(bool),
    Witnesses(Option<f64>),
    Pulse(f64, bool),
    Bound(f64),
    Lost,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<bool>().prop_map(Step::Reference),
        prop_oneof![Just(None), (0.0..1e5).prop_map(Some)].prop_map(Step::Witnesses),
        (prop_oneof![-100.0..100.0, -1e7..1e7, Just(f64::NAN)], any::<bool>())
            .prop_map(|(o, t)| Step::Pulse(o, t)),
        prop_oneof![0.0..1e7, Just(f64::NAN)].prop_map(Step::Bound),
        Just(Step::Lost),
        (0..200_000u64).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Whatever happens: class 6 and 7 only with a bound that is known, and traceability only with these.
    #[test]
    fn nothing_better_than_the_truth(steps in prop::collection::vec(step(), 0..200)) {
        let mut g = Grandmaster::new(GrandmasterConfig { settle: 2, ..GrandmasterConfig::default() }, 0);
        let mut now = 0;
        for step in steps {
            match step {
                Step::Reference(good) => g.reference(good, now),
                Step::Witnesses(against) => g.witnesses(against, now),
                Step::Pulse(offset_ns, tracks) => {
                    g.judge(offset_ns, now);
                    g.pulse(&Pulse { offset_ns, tracks, bound_ns: 20.0 }, now);
                }
                Step::Bound(b) => g.holdover_bound(b, now),
                Step::Lost => g.clock_lost(now),
                Step::Wait(ms) => now += ms * MS,
            }
            g.tick(now);
            let s = g.settings();
            let class = s.clock_quality.clock_class;
            prop_assert_eq!(class <= 7, s.time_flags.has(Flags::TIME_TRACEABLE));
            prop_assert!(class > 7 || g.bound_ns() <= 1500.0, "{:?}", g);
            prop_assert!(class != 6 || g.may_follow());
            prop_assert!(g.next_deadline().is_none_or(|at| at > now), "{:?} at {}", g, now);
        }
    }
}
