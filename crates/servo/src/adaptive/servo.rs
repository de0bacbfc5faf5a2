//! The servo around the estimator: samples in, decisions out.

mod changes;

use std::collections::VecDeque;

use ptp_wire::{TimeInterval, TimePoint};

use super::bank::Bank;
use super::clockwork::Clockwork;
use super::config::{
    AdaptiveConfig, AdaptiveEvent, Estimate, Measuring, OscillatorSample, Stamping, Transfer,
};
use super::jumps::{Expected, Jumps};
use super::kalman::{ASYMMETRY, DELAY, DRIFT, FREQUENCY, PHASE, STATES};
use super::known::Known;
use super::most::Most;
use super::moves::{Moves, Way};
use super::rhythm::Rhythm;
use super::start::{
    ALONE, BETTER_ALONE, FIRST_FREQUENCY, Grain, KEPT, LAST, LEAST_DELAY, Noises, Prior, Raw, is_impossible,
    replay, row,
};
use super::tracker::{Tracker, best_bandwidth, limits};
use crate::servo::{bounded, exceeds};
use crate::{Decision, ServoState};

/// Moves are counted until none was found for so many samples.
const RESTLESS_SAMPLES: u32 = 256;
/// The beginning begins anew so often at most: a master that never keeps still has to be followed, too.
const OFTEN: u32 = 16;
/// The least deviation of a frequency that is learnt anew, ppb.
const ANEW_FREQUENCY: f64 = 10_000.0;
/// Offsets of up to 125 us are taken back at this rate at most, ppb: whoever follows this clock has to be able to.
const FASTEST: f64 = 500_000.0;
/// With deviations this much smaller (mean square, the last 16) than expected, the expectation is wrong.
const CALM: f64 = 0.06;
/// What is learnt of a network's noise is never all there is to know: errors are larger by this factor than what follows
/// from it, in the upper half of scenarios drawn at random.
const LEARNT: f64 = 1.5;
/// A frequency is good enough to begin with if its deviation is below this, ppb.
const KNOWN_FREQUENCY: f64 = 2e4;

/// The adaptive servo.
///
/// Feed it every Sync with [`Adaptive::forward`] and every Delay_Resp with [`Adaptive::backward`], as they come, and carry
/// out the [`Decision`]s. [`Adaptive::take_event`] tells what changed about the path; [`Adaptive::estimate`] what is known.
///
/// ```
/// use ptp_servo::{Adaptive, AdaptiveConfig};
/// use ptp_wire::{TimeInterval, TimePoint};
///
/// let mut servo = Adaptive::new(AdaptiveConfig::default(), 0.0);
/// // A clock that is right, behind a path of 5 us.
/// let delay = TimeInterval::from_nanos(5_000);
/// for i in 0..10 {
///     let local = TimePoint::from_nanos(i * 1_000_000_000);
///     servo.forward(delay, local);
///     servo.backward(delay, local);
/// }
/// assert!(servo.state().is_locked());
/// assert!((servo.estimate().delay_ns - 5_000.0).abs() < 10.0);
/// ```
#[derive(Clone, Debug)]
pub struct Adaptive {
    pub(super) config: AdaptiveConfig,
    max_ppb: f64,
    rhythm: Rhythm,
    clockwork: Clockwork,
    prior: Prior,
    /// The last samples: gone through again and again until their noise is known.
    recent: VecDeque<Raw>,
    /// How many of them belong to the beginning.
    begun: usize,
    started: bool,
    /// The core that explained the beginning best, as [`replay`] counts them.
    guess: Option<usize>,
    /// Samples since the path delay became impossible.
    impossible: u32,
    /// How often the beginning began anew.
    anew: u32,
    /// It was once through with the beginning: no first step any more.
    settled: bool,
    grains: (Grain, Grain),
    /// Mean square of the last deviations over what was expected.
    calm: f64,
    bank: Option<Bank>,
    noises: Noises,
    moves: Moves,
    known: Known,
    most: Most,
    watcher: Jumps,
    tracker: Option<Tracker>,
    state: ServoState,
    first: bool,
    missing: u32,
    counts: (u32, u32),
    moved: u32,
    since_move: u32,
    event: Option<AdaptiveEvent>,
    /// Asymmetry that was believed without proof, ns.
    unexplained: f64,
    health: f64,
    /// Corrections that were counted into the phase when the clock was stepped, ns.
    rebased: f64,
    jumps: u32,
    /// Where the clock was last told to be, ns.
    offset: f64,
    /// The direction of the last sample.
    last: Way,
}

