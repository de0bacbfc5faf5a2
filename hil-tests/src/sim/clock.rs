//! A clock as a NIC has it: an imperfect oscillator, a counter that can be stepped and steered.

use ptp_clock::{Clock, ClockError};
use ptp_wire::{TimeInterval, TimePoint};

use super::oscillator::{Flicker, Temperature};
use super::{Jitter, Moment, Rng};

/// What a perfect clock reads when the simulation begins (ns since the PTP epoch).
pub const EPOCH_NS: i128 = 1_700_000_000_000_000_000;

/// Random walk and drift change the frequency once in this time (2^-16 ns): 1/8 s.
const GRID: i128 = 125_000_000 << 16;
/// Fractional bits of a rate.
const RATE_BITS: u32 = 60;

/// An oscillator and the counter on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockSpec {
    /// What it reads wrongly at the start; positive: ahead.
    pub phase: TimeInterval,
    /// Frequency error at the start, in ppb; positive: fast.
    pub frequency_ppb: f64,
    /// Ageing, in ppb per hour.
    pub drift_ppb_per_hour: f64,
    /// Random walk of the frequency: its deviation after one second, in ppb.
    pub wander_ppb: f64,
    /// Flicker of the frequency: the floor of its Allan deviation, in ppb.
    pub flicker_ppb: f64,
    /// White noise of the frequency: its Allan deviation at one second, in ppb.
    pub white_ppb: f64,
    /// Stamps are whole multiples of this.
    pub granularity: TimeInterval,
    /// Noise of a stamp.
    pub stamp_noise: Jitter,
    /// The counter can be steered by this much at most, in ppb.
    pub max_adjustment_ppb: f64,
}

impl ClockSpec {
    /// Right, and stays so; stamps without noise.
    pub const PERFECT: Self = Self {
        phase: TimeInterval::ZERO,
        frequency_ppb: 0.0,
        drift_ppb_per_hour: 0.0,
        wander_ppb: 0.0,
        flicker_ppb: 0.0,
        white_ppb: 0.0,
        granularity: TimeInterval(1),
        stamp_noise: Jitter::None,
        max_adjustment_ppb: 100_000_000.0,
    };

    /// A NIC: 8 ns stamps with 2 ns of noise, a plain crystal that wanders by 0.1 ppb in a second, steered by 500 ppm at
    /// most.
    pub const fn nic(phase: TimeInterval, frequency_ppb: f64) -> Self {
        Self {
            phase,
            frequency_ppb,
            wander_ppb: 0.1,
            granularity: TimeInterval::from_nanos(8),
            stamp_noise: Jitter::Gaussian { sigma: 2.0 },
            max_adjustment_ppb: 500_000.0,
            ..Self::PERFECT
        }
    }
}

/// A running clock. Reading it any number of times, or not at all, changes nothing of its future.
#[derive(Clone, Debug)]
pub struct SimClock {
    spec: ClockSpec,
    /// Of the oscillator alone, ppb.
    oscillator_ppb: f64,
    /// What the servo asked for, ppb.
    adjustment_ppb: f64,
    /// The rate from `since` on: gained per unit of true time, with [`RATE_BITS`] of fraction.
    rate: i128,
    since: Moment,
    /// What it read at `since`, in 2^-16 ns.
    reading: i128,
    /// Added to the oscillator's frequency by flicker, white noise and temperature, ppb.
    extra_ppb: f64,
    flicker: Flicker,
    temperature: Option<Temperature>,
    next_change: Moment,
    wander: Rng,
    noise: Rng,
    /// Total of all steps since the start.
    stepped: u64,
}

impl SimClock {
    /// Starts at moment 0.
    pub fn new(spec: ClockSpec, seed: u64, index: u64) -> Self {
        let mut clock = Self {
            spec,
            oscillator_ppb: spec.frequency_ppb,
            adjustment_ppb: 0.0,
            rate: 0,
            since: Moment(0),
            reading: (EPOCH_NS << 16) + i128::from(spec.phase.0),
            extra_ppb: 0.0,
            flicker: Flicker::default(),
            temperature: None,
            next_change: Moment(GRID),
            wander: Rng::new(seed, 1, index),
            noise: Rng::new(seed, 2, index),
            stepped: 0,
        };
        clock.set_rate();
        clock
    }

    fn set_rate(&mut self) {
        let (o, a) = ((self.oscillator_ppb + self.extra_ppb) * 1e-9, self.adjustment_ppb * 1e-9);
        self.rate = ((o + a + o * a) * (1u64 << RATE_BITS) as f64) as i128;
    }

