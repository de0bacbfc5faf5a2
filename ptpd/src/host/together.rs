//! Keeps the clocks of one instance's ports together: the others follow the one that is the source.
//!
//! A boundary clock of several cards has a clock in each. The port that is a client disciplines its own; every other is
//! compared with that one (eight times a second) and steered after it by a servo of its own, so that it can be served
//! on its ports, and take over as the source, without a step. A clock that is farther off than can be told from reading
//! noise is *not aligned*, and its ports have to keep quiet about the time.

use ptp_clock::{Clock, ClockError, Comparer};
use ptp_daemon::RateLimit;
use ptp_servo::{PiConfig, Servo, ServoConfig};
use ptp_wire::TimeInterval;
use tracing::{info, warn};

/// ns between comparisons.
const INTERVAL_NS: u64 = 125_000_000;
/// Readings of each comparison, of which the shortest counts.
const READINGS: u32 = 5;
/// A clock this near (beside half the time a reading takes) so many times in a row is aligned.
const NEAR: TimeInterval = TimeInterval::from_nanos(1_000);
const NEAR_TIMES: u32 = 4;
/// Farther off than this (beside half the time a reading takes) it is not any more.
const FAR: TimeInterval = TimeInterval::from_nanos(5_000);
/// Farther off than this it is stepped.
const STEP: TimeInterval = TimeInterval::from_nanos(20_000);
/// So many comparisons in a row that fail, and nobody knows any more.
const FAILURES: u32 = 16;

/// Where clocks are, by their numbers.
pub trait Clocks {
    /// One clock.
    fn one(&mut self, index: usize) -> Option<&mut dyn Clock>;
    /// Two different clocks.
    fn two(&mut self, a: usize, b: usize) -> Option<(&mut dyn Clock, &mut dyn Clock)>;
}

/// The clocks of one instance, by their numbers.
#[derive(Debug)]
pub struct Together {
    members: Vec<Member>,
    source: usize,
    /// They are steered; otherwise only compared.
    steer: bool,
    due: u64,
    trouble: RateLimit,
}

#[derive(Debug)]
struct Member {
    clock: usize,
    servo: Option<Servo>,
    aligned: bool,
    near: u32,
    failures: u32,
}

/// What a round of comparisons led to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Round {
    /// A clock became aligned or stopped to be.
    pub changed: bool,
    /// Clocks that were stepped.
    pub stepped: Vec<usize>,
}

impl Together {
    /// `source` is right, and the others in `clocks` are kept with it; with `steer` false by somebody else.
    pub fn new(source: usize, clocks: impl IntoIterator<Item = usize>, steer: bool) -> Self {
        let mut together =
            Self { members: Vec::new(), source, steer, due: 0, trouble: RateLimit::new(10_000_000_000) };
        together.add(source);
        clocks.into_iter().for_each(|clock| together.add(clock));
        together
    }

    /// One more clock. It is not aligned yet.
    pub fn add(&mut self, clock: usize) {
        if !self.members.iter().any(|m| m.clock == clock) {
            self.members.push(Member { clock, servo: None, aligned: false, near: 0, failures: 0 });
            self.due = 0;
        }
    }

    /// The clock the others follow.
    pub const fn source(&self) -> usize {
        self.source
    }

