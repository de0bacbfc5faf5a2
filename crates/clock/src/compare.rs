//! One clock measured against another.

use ptp_wire::{TimeInterval, TimePoint};

use crate::{Clock, ClockError, monotonic_now, monotonic_raw_now};

/// How a pair of clocks is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// Both are functions of CLOCK_MONOTONIC_RAW: exact.
    Raw,
    /// One is the system clock or an auxiliary clock, and the other stamps itself against it.
    CrossStamp,
    /// The sink is read between two readings of the source.
    Sandwich,
}

/// Two clocks at one instant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Comparison {
    /// The clock that is right.
    pub source: TimePoint,
    /// The clock that is steered.
    pub sink: TimePoint,
    /// How long the reading took; the instants agree within half of it.
    pub delay: TimeInterval,
    /// How it was done.
    pub method: Method,
}

impl Comparison {
    /// Sink minus source; saturates at 39 hours (compare the times themselves to find out).
    pub fn offset(&self) -> TimeInterval {
        self.sink - self.source
    }
}

/// Measures one clock against another by the best way both have.
#[derive(Clone, Copy, Debug)]
pub struct Comparer {
    readings: u32,
}

impl Comparer {
    /// Takes the best of so many readings (1..=25, clamped) each time.
    pub fn new(readings: u32) -> Self {
        Self { readings: readings.clamp(1, 25) }
    }

    /// Measures.
    ///
    /// # Errors
    /// Those of reading either clock; see [`ClockError::is_transient`].
    pub fn compare(&self, source: &mut dyn Clock, sink: &mut dyn Clock) -> Result<Comparison, ClockError> {
        let raw = monotonic_raw_now();
        if let Some(at_source) = source.at_monotonic_raw(raw)?
            && let Some(at_sink) = sink.at_monotonic_raw(raw)?
        {
            let (source, sink) = (at_source, at_sink);
            return Ok(Comparison { source, sink, delay: TimeInterval::ZERO, method: Method::Raw });
        }
        if sink.is_system() {
            let c = source.cross_stamp(self.readings)?;
            let (source, sink) = (c.device, c.system);
            return Ok(Comparison { source, sink, delay: c.delay, method: Method::CrossStamp });
        }
        if source.is_system() {
            let c = sink.cross_stamp(self.readings)?;
            let (source, sink) = (c.system, c.device);
            return Ok(Comparison { source, sink, delay: c.delay, method: Method::CrossStamp });
        }
        if let Some(id) = sink.auxiliary_id()
            && let Some(c) = source.cross_stamp_auxiliary(id, self.readings)?
        {
            let (source, sink) = (c.device, c.system);
            return Ok(Comparison { source, sink, delay: c.delay, method: Method::CrossStamp });
        }
        if let Some(id) = source.auxiliary_id()
            && let Some(c) = sink.cross_stamp_auxiliary(id, self.readings)?
        {
            let (source, sink) = (c.system, c.device);
            return Ok(Comparison { source, sink, delay: c.delay, method: Method::CrossStamp });
        }
        self.sandwich(source, sink)
    }

    fn sandwich(&self, source: &mut dyn Clock, sink: &mut dyn Clock) -> Result<Comparison, ClockError> {
        let mut best: Option<Comparison> = None;
        for _ in 0..self.readings {
            // The delay is told by a clock that nobody steps.
            let began = monotonic_now();
            let before = source.now()?;
            let at_sink = sink.now()?;
            let after = source.now()?;
            let took = monotonic_now().saturating_sub(began);
            let delay = TimeInterval::from_nanos(i64::try_from(took).unwrap_or(i64::MAX));
            if best.is_none_or(|b| delay < b.delay) {
                let source = before + (after - before).half();
                best = Some(Comparison { source, sink: at_sink, delay, method: Method::Sandwich });
            }
        }
        // The loop runs at least once.
        best.ok_or_else(|| ClockError::Busy { clock: sink.name().to_owned() })
    }
}
