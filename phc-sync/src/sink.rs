//! One clock that is steered.

use ptp_clock::{Clock, ClockError, LeapSecond, RefclockSample, SystemClock};
use ptp_daemon::RateLimit;
use ptp_daemon::metrics::{LastSample, Samples};
use ptp_evidence::{ClockState, Interval};
use ptp_program::Returned;
use ptp_servo::{OffsetStatistics, OscillatorModel, PiConfig, ServoConfig, ServoState};
use ptp_wire::{TimeInterval, TimePoint};
use tracing::{info, warn};

use crate::clocks::Entry;
use crate::controller::Controller;
use crate::plan::{ClockId, Source};
use crate::settings::{Output, Settings};
use crate::watch::{Insane, Watch, suspects};

/// The kernel is told this largest error for a system clock that is steered: it only has to be below 16 s, where the
/// kernel would stop keeping the RTC in step.
const MAX_ERROR: TimeInterval = TimeInterval::from_nanos(1_000_000);
/// [`Measurement::kind`] of what several sources agree on.
pub(crate) const MAJORITY: &str = "all";
/// Between two words about the same stranger, ns.
const STRANGER_NS: u64 = 60_000_000_000;

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
    /// How far off its source may be, ns.
    pub(crate) source_error_ns: f64,
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
    /// Nobody knows a source for it at present.
    pub(crate) orphan: bool,
    /// Somebody else was seen to change it.
    changed: bool,
    lost: Option<Lost>,
    /// Of the source, when it was last measured, ns.
    source_error_ns: f64,
    returned: Option<Returned>,
}

/// The time without a source.
#[derive(Clone, Copy, Debug)]
struct Lost {
    /// When it was last measured, ns of CLOCK_MONOTONIC.
    since: u64,
    /// What it followed.
    source: Source,
    /// With 99 % what it lost since is below this by now, ns; `None`: nobody knows.
    bound_ns: Option<f64>,
    /// Somebody else changed it meanwhile.
    void: bool,
}

/// What was noticed of a clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) samples: Samples,
    pub(crate) frequency_ppb: f64,
    pub(crate) bound_ns: Option<f64>,
    /// Times somebody else adjusted it.
    pub(crate) strangers: u64,
    /// Times without a source that ended, and those of them whose error was within the bound.
    pub(crate) holdovers: u64,
    pub(crate) holdovers_within: u64,
}

