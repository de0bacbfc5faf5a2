//! From samples to the clock: the servo's decisions, carried out and told.

use crate::engine::{Engine, Input, Instant, Sample, ServoState};
use ptp_clock::{Clock, ClockError};
use ptp_daemon::{REPORT, RateLimit};
use ptp_servo::{Decision, OffsetStatistics, Servo, ServoConfig};
use ptp_wire::{LogInterval, PortIdentity, TimeInterval};
use tracing::{info, warn};

/// So many samples in a row have to be tracked before the frequency they led to is held without a master.
const TRUST_AFTER: u32 = 4;

/// What a sample led to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// The clock was stepped or set: the engine has to be told.
    pub stepped: bool,
    /// What the engine is told of the servo.
    pub state: ServoState,
}

/// The servo with what it needs to be trusted with a clock: one for each clock that is kept.
#[derive(Debug)]
pub struct Discipline {
    servo: Servo,
    config: ServoConfig,
    free_running: bool,
    log_interval: Option<LogInterval>,
    master: Option<PortIdentity>,
    /// Of the last decision, in ppb.
    frequency: f64,
    locked: bool,
    /// It has been locked before: the first step is over.
    tracked: bool,
    /// The frequency to go back to when there is no master, in ppb.
    trusted: f64,
    /// Samples tracked in a row.
    trusted_samples: u32,
    statistics: OffsetStatistics,
    summary: Option<u64>,
    summary_due: u64,
    trouble: RateLimit,
    clock_gone: bool,
}

impl Discipline {
    /// Starts at the frequency the clock runs with, or at the one that was kept for it (ppb). `summary`: ns between
    /// lines; `None`: one per sample.
    ///
    /// # Errors
    /// The clock cannot be read or steered.
    pub fn new(
        mut config: ServoConfig,
        clock: &mut dyn Clock,
        free_running: bool,
        saved_frequency: Option<f64>,
        summary: Option<u64>,
    ) -> Result<Self, ClockError> {
        let limit = clock.max_frequency();
        config.max_frequency_ppb = config.max_frequency_ppb.min(limit);
        let mut frequency = clock.frequency()?;
        if let Some(saved) = saved_frequency.filter(|f| !free_running && f.abs() <= config.max_frequency_ppb)
        {
            clock.set_frequency(saved)?;
            info!("{} starts at the last known frequency, {saved:+.3} ppb", clock.name());
            frequency = saved;
        }
        Ok(Self {
            servo: Servo::new(config, frequency),
            config,
            free_running,
            log_interval: None,
            master: None,
            frequency,
            locked: false,
            tracked: false,
            trusted: frequency,
            trusted_samples: 0,
            statistics: OffsetStatistics::new(),
            summary,
            summary_due: 0,
            trouble: RateLimit::new(10_000_000_000),
            clock_gone: false,
        })
    }

    /// The frequency worth keeping for a restart, in ppb: only one the servo tracked with, and without what the last decision
    /// held to take back the last offset.
    pub fn learnt_frequency(&self) -> Option<f64> {
        (self.locked && !self.free_running).then(|| {
            let mut servo = self.servo.clone();
            servo.reset();
            servo.frequency_ppb()
        })
    }

    /// There is no master any more. The clock goes on at the frequency that was learnt: the last decision also holds
    /// the way back from the last offset, which must not drift on.
    pub fn release(&mut self, now_ns: u64, clock: &mut dyn Clock) {
        if self.free_running {
            return;
        }
        self.servo.reset();
        if self.trusted_samples >= TRUST_AFTER {
            self.trusted = self.servo.frequency_ppb();
        } else {
            // An estimate that was never put to the test is not worth holding: what was known before is.
            self.servo = Servo::new(self.config, self.trusted);
            self.log_interval = None;
        }
        self.trusted_samples = 0;
        self.locked = false;
        self.frequency = self.trusted;
        if let Err(e) = clock.set_frequency(self.frequency)
            && self.trouble.allow(now_ns).is_some()
        {
            warn!("cannot steer {}: {e}", clock.name());
        }
    }

    /// New settings; the servo starts over only if they differ.
    pub fn configure(&mut self, mut config: ServoConfig, clock: &mut dyn Clock, summary: Option<u64>) {
        config.max_frequency_ppb = config.max_frequency_ppb.min(clock.max_frequency());
        self.summary = summary;
        if config != self.config {
            self.config = config;
            self.servo = Servo::new(config, self.frequency);
            self.log_interval = None;
        }
    }