    fn at(&self, now: Moment) -> i128 {
        let elapsed = now - self.since;
        self.reading + elapsed + ((elapsed * self.rate) >> RATE_BITS)
    }

    /// Moves the anchor to `to`.
    fn settle(&mut self, to: Moment) {
        self.reading = self.at(to);
        self.since = to;
    }

    /// The oscillator's surroundings warm up and cool down from now on.
    pub fn set_temperature(&mut self, temperature: Temperature) {
        self.temperature = Some(temperature);
    }

    /// It loses or finds what kept it right: from now on it is as `spec` says, from the phase and the counter it has.
    /// The frequency that `spec` names for the start is taken up; limits and granularity stay.
    pub fn retune(&mut self, now: Moment, spec: ClockSpec) {
        self.advance(now);
        self.settle(now);
        let ClockSpec { phase, granularity, max_adjustment_ppb, stamp_noise, .. } = self.spec;
        self.spec = ClockSpec { phase, granularity, max_adjustment_ppb, stamp_noise, ..spec };
        self.oscillator_ppb = spec.frequency_ppb;
        self.extra_ppb = 0.0;
        self.set_rate();
        self.next_change = Moment((now.0 / GRID + 1) * GRID);
    }

    /// Sets it right, as a receiver does that has found its satellites again.
    pub fn set_right(&mut self, now: Moment) {
        self.advance(now);
        self.settle(now);
        self.reading = (EPOCH_NS << 16) + now.0;
    }

    /// Lets the oscillator wander up to `now`.
    fn advance(&mut self, now: Moment) {
        let ClockSpec { wander_ppb, drift_ppb_per_hour, flicker_ppb, white_ppb, .. } = self.spec;
        let noisy = flicker_ppb != 0.0 || white_ppb != 0.0;
        if wander_ppb == 0.0 && drift_ppb_per_hour == 0.0 && !noisy && self.temperature.is_none() {
            return;
        }
        while self.next_change <= now {
            self.settle(self.next_change);
            // 8 changes a second: each has 1/sqrt(8) of the deviation after one second.
            let walk = if wander_ppb == 0.0 {
                0.0
            } else {
                wander_ppb * 0.353_553_390_593_273_8 * self.wander.normal()
            };
            self.oscillator_ppb += walk + drift_ppb_per_hour / (3600.0 * 8.0);
            self.extra_ppb = self.temperature.as_ref().map_or(0.0, |t| t.ppb(self.next_change));
            if flicker_ppb != 0.0 {
                self.extra_ppb += flicker_ppb * self.flicker.next(&mut self.wander);
            }
            if white_ppb != 0.0 {
                // The mean of 8 in a second has the deviation that is wanted.
                self.extra_ppb += white_ppb * 2.828_427_124_746_190_3 * self.wander.normal();
            }
            self.set_rate();
            self.next_change = Moment(self.next_change.0 + GRID);
        }
    }

    /// What it reads.
    pub fn read(&mut self, now: Moment) -> TimePoint {
        self.advance(now);
        TimePoint::from_scaled(self.at(now))
    }

    /// A stamp of something that happens now: with noise, cut to the granularity.
    pub fn stamp(&mut self, now: Moment) -> TimePoint {
        let noise = TimeInterval::from_nanos_f64(self.spec.stamp_noise.draw(&mut self.noise));
        let exact = (self.read(now) + noise).scaled();
        let granularity = i128::from(self.spec.granularity.0.max(1));
        TimePoint::from_scaled(exact - exact.rem_euclid(granularity))
    }

    /// How wrong it is; positive: ahead.
    pub fn error(&mut self, now: Moment) -> TimeInterval {
        self.read(now) - TimePoint::from_scaled((EPOCH_NS << 16) + now.0)
    }

    /// Steers it; the value is cut to its limit and to the kernel's resolution (2^-16 ppm).
    pub fn set_frequency(&mut self, now: Moment, ppb: f64) {
        self.advance(now);
        self.settle(now);
        let limit = self.spec.max_adjustment_ppb;
        let scaled_ppm = (ppb.clamp(-limit, limit) * 65.536).round();
        self.adjustment_ppb = scaled_ppm / 65.536;
        self.set_rate();
    }

    /// What it is steered by, in ppb.
    pub fn frequency(&self) -> f64 {
        self.adjustment_ppb
    }

    /// Adds to its reading.
    pub fn step(&mut self, now: Moment, by: TimeInterval) {
        self.advance(now);
        self.settle(now);
        self.reading += i128::from(by.0);
        self.stepped += 1;
    }

    /// Sets its reading.
    pub fn set(&mut self, now: Moment, to: TimePoint) {
        self.advance(now);
        self.settle(now);
        self.reading = to.scaled();
        self.stepped += 1;
    }

