//! The system clock after pulses that the kernel stamps.

use std::error::Error;

use ptp_clock::{ClockError, LeapSecond};
use ptp_wire::TimePoint;
use tracing::warn;

use super::Runner;
use crate::pulses::Pulses;
use crate::sink::{Measurement, Sink};

impl Runner {
    /// The system clock after pulses.
    pub(super) fn pulses(&mut self, now: u64) -> Result<(), Box<dyn Error>> {
        let Some(mut pulses) = self.pulses.take() else { return Ok(()) };
        let done = if self.started { self.take_pulse(&mut pulses, now) } else { Ok(()) };
        self.pulses = Some(pulses);
        done.map_err(Into::into)
    }

    fn take_pulse(&mut self, pulses: &mut Pulses, now: u64) -> Result<(), ClockError> {
        let Some(pulse) = pulses.fetch(now)? else { return Ok(()) };
        let Some(mut sink) = self.sinks.pop() else { return Ok(()) };
        let done = self.follow_pulse(&mut sink, pulse, now);
        self.sinks.push(sink);
        match done {
            Err(e @ ClockError::Busy { .. }) => {
                if let Some(more) = self.busy.allow(now) {
                    warn!("{e} (left out, and {more} times before)");
                }
                Ok(())
            }
            other => other,
        }
    }

    fn follow_pulse(&mut self, sink: &mut Sink, pulse: TimePoint, now: u64) -> Result<(), ClockError> {
        if let Some(entry) = self.clocks.get(sink.clock) {
            sink.look(entry, &self.settings, now)?;
        }
        let (mut leap, mut seconds) = (LeapSecond::None, None);
        if self.settings.source.is_some() {
            let Some(compared) = self.clocks.compare(sink.source.clock, sink.clock, &self.comparer) else {
                return Ok(());
            };
            let c = compared?;
            let utc = self.utc(sink.source, c.source, false, true);
            let behind = self.settings.offset.map_or(utc.behind, |o| -o);
            // The source's time at the pulse.
            seconds = Some(c.source - (c.sink - pulse) + -behind);
            leap = utc.leap;
            self.tell_kernel(sink.source, &utc)?;
        }
        let Some(offset) = crate::pulses::offset(pulse, seconds) else {
            if self.trouble.allow(now).is_some() {
                warn!(
                    "PPS is not in sync with PHC: pulse and second are more than 10 ms apart; is it this PHC's pulse?"
                );
            }
            return Ok(());
        };
        let source_error_ns = self.settings.source_error.nanos_f64();
        let m = Measurement { offset, local: pulse, delay: None, kind: "pps", leap, source_error_ns };
        let settings = &self.settings;
        let Some(entry) = self.clocks.get(sink.clock) else { return Ok(()) };
        sink.update(entry, settings, &m, || Ok(None), now).map(drop)
    }
}