impl Adaptive {
    /// A servo for a clock that runs with this correction at present, in ppb. The interval is 1 s until
    /// [`Adaptive::set_interval`]. Memory is taken here and while the first samples are learnt from; not afterwards.
    pub fn new(config: AdaptiveConfig, initial_frequency_ppb: f64) -> Self {
        let max_ppb = if config.servo.max_frequency_ppb.is_nan() {
            900_000_000.0
        } else {
            config.servo.max_frequency_ppb.clamp(0.0, 999_999_999.0)
        };
        let rate = bounded(initial_frequency_ppb, max_ppb);
        Self {
            config,
            max_ppb,
            rhythm: Rhythm::new(),
            clockwork: Clockwork::new(rate),
            prior: Prior::unknown(-rate),
            recent: VecDeque::with_capacity(KEPT),
            begun: 0,
            started: false,
            guess: None,
            impossible: 0,
            anew: 0,
            settled: false,
            grains: Default::default(),
            calm: 1.0,
            bank: None,
            noises: Noises::new(100.0, config.manner()),
            moves: Moves::new(config.measuring == Measuring::Peer),
            known: Known::default(),
            most: Most::new(config.stamping == Stamping::Software),
            watcher: Jumps::new(),
            tracker: None,
            state: ServoState::Unlocked,
            first: true,
            missing: config.servo.num_offset_values,
            counts: (0, 0),
            moved: 0,
            since_move: 0,
            event: None,
            unexplained: 0.0,
            health: 1.0,
            rebased: 0.0,
            jumps: 0,
            offset: 0.0,
            last: Way::Down,
        }
    }

    /// Tells the interval between samples from the master in seconds: how long a decision will stand.
    pub fn set_interval(&mut self, seconds: f64) {
        if seconds.is_finite() && seconds > 0.0 {
            self.rhythm.set_interval(seconds.clamp(1e-4, 1e5));
        }
    }

    /// A sample from the master: receive stamp (`local`, on the clock that is steered) less the corrected transmit stamp.
    /// With [`Measuring::Offset`] the offset itself.
    pub fn forward(&mut self, value: TimeInterval, local: TimePoint) -> Decision {
        self.sample(Way::Down, value, local)
    }

    /// A sample to the master: the master's receive stamp, corrected, less the transmit stamp (`local`).
    pub fn backward(&mut self, value: TimeInterval, local: TimePoint) -> Decision {
        if self.config.measuring != Measuring::TwoWay {
            return self.stay();
        }
        self.sample(Way::Up, value, local)
    }

    /// A path delay measured by the peer delay mechanism, at `local`; with [`Measuring::Peer`] only.
    pub fn delay(&mut self, value: TimeInterval, local: TimePoint) -> Decision {
        if self.config.measuring != Measuring::Peer {
            return self.stay();
        }
        self.sample(Way::Up, value, local)
    }

    /// Starts over, with the oscillator's frequency it knows. Call it when the clock was changed by others.
    pub fn reset(&mut self) {
        self.clockwork = Clockwork::new(self.clockwork.rate());
        self.recent.clear();
        self.start_over(true);
    }

    /// Another master is followed from now on: its time and path are new, the oscillator is the same.
    pub fn master_changed(&mut self) {
        self.start_over(false);
        self.tracker = None;
    }

    /// No samples for now: gives the frequency to hold, without what was meant to take back the last offset.
    pub fn hold(&mut self, local: TimePoint) -> Decision {
        if let Some(bank) = &self.bank {
            let (time, _) = self.clockwork.at(local);
            let ahead = bank.ahead(time - bank.time());
            let rate = bounded(-ahead.x[FREQUENCY], self.max_ppb);
            self.clockwork.steer(local, rate);
        }
        self.stay()
    }

