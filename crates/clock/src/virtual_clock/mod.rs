//! A clock in shared memory.
//!
//! It is a function of CLOCK_MONOTONIC_RAW: an oscillator with an error of the user's choice, and the corrections that
//! were made, of which the last 256 are kept. So stamps that are handled late are converted as of their true time, and
//! the clock's true error is known to anyone who looks. It needs no privilege. The laboratory and the demonstrations
//! run real daemons on such clocks; outside of them they are of no use.
//!
//! A corrupt file gives an error. Cutting a file short while it is open ends the processes that have it open (SIGBUS), as
//! with every mapped file; to begin anew, use [`VirtualClock::create`], which leaves the old file to those who have it.

mod file;
mod oscillator;

use std::path::Path;

use ptp_wire::{TimeInterval, TimePoint};

use crate::{Clock, ClockError, CrossStamp, RealtimeReading, monotonic_raw_now, realtime_now};
use file::{ClockFile, Header, Segment};
use oscillator::{GRID_NS, Oscillator, PHASE_BITS, Parameters, ppb_from_rate, rate_from_ppb, scale};

/// From 2^-32 ns to a [`TimePoint`]'s 2^-16 ns.
const POINT_SHIFT: u32 = PHASE_BITS - 16;

/// What a new virtual clock is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VirtualOptions {
    /// The clock minus truth at creation.
    pub offset: TimeInterval,
    /// How many ppb the oscillator is too fast; within +-100 000 000.
    pub frequency_error_ppb: f64,
    /// A random walk of the frequency: its standard deviation after one second in ppb (ppb per sqrt(s)); 0: none.
    pub wander: f64,
    /// The walk's seed: equal seeds, equal walks.
    pub seed: u64,
    /// Truth minus CLOCK_MONOTONIC_RAW in ns. Give all clocks of a laboratory the same. `None`: truth is
    /// CLOCK_REALTIME at this moment.
    pub epoch: Option<i64>,
    /// The largest correction the clock takes, ppb, below 10^9.
    pub max_frequency_ppb: f64,
}

impl Default for VirtualOptions {
    /// A perfect clock that takes corrections up to 10 %.
    fn default() -> Self {
        Self {
            offset: TimeInterval::ZERO,
            frequency_error_ppb: 0.0,
            wander: 0.0,
            seed: 0,
            epoch: None,
            max_frequency_ppb: 100_000_000.0,
        }
    }
}

impl VirtualOptions {
    /// An epoch that makes truth CLOCK_REALTIME at this moment, to be shared by all clocks of a laboratory.
    pub fn epoch_now() -> i64 {
        let r = RealtimeReading::take();
        let epoch = r.realtime.nanos() - i128::from(r.raw_ns);
        i64::try_from(epoch).unwrap_or(0)
    }
}

/// A virtual clock, open in this process. Others may have it open, too, and see each adjustment at once.
#[derive(Debug)]
pub struct VirtualClock {
    name: String,
    file: ClockFile,
    oscillator: Oscillator,
}

impl VirtualClock {
    /// Makes a clock, in place of any file at that path (whoever has that open keeps the old one).
    ///
    /// # Errors
    /// [`ClockError::Frequency`] for options that are out of range, or the file cannot be made.
    pub fn create(path: impl AsRef<Path>, options: &VirtualOptions) -> Result<Self, ClockError> {
        let path = path.as_ref();
        let within = |ppb: f64, max: f64| {
            let clock = || format!("virtual:{}", path.display());
            // Written so that not-a-number fails, too.
            if ppb.abs() <= max { Ok(ppb) } else { Err(ClockError::Frequency { clock: clock(), ppb, max }) }
        };
        let error = within(options.frequency_error_ppb, 1e8)?;
        let wander = within(options.wander, 1e8)?.abs();
        let max_frequency = within(options.max_frequency_ppb, 999_999_999.0)?.abs();
        let epoch = options.epoch.unwrap_or_else(VirtualOptions::epoch_now);
        let base_raw = monotonic_raw_now();
        let header = Header {
            base_raw,
            epoch,
            error: rate_from_ppb(error),
            cell_deviation: rate_from_ppb(wander * (GRID_NS as f64 * 1e-9).sqrt()),
            seed: options.seed,
            max_frequency,
        };
        let phase = truth(epoch, base_raw) + (i128::from(options.offset.0) << POINT_SHIFT);
        let first = Segment { number: 0, raw: base_raw, phase, frequency: 0 };
        ClockFile::create(path, header, first).map(Self::on)
    }

