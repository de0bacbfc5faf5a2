//! Reading the page.

use std::path::Path;
use std::{fmt, io};

use ptp_clock::{SharedWords, monotonic_coarse_now, realtime_now};
use ptp_wire::{TimeInterval, TimePoint};

use crate::{Bound, MAGIC, NS, Status, VERSION, WORDS, pair, parts, unpair};

/// A restart of the writer is not noticed within this, ns.
const GRACE_NS: u64 = 5 * NS;
/// Readings of the coarse clock may be this much older than the writer's, ns.
const BLUR_NS: u64 = 10_000_000;
/// Tries to find the page not being written.
const TRIES: u32 = 1_000_000;

/// Why there is no bound.
#[derive(Debug)]
pub enum PageError {
    /// The file cannot be opened.
    Open(io::Error),
    /// Nothing was written yet.
    Empty,
    /// It is no such page, or of another version.
    Malformed(&'static str),
    /// It is being written without end: the writer died half-way.
    Busy,
    /// It is from the future: the machine was restarted, and the page was not.
    Causality,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(e) => {
                write!(f, "the page cannot be opened ({e}): is phc-sync running with error_bound_page?")
            }
            Self::Empty => {
                f.write_str("nothing was written to the page yet: phc-sync has no measurement so far")
            }
            Self::Malformed(what) => write!(f, "no page of error bounds: {what}"),
            Self::Busy => f.write_str("the page is half-written: restart phc-sync"),
            Self::Causality => f.write_str("the page is of another boot: start phc-sync"),
        }
    }
}

impl std::error::Error for PageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open(e) => Some(e),
            _ => None,
        }
    }
}

/// What time it is, at the earliest and at the latest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Interval {
    /// UTC is not before this.
    pub earliest: TimePoint,
    /// Nor after this.
    pub latest: TimePoint,
    /// What is known of the clock; the bound only holds where it is [`Status::Synchronized`] or [`Status::FreeRunning`].
    pub status: Status,
}

impl Interval {
    /// Half its width.
    pub fn bound(&self) -> TimeInterval {
        (self.latest - self.earliest).half()
    }
}

/// The page, mapped: reading it is no system call.
#[derive(Debug)]
pub struct Page {
    words: SharedWords,
}

impl Page {
    /// Opens it.
    ///
    /// # Errors
    /// [`PageError::Open`], or [`PageError::Malformed`] where it is something else. A page that nobody wrote to yet is opened.
    pub fn open(path: &Path) -> Result<Self, PageError> {
        let words = SharedWords::open(path, WORDS).map_err(|e| match e.kind() {
            io::ErrorKind::InvalidData => PageError::Malformed("it is too short"),
            _ => PageError::Open(e),
        })?;
        let page = Self { words };
        match page.read() {
            Err(e @ PageError::Malformed(_)) => Err(e),
            _ => Ok(page),
        }
    }

    /// What was last written.
    ///
    /// # Errors
    /// [`PageError::Empty`], [`PageError::Malformed`], [`PageError::Busy`].
    pub fn read(&self) -> Result<Bound, PageError> {
        for _ in 0..TRIES {
            let before = self.words.load(1);
            let (size, version, generation) = parts(before);
            if generation == 0 {
                return Err(PageError::Empty);
            }
            if generation % 2 == 1 {
                std::hint::spin_loop();
                continue;
            }
            if self.words.load(0) != pair(MAGIC[0], MAGIC[1]) {
                return Err(PageError::Malformed("it has another magic number"));
            }
            if version != VERSION || (size as usize) < WORDS * 8 {
                return Err(PageError::Malformed("it has another version"));
            }
            let w = |i: usize| self.words.load(i);
            let (drift, status) = unpair(w(8));
            let bound = Bound {
                as_of_ns: w(2).saturating_mul(NS).saturating_add(w(3)),
                void_after_ns: w(4).saturating_mul(NS).saturating_add(w(5)),
                bound_ns: w(6),
                max_drift_ppb: drift,
                status: Status::of(status),
            };
            if self.words.load(1) == before {
                return Ok(bound);
            }
        }
        Err(PageError::Busy)
    }

    /// UTC now, between two bounds: CLOCK_REALTIME plus and minus the bound as it has grown.
    ///
    /// # Errors
    /// As [`Page::read`], and [`PageError::Causality`].
    pub fn now(&self) -> Result<Interval, PageError> {
        let bound = self.read()?;
        // The monotonic clock last: a pause in between makes the bound wider, and stays right.
        let time = realtime_now();
        bound.at(time, monotonic_coarse_now())
    }
}

