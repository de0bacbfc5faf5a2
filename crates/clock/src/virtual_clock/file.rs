//! The file of a virtual clock: a header that never changes, and a ring of the last adjustments.
//!
//! All words are 64 bits in the machine's order.
//!
//! | word | content |
//! | --- | --- |
//! | 0 | magic |
//! | 1 | version of the layout |
//! | 2..=9 | the header: base raw time, epoch, oscillator error, wander, seed, largest frequency, reserved, checksum |
//! | 16 | how many segments were ever published |
//! | 64.. | 256 slots of 8 words: number, raw start, phase (2 words), frequency, reserved (2), checksum |
//!
//! A writer fills the next slot and then raises the count; a reader copies a slot and then looks whether the count
//! went so far meanwhile that the slot was written again. So a reader never waits, and a writer that dies half-way
//! leaves nothing behind: what it had not published is written over. Writers take turns by `flock`.

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::{io, slice};

use crate::ClockError;

const MAGIC: u64 = u64::from_ne_bytes(*b"ESCVCLK\n");
const VERSION: u64 = 1;
const HEADER: usize = 2;
const HEADER_LEN: usize = 8;
const COUNT: usize = 16;
const SLOTS: usize = 64;
const SLOT_LEN: usize = 8;
/// Adjustments that are remembered.
pub(super) const KEPT: u64 = 256;
const WORDS: usize = SLOTS + SLOT_LEN * KEPT as usize;
const OCTETS: usize = WORDS * 8;
/// Phases beyond this are nonsense: 2^66 ns are 2300 years.
const PHASE_LIMIT: i128 = 1 << 98;

/// What never changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Header {
    /// CLOCK_MONOTONIC_RAW at creation, ns.
    pub(super) base_raw: u64,
    /// Truth minus CLOCK_MONOTONIC_RAW, ns.
    pub(super) epoch: i64,
    /// The oscillator's constant error, 2^-60.
    pub(super) error: i64,
    /// Its wander in a grid cell, 2^-60.
    pub(super) cell_deviation: i64,
    /// The wander's seed.
    pub(super) seed: u64,
    /// The largest correction, ppb.
    pub(super) max_frequency: f64,
}

/// The clock between two adjustments.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Segment {
    /// Counts from 0.
    pub(super) number: u64,
    /// It starts at this CLOCK_MONOTONIC_RAW, ns.
    pub(super) raw: u64,
    /// With this time on the clock, 2^-32 ns.
    pub(super) phase: i128,
    /// And runs with this correction, 2^-60.
    pub(super) frequency: i64,
}

/// The mapped file.
#[derive(Debug)]
pub(super) struct ClockFile {
    path: PathBuf,
    fd: OwnedFd,
    words: NonNull<AtomicU64>,
    writable: bool,
    pub(super) header: Header,
}

// SAFETY: the mapping belongs to this value alone, lives as long as it does, and is only accessed through atomics.
unsafe impl Send for ClockFile {}

impl Drop for ClockFile {
    fn drop(&mut self) {
        // SAFETY: `words` is the start of a mapping of OCTETS octets made by `map` and unmapped nowhere else.
        unsafe { libc::munmap(self.words.as_ptr().cast(), OCTETS) };
    }
}

impl ClockFile {
    /// Makes the file, in place of any that was there: whoever has that open keeps the old clock.
    pub(super) fn create(path: &Path, header: Header, first: Segment) -> Result<Self, ClockError> {
        let mut words = vec![0u64; WORDS];
        let fields = [
            header.base_raw,
            header.epoch as u64,
            header.error as u64,
            header.cell_deviation as u64,
            header.seed,
            header.max_frequency.to_bits(),
            0,
        ];
        let mut put = |at: usize, values: &[u64]| {
            for (place, v) in words.iter_mut().skip(at).zip(values) {
                *place = *v;
            }
        };
        put(0, &[MAGIC, VERSION]);
        put(HEADER, &fields);
        put(HEADER + HEADER_LEN - 1, &[checksum(&fields)]);
        put(SLOTS + SLOT_LEN * (first.number % KEPT) as usize, &encode(&first));
        put(COUNT, &[first.number + 1]);
        let octets: Vec<u8> = words.iter().flat_map(|w| w.to_ne_bytes()).collect();

        let name = path.display().to_string();
        let error = |e| ClockError::os(&name, "making the virtual clock's file", e);
        let mut new = path.as_os_str().to_owned();
        new.push(format!(".new.{}", std::process::id()));
        std::fs::write(&new, octets).map_err(error)?;
        std::fs::rename(&new, path).map_err(|e| {
            let _ = std::fs::remove_file(&new);
            error(e)
        })?;
        Self::open(path, true)
    }