    /// Tells that the last [`Decision`] was carried out when the clock read `local` (after its step): stamps that come from
    /// before count with what was in force then. Without this decisions count from the stamp they were made at.
    pub fn carried_out(&mut self, local: TimePoint) {
        self.clockwork.carried_out(local);
        if self.last == Way::Up {
            self.rhythm.answered(self.clockwork.from(f64::NEG_INFINITY).0);
        }
    }

    /// How the path delay becomes known from now on. Another way of it starts over, with the oscillator it knows.
    pub fn measure_by(&mut self, measuring: Measuring) {
        if self.config.measuring != measuring {
            self.config.measuring = measuring;
            self.master_changed();
            self.recent.clear();
            self.noises = Noises::new(100.0, self.config.manner());
            self.moves = Moves::new(measuring == Measuring::Peer);
            self.grains = Default::default();
        }
    }

    /// How the path delay becomes known.
    pub const fn measuring(&self) -> Measuring {
        self.config.measuring
    }

    /// It waits for a first [`Adaptive::delay`].
    pub fn wants_delay(&self) -> bool {
        self.config.measuring == Measuring::Peer && self.counts.1 == 0
    }

    /// The correction that the oscillator alone needs, without what takes back the last offset, ppb.
    pub fn learnt_ppb(&self) -> f64 {
        let frequency = self.bank.as_ref().map_or(self.prior.frequency, |b| b.belief().x[FREQUENCY]);
        bounded(-frequency, self.max_ppb)
    }

    /// Tells that something else steers the clock by this frequency (ppb) from `local` on: a holdover's prediction.
    pub fn steered(&mut self, ppb: f64, local: TimePoint) {
        self.clockwork.steer(local, bounded(ppb, self.max_ppb));
    }

    /// Tells that something else stepped the clock by this much at `local` (its reading before), so that what was measured
    /// before still fits.
    pub fn clock_stepped(&mut self, by: TimeInterval, local: TimePoint) {
        self.rebase(local, by);
    }

    /// The master says that its time jumped by this much, new minus old: what was learnt of clock, path and noise holds.
    pub fn master_jumped(&mut self, by: TimeInterval) {
        self.shift_phase(-by.nanos_f64());
        self.let_go();
    }

    /// The master says that it runs faster by this much from now on, ppb.
    pub fn master_disturbed(&mut self, ppb: f64) {
        if let Some(bank) = &mut self.bank {
            let mut shift = [0.0; STATES];
            shift[FREQUENCY] = -ppb;
            bank.shift(&shift, &[[0.0; STATES]; STATES]);
        }
        self.let_go();
    }

    /// What it made of the last sample.
    pub const fn state(&self) -> ServoState {
        self.state
    }

    /// What was last decided, in ppb.
    pub fn frequency_ppb(&self) -> f64 {
        self.clockwork.rate()
    }

    /// What changed last, once.
    pub fn take_event(&mut self) -> Option<AdaptiveEvent> {
        self.event.take()
    }

