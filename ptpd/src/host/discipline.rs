//! From samples to the clock: the servo's decisions, carried out and told.

use crate::engine::{Delay, DelaySample, Engine, Input, Instant, Sample, ServoState};
use ptp_clock::{Clock, ClockError, LeapSecond};
use ptp_daemon::RateLimit;
use ptp_program::Holding;
use ptp_servo::{Controller, Decision, Estimate, Measuring, Steering};
use ptp_wire::{LogInterval, PortIdentity, PortNumber, TimeInterval, TimePoint};
use tracing::{info, warn};

use super::measured::{FromMaster, Measured};
use super::memory::Memory;
use super::refclock::Feed;
use super::sanity::Sanity;
use super::telling::Telling;

/// So many samples in a row have to be tracked before the frequency they led to is held without a master.
const TRUST_AFTER: u32 = 4;
/// So many samples a servo may take to know the oscillator of a clock that was taken over in its time.
const TAKE_OVER: u32 = 64;

/// No grandmaster's frequency changes by more, ppb: what says so is not believed.
const LARGEST_ANNOUNCED_PPB: f64 = 1_000_000.0;

/// What a sample led to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// The clock was stepped or set: the engine has to be told.
    pub stepped: bool,
    /// What the engine is told of the servo.
    pub state: ServoState,
}

/// Where samples come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Source {
    port: PortNumber,
    master: PortIdentity,
}

/// The servo with what it needs to be trusted with a clock: one for each clock that is kept.
#[derive(Debug)]
pub struct Discipline {
    servo: Controller,
    steering: Steering,
    free_running: bool,
    /// An NTP daemon gets the offsets; the clock is free running then.
    feed: Option<Feed>,
    log_interval: Option<LogInterval>,
    source: Option<Source>,
    /// There is a master. Peer delays are measured without one, too.
    following: bool,
    /// Samples for which a clock that was taken over counts as locked: it keeps the time of the one before, and only its
    /// oscillator has to be learnt.
    taken_over: u32,
    /// Of the last decision, in ppb.
    frequency: f64,
    locked: bool,
    /// It has been locked before: the first step is over.
    tracked: bool,
    /// The frequency to go back to when there is no master, in ppb.
    trusted: f64,
    /// Samples tracked in a row.
    trusted_samples: u32,
    /// Samples from the master that are still ignored after a step.
    ignored: u32,
    /// Steps that nobody has asked for yet.
    stepped_by: TimeInterval,
    holding: Holding,
    sanity: Sanity,
    /// The raw time, ns, where the host has told it.
    raw_ns: Option<u64>,
    telling: Telling,
    trouble: RateLimit,
    clock_gone: bool,
}

impl Discipline {
    /// Starts at the frequency the clock runs with, or at the one that was kept for it. `summary`: ns between lines;
    /// `None`: one per sample.
    ///
    /// # Errors
    /// The clock cannot be read or steered.
    pub fn new(
        mut steering: Steering,
        clock: &mut dyn Clock,
        free_running: bool,
        memory: Memory,
        summary: Option<u64>,
    ) -> Result<Self, ClockError> {
        let servo = &mut steering.servo;
        servo.max_frequency_ppb = servo.max_frequency_ppb.min(clock.max_frequency());
        let mut frequency = clock.frequency()?;
        let saved = memory.frequency_ppb;
        if let Some(saved) = saved.filter(|f| !free_running && f.abs() <= servo.max_frequency_ppb) {
            clock.set_frequency(saved)?;
            let age = memory.age_s.map_or(String::new(), |age| format!(", of {age:.0} s ago"));
            info!("{} starts at the last known frequency, {saved:+.3} ppb{age}", clock.name());
            frequency = saved;
        }
        Ok(Self {
            servo: Controller::new(&steering, frequency),
            steering,
            free_running,
            feed: None,
            log_interval: None,
            source: None,
            following: false,
            taken_over: 0,
            frequency,
            locked: false,
            tracked: false,
            trusted: frequency,
            trusted_samples: 0,
            ignored: 0,
            stepped_by: TimeInterval::ZERO,
            holding: Holding::new(memory.oscillator),
            sanity: Sanity::default(),
            raw_ns: None,
            telling: Telling::new(summary),
            trouble: RateLimit::new(10_000_000_000),
            clock_gone: false,
        })
    }

