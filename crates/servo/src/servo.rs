//! The servo: samples in, decisions out.

use core::fmt;

use ptp_wire::{TimeInterval, TimePoint};

use crate::{Gains, PiConfig};

/// How a servo decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServoConfig {
    /// The controller's gains.
    pub pi: PiConfig,
    /// `first_step_threshold`: the first correction after the start is a step if the offset is larger than this;
    /// `None`: never. Default 20 us.
    pub first_step_threshold: Option<TimeInterval>,
    /// `step_threshold`: any offset larger than this starts over, and is stepped away; `None`: never (the default).
    pub step_threshold: Option<TimeInterval>,
    /// `max_frequency`: the frequency stays within +- this many ppb. Give the clock's own limit if it is smaller.
    pub max_frequency_ppb: f64,
    /// `servo_offset_threshold`: offsets up to this count towards [`ServoState::LockedStable`]; `None`: that state
    /// is never reached (the default).
    pub offset_threshold: Option<TimeInterval>,
    /// `servo_num_offset_values`: how many in a row it takes. Default 10.
    pub num_offset_values: u32,
}

impl Default for ServoConfig {
    /// linuxptp's defaults for hardware stamps.
    fn default() -> Self {
        Self {
            pi: PiConfig::hardware(),
            first_step_threshold: Some(TimeInterval::from_nanos(20_000)),
            step_threshold: None,
            max_frequency_ppb: 900_000_000.0,
            offset_threshold: None,
            num_offset_values: 10,
        }
    }
}

/// What the servo makes of the samples; the numbers are the `s0` to `s3` of log lines.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u8)]
pub enum ServoState {
    /// It measures the frequency; nothing is corrected.
    #[default]
    Unlocked = 0,
    /// The clock is to be stepped.
    Jump = 1,
    /// It tracks.
    Locked = 2,
    /// It tracks, and the last offsets were all small.
    LockedStable = 3,
}

impl ServoState {
    /// It tracks.
    pub const fn is_locked(self) -> bool {
        matches!(self, Self::Locked | Self::LockedStable)
    }
}

/// `s0` to `s3`.
impl fmt::Display for ServoState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", *self as u8)
    }
}

/// What is to be done to the clock. The order is: frequency first, then the step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// What the servo makes of the sample.
    pub state: ServoState,
    /// To apply to the clock in ppb; positive: the clock runs faster. Always a number within the limit.
    pub frequency_ppb: f64,
    /// To add to the clock. Only in [`ServoState::Jump`].
    pub step: Option<TimeInterval>,
}

/// The frequency is estimated over no more than this; with the gains for software stamps linuxptp takes 16 s at 1 Hz and
/// 37 s at 8 Hz, for a frequency that the controller corrects anyway.
const LONGEST_ESTIMATE_S: f64 = 8.0;

/// No oscillator is 1000 ppm off: more rather says that the master stepped between the two samples. One such estimate is
/// not believed.
const IMPLAUSIBLE: f64 = 1e-3;

/// What the servo waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// The first sample.
    Start,
    /// A second one far enough from this first to tell the frequency.
    Estimate { offset: TimeInterval, local: TimePoint },
    /// Any: it tracks.
    Track,
}

/// A PI servo.
///
/// The first sample is only kept. Once a second one is 0.016/ki seconds later (at most 8 s), the two give the
/// frequency; an offset over the step threshold is then stepped away, and from there on the controller tracks.
/// An offset of [`TimeInterval::MAX`] (39 hours or more) is stepped away piece by piece; a caller who knows the master's
/// time can set the clock instead.
/// While tracking, an offset over `step_threshold` starts over. At the frequency's limit the integral stands still.
#[derive(Clone, Debug)]
pub struct Servo {
    config: ServoConfig,
    max_ppb: f64,
    gains: Gains,
    phase: Phase,
    state: ServoState,
    /// The integral: what the controller holds to be the right frequency, in ppb.
    frequency: f64,
    /// What was last decided, in ppb.
    last: f64,
    /// No sample was tracked yet.
    first: bool,
    /// The last estimate was not believed, and the next one will be.
    doubted: bool,
    /// Small offsets still missing for [`ServoState::LockedStable`].
    missing: u32,
}