impl Bound {
    /// The interval at this reading of both clocks: CLOCK_REALTIME, and CLOCK_MONOTONIC_COARSE in ns.
    ///
    /// # Errors
    /// [`PageError::Causality`], [`PageError::Malformed`] for a drift of 1 or more.
    pub fn at(&self, realtime: TimePoint, monotonic_ns: u64) -> Result<Interval, PageError> {
        if u64::from(self.max_drift_ppb) >= NS {
            return Err(PageError::Malformed("it drifts without bound"));
        }
        if monotonic_ns.saturating_add(BLUR_NS) < self.as_of_ns {
            return Err(PageError::Causality);
        }
        let age = monotonic_ns.saturating_sub(self.as_of_ns);
        let status = match self.status {
            Status::Synchronized | Status::FreeRunning if age >= GRACE_NS => {
                if monotonic_ns < self.void_after_ns { Status::FreeRunning } else { Status::Unknown }
            }
            status => status,
        };
        let grown = u128::from(age) * u128::from(self.max_drift_ppb) / u128::from(NS);
        let ns = u128::from(self.bound_ns) + grown;
        let ns = i64::try_from(ns).unwrap_or(i64::MAX);
        let half = TimeInterval::from_nanos(ns);
        Ok(Interval { earliest: realtime + -half, latest: realtime + half, status })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::Writer;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(tag: &str) -> Self {
            Self(std::env::temp_dir().join(format!("ptp-bound-{tag}-{}", std::process::id())))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    const BOUND: Bound = Bound {
        as_of_ns: 100 * NS + 7,
        void_after_ns: 1_100 * NS + 7,
        bound_ns: 10_000,
        max_drift_ppb: 1_000,
        status: Status::Synchronized,
    };

    #[test]
    fn the_octets_are_clockbounds() {
        let file = Scratch::new("octets");
        let mut writer = Writer::create(&file.0).expect("made");
        assert!(matches!(Page::open(&file.0).expect("opened").read(), Err(PageError::Empty)));
        writer.write(&BOUND);
        let octets = std::fs::read(&file.0).expect("a file");
        assert_eq!(octets.len(), 80);
        let u32_at = |at: usize| u32::from_ne_bytes(octets[at..at + 4].try_into().expect("four"));
        let u16_at = |at: usize| u16::from_ne_bytes(octets[at..at + 2].try_into().expect("two"));
        let i64_at = |at: usize| i64::from_ne_bytes(octets[at..at + 8].try_into().expect("eight"));
        assert_eq!((u32_at(0), u32_at(4)), (0x414D_5A4E, 0x4342_0200));
        assert_eq!((u32_at(8), u16_at(12), u16_at(14)), (80, 2, 2));
        assert_eq!((i64_at(16), i64_at(24), i64_at(32), i64_at(40)), (100, 7, 1_100, 7));
        assert_eq!((i64_at(48), i64_at(56)), (10_000, 0));
        assert_eq!((u32_at(64), u32_at(68)), (1_000, 1));
        assert!(octets[72..].iter().all(|o| *o == 0));
    }

    #[test]
    fn what_is_written_is_read_over_a_restart() {
        let file = Scratch::new("restart");
        let mut writer = Writer::create(&file.0).expect("made");
        writer.write(&BOUND);
        let page = Page::open(&file.0).expect("opened");
        assert_eq!(page.read().expect("written"), BOUND);
        drop(writer);
        let mut writer = Writer::create(&file.0).expect("still there");
        let next = Bound { bound_ns: 7, status: Status::FreeRunning, ..BOUND };
        writer.write(&next);
        assert_eq!(page.read().expect("written"), next);
        assert_eq!(parts(page.words.load(1)).2, 4);
    }

    #[test]
    fn the_generation_never_becomes_zero() {
        let file = Scratch::new("generation");
        let mut writer = Writer::create(&file.0).expect("made");
        let page = Page::open(&file.0).expect("opened");
        for i in 0..40_000u64 {
            writer.write(&Bound { bound_ns: i, ..BOUND });
            assert_eq!(page.read().expect("written").bound_ns, i);
        }
    }

    #[test]
    fn the_bound_grows_and_ends() {
        let at = |s: u64| BOUND.at(TimePoint::from_nanos(1_000_000), (100 + s) * NS + 7).expect("a bound");
        let two = at(2);
        assert_eq!(two.bound(), TimeInterval::from_nanos(12_000));
        assert_eq!(
            (two.earliest, two.latest),
            (TimePoint::from_nanos(988_000), TimePoint::from_nanos(1_012_000))
        );
        assert_eq!(two.status, Status::Synchronized);
        assert_eq!((at(6).status, at(2_000).status), (Status::FreeRunning, Status::Unknown));
        let early = BOUND.at(TimePoint::ZERO, 99 * NS);
        assert!(matches!(early, Err(PageError::Causality)));
        let wild = Bound { max_drift_ppb: u32::MAX, ..BOUND };
        assert!(matches!(wild.at(TimePoint::ZERO, 200 * NS), Err(PageError::Malformed(_))));
        let huge = Bound { bound_ns: u64::MAX, ..BOUND };
        assert!(huge.at(TimePoint::ZERO, 200 * NS).is_ok());
    }

    #[test]
    fn other_files_are_refused() {
        let file = Scratch::new("other");
        assert!(matches!(Page::open(&file.0), Err(PageError::Open(_))));
        std::fs::write(&file.0, [0xAA; 80]).expect("written");
        assert!(matches!(Page::open(&file.0), Err(PageError::Malformed(_))));
        std::fs::write(&file.0, [0; 79]).expect("written");
        assert!(matches!(Page::open(&file.0), Err(PageError::Malformed(_))));
    }

    #[test]
    fn readers_never_see_half_of_it() {
        let file = Scratch::new("half");
        let mut writer = Writer::create(&file.0).expect("made");
        writer.write(&Bound { bound_ns: 0, max_drift_ppb: 0, ..BOUND });
        let page = Page::open(&file.0).expect("opened");
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut looks = 0u64;
                while !done.load(std::sync::atomic::Ordering::Relaxed) || looks == 0 {
                    let bound = page.read().expect("always readable");
                    assert_eq!(bound.bound_ns, u64::from(bound.max_drift_ppb));
                    looks += 1;
                }
            });
            for i in 0..200_000u32 {
                writer.write(&Bound { bound_ns: i.into(), max_drift_ppb: i, ..BOUND });
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            reader.join().expect("no torn page");
        });
    }
}
