//! PTP hardware clocks: `/dev/ptpN`.

mod abi;
mod cross;
mod pins;

use std::ffi::{CString, c_int};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use ptp_wire::{TimeInterval, TimePoint};

use crate::{Clock, ClockError, CrossStamp, Missing, timex};
use abi::Request;

pub use cross::{CrossMethod, PreciseStamp};
pub use pins::{Edge, ExttsEvent, Perout, PeroutStart, PinDescription, PinFunction};

/// What a PHC has (`PTP_CLOCK_GETCAPS`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PhcCapabilities {
    /// The largest frequency correction, ppb.
    pub max_frequency_ppb: i32,
    /// Channels that stamp external edges.
    pub external_timestamp_channels: u32,
    /// Channels that make periodic signals.
    pub periodic_output_channels: u32,
    /// Pins whose function can be set.
    pub pins: u32,
    /// It can give the kernel a pulse per second (`/dev/ppsN`).
    pub pps: bool,
    /// Pairs of device and system time taken by hardware.
    pub cross_timestamping: bool,
    /// It can adjust its phase by itself (ADJ_OFFSET).
    pub adjust_phase: bool,
    /// The largest such adjustment, ns; 0 where the kernel does not say (before 6.5).
    pub max_phase_ns: i32,
}

/// A PHC.
#[derive(Debug)]
pub struct Phc {
    name: String,
    fd: OwnedFd,
    writable: bool,
    capabilities: PhcCapabilities,
    /// What [`Clock::cross_stamp`] uses; goes down the list as methods turn out not to be there.
    method: CrossMethod,
    /// The same against auxiliary clocks; `None`: not found out yet.
    auxiliary_method: Option<CrossMethod>,
    /// The kernel knows the newer ioctl numbers; unlearnt when one fails where its elder works.
    new_requests: bool,
}

impl Phc {
    /// Opens `/dev/ptpN`. Without the right to write it is opened for reading, and steering it fails.
    ///
    /// # Errors
    /// [`ClockError::NotFound`], [`ClockError::Permission`], or it is no PHC.
    pub fn open(index: u32) -> Result<Self, ClockError> {
        Self::open_path(&format!("/dev/ptp{index}"), format!("phc{index}"))
    }

    fn open_path(path: &str, name: String) -> Result<Self, ClockError> {
        let not_found = || ClockError::NotFound { clock: name.clone() };
        let c_path = CString::new(path).map_err(|_| not_found())?;
        let open = |flags: c_int| {
            // SAFETY: `c_path` is a NUL-terminated string that outlives the call. Not std::fs: simulators of clocks
            // replace open(), not open64().
            let fd = unsafe { libc::open(c_path.as_ptr(), flags | libc::O_CLOEXEC) };
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: `fd` was just opened and belongs to nobody else.
            Ok(unsafe { OwnedFd::from_raw_fd(fd) })
        };
        let (fd, writable) = match open(libc::O_RDWR) {
            Ok(fd) => (fd, true),
            Err(e) if matches!(e.raw_os_error(), Some(libc::EACCES | libc::EROFS)) => {
                (open(libc::O_RDONLY).map_err(|e| ClockError::os(&name, "opening", e))?, false)
            }
            Err(e) => return Err(ClockError::os(&name, "opening", e)),
        };
        let mut this = Self {
            name,
            fd,
            writable,
            capabilities: PhcCapabilities::default(),
            method: CrossMethod::Precise,
            auxiliary_method: None,
            new_requests: true,
        };
        this.capabilities = this.read_capabilities()?;
        if !this.capabilities.cross_timestamping {
            this.method = CrossMethod::Extended;
        }
        Ok(this)
    }

    /// What it has.
    pub const fn capabilities(&self) -> PhcCapabilities {
        self.capabilities
    }

    /// It was opened for writing, too.
    pub const fn is_writable(&self) -> bool {
        self.writable
    }

    /// Its clock id, for `clock_gettime` and such. Good as long as `self` is.
    pub fn clock_id(&self) -> libc::clockid_t {
        clock_id(self.fd.as_raw_fd())
    }

