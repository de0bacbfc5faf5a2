//! Clocks by name.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::{AuxClock, Clock, ClockError, Phc, SystemClock, VirtualClock, aux};

/// A clock's name: `phc0` or `/dev/ptp0`, `system` (or `CLOCK_REALTIME`), `CLOCK_AUX0` (to 7), `virtual:PATH`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum ClockName {
    /// `/dev/ptpN`.
    Phc(u32),
    /// CLOCK_REALTIME.
    System,
    /// CLOCK_AUX0 to CLOCK_AUX7.
    Auxiliary(u32),
    /// A clock in shared memory.
    Virtual(PathBuf),
}

impl FromStr for ClockName {
    type Err = ClockError;

    fn from_str(s: &str) -> Result<Self, ClockError> {
        let index = |n: &str| {
            let digits = !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| n.parse().ok()).flatten().map(Self::Phc)
        };
        let name = match s {
            "system" | "CLOCK_REALTIME" => Some(Self::System),
            _ if s.starts_with("CLOCK_AUX") => {
                let number = s.strip_prefix("CLOCK_AUX").and_then(|n| n.parse().ok());
                number.filter(|n| *n < aux::COUNT && s.len() == "CLOCK_AUX0".len()).map(Self::Auxiliary)
            }
            _ => match s.strip_prefix("virtual:") {
                Some(path) => (!path.is_empty()).then(|| Self::Virtual(path.into())),
                None => s.strip_prefix("phc").or_else(|| s.strip_prefix("/dev/ptp")).and_then(index),
            },
        };
        name.ok_or_else(|| ClockError::Name { name: s.to_owned() })
    }
}

impl fmt::Display for ClockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phc(n) => write!(f, "phc{n}"),
            Self::System => f.write_str("system"),
            Self::Auxiliary(n) => write!(f, "CLOCK_AUX{n}"),
            Self::Virtual(path) => write!(f, "virtual:{}", path.display()),
        }
    }
}

impl ClockName {
    /// Opens the clock.
    ///
    /// # Errors
    /// It does not exist, a right is missing, or a virtual clock's file is corrupt.
    pub fn open(&self) -> Result<Box<dyn Clock>, ClockError> {
        Ok(match self {
            Self::Phc(n) => Box::new(Phc::open(*n)?),
            Self::System => Box::new(SystemClock::new()),
            Self::Auxiliary(n) => Box::new(AuxClock::open(*n)?),
            Self::Virtual(path) => Box::new(VirtualClock::open(path)?),
        })
    }

    /// Opens the clock to read it; the right to steer it is not needed.
    ///
    /// # Errors
    /// As [`ClockName::open`].
    pub fn open_read_only(&self) -> Result<Box<dyn Clock>, ClockError> {
        match self {
            // A PHC is opened for writing only where that is allowed anyway.
            Self::Phc(_) | Self::System | Self::Auxiliary(_) => self.open(),
            Self::Virtual(path) => Ok(Box::new(VirtualClock::open_read_only(path)?)),
        }
    }
}

/// Opens a clock by its name.
///
/// # Errors
/// [`ClockError::Name`], or as [`ClockName::open`].
pub fn open_clock(name: &str) -> Result<Box<dyn Clock>, ClockError> {
    name.parse::<ClockName>()?.open()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        let ok = |s: &str| s.parse::<ClockName>().unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(ok("phc3"), ClockName::Phc(3));
        assert_eq!(ok("/dev/ptp12"), ClockName::Phc(12));
        assert_eq!(ok("system"), ClockName::System);
        assert_eq!(ok("CLOCK_REALTIME"), ClockName::System);
        assert_eq!(ok("virtual:/run/x"), ClockName::Virtual("/run/x".into()));
        assert_eq!(ok("CLOCK_AUX7"), ClockName::Auxiliary(7));
        for name in ["phc3", "system", "CLOCK_AUX0", "virtual:/run/x"] {
            assert_eq!(ok(name).to_string(), name);
        }
    }

    #[test]
    fn others_are_not() {
        for s in [
            "",
            "phc",
            "phc-1",
            "phc+1",
            "phc99999999999",
            "/dev/ptp",
            "eth0",
            "virtual:",
            "System",
            "CLOCK_AUX8",
            "CLOCK_AUX",
        ] {
            assert!(matches!(s.parse::<ClockName>(), Err(ClockError::Name { .. })), "{s}");
        }
    }

    #[test]
    fn missing_clocks_are_named() {
        let e = open_clock("virtual:/nonexistent/clock").err().expect("there is no such file");
        assert!(matches!(e, ClockError::NotFound { .. }), "{e:?}");
        let e = open_clock("phc4000000").err().expect("there is no such device");
        assert!(matches!(e, ClockError::NotFound { .. }), "{e:?}");
    }
}
