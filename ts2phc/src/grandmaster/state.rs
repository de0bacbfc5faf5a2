//! The lock state.
//!
//! | from | when | to |
//! |---|---|---|
//! | free run, warming up | the reference is good and pulses come | warming up |
//! | warming up | `settle` good pulses in a row, the servo tracks, the offset is within `lock_within` | locked |
//! | warming up | the reference is bad, or no pulse within the grace | free run |
//! | locked | the reference is bad, the clock or the witnesses disagree, or no pulse within the grace | holdover in spec |
//! | holdover in spec | the bound passes `in_spec_ns`, or its time is over | holdover out of spec |
//! | holdover out of spec | the bound passes `out_of_spec_ns`, or its time is over | free run |
//! | either holdover | `settle` good pulses in a row, the servo tracks, the offset is within `lock_within` | locked |
//! | any | the clock was changed by others, or is gone | free run |

use core::fmt;
use core::time::Duration;

use ptp_evidence::ClockState;
use ptp_wire::management::GrandmasterSettingsNp;
use ptp_wire::{ClockAccuracy, ClockQuality, Flags, TimeSource};

use super::quality::{Accuracy, Profile, accuracy_of_bound};

/// Where the grandmaster stands.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum LockState {
    /// Nothing is known of the time.
    #[default]
    FreeRun,
    /// Pulses come; the clock is on its way.
    WarmingUp,
    /// The clock follows its reference.
    Locked,
    /// The reference is lost; the clock is within its specification.
    HoldoverInSpec,
    /// It is lost for longer than that holds.
    HoldoverOutOfSpec,
}

impl LockState {
    /// Its word in metrics and events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FreeRun => "free_run",
            Self::WarmingUp => "warming_up",
            Self::Locked => "locked",
            Self::HoldoverInSpec => "holdover_in_spec",
            Self::HoldoverOutOfSpec => "holdover_out_of_spec",
        }
    }

    /// How it stands with the clock, in the words of all daemons.
    pub const fn clock_state(self) -> ClockState {
        match self {
            Self::FreeRun => ClockState::Free,
            Self::WarmingUp => ClockState::Acquiring,
            Self::Locked => ClockState::Locked,
            Self::HoldoverInSpec | Self::HoldoverOutOfSpec => ClockState::Holdover,
        }
    }

    /// Either holdover.
    pub const fn is_holdover(self) -> bool {
        matches!(self, Self::HoldoverInSpec | Self::HoldoverOutOfSpec)
    }
}

impl fmt::Display for LockState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FreeRun => "free run",
            Self::WarmingUp => "warming up",
            Self::Locked => "locked",
            Self::HoldoverInSpec => "holdover in specification",
            Self::HoldoverOutOfSpec => "holdover out of specification",
        })
    }
}

/// Why it changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// Pulses come, and their seconds are known.
    Pulses,
    /// The clock has settled on them.
    Settled,
    /// No pulse came.
    NoPulse,
    /// The reference is not to be followed.
    Reference,
    /// The pulses disagree with what the clock should show.
    Disagreement,
    /// Witnesses disagree with the pulses.
    Outvoted,
    /// The bound of the error, or the time, is passed.
    Bound,
    /// The clock itself cannot be trusted any more.
    Clock,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pulses => "pulses come and their seconds are known",
            Self::Settled => "the clock has settled",
            Self::NoPulse => "no pulse came",
            Self::Reference => "the reference is not good",
            Self::Disagreement => "the pulses disagree with the clock's prediction",
            Self::Outvoted => "other sources of time disagree with the receiver",
            Self::Bound => "the bound of its error is passed",
            Self::Clock => "the clock was changed by others, or is gone",
        })
    }
}

/// When it changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrandmasterConfig {
    /// Whose classes.
    pub profile: Profile,
    /// What clockAccuracy says in holdover.
    pub accuracy: Accuracy,
    /// From pulse to pulse.
    pub interval: Duration,
    /// A pulse that is later than this is lost. Default 100 ms.
    pub grace: Duration,
    /// Good pulses in a row that make it locked; of faster ones than one a second, so many seconds of them. Default 10.
    pub settle: u32,
    /// Offsets in lock are within this, ns. Default 500.
    pub lock_within_ns: f64,
    /// In holdover, further off than the bound of the error and this means that the reference lies, ns. Default 1000.
    pub agree_within_ns: f64,
    /// The error is within specification up to this bound, ns. Default 1500 (G.8271.1 in holdover).
    pub in_spec_ns: f64,
    /// And no longer than this. Default a day.
    pub in_spec_for: Duration,
    /// Beyond this bound it is free run, ns. Default 1 ms.
    pub out_of_spec_ns: f64,
    /// And no longer than this, both together. Default 7 days.
    pub out_of_spec_for: Duration,
    /// Where the time comes from: GNSS, or what is named.
    pub time_source: TimeSource,
    /// What is added to every bound: the antenna cable's and the receiver's own uncertainty, ns. Default 40.
    pub reference_ns: f64,
}