    /// `ahead_by_scale`: how far the master's timescale is ahead of the clock's; the sample's offset is without it.
    pub fn sample(
        &mut self,
        now_ns: u64,
        clock: &mut dyn Clock,
        mut sample: Sample,
        ahead_by_scale: TimeInterval,
    ) -> Outcome {
        // An offset beyond an interval's reach stays at its end: adding to it would make it look like a true one.
        // Only the two times tell: a delay taken from an interval's end leaves what looks like an offset.
        let far = i64::try_from(sample.ingress.scaled() - sample.origin.scaled()).is_err();
        if !far {
            sample.offset += ahead_by_scale;
        }
        let sample = &sample;
        if self.free_running {
            self.tell(now_ns, sample, None);
            return Outcome { stepped: false, state: ServoState::Locked };
        }
        if self.log_interval != Some(sample.log_sync_interval) {
            self.log_interval = Some(sample.log_sync_interval);
            self.servo.set_interval(sample.log_sync_interval.seconds());
        }
        if self.master.replace(sample.master) != Some(sample.master) && !self.locked {
            // Samples of two masters give no frequency.
            self.servo.reset();
        }
        let done = if far {
            self.set_from_afar(now_ns, clock, sample, ahead_by_scale)
        } else {
            self.steer(now_ns, clock, sample)
        };
        match done {
            Ok(outcome) => outcome,
            Err(e) => {
                if self.trouble.allow(now_ns).is_some() {
                    warn!("cannot steer {}: {e}", clock.name());
                }
                self.locked = false;
                if matches!(e, ClockError::NotFound { .. }) {
                    self.clock_gone = true;
                }
                Outcome { stepped: false, state: ServoState::Unlocked }
            }
        }
    }

    /// A sample's whole way: to the clock, and what became of it back to the engine. The engine has to be polled again.
    pub fn serve(
        &mut self,
        engine: &mut Engine,
        now_ns: u64,
        clock: &mut dyn Clock,
        sample: Sample,
        ahead_by_scale: TimeInterval,
    ) -> Outcome {
        let outcome = self.sample(now_ns, clock, sample, ahead_by_scale);
        if outcome.stepped {
            engine.handle(Instant(now_ns), Input::ClockStepped);
        }
        engine.handle(Instant(now_ns), Input::Servo(outcome.state));
        outcome
    }

    /// The clock's device went away since this was last asked: its card was pulled, or its driver reloaded.
    pub fn take_clock_gone(&mut self) -> bool {
        std::mem::take(&mut self.clock_gone)
    }

    /// Another clock has come instead of the one that went away: everything starts anew.
    ///
    /// # Errors
    /// The new clock cannot be read.
    pub fn clock_replaced(&mut self, clock: &mut dyn Clock) -> Result<(), ClockError> {
        let frequency = clock.frequency()?;
        self.config.max_frequency_ppb = self.config.max_frequency_ppb.min(clock.max_frequency());
        self.servo = Servo::new(self.config, frequency);
        self.log_interval = None;
        self.tracked = false;
        self.trusted = frequency;
        self.trusted_samples = 0;
        self.frequency = frequency;
        Ok(())
    }

    /// Another clock is disciplined from here on, which keeps the time of the last and is right at this frequency (ppb).
    /// What was reached stays: a servo that tracks goes on.
    pub fn carry_over(&mut self, clock: &mut dyn Clock, frequency: f64) {
        if self.free_running {
            return;
        }
        self.config.max_frequency_ppb = self.config.max_frequency_ppb.min(clock.max_frequency());
        self.servo.carry_over(frequency);
        self.frequency = frequency;
        self.trusted = frequency;
    }

