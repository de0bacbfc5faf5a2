use super::*;

const S: u64 = 1_000_000_000;

const fn e(offset: f64, radius: f64) -> Estimate {
    Estimate { offset, radius }
}

/// A round a second, from `from` on: the last finding, and when it came to be for the first time.
fn rounds(
    doubt: &mut Doubt,
    receiver: Estimate,
    clock: Option<Estimate>,
    holds: bool,
    witnesses: &[Option<Estimate>],
    seconds: core::ops::Range<u64>,
) -> (Finding, u64) {
    let contradicts = clock.is_some_and(|c| (c.offset - receiver.offset).abs() > c.radius + 1000.0);
    let (mut last, mut since) = (Finding::Believed, seconds.start);
    for second in seconds {
        let found = doubt
            .hear(&Hearing { receiver, clock, doubt_ns: 0.0, contradicts, holds, witnesses }, second * S);
        if found != last {
            (last, since) = (found, second);
        }
    }
    (last, since)
}

const OWN: Option<Estimate> = Some(e(0.0, 60.0));
const RECEIVER: Estimate = e(0.0, 40.0);

#[test]
fn one_that_lies_is_named_and_outvoted() {
    let mut d = Doubt::new(DoubtConfig::default(), 2);
    let said = [Some(e(50_000.0, 500.0)), Some(e(200.0, 500.0))];
    assert_eq!(rounds(&mut d, RECEIVER, OWN, false, &said, 0..100).0, Finding::Believed);
    assert_eq!(d.standings().collect::<Vec<_>>(), [Standing::Disagrees, Standing::Agrees]);
    // In holdover the clock's own word counts, too.
    assert_eq!(rounds(&mut d, RECEIVER, OWN, true, &said, 100..200).0, Finding::Believed);
}

#[test]
fn one_alone_decides_nothing_unless_that_is_wanted() {
    let said = [Some(e(50_000.0, 500.0))];
    let mut d = Doubt::new(DoubtConfig::default(), 1);
    assert_eq!(rounds(&mut d, RECEIVER, OWN, false, &said, 0..100).0, Finding::Believed);
    assert_eq!(d.standings().next(), Some(Standing::Disagrees));
    let mut d = Doubt::new(DoubtConfig { policy: Policy::Any, ..DoubtConfig::default() }, 1);
    let (found, since) = rounds(&mut d, RECEIVER, OWN, false, &said, 0..100);
    assert_eq!((found, since), (Finding::Outvoted(50_500.0), 10));
}

#[test]
fn two_notice_a_slow_pull_and_say_what_the_clock_is_worth() {
    let mut d = Doubt::new(DoubtConfig::default(), 2);
    // The receiver goes astray by 100 ns a second, and takes the clock along.
    let mut doubted = None;
    for second in 0..60u64 {
        let pulled = 100.0 * second as f64;
        let witnesses = [Some(e(pulled + 100.0, 1000.0)), Some(e(pulled - 50.0, 800.0))];
        let said = Hearing {
            receiver: RECEIVER,
            clock: OWN,
            doubt_ns: 0.0,
            contradicts: false,
            holds: false,
            witnesses: &witnesses,
        };
        if let Finding::Outvoted(off) = d.hear(&said, second * S) {
            doubted.get_or_insert((second, off));
        }
    }
    // Both intervals have left the receiver's at 10 s; 10 s later it is doubted.
    let (second, off) = doubted.expect("it is noticed");
    assert_eq!(second, 20);
    // Off by 2 us then, as everybody would say who looks at both.
    assert!((2100.0..3200.0).contains(&off), "{off}");
}