    /// Tells frequencies as linuxptp does: how much too fast the clock is by itself, which is minus what it is set to.
    pub fn tell_as_linuxptp(&mut self) {
        self.telling.as_linuxptp();
    }

    /// Hands the offsets to an NTP daemon: nothing is steered from here on, and the state is never more than
    /// [`ServoState::Unlocked`].
    pub fn feed(&mut self, feed: Feed) {
        self.feed = Some(feed);
        self.free_running = true;
    }

    /// The leap second at the end of this UTC day, for who gets the offsets. False: nobody does.
    pub fn tell_leap(&mut self, leap: LeapSecond) -> bool {
        self.feed.iter_mut().for_each(|feed| feed.set_leap(leap));
        self.feed.is_some()
    }

    /// What is worth keeping for a restart: a frequency only if the servo tracked with it, and without what the last
    /// decision held to take back the last offset.
    pub fn memory(&self) -> Memory {
        Memory {
            frequency_ppb: match self.locked {
                _ if self.free_running => None,
                true => Some(self.servo.learnt_ppb()),
                false => self.holding.is_running().then_some(self.trusted),
            },
            oscillator: self.holding.model().filter(|_| !self.free_running),
            age_s: Some(0.0),
        }
    }

    /// What an adaptive servo holds to be true; `None` for the others and before it tracks.
    pub fn estimate(&self) -> Option<Estimate> {
        match &self.servo {
            // Of a new master nothing is known before messages of both directions have come.
            Controller::Adaptive(a) if self.locked => Some(a.estimate()).filter(|e| e.sigma_ns > 0.0),
            _ => None,
        }
    }

    /// The clock is only measured: nobody steers it, or what is measured goes to another program.
    pub const fn only_measures(&self) -> bool {
        self.free_running
    }

    /// The frequency correction in force, ppb.
    pub const fn frequency_ppb(&self) -> f64 {
        self.frequency
    }

    /// 99 % of the errors are below this, ns: by the servo, or by what it has learnt of the oscillator while there is no
    /// master. `None`: nobody knows.
    pub fn error_bound_ns(&self, now_ns: u64) -> Option<f64> {
        self.holding.bound_ns(now_ns).or_else(|| self.estimate()?.error_bound_ns())
    }

    /// The servo tracks its master.
    pub const fn is_locked(&self) -> bool {
        self.locked
    }

    /// The clock runs on a prediction.
    pub fn is_holding(&self) -> bool {
        self.holding.is_running()
    }

    /// For how long the clock has been running on a prediction, s; `None`: there is a master, or nothing is predicted.
    pub fn holdover_s(&self, now_ns: u64) -> Option<f64> {
        self.holding.running_s(now_ns)
    }

    /// Tells the time of a clock that nobody steers (CLOCK_MONOTONIC_RAW), ns, at the next sample.
    pub fn raw_time(&mut self, raw_ns: u64) {
        self.raw_ns = Some(raw_ns);
    }

    /// There is no master any more. The clock goes on at the frequency that was learnt: the last decision also holds
    /// the way back from the last offset, which must not drift on.
    pub fn release(&mut self, now_ns: u64, clock: &mut dyn Clock) {
        if self.free_running {
            return;
        }
        self.taken_over = 0;
        let trusted = self.trusted_samples >= TRUST_AFTER;
        let predicted = match &self.servo {
            Controller::Adaptive(a) if trusted => {
                // Nobody takes the rest of the offset back any more.
                let left = a.estimate().offset_ns;
                self.holding.begin(now_ns, clock.name(), a, left)
            }
            _ => None,
        };
        if trusted {
            self.trusted = predicted.unwrap_or_else(|| self.servo.learnt_ppb());
            if self.servo.adaptive().is_none() {
                self.servo.reset();
            }
        } else {
            // An estimate that was never put to the test is not worth holding: what was known before is.
            self.servo = Controller::new(&self.steering, self.trusted);
            self.log_interval = None;
        }
        self.trusted_samples = 0;
        self.locked = false;
        self.following = false;
        self.telling.lost();
        self.hold(now_ns, clock, self.trusted);
    }