    /// The clocks that are steered here: all but the source now, and it another time. None for a single clock.
    pub fn steered(&self) -> impl Iterator<Item = usize> + '_ {
        let several = self.steer && self.members.len() > 1;
        self.members.iter().filter(move |_| several).map(|m| m.clock)
    }

    /// Whether a clock shows the time of the source.
    pub fn aligned(&self, clock: usize) -> bool {
        clock == self.source || self.members.iter().any(|m| m.clock == clock && m.aligned)
    }

    /// The frequency at which a clock that is steered here keeps time, in ppb.
    pub fn frequency(&self, clock: usize) -> Option<f64> {
        let member = self.members.iter().find(|m| m.clock == clock)?;
        let mut servo = member.servo.clone()?;
        // Without what takes back the last offset.
        servo.reset();
        Some(servo.frequency_ppb())
    }

    /// Another clock is right from now on. The one that was stays aligned if the new one is, and follows.
    pub fn set_source(&mut self, clock: usize) {
        let aligned = self.aligned(clock);
        let old = std::mem::replace(&mut self.source, clock);
        self.add(clock);
        for member in &mut self.members {
            if member.clock == old || member.clock == clock {
                *member = Member { clock: member.clock, servo: None, aligned, near: 0, failures: 0 };
            }
        }
        if !aligned {
            self.source_stepped();
        }
    }

    /// Another clock is right from now on; one that is not aligned yet gets the time of the one that was. True: it was
    /// stepped for that.
    ///
    /// # Errors
    /// A clock cannot be read or set. The new source is the source all the same.
    pub fn take_over(&mut self, clock: usize, clocks: &mut impl Clocks) -> Result<bool, ClockError> {
        let old = self.source;
        let mut done = Ok(false);
        if self.steer && !self.aligned(clock) {
            self.add(clock);
            if let Some((from, to)) = clocks.two(old, clock) {
                done = carry_over(from, to);
            }
            let carried = done.is_ok();
            for member in self.members.iter_mut().filter(|m| m.clock == clock) {
                member.aligned = carried;
            }
        }
        self.set_source(clock);
        done
    }

    /// The source was stepped or set: the others go after it at once.
    pub fn source_stepped(&mut self) {
        for member in self.members.iter_mut().filter(|m| m.clock != self.source) {
            (member.servo, member.aligned, member.near) = (None, false, 0);
        }
        self.due = 0;
    }

    /// When [`Together::run`] is wanted; `None`: never, there is only one clock.
    pub fn next_deadline(&self) -> Option<u64> {
        (self.members.len() > 1).then_some(self.due)
    }

    /// Compares and steers, if it is time.
    pub fn run(&mut self, now_ns: u64, clocks: &mut impl Clocks) -> Round {
        let mut round = Round::default();
        if self.members.len() < 2 || now_ns < self.due {
            return round;
        }
        self.due = now_ns.saturating_add(INTERVAL_NS);
        for member in self.members.iter_mut().filter(|m| m.clock != self.source) {
            let Some((source, sink)) = clocks.two(self.source, member.clock) else { continue };
            let before = member.aligned;
            match member.keep(source, sink, self.steer) {
                Ok(stepped) => {
                    member.failures = 0;
                    if stepped {
                        round.stepped.push(member.clock);
                    }
                }
                Err(e) => {
                    member.failures = member.failures.saturating_add(1);
                    if member.failures >= FAILURES {
                        member.aligned = false;
                    }
                    if !e.is_transient() && self.trouble.allow(now_ns).is_some() {
                        warn!("cannot keep {} with {}: {e}", sink.name(), source.name());
                    }
                }
            }
            if member.aligned != before {
                round.changed = true;
                let state = if member.aligned { "is" } else { "is not any more" };
                info!("{} {state} aligned with {}", sink.name(), source.name());
            }
        }
        round
    }
}

impl Member {
    /// True: it was stepped.
    fn keep(
        &mut self,
        source: &mut dyn Clock,
        sink: &mut dyn Clock,
        steer: bool,
    ) -> Result<bool, ClockError> {
        let comparison = Comparer::new(READINGS).compare(source, sink)?;
        let (offset, doubt) = (comparison.offset(), comparison.delay.half());
        let mut stepped = false;
        if steer {
            let servo = match &mut self.servo {
                Some(servo) => servo,
                None => self.servo.insert(new_servo(sink)?),
            };
            if offset.abs() == TimeInterval::MAX {
                // Farther than an interval can say.
                sink.set(comparison.source)?;
                servo.reset();
                self.near = 0;
                self.aligned = false;
                return Ok(true);
            }
            if offset.abs() > STEP + doubt {
                // It is stepped before anything else: its port has waited long enough.
                sink.step(TimeInterval(offset.0.saturating_neg()))?;
                servo.reset();
                info!("{} stepped by {:+.0} ns to {}", sink.name(), -offset.nanos_f64(), source.name());
                self.near = 0;
                self.aligned = false;
                return Ok(true);
            }
            let decision = servo.sample(offset, comparison.sink, 1.0);
            sink.set_frequency(decision.frequency_ppb)?;
            if let Some(by) = decision.step {
                sink.step(by)?;
                stepped = true;
            }
        }
        if offset.abs() <= NEAR + doubt {
            self.near = self.near.saturating_add(1);
            self.aligned |= self.near >= NEAR_TIMES;
        } else {
            self.near = 0;
            self.aligned &= offset.abs() <= FAR + doubt;
        }
        Ok(stepped)
    }
}