    /// Opens a clock to read and steer it.
    ///
    /// # Errors
    /// [`ClockError::NotFound`], [`ClockError::Permission`], [`ClockError::Corrupt`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ClockError> {
        ClockFile::open(path.as_ref(), true).map(Self::on)
    }

    /// Opens a clock to read it: for a file that cannot be written.
    ///
    /// # Errors
    /// As [`VirtualClock::open`].
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, ClockError> {
        ClockFile::open(path.as_ref(), false).map(Self::on)
    }

    fn on(file: ClockFile) -> Self {
        let h = file.header;
        let oscillator = Oscillator::new(Parameters {
            base_raw: h.base_raw,
            error: h.error,
            cell_deviation: h.cell_deviation,
            seed: h.seed,
        });
        Self { name: format!("virtual:{}", file.path().display()), file, oscillator }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// It was opened for reading and steering.
    pub fn is_writable(&self) -> bool {
        self.file.is_writable()
    }

    /// Truth minus CLOCK_MONOTONIC_RAW in ns, for [`VirtualOptions::epoch`] of the next clock.
    pub fn epoch(&self) -> i64 {
        self.file.header.epoch
    }

    /// The clock at an instant of CLOCK_MONOTONIC_RAW in ns, with the corrections that were in force then. Instants
    /// before the oldest correction that is kept are reckoned back from that one, later ones forward from the latest.
    ///
    /// # Errors
    /// [`ClockError::Corrupt`].
    pub fn at_raw(&mut self, raw_ns: u64) -> Result<TimePoint, ClockError> {
        let s = self.segment_at(raw_ns)?;
        Ok(point(self.phase(&s, raw_ns)))
    }

    /// The clock at a stamp of CLOCK_REALTIME, such as the kernel's software stamps. For many stamps take one
    /// [`RealtimeReading`] and use [`VirtualClock::from_realtime_with`].
    ///
    /// # Errors
    /// [`ClockError::Corrupt`].
    pub fn from_realtime(&mut self, stamp: TimePoint) -> Result<TimePoint, ClockError> {
        self.from_realtime_with(&RealtimeReading::take(), stamp)
    }

    /// The same by a reading that was taken close to the stamp (within a second or so).
    ///
    /// # Errors
    /// [`ClockError::Corrupt`].
    pub fn from_realtime_with(
        &mut self,
        reading: &RealtimeReading,
        stamp: TimePoint,
    ) -> Result<TimePoint, ClockError> {
        self.at_raw(reading.raw_at(stamp))
    }

    /// The clock minus truth, now.
    ///
    /// # Errors
    /// [`ClockError::Corrupt`].
    pub fn true_error(&mut self) -> Result<TimeInterval, ClockError> {
        self.true_error_at(monotonic_raw_now())
    }

    /// The clock minus truth at an instant of CLOCK_MONOTONIC_RAW in ns.
    ///
    /// # Errors
    /// [`ClockError::Corrupt`].
    pub fn true_error_at(&mut self, raw_ns: u64) -> Result<TimeInterval, ClockError> {
        Ok(self.at_raw(raw_ns)? - self.truth_at(raw_ns))
    }

    /// Truth at an instant of CLOCK_MONOTONIC_RAW in ns.
    pub fn truth_at(&self, raw_ns: u64) -> TimePoint {
        point(truth(self.file.header.epoch, raw_ns))
    }

    /// All about the clock, now.
    ///
    /// # Errors
    /// [`ClockError::Corrupt`].
    pub fn observation(&mut self) -> Result<Observation, ClockError> {
        let raw_ns = monotonic_raw_now();
        let s = self.segment_at(raw_ns)?;
        let time = point(self.phase(&s, raw_ns));
        let truth = self.truth_at(raw_ns);
        let error_ppb = ppb_from_rate(self.oscillator.rate(raw_ns));
        let frequency_ppb = ppb_from_rate(s.frequency);
        let true_rate_ppb = error_ppb + frequency_ppb + error_ppb * frequency_ppb * 1e-9;
        Ok(Observation {
            raw_ns,
            time,
            truth,
            true_error: time - truth,
            frequency_ppb,
            oscillator_error_ppb: error_ppb,
            true_rate_ppb,
            adjustments: s.number,
        })
    }

    /// The segment in force at a raw time.
    fn segment_at(&self, raw: u64) -> Result<Segment, ClockError> {
        let latest = self.file.latest()?;
        let mut s = latest;
        while s.raw > raw {
            let Some(number) = s.number.checked_sub(1) else { break };
            match self.file.segment(number)? {
                Some(earlier) => s = earlier,
                None => break,
            }
        }
        Ok(s)
    }

    /// The clock at a raw time by a segment, 2^-32 ns.
    fn phase(&mut self, s: &Segment, raw: u64) -> i128 {
        let elapsed = self.oscillator.phase(raw) - self.oscillator.phase(s.raw);
        s.phase + elapsed + scale(elapsed, s.frequency)
    }

    /// Ends the segment in force now, and begins what `f` makes of the (phase, frequency) at this moment.
    fn adjust(
        &mut self,
        doing: &'static str,
        f: impl FnOnce(i128, i64) -> (i128, i64),
    ) -> Result<(), ClockError> {
        let oscillator = &mut self.oscillator;
        self.file.append(doing, |latest| {
            // Time does not run backwards, but another processor may have been a little ahead.
            let raw = monotonic_raw_now().max(latest.raw);
            let elapsed = oscillator.phase(raw) - oscillator.phase(latest.raw);
            let (phase, frequency) =
                f(latest.phase + elapsed + scale(elapsed, latest.frequency), latest.frequency);
            Ok(Segment { number: latest.number, raw, phase, frequency })
        })
    }
}