    /// What is known, at the last sample; all zero while nothing is (a new master's first messages have not come in both
    /// directions), whatever [`Adaptive::state`] says.
    pub fn estimate(&self) -> Estimate {
        let Some(bank) = &self.bank else { return Estimate::default() };
        let b = bank.belief();
        let sigma = b.p[PHASE][PHASE].max(0.0).sqrt();
        let (down, up) = (self.noises.down.core(), self.noises.up.core());
        let spread = match (self.config.measuring, self.config.stamping) {
            // Half of what the floors may be wrong by, two deviations each: alike in both directions it is the path's.
            (Measuring::TwoWay, Stamping::Hardware) => (LEARNT * 2.58 * sigma).hypot(down - up),
            // What the kernel does is not alike.
            (Measuring::TwoWay, Stamping::Software) => (LEARNT * 2.58 * sigma).hypot(down + up),
            (Measuring::Peer | Measuring::Offset, _) => 2.58 * sigma,
        };
        Estimate {
            offset_ns: self.offset,
            sigma_ns: sigma,
            bound_ns: spread + self.unexplained.abs(),
            oscillator_ppb: b.x[FREQUENCY],
            oscillator_sigma_ppb: b.p[FREQUENCY][FREQUENCY].max(0.0).sqrt(),
            drift_ppb_per_s: b.x[DRIFT],
            wander_ppb: bank.process().frequency.sqrt(),
            delay_ns: b.x[DELAY],
            asymmetry_ns: b.x[ASYMMETRY],
            forward_noise_ns: self.noises.down.core(),
            backward_noise_ns: self.noises.up.core(),
            forward_waiting: self.noises.down.waiting(),
            backward_waiting: self.noises.up.waiting(),
            health: self.health,
        }
    }

    /// What is known of the oscillator; `None` until the servo has begun to track.
    pub fn oscillator(&self) -> Option<OscillatorSample> {
        let bank = self.bank.as_ref().filter(|_| self.started)?;
        let b = bank.belief();
        Some(OscillatorSample {
            time_s: bank.time(),
            phase_ns: b.x[PHASE] - self.rebased,
            phase_sigma_ns: b.p[PHASE][PHASE].max(0.0).sqrt(),
            frequency_ppb: b.x[FREQUENCY],
            frequency_sigma_ppb: b.p[FREQUENCY][FREQUENCY].max(0.0).sqrt(),
            wander_ppb: bank.process().frequency.sqrt(),
            jumps: self.jumps,
        })
    }

    fn sample(&mut self, way: Way, value: TimeInterval, local: TimePoint) -> Decision {
        if self.clockwork.before_all(local, 60.0) {
            // Set back by someone: what was known of its past is worth nothing.
            self.clockwork = Clockwork::new(self.clockwork.rate());
            self.start_over(true);
        }
        let grain = if way == Way::Down { &mut self.grains.0 } else { &mut self.grains.1 };
        grain.push(value.0);
        let (time, corrected) = self.clockwork.at(local);
        let value = match (self.config.measuring, way) {
            (Measuring::Peer, Way::Up) => value.nanos_f64(),
            (_, Way::Down) => value.nanos_f64() - corrected,
            (_, Way::Up) => value.nanos_f64() + corrected,
        };
        let raw = Raw { way, time, value };
        self.last = way;
        match way {
            Way::Down => self.counts.0 = self.counts.0.saturating_add(1),
            Way::Up => self.counts.1 = self.counts.1.saturating_add(1),
        }
        self.rhythm.came(way, time);
        if self.recent.len() >= KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(raw);
        if self.started {
            self.track(&raw);
            self.watch();
            self.mend();
        } else {
            self.begin(&raw);
        }
        if self.bank.as_ref().is_some_and(|b| !b.sound()) {
            // Values beyond all sense: nothing of what was made of them is kept.
            self.bank = None;
            self.recent.clear();
            self.start_over(true);
            self.prior = Prior::unknown(0.0);
        }
        self.decide(local, way)
    }

    /// While little is known all of it is gone through again, less and less often.
    fn begin(&mut self, raw: &Raw) {
        self.begun += 1;
        let n = self.begun;
        let again = n <= LAST || n.is_multiple_of(LAST);
        if again || self.bank.is_none() {
            self.relearn();
        } else {
            self.track(raw);
        }
        if self.begun >= KEPT {
            self.started = self.bank.is_some();
            self.settled |= self.started;
            self.anew = 0;
            self.moves.clear();
            self.calm = 1.0;
        }
    }

