//! A clock that is measured but not touched.

use ptp_wire::{TimeInterval, TimePoint};

use crate::{Clock, ClockError, CrossStamp, Timescale};

/// Passes readings through and swallows every correction.
pub struct FreeRunning<C> {
    inner: C,
}

impl<C: Clock> FreeRunning<C> {
    /// Wraps a clock.
    pub fn new(inner: C) -> Self {
        Self { inner }
    }

    /// The clock itself.
    pub fn into_inner(self) -> C {
        self.inner
    }
}

impl<C: Clock> Clock for FreeRunning<C> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn timescale(&self) -> Timescale {
        self.inner.timescale()
    }

    fn is_system(&self) -> bool {
        self.inner.is_system()
    }

    fn auxiliary_id(&self) -> Option<i32> {
        self.inner.auxiliary_id()
    }

    fn cross_stamp_auxiliary(&mut self, id: i32, readings: u32) -> Result<Option<CrossStamp>, ClockError> {
        self.inner.cross_stamp_auxiliary(id, readings)
    }

    fn now(&mut self) -> Result<TimePoint, ClockError> {
        self.inner.now()
    }

    /// The frequency that is really in force.
    fn frequency(&mut self) -> Result<f64, ClockError> {
        self.inner.frequency()
    }

    /// Does nothing.
    fn set_frequency(&mut self, _ppb: f64) -> Result<(), ClockError> {
        Ok(())
    }

    /// Does nothing.
    fn step(&mut self, _by: TimeInterval) -> Result<(), ClockError> {
        Ok(())
    }

    /// Does nothing.
    fn set(&mut self, _to: TimePoint) -> Result<(), ClockError> {
        Ok(())
    }

    fn max_frequency(&self) -> f64 {
        self.inner.max_frequency()
    }

    fn at_monotonic_raw(&mut self, raw_ns: u64) -> Result<Option<TimePoint>, ClockError> {
        self.inner.at_monotonic_raw(raw_ns)
    }

    fn cross_stamp(&mut self, readings: u32) -> Result<CrossStamp, ClockError> {
        self.inner.cross_stamp(readings)
    }
}

/// A boxed clock is a clock.
impl<C: Clock + ?Sized> Clock for Box<C> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn timescale(&self) -> Timescale {
        (**self).timescale()
    }

    fn is_system(&self) -> bool {
        (**self).is_system()
    }

    fn auxiliary_id(&self) -> Option<i32> {
        (**self).auxiliary_id()
    }

    fn cross_stamp_auxiliary(&mut self, id: i32, readings: u32) -> Result<Option<CrossStamp>, ClockError> {
        (**self).cross_stamp_auxiliary(id, readings)
    }

    fn adjusts_phase(&self) -> bool {
        (**self).adjusts_phase()
    }

    fn adjust_phase(&mut self, by: TimeInterval) -> Result<(), ClockError> {
        (**self).adjust_phase(by)
    }

    fn now(&mut self) -> Result<TimePoint, ClockError> {
        (**self).now()
    }

    fn frequency(&mut self) -> Result<f64, ClockError> {
        (**self).frequency()
    }

    fn set_frequency(&mut self, ppb: f64) -> Result<(), ClockError> {
        (**self).set_frequency(ppb)
    }

    fn step(&mut self, by: TimeInterval) -> Result<(), ClockError> {
        (**self).step(by)
    }

    fn set(&mut self, to: TimePoint) -> Result<(), ClockError> {
        (**self).set(to)
    }

    fn max_frequency(&self) -> f64 {
        (**self).max_frequency()
    }

    fn at_monotonic_raw(&mut self, raw_ns: u64) -> Result<Option<TimePoint>, ClockError> {
        (**self).at_monotonic_raw(raw_ns)
    }

    fn cross_stamp(&mut self, readings: u32) -> Result<CrossStamp, ClockError> {
        (**self).cross_stamp(readings)
    }
}
