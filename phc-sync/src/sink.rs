//! One clock that is steered.

use std::path::Path;

use ptp_clock::{ChronySock, Clock, ClockError, LeapSecond, NtpShm, RefclockSample, SystemClock};
use ptp_daemon::RateLimit;
use ptp_daemon::metrics::{LastSample, Samples};
use ptp_evidence::{ClockState, Interval};
use ptp_servo::{
    Adaptive, AdaptiveConfig, Decision, Linreg, Measuring, OffsetStatistics, PiConfig, Servo, ServoConfig,
    ServoState,
};
use ptp_wire::{TimeInterval, TimePoint};
use tracing::{info, warn};

use crate::clocks::Entry;
use crate::plan::{ClockId, Source};
use crate::settings::{Output, Settings};
use crate::watch::{Insane, Watch, suspects};

/// The kernel is told this largest error for a system clock that is steered: it only has to be below 16 s, where the
/// kernel would stop keeping the RTC in step.
const MAX_ERROR: TimeInterval = TimeInterval::from_nanos(1_000_000);
/// Between two words about the same stranger, ns.
const STRANGER_NS: u64 = 60_000_000_000;

/// Where the measurements go.
enum Controller {
    Pi(Box<Servo>),
    Linreg(Box<Linreg>),
    Adaptive(Box<Adaptive>),
    Shm(NtpShm),
    Sock { sock: ChronySock, missing: RateLimit },
}

impl Controller {
    fn new(
        settings: &Settings,
        config: ServoConfig,
        frequency: f64,
        domain: Option<usize>,
    ) -> Result<Self, ClockError> {
        let interval = 1.0 / settings.rate;
        let fan_out = settings.fan_out.get(domain.unwrap_or(0)).cloned().map(Output::ChronySock);
        Ok(match fan_out.as_ref().unwrap_or(&settings.output) {
            Output::Pi => {
                let mut servo = Servo::new(config, frequency);
                servo.set_interval(interval);
                Self::Pi(Box::new(servo))
            }
            Output::Linreg => {
                let mut servo = Linreg::new(config, frequency);
                servo.set_interval(interval);
                Self::Linreg(Box::new(servo))
            }
            Output::Adaptive => {
                let config = AdaptiveConfig {
                    servo: config,
                    measuring: Measuring::Offset,
                    ..AdaptiveConfig::default()
                };
                let mut servo = Adaptive::new(config, frequency);
                servo.set_interval(interval);
                Self::Adaptive(Box::new(servo))
            }
            Output::NtpShm(unit) => Self::Shm(NtpShm::open(*unit)?),
            Output::ChronySock(path) => {
                Self::Sock { sock: ChronySock::new(Path::new(path))?, missing: RateLimit::new(STRANGER_NS) }
            }
        })
    }

    /// `None`: an NTP daemon decides.
    fn sample(&mut self, offset: TimeInterval, local: TimePoint) -> Option<Decision> {
        match self {
            Self::Pi(s) => Some(s.sample(offset, local, 1.0)),
            Self::Linreg(s) => Some(s.sample(offset, local, 1.0)),
            Self::Adaptive(s) => Some(s.forward(offset, local)),
            Self::Shm(_) | Self::Sock { .. } => None,
        }
    }

    fn reset(&mut self) {
        match self {
            Self::Pi(s) => s.reset(),
            Self::Linreg(s) => s.reset(),
            Self::Adaptive(s) => s.reset(),
            Self::Shm(_) | Self::Sock { .. } => {}
        }
    }

    fn frequency(&self) -> Option<f64> {
        match self {
            Self::Pi(s) => Some(s.frequency_ppb()),
            Self::Linreg(s) => Some(s.frequency_ppb()),
            Self::Adaptive(s) => Some(s.frequency_ppb()),
            Self::Shm(_) | Self::Sock { .. } => None,
        }
    }
}