impl Servo {
    /// A servo for a clock that runs with this correction at present, in ppb. The interval is 1 s until
    /// [`Servo::set_interval`]. Values that are not numbers count as the defaults.
    pub fn new(config: ServoConfig, initial_frequency_ppb: f64) -> Self {
        let max_ppb = if config.max_frequency_ppb.is_nan() {
            ServoConfig::default().max_frequency_ppb
        } else {
            // 1e9 ppb less would be a clock that stands still.
            config.max_frequency_ppb.clamp(0.0, 999_999_999.0)
        };
        let frequency = bounded(initial_frequency_ppb, max_ppb);
        Self {
            config,
            max_ppb,
            gains: config.pi.gains(1.0),
            phase: Phase::Start,
            state: ServoState::Unlocked,
            frequency,
            last: frequency,
            first: true,
            doubted: false,
            missing: config.num_offset_values,
        }
    }

    /// Tells the interval between samples in seconds, for the gains. Call it whenever it changes.
    pub fn set_interval(&mut self, seconds: f64) {
        self.gains = self.config.pi.gains(seconds);
    }

    /// Other thresholds and gains from now on; what the servo knows of the clock, and the limit of its frequency, stay.
    /// [`Servo::set_interval`] is to be called after it.
    pub fn set_config(&mut self, config: ServoConfig) {
        self.config = ServoConfig { max_frequency_ppb: self.config.max_frequency_ppb, ..config };
    }

    /// Takes an offset (local minus master) that was measured at `local` on the clock that is steered.
    /// `weight` says how much the sample counts, from 0 to 1; anything else is clamped.
    pub fn sample(&mut self, offset: TimeInterval, local: TimePoint, weight: f64) -> Decision {
        let weight = if weight.is_nan() { 1.0 } else { weight.clamp(0.0, 1.0) };
        match self.phase {
            Phase::Start => {
                self.phase = Phase::Estimate { offset, local };
                self.unlocked()
            }
            Phase::Estimate { offset: offset0, local: local0 } => {
                self.estimate(offset, local, offset0, local0)
            }
            Phase::Track => {
                if exceeds(offset, self.config.step_threshold) {
                    self.phase = Phase::Start;
                    return self.unlocked();
                }
                if self.first
                    && offset.abs() == TimeInterval::MAX
                    && exceeds(offset, self.config.first_step_threshold)
                {
                    // Still as far off as a TimeInterval can tell: the first step was not the whole of it.
                    return self.jump(offset);
                }
                self.track(offset, weight)
            }
        }
    }

    /// Starts over with the frequency it holds. Call it when the master or the clock changed, or when samples were
    /// missing for long.
    pub fn reset(&mut self) {
        self.phase = Phase::Start;
        self.doubted = false;
        self.state = ServoState::Unlocked;
        self.last = self.frequency;
        self.missing = self.config.num_offset_values;
    }

    /// Tells that something else stepped the clock by this much, so that what was measured before still fits.
    /// A step the servo itself asked for is already counted.
    pub fn clock_stepped(&mut self, by: TimeInterval) {
        if let Phase::Estimate { offset, local } = &mut self.phase {
            *offset += by;
            *local = *local + by;
        }
    }

    /// The clock is another one from here on, which keeps the same time and is right at this correction (ppb): tracking
    /// goes on with it.
    pub fn carry_over(&mut self, frequency_ppb: f64) {
        self.frequency = bounded(frequency_ppb, self.max_ppb);
        self.last = self.frequency;
        if !self.state.is_locked() {
            // What was measured of the other clock's frequency is not this one's.
            self.reset();
        }
    }

