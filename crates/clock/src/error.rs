//! What can go wrong with a clock.

use std::path::PathBuf;
use std::{fmt, io};

/// Which right is missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missing {
    /// The capability CAP_SYS_TIME.
    CapSysTime,
    /// Read and write access to the device or file.
    FileMode,
}

/// Why a clock could not do what it was asked for.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClockError {
    /// The name is not one of a clock.
    Name {
        /// As given.
        name: String,
    },
    /// There is no such device or file.
    NotFound {
        /// Its name.
        clock: String,
    },
    /// An auxiliary clock that nobody enabled, or that somebody disabled.
    NotEnabled {
        /// Its name.
        clock: String,
        /// The file of the kernel's that enables it.
        switch: PathBuf,
    },
    /// An auxiliary clock that was disabled and enabled again: it has begun at zero, without its frequency.
    BegunAnew {
        /// Its name.
        clock: String,
    },
    /// A right is missing.
    Permission {
        /// The clock's name.
        clock: String,
        /// What was tried.
        doing: &'static str,
        /// The right.
        missing: Missing,
    },
    /// The clock, its driver or the kernel cannot do this.
    Unsupported {
        /// The clock's name.
        clock: String,
        /// What was tried.
        doing: &'static str,
    },
    /// A frequency beyond the clock's limit, or not a number.
    Frequency {
        /// The clock's name.
        clock: String,
        /// As asked for.
        ppb: f64,
        /// The limit.
        max: f64,
    },
    /// A time or step beyond what the clock can represent.
    Range {
        /// The clock's name.
        clock: String,
        /// What was tried.
        doing: &'static str,
    },
    /// The clock was opened for reading only.
    ReadOnly {
        /// Its name.
        clock: String,
        /// What was tried.
        doing: &'static str,
    },
    /// The clock cannot answer at this moment (EBUSY): try again with the next interval.
    Busy {
        /// Its name.
        clock: String,
    },
    /// A virtual clock's file is not what it should be.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// Anything else the kernel says.
    Io {
        /// The clock's name.
        clock: String,
        /// What was tried.
        doing: &'static str,
        /// The kernel's word.
        error: io::Error,
    },
}

impl ClockError {
    /// An error of the kernel, put in order. EPERM on a clock is CAP_SYS_TIME, EACCES the file's mode.
    pub(crate) fn os(clock: &str, doing: &'static str, error: io::Error) -> Self {
        let clock = clock.to_owned();
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => Self::NotFound { clock },
            Some(libc::EPERM) => Self::Permission { clock, doing, missing: Missing::CapSysTime },
            Some(libc::EACCES) => Self::Permission { clock, doing, missing: Missing::FileMode },
            Some(libc::EOPNOTSUPP | libc::ENOTTY | libc::ENOSYS) => Self::Unsupported { clock, doing },
            Some(libc::EBUSY) => Self::Busy { clock },
            _ => Self::Io { clock, doing, error },
        }
    }

    /// The last system call's error.
    pub(crate) fn last_os(clock: &str, doing: &'static str) -> Self {
        Self::os(clock, doing, io::Error::last_os_error())
    }

    /// The next try may well succeed.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }

    /// The clock is gone, or is another one now; opened again it may serve.
    pub const fn is_gone(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::NotEnabled { .. } | Self::BegunAnew { .. })
    }

    /// Whose trouble it is, if the error names a clock.
    pub fn clock(&self) -> Option<&str> {
        match self {
            Self::Name { .. } | Self::Corrupt { .. } => None,
            Self::NotFound { clock }
            | Self::NotEnabled { clock, .. }
            | Self::BegunAnew { clock }
            | Self::Permission { clock, .. }
            | Self::Unsupported { clock, .. }
            | Self::Frequency { clock, .. }
            | Self::Range { clock, .. }
            | Self::ReadOnly { clock, .. }
            | Self::Busy { clock }
            | Self::Io { clock, .. } => Some(clock),
        }
    }
}

impl fmt::Display for ClockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name } => {
                write!(
                    f,
                    "{name:?} names no clock; use phc0 or /dev/ptp0, system, CLOCK_AUX0 to 7, or virtual:PATH"
                )
            }
            Self::NotFound { clock } => write!(f, "{clock}: there is no such clock"),
            Self::NotEnabled { clock, switch } => {
                write!(f, "{clock} is not enabled: as root, echo 1 >{}", switch.display())
            }
            Self::BegunAnew { clock } => {
                write!(f, "{clock} was disabled and enabled again: it has begun at zero")
            }
            Self::Permission { clock, doing, missing: Missing::CapSysTime } => write!(
                f,
                "{clock}: {doing} needs the capability CAP_SYS_TIME; run as root, or give it with \
                 AmbientCapabilities=CAP_SYS_TIME in the service's unit or `setcap cap_sys_time+ep PROGRAM`"
            ),
            Self::Permission { clock, doing, missing: Missing::FileMode } => write!(
                f,
                "{clock}: {doing} is denied by the file's mode; run as root or as a member of its group, or open it \
                 with a udev rule (KERNEL==\"ptp*\", GROUP=\"ptp\", MODE=\"0660\") or chmod"
            ),
            Self::Unsupported { clock, doing } => {
                write!(f, "{clock}: {doing} is not supported by this clock's driver or by the kernel")
            }
            Self::Frequency { clock, ppb, max } => {
                write!(f, "{clock}: a frequency of {ppb} ppb is beyond the limit of +-{max} ppb")
            }
            Self::Range { clock, doing } => {
                write!(f, "{clock}: {doing}: the value is out of the clock's range")
            }
            Self::ReadOnly { clock, doing } => {
                write!(f, "{clock}: {doing} is not possible, the clock was opened for reading only")
            }
            Self::Busy { clock } => write!(f, "{clock}: busy, try again"),
            Self::Corrupt { path, what } => {
                write!(f, "{}: not a usable virtual clock: {what}; make a new one", path.display())
            }
            Self::Io { clock, doing, error } => write!(f, "{clock}: {doing}: {error}"),
        }
    }
}

impl std::error::Error for ClockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_right_is_named() {
        let text =
            |e| ClockError::os("phc0", "setting the frequency", io::Error::from_raw_os_error(e)).to_string();
        assert!(text(libc::EPERM).contains("CAP_SYS_TIME"), "{}", text(libc::EPERM));
        assert!(text(libc::EACCES).contains("mode"), "{}", text(libc::EACCES));
        assert!(text(libc::ENODEV).contains("no such clock"));
        assert!(text(libc::EIO).contains("setting the frequency"));
    }
}