/// A measurement of the clock.
#[derive(Clone, Debug)]
pub(crate) struct Measurement {
    /// The clock minus what it should show; [`TimeInterval::MAX`] or its negative: 39 hours or more.
    pub(crate) offset: TimeInterval,
    /// What it showed.
    pub(crate) local: TimePoint,
    /// How long the reading took; `None`: it is no reading.
    pub(crate) delay: Option<TimeInterval>,
    /// `phc`, `sys` or `pps`.
    pub(crate) kind: &'static str,
    /// For the kernel and NTP daemons.
    pub(crate) leap: LeapSecond,
}

/// A clock and its servo.
pub(crate) struct Sink {
    pub(crate) clock: ClockId,
    /// What it follows.
    pub(crate) source: Source,
    controller: Controller,
    watch: Watch,
    strangers: RateLimit,
    /// It may still be set without regard to the step threshold.
    may_set: bool,
    always_step: bool,
    statistics: OffsetStatistics,
    state: ServoState,
    /// What was measured last.
    offset: Option<TimeInterval>,
    /// Somebody else steers it, or nobody.
    measures_only: bool,
    /// For the evidence log.
    pub(crate) measured: Interval,
    /// For metrics.
    pub(crate) seen: Seen,
}

/// What was noticed of a clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) samples: Samples,
    pub(crate) frequency_ppb: f64,
    pub(crate) bound_ns: Option<f64>,
    /// Times somebody else adjusted it.
    pub(crate) strangers: u64,
}

impl Sink {
    pub(crate) fn new(
        clock: ClockId,
        source: Source,
        entry: &mut Entry,
        settings: &Settings,
    ) -> Result<Self, ClockError> {
        let config = servo_config(settings, entry.clock.max_frequency());
        let frequency = entry.clock.frequency()?;
        let controller = Controller::new(settings, config, frequency, source.domain)?;
        let mut watch = Watch::default();
        if !settings.free_running
            && let Some(frequency) = controller.frequency()
        {
            // What the servo takes for in force, is; and a missing right is noticed now, not after the first steps.
            entry.clock.set_frequency(frequency)?;
            watch.set(entry.clock.as_mut(), false)?;
        }
        Ok(Self {
            clock,
            source,
            controller,
            watch,
            strangers: RateLimit::new(STRANGER_NS),
            may_set: config.first_step_threshold.is_some(),
            always_step: config.step_threshold.is_some(),
            statistics: OffsetStatistics::new(),
            state: ServoState::Unlocked,
            offset: None,
            measures_only: settings.free_running || settings.feeds_ntp(),
            measured: Interval::default(),
            seen: Seen::default(),
        })
    }

    /// Gains, thresholds and rate of a reload. What the servo knows of the clock stays, and so does its frequency.
    pub(crate) fn configure(&mut self, entry: &Entry, settings: &Settings) {
        let config = servo_config(settings, entry.clock.max_frequency());
        self.always_step = config.step_threshold.is_some();
        let interval = 1.0 / settings.rate;
        match &mut self.controller {
            Controller::Pi(servo) => {
                servo.set_config(config);
                servo.set_interval(interval);
            }
            Controller::Linreg(servo) => {
                servo.set_config(config);
                servo.set_interval(interval);
            }
            Controller::Adaptive(servo) => {
                servo.set_config(config);
                servo.set_interval(interval);
            }
            Controller::Shm(_) | Controller::Sock { .. } => {}
        }
    }

    /// It tracks.
    pub(crate) fn is_locked(&self) -> bool {
        self.state.is_locked()
    }

    /// It does what it is for: tracks, or is measured where somebody else steers.
    pub(crate) fn is_good(&self) -> bool {
        self.is_locked() || (self.offset.is_some() && self.measures_only)
    }

    /// One line for the service manager.
    pub(crate) fn describe(&self, label: &str) -> String {
        match self.offset {
            None => format!("{label} not measured yet"),
            Some(offset) => {
                let state = if self.is_locked() {
                    "locked"
                } else if self.measures_only {
                    "measured only"
                } else {
                    "not locked"
                };
                format!("{label} offset {} ns, {state}", offset.nanos())
            }
        }
    }

    /// Another source: what was measured against the old one says nothing of the new one's frequency, but the clock's own
    /// frequency is known.
    pub(crate) fn follow(&mut self, source: Source) {
        if self.source != source {
            self.source = source;
            self.controller.reset();
        }
    }

