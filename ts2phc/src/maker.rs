//! A PHC that makes the pulses for the others.

use core::time::Duration;

use ptp_clock::{Clock, ClockError, ClockName, Perout, PeroutStart, Phc, PinFunction};
use ptp_daemon::monotonic_now;
use ptp_wire::{TimeInterval, TimePoint};
use tracing::warn;

use crate::discipline::{Correction, Discipline};
use crate::patience::patiently;
use crate::settings::{MakerSettings, Settings};
use crate::sink::clock_name;
use crate::time_of_day::tick;

/// A running output.
pub struct Maker {
    phc: Phc,
    index: u32,
    channel: u32,
    /// What the driver makes.
    output: Perout,
    /// Where in the period the edges lie.
    phase: TimeInterval,
    rate: u32,
    /// In automatic mode, where another clock may be right.
    discipline: Option<Discipline>,
}

impl Maker {
    /// Starts the output: edges at full seconds of the clock, or by its phase. What the driver cannot do is left away, with a
    /// warning: first the width, then the phase.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn start(maker: &MakerSettings, all: &Settings) -> Result<Self, String> {
        let ClockName::Phc(number) = clock_name(&maker.clock)? else {
            return Err(format!(
                "{} makes no pulses: give phcN, /dev/ptpN or a network interface",
                maker.clock
            ));
        };
        let mut phc = Phc::open(number).map_err(|e| e.to_string())?;
        if let Some(pin) = &maker.pin {
            let index = phc.pin_index(pin).map_err(|e| e.to_string())?;
            phc.set_pin(index, PinFunction::PeriodicOutput, maker.channel).map_err(|e| e.to_string())?;
        }
        let now = phc.now().map_err(|e| e.to_string())?;
        let absolute = PeroutStart::At(start_after(now, maker.phase.unwrap_or_default()));
        let phased = maker.phase.map(PeroutStart::Phase);
        let wanted = Perout { period: all.period(), start: phased.unwrap_or(absolute), width: all.width };
        let tries =
            [wanted, Perout { width: None, ..wanted }, Perout { width: None, start: absolute, ..wanted }];
        let mut last = None;
        for (i, output) in tries.iter().enumerate() {
            match phc.enable_perout(maker.channel, output) {
                Ok(()) => {
                    if *output != wanted {
                        warn!(
                            "{}: the driver makes pulses, but not as wide or placed as asked for",
                            maker.clock
                        );
                    }
                    let discipline = match &all.automatic {
                        Some(_) => {
                            let interval = all.period().as_secs_f64();
                            let made = Discipline::new(&mut phc, all.servo, all.steering, interval, None);
                            Some(made.map_err(|e| e.to_string())?)
                        }
                        None => None,
                    };
                    let phase = i64::try_from(maker.phase.unwrap_or_default().as_nanos()).unwrap_or(0);
                    return Ok(Self {
                        phc,
                        index: number,
                        channel: maker.channel,
                        output: *output,
                        phase: TimeInterval::from_nanos(phase),
                        rate: all.rate,
                        discipline,
                    });
                }
                Err(e) if i == 2 => last = Some(e),
                Err(_) => {}
            }
        }
        Err(last.map_or_else(String::new, |e| e.to_string()))
    }

    /// Its number, N of /dev/ptpN.
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// Its own clock is steered, by one of its pulses: the time that another clock says of it, and when it came on
    /// CLOCK_MONOTONIC, ns. `None`: not in automatic mode.
    ///
    /// # Errors
    /// The clock is gone.
    pub fn steer(&mut self, truth: TimePoint, came: u64) -> Result<Option<Correction>, ClockError> {
        let Some(discipline) = &mut self.discipline else { return Ok(None) };
        let age = i64::try_from(monotonic_now().saturating_sub(came)).unwrap_or(i64::MAX);
        let about = patiently(|| self.phc.now())? - TimeInterval::from_nanos(age);
        let Some(edge) = tick(about - self.phase, self.rate) else { return Ok(None) };
        let found = discipline.pulse(&mut self.phc, edge + self.phase, truth)?;
        if found.stepped {
            // Its next edge was planned in the old time.
            let start = match self.output.start {
                PeroutStart::At(_) => {
                    let phase = u64::try_from(self.phase.nanos()).unwrap_or(0);
                    PeroutStart::At(start_after(patiently(|| self.phc.now())?, Duration::from_nanos(phase)))
                }
                phased => phased,
            };
            let output = Perout { start, ..self.output };
            patiently(|| self.phc.enable_perout(self.channel, &output))?;
        }
        Ok(Some(found))
    }

    /// Somebody else steers its clock now, or did.
    ///
    /// # Errors
    /// The clock is gone.
    pub fn forget(&mut self) -> Result<(), ClockError> {
        match &mut self.discipline {
            Some(discipline) => discipline.clock_changed(&mut self.phc),
            None => Ok(()),
        }
    }

    /// Stops the output.
    pub fn stop(&mut self) {
        let _ = self.phc.disable_perout(self.channel);
    }
}

/// A full second that is at least one second ahead, and the phase.
fn start_after(now: TimePoint, phase: Duration) -> TimePoint {
    let second = now.nanos().div_euclid(1_000_000_000) + 2;
    let phase = i64::try_from(phase.as_nanos()).unwrap_or(0);
    TimePoint::from_nanos(second * 1_000_000_000) + TimeInterval::from_nanos(phase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_ahead() {
        let at = start_after(TimePoint::from_nanos(5_999_999_999), Duration::from_millis(250));
        assert_eq!(at, TimePoint::from_nanos(7_250_000_000));
    }
}