    /// Steers by what the oscillator is predicted to do. To be called now and then, once a second is enough.
    pub fn idle(&mut self, now_ns: u64, clock: &mut dyn Clock) {
        if let Some(frequency) = self.holding.due(now_ns, clock.name())
            && (frequency - self.frequency).abs() > 1e-4
        {
            self.hold(now_ns, clock, frequency);
        }
    }

    fn hold(&mut self, now_ns: u64, clock: &mut dyn Clock, frequency: f64) {
        self.frequency = frequency;
        let done = clock.set_frequency(frequency).and_then(|()| clock.now());
        match (done, self.servo.adaptive()) {
            (Ok(now), Some(a)) => a.steered(frequency, now),
            (Ok(_), None) => {}
            (Err(e), _) => {
                if self.trouble.allow(now_ns).is_some() {
                    warn!("cannot steer {}: {e}", clock.name());
                }
            }
        }
    }

    /// New settings; the servo starts over only if they differ.
    pub fn configure(&mut self, mut steering: Steering, clock: &mut dyn Clock, summary: Option<u64>) {
        let servo = &mut steering.servo;
        servo.max_frequency_ppb = servo.max_frequency_ppb.min(clock.max_frequency());
        self.telling.every(summary);
        if steering != self.steering {
            self.steering = steering;
            self.servo = Controller::new(&steering, self.frequency);
            self.log_interval = None;
        }
    }

    /// `ahead_by_scale`: how far the master's timescale is ahead of the clock's; what is measured is without it.
    pub fn measured(
        &mut self,
        now_ns: u64,
        clock: &mut dyn Clock,
        measured: Measured,
        ahead_by_scale: TimeInterval,
    ) -> Option<Outcome> {
        match measured {
            Measured::Offset(s) => Some(self.sample(now_ns, clock, s, ahead_by_scale)),
            Measured::Forward(s) => {
                let adaptive = self.servo.adaptive().is_some() && !self.free_running;
                adaptive.then(|| self.sync(now_ns, clock, s.into(), ahead_by_scale))
            }
            Measured::Delay(d) => self.delay(now_ns, clock, &d, ahead_by_scale),
            Measured::TimeBase { phase, frequency } => {
                self.time_base_changed(now_ns, clock, phase, (frequency - 1.0) * 1e9)
            }
        }
    }

    /// A Sync with its offset.
    pub fn sample(
        &mut self,
        now_ns: u64,
        clock: &mut dyn Clock,
        sample: Sample,
        ahead_by_scale: TimeInterval,
    ) -> Outcome {
        self.sync(now_ns, clock, sample.into(), ahead_by_scale)
    }

    fn sync(
        &mut self,
        now_ns: u64,
        clock: &mut dyn Clock,
        mut sample: FromMaster,
        ahead_by_scale: TimeInterval,
    ) -> Outcome {
        // An offset beyond an interval's reach stays at its end: adding to it would make it look like a true one.
        // Only the two times tell: a delay taken from an interval's end leaves what looks like an offset.
        let far = i64::try_from(sample.ingress.scaled() - sample.origin.scaled()).is_err();
        if !far {
            sample.forward += ahead_by_scale;
            if let Some((offset, ..)) = &mut sample.computed {
                *offset += ahead_by_scale;
            }
        }
        let sample = &sample;
        if let Some(feed) = &mut self.feed {
            if let Some((offset, ..)) = sample.computed.filter(|_| !far) {
                feed.hand_over(now_ns, offset, sample.ingress);
            }
            self.tell(now_ns, sample, Some((ptp_servo::ServoState::Unlocked, self.frequency)));
            return Outcome { stepped: false, state: ServoState::Unlocked };
        }
        if self.free_running {
            self.tell(now_ns, sample, None);
            return Outcome { stepped: false, state: ServoState::Locked };
        }
        if self.ignored > 0 {
            self.ignored -= 1;
            let locked = self.locked || self.taken_over > 0;
            let state = if locked { ServoState::Locked } else { ServoState::Unlocked };
            return Outcome { stepped: false, state };
        }
        self.check_sanity(clock, sample.ingress);
        if self.log_interval != Some(sample.log_interval) {
            self.log_interval = Some(sample.log_interval);
            self.servo.set_interval(sample.log_interval.seconds());
        }
        self.settle_source(now_ns, clock.name(), sample);
        let done = if far {
            self.set_from_afar(now_ns, clock, sample, ahead_by_scale)
        } else {
            let decision = self.decide(sample);
            self.carry_out(now_ns, clock, decision, Some(sample))
        };
        self.outcome(now_ns, clock, done)
    }

