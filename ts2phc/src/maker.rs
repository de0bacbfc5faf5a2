//! A PHC that makes the pulses for the others.

use core::time::Duration;

use ptp_clock::{Clock, ClockName, Perout, PeroutStart, Phc, PinFunction};
use ptp_wire::{TimeInterval, TimePoint};
use tracing::warn;

use crate::settings::{MakerSettings, Settings};
use crate::sink::clock_name;

/// A running output.
#[derive(Debug)]
pub struct Maker {
    phc: Phc,
    channel: u32,
}

impl Maker {
    /// Starts the output: edges at full seconds of the clock, or by its phase. What the driver cannot do is left away, with a
    /// warning: first the width, then the phase.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn start(maker: &MakerSettings, all: &Settings) -> Result<Self, String> {
        let ClockName::Phc(index) = clock_name(&maker.clock)? else {
            return Err(format!(
                "{} makes no pulses: give phcN, /dev/ptpN or a network interface",
                maker.clock
            ));
        };
        let mut phc = Phc::open(index).map_err(|e| e.to_string())?;
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
                    return Ok(Self { phc, channel: maker.channel });
                }
                Err(e) if i == 2 => last = Some(e),
                Err(_) => {}
            }
        }
        Err(last.map_or_else(String::new, |e| e.to_string()))
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
