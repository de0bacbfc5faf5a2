//! A servo by linear regression.

use ptp_wire::{TimeInterval, TimePoint};

use crate::servo::{bounded, exceeds};
use crate::{Decision, ServoConfig, ServoState};

/// The shortest regression is over 4 points, each longer one over twice as many, up to 64.
const LENGTHS: [usize; 5] = [4, 8, 16, 32, 64];
const LONGEST: usize = 64;
/// A prediction's error counts this much in the running mean of its square.
const MEMORY: f64 = 0.05;
/// A longer regression is taken if its error is within this factor of the best one's.
const TOLERANCE: f64 = 1.05;

/// One measurement, with all corrections since taken out.
#[derive(Clone, Copy, Debug, Default)]
struct Point {
    /// Time on the uncorrected oscillator since the first one, s.
    time: f64,
    /// Offset less what was corrected up to then, ns.
    raw: f64,
}

/// One regression's latest line, and how well its predecessors predicted.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// ppb.
    slope: f64,
    /// ns at `time`.
    value: f64,
    time: f64,
    fitted: bool,
    /// Smoothed square of the prediction's error, ns^2.
    square: f64,
    judged: bool,
}

/// A servo that fits lines through the last 4, 8, 16, 32 and 64 offsets and follows the longest one that predicts as well
/// as the best: linuxptp's `linreg`. Its thresholds mean what [`Servo`](crate::Servo)'s do; the gains are not used.
#[derive(Clone, Debug)]
pub struct Linreg {
    config: ServoConfig,
    max_ppb: f64,
    interval: f64,
    points: [Point; LONGEST],
    count: usize,
    next: usize,
    lines: [Line; LENGTHS.len()],
    /// Local time, oscillator time (s) and correction so far (ns) at the last sample.
    last: Option<(TimePoint, f64, f64)>,
    state: ServoState,
    frequency: f64,
    first: bool,
    missing: u32,
}

impl Linreg {
    /// A servo for a clock that runs with this correction at present, in ppb.
    pub fn new(config: ServoConfig, initial_frequency_ppb: f64) -> Self {
        let max_ppb = if config.max_frequency_ppb.is_nan() {
            ServoConfig::default().max_frequency_ppb
        } else {
            config.max_frequency_ppb.clamp(0.0, 999_999_999.0)
        };
        Self {
            config,
            max_ppb,
            interval: 1.0,
            points: [Point::default(); LONGEST],
            count: 0,
            next: 0,
            lines: [Line::default(); LENGTHS.len()],
            last: None,
            state: ServoState::Unlocked,
            frequency: bounded(initial_frequency_ppb, max_ppb),
            first: true,
            missing: config.num_offset_values,
        }
    }

    /// Tells the interval between samples in seconds: the offset is corrected in this time.
    pub fn set_interval(&mut self, seconds: f64) {
        self.interval = if seconds.is_finite() && seconds > 0.0 { seconds } else { 1.0 };
    }

    /// Other thresholds from now on; what the servo knows of the clock, and the limit of its frequency, stay.
    pub fn set_config(&mut self, config: ServoConfig) {
        self.config = ServoConfig { max_frequency_ppb: self.config.max_frequency_ppb, ..config };
    }

    /// Takes an offset (local minus master) measured at `local`. A `weight` of 0 leaves it out; others count alike.
    pub fn sample(&mut self, offset: TimeInterval, local: TimePoint, weight: f64) -> Decision {
        if weight <= 0.0 {
            return Decision { state: self.state, frequency_ppb: self.frequency, step: None };
        }
        if self.state.is_locked() && exceeds(offset, self.config.step_threshold) {
            self.reset();
            return self.unlocked();
        }
        let (time, corrected) = match self.last {
            None => (0.0, 0.0),
            Some((then, time, corrected)) => {
                let elapsed = (local - then).nanos_f64() * 1e-9;
                if elapsed <= 0.0 {
                    self.reset();
                    self.last = None;
                    (0.0, 0.0)
                } else {
                    let own = elapsed / (1.0 + self.frequency * 1e-9);
                    (time + own, corrected + self.frequency * own)
                }
            }
        };
        self.last = Some((local, time, corrected));
        let raw = offset.nanos_f64() - corrected;
        self.judge(time, raw);
        if let Some(place) = self.points.get_mut(self.next) {
            *place = Point { time, raw };
        }
        self.next = (self.next + 1) % LONGEST;
        self.count = (self.count + 1).min(LONGEST);
        self.fit(time);
        let Some(line) = self.best() else { return self.unlocked() };
        let slope = line.slope;
        let estimate = TimeInterval::from_nanos_f64(line.value + corrected);
        let step = (self.first && exceeds(estimate, self.config.first_step_threshold))
            || exceeds(estimate, self.config.step_threshold);
        self.first = false;
        if step {
            self.frequency = bounded(-slope, self.max_ppb);
            self.shift(-estimate);
            self.state = ServoState::Jump;
            return Decision { state: self.state, frequency_ppb: self.frequency, step: Some(-estimate) };
        }
        self.frequency = bounded(-slope - estimate.nanos_f64() / self.interval, self.max_ppb);
        self.state = ServoState::Locked;
        if let Some(threshold) = self.config.offset_threshold {
            let small = offset.abs() <= threshold;
            self.missing = if small { self.missing.saturating_sub(1) } else { self.config.num_offset_values };
            if self.missing == 0 {
                self.state = ServoState::LockedStable;
            }
        }
        Decision { state: self.state, frequency_ppb: self.frequency, step: None }
    }

