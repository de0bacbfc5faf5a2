//! How far off the system clock may be, for applications: a page of shared memory that `phc-sync` writes and that is read
//! without a system call.
//!
//! The layout is version 2 of ClockBound's shared memory, so that its clients can read the page, too; `include/escapement_bound.h`
//! is a reader for C.
//!
//! ```
//! use ptp_bound::{Bound, Page, Status, Writer};
//!
//! let path = std::env::temp_dir().join(format!("ptp-bound-doc-{}", std::process::id()));
//! let mut writer = Writer::create(&path)?;
//! let now = ptp_clock::monotonic_coarse_now();
//! writer.write(&Bound {
//!     as_of_ns: now,
//!     void_after_ns: now + 1_000_000_000_000,
//!     bound_ns: 350,
//!     max_drift_ppb: 5_000,
//!     status: Status::Synchronized,
//! });
//!
//! let page = Page::open(&path)?;
//! let now = page.now()?;
//! assert!(now.earliest < now.latest && now.status == Status::Synchronized);
//! # std::fs::remove_file(&path).unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | octet | size | |
//! | --- | --- | --- |
//! | 0 | 2 x 4 | magic: 0x414D5A4E, 0x43420200 |
//! | 8 | 4 | size of the page: 80 |
//! | 12 | 2 | version: 2 |
//! | 14 | 2 | generation: odd while it is written, 0 before anything was |
//! | 16 | 8 + 8 | as-of: CLOCK_MONOTONIC_COARSE, seconds and ns |
//! | 32 | 8 + 8 | void-after: the same clock |
//! | 48 | 8 | bound at as-of, ns |
//! | 56 | 8 | disruption marker: 0 |
//! | 64 | 4 | largest drift, ppb |
//! | 68 | 4 | status |
//! | 72 | 1 + 7 | disruption support: 0, and padding |
//!
//! All in the machine's byte order.
#![forbid(unsafe_code)]

mod page;
mod writer;

pub use page::{Interval, Page, PageError};
pub use writer::Writer;

/// Where ClockBound's clients look for it.
pub const DEFAULT_PATH: &str = "/var/run/clockbound/shm0";

/// What a page is known by.
const MAGIC: [u32; 2] = [0x414D_5A4E, 0x4342_0200];
/// The layout.
const VERSION: u16 = 2;
/// Of 64 bits each.
const WORDS: usize = 10;

/// What is known of the clock.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u32)]
pub enum Status {
    /// Nothing.
    #[default]
    Unknown = 0,
    /// It follows its source.
    Synchronized = 1,
    /// It lost its source; the bound grows.
    FreeRunning = 2,
    /// It jumped with the (virtual) machine: the bound does not hold.
    Disrupted = 3,
}

impl Status {
    const fn of(v: u32) -> Self {
        match v {
            1 => Self::Synchronized,
            2 => Self::FreeRunning,
            3 => Self::Disrupted,
            _ => Self::Unknown,
        }
    }
}

/// What is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Bound {
    /// When the bound was computed: CLOCK_MONOTONIC_COARSE in ns.
    pub as_of_ns: u64,
    /// It holds no longer than this: the same clock.
    pub void_after_ns: u64,
    /// The clock's error was below this then, ns.
    pub bound_ns: u64,
    /// And grows no faster than this, ppb.
    pub max_drift_ppb: u32,
    /// What is known of the clock.
    pub status: Status,
}

const NS: u64 = 1_000_000_000;

/// The head of the page: size, version, generation.
fn head(generation: u16) -> u64 {
    let mut octets = [0; 8];
    let size = (WORDS * 8) as u32;
    let parts = [&size.to_ne_bytes()[..], &VERSION.to_ne_bytes(), &generation.to_ne_bytes()];
    for (place, octet) in octets.iter_mut().zip(parts.into_iter().flatten()) {
        *place = *octet;
    }
    u64::from_ne_bytes(octets)
}

/// Size, version and generation of a head.
fn parts(head: u64) -> (u32, u16, u16) {
    let [a, b, c, d, e, f, g, h] = head.to_ne_bytes();
    (u32::from_ne_bytes([a, b, c, d]), u16::from_ne_bytes([e, f]), u16::from_ne_bytes([g, h]))
}

/// Two 32-bit values in a word, in the order of their addresses.
fn pair(first: u32, second: u32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

fn unpair(word: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = word.to_ne_bytes();
    (u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h]))
}
