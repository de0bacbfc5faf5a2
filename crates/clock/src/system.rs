//! CLOCK_REALTIME.

use ptp_wire::{TimeInterval, TimePoint};

use crate::{Clock, ClockError, CrossStamp, Timescale, realtime_now, timex};

const NAME: &str = "system";
/// What the kernel's frequency field reaches; beyond it the tick helps.
const MAX_FREQ_PPB: f64 = 500_000.0;
/// The tick reaches 10 % either way.
const MAX_PPB: f64 = 100_000_000.0;

/// A leap second at the end of the UTC day, for the kernel to carry out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeapSecond {
    /// None.
    None,
    /// 23:59:60 is inserted.
    Insert,
    /// 23:59:59 is left out.
    Delete,
}

/// The system clock. Reading needs no right; steering needs CAP_SYS_TIME.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// There is one.
    pub const fn new() -> Self {
        Self
    }

    /// TAI - UTC in seconds as the kernel holds it for CLOCK_TAI; 0 if nobody told it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn tai_offset(&self) -> Result<i32, ClockError> {
        let mut tx = timex::empty();
        request(&mut tx, "reading the TAI offset")?;
        Ok(tx.tai)
    }

    /// Tells the kernel TAI - UTC in seconds.
    ///
    /// # Errors
    /// [`ClockError::Permission`].
    pub fn set_tai_offset(&mut self, seconds: i32) -> Result<(), ClockError> {
        let mut tx = timex::empty();
        tx.modes = libc::ADJ_TAI;
        tx.constant = seconds.into();
        request(&mut tx, "setting the TAI offset")
    }

    /// The leap second the kernel was told of.
    ///
    /// # Errors
    /// The kernel's.
    pub fn leap(&self) -> Result<LeapSecond, ClockError> {
        let status = self.status()?;
        Ok(if status & libc::STA_INS != 0 {
            LeapSecond::Insert
        } else if status & libc::STA_DEL != 0 {
            LeapSecond::Delete
        } else {
            LeapSecond::None
        })
    }

    /// Tells the kernel of a leap second at the end of this UTC day, or of none.
    ///
    /// # Errors
    /// [`ClockError::Permission`].
    pub fn set_leap(&mut self, leap: LeapSecond) -> Result<(), ClockError> {
        let mut tx = timex::empty();
        tx.modes = libc::ADJ_STATUS;
        tx.status = with_leap(self.status()?, leap);
        request(&mut tx, "setting the leap second")
    }

    /// The kernel holds the clock to be synchronised.
    ///
    /// # Errors
    /// The kernel's.
    pub fn is_synchronized(&self) -> Result<bool, ClockError> {
        Ok(self.status()? & libc::STA_UNSYNC == 0)
    }

    /// Tells the kernel that the clock is synchronised, with this largest error. Within it the kernel keeps the
    /// hardware clock (RTC) in step; say it again now and then, since the kernel lets the error grow by 500 ppm.
    ///
    /// # Errors
    /// [`ClockError::Permission`].
    pub fn set_synchronized(&mut self, max_error: TimeInterval) -> Result<(), ClockError> {
        let mut tx = timex::empty();
        tx.modes = libc::ADJ_STATUS | libc::ADJ_MAXERROR;
        tx.maxerror = max_error.abs().nanos() / 1_000;
        tx.status = self.status()? & !libc::STA_UNSYNC;
        request(&mut tx, "marking the clock synchronised")
    }

    fn status(&self) -> Result<libc::c_int, ClockError> {
        let mut tx = timex::empty();
        request(&mut tx, "reading the clock's status")?;
        Ok(tx.status)
    }
}

impl Clock for SystemClock {
    fn name(&self) -> &str {
        NAME
    }

    fn timescale(&self) -> Timescale {
        Timescale::Utc
    }

    fn is_system(&self) -> bool {
        true
    }

    fn now(&mut self) -> Result<TimePoint, ClockError> {
        Ok(realtime_now())
    }

    fn frequency(&mut self) -> Result<f64, ClockError> {
        timex::realtime_rate_ppb().map_err(|e| ClockError::os(NAME, "reading the frequency", e))
    }

    fn set_frequency(&mut self, ppb: f64) -> Result<(), ClockError> {
        let Some((tick, freq)) = tick_and_freq(ppb) else {
            return Err(ClockError::Frequency { clock: NAME.to_owned(), ppb, max: MAX_PPB });
        };
        let mut tx = timex::empty();
        tx.modes = libc::ADJ_FREQUENCY | libc::ADJ_TICK;
        tx.tick = tick;
        tx.freq = freq;
        request(&mut tx, "setting the frequency")
    }