    /// It tracks from here on with this correction (ppb), as another servo did until now: nothing is stepped at a beginning that
    /// is none.
    pub fn take_over(&mut self, frequency_ppb: f64) {
        self.frequency = bounded(frequency_ppb, self.max_ppb);
        self.last = self.frequency;
        (self.phase, self.state, self.first) = (Phase::Track, ServoState::Locked, false);
    }

    /// What it made of the last sample.
    pub const fn state(&self) -> ServoState {
        self.state
    }

    /// What was last decided, in ppb.
    pub const fn frequency_ppb(&self) -> f64 {
        self.last
    }

    fn estimate(
        &mut self,
        offset: TimeInterval,
        local: TimePoint,
        offset0: TimeInterval,
        local0: TimePoint,
    ) -> Decision {
        let elapsed = (local - local0).nanos_f64();
        if elapsed <= 0.0 {
            // The clock was set back by someone: what was kept is worth nothing.
            self.phase = Phase::Estimate { offset, local };
            return self.unlocked();
        }
        let needed = (0.016 / self.gains.integral).min(LONGEST_ESTIMATE_S) * 1e9;
        if elapsed < needed {
            return self.unlocked();
        }
        // The clock ran 1 / (1 - gained) times as fast as the master, with the present frequency in it.
        let gained = (offset - offset0).nanos_f64() / elapsed;
        if gained.abs() > IMPLAUSIBLE && !self.doubted {
            self.doubted = true;
            self.phase = Phase::Estimate { offset, local };
            return self.unlocked();
        }
        self.doubted = false;
        let ratio = (1.0 + self.frequency * 1e-9) * (1.0 - gained);
        self.frequency = bounded((ratio - 1.0) * 1e9, self.max_ppb);
        self.last = self.frequency;
        self.phase = Phase::Track;
        self.missing = self.config.num_offset_values;
        let jump = (self.first && exceeds(offset, self.config.first_step_threshold))
            || exceeds(offset, self.config.step_threshold);
        if jump {
            return self.jump(offset);
        }
        self.state = ServoState::Locked;
        Decision { state: self.state, frequency_ppb: self.last, step: None }
    }

    fn jump(&mut self, offset: TimeInterval) -> Decision {
        self.state = ServoState::Jump;
        Decision { state: self.state, frequency_ppb: self.last, step: Some(-offset) }
    }

    fn track(&mut self, offset: TimeInterval, weight: f64) -> Decision {
        self.first = false;
        let weighted = offset.nanos_f64() * weight;
        let integral = self.frequency - self.gains.integral * weighted;
        let wanted = integral - self.gains.proportional * weighted;
        self.last = bounded(wanted, self.max_ppb);
        if self.last == wanted {
            self.frequency = bounded(integral, self.max_ppb);
        }
        self.state = ServoState::Locked;
        if let Some(threshold) = self.config.offset_threshold {
            if offset.abs() <= threshold {
                self.missing = self.missing.saturating_sub(1);
            } else {
                self.missing = self.config.num_offset_values;
            }
            if self.missing == 0 {
                self.state = ServoState::LockedStable;
            }
        }
        Decision { state: self.state, frequency_ppb: self.last, step: None }
    }

    fn unlocked(&mut self) -> Decision {
        self.state = ServoState::Unlocked;
        self.missing = self.config.num_offset_values;
        Decision { state: self.state, frequency_ppb: self.last, step: None }
    }
}

/// Larger than a threshold that exists; zero is linuxptp's "never", too.
pub(crate) fn exceeds(offset: TimeInterval, threshold: Option<TimeInterval>) -> bool {
    threshold.is_some_and(|t| t > TimeInterval::ZERO && offset.abs() > t)
}

pub(crate) fn bounded(ppb: f64, max: f64) -> f64 {
    if ppb.is_nan() { 0.0 } else { ppb.clamp(-max, max) }
}