    /// What the grandmaster says of itself. A jump that would be stepped away anyway is stepped at once, without starting
    /// over; a smaller one is taken as known, so that nobody takes it for a frequency.
    fn time_base_changed(
        &mut self,
        now_ns: u64,
        clock: &mut dyn Clock,
        phase: TimeInterval,
        frequency_ppb: f64,
    ) -> Option<Outcome> {
        if !self.following || self.free_running || !self.locked {
            return None;
        }
        if let Some(servo) = self.servo.adaptive()
            && frequency_ppb.abs() <= LARGEST_ANNOUNCED_PPB
        {
            servo.master_disturbed(frequency_ppb);
        }
        let threshold = self.steering.servo.step_threshold;
        let steps = threshold.is_some_and(|t| phase.abs() > t) && phase.abs() != TimeInterval::MAX;
        if !steps {
            if let Some(servo) = self.servo.adaptive() {
                servo.master_jumped(phase);
            }
            return None;
        }
        let done = clock.now().and_then(|before| clock.step(phase).map(|()| before));
        let done = done.map(|before| {
            if let Some(servo) = self.servo.adaptive() {
                // Both have jumped: between them nothing has.
                servo.clock_stepped(phase, before);
                servo.master_jumped(phase);
            }
            info!("{} stepped by {:+.0} ns, as its grandmaster", clock.name(), phase.nanos_f64());
            self.sanity.restart();
            self.stepped_by += phase;
            // What arrived before the step has the old stamp.
            self.ignored = 1;
            Outcome { stepped: true, state: ServoState::Locked }
        });
        Some(self.outcome(now_ns, clock, done))
    }

    /// By how much the clock was stepped since this was last asked; zero where it was set farther than an interval can say.
    pub fn take_step(&mut self) -> TimeInterval {
        std::mem::take(&mut self.stepped_by)
    }

    /// A measurement of the other direction: only an adaptive servo takes it by itself, and only of the link that its
    /// master is on.
    fn delay(
        &mut self,
        now_ns: u64,
        clock: &mut dyn Clock,
        sample: &DelaySample,
        ahead_by_scale: TimeInterval,
    ) -> Option<Outcome> {
        let here = self.following && self.source.is_some_and(|s| s.port == sample.port);
        let far = sample.backward == TimeInterval::MAX || sample.backward == TimeInterval::MIN;
        if !here || far || self.free_running {
            return None;
        }
        let servo = self.servo.adaptive()?;
        let decision = match (sample.mechanism, servo.measuring()) {
            (Delay::E2e, Measuring::TwoWay) => {
                servo.backward(sample.backward - ahead_by_scale, sample.egress)
            }
            (Delay::P2p, Measuring::Peer) => servo.delay(sample.delay, sample.egress),
            _ => return None,
        };
        let done = self.carry_out(now_ns, clock, decision, None);
        Some(self.outcome(now_ns, clock, done))
    }

    fn outcome(&mut self, now_ns: u64, clock: &mut dyn Clock, done: Result<Outcome, ClockError>) -> Outcome {
        done.unwrap_or_else(|e| {
            if self.trouble.allow(now_ns).is_some() {
                warn!("cannot steer {}: {e}", clock.name());
            }
            self.locked = false;
            if matches!(e, ClockError::NotFound { .. }) {
                self.clock_gone = true;
            }
            Outcome { stepped: false, state: ServoState::Unlocked }
        })
    }

