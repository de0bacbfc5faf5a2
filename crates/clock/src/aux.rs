//! The kernel's auxiliary clocks CLOCK_AUX0 to CLOCK_AUX7 (Linux 6.17).

use ptp_wire::{TimeInterval, TimePoint};

use crate::{Clock, ClockError, timex};

/// CLOCK_AUX0; the others follow.
const FIRST: libc::clockid_t = 16;
/// How many there are.
pub(crate) const COUNT: u32 = 8;
/// As for the system clock, without the tick.
const MAX_PPB: f64 = 500_000.0;

/// What is told of a kernel without them.
const NEEDS: &str = "an auxiliary clock (Linux 6.17 has them, each enabled in /sys/kernel/time/aux_clocks)";

/// An auxiliary clock: a second system clock with a time of its own. It has to be enabled in
/// `/sys/kernel/time/aux_clocks/N/aux_clock_enable`.
#[derive(Debug)]
pub struct AuxClock {
    id: libc::clockid_t,
    name: String,
}

impl AuxClock {
    /// Opens number 0..=7.
    ///
    /// # Errors
    /// [`ClockError::Unsupported`]: the kernel has none, or it is not enabled.
    pub fn open(number: u32) -> Result<Self, ClockError> {
        let name = format!("CLOCK_AUX{number}");
        if number >= COUNT {
            return Err(ClockError::NotFound { clock: name });
        }
        let mut this = Self { id: FIRST + number as libc::clockid_t, name };
        match this.now() {
            Ok(_) => Ok(this),
            Err(ClockError::Io { error, .. }) if error.raw_os_error() == Some(libc::EINVAL) => {
                Err(ClockError::Unsupported { clock: this.name, doing: NEEDS })
            }
            Err(e) => Err(e),
        }
    }

    /// The kernel's number of the clock.
    pub const fn clock_id(&self) -> libc::clockid_t {
        self.id
    }
}

impl Clock for AuxClock {
    fn name(&self) -> &str {
        &self.name
    }

    fn auxiliary_id(&self) -> Option<i32> {
        Some(self.id)
    }

    fn now(&mut self) -> Result<TimePoint, ClockError> {
        timex::now(self.id, &self.name)
    }

    fn frequency(&mut self) -> Result<f64, ClockError> {
        let mut tx = timex::empty();
        timex::adjust(self.id, &mut tx)
            .map_err(|e| ClockError::os(&self.name, "reading the frequency", e))?;
        Ok(timex::ppb(tx.freq))
    }

    fn set_frequency(&mut self, ppb: f64) -> Result<(), ClockError> {
        // Written so that not-a-number fails, too.
        let within = ppb.abs() <= MAX_PPB;
        if !within {
            return Err(ClockError::Frequency { clock: self.name.clone(), ppb, max: MAX_PPB });
        }
        let mut tx = timex::empty();
        tx.modes = libc::ADJ_FREQUENCY;
        tx.freq = timex::scaled_ppm(ppb);
        timex::adjust(self.id, &mut tx)
            .map(drop)
            .map_err(|e| ClockError::os(&self.name, "setting the frequency", e))
    }

    fn step(&mut self, by: TimeInterval) -> Result<(), ClockError> {
        timex::step(self.id, &self.name, by)
    }

    fn set(&mut self, to: TimePoint) -> Result<(), ClockError> {
        timex::set(self.id, &self.name, to)
    }

    fn max_frequency(&self) -> f64 {
        MAX_PPB
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_or_says_why_not() {
        match AuxClock::open(0) {
            Ok(mut clock) => assert!(clock.now().is_ok()),
            Err(e) => {
                let told = "CLOCK_AUX0: an auxiliary clock (Linux 6.17 has them, each enabled in /sys/kernel/time/aux_clocks) is not \
                            supported by this clock's driver or by the kernel";
                assert_eq!(e.to_string(), told);
            }
        }
        assert!(matches!(AuxClock::open(8), Err(ClockError::NotFound { .. })));
    }
}