    /// Starts over at the frequency it holds. Call it when the master or the clock changed.
    pub fn reset(&mut self) {
        if let Some(line) = self.best() {
            self.frequency = bounded(-line.slope, self.max_ppb);
        }
        self.count = 0;
        self.next = 0;
        self.lines = [Line::default(); LENGTHS.len()];
        self.last = None;
        self.state = ServoState::Unlocked;
        self.missing = self.config.num_offset_values;
    }

    /// Tells that something else stepped the clock by this much.
    pub fn clock_stepped(&mut self, by: TimeInterval) {
        self.shift(by);
    }

    /// What it made of the last sample.
    pub const fn state(&self) -> ServoState {
        self.state
    }

    /// What was last decided, in ppb.
    pub const fn frequency_ppb(&self) -> f64 {
        self.frequency
    }

    /// A step moves the clock and what was corrected alike.
    fn shift(&mut self, by: TimeInterval) {
        if let Some((local, _, corrected)) = &mut self.last {
            *local = *local + by;
            *corrected += by.nanos_f64();
        }
    }

    /// Compares every line's prediction with what came.
    fn judge(&mut self, time: f64, raw: f64) {
        for line in self.lines.iter_mut().filter(|l| l.fitted) {
            let error = raw - (line.value + line.slope * (time - line.time));
            if line.judged {
                line.square += MEMORY * (error * error - line.square);
            } else {
                line.square = error * error;
                line.judged = true;
            }
        }
    }

    fn fit(&mut self, time: f64) {
        let (points, next) = (&self.points, self.next);
        // From the newest backwards; sums are about the newest.
        let newest = points.get((next + LONGEST - 1) % LONGEST).copied().unwrap_or_default();
        let (mut n, mut t, mut y, mut tt, mut ty) = (0usize, 0.0, 0.0, 0.0, 0.0);
        for (line, length) in self.lines.iter_mut().zip(LENGTHS) {
            if self.count < length {
                break;
            }
            while n < length {
                let p = points.get((next + LONGEST - 1 - n) % LONGEST).copied().unwrap_or_default();
                let (dt, dy) = (p.time - newest.time, p.raw - newest.raw);
                t += dt;
                y += dy;
                tt += dt * dt;
                ty += dt * dy;
                n += 1;
            }
            let count = n as f64;
            let spread = tt - t * t / count;
            line.slope = if spread > 0.0 { (ty - t * y / count) / spread } else { 0.0 };
            line.value = newest.raw + (y - line.slope * t) / count;
            line.time = time;
            line.fitted = true;
        }
    }

    /// The longest that predicts about as well as the best.
    fn best(&self) -> Option<&Line> {
        let fitted = || self.lines.iter().filter(|l| l.fitted);
        let least = fitted().filter(|l| l.judged).map(|l| l.square).fold(f64::INFINITY, f64::min);
        let limit = least * TOLERANCE * TOLERANCE;
        fitted().rfind(|l| l.judged && l.square <= limit).or_else(|| fitted().next())
    }

    fn unlocked(&mut self) -> Decision {
        self.state = ServoState::Unlocked;
        self.missing = self.config.num_offset_values;
        Decision { state: self.state, frequency_ppb: self.frequency, step: None }
    }
}
