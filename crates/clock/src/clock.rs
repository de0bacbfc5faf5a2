//! What every clock can do.

use ptp_wire::{TimeInterval, TimePoint};

use crate::ClockError;
use crate::monotonic::realtime_now;

/// What a clock counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Timescale {
    /// The PTP timescale (1588-2019 7.2.1): TAI since 1970.
    Ptp,
    /// UTC, with its leap seconds: the system clock.
    Utc,
}

/// A clock's time and the system clock's at the same instant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CrossStamp {
    /// The clock.
    pub device: TimePoint,
    /// CLOCK_REALTIME, or the auxiliary clock that was asked for.
    pub system: TimePoint,
    /// How long the reading took; the instants agree within half of it. Zero for a pair taken by hardware.
    pub delay: TimeInterval,
}

/// A clock that can be read and steered.
///
/// A positive frequency makes the clock faster; a step is added to it. Both take effect at once. Errors name the clock.
pub trait Clock {
    /// Its name, as in the configuration: `phc0`, `system`, `virtual:PATH`.
    fn name(&self) -> &str;

    /// What it counts. Hardware and virtual clocks are said to keep PTP time, whatever is in them.
    fn timescale(&self) -> Timescale {
        Timescale::Ptp
    }

    /// It is the host's CLOCK_REALTIME.
    fn is_system(&self) -> bool {
        false
    }

    /// The kernel's number of an auxiliary clock (CLOCK_AUX0 to CLOCK_AUX7); `None` for all others.
    fn auxiliary_id(&self) -> Option<i32> {
        None
    }

    /// Its time.
    ///
    /// # Errors
    /// The clock is gone or busy, or a virtual clock's file is corrupt.
    fn now(&mut self) -> Result<TimePoint, ClockError>;

    /// The frequency correction in force in ppb.
    ///
    /// # Errors
    /// As [`Clock::now`].
    fn frequency(&mut self) -> Result<f64, ClockError>;

    /// Sets the frequency correction in ppb.
    ///
    /// # Errors
    /// [`ClockError::Frequency`] beyond [`Clock::max_frequency`], [`ClockError::Permission`], or as [`Clock::now`].
    fn set_frequency(&mut self, ppb: f64) -> Result<(), ClockError>;

    /// Adds to the clock. A [`TimeInterval`] reaches 39 hours; see [`Clock::set`] for more.
    ///
    /// # Errors
    /// [`ClockError::Permission`], [`ClockError::Range`], or as [`Clock::now`].
    fn step(&mut self, by: TimeInterval) -> Result<(), ClockError>;

    /// Sets the clock to a time, as good as a program can: for a clock that is far off. A [`Clock::step`] follows.
    ///
    /// # Errors
    /// As [`Clock::step`].
    fn set(&mut self, to: TimePoint) -> Result<(), ClockError>;

    /// The largest correction in ppb, either way.
    fn max_frequency(&self) -> f64;

    /// It has a phase control of its own: [`Clock::adjust_phase`].
    fn adjusts_phase(&self) -> bool {
        false
    }

    /// Hands a small correction to the clock's own phase control, which takes its time over it. Whole nanoseconds count.
    ///
    /// # Errors
    /// [`ClockError::Unsupported`], [`ClockError::Range`], [`ClockError::Permission`], or as [`Clock::now`].
    fn adjust_phase(&mut self, by: TimeInterval) -> Result<(), ClockError> {
        let _ = by;
        Err(ClockError::Unsupported { clock: self.name().to_owned(), doing: "adjusting the phase" })
    }

    /// The clock at an instant of CLOCK_MONOTONIC_RAW (ns), for clocks that are defined by it; `None` for others.
    ///
    /// # Errors
    /// As [`Clock::now`].
    fn at_monotonic_raw(&mut self, raw_ns: u64) -> Result<Option<TimePoint>, ClockError> {
        let _ = raw_ns;
        Ok(None)
    }

    /// The clock and an auxiliary clock (by [`Clock::auxiliary_id`]) at one instant, if its driver can; `None` if it cannot.
    ///
    /// # Errors
    /// As [`Clock::now`].
    fn cross_stamp_auxiliary(&mut self, id: i32, readings: u32) -> Result<Option<CrossStamp>, ClockError> {
        let _ = (id, readings);
        Ok(None)
    }

    /// The clock and the system clock at one instant: the reading with the shortest delay out of `readings`
    /// (1..=25, clamped). Without a better way the clock is read between two readings of the system clock.
    ///
    /// # Errors
    /// As [`Clock::now`].
    fn cross_stamp(&mut self, readings: u32) -> Result<CrossStamp, ClockError> {
        let mut best: Option<CrossStamp> = None;
        for _ in 0..readings.clamp(1, 25) {
            let before = realtime_now();
            let device = self.now()?;
            let delay = realtime_now() - before;
            let stamp = CrossStamp { device, system: before + delay.half(), delay };
            if best.is_none_or(|b| delay < b.delay) {
                best = Some(stamp);
            }
        }
        // The loop runs at least once.
        best.ok_or_else(|| ClockError::Busy { clock: self.name().to_owned() })
    }
}