impl Default for GrandmasterConfig {
    fn default() -> Self {
        Self {
            profile: Profile::Default,
            accuracy: Accuracy::Measured,
            interval: Duration::from_secs(1),
            grace: Duration::from_millis(100),
            settle: 10,
            lock_within_ns: 500.0,
            agree_within_ns: 1000.0,
            in_spec_ns: 1500.0,
            in_spec_for: Duration::from_secs(86_400),
            out_of_spec_ns: 1e6,
            out_of_spec_for: Duration::from_secs(7 * 86_400),
            time_source: TimeSource::GNSS,
            reference_ns: 40.0,
        }
    }
}

impl GrandmasterConfig {
    /// Pulses in a row.
    fn settled(&self) -> u32 {
        let rate = (1e9 / nanos(self.interval).max(1) as f64).round().clamp(1.0, 128.0) as u32;
        self.settle.saturating_mul(rate)
    }
}

/// A leap second at the end of this UTC day.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Leap {
    /// None.
    #[default]
    None,
    /// The last minute has 61 seconds.
    Insert,
    /// The last minute has 59 seconds.
    Delete,
}

/// What is known of UTC.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TimeScale {
    /// TAI - UTC, s.
    pub utc_offset: i16,
    /// It is known, not assumed.
    pub valid: bool,
    /// At the end of this day.
    pub leap: Leap,
}

/// A pulse whose second is known, as the servo saw it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pulse {
    /// Clock minus truth, ns.
    pub offset_ns: f64,
    /// The servo tracks.
    pub tracks: bool,
    /// With 99 % the clock's error against the reference is below this, ns.
    pub bound_ns: f64,
}

/// The lock state and what follows from it. Times are CLOCK_MONOTONIC, or simulated, in ns.
#[derive(Clone, Debug)]
pub struct Grandmaster {
    config: GrandmasterConfig,
    state: LockState,
    why: Why,
    since: u64,
    /// When the reference was lost.
    lost: u64,
    /// When the last pulse came.
    pulse: Option<u64>,
    good: bool,
    row: u32,
    bound_ns: f64,
    /// In holdover the reference is kept away from the servo.
    quarantined: bool,
    /// Witnesses say that the reference is wrong.
    outvoted: bool,
    /// What they hold against the clock, which has followed it, ns.
    doubt_ns: f64,
    time: TimeScale,
}

impl Grandmaster {
    /// In free run at `now`.
    pub fn new(config: GrandmasterConfig, now: u64) -> Self {
        Self {
            config,
            state: LockState::FreeRun,
            why: Why::NoPulse,
            since: now,
            lost: now,
            pulse: None,
            good: false,
            row: 0,
            bound_ns: f64::NAN,
            quarantined: false,
            outvoted: false,
            doubt_ns: 0.0,
            time: TimeScale::default(),
        }
    }

    /// Another configuration from now on; where it stands is looked at again with the next pulse or tick.
    pub fn configure(&mut self, config: GrandmasterConfig) {
        self.config = config;
    }

    /// Its configuration.
    pub const fn config(&self) -> &GrandmasterConfig {
        &self.config
    }

    /// Where it stands.
    pub const fn state(&self) -> LockState {
        self.state
    }

    /// Why it stands there.
    pub const fn why(&self) -> Why {
        self.why
    }

    /// How long it has been there at `now`.
    pub const fn for_long(&self, now: u64) -> Duration {
        Duration::from_nanos(now.saturating_sub(self.since))
    }

    /// Pulses may steer the clock. Not while the reference is bad or disagrees.
    pub const fn may_follow(&self) -> bool {
        self.good && !self.quarantined && !self.outvoted
    }

    /// The reference is not followed although pulses come: it disagrees.
    pub const fn is_quarantined(&self) -> bool {
        self.quarantined
    }