    /// Farther than an interval can say (39 hours): sets the clock as well as it goes, and starts over.
    fn set_from_afar(
        &mut self,
        now_ns: u64,
        clock: &mut dyn Clock,
        sample: &Sample,
        ahead_by_scale: TimeInterval,
    ) -> Result<Outcome, ClockError> {
        let unlocked = ServoState::Unlocked;
        // A clock that was right once is not sent decades away by whoever says so, unless steps are wanted.
        let first = !self.tracked && self.config.first_step_threshold.is_some();
        if !first && self.config.step_threshold.is_none() {
            self.locked = false;
            if self.trouble.allow(now_ns).is_some() {
                warn!(
                    "{} is more than 39 hours off, and may not be stepped: set a step threshold",
                    clock.name()
                );
            }
            return Ok(Outcome { stepped: false, state: unlocked });
        }
        let ahead = sample.ingress.scaled() - sample.origin.scaled() + i128::from(ahead_by_scale.0);
        let now = clock.now()?;
        clock.set(ptp_wire::TimePoint::from_scaled(now.scaled() - ahead))?;
        info!("{} was {:.0} s off and has been set", clock.name(), ahead as f64 / 65536e9);
        self.servo.reset();
        self.locked = false;
        Ok(Outcome { stepped: true, state: unlocked })
    }

    fn steer(&mut self, now_ns: u64, clock: &mut dyn Clock, sample: &Sample) -> Result<Outcome, ClockError> {
        let Decision { state, frequency_ppb, step } = self.servo.sample(sample.offset, sample.ingress, 1.0);
        clock.set_frequency(frequency_ppb)?;
        self.frequency = frequency_ppb;
        if let Some(by) = step {
            clock.step(by)?;
            info!("{} stepped by {:+.0} ns", clock.name(), by.nanos_f64());
        }
        self.locked = state.is_locked();
        self.tracked |= self.locked;
        self.trusted_samples = if self.locked { self.trusted_samples.saturating_add(1) } else { 0 };
        self.tell(now_ns, sample, Some((state, frequency_ppb)));
        let state = if state.is_locked() { ServoState::Locked } else { ServoState::Unlocked };
        Ok(Outcome { stepped: step.is_some(), state })
    }

    /// One line per sample, or one per summary interval.
    fn tell(&mut self, now_ns: u64, sample: &Sample, servo: Option<(ptp_servo::ServoState, f64)>) {
        let (state, frequency) = servo.unwrap_or((ptp_servo::ServoState::Unlocked, 0.0));
        // A summary of one sample is that sample.
        let each = (sample.log_sync_interval.seconds() * 1e9) as u64;
        let Some(summary) = self.summary.filter(|s| *s > each) else {
            let offset = sample.offset.nanos();
            let delay = sample.mean_delay.nanos();
            if servo.is_some() {
                info!(target: REPORT, "master offset {offset:10} {state} freq {frequency:+7.0} path delay {delay:9}");
            } else {
                info!(target: REPORT, "master offset {offset:10} measured only, path delay {delay:9}");
            }
            return;
        };
        self.statistics.push(sample.offset, frequency, Some(sample.mean_delay));
        if now_ns < self.summary_due {
            return;
        }
        self.summary_due = now_ns.saturating_add(summary);
        if let Some(s) = self.statistics.summary() {
            info!(target: REPORT, "{s}");
        }
        self.statistics.reset();
    }
}

#[cfg(test)]
mod tests {
    use ptp_clock::{VirtualClock, VirtualOptions};
    use ptp_wire::{ClockIdentity, PortIdentity, PortNumber, TimePoint};

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
        }
    }

    #[test]
    fn a_clock_decades_off_is_set_to_its_own_timescale_at_once() {
        let path = std::env::temp_dir().join(format!("escapement-afar-{}", std::process::id()));
        let mut clock = VirtualClock::create(&path, &VirtualOptions::default()).expect("a clock");
        let mut discipline =
            Discipline::new(ServoConfig::default(), &mut clock, false, None, None).expect("one");
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
        assert_eq!(discipline.learnt_frequency(), None);

        // Once it has been right it is not set any more, where only the first step is allowed.
        let later = |seconds: i64| now + TimeInterval::from_nanos(seconds * SECOND);
        for seconds in [100, 200, 300, 400] {
            discipline.sample(0, &mut clock, sample(later(seconds), later(seconds)), TimeInterval::ZERO);
        }
        assert!(discipline.learnt_frequency().is_some());
        let afar = TimePoint::from_scaled(later(500).scaled() + decades);
        let outcome = discipline.sample(0, &mut clock, sample(later(500), afar), TimeInterval::ZERO);
        assert_eq!(outcome, Outcome { stepped: false, state: ServoState::Unlocked });
        let error = clock.now().expect("a reading") - now;
        assert!(error.nanos_f64().abs() < 60e9, "{error}");
        std::fs::remove_file(path).expect("the clock");
    }
}