    /// Starts or stops the PHC's pulse per second to the kernel (`/dev/ppsN`).
    ///
    /// # Errors
    /// [`ClockError::Unsupported`], [`ClockError::Permission`] (CAP_SYS_TIME).
    pub fn enable_pps(&mut self, on: bool) -> Result<(), ClockError> {
        let doing = "enabling the pulse per second";
        // This ioctl takes its argument by value.
        let mut last = Ok(());
        for request in self.versions(abi::ENABLE_PPS) {
            // SAFETY: PTP_ENABLE_PPS reads an integer argument and no memory.
            if unsafe { libc::ioctl(self.fd.as_raw_fd(), request.into(), c_int::from(on)) } >= 0 {
                return Ok(());
            }
            last = Err(ClockError::last_os(&self.name, doing));
        }
        last
    }

    /// Has the PHC's own loop take this much phase away or up (`ADJ_OFFSET`), for a PHC with
    /// [`PhcCapabilities::adjust_phase`]. How fast is the driver's affair; so is the largest phase.
    ///
    /// # Errors
    /// [`ClockError::Unsupported`], [`ClockError::Range`] beyond 2.1 s, [`ClockError::Permission`] (CAP_SYS_TIME), or
    /// [`ClockError::Io`] where the driver takes less (ERANGE).
    pub fn adjust_phase(&mut self, by: TimeInterval) -> Result<(), ClockError> {
        self.check_writable("adjusting the phase")?;
        timex::phase(self.clock_id(), &self.name, by)
    }

    fn read_capabilities(&mut self) -> Result<PhcCapabilities, ClockError> {
        let mut caps = abi::Caps::default();
        self.ioctl(abi::CLOCK_GETCAPS, "reading the capabilities", &mut caps)?;
        let count = |n: i32| u32::try_from(n).unwrap_or(0);
        Ok(PhcCapabilities {
            max_frequency_ppb: caps.max_adj.max(0),
            external_timestamp_channels: count(caps.n_ext_ts),
            periodic_output_channels: count(caps.n_per_out),
            pins: count(caps.n_pins),
            pps: caps.pps != 0,
            cross_timestamping: caps.cross_timestamping != 0,
            adjust_phase: caps.adjust_phase != 0,
            max_phase_ns: caps.max_phase_adj,
        })
    }

    /// The numbers to try in turn.
    fn versions(&self, request: Request) -> impl Iterator<Item = u32> + use<> {
        self.new_requests.then_some(request.new).into_iter().chain([request.old])
    }

    /// Performs an ioctl that takes a pointer to `T`, by the newer number if the kernel knows it.
    fn ioctl<T: Copy>(
        &mut self,
        request: Request,
        doing: &'static str,
        argument: &mut T,
    ) -> Result<(), ClockError> {
        let before = *argument;
        if self.new_requests {
            match self.ioctl_once(request.new, argument) {
                Ok(()) => return Ok(()),
                Err(e) if matches!(e.raw_os_error(), Some(libc::EINVAL | libc::ENOTTY)) => *argument = before,
                Err(e) => return Err(ClockError::os(&self.name, doing, e)),
            }
        }
        self.ioctl_once(request.old, argument).map_err(|e| match e.raw_os_error() {
            // Neither number: this kernel or driver does not have it.
            Some(libc::EINVAL) => ClockError::Unsupported { clock: self.name.clone(), doing },
            _ => ClockError::os(&self.name, doing, e),
        })?;
        // Whatever the newer one disliked, the elder serves; for reading the two are the same.
        if request.old == abi::CLOCK_GETCAPS.old {
            self.new_requests = false;
        }
        Ok(())
    }

