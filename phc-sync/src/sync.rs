//! One clock that is steered after another.

use ptp_clock::{Clock, ClockError, Comparer, Comparison, SystemClock};
use ptp_servo::{OffsetStatistics, Servo, ServoConfig, ServoState};
use ptp_wire::{TimeInterval, TimePoint};
use tracing::{info, warn};

/// The kernel is told this largest error for a system clock that is steered: it only has to be below 16 s, where the
/// kernel would stop keeping the RTC in step.
const MAX_ERROR: TimeInterval = TimeInterval::from_nanos(1_000_000);

/// How the sinks are treated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Sink minus source as it shall be.
    pub(crate) wanted: TimeInterval,
    /// Between measurements, seconds.
    pub(crate) interval: f64,
    /// Measure only.
    pub(crate) free_running: bool,
    /// Measurements per line; 0 or 1: each has its own.
    pub(crate) summary: u32,
}

/// A clock and its servo.
pub(crate) struct Sink {
    clock: Box<dyn Clock>,
    servo: Servo,
    manner: Manner,
    /// It may still be set without regard to `step_threshold`.
    may_set: bool,
    always_step: bool,
    statistics: OffsetStatistics,
    /// As log lines name it.
    label: String,
}

impl Sink {
    pub(crate) fn new(
        mut clock: Box<dyn Clock>,
        config: impl FnOnce(f64) -> ServoConfig,
        manner: Manner,
    ) -> Result<Self, ClockError> {
        let config = config(clock.max_frequency());
        let frequency = clock.frequency()?;
        let mut servo = Servo::new(config, frequency);
        servo.set_interval(manner.interval);
        if !manner.free_running {
            // What the servo takes for in force, is; and a missing right is noticed now, not after the first steps.
            clock.set_frequency(servo.frequency_ppb())?;
        }
        let label = if clock.is_system() { "CLOCK_REALTIME".to_owned() } else { clock.name().to_owned() };
        Ok(Self {
            clock,
            servo,
            manner,
            may_set: config.first_step_threshold.is_some(),
            always_step: config.step_threshold.is_some(),
            statistics: OffsetStatistics::new(),
            label,
        })
    }

    /// Measures, steers, tells.
    pub(crate) fn update(&mut self, source: &mut dyn Clock, comparer: &Comparer) -> Result<(), ClockError> {
        let c = comparer.compare(source, self.clock.as_mut())?;
        let offset = offset(&c, self.manner.wanted);
        if self.manner.free_running {
            let frequency = self.clock.frequency()?;
            self.tell(source, offset, frequency, c.delay);
            return Ok(());
        }
        if offset.abs() == TimeInterval::MAX && (self.may_set || self.always_step) {
            return self.set(source);
        }
        let d = self.servo.sample(offset, c.sink, 1.0);
        self.clock.set_frequency(d.frequency_ppb)?;
        if let Some(step) = d.step {
            self.clock.step(step)?;
        }
        if d.state.is_locked() {
            self.may_set = false;
            if self.clock.is_system() {
                SystemClock::new().set_synchronized(MAX_ERROR)?;
            }
        }
        self.tell(source, offset, d.frequency_ppb, c.delay);
        Ok(())
    }

    /// The clocks are days or years apart: no step reaches that far.
    fn set(&mut self, source: &mut dyn Clock) -> Result<(), ClockError> {
        let to = source.now()? + self.manner.wanted;
        self.clock.set(to)?;
        self.servo.reset();
        warn!("{} was more than a day off, now set to {to}", self.label);
        Ok(())
    }

    fn tell(&mut self, source: &dyn Clock, offset: TimeInterval, frequency: f64, delay: TimeInterval) {
        if self.manner.summary <= 1 {
            let kind = if source.is_system() { "sys" } else { "phc" };
            let state: ServoState = self.servo.state();
            info!("{}", line(&self.label, kind, offset, state, frequency, delay));
            return;
        }
        self.statistics.push(offset, frequency, Some(delay));
        if self.statistics.count() >= self.manner.summary {
            if let Some(summary) = self.statistics.summary() {
                info!("{} {summary}", self.label);
            }
            self.statistics.reset();
        }
    }
}

/// What is to be corrected; [`TimeInterval::MAX`] or its negative where it is more than 39 hours.
fn offset(c: &Comparison, wanted: TimeInterval) -> TimeInterval {
    c.sink - TimePoint::from_scaled(c.source.scaled() + i128::from(wanted.0))
}

/// The line that scripts know from phc2sys.
fn line(
    sink: &str,
    source: &str,
    offset: TimeInterval,
    state: ServoState,
    frequency: f64,
    delay: TimeInterval,
) -> String {
    let (offset, delay) = (offset.nanos(), delay.nanos());
    format!("{sink} {source} offset {offset:9} {state} freq {frequency:+7.0} delay {delay:6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_the_one_scripts_know() {
        let ns = TimeInterval::from_nanos;
        assert_eq!(
            line("CLOCK_REALTIME", "phc", ns(-1234), ServoState::Locked, -12345.6, ns(512)),
            "CLOCK_REALTIME phc offset     -1234 s2 freq  -12346 delay    512"
        );
    }

    #[test]
    fn the_wanted_offset_is_taken_off() {
        let c = Comparison {
            source: TimePoint::from_nanos(37_000_000_100),
            sink: TimePoint::from_nanos(107),
            delay: TimeInterval::ZERO,
            method: ptp_clock::Method::Raw,
        };
        assert_eq!(offset(&c, TimeInterval::from_nanos(-37_000_000_000)), TimeInterval::from_nanos(7));
        let far = Comparison { source: TimePoint::from_scaled(i128::MAX), ..c };
        assert_eq!(offset(&far, TimeInterval::MAX).abs(), TimeInterval::MAX);
    }
}