#[test]
fn a_break_in_the_quarrel_begins_it_anew_and_so_does_one_in_the_peace() {
    let mut d = Doubt::new(DoubtConfig::default(), 2);
    let (wrong, right) =
        ([Some(e(9e3, 500.0)), Some(e(9e3, 500.0))], [Some(e(0.0, 500.0)), Some(e(0.0, 500.0))]);
    assert_eq!(rounds(&mut d, RECEIVER, OWN, false, &wrong, 0..10).0, Finding::Believed);
    assert_eq!(rounds(&mut d, RECEIVER, OWN, false, &right, 10..11).0, Finding::Believed);
    let (found, since) = rounds(&mut d, RECEIVER, OWN, false, &wrong, 11..40);
    assert_eq!((found, since), (Finding::Outvoted(9500.0), 21));
    // Agreement for a minute, without a break.
    assert!(matches!(rounds(&mut d, RECEIVER, OWN, true, &right, 40..90).0, Finding::Outvoted(_)));
    assert!(matches!(rounds(&mut d, RECEIVER, OWN, true, &wrong, 90..91).0, Finding::Outvoted(_)));
    let (found, since) = rounds(&mut d, RECEIVER, OWN, true, &right, 91..160);
    assert_eq!((found, since), (Finding::Believed, 151));
}

#[test]
fn silence_is_no_agreement_until_nothing_else_is_known() {
    let mut d = Doubt::new(DoubtConfig::default(), 2);
    rounds(&mut d, RECEIVER, OWN, false, &[Some(e(9e3, 500.0)), Some(e(9e3, 500.0))], 0..20);
    let (found, _) = rounds(&mut d, RECEIVER, OWN, true, &[None, None], 20..1000);
    assert!(matches!(found, Finding::Outvoted(_)));
    assert_eq!(d.standings().collect::<Vec<_>>(), [Standing::Silent, Standing::Silent]);
    d.lapse();
    assert_eq!(rounds(&mut d, RECEIVER, None, false, &[None, None], 1000..1001).0, Finding::Believed);
}

#[test]
fn a_jump_of_the_clock_is_told_from_one_of_the_receiver() {
    // The clock contradicts the receiver by 50 us; both witnesses side with the receiver.
    let mut d = Doubt::new(DoubtConfig::default(), 2);
    let jumped = e(50_000.0, 40.0);
    let said = [Some(e(50_100.0, 500.0)), Some(e(49_800.0, 500.0))];
    let (found, since) = rounds(&mut d, jumped, OWN, true, &said, 0..11);
    assert_eq!((found, since), (Finding::ClockWrong, 10));
    // They side with the clock: nothing is wrong with it.
    let mut d = Doubt::new(DoubtConfig::default(), 2);
    let said = [Some(e(100.0, 500.0)), Some(e(-200.0, 500.0))];
    assert_eq!(rounds(&mut d, jumped, OWN, true, &said, 0..30).0, Finding::Outvoted(0.0));
    // NTP holds both for possible, and so decides nothing.
    let mut d = Doubt::new(DoubtConfig::default(), 1);
    assert_eq!(rounds(&mut d, jumped, OWN, true, &[Some(e(0.0, 1e6))], 0..100).0, Finding::Believed);
}

/// A receiver that tells the truth is not doubted for a single liar, whatever that one and the others say.
#[test]
fn for_any_single_liar_the_truth_is_believed() {
    let mut seed = 11u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as f64 / f64::from(1u32 << 31)
    };
    for round in 0..2_000usize {
        let n = 1 + round % 6;
        let mut d = Doubt::new(DoubtConfig::default(), n);
        let error = 2e3 * (random() - 0.5);
        let receiver = e(error, 40.0);
        let witnesses: Vec<Option<Estimate>> = (0..n)
            .map(|i| {
                let radius = 10.0 + 5e3 * random();
                let off = if i == 0 { 1e5 * (random() - 0.5) } else { radius * (2.0 * random() - 1.0) };
                Some(e(error + off, radius))
            })
            .collect();
        for holds in [false, true] {
            let (found, _) = rounds(&mut d, receiver, Some(e(error, 60.0)), holds, &witnesses, 0..30);
            assert_eq!(found, Finding::Believed, "{witnesses:?} of {receiver:?}");
        }
    }
}
