//! A timer wheel: thousands of periodic deadlines, each set and taken in constant time.

use super::super::Instant;

/// log2 of a slot's length in ns: about a millisecond. What falls due within one slot is done in one wake-up.
const SLOT_BITS: u32 = 20;
/// Slots of one turn. Longer waits stay for further turns.
const SLOTS: usize = 1024;
const WORDS: usize = SLOTS / 64;

/// What falls due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Due {
    pub(super) at: Instant,
    /// Place in the caller's table.
    pub(super) index: u32,
    /// What of it.
    pub(super) kind: u8,
    /// Which of those that had this place.
    pub(super) generation: u32,
}

/// Deadlines in the order of their slots.
#[derive(Debug)]
pub(super) struct Wheel {
    slots: Vec<Vec<Due>>,
    /// One bit for each slot that holds something.
    occupied: [u64; WORDS],
    /// The slot up to which everything has been taken; never goes back.
    cursor: u64,
}

impl Wheel {
    pub(super) fn new(now: Instant) -> Self {
        Self { slots: vec![Vec::new(); SLOTS], occupied: [0; WORDS], cursor: now.0 >> SLOT_BITS }
    }

    pub(super) fn insert(&mut self, due: Due) {
        // What is late is due at once.
        let slot = (due.at.0 >> SLOT_BITS).max(self.cursor) as usize % SLOTS;
        self.slots[slot].push(due);
        self.occupied[slot / 64] |= 1 << (slot % 64);
    }

    pub(super) fn clear(&mut self) {
        for slot in &mut self.slots {
            slot.clear();
        }
        self.occupied = [0; WORDS];
    }

    /// Moves all that is due at `now` to `out`.
    pub(super) fn take_due(&mut self, now: Instant, out: &mut Vec<Due>) {
        let end = now.0 >> SLOT_BITS;
        if end < self.cursor {
            return;
        }
        let turns = (end - self.cursor).min(SLOTS as u64 - 1);
        for slot in (end - turns)..=end {
            let slot = slot as usize % SLOTS;
            if self.occupied[slot / 64] & (1 << (slot % 64)) == 0 {
                continue;
            }
            let entries = &mut self.slots[slot];
            entries.retain(|due| {
                if due.at <= now {
                    out.push(*due);
                }
                due.at > now
            });
            if entries.is_empty() {
                self.occupied[slot / 64] &= !(1 << (slot % 64));
            }
        }
        self.cursor = end;
    }

    /// When something may be due: the end of the next slot that holds something.
    pub(super) fn next(&self) -> Option<Instant> {
        let start = self.cursor as usize % SLOTS;
        let ahead = (0..=WORDS).find_map(|i| {
            let word = (start / 64 + i) % WORDS;
            let mut bits = self.occupied[word];
            if i == 0 {
                bits &= u64::MAX << (start % 64);
            } else if i == WORDS {
                bits &= !(u64::MAX << (start % 64));
            }
            let slot = word * 64 + bits.trailing_zeros() as usize;
            (bits != 0).then(|| (slot + SLOTS - start) % SLOTS)
        })?;
        Some(Instant((self.cursor + ahead as u64 + 1).saturating_mul(1 << SLOT_BITS)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::rng::Rng;
    use super::*;

    fn due(at: u64, index: u32) -> Due {
        Due { at: Instant(at), index, kind: 0, generation: 0 }
    }

    #[test]
    fn everything_comes_once_not_early_and_no_later_than_a_slot() {
        let mut rng = Rng::new(7);
        let mut wheel = Wheel::new(Instant(5_000_000_000));
        let mut open: Vec<Option<u64>> = Vec::new();
        let mut now = 5_000_000_000;
        let mut taken = Vec::new();
        for _ in 0..20_000 {
            if rng.next().is_multiple_of(3) {
                // Up to about 17 s ahead: many turns of the wheel.
                let at = now + (rng.next() >> (30 + rng.next() % 30));
                wheel.insert(due(at, open.len() as u32));
                open.push(Some(at));
            }
            let first = open.iter().flatten().min().copied();
            let next = wheel.next();
            assert_eq!(first.is_none(), next.is_none());
            if let (Some(first), Some(next)) = (first, next) {
                assert!(next.0 <= first.max(now) + (1 << SLOT_BITS), "{next:?} for {first} at {now}");
                now = if rng.next().is_multiple_of(2) { next.0 } else { now + rng.next() % 3_000_000 };
            }
            wheel.take_due(Instant(now), &mut taken);
            for t in taken.drain(..) {
                let at = open[t.index as usize].take();
                assert_eq!(at, Some(t.at.0), "once only");
                assert!(t.at.0 <= now);
            }
            assert!(open.iter().flatten().all(|at| *at > now), "nothing that is due stays");
        }
        assert!(open.len() > 6000);
    }

    #[test]
    fn a_long_sleep_takes_all_and_time_that_goes_back_nothing() {
        let mut wheel = Wheel::new(Instant(0));
        for i in 0..5000 {
            wheel.insert(due(i * 700_000, i as u32));
        }
        let mut taken = Vec::new();
        wheel.take_due(Instant(3_600_000_000_000), &mut taken);
        assert_eq!(taken.len(), 5000);
        assert_eq!(wheel.next(), None);
        wheel.insert(due(1, 9));
        wheel.take_due(Instant(5), &mut taken);
        assert_eq!(taken.len(), 5000);
        wheel.take_due(Instant(3_600_000_000_000), &mut taken);
        assert_eq!(taken.len(), 5001);
        wheel.insert(due(9_000_000_000_000, 1));
        wheel.clear();
        assert_eq!(wheel.next(), None);
    }
}
