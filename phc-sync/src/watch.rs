//! Notices when somebody else adjusts a clock, and says who may be it.

use std::fmt::Write;
use std::path::Path;

use ptp_clock::{Clock, ClockError, ClockName, has_monotonic_raw, monotonic_raw_now};
use ptp_wire::{TimeInterval, TimePoint};

/// A frequency read back differs from what was set by rounding only, ppb.
const FREQUENCY_TOLERANCE: f64 = 1.0;
/// A clock that jumped less than this was not stepped, ns.
const STEP_TOLERANCE: f64 = 20_000.0;
/// Nor by less than what its oscillator may wander in the meantime, ppb.
const WANDER_PPB: f64 = 5_000.0;
/// Shorter intervals tell nothing, ns.
const SHORTEST: f64 = 1e6;

/// What somebody else did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Intrusion {
    /// The frequency is not what was set, ppb.
    Frequency { set: f64, found: f64 },
    /// The clock was stepped.
    Step { by: TimeInterval },
}

impl std::fmt::Display for Intrusion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frequency { set, found } => {
                write!(f, "its frequency is {found:.0} ppb, and {set:.0} ppb was set here")
            }
            Self::Step { by } => write!(f, "it was stepped by {:.0} ns", by.nanos_f64()),
        }
    }
}

/// A clock against CLOCK_MONOTONIC_RAW, which nobody steers.
#[derive(Clone, Copy, Debug)]
struct Look {
    raw_ns: u64,
    time: TimePoint,
    /// How long the reading took, ns.
    took: u64,
}

/// Rates beyond the limit, as linuxptp's clock check tells them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Insane {
    Forward,
    Backward,
}

/// Watches one clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    /// As read back after it was set.
    frequency: Option<f64>,
    last: Option<Look>,
    /// Rate against the raw clock with the correction taken off, and how uncertain that is, ppb.
    oscillator: Option<(f64, f64)>,
    /// Since then the rate is checked: a whole second says more than one measurement of many.
    since: Option<Since>,
}

/// The beginning of a check of the rate.
#[derive(Clone, Copy, Debug)]
struct Since {
    raw_ns: u64,
    time: TimePoint,
    /// What the clock gained by its correction, ns, up to the last look.
    corrected: f64,
}

/// A check of the rate takes so long, ns.
const CHECK_NS: f64 = 0.9e9;

impl Watch {
    /// Looks whether the clock is as it was left. Call it before each measurement.
    pub(crate) fn check(
        &mut self,
        clock: &mut dyn Clock,
        sanity_ppb: f64,
    ) -> Result<(Option<Intrusion>, Option<Insane>), ClockError> {
        let look = look(clock)?;
        let found = clock.frequency()?;
        let mut intrusion = None;
        if let Some(set) = self.frequency
            && (found - set).abs() > FREQUENCY_TOLERANCE
        {
            intrusion = Some(Intrusion::Frequency { set, found });
        }
        let soon = self.last.is_some_and(|l| (look.raw_ns.saturating_sub(l.raw_ns) as f64) < SHORTEST);
        if soon {
            return Ok((intrusion, None));
        }
        let (step, insane) = self.compare(look, found, intrusion.is_some(), sanity_ppb);
        self.last = Some(look);
        Ok((intrusion.or(step), insane))
    }

    fn compare(
        &mut self,
        look: Look,
        found: f64,
        tampered: bool,
        sanity_ppb: f64,
    ) -> (Option<Intrusion>, Option<Insane>) {
        let Some(last) = self.last else {
            self.since = Some(Since { raw_ns: look.raw_ns, time: look.time, corrected: 0.0 });
            return (None, None);
        };
        let elapsed = look.raw_ns.saturating_sub(last.raw_ns) as f64;
        let gained = (look.time - last.time).nanos_f64() - elapsed;
        let uncertain = (look.took + last.took) as f64;
        let rate = gained / elapsed * 1e9;
        let oscillator = rate - self.frequency.unwrap_or(found);
        let known = self.oscillator;
        // A reading that took long says little about the rate.
        if uncertain < STEP_TOLERANCE {
            self.oscillator = Some((oscillator, uncertain / elapsed * 1e9));
        }
        let mut step = None;
        // Against a clock that is steered itself, steering looks like a step.
        if let Some((expected, doubt)) = known
            && !tampered
            && has_monotonic_raw()
        {
            let unexpected = (oscillator - expected) * elapsed * 1e-9;
            let natural = (WANDER_PPB + 2.0 * doubt) * 1e-9 * elapsed + 2.0 * uncertain;
            if unexpected.abs() > STEP_TOLERANCE + natural {
                step = Some(Intrusion::Step { by: TimeInterval::from_nanos_f64(unexpected) });
                self.oscillator = known;
            }
        }
        (step, self.sane(look, elapsed, found, sanity_ppb))
    }