/// Gives one clock the time of another. True: it was stepped.
fn carry_over(from: &mut dyn Clock, to: &mut dyn Clock) -> Result<bool, ClockError> {
    let mut stepped = false;
    // Farther than an interval can say takes two.
    for _ in 0..2 {
        let comparison = Comparer::new(READINGS).compare(from, to)?;
        let offset = comparison.offset();
        if offset.abs() == TimeInterval::MAX {
            to.set(comparison.source)?;
        } else if offset.abs() > NEAR + comparison.delay.half() {
            to.step(TimeInterval(offset.0.saturating_neg()))?;
            info!("{} stepped by {:+.0} ns to {}", to.name(), -offset.nanos_f64(), from.name());
        } else {
            break;
        }
        stepped = true;
    }
    Ok(stepped)
}

fn new_servo(clock: &mut dyn Clock) -> Result<Servo, ClockError> {
    let config = ServoConfig {
        pi: PiConfig::hardware(),
        first_step_threshold: None,
        step_threshold: None,
        max_frequency_ppb: clock.max_frequency(),
        ..ServoConfig::default()
    };
    let mut servo = Servo::new(config, clock.frequency()?);
    servo.set_interval(INTERVAL_NS as f64 / 1e9);
    Ok(servo)
}

#[cfg(test)]
mod tests {
    use ptp_clock::CrossStamp;
    use ptp_wire::TimePoint;

    use super::*;

    /// A clock in simulated time: it runs `ppb` fast by itself, and tells a time between any two readings.
    struct Simulated {
        name: &'static str,
        at: u64,
        time: f64,
        ppb: f64,
        frequency: f64,
        gone: bool,
    }

    impl Clock for Simulated {
        fn name(&self) -> &str {
            self.name
        }
        fn now(&mut self) -> Result<TimePoint, ClockError> {
            if self.gone {
                return Err(ClockError::NotFound { clock: self.name.to_owned() });
            }
            Ok(TimePoint::from_scaled((self.time * 65536.0) as i128))
        }
        fn frequency(&mut self) -> Result<f64, ClockError> {
            Ok(self.frequency)
        }
        fn set_frequency(&mut self, ppb: f64) -> Result<(), ClockError> {
            self.frequency = ppb;
            Ok(())
        }
        fn step(&mut self, by: TimeInterval) -> Result<(), ClockError> {
            self.time += by.nanos_f64();
            Ok(())
        }
        fn set(&mut self, to: TimePoint) -> Result<(), ClockError> {
            self.time = to.scaled() as f64 / 65536.0;
            Ok(())
        }
        fn max_frequency(&self) -> f64 {
            500_000.0
        }
        fn at_monotonic_raw(&mut self, _: u64) -> Result<Option<TimePoint>, ClockError> {
            self.now().map(Some)
        }
        fn cross_stamp(&mut self, _: u32) -> Result<CrossStamp, ClockError> {
            let now = self.now()?;
            Ok(CrossStamp { device: now, system: now, delay: TimeInterval::ZERO })
        }
    }

    struct Bench(Vec<Simulated>);

    impl Clocks for Bench {
        fn one(&mut self, index: usize) -> Option<&mut dyn Clock> {
            self.0.get_mut(index).map(|c| c as &mut dyn Clock)
        }
        fn two(&mut self, a: usize, b: usize) -> Option<(&mut dyn Clock, &mut dyn Clock)> {
            let [a, b] = self.0.get_disjoint_mut([a, b]).ok()?;
            Some((a, b))
        }
    }

    impl Bench {
        fn new(clocks: &[(f64, f64)]) -> Self {
            let names = ["phc0", "phc1", "phc2"];
            let clock =
                |(&(time, ppb), name)| Simulated { name, at: 0, time, ppb, frequency: 0.0, gone: false };
            Self(clocks.iter().zip(names).map(clock).collect())
        }