    /// Looks for strangers. Call it before the measurement.
    pub(crate) fn look(
        &mut self,
        entry: &mut Entry,
        settings: &Settings,
        now: u64,
    ) -> Result<(), ClockError> {
        if settings.free_running || settings.feeds_ntp() {
            return Ok(());
        }
        let (intrusion, insane) = self.watch.check(entry.clock.as_mut(), settings.sanity)?;
        self.seen.strangers = self.seen.strangers.saturating_add(intrusion.is_some().into());
        if let Some(intrusion) = intrusion
            && let Some(more) = self.strangers.allow(now)
        {
            let who = suspects(&entry.name);
            let who = match who.as_str() {
                "" => "no program known to do that runs: look for date, adjtimex, hwclock, phc_ctl, or a hypervisor"
                    .to_owned(),
                who => format!("look at {who}"),
            };
            let more = if more > 0 { format!(", {more} times before") } else { String::new() };
            warn!(target: "clocks", "{}: somebody else adjusts this clock ({intrusion}{more}); {who}", entry.label);
        }
        match insane {
            Some(Insane::Forward) => {
                warn!(target: "clocks", "clockcheck: clock jumped forward or running faster than expected!")
            }
            Some(Insane::Backward) => {
                warn!(target: "clocks", "clockcheck: clock jumped backward or running slower than expected!")
            }
            None => {}
        }
        if insane.is_some() {
            self.controller.reset();
        }
        Ok(())
    }

    /// Takes a measurement, steers, tells. `target` is what the clock should show, for a clock that is far off. True: the clock
    /// was stepped.
    pub(crate) fn update(
        &mut self,
        entry: &mut Entry,
        settings: &Settings,
        m: &Measurement,
        target: impl FnOnce() -> Result<Option<TimePoint>, ClockError>,
        now: u64,
    ) -> Result<bool, ClockError> {
        self.offset = Some(m.offset);
        if settings.free_running {
            let frequency = entry.clock.frequency()?;
            self.tell(entry, settings, m, frequency, now);
            return Ok(false);
        }
        let far = m.offset.abs() == TimeInterval::MAX;
        if far
            && (self.may_set || self.always_step)
            && self.controller.frequency().is_some()
            && let Some(to) = target()?
        {
            entry.clock.set(to)?;
            self.controller.reset();
            self.watch.set(entry.clock.as_mut(), true)?;
            self.seen.samples.stepped(true);
            warn!(target: "servo", "{} was more than a day off, now set to {to}", entry.label);
            return Ok(true);
        }
        let Some(d) = self.controller.sample(m.offset, m.local) else {
            self.hand_over(m, now)?;
            self.state = ServoState::Unlocked;
            let frequency = entry.clock.frequency()?;
            self.tell(entry, settings, m, frequency, now);
            return Ok(false);
        };
        self.state = d.state;
        entry.clock.set_frequency(d.frequency_ppb)?;
        if let Some(step) = d.step {
            entry.clock.step(step)?;
        }
        self.watch.set(entry.clock.as_mut(), d.step.is_some())?;
        if d.state.is_locked() {
            self.may_set = false;
            if entry.clock.is_system() {
                SystemClock::new().set_synchronized(MAX_ERROR)?;
            }
        }
        self.seen.samples.stepped(d.step.is_some());
        self.tell(entry, settings, m, d.frequency_ppb, now);
        Ok(d.step.is_some())
    }

    /// To the NTP daemon.
    fn hand_over(&mut self, m: &Measurement, now: u64) -> Result<(), ClockError> {
        let sample = RefclockSample { system: m.local, offset: -m.offset, leap: m.leap };
        match &mut self.controller {
            Controller::Shm(shm) => shm.write(&sample),
            Controller::Sock { sock, missing } => match sock.send(&sample) {
                Ok(()) => {}
                Err(e @ (ClockError::NotFound { .. } | ClockError::Busy { .. })) => {
                    if missing.allow(now).is_some() {
                        warn!(
                            "nobody reads {}: is chronyd running with `refclock SOCK`? ({e})",
                            sock.path().display()
                        );
                    }
                }
                Err(e) => return Err(e),
            },
            _ => {}
        }
        Ok(())
    }

