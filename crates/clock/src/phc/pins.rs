//! What goes into and out of a PHC by wire: external time stamps, periodic outputs, pins.

use core::time::Duration;
use std::os::fd::AsRawFd;

use ptp_wire::TimePoint;

use super::{Phc, abi};
use crate::ClockError;

/// Which edge of a signal is stamped.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Edge {
    /// From low to high.
    #[default]
    Rising,
    /// From high to low.
    Falling,
    /// Each.
    Both,
}

/// The stamp of an external edge.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExttsEvent {
    /// The channel.
    pub channel: u32,
    /// When, on the PHC.
    pub time: TimePoint,
}

/// Where a periodic output's edges lie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PeroutStart {
    /// The first rises at this time of the PHC, which should be in the future.
    At(TimePoint),
    /// They rise at this time modulo the period. Not every driver can.
    Phase(Duration),
}

/// A periodic output.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Perout {
    /// From edge to edge; not zero.
    pub period: Duration,
    /// Where the edges lie.
    pub start: PeroutStart,
    /// How long the signal stays high; `None`: as the driver likes. Not every driver can.
    pub width: Option<Duration>,
}

/// What a pin does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PinFunction {
    /// Nothing.
    None,
    /// Its edges are stamped.
    ExternalTimestamp,
    /// It carries a periodic output.
    PeriodicOutput,
    /// It synchronises the PHY.
    PhySync,
    /// A number this program does not know.
    Other(u32),
}

impl PinFunction {
    const fn number(self) -> u32 {
        match self {
            Self::None => 0,
            Self::ExternalTimestamp => 1,
            Self::PeriodicOutput => 2,
            Self::PhySync => 3,
            Self::Other(n) => n,
        }
    }

    const fn from_number(n: u32) -> Self {
        match n {
            0 => Self::None,
            1 => Self::ExternalTimestamp,
            2 => Self::PeriodicOutput,
            3 => Self::PhySync,
            n => Self::Other(n),
        }
    }
}

/// A pin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PinDescription {
    /// The driver's name for it.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// What it does.
    pub function: PinFunction,
    /// By which channel.
    pub channel: u32,
}

impl Phc {
    /// Stamps a channel's edges. Where the driver cannot promise to stamp only these (older kernels, or both edges
    /// at once), it stamps what it can.
    ///
    /// # Errors
    /// [`ClockError::Unsupported`], [`ClockError::Permission`], [`ClockError::Busy`].
    pub fn enable_extts(&mut self, channel: u32, edge: Edge) -> Result<(), ClockError> {
        let edges = match edge {
            Edge::Rising => abi::EXTTS_RISING,
            Edge::Falling => abi::EXTTS_FALLING,
            Edge::Both => abi::EXTTS_RISING | abi::EXTTS_FALLING,
        };
        self.request_extts(channel, abi::EXTTS_ENABLE | abi::EXTTS_STRICT | edges)
            .or_else(|_| self.request_extts(channel, abi::EXTTS_ENABLE | edges))
    }

    /// Stops stamping.
    ///
    /// # Errors
    /// As [`Phc::enable_extts`].
    pub fn disable_extts(&mut self, channel: u32) -> Result<(), ClockError> {
        self.request_extts(channel, 0)
    }

    fn request_extts(&mut self, index: u32, flags: u32) -> Result<(), ClockError> {
        let doing = "requesting external time stamps";
        self.check_writable(doing)?;
        let mut r = abi::ExttsRequest { index, flags, rsv: [0; 2] };
        self.ioctl(abi::EXTTS_REQUEST, doing, &mut r)
    }