    /// How often it was stepped or set.
    pub fn steps(&self) -> u64 {
        self.stepped
    }

    /// The oscillator jumps by this much, as when its temperature changes.
    pub fn disturb(&mut self, now: Moment, ppb: f64) {
        self.advance(now);
        self.settle(now);
        self.oscillator_ppb += ppb;
        self.set_rate();
    }

    /// The oscillator's own frequency error at present, in ppb.
    pub fn oscillator_ppb(&self) -> f64 {
        self.oscillator_ppb + self.extra_ppb
    }

    /// The clock as the programs of its host see it, at this moment.
    pub fn at_moment<'a>(&'a mut self, now: Moment, name: &'a str) -> Hosted<'a> {
        Hosted { clock: self, now, name }
    }
}

/// A simulated clock in the hands of the code that steers real ones.
#[derive(Debug)]
pub struct Hosted<'a> {
    clock: &'a mut SimClock,
    now: Moment,
    name: &'a str,
}

impl Clock for Hosted<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn now(&mut self) -> Result<TimePoint, ClockError> {
        Ok(self.clock.read(self.now))
    }

    fn frequency(&mut self) -> Result<f64, ClockError> {
        Ok(self.clock.frequency())
    }

    fn set_frequency(&mut self, ppb: f64) -> Result<(), ClockError> {
        let max = self.max_frequency();
        // One unit of the kernel's resolution is granted to rounding.
        if ppb.abs() > max + 0.02 || ppb.is_nan() {
            return Err(ClockError::Frequency { clock: self.name.to_owned(), ppb, max });
        }
        self.clock.set_frequency(self.now, ppb);
        Ok(())
    }

    fn step(&mut self, by: TimeInterval) -> Result<(), ClockError> {
        self.clock.step(self.now, by);
        Ok(())
    }

    fn set(&mut self, to: TimePoint) -> Result<(), ClockError> {
        self.clock.set(self.now, to);
        Ok(())
    }

    fn max_frequency(&self) -> f64 {
        self.clock.spec.max_adjustment_ppb
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_fast_clock_gains_what_its_frequency_says() {
        let phase = TimeInterval::from_nanos(500);
        let mut c = SimClock::new(ClockSpec { phase, frequency_ppb: 10_000.0, ..ClockSpec::PERFECT }, 1, 1);
        assert_eq!(c.error(Moment(0)), phase);
        let e = c.error(Moment::from_nanos(100 * SECOND)).nanos_f64();
        assert!((e - 1_000_500.0).abs() < 0.001, "{e}");
        // Steered against it, it keeps what it has.
        c.set_frequency(Moment::from_nanos(100 * SECOND), -10_000.0 / 1.000_01);
        let later = c.error(Moment::from_nanos(1000 * SECOND)).nanos_f64();
        assert!((later - e).abs() < 900.0 * 0.008, "{later}: the resolution is 0.015 ppb");
        c.step(Moment::from_nanos(1000 * SECOND), TimeInterval::from_nanos_f64(-later));
        assert!(c.error(Moment::from_nanos(1000 * SECOND)).nanos_f64().abs() < 0.001);
    }

    #[test]
    fn reading_does_not_change_the_future() {
        let spec = ClockSpec { drift_ppb_per_hour: 5.0, ..ClockSpec::nic(TimeInterval::ZERO, 3000.0) };
        let (mut a, mut b) = (SimClock::new(spec, 7, 1), SimClock::new(spec, 7, 1));
        for t in 0..5000 {
            a.read(Moment::from_nanos(t * 7_919_321));
        }
        let end = Moment::from_nanos(5000 * 7_919_321);
        assert_eq!(a.read(end), b.read(end));
    }

    #[test]
    fn wander_grows_with_the_root_of_time() {
        let spec = ClockSpec { wander_ppb: 1.0, ..ClockSpec::PERFECT };
        let squares: f64 = (0..400)
            .map(|i| {
                let mut c = SimClock::new(spec, 3, i);
                c.read(Moment::from_nanos(100 * SECOND));
                c.oscillator_ppb() * c.oscillator_ppb()
            })
            .sum();
        let deviation = (squares / 400.0).sqrt();
        assert!((8.5..11.5).contains(&deviation), "{deviation}, 10 expected");
    }

    #[test]
    fn stamps_are_whole_multiples() {
        let mut c = SimClock::new(ClockSpec::nic(TimeInterval(12_345), 50.0), 1, 1);
        for t in 0..100 {
            assert_eq!(c.stamp(Moment::from_nanos(t * 1001)).scaled() % (8 << 16), 0);
        }
    }
}
