//! What goes in and out of the adaptive servo besides samples.

use ptp_wire::TimeInterval;

use super::start::Manner;
use crate::ServoConfig;

/// How the path delay becomes known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Measuring {
    /// By measurements in both directions (the delay request-response mechanism).
    #[default]
    TwoWay,
    /// By [`Adaptive::delay`](super::Adaptive::delay) (the peer delay mechanism); samples only come from the master.
    Peer,
    /// There is none: samples are plain offsets (pulses, clocks of one host).
    Offset,
}

/// Who takes the stamps, and so what an early message means.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Stamping {
    /// A card: messages wait, and the earliest ones did not.
    #[default]
    Hardware,
    /// The kernel: most messages wait until a processor comes to them, and those that do not are no better for that, as
    /// the two directions seldom have equally many of them. The path is what most messages take.
    Software,
}

/// How the clock passes on what its master does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Transfer {
    /// With the least error of its own: for clocks at the end.
    #[default]
    Free,
    /// Damped, so that nothing is passed on more than 2 % larger; as wide as the data say: for boundary clocks.
    Damped,
    /// Damped to a gain peaking below 0.1 dB, and never wider than this: for boundary clocks by G.8273.2. A master whose
    /// time swings with several hundred ppb is taken for one that jumps, and followed faster.
    Limited {
        /// 3 dB down at this frequency at most, Hz; 0.05 to 0.1 by G.8273.2. Values from 0.0001 to 100.
        bandwidth_hz: f64,
    },
}

/// How the adaptive servo decides. Nothing here is a gain: what the network and the oscillator are like is learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaptiveConfig {
    /// Thresholds and limits, with the same meaning as for the other servos; the gains are not used.
    pub servo: ServoConfig,
    /// How the path delay becomes known.
    pub measuring: Measuring,
    /// Who takes the stamps.
    pub stamping: Stamping,
    /// How the clock passes on what its master does.
    pub transfer: Transfer,
    /// A path asymmetry beyond this is not believed: the plain offset is followed instead. Default 1 ms.
    pub max_asymmetry: TimeInterval,
}

impl Default for AdaptiveConfig {
    fn default() -> Self {
        Self {
            servo: ServoConfig::default(),
            measuring: Measuring::TwoWay,
            stamping: Stamping::Hardware,
            transfer: Transfer::Free,
            max_asymmetry: TimeInterval::from_nanos(1_000_000),
        }
    }
}

impl AdaptiveConfig {
    /// What start and noise have to know of it.
    pub(super) const fn manner(&self) -> Manner {
        Manner { measuring: self.measuring, stamping: self.stamping }
    }
}

impl super::Adaptive {
    /// Other thresholds from now on; what was learnt, and the limit of the frequency, stay.
    pub fn set_config(&mut self, servo: ServoConfig) {
        let max_frequency_ppb = self.config.servo.max_frequency_ppb;
        self.config.servo = ServoConfig { max_frequency_ppb, ..servo };
    }
}

/// Something an operator wants to know; lengths in ns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AdaptiveEvent {
    /// The path became longer (positive) or shorter, in both directions alike.
    PathChanged {
        /// One way.
        by: f64,
    },
    /// One direction became longer than the other; the clock was held on its oscillator.
    AsymmetryChanged {
        /// What the way from the master takes longer (negative: shorter) than before.
        forward: f64,
        /// What the way to the master takes longer than before.
        backward: f64,
        /// All asymmetry found so far: half the difference of the two directions.
        total: f64,
    },
    /// The master's time jumped against this clock; the clock follows.
    TimeJumped {
        /// The clock's new offset less the one before.
        by: f64,
    },
    /// With the kernel's stamps: most messages take another way through the kernel than was thought, or both directions'
    /// were paired wrongly. The clock follows.
    WayChanged {
        /// The clock's new offset less the one before.
        by: f64,
    },
    /// The oscillator's frequency jumped: it was knocked, or its power changed. The clock is steered against it at once.
    FrequencyJumped {
        /// What it runs faster by than before, ppb.
        by: f64,
    },
    /// The estimate did not hold: everything is learnt anew from plain offsets, and no asymmetry is assumed any more.
    StartedOver,
}

/// What the servo holds to be true, at the last sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Clock minus master, ns.
    pub offset_ns: f64,
    /// Its standard deviation, ns, all that is known to be uncertain in it.
    pub sigma_ns: f64,
    /// The offset is wrong by less than this with a probability of 99 %, ns: 2.58 deviations, where messages of both
    /// directions tell of it 1.5 times as many and what their floors may differ by (where one direction has more noise than
    /// the other nobody knows whether that is waiting; with software stamps the kernel's ways are not alike), and the
    /// asymmetry that was found but cannot be explained.
    pub bound_ns: f64,
    /// The oscillator's own frequency error, ppb.
    pub oscillator_ppb: f64,
    /// Its standard deviation, ppb.
    pub oscillator_sigma_ppb: f64,
    /// Its change, ppb/s.
    pub drift_ppb_per_s: f64,
    /// The random walk of its frequency: deviation after one second, ppb.
    pub wander_ppb: f64,
    /// Mean path delay, ns.
    pub delay_ns: f64,
    /// Half of what the way from the master takes longer than the way back, as far as changes of it were seen; ns.
    pub asymmetry_ns: f64,
    /// Symmetric noise of the way from the master: standard deviation, ns.
    pub forward_noise_ns: f64,
    /// The same to the master.
    pub backward_noise_ns: f64,
    /// Share of messages from the master that waited, 0 to 1.
    pub forward_waiting: f64,
    /// The same to the master.
    pub backward_waiting: f64,
    /// Mean square of the innovations at the floor over what was expected: 1 if the model is right.
    pub health: f64,
}

impl Estimate {
    /// With 99 % the clock was nearer to its master than this, ns, at the last sample, before what takes the offset back;
    /// `None` while nothing is known.
    pub fn error_bound_ns(&self) -> Option<f64> {
        (self.sigma_ns > 0.0).then(|| self.offset_ns.abs() + self.bound_ns)
    }
}

/// What the servo knows of its oscillator, left to itself; for [`Holdover`](crate::Holdover).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OscillatorSample {
    /// Time on the oscillator since the servo began, s.
    pub time_s: f64,
    /// Its phase against the master had it never been corrected, ns.
    pub phase_ns: f64,
    /// Standard deviation of that, ns.
    pub phase_sigma_ns: f64,
    /// Its frequency error, ppb.
    pub frequency_ppb: f64,
    /// Standard deviation of that, ppb.
    pub frequency_sigma_ppb: f64,
    /// Random walk of its frequency: deviation after one second, ppb.
    pub wander_ppb: f64,
    /// How often master or reference jumped: phases before and after do not belong together.
    pub jumps: u32,
}