    /// A measurement's whole way: to the clock, and what became of it back to the engine. The engine has to be polled
    /// again.
    pub fn serve(
        &mut self,
        engine: &mut Engine,
        now_ns: u64,
        clock: &mut dyn Clock,
        measured: Measured,
        ahead_by_scale: TimeInterval,
    ) -> Option<Outcome> {
        let outcome = self.measured(now_ns, clock, measured, ahead_by_scale)?;
        if outcome.stepped {
            engine.handle(Instant(now_ns), Input::ClockStepped);
        }
        engine.handle(Instant(now_ns), Input::Servo(outcome.state));
        Some(outcome)
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
        let servo = &mut self.steering.servo;
        servo.max_frequency_ppb = servo.max_frequency_ppb.min(clock.max_frequency());
        self.servo = Controller::new(&self.steering, frequency);
        self.taken_over = 0;
        self.holding = Holding::new(None);
        self.sanity.restart();
        self.log_interval = None;
        self.tracked = false;
        self.trusted = frequency;
        self.trusted_samples = 0;
        self.frequency = frequency;
        Ok(())
    }

    /// Another clock is disciplined from here on, which keeps the time of the last and is right at this frequency (ppb).
    /// What was reached stays: a PI servo that tracks goes on, the others learn the new clock.
    pub fn carry_over(&mut self, clock: &mut dyn Clock, frequency: f64) {
        if self.free_running {
            return;
        }
        let servo = &mut self.steering.servo;
        servo.max_frequency_ppb = servo.max_frequency_ppb.min(clock.max_frequency());
        match &mut self.servo {
            Controller::Pi(pi) => pi.carry_over(frequency),
            other => {
                *other = Controller::new(&self.steering, frequency);
                self.log_interval = None;
            }
        }
        self.taken_over = if self.locked { TAKE_OVER } else { 0 };
        self.holding = Holding::new(None);
        self.sanity.restart();
        self.frequency = frequency;
        self.trusted = frequency;
    }

    /// Someone else steers the clock, too, or it is broken: what was learnt is worth nothing.
    fn check_sanity(&mut self, clock: &dyn Clock, local: TimePoint) {
        let (Some(raw), Some(limit)) = (self.raw_ns, self.steering.sanity_limit_ppb) else { return };
        if let Some(off) = self.sanity.check(raw, local, self.frequency, limit) {
            warn!(
                "{} runs {:+.0} ppm beside what it is told: look for another program that steers it",
                clock.name(),
                off / 1e3
            );
            self.servo.reset();
            self.locked = false;
        }
    }

    /// Another master, or the same over another port: its time and path are new.
    fn settle_source(&mut self, now_ns: u64, name: &str, sample: &FromMaster) {
        let source = Source { port: sample.port, master: sample.master };
        let before = self.source.replace(source);
        self.following = true;
        let same = before == Some(source);
        let own_error = self.estimate_noise();
        let offset = sample.computed.map(|c| c.0.nanos_f64());
        self.holding.end(now_ns, name, offset.filter(|_| same).zip(own_error));
        if same {
            return;
        }
        match self.servo.adaptive() {
            Some(a) if before.is_some() => a.master_changed(),
            Some(_) => {}
            // Samples of two masters give no frequency.
            None if !self.locked => self.servo.reset(),
            None => {}
        }
    }

    /// What one sample may be wrong by, ns.
    fn estimate_noise(&mut self) -> Option<f64> {
        let e = self.servo.adaptive()?.estimate();
        Some(3.0 * e.forward_noise_ns.hypot(e.backward_noise_ns))
    }