    fn relearn(&mut self) {
        let samples = self.recent.make_contiguous();
        let last = |n: usize| samples.get(samples.len().saturating_sub(n)..).unwrap_or_default();
        let grains = (self.grains.0.nanos(), self.grains.1.nanos());
        let measuring = self.config.measuring;
        // With some samples their noise is known roughly. What the end of the beginning finds stays: there all is tried again.
        let near = self.guess.filter(|_| self.begun > 2 * LAST && self.begun < KEPT);
        let Some(mut found) = replay(last(self.begun), &self.prior, self.config.manner(), grains, near)
        else {
            return;
        };
        for (i, n) in ALONE.into_iter().enumerate() {
            if self.begun < 2 * n || self.anew >= OFTEN {
                break;
            }
            let Some(alone) = replay(last(n), &self.prior, self.config.manner(), grains, Some(found.guess))
            else {
                break;
            };
            let better = alone.last[i] > found.last[i] + BETTER_ALONE;
            if better || (found.is_impossible(measuring) && !alone.is_impossible(measuring)) {
                // The master jumped since, or was not yet synchronised itself.
                self.begun = n;
                self.anew += 1;
                found = alone;
                self.first |= !self.settled;
                break;
            }
        }
        self.guess = Some(found.guess);
        let kernel = self.config.stamping == Stamping::Software && measuring == Measuring::TwoWay;
        if kernel && self.begun > 2 * LAST {
            let pairing = found.take_most(last(self.begun), self.config.manner(), grains);
            self.most.begin(pairing);
        }
        self.bank = Some(found.bank);
        self.noises = found.noises;
    }

    /// Deviations far smaller than what was learnt: it was learnt in worse times, and is learnt anew.
    fn watch(&mut self) {
        if self.calm > CALM || !(self.noises.down.could_shrink() && self.noises.up.could_shrink()) {
            return;
        }
        self.begin_anew(KEPT / 3, ANEW_FREQUENCY);
    }

    /// No path takes less than no time: whatever was taken for the path and its waiting was something else.
    fn mend(&mut self) {
        let impossible =
            self.bank.as_ref().is_some_and(|b| is_impossible(b, &self.noises, self.config.measuring));
        self.impossible = if impossible { self.impossible + 1 } else { 0 };
        if self.impossible >= 2 * LAST as u32 {
            self.impossible = 0;
            self.begin_anew(LAST, FIRST_FREQUENCY);
            self.event = Some(AdaptiveEvent::StartedOver);
        }
    }

    fn track(&mut self, raw: &Raw) {
        let Some(bank) = &mut self.bank else { return };
        let noises = &mut self.noises;
        bank.predict(raw.time, noises.delay_growth());
        let h = row(raw, bank.time() - raw.time, self.config.measuring);
        let seen = bank.look(&h, raw.value, noises.of(raw.way));
        bank.update(&h, raw.value, noises.of(raw.way), seen.late);
        noises.of_mut(raw.way).learn(seen.deviation, seen.variance);
        let grains = (self.grains.0.nanos(), self.grains.1.nanos());
        noises.set_grains(grains);
        let s = seen.variance + noises.of(raw.way).core2();
        let square = seen.deviation * seen.deviation / s;
        if square < 12.0 {
            self.health += (square - self.health) / 256.0;
        }
        self.calm += (square.min(12.0) - self.calm) / 16.0;
        self.follow(raw, seen.verdict.curvature * s);
        self.since_move = self.since_move.saturating_add(1);
        if self.since_move > RESTLESS_SAMPLES {
            self.moved = 0;
        }
        if !self.started || self.config.measuring == Measuring::Offset {
            return;
        }
        if self.config.measuring == Measuring::TwoWay {
            if self.config.stamping == Stamping::Software
                && let Some((down, up)) = self.most.push(raw.way, seen.deviation + self.known.now(raw.way))
            {
                self.take_most(down, up);
            }
            let Some(bank) = &self.bank else { return };
            let x = &bank.belief().x;
            let expected = |way, path: f64| Expected {
                shortest: path.max(0.0) + LEAST_DELAY,
                interval: self.rhythm.interval_of(way),
            };
            let ways =
                [expected(Way::Down, x[DELAY] + x[ASYMMETRY]), expected(Way::Up, x[DELAY] - x[ASYMMETRY])];
            let jump =
                self.watcher.push(raw, seen.deviation, seen.variance, &self.noises, &ways, &self.known);
            if let Some(jump) = jump {
                self.take_jump(&jump);
                return;
            }
        }
        let found = self.moves.push(
            raw.way,
            raw.time,
            (seen.deviation, seen.variance),
            (&self.noises.down, &self.noises.up),
            &self.known,
        );
        if let Some(found) = found {
            self.take_move(found);
        } else if self.moves.torn() {
            // Whatever happened may have changed the frequency by anything.
            self.begin_anew(LAST, FIRST_FREQUENCY);
        }
    }