    fn ioctl_once<T: Copy>(&self, number: u32, argument: &mut T) -> io::Result<()> {
        // SAFETY: the number carries the size of `T` (checked by a test against the kernel's), so that the kernel
        // reads and writes only `argument`.
        if unsafe { libc::ioctl(self.fd.as_raw_fd(), number.into(), std::ptr::from_mut(argument)) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// The error a kernel gives for a descriptor that is not open for writing, before asking it.
    fn check_writable(&self, doing: &'static str) -> Result<(), ClockError> {
        if self.writable {
            return Ok(());
        }
        Err(ClockError::Permission { clock: self.name.clone(), doing, missing: Missing::FileMode })
    }
}

impl AsFd for Phc {
    /// Becomes readable when an external time stamp has come.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Clock for Phc {
    fn name(&self) -> &str {
        &self.name
    }

    fn now(&mut self) -> Result<TimePoint, ClockError> {
        timex::now(self.clock_id(), &self.name)
    }

    fn frequency(&mut self) -> Result<f64, ClockError> {
        let mut tx = timex::empty();
        timex::adjust(self.clock_id(), &mut tx)
            .map_err(|e| ClockError::os(&self.name, "reading the frequency", e))?;
        Ok(timex::ppb(tx.freq))
    }

    fn set_frequency(&mut self, ppb: f64) -> Result<(), ClockError> {
        let doing = "setting the frequency";
        self.check_writable(doing)?;
        let max = self.max_frequency();
        // Written so that not-a-number fails, too.
        let within = ppb.abs() <= max;
        if !within {
            return Err(ClockError::Frequency { clock: self.name.clone(), ppb, max });
        }
        let mut tx = timex::empty();
        tx.modes = libc::ADJ_FREQUENCY;
        tx.freq = timex::scaled_ppm(ppb);
        timex::adjust(self.clock_id(), &mut tx).map(drop).map_err(|e| ClockError::os(&self.name, doing, e))
    }

    fn step(&mut self, by: TimeInterval) -> Result<(), ClockError> {
        self.check_writable("stepping the clock")?;
        timex::step(self.clock_id(), &self.name, by)
    }

    fn set(&mut self, to: TimePoint) -> Result<(), ClockError> {
        self.check_writable("setting the clock")?;
        timex::set(self.clock_id(), &self.name, to)
    }

    fn adjusts_phase(&self) -> bool {
        self.capabilities.adjust_phase
    }

    fn adjust_phase(&mut self, by: TimeInterval) -> Result<(), ClockError> {
        Self::adjust_phase(self, by)
    }

    fn max_frequency(&self) -> f64 {
        self.capabilities.max_frequency_ppb.into()
    }

    fn cross_stamp(&mut self, readings: u32) -> Result<CrossStamp, ClockError> {
        self.best_cross_stamp(readings)
    }

    fn cross_stamp_auxiliary(&mut self, id: i32, readings: u32) -> Result<Option<CrossStamp>, ClockError> {
        self.best_auxiliary_stamp(id, readings)
    }
}

/// The kernel's clock id of a descriptor: CLOCKFD.
fn clock_id(fd: RawFd) -> libc::clockid_t {
    (!fd << 3) | 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_ids_are_the_kernels() {
        assert_eq!(clock_id(0), -5);
        assert_eq!(clock_id(3), -29);
        assert_eq!(!(clock_id(77) >> 3), 77);
    }

    #[test]
    fn what_is_no_phc_is_refused() {
        let e = Phc::open_path("/dev/null", "phc9".to_owned()).expect_err("no PHC");
        assert!(matches!(e, ClockError::Unsupported { .. }), "{e:?}");
        assert!(e.to_string().starts_with("phc9: reading the capabilities"), "{e}");
        let e = Phc::open_path("/dev/nul\0l", "phc9".to_owned()).expect_err("no path");
        assert!(matches!(e, ClockError::NotFound { .. }), "{e:?}");
    }

    /// Reads only: the machine's clock is not ours. Where there is none, or it is not for us, the error has to say so.
    #[test]
    fn the_first_one_can_be_read_or_says_why_not() {
        let mut phc = match Phc::open(0) {
            Ok(phc) => phc,
            Err(e @ (ClockError::NotFound { .. } | ClockError::Permission { .. })) => {
                assert!(e.to_string().contains("phc0"), "{e}");
                return;
            }
            Err(e) => panic!("{e}"),
        };
        let a = phc.now().expect("an open PHC");
        assert!(phc.now().expect("an open PHC") >= a);
        phc.frequency().expect("an open PHC");
        let c = phc.cross_stamp(5).expect("an open PHC");
        assert!(c.device >= a && c.delay >= TimeInterval::ZERO);
        println!("{:?} {c:?}", phc.capabilities());
    }
}