        /// Runs for so many seconds; the largest difference of two clocks in the last quarter, in ns.
        fn run(&mut self, together: &mut Together, from: u64, seconds: u64) -> f64 {
            let (end, mut worst) = (from + seconds * 1_000_000_000, 0f64);
            let mut now = from;
            while now < end {
                now += INTERVAL_NS;
                for clock in &mut self.0 {
                    let elapsed = (now - clock.at.max(from)) as f64;
                    clock.time += elapsed * (1.0 + (clock.ppb + clock.frequency) * 1e-9);
                    clock.at = now;
                }
                together.run(now, self);
                if now > end - seconds * 250_000_000 {
                    let times = self.0.iter().map(|c| c.time);
                    let spread = times.clone().fold(f64::MIN, f64::max) - times.fold(f64::MAX, f64::min);
                    worst = worst.max(spread);
                }
            }
            worst
        }
    }

    #[test]
    fn others_follow_the_source_and_take_over_without_a_step() {
        let mut bench = Bench::new(&[(5e9, 0.0), (0.0, 30_000.0), (9e9, -20_000.0)]);
        let mut together = Together::new(0, [0, 1, 2], true);
        assert!(together.aligned(0) && !together.aligned(1));
        assert_eq!(together.next_deadline(), Some(0));
        let worst = bench.run(&mut together, 0, 20);
        assert!(worst < 5.0, "{worst} ns apart");
        assert!(together.aligned(1) && together.aligned(2));
        let frequency = together.frequency(1).expect("it is steered");
        assert!((frequency + 30_000.0).abs() < 100.0, "{frequency}");

        // Another one becomes the source: nothing steps, everything stays aligned.
        together.set_source(2);
        assert!(together.aligned(0) && together.aligned(1));
        let before: Vec<_> = bench.0.iter().map(|c| c.time).collect();
        bench.run(&mut together, 20_000_000_000, 1);
        for (clock, before) in bench.0.iter().zip(before) {
            assert!((clock.time - before - 1e9).abs() < 2_000.0, "{} jumped", clock.name);
        }
        let worst = bench.run(&mut together, 21_000_000_000, 20);
        assert!(worst < 5.0, "{worst} ns apart");

        // The source is stepped: the others are not aligned for a moment, then are there, too.
        bench.0[2].time += 1e9;
        together.source_stepped();
        assert!(!together.aligned(0) && !together.aligned(1) && together.aligned(2));
        let worst = bench.run(&mut together, 41_000_000_000, 10);
        assert!(worst < 5.0 && together.aligned(0), "{worst} ns apart");
    }

    #[test]
    fn clocks_that_others_keep_are_only_looked_at() {
        let mut bench = Bench::new(&[(0.0, 0.0), (300.0, 0.0), (50_000.0, 0.0)]);
        let mut together = Together::new(0, [1, 2], false);
        bench.run(&mut together, 0, 4);
        assert!(together.aligned(1) && !together.aligned(2));
        assert_eq!(bench.0[2].time - bench.0[0].time, 50_000.0);
        // It drifts away, and comes back.
        bench.0[1].time += 6_000.0;
        let round = together.run(4_200_000_000, &mut bench);
        assert!(round.changed && round.stepped.is_empty() && !together.aligned(1));
        bench.0[1].time -= 6_000.0;
        bench.run(&mut together, 5_000_000_000, 2);
        assert!(together.aligned(1));
        // What cannot be read is not known any more.
        bench.0[1].gone = true;
        bench.run(&mut together, 7_000_000_000, 4);
        assert!(!together.aligned(1));
    }

    #[test]
    fn a_clock_that_was_never_kept_takes_over_with_the_time_of_the_last() {
        let mut bench = Bench::new(&[(5e15, 0.0), (0.0, 0.0)]);
        let mut together = Together::new(0, [0], true);
        assert!(together.take_over(1, &mut bench).expect("both work"));
        assert_eq!((together.source(), together.aligned(0)), (1, true));
        assert!((bench.0[1].time - 5e15).abs() < 10.0);
        assert!(!together.take_over(0, &mut bench).expect("both work"), "it is near already");
        bench.0[0].gone = true;
        let mut together = Together::new(0, [0], true);
        assert!(together.take_over(1, &mut bench).is_err());
        assert_eq!(together.source(), 1);
    }

    #[test]
    fn one_clock_alone_needs_nothing() {
        let mut together = Together::new(0, [0, 0], true);
        assert_eq!(together.next_deadline(), None);
        assert_eq!(together.run(0, &mut Bench::new(&[(0.0, 0.0)])), Round::default());
        together.add(1);
        assert_eq!(together.next_deadline(), Some(0));
    }
}