    /// Learns anew, from the last `samples`, of an oscillator that may have changed.
    /// `sigma`: the least deviation of what is known of its frequency, ppb.
    fn begin_anew(&mut self, samples: usize, sigma: f64) {
        let counts = self.counts;
        self.start_over(false);
        self.counts = counts;
        self.prior.sigma = self.prior.sigma.max(sigma);
        self.begun = samples.min(self.recent.len());
        self.relearn();
    }

    /// The bounded follower takes the sample, by the weight the estimator gave it.
    fn follow(&mut self, raw: &Raw, weight: f64) {
        let (Some(limits), Some(bank)) = (limits(self.config.transfer), &self.bank) else { return };
        let damping = limits.damping;
        if !self.started && self.tracker.is_none() {
            return;
        }
        let b = bank.belief();
        let tracker =
            self.tracker.get_or_insert(Tracker::new(bank.time(), b.x[PHASE], b.x[FREQUENCY], damping));
        let (sign, path) = match (self.config.measuring, raw.way) {
            (Measuring::Offset, _) => (1.0, 0.0),
            (Measuring::Peer, Way::Up) => return,
            (_, Way::Down) => (1.0, b.x[DELAY] + b.x[ASYMMETRY]),
            (_, Way::Up) => (-1.0, b.x[DELAY] - b.x[ASYMMETRY]),
        };
        let innovation = sign * (raw.value - path) - tracker.phase_at(raw.time);
        let (down, up) = (self.noises.down.core2(), self.noises.up.core2());
        let two_way = self.config.measuring == Measuring::TwoWay;
        let share = match raw.way {
            _ if !two_way => 1.0,
            Way::Down => 2.0 * up / (down + up),
            Way::Up => 2.0 * down / (down + up),
        };
        let interval = self.rhythm.interval();
        let noise = if two_way { interval * down * up / (down + up) } else { interval * down };
        let bandwidth = best_bandwidth(&bank.process(), noise, damping).min(limits.widest);
        let weight = weight.clamp(0.0, 1.0);
        tracker.update(raw.time, weight * innovation, bandwidth, share);
        // Far from what the estimator is sure of: something happened that is not noise.
        let apart = tracker.phase - b.x[PHASE];
        let own = b.p[PHASE][PHASE] + noise * bandwidth;
        let far = limits.deviations * limits.deviations * own + limits.farthest * limits.farthest;
        if apart * apart > far {
            *tracker = Tracker::new(bank.time(), b.x[PHASE], b.x[FREQUENCY], damping);
        }
    }

    /// The loop goes over to the estimator at once; where its bandwidth is limited only if they are far apart.
    fn let_go(&mut self) {
        if !matches!(self.config.transfer, Transfer::Limited { .. }) {
            self.tracker = None;
        }
    }

    fn start_over(&mut self, unlock: bool) {
        if let Some(bank) = self.bank.take() {
            let b = bank.belief();
            let sigma = b.p[FREQUENCY][FREQUENCY].max(0.0).sqrt();
            self.prior = Prior { frequency: b.x[FREQUENCY], sigma: (10.0 * sigma).clamp(1.0, 2e5) };
        }
        self.begun = 0;
        self.guess = None;
        self.calm = 1.0;
        self.jumps = self.jumps.wrapping_add(1);
        self.started = false;
        self.moves.clear();
        self.known = Known::default();
        self.most.clear();
        self.watcher.clear();
        if unlock {
            self.tracker = None;
        }
        self.let_go();
        self.counts = (0, 0);
        self.rhythm.restart();
        self.moved = 0;
        self.unexplained = 0.0;
        self.missing = self.config.servo.num_offset_values;
        if unlock {
            self.state = ServoState::Unlocked;
        }
    }