    /// Whether the clock's own rate, without the correction, is plausible; once in a second.
    fn sane(&mut self, look: Look, elapsed: f64, found: f64, sanity_ppb: f64) -> Option<Insane> {
        let since = self.since.get_or_insert(Since { raw_ns: look.raw_ns, time: look.time, corrected: 0.0 });
        since.corrected += self.frequency.unwrap_or(found) * elapsed * 1e-9;
        let length = look.raw_ns.saturating_sub(since.raw_ns) as f64;
        if length < CHECK_NS {
            return None;
        }
        let own = ((look.time - since.time).nanos_f64() - length - since.corrected) / length * 1e9;
        self.since = Some(Since { raw_ns: look.raw_ns, time: look.time, corrected: 0.0 });
        (sanity_ppb > 0.0 && own.abs() > sanity_ppb).then_some(if own > 0.0 {
            Insane::Forward
        } else {
            Insane::Backward
        })
    }

    /// Tells what was done here.
    pub(crate) fn set(&mut self, clock: &mut dyn Clock, stepped: bool) -> Result<(), ClockError> {
        let before = self.frequency;
        // What the clock makes of it, with its rounding.
        self.frequency = Some(clock.frequency()?);
        let now = if stepped { None } else { Some(look(clock)?) };
        match (&mut self.since, self.last, now) {
            (Some(since), Some(last), Some(now)) => {
                let elapsed = now.raw_ns.saturating_sub(last.raw_ns) as f64;
                since.corrected += before.unwrap_or_default() * elapsed * 1e-9;
            }
            (since, ..) => *since = None,
        }
        self.last = now;
        Ok(())
    }

    /// Nothing was set here for a while.
    pub(crate) fn forget(&mut self) {
        self.frequency = None;
        self.last = None;
        self.since = None;
    }
}

/// The quickest of three readings.
fn look(clock: &mut dyn Clock) -> Result<Look, ClockError> {
    let mut best: Option<Look> = None;
    for _ in 0..3 {
        let before = monotonic_raw_now();
        let time = clock.now()?;
        let after = monotonic_raw_now();
        let took = after.saturating_sub(before);
        if best.is_none_or(|b| took < b.took) {
            best = Some(Look { raw_ns: before + took / 2, time, took });
        }
    }
    // The loop runs three times.
    best.ok_or_else(|| ClockError::Busy { clock: clock.name().to_owned() })
}

/// Programs that steer clocks, by the kernel's 15 letters of their name.
const STEERERS: &[&str] = &[
    "chronyd",
    "ntpd",
    "openntpd",
    "systemd-timesyn",
    "ntp-daemon",
    "sfptpd",
    "phc2sys",
    "phc-sync",
    "ptp4l",
    "ptpd",
    "ts2phc",
    "adjtimex",
    // Guests' helpers.
    "qemu-ga",
    "vmtoolsd",
    "VBoxService",
];

/// Who may have done it: processes known to steer clocks, and those that have the clock's device open.
pub(crate) fn suspects(clock: &ClockName) -> String {
    let device = match clock {
        ClockName::Phc(n) => Some(format!("/dev/ptp{n}")),
        ClockName::Virtual(path) => Some(path.display().to_string()),
        ClockName::System | ClockName::Auxiliary(_) => None,
    };
    let mut found = String::new();
    let own = std::process::id();
    let Ok(processes) = std::fs::read_dir("/proc") else { return found };
    for process in processes.filter_map(Result::ok) {
        let Some(pid) = process.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        if pid == own {
            continue;
        }
        let comm = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        let comm = comm.trim_end();
        let opened = device.as_deref().is_some_and(|d| has_open(&process.path(), d));
        // PHCs and virtual clocks are only touched by who has them open.
        let known = device.is_none() && STEERERS.contains(&comm);
        if opened || known {
            let separator = if found.is_empty() { "" } else { ", " };
            let _ = write!(found, "{separator}{comm} (process {pid})");
        }
    }
    found
}

/// By descriptor, or by mapping.
fn has_open(process: &Path, device: &str) -> bool {
    let fds = std::fs::read_dir(process.join("fd")).into_iter().flatten().filter_map(Result::ok);
    let opened =
        fds.into_iter().any(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to.as_os_str() == device));
    opened
        || (!device.starts_with("/dev/")
            && std::fs::read_to_string(process.join("maps")).is_ok_and(|maps| maps.contains(device)))
}