    /// How it stands with the clock.
    pub(crate) fn clock_state(&self, settings: &Settings) -> ClockState {
        match self.state {
            _ if settings.free_running || settings.feeds_ntp() => ClockState::Measured,
            state if state.is_locked() => ClockState::Locked,
            _ => ClockState::Acquiring,
        }
    }

    fn tell(&mut self, entry: &Entry, settings: &Settings, m: &Measurement, frequency: f64, now: u64) {
        let (offset_ns, delay_ns) = (m.offset.nanos_f64(), m.delay.map(TimeInterval::nanos_f64));
        self.seen.samples.measured(LastSample { at: now, offset_ns, delay_ns });
        self.seen.frequency_ppb = frequency;
        if settings.evidence.is_some() {
            let delay = m.delay.map(TimeInterval::nanos_f64);
            // What a reading leaves open: when in its time the other clock was read.
            self.measured.push(m.offset.nanos_f64(), delay, frequency, delay.map(|d| d / 2.0));
        }
        // linuxptp tells how much too fast the clock is by itself, which is minus what it is set to.
        let frequency = if settings.drop_in { -frequency } else { frequency };
        if settings.summary <= 1 {
            info!(target: "servo", "{}", line(&entry.label, m.kind, m.offset, self.state, frequency, m.delay));
            return;
        }
        self.statistics.push(m.offset, frequency, m.delay);
        if self.statistics.count() >= settings.summary {
            if let Some(summary) = self.statistics.summary() {
                info!(target: "servo", "{} {summary}", entry.label);
            }
            self.statistics.reset();
        }
    }

    /// No measurements for a while.
    pub(crate) fn pause(&mut self) {
        self.watch.forget();
    }
}

fn servo_config(settings: &Settings, max_frequency: f64) -> ServoConfig {
    let interval = |seconds: f64| (seconds > 0.0).then(|| TimeInterval::from_nanos_f64(seconds * 1e9));
    ServoConfig {
        pi: PiConfig {
            proportional_const: settings.proportional,
            integral_const: settings.integral,
            ..PiConfig::hardware()
        },
        first_step_threshold: interval(settings.first_step),
        step_threshold: interval(settings.step),
        max_frequency_ppb: settings.max_frequency.min(max_frequency),
        ..ServoConfig::default()
    }
}

/// The line that scripts know from phc2sys.
fn line(
    sink: &str,
    source: &str,
    offset: TimeInterval,
    state: ServoState,
    frequency: f64,
    delay: Option<TimeInterval>,
) -> String {
    let offset = offset.nanos();
    match delay {
        Some(delay) => {
            let delay = delay.nanos();
            format!("{sink} {source} offset {offset:9} {state} freq {frequency:+7.0} delay {delay:6}")
        }
        None => format!("{sink} {source} offset {offset:9} {state} freq {frequency:+7.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_the_one_scripts_know() {
        let ns = TimeInterval::from_nanos;
        assert_eq!(
            line("CLOCK_REALTIME", "phc", ns(-1234), ServoState::Locked, -12345.6, Some(ns(512))),
            "CLOCK_REALTIME phc offset     -1234 s2 freq  -12346 delay    512"
        );
        assert_eq!(
            line("CLOCK_REALTIME", "pps", ns(7), ServoState::Jump, 0.4, None),
            "CLOCK_REALTIME pps offset         7 s1 freq      +0"
        );
    }

    #[test]
    fn thresholds_and_limits_reach_the_servo() {
        let settings = Settings { step: 0.5, max_frequency: 1e9, ..Settings::default() };
        let config = servo_config(&settings, 1_000.0);
        assert_eq!(config.first_step_threshold, Some(TimeInterval::from_nanos(20_000)));
        assert_eq!(config.step_threshold, Some(TimeInterval::from_nanos(500_000_000)));
        assert_eq!(config.max_frequency_ppb, 1_000.0);
        assert_eq!(config.pi.gains(1.0).proportional, 0.7);
    }
}