    fn decide(&mut self, sample: &FromMaster) -> Decision {
        let Some(servo) = self.servo.adaptive() else {
            let (offset, _, weight) = sample.computed.unwrap_or((sample.forward, TimeInterval::ZERO, 1.0));
            return self.servo.offset(offset, sample.ingress, weight);
        };
        match sample.mechanism {
            Delay::E2e => servo.measure_by(Measuring::TwoWay),
            Delay::P2p => {
                servo.measure_by(Measuring::Peer);
                if let Some((_, delay, _)) = sample.computed.filter(|_| servo.wants_delay()) {
                    servo.delay(delay, sample.ingress);
                }
            }
            Delay::CommonP2p | Delay::None => {
                servo.measure_by(Measuring::Offset);
                let Some((offset, ..)) = sample.computed else { return servo.hold(sample.ingress) };
                return servo.forward(offset, sample.ingress);
            }
        }
        servo.forward(sample.forward, sample.ingress)
    }

    /// Farther than an interval can say (39 hours): sets the clock as well as it goes, and starts over.
    fn set_from_afar(
        &mut self,
        now_ns: u64,
        clock: &mut dyn Clock,
        sample: &FromMaster,
        ahead_by_scale: TimeInterval,
    ) -> Result<Outcome, ClockError> {
        let unlocked = ServoState::Unlocked;
        // A clock that was right once is not sent decades away by whoever says so, unless steps are wanted.
        let thresholds = &self.steering.servo;
        let first = !self.tracked && thresholds.first_step_threshold.is_some();
        if !first && thresholds.step_threshold.is_none() {
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
        clock.set(TimePoint::from_scaled(now.scaled() - ahead))?;
        info!("{} was {:.0} s off and has been set", clock.name(), ahead as f64 / 65536e9);
        self.servo.reset();
        self.sanity.restart();
        self.locked = false;
        Ok(Outcome { stepped: true, state: unlocked })
    }

    /// `sample`: what the decision was made of, if it came from the master.
    fn carry_out(
        &mut self,
        now_ns: u64,
        clock: &mut dyn Clock,
        decision: Decision,
        sample: Option<&FromMaster>,
    ) -> Result<Outcome, ClockError> {
        let Decision { state, mut frequency_ppb, step } = decision;
        let stable = state == ptp_servo::ServoState::LockedStable;
        match sample.and_then(|s| s.computed).filter(|_| stable && self.steering.phase_adjustment) {
            Some((offset, ..)) => {
                // The hardware's own loop keeps the frequency now.
                clock.adjust_phase(-offset)?;
                frequency_ppb = self.frequency;
            }
            None => {
                clock.set_frequency(frequency_ppb)?;
                self.frequency = frequency_ppb;
            }
        }
        if let Some(by) = step {
            clock.step(by)?;
            self.stepped_by += by;
            info!("{} stepped by {:+.0} ns", clock.name(), by.nanos_f64());
            self.sanity.restart();
            self.ignored = self.steering.step_window;
        }
        self.locked = state.is_locked();
        self.tracked |= self.locked;
        if let Some(servo) = self.servo.adaptive() {
            servo.carried_out(clock.now()?);
            if let Some(oscillator) = servo.oscillator().filter(|_| self.locked) {
                self.holding.learn(&oscillator);
            }
            while let Some(event) = servo.take_event() {
                self.telling.path(now_ns, clock.name(), &event);
            }
        }
        let counts = sample.is_some() || !self.locked;
        if counts {
            self.trusted_samples = if self.locked { self.trusted_samples.saturating_add(1) } else { 0 };
        }
        self.telling.state(clock.name(), state, self.estimate().as_ref());
        if let Some(sample) = sample {
            self.tell(now_ns, sample, Some((state, frequency_ppb)));
        }
        self.taken_over =
            if step.is_some() { 0 } else { self.taken_over.saturating_sub(sample.is_some().into()) };
        let locked = state.is_locked() || self.taken_over > 0;
        let state = if locked { ServoState::Locked } else { ServoState::Unlocked };
        Ok(Outcome { stepped: step.is_some(), state })
    }

    fn tell(&mut self, now_ns: u64, sample: &FromMaster, servo: Option<(ptp_servo::ServoState, f64)>) {
        let Some((offset, mean_delay, _)) = sample.computed else { return };
        let estimate = self.estimate();
        self.telling.sample(now_ns, sample.log_interval, (offset, mean_delay), servo, estimate.as_ref());
    }
}

#[cfg(test)]
mod tests;