#[cfg(test)]
mod tests {
    use ptp_clock::{VirtualClock, VirtualOptions};

    use super::*;

    struct Scratch(std::path::PathBuf);

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn clock(tag: &str) -> (Scratch, VirtualClock) {
        let path = std::env::temp_dir().join(format!("phc-sync-watch-{tag}-{}", std::process::id()));
        let options = VirtualOptions { frequency_error_ppb: 40_000.0, ..VirtualOptions::default() };
        let clock = VirtualClock::create(&path, &options).expect("a clock");
        (Scratch(path), clock)
    }

    fn pause() {
        std::thread::sleep(std::time::Duration::from_millis(30));
    }

    #[test]
    fn own_adjustments_are_no_intrusion() {
        let (_file, mut c) = clock("own");
        let mut watch = Watch::default();
        for i in 0..6 {
            pause();
            let (intrusion, insane) = watch.check(&mut c, 2e8).expect("a clock");
            assert_eq!((intrusion, insane), (None, None), "look {i}");
            c.set_frequency(-1_000.0 * f64::from(i)).expect("in range");
            let stepped = i == 3;
            if stepped {
                c.step(TimeInterval::from_nanos(5_000_000)).expect("in range");
            }
            watch.set(&mut c, stepped).expect("a clock");
        }
    }

    #[test]
    fn the_clocks_own_rate_is_checked_at_any_rate_of_measurements() {
        // 40 ppm fast by itself, and steered by something between -40 and 20 ppm.
        let (_file, mut c) = clock("rate");
        for (limit, expected) in [(10_000.0, Some(Insane::Forward)), (100_000.0, None)] {
            let mut watch = Watch::default();
            let mut told = None;
            let begin = monotonic_raw_now();
            let mut i = 0;
            while told.is_none() && monotonic_raw_now() - begin < 2_500_000_000 {
                let (intrusion, insane) = watch.check(&mut c, limit).expect("a clock");
                assert_eq!(intrusion, None);
                told = insane;
                i += 1;
                c.set_frequency(-40_000.0 + 10_000.0 * f64::from(i % 7)).expect("in range");
                watch.set(&mut c, false).expect("a clock");
                pause();
            }
            assert_eq!(told, expected, "after {i} looks");
        }
    }

    #[test]
    fn a_stranger_is_noticed() {
        let (file, mut c) = clock("stranger");
        let mut other = VirtualClock::open(&file.0).expect("the same");
        let mut watch = Watch::default();
        c.set_frequency(-40_000.0).expect("in range");
        watch.set(&mut c, false).expect("a clock");
        for _ in 0..3 {
            pause();
            assert_eq!(watch.check(&mut c, 0.0).expect("a clock").0, None);
            watch.set(&mut c, false).expect("a clock");
        }
        other.set_frequency(-39_000.0).expect("in range");
        pause();
        let (found, _) = watch.check(&mut c, 0.0).expect("a clock");
        assert!(matches!(found, Some(Intrusion::Frequency { .. })), "{found:?}");
        c.set_frequency(-40_000.0).expect("in range");
        watch.set(&mut c, false).expect("a clock");
        for _ in 0..2 {
            pause();
            let _ = watch.check(&mut c, 0.0).expect("a clock");
            watch.set(&mut c, false).expect("a clock");
        }
        other.step(TimeInterval::from_nanos(-3_000_000)).expect("in range");
        let (found, _) = watch.check(&mut c, 0.0).expect("a clock");
        // Too short since the last look to tell, or told.
        let found = found.or_else(|| {
            pause();
            watch.check(&mut c, 0.0).expect("a clock").0
        });
        let Some(Intrusion::Step { by }) = found else { panic!("{found:?}") };
        assert!((by.nanos_f64() + 3e6).abs() < 1e5, "{by}");
        drop(other);
    }

    #[test]
    fn who_has_it_open_is_named() {
        let (file, c) = clock("open");
        let name = ClockName::Virtual(file.0.clone());
        // Only others count.
        assert_eq!(suspects(&name), "");
        let mut tail = std::process::Command::new("tail")
            .args(["-f", &file.0.display().to_string()])
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("tail is there");
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
        let wanted = format!("tail (process {})", tail.id());
        while !suspects(&name).contains(&wanted) {
            assert!(std::time::Instant::now() < limit, "{}", suspects(&name));
            pause();
        }
        let _ = tail.kill();
        let _ = tail.wait();
        drop(c);
    }
}