    /// The next stamp of an external edge; `None` if none has come. Never waits. The descriptor ([`Phc`] is `AsFd`)
    /// becomes readable when there is one.
    ///
    /// # Errors
    /// The clock is gone.
    pub fn read_extts(&mut self) -> Result<Option<ExttsEvent>, ClockError> {
        let doing = "reading an external time stamp";
        loop {
            // The driver's read() waits even on a non-blocking descriptor.
            let mut p = libc::pollfd { fd: self.fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: `p` is one pollfd, as the count says.
            let ready = unsafe { libc::poll(&mut p, 1, 0) };
            if ready < 0 {
                return Err(ClockError::last_os(&self.name, doing));
            }
            if ready == 0 || p.revents & libc::POLLIN == 0 {
                return Ok(None);
            }
            let mut e = abi::ExttsEventAbi::default();
            let size = size_of::<abi::ExttsEventAbi>();
            // SAFETY: `e` is `size` octets of integers, for which any content is valid.
            let n = unsafe { libc::read(self.fd.as_raw_fd(), std::ptr::from_mut(&mut e).cast(), size) };
            if n < 0 {
                return Err(ClockError::last_os(&self.name, doing));
            }
            if n.unsigned_abs() < size {
                return Ok(None);
            }
            // A sample of an offset is not the stamp of an edge.
            if e.flags & abi::EXTTS_EXT_OFFSET == 0 {
                return Ok(Some(ExttsEvent { channel: e.index, time: e.t.into() }));
            }
        }
    }

    /// Starts a periodic output.
    ///
    /// # Errors
    /// [`ClockError::Range`] for a period of zero or a time that does not fit, [`ClockError::Unsupported`] for a phase
    /// or width the driver does not do, [`ClockError::Permission`], [`ClockError::Busy`].
    pub fn enable_perout(&mut self, channel: u32, output: &Perout) -> Result<(), ClockError> {
        let doing = "starting a periodic output";
        self.check_writable(doing)?;
        let mut r = perout_request(channel, output)
            .ok_or_else(|| ClockError::Range { clock: self.name.clone(), doing })?;
        if r.flags == 0 {
            return self.ioctl(abi::PEROUT_REQUEST, doing, &mut r);
        }
        // The older number would ignore the flags and make another signal than was asked for.
        self.ioctl_once(abi::PEROUT_REQUEST.new, &mut r).map_err(|e| match e.raw_os_error() {
            Some(libc::EINVAL) => ClockError::Unsupported { clock: self.name.clone(), doing },
            _ => ClockError::os(&self.name, doing, e),
        })
    }

    /// Stops it.
    ///
    /// # Errors
    /// As [`Phc::enable_perout`].
    pub fn disable_perout(&mut self, channel: u32) -> Result<(), ClockError> {
        let doing = "stopping a periodic output";
        self.check_writable(doing)?;
        let mut r = abi::PeroutRequest { index: channel, ..abi::PeroutRequest::default() };
        self.ioctl(abi::PEROUT_REQUEST, doing, &mut r)
    }

    /// A pin by its number.
    ///
    /// # Errors
    /// [`ClockError::Unsupported`]: there is no such pin.
    pub fn pin(&mut self, index: u32) -> Result<PinDescription, ClockError> {
        let mut p = pin_desc(index, 0, 0);
        self.ioctl(abi::PIN_GETFUNC, "reading a pin's function", &mut p)?;
        let length = p.name.iter().position(|c| *c == 0).unwrap_or(p.name.len());
        let name = String::from_utf8_lossy(p.name.get(..length).unwrap_or_default()).into_owned();
        Ok(PinDescription { name, index, function: PinFunction::from_number(p.func), channel: p.chan })
    }

    /// All pins.
    ///
    /// # Errors
    /// As [`Phc::pin`].
    pub fn pins(&mut self) -> Result<Vec<PinDescription>, ClockError> {
        (0..self.capabilities.pins).map(|i| self.pin(i)).collect()
    }

    /// Sets what a pin does.
    ///
    /// # Errors
    /// [`ClockError::Unsupported`], [`ClockError::Permission`], [`ClockError::Busy`].
    pub fn set_pin(&mut self, index: u32, function: PinFunction, channel: u32) -> Result<(), ClockError> {
        let doing = "setting a pin's function";
        self.check_writable(doing)?;
        let mut p = pin_desc(index, function.number(), channel);
        self.ioctl(abi::PIN_SETFUNC, doing, &mut p)
    }
}

fn pin_desc(index: u32, func: u32, chan: u32) -> abi::PinDesc {
    abi::PinDesc { name: [0; 64], index, func, chan, rsv: [0; 5] }
}

/// `None` if something does not fit.
fn perout_request(index: u32, output: &Perout) -> Option<abi::PeroutRequest> {
    let time = |d: Duration| abi::ClockTime::from_nanos(i128::try_from(d.as_nanos()).ok()?);
    if output.period.is_zero() || output.width.is_some_and(|w| w.is_zero() || w >= output.period) {
        return None;
    }
    let (start, phase) = match output.start {
        PeroutStart::At(t) => (abi::ClockTime::from_nanos(t.nanos())?, 0),
        PeroutStart::Phase(p) => (time(p)?, abi::PEROUT_PHASE),
    };
    let (on, width) = match output.width {
        Some(w) => (time(w)?, abi::PEROUT_DUTY_CYCLE),
        None => (abi::ClockTime::default(), 0),
    };
    Some(abi::PeroutRequest { start, period: time(output.period)?, index, flags: phase | width, on })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_become_requests() {
        let second = Duration::from_secs(1);
        let at = Perout {
            period: second,
            start: PeroutStart::At(TimePoint::from_nanos(5_000_000_007)),
            width: None,
        };
        let r = perout_request(2, &at).expect("a good one");
        assert_eq!((r.start.sec, r.start.nsec, r.period.sec, r.index, r.flags), (5, 7, 1, 2, 0));
        let phase = Perout {
            period: second,
            start: PeroutStart::Phase(Duration::from_millis(500)),
            width: Some(Duration::from_millis(100)),
        };
        let r = perout_request(0, &phase).expect("a good one");
        assert_eq!((r.start.nsec, r.on.nsec, r.flags), (500_000_000, 100_000_000, 6));
    }

    #[test]
    fn impossible_outputs_are_refused() {
        let second = Duration::from_secs(1);
        let start = PeroutStart::Phase(Duration::ZERO);
        assert!(perout_request(0, &Perout { period: Duration::ZERO, start, width: None }).is_none());
        assert!(perout_request(0, &Perout { period: second, start, width: Some(second) }).is_none());
        assert!(perout_request(0, &Perout { period: Duration::MAX, start, width: None }).is_none());
    }

    #[test]
    fn functions_keep_their_numbers() {
        for n in 0..6 {
            assert_eq!(PinFunction::from_number(n).number(), n);
        }
    }
}