impl Sink {
    /// `model`: what is known of its oscillator from before.
    pub(crate) fn new(
        clock: ClockId,
        source: Source,
        entry: &mut Entry,
        settings: &Settings,
        model: Option<OscillatorModel>,
    ) -> Result<Self, ClockError> {
        let config = servo_config(settings, entry.clock.max_frequency());
        let measures_only = settings.free_running || settings.feeds_ntp();
        let known = model
            .map(|m| -m.frequency_ppb)
            .filter(|f| f.abs() <= config.max_frequency_ppb)
            .filter(|_| !measures_only);
        let frequency = known.unwrap_or(entry.clock.frequency()?);
        let mut controller = Controller::new(settings, config, frequency, source.domain, model)?;
        let mut watch = Watch::default();
        if !settings.free_running
            && let Some(frequency) = controller.servo().map(|s| s.frequency_ppb())
        {
            // What the servo takes for in force, is; and a missing right is noticed now, not after the first steps.
            entry.clock.set_frequency(frequency)?;
            watch.set(entry.clock.as_mut(), false)?;
            if let Some(known) = known {
                info!(target: "servo", "{} starts at the last known frequency, {known:+.3} ppb", entry.label);
            }
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
            measures_only,
            measured: Interval::default(),
            seen: Seen::default(),
            orphan: false,
            changed: false,
            lost: None,
            source_error_ns: 0.0,
            returned: None,
        })
    }

    /// Gains, thresholds, rate and kind of servo of a reload. What the servo knows of the clock stays, and so does its
    /// frequency.
    pub(crate) fn configure(&mut self, entry: &Entry, settings: &Settings) {
        let config = servo_config(settings, entry.clock.max_frequency());
        self.always_step = config.step_threshold.is_some();
        if let (Some(servo), Output::Servo(kind)) = (self.controller.servo(), &settings.output) {
            servo.configure(*kind, config, 1.0 / settings.rate);
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
    pub(crate) fn describe(&self, label: &str, now: u64) -> String {
        if let Some(lost) = &self.lost {
            let for_s = now.saturating_sub(lost.since) as f64 * 1e-9;
            return match self.held_bound_ns() {
                Some(bound) => {
                    format!("{label} without a source for {for_s:.0} s, error below {bound:.0} ns")
                }
                None => format!("{label} without a source for {for_s:.0} s, error unknown"),
            };
        }
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

    /// Another source.
    pub(crate) fn follow(&mut self, source: Source) {
        self.orphan = false;
        if std::mem::replace(&mut self.source, source) != source
            && let (Some(servo), None) = (self.controller.servo(), &self.lost)
        {
            servo.source_changed();
        }
    }

    /// There is something to hold it by when its source is lost.
    pub(crate) fn can_hold(&mut self) -> bool {
        !self.measures_only && self.controller.servo().is_some_and(|s| s.learns() && s.learnt_ppb().is_some())
    }

    /// It has no source at present.
    pub(crate) const fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// Nothing was measured for longer than this, ns, and there is something to hold it by.
    pub(crate) fn is_overdue(&mut self, now: u64, patience_ns: u64) -> bool {
        let last = self.seen.samples.last;
        last.is_some_and(|l| now.saturating_sub(l.at) > patience_ns) && self.can_hold()
    }

    /// Without a source: how far off it may be by now, ns; `None`: nobody knows, or there is a source.
    pub(crate) fn held_bound_ns(&self) -> Option<f64> {
        Some(self.lost?.bound_ns? + self.source_error_ns)
    }

    /// How far off its source was at most when it was last measured, ns.
    pub(crate) const fn source_error_ns(&self) -> f64 {
        self.source_error_ns
    }

    /// Somebody else changed it since it lost its source: nothing is known.
    pub(crate) fn is_void(&self) -> bool {
        self.lost.is_some_and(|l| l.void)
    }

    /// For how long it has been held on a prediction, s.
    pub(crate) fn held_s(&self, now: u64) -> Option<f64> {
        self.controller.servo_ref()?.held_s(now)
    }

    /// What was learnt of its oscillator, if it is worth keeping.
    pub(crate) fn model(&self) -> Option<OscillatorModel> {
        self.controller.servo_ref().and_then(|s| s.model()).filter(|_| !self.measures_only)
    }

    /// The end of a time without source, once.
    pub(crate) const fn take_returned(&mut self) -> Option<Returned> {
        self.returned.take()
    }

    /// Nothing to follow for now: it runs on by what was learnt of it. Call it once a second or more often. True: it just began.
    pub(crate) fn hold(&mut self, entry: &mut Entry, now: u64) -> Result<bool, ClockError> {
        let changed = std::mem::take(&mut self.changed);
        let Some(servo) = self.controller.servo() else { return Ok(false) };
        let begun = self.lost.is_none();
        let since = self.seen.samples.last.map_or(now, |l| l.at);
        let lost = self.lost.get_or_insert(Lost { since, source: self.source, bound_ns: None, void: false });
        if changed && !begun {
            servo.void();
            lost.void = true;
        }
        // Without a prediction the frequency that was learnt is set once.
        let frequency = match lost.void || (!begun && servo.held_s(now).is_none()) {
            true => None,
            false => servo.hold(lost.since, now, &entry.label),
        };
        let differs = |ppb: &f64| (ppb - self.seen.frequency_ppb).abs() > 1e-4;
        if let Some(ppb) = frequency.filter(differs) {
            entry.clock.set_frequency(ppb)?;
            servo.held(ppb, entry.clock.now()?);
            self.seen.frequency_ppb = ppb;
            self.watch.set(entry.clock.as_mut(), false)?;
        }
        lost.bound_ns = servo.bound_ns(now);
        self.state = ServoState::Unlocked;
        Ok(begun)
    }

    /// There is something to follow again: how far off the clock was, and how far it could have been.
    fn back(&mut self, entry: &Entry, m: &Measurement, now: u64) {
        let Some(lost) = self.lost.take() else { return };
        // Two sources may differ by what both are off.
        let differ = lost.source != self.source || m.kind == MAJORITY;
        let differ_ns = if differ { self.source_error_ns + m.source_error_ns } else { 0.0 };
        let own_ns = differ_ns + m.delay.map_or(0.0, TimeInterval::nanos_f64) / 2.0;
        let held_ppb = self.seen.frequency_ppb;
        if let Some(servo) = self.controller.servo() {
            let returned = servo.back(now, &entry.label, m.offset, own_ns, held_ppb);
            if let Some(returned) = &returned {
                self.seen.holdovers += 1;
                self.seen.holdovers_within += u64::from(returned.within);
            }
            self.returned = returned;
        }
    }

    /// The program ends: the clock runs on with what it needs, without what was to take back the last offset.
    pub(crate) fn leave(&mut self, entry: &mut Entry) -> Result<(), ClockError> {
        let learns = self.is_locked() && !self.measures_only;
        let Some(servo) = self.controller.servo().filter(|s| learns && s.learns()) else { return Ok(()) };
        match servo.learnt_ppb() {
            Some(ppb) => entry.clock.set_frequency(ppb),
            None => Ok(()),
        }
    }

    /// Looks for strangers. Call it once before the measurement, and before [`Sink::hold`].
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
        self.changed |= intrusion.is_some() || insane.is_some();
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
        if let (true, Some(servo)) = (insane.is_some(), self.controller.servo()) {
            servo.reset();
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
        self.back(entry, m, now);
        self.changed = false;
        self.source_error_ns = m.source_error_ns;
        if settings.free_running {
            let frequency = entry.clock.frequency()?;
            self.tell(entry, settings, m, frequency, now);
            return Ok(false);
        }
        let far = m.offset.abs() == TimeInterval::MAX;
        if far
            && (self.may_set || self.always_step)
            && let Some(servo) = self.controller.servo()
            && let Some(to) = target()?
        {
            entry.clock.set(to)?;
            servo.reset();
            self.watch.set(entry.clock.as_mut(), true)?;
            self.seen.samples.stepped(true);
            warn!(target: "servo", "{} was more than a day off, now set to {to}", entry.label);
            return Ok(true);
        }
        let Some(d) = self.controller.servo().map(|s| s.sample(m.offset, m.local)) else {
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
        if self.is_lost() {
            let within = self.held_bound_ns().is_some_and(|b| b <= settings.holdover_limit_ns);
            return if within { ClockState::Holdover } else { ClockState::Free };
        }
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