    /// The reference is not followed although pulses come: witnesses disagree with it.
    pub const fn is_outvoted(&self) -> bool {
        self.outvoted
    }

    /// With 99 % the error is below this, ns, the reference's own share included; NaN: nothing is known.
    pub fn bound_ns(&self) -> f64 {
        self.bound_ns + self.doubt_ns + self.config.reference_ns
    }

    /// What witnesses hold against the clock; it is part of the bound, ns.
    pub const fn doubt_ns(&self) -> f64 {
        self.doubt_ns
    }

    /// What is known of UTC.
    pub const fn set_time_scale(&mut self, time: TimeScale) {
        self.time = time;
    }

    /// Whether the reference is to be followed.
    pub fn reference(&mut self, good: bool, now: u64) {
        self.good = good;
        if good {
            return;
        }
        self.row = 0;
        self.lose(Why::Reference, now);
    }

    /// Whether the clock, by all that it knows, cannot be so far off.
    pub fn contradicts(&self, offset_ns: f64) -> bool {
        // Written so that a bound that is no number allows nothing to be known.
        let limit = self.bound_ns + self.doubt_ns + self.config.agree_within_ns;
        self.knows() && offset_ns.abs() > limit
    }

    /// The clock is locked, or was and keeps time.
    pub fn knows(&self) -> bool {
        self.state == LockState::Locked || self.state.is_holdover()
    }

    /// Whether a pulse so far off is to be followed: not one that disagrees with the clock by more than the clock can be off.
    /// Call it before the servo sees the pulse. What disagrees is quarantined until it agrees again, or until the clock knows
    /// nothing any more.
    pub fn judge(&mut self, offset_ns: f64, now: u64) -> bool {
        // It came, whatever it is worth.
        self.pulse = Some(now);
        if self.contradicts(offset_ns) {
            self.row = 0;
            if !self.quarantined {
                self.quarantined = true;
                self.lose(Why::Disagreement, now);
            }
        } else if self.quarantined {
            self.row += 1;
            if self.row >= self.config.settled() {
                self.quarantined = false;
                self.row = 0;
            }
        }
        self.may_follow()
    }

    /// What the witnesses say of the reference: it is not to be followed (and the clock, which has followed it, may be off by
    /// as much as this in addition to its bound, ns), or it may be right.
    pub fn witnesses(&mut self, against: Option<f64>, now: u64) {
        match (against, self.outvoted) {
            (Some(off_ns), false) => {
                (self.outvoted, self.row) = (true, 0);
                if self.knows() {
                    self.doubt_ns = off_ns.max(0.0);
                }
                self.lose(Why::Outvoted, now);
                self.tick(now);
            }
            (Some(off_ns), true) if self.knows() => {
                self.doubt_ns = self.doubt_ns.max(off_ns);
                self.tick(now);
            }
            (None, true) => (self.outvoted, self.row) = (false, 0),
            _ => {}
        }
    }

    /// A pulse came and was followed.
    pub fn pulse(&mut self, pulse: &Pulse, now: u64) {
        self.pulse = Some(now);
        if !self.may_follow() {
            return;
        }
        let settled = pulse.tracks && pulse.offset_ns.abs() <= self.config.lock_within_ns;
        self.row = if settled { self.row.saturating_add(1) } else { 0 };
        match self.state {
            LockState::FreeRun => self.go(LockState::WarmingUp, Why::Pulses, now),
            LockState::Locked => self.bound_ns = pulse.bound_ns,
            _ => {}
        }
        if self.row >= self.config.settled() && self.state != LockState::Locked {
            (self.bound_ns, self.doubt_ns) = (pulse.bound_ns, 0.0);
            self.go(LockState::Locked, Why::Settled, now);
        }
    }

    /// In holdover: with 99 % the error is below this by now, ns.
    pub fn holdover_bound(&mut self, bound_ns: f64, now: u64) {
        if self.state.is_holdover() {
            self.bound_ns = bound_ns;
            self.tick(now);
        }
    }

