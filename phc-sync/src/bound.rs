//! How far off the clock may be: what the sources say of themselves, how they are read, and what the servo has left.

use std::io;
use std::path::Path;

use ptp_bound::{Bound, Status, Writer};
use ptp_clock::monotonic_coarse_now;
use ptp_wire::TimeInterval;

/// The bound is of use for so long without news, ns: 1000 s.
const VOID_NS: u64 = 1_000_000_000_000;
/// The largest of so many offsets counts.
const KEPT: usize = 16;
/// A coarse clock is up to a tick old; nothing is promised for the time in between.
const MARGIN_NS: f64 = 1.0;

/// Keeps the page up to date.
#[derive(Debug)]
pub(crate) struct BoundKeeper {
    writer: Writer,
    max_drift_ppb: u32,
    offsets: [f64; KEPT],
    next: usize,
}

impl BoundKeeper {
    pub(crate) fn new(path: &Path, max_drift_ppb: u32) -> io::Result<Self> {
        let mut writer = Writer::create(path)?;
        // Whatever an earlier run said does not hold any more.
        let now = monotonic_coarse_now();
        writer.write(&Bound { as_of_ns: now, void_after_ns: now, max_drift_ppb, ..Bound::default() });
        Ok(Self { writer, max_drift_ppb, offsets: [0.0; KEPT], next: 0 })
    }

    /// Another drift from the next measurement on, ppb.
    pub(crate) fn set_max_drift(&mut self, ppb: u32) {
        self.max_drift_ppb = ppb;
    }

    /// A measurement while the servo tracks: the offset that it leaves, and how far off that itself may be.
    pub(crate) fn measured(&mut self, offset: TimeInterval, error_ns: f64) {
        if let Some(place) = self.offsets.get_mut(self.next % KEPT) {
            *place = offset.nanos_f64().abs();
        }
        self.next = self.next.wrapping_add(1);
        let largest = self.offsets.iter().copied().fold(0.0, f64::max);
        let bound_ns = (largest + error_ns.max(0.0) + MARGIN_NS).ceil().min(1e18) as u64;
        let now = monotonic_coarse_now();
        self.writer.write(&Bound {
            as_of_ns: now,
            void_after_ns: now.saturating_add(VOID_NS),
            bound_ns,
            max_drift_ppb: self.max_drift_ppb,
            status: Status::Synchronized,
        });
    }

    /// There is no source: how far off the clock is at most by what was learnt of it.
    pub(crate) fn held(&mut self, bound_ns: f64) {
        self.offsets = [0.0; KEPT];
        let now = monotonic_coarse_now();
        self.writer.write(&Bound {
            as_of_ns: now,
            void_after_ns: now.saturating_add(VOID_NS),
            bound_ns: (bound_ns.max(0.0) + MARGIN_NS).ceil().min(1e18) as u64,
            max_drift_ppb: self.max_drift_ppb,
            status: Status::FreeRunning,
        });
    }

    /// The servo does not track: nothing is known.
    pub(crate) fn unlocked(&mut self) {
        self.offsets = [0.0; KEPT];
        let now = monotonic_coarse_now();
        self.writer.write(&Bound {
            as_of_ns: now,
            void_after_ns: now,
            max_drift_ppb: self.max_drift_ppb,
            ..Bound::default()
        });
    }
}

#[cfg(test)]
mod tests {
    use ptp_bound::Page;

    use super::*;

    #[test]
    fn the_largest_offset_and_the_sources_error_count() {
        let path = std::env::temp_dir().join(format!("phc-sync-bound-{}", std::process::id()));
        let mut keeper = BoundKeeper::new(&path, 1_000).expect("made");
        let page = Page::open(&path).expect("opened");
        assert_eq!(page.read().expect("written").status, Status::Unknown);
        for offset in [-900, 20, -30] {
            keeper.measured(TimeInterval::from_nanos(offset), 100.0);
        }
        let bound = page.read().expect("written");
        assert_eq!((bound.bound_ns, bound.status), (1_001, Status::Synchronized));
        for _ in 0..KEPT {
            keeper.measured(TimeInterval::from_nanos(5), 100.0);
        }
        assert_eq!(page.read().expect("written").bound_ns, 106);
        keeper.held(1e6);
        let bound = page.read().expect("written");
        assert_eq!((bound.bound_ns, bound.status), (1_000_001, Status::FreeRunning));
        // The offsets of before do not count when there is a source again.
        keeper.measured(TimeInterval::from_nanos(-7), 100.0);
        assert_eq!(page.read().expect("written").bound_ns, 108);
        keeper.unlocked();
        assert_eq!(page.read().expect("written").status, Status::Unknown);
        std::fs::remove_file(&path).expect("ours");
    }
}