    fn step(&mut self, by: TimeInterval) -> Result<(), ClockError> {
        timex::step(libc::CLOCK_REALTIME, NAME, by)
    }

    fn set(&mut self, to: TimePoint) -> Result<(), ClockError> {
        timex::set(libc::CLOCK_REALTIME, NAME, to)
    }

    fn max_frequency(&self) -> f64 {
        MAX_PPB
    }

    fn cross_stamp(&mut self, _readings: u32) -> Result<CrossStamp, ClockError> {
        let now = realtime_now();
        Ok(CrossStamp { device: now, system: now, delay: TimeInterval::ZERO })
    }
}

fn request(tx: &mut libc::timex, doing: &'static str) -> Result<(), ClockError> {
    timex::adjust(libc::CLOCK_REALTIME, tx).map(drop).map_err(|e| ClockError::os(NAME, doing, e))
}

/// The kernel's tick and frequency; the tick stays nominal within 500 ppm. `None` beyond 10 %.
fn tick_and_freq(ppb: f64) -> Option<(i64, i64)> {
    // Written so that not-a-number fails, too.
    let within = ppb.abs() <= MAX_PPB;
    if !within {
        return None;
    }
    let ticks = if ppb.abs() > MAX_FREQ_PPB { (ppb / timex::PPB_PER_TICK).round() } else { 0.0 };
    Some((timex::NOMINAL_TICK + ticks as i64, timex::scaled_ppm(ppb - ticks * timex::PPB_PER_TICK)))
}

fn with_leap(status: libc::c_int, leap: LeapSecond) -> libc::c_int {
    let status = status & !(libc::STA_INS | libc::STA_DEL);
    match leap {
        LeapSecond::None => status,
        LeapSecond::Insert => status | libc::STA_INS,
        LeapSecond::Delete => status | libc::STA_DEL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Nothing here adjusts the clock: only readings, and what would be asked of the kernel.

    #[test]
    fn the_tick_takes_what_the_frequency_cannot() {
        assert_eq!(tick_and_freq(0.0), Some((10_000, 0)));
        assert_eq!(tick_and_freq(500_000.0), Some((10_000, 32_768_000)));
        assert_eq!(tick_and_freq(-500_000.0), Some((10_000, -32_768_000)));
        assert_eq!(tick_and_freq(600_000.0), Some((10_006, 0)));
        assert_eq!(tick_and_freq(-100_000_000.0), Some((9_000, 0)));
        for bad in [f64::NAN, f64::INFINITY, 100_000_001.0, -1e12] {
            assert_eq!(tick_and_freq(bad), None, "{bad}");
        }
        for ppb in [-99_999_999.0, -712_345.6, 499_999.9, 1_234_567.0] {
            let (tick, freq) = tick_and_freq(ppb).expect("in range");
            assert!(freq.abs() <= 32_768_000 && (9_000..=11_000).contains(&tick));
            assert!((timex::tick_ppb(tick) + timex::ppb(freq) - ppb).abs() < 0.01, "{ppb}");
        }
    }

    #[test]
    fn leap_flags_leave_the_rest_alone() {
        let before = libc::STA_PLL | libc::STA_INS | libc::STA_UNSYNC;
        assert_eq!(with_leap(before, LeapSecond::Delete), libc::STA_PLL | libc::STA_UNSYNC | libc::STA_DEL);
        assert_eq!(with_leap(before, LeapSecond::None), libc::STA_PLL | libc::STA_UNSYNC);
    }

    #[test]
    fn it_can_be_read() {
        let mut c = SystemClock::new();
        let a = c.now().expect("reading needs no right");
        assert!(c.now().expect("reading needs no right") >= a);
        assert!(c.frequency().expect("reading needs no right").abs() <= 2.0 * MAX_PPB);
        assert!((0..100).contains(&c.tai_offset().expect("reading needs no right")));
        c.is_synchronized().expect("reading needs no right");
        c.leap().expect("reading needs no right");
    }

    #[test]
    fn a_wrong_frequency_does_not_reach_the_kernel() {
        let e = SystemClock::new().set_frequency(f64::NAN).expect_err("not a number");
        assert!(matches!(e, ClockError::Frequency { .. }));
    }
}