    /// The clock jumps: state and samples are told against the new reading.
    fn rebase(&mut self, local: TimePoint, by: TimeInterval) {
        let add = self.clockwork.step(local, by);
        self.shift_phase(add);
    }

    /// All that was measured so far would now be measured this much larger, ns.
    fn shift_phase(&mut self, add: f64) {
        self.rebased += add;
        for raw in &mut self.recent {
            // A peer delay is no way that the clock's reading is part of.
            if !(self.config.measuring == Measuring::Peer && raw.way == Way::Up) {
                raw.value += add * raw.sign();
            }
        }
        if let Some(bank) = &mut self.bank {
            let mut shift = [0.0; STATES];
            shift[PHASE] = add;
            bank.shift(&shift, &[[0.0; STATES]; STATES]);
        }
        if let Some(tracker) = &mut self.tracker {
            tracker.phase += add;
        }
    }

    fn stay(&self) -> Decision {
        let state = if self.state == ServoState::Jump { ServoState::Locked } else { self.state };
        Decision { state, frequency_ppb: self.clockwork.rate(), step: None }
    }

    fn decide(&mut self, local: TimePoint, way: Way) -> Decision {
        let enough = self.counts.0 >= 2 && (self.counts.1 >= 1 || self.config.measuring == Measuring::Offset);
        let (Some(bank), true) = (&self.bank, enough) else {
            if self.state.is_locked() {
                self.clockwork.steer(local, bounded(-self.prior.frequency, self.max_ppb));
            }
            return self.stay();
        };
        let (time, _) = self.clockwork.at(local);
        // A response tells of a time before decisions that were made while it was on its way.
        let (now, corrected) = self.clockwork.from(time.max(bank.time()));
        let ahead = bank.ahead(now - bank.time());
        let sure = ahead.p[FREQUENCY][FREQUENCY] < KNOWN_FREQUENCY * KNOWN_FREQUENCY;
        if !self.state.is_locked() && self.state != ServoState::Jump && !sure {
            return self.stay();
        }
        let drift = ahead.x[DRIFT];
        let (phase, frequency) = match &self.tracker {
            Some(t) => (t.phase_at(now), t.frequency),
            None => (ahead.x[PHASE], ahead.x[FREQUENCY]),
        };
        self.offset = phase + corrected;
        let offset = TimeInterval::from_nanos_f64(self.offset);
        let step = (self.first && exceeds(offset, self.config.servo.first_step_threshold))
            || exceeds(offset, self.config.servo.step_threshold);
        self.first = false;
        if step {
            let rate = bounded(-frequency, self.max_ppb);
            self.clockwork.steer(local, rate);
            self.rebase(local, -offset);
            self.offset = 0.0;
            self.state = ServoState::Jump;
            return Decision { state: self.state, frequency_ppb: rate, step: Some(-offset) };
        }
        if way == Way::Up {
            self.rhythm.answered(now);
        }
        let wait = self.rhythm.wait(way, now, self.config.measuring == Measuring::TwoWay);
        // Never faster than this, but what is farther off than 125 us in about a quarter of a second.
        let fastest = FASTEST.max(4.0 * self.offset.abs());
        let back = (self.offset / wait).clamp(-fastest, fastest);
        let rate = -(frequency + 0.5 * wait * drift) - back;
        let rate = bounded(rate, self.max_ppb);
        self.clockwork.steer(local, rate);
        self.state = ServoState::Locked;
        if let Some(threshold) = self.config.servo.offset_threshold {
            let small = offset.abs() <= threshold;
            self.missing =
                if small { self.missing.saturating_sub(1) } else { self.config.servo.num_offset_values };
            if self.missing == 0 {
                self.state = ServoState::LockedStable;
            }
        }
        Decision { state: self.state, frequency_ppb: rate, step: None }
    }
}