impl Clock for VirtualClock {
    fn name(&self) -> &str {
        &self.name
    }

    fn now(&mut self) -> Result<TimePoint, ClockError> {
        self.at_raw(monotonic_raw_now())
    }

    fn frequency(&mut self) -> Result<f64, ClockError> {
        Ok(ppb_from_rate(self.file.latest()?.frequency))
    }

    fn set_frequency(&mut self, ppb: f64) -> Result<(), ClockError> {
        let max = self.file.header.max_frequency;
        // Written so that not-a-number fails, too.
        let within = ppb.abs() <= max;
        if !within {
            return Err(ClockError::Frequency { clock: self.name.clone(), ppb, max });
        }
        let rate = rate_from_ppb(ppb);
        self.adjust("setting the frequency", |phase, _| (phase, rate))
    }

    fn step(&mut self, by: TimeInterval) -> Result<(), ClockError> {
        let by = i128::from(by.0) << POINT_SHIFT;
        self.adjust("stepping the clock", |phase, frequency| (phase + by, frequency))
    }

    fn set(&mut self, to: TimePoint) -> Result<(), ClockError> {
        let to = to.scaled();
        if to.unsigned_abs() >= 1 << 82 {
            return Err(ClockError::Range { clock: self.name.clone(), doing: "setting the clock" });
        }
        self.adjust("setting the clock", |_, frequency| (to << POINT_SHIFT, frequency))
    }

    fn max_frequency(&self) -> f64 {
        self.file.header.max_frequency
    }

    fn at_monotonic_raw(&mut self, raw_ns: u64) -> Result<Option<TimePoint>, ClockError> {
        Self::at_raw(self, raw_ns).map(Some)
    }

    fn cross_stamp(&mut self, readings: u32) -> Result<CrossStamp, ClockError> {
        let mut best: Option<(u64, u64, TimePoint)> = None;
        for _ in 0..readings.clamp(1, 25) {
            let before = monotonic_raw_now();
            let system = realtime_now();
            let took = monotonic_raw_now().saturating_sub(before);
            if best.is_none_or(|(t, ..)| took < t) {
                best = Some((took, before + took / 2, system));
            }
        }
        // The loop runs at least once.
        let (took, raw, system) = best.ok_or_else(|| ClockError::Busy { clock: self.name.clone() })?;
        let delay = TimeInterval::from_nanos(i64::try_from(took).unwrap_or(i64::MAX));
        Ok(CrossStamp { device: Self::at_raw(self, raw)?, system, delay })
    }
}

/// A virtual clock as an onlooker sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// When, CLOCK_MONOTONIC_RAW in ns.
    pub raw_ns: u64,
    /// The clock.
    pub time: TimePoint,
    /// Truth.
    pub truth: TimePoint,
    /// The clock minus truth.
    pub true_error: TimeInterval,
    /// The correction in force, ppb.
    pub frequency_ppb: f64,
    /// The oscillator's own error at present, ppb.
    pub oscillator_error_ppb: f64,
    /// Both together: how many ppb the clock gains on truth.
    pub true_rate_ppb: f64,
    /// How often it was adjusted.
    pub adjustments: u64,
}

/// Looks at a virtual clock without the right to steer it.
///
/// # Errors
/// As [`VirtualClock::open_read_only`].
pub fn observe(path: impl AsRef<Path>) -> Result<Observation, ClockError> {
    VirtualClock::open_read_only(path)?.observation()
}

/// Truth at a raw time, 2^-32 ns.
fn truth(epoch: i64, raw: u64) -> i128 {
    (i128::from(raw) + i128::from(epoch)) << PHASE_BITS
}

fn point(phase: i128) -> TimePoint {
    TimePoint::from_scaled(phase >> POINT_SHIFT)
}