    /// Opens and checks it.
    pub(super) fn open(path: &Path, writable: bool) -> Result<Self, ClockError> {
        let name = path.display().to_string();
        let doing = "opening the virtual clock's file";
        let c_path = CString::new(path.as_os_str().as_bytes())
            .map_err(|_| ClockError::NotFound { clock: name.clone() })?;
        let flags = if writable { libc::O_RDWR } else { libc::O_RDONLY };
        // SAFETY: `c_path` is a NUL-terminated string that outlives the call.
        let fd = unsafe { libc::open(c_path.as_ptr(), flags | libc::O_CLOEXEC | libc::O_NONBLOCK) };
        if fd < 0 {
            return Err(ClockError::last_os(&name, doing));
        }
        // SAFETY: `fd` was just opened and belongs to nobody else.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let corrupt = |what| ClockError::Corrupt { path: path.to_owned(), what };

        let file = std::fs::File::from(fd);
        let meta = file.metadata().map_err(|e| ClockError::os(&name, doing, e))?;
        if !meta.is_file() {
            return Err(corrupt("it is not a regular file"));
        }
        if meta.len() != OCTETS as u64 {
            return Err(corrupt("it has the wrong length"));
        }
        let fd = OwnedFd::from(file);
        let words =
            map(&fd, writable).map_err(|e| ClockError::os(&name, "mapping the virtual clock's file", e))?;
        let header =
            Header { base_raw: 0, epoch: 0, error: 0, cell_deviation: 0, seed: 0, max_frequency: 0.0 };
        let mut this = Self { path: path.to_owned(), fd, words, writable, header };
        this.header = this.read_header()?;
        this.latest()?;
        Ok(this)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_writable(&self) -> bool {
        self.writable
    }

    /// The segment in force.
    pub(super) fn latest(&self) -> Result<Segment, ClockError> {
        loop {
            let count = self.count()?;
            // None: it was written over while we looked, so there is a later one.
            if let Some(s) = self.segment(count - 1)? {
                return Ok(s);
            }
        }
    }

    /// A segment by its number; `None` if it is not remembered any more (or not yet).
    pub(super) fn segment(&self, number: u64) -> Result<Option<Segment>, ClockError> {
        let mut slot = [0u64; SLOT_LEN];
        let at = SLOTS + SLOT_LEN * (number % KEPT) as usize;
        for (v, word) in slot.iter_mut().zip(self.words().iter().skip(at)) {
            *v = word.load(Ordering::Relaxed);
        }
        // If any load above saw a later writer's value, that writer's fence makes the load below see its count.
        fence(Ordering::Acquire);
        let count = self.count()?;
        if number >= count || count - number >= KEPT {
            return Ok(None);
        }
        decode(&slot, number).map(Some).map_err(|what| self.corrupt(what))
    }

    /// Publishes the segment that `f` makes of the latest one. Other writers wait.
    pub(super) fn append(
        &self,
        doing: &'static str,
        f: impl FnOnce(Segment) -> Result<Segment, ClockError>,
    ) -> Result<(), ClockError> {
        let name = || format!("virtual:{}", self.path.display());
        if !self.writable {
            return Err(ClockError::ReadOnly { clock: name(), doing });
        }
        let _turn = Turn::take(&self.fd).map_err(|e| ClockError::os(&name(), doing, e))?;
        let latest = self.latest()?;
        let next = Segment { number: latest.number + 1, ..f(latest)? };
        if next.phase.abs() >= PHASE_LIMIT {
            return Err(ClockError::Range { clock: name(), doing });
        }
        // Pairs with the readers' fence: whoever sees a word of the new slot sees the present count, too.
        fence(Ordering::Release);
        let at = SLOTS + SLOT_LEN * (next.number % KEPT) as usize;
        for (word, v) in self.words().iter().skip(at).zip(encode(&next)) {
            word.store(v, Ordering::Relaxed);
        }
        if let Some(count) = self.words().get(COUNT) {
            count.store(next.number + 1, Ordering::Release);
        }
        Ok(())
    }

    fn read_header(&self) -> Result<Header, ClockError> {
        let mut words = [0u64; HEADER + HEADER_LEN];
        for (v, word) in words.iter_mut().zip(self.words()) {
            *v = word.load(Ordering::Relaxed);
        }
        let [magic, version, base_raw, epoch, error, cell_deviation, seed, max, reserved, check] = words;
        if magic != MAGIC {
            return Err(self.corrupt("it does not begin like one"));
        }
        if version != VERSION {
            return Err(self.corrupt("it is of another version"));
        }
        if check != checksum(&[base_raw, epoch, error, cell_deviation, seed, max, reserved]) {
            return Err(self.corrupt("the header's checksum is wrong"));
        }
        let h = Header {
            base_raw,
            epoch: epoch as i64,
            error: error as i64,
            cell_deviation: cell_deviation as i64,
            seed,
            max_frequency: f64::from_bits(max),
        };
        let rate_ok = |r: i64| r.unsigned_abs() < 1 << super::oscillator::RATE_BITS;
        // Written so that not-a-number fails, too.
        let frequency_ok = h.max_frequency >= 0.0 && h.max_frequency < 1e9;
        if !rate_ok(h.error) || !rate_ok(h.cell_deviation) || h.cell_deviation < 0 || !frequency_ok {
            return Err(self.corrupt("the header's values are out of range"));
        }
        if h.base_raw > crate::monotonic_raw_now() {
            return Err(self.corrupt("it was made before the last boot of this machine"));
        }
        Ok(h)
    }

    fn count(&self) -> Result<u64, ClockError> {
        let count = self.words().get(COUNT).map_or(0, |c| c.load(Ordering::Acquire));
        if count == 0 || count > 1 << 62 { Err(self.corrupt("the count is wrong")) } else { Ok(count) }
    }

    fn words(&self) -> &[AtomicU64] {
        // SAFETY: `words` is the page-aligned start of a mapping of WORDS * 8 octets that lives as long as `self`.
        // Atomics may be shared with other processes; a read-only mapping is never stored to (`append` checks).
        unsafe { slice::from_raw_parts(self.words.as_ptr(), WORDS) }
    }

    fn corrupt(&self, what: &'static str) -> ClockError {
        ClockError::Corrupt { path: self.path.clone(), what }
    }
}

/// The right to write, until it is dropped or the process ends.
struct Turn<'a>(&'a OwnedFd);