    /// The clock itself cannot be trusted any more.
    pub fn clock_lost(&mut self, now: u64) {
        (self.row, self.bound_ns, self.quarantined, self.doubt_ns) = (0, f64::NAN, false, 0.0);
        if self.state != LockState::FreeRun {
            self.go(LockState::FreeRun, Why::Clock, now);
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: u64) {
        let c = &self.config;
        let patience = nanos(c.interval).saturating_add(nanos(c.grace));
        let late = self.pulse.is_none_or(|at| now.saturating_sub(at) >= patience);
        if late {
            self.row = 0;
            self.lose(Why::NoPulse, now);
        }
        let lost_for = Duration::from_nanos(now.saturating_sub(self.lost));
        let bound = self.bound_ns();
        // Written so that a bound that is no number is passed.
        let within = |limit: f64| bound <= limit;
        if self.state == LockState::HoldoverInSpec
            && !(within(self.config.in_spec_ns) && lost_for < self.config.in_spec_for)
        {
            self.go(LockState::HoldoverOutOfSpec, Why::Bound, now);
        }
        if self.state == LockState::HoldoverOutOfSpec
            && !(within(self.config.out_of_spec_ns) && lost_for < self.config.out_of_spec_for)
        {
            (self.bound_ns, self.doubt_ns, self.quarantined) = (f64::NAN, 0.0, false);
            self.go(LockState::FreeRun, Why::Bound, now);
        }
    }

    /// When [`Grandmaster::tick`] is wanted next, if nothing happens before.
    pub fn next_deadline(&self) -> Option<u64> {
        let c = &self.config;
        match self.state {
            LockState::FreeRun => None,
            LockState::WarmingUp | LockState::Locked => {
                Some(self.pulse?.saturating_add(nanos(c.interval)).saturating_add(nanos(c.grace)))
            }
            LockState::HoldoverInSpec => Some(self.lost.saturating_add(nanos(c.in_spec_for))),
            LockState::HoldoverOutOfSpec => Some(self.lost.saturating_add(nanos(c.out_of_spec_for))),
        }
    }

    fn lose(&mut self, why: Why, now: u64) {
        match self.state {
            LockState::Locked => {
                self.lost = now;
                self.go(LockState::HoldoverInSpec, why, now);
                // A bound that is out of specification already passes through.
                if self.bound_ns() > self.config.in_spec_ns {
                    self.go(LockState::HoldoverOutOfSpec, Why::Bound, now);
                }
            }
            LockState::WarmingUp => self.go(LockState::FreeRun, why, now),
            _ => {}
        }
    }

    fn go(&mut self, to: LockState, why: Why, now: u64) {
        (self.state, self.why, self.since) = (to, why, now);
    }

    /// What is to be announced. A degraded state never looks better than the one before it.
    pub fn settings(&self) -> GrandmasterSettingsNp {
        let classes = self.config.profile.classes();
        let unknown = ClockAccuracy(0xfe);
        let measured = match self.config.profile.is_of_levels() {
            true => unknown,
            false => accuracy_of_bound(self.bound_ns()),
        };
        let in_holdover = match self.config.accuracy {
            Accuracy::Measured => measured,
            Accuracy::Unknown => unknown,
        };
        let (class, accuracy) = match self.state {
            LockState::Locked => (classes.locked, measured),
            LockState::HoldoverInSpec => (classes.in_spec, in_holdover),
            LockState::HoldoverOutOfSpec => (classes.out_of_spec, in_holdover),
            LockState::FreeRun | LockState::WarmingUp => (classes.free_run, unknown),
        };
        let locked = self.state == LockState::Locked;
        // The deviation of a primary reference's clock, G.8275.1 6.4; a worse one does not say.
        let variance = if locked && measured.0 <= 0x21 { 0x4e5d } else { 0xffff };
        let in_spec = self.state == LockState::HoldoverInSpec;
        let by_layer = self.state == LockState::HoldoverOutOfSpec && classes.frequency_by_layer;
        let knows = self.knows();
        let leap = if knows { self.time.leap } else { Leap::None };
        GrandmasterSettingsNp {
            clock_quality: ClockQuality {
                clock_class: class,
                clock_accuracy: accuracy,
                offset_scaled_log_variance: variance,
            },
            utc_offset: self.time.utc_offset,
            time_flags: Flags::NONE
                .with(Flags::LEAP61, leap == Leap::Insert)
                .with(Flags::LEAP59, leap == Leap::Delete)
                .with(Flags::UTC_OFFSET_VALID, self.time.valid && knows)
                .with(Flags::PTP_TIMESCALE, true)
                .with(Flags::TIME_TRACEABLE, locked || in_spec)
                .with(Flags::FREQUENCY_TRACEABLE, locked || in_spec || by_layer),
            time_source: if locked { self.config.time_source } else { TimeSource::INTERNAL_OSCILLATOR },
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
