//! The kernel's auxiliary clocks CLOCK_AUX0 to CLOCK_AUX7 (Linux 6.17).

use std::path::{Path, PathBuf};

use ptp_wire::{TimeInterval, TimePoint};

use crate::{Clock, ClockError, monotonic_raw_now, timex};

/// CLOCK_AUX0; the others follow.
const FIRST: libc::clockid_t = 16;
/// How many there are.
pub(crate) const COUNT: u32 = 8;
/// As for the system clock, without the tick.
const MAX_PPB: f64 = 500_000.0;
/// Where the kernel has them, one directory each.
const DIRECTORY: &str = "/sys/kernel/time/aux_clocks";

/// What is told of a kernel without them.
const NEEDS: &str = "an auxiliary clock (Linux 6.17 has them where it is built with CONFIG_POSIX_AUX_CLOCKS)";

/// An auxiliary clock: a second system clock with a time of its own, in which nobody inserts leap seconds. It has to be
/// enabled ([`AuxClock::enable`]), and begins at zero then. Reading needs no right; steering and enabling need CAP_SYS_TIME.
#[derive(Debug)]
pub struct AuxClock {
    id: libc::clockid_t,
    name: String,
    /// CLOCK_MONOTONIC_RAW in ns, and what it showed, when it was last read; `None` after it was set here.
    last: Option<(u64, TimePoint)>,
}

impl AuxClock {
    /// Opens number 0..=7.
    ///
    /// # Errors
    /// [`ClockError::Unsupported`]: the kernel has none; [`ClockError::NotEnabled`].
    pub fn open(number: u32) -> Result<Self, ClockError> {
        let name = format!("CLOCK_AUX{number}");
        if number >= COUNT {
            return Err(ClockError::NotFound { clock: name });
        }
        let mut this = Self { id: FIRST + number as libc::clockid_t, name, last: None };
        match this.now() {
            Ok(_) => Ok(this),
            Err(ClockError::Io { error, .. }) if error.raw_os_error() == Some(libc::EINVAL) => {
                Err(ClockError::Unsupported { clock: this.name, doing: NEEDS })
            }
            Err(e) => Err(e),
        }
    }

    /// Enables number 0..=7, or disables it: it vanishes for everybody who uses it. Nothing happens to one that is as wanted.
    ///
    /// # Errors
    /// [`ClockError::Unsupported`]: the kernel has none; [`ClockError::Permission`].
    pub fn enable(number: u32, on: bool) -> Result<(), ClockError> {
        let clock = format!("CLOCK_AUX{number}");
        if number >= COUNT {
            return Err(ClockError::NotFound { clock });
        }
        if !Path::new(DIRECTORY).is_dir() {
            return Err(ClockError::Unsupported { clock, doing: NEEDS });
        }
        let doing = if on { "enabling the clock" } else { "disabling the clock" };
        std::fs::write(switch(number), if on { "1" } else { "0" })
            .map_err(|e| ClockError::os(&clock, doing, e))
    }

    /// The kernel's number of the clock.
    pub const fn clock_id(&self) -> libc::clockid_t {
        self.id
    }

    /// What it counts from 0.
    fn number(&self) -> u32 {
        (self.id - FIRST).unsigned_abs()
    }

    /// The kernel's ENODEV is a clock that is not enabled, or not any more.
    fn explain(&self, e: ClockError) -> ClockError {
        match e {
            ClockError::NotFound { clock } => ClockError::NotEnabled { clock, switch: switch(self.number()) },
            e => e,
        }
    }
}

/// A clock that shows this has run for less than `ns`, at any rate it can have.
fn is_younger(shown: TimePoint, ns: u64) -> bool {
    (0..=i128::from(ns) + i128::from(ns) / 1_000 + 1_000_000).contains(&shown.nanos())
}

/// The file that enables it.
fn switch(number: u32) -> PathBuf {
    format!("{DIRECTORY}/{number}/aux_clock_enable").into()
}

impl Clock for AuxClock {
    fn name(&self) -> &str {
        &self.name
    }

    fn auxiliary_id(&self) -> Option<i32> {
        Some(self.id)
    }

    fn now(&mut self) -> Result<TimePoint, ClockError> {
        let now = timex::now(self.id, &self.name).map_err(|e| self.explain(e))?;
        let raw = monotonic_raw_now();
        let last = self.last.replace((raw, now));
        // One that is enabled begins at zero.
        if last.is_some_and(|(then, time)| now < time && is_younger(now, raw.saturating_sub(then))) {
            return Err(ClockError::BegunAnew { clock: self.name.clone() });
        }
        Ok(now)
    }

    fn frequency(&mut self) -> Result<f64, ClockError> {
        let mut tx = timex::empty();
        timex::adjust(self.id, &mut tx)
            .map_err(|e| self.explain(ClockError::os(&self.name, "reading the frequency", e)))?;
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
            .map_err(|e| self.explain(ClockError::os(&self.name, "setting the frequency", e)))
    }

    fn step(&mut self, by: TimeInterval) -> Result<(), ClockError> {
        self.last = None;
        timex::step(self.id, &self.name, by).map_err(|e| self.explain(e))
    }

    fn set(&mut self, to: TimePoint) -> Result<(), ClockError> {
        self.last = None;
        timex::set(self.id, &self.name, to).map_err(|e| self.explain(e))
    }

    fn max_frequency(&self) -> f64 {
        MAX_PPB
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel has none, or has them and none is enabled, or this one is.
    #[test]
    fn it_is_there_or_says_why_not() {
        match AuxClock::open(0) {
            Ok(mut clock) => assert!(clock.now().is_ok()),
            Err(e) if Path::new(DIRECTORY).is_dir() => {
                let told = "CLOCK_AUX0 is not enabled: as root, echo 1 >/sys/kernel/time/aux_clocks/0/aux_clock_enable";
                assert_eq!(e.to_string(), told);
            }
            Err(e) => {
                let told = "CLOCK_AUX0: an auxiliary clock (Linux 6.17 has them where it is built with \
                            CONFIG_POSIX_AUX_CLOCKS) is not supported by this clock's driver or by the kernel";
                assert_eq!(e.to_string(), told);
                let refused = AuxClock::enable(0, true).expect_err("there is none");
                assert!(matches!(refused, ClockError::Unsupported { .. }), "{refused}");
            }
        }
        let t = |s: i128| TimePoint::from_nanos(s * 1_000_000_000);
        assert!(is_younger(t(3), 3_000_000_000) && is_younger(t(0), 0));
        assert!(!is_younger(t(4), 3_000_000_000) && !is_younger(t(-1), 3_000_000_000));
        assert!(matches!(AuxClock::open(8), Err(ClockError::NotFound { .. })));
        assert!(matches!(AuxClock::enable(8, true), Err(ClockError::NotFound { .. })));
    }
}