impl<'a> Turn<'a> {
    fn take(fd: &'a OwnedFd) -> io::Result<Self> {
        loop {
            // SAFETY: a call with plain integers on a descriptor that is open.
            if unsafe { libc::flock(fd.as_raw_fd(), libc::LOCK_EX) } == 0 {
                return Ok(Self(fd));
            }
            let e = io::Error::last_os_error();
            if e.kind() != io::ErrorKind::Interrupted {
                return Err(e);
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // SAFETY: as in `take`.
        unsafe { libc::flock(self.0.as_raw_fd(), libc::LOCK_UN) };
    }
}

fn map(fd: &OwnedFd, writable: bool) -> io::Result<NonNull<AtomicU64>> {
    let protection = if writable { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_READ };
    // SAFETY: a new mapping at an address of the kernel's choice; the file has OCTETS octets (checked by the caller).
    // Should someone cut the file short later, an access raises SIGBUS, as with every mapped file; it cannot read
    // memory of ours.
    let p =
        unsafe { libc::mmap(std::ptr::null_mut(), OCTETS, protection, libc::MAP_SHARED, fd.as_raw_fd(), 0) };
    if p == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(p.cast()).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))
}

fn encode(s: &Segment) -> [u64; SLOT_LEN] {
    let fields = [s.number, s.raw, s.phase as u64, (s.phase >> 64) as u64, s.frequency as u64, 0, 0];
    let [a, b, c, d, e, f, g] = fields;
    [a, b, c, d, e, f, g, checksum(&fields)]
}

fn decode(slot: &[u64; SLOT_LEN], number: u64) -> Result<Segment, &'static str> {
    let [n, raw, low, high, frequency, r0, r1, check] = *slot;
    if check != checksum(&[n, raw, low, high, frequency, r0, r1]) {
        return Err("an adjustment's checksum is wrong");
    }
    if n != number {
        return Err("an adjustment stands in the wrong place");
    }
    let phase = (i128::from(high as i64) << 64) | i128::from(low);
    let frequency = frequency as i64;
    if phase.unsigned_abs() >= PHASE_LIMIT as u128
        || frequency.unsigned_abs() >= 1 << super::oscillator::RATE_BITS
        || raw >= 1 << 63
    {
        return Err("an adjustment's values are out of range");
    }
    Ok(Segment { number, raw, phase, frequency })
}

/// FNV-1a over words: finds accidents, not forgeries.
fn checksum(words: &[u64]) -> u64 {
    words
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |h, w| (h ^ w).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29))
}
