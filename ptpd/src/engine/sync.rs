//! Pairs Sync with Follow_Up (1588-2019 9.5.4, 11.4.5): either may come first.

use ptp_wire::{FollowUpInformation, LogInterval, TimeInterval, TimePoint, Timestamp};

/// A two-step Sync that waits for its Follow_Up.
#[derive(Clone, Copy, Debug)]
struct PendingSync {
    sequence_id: u16,
    ingress: TimePoint,
    correction: TimeInterval,
    log_interval: LogInterval,
}

/// A Follow_Up that came before its Sync.
#[derive(Clone, Copy, Debug)]
struct PendingFollowUp {
    sequence_id: u16,
    origin: Timestamp,
    correction: TimeInterval,
    information: Option<FollowUpInformation>,
}

/// t1 with its corrections, and t2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SyncPair {
    /// t1 + all corrections.
    pub(super) origin: TimePoint,
    /// t2.
    pub(super) ingress: TimePoint,
    pub(super) log_interval: LogInterval,
    pub(super) sequence_id: u16,
    /// preciseOriginTimestamp.
    pub(super) precise: Timestamp,
    /// All corrections, and the asymmetry.
    pub(super) correction: TimeInterval,
    /// Of the Follow_Up.
    pub(super) information: Option<FollowUpInformation>,
}

impl SyncPair {
    /// Of an origin with all its corrections.
    pub(super) fn new(
        sequence_id: u16,
        precise: Timestamp,
        correction: TimeInterval,
        ingress: TimePoint,
        log_interval: LogInterval,
        information: Option<FollowUpInformation>,
    ) -> Self {
        let origin = TimePoint::from(precise) + correction;
        Self { origin, ingress, log_interval, sequence_id, precise, correction, information }
    }
}

/// One half at most waits on each side; a newer one displaces it.
#[derive(Clone, Debug, Default)]
pub(super) struct SyncMatcher {
    sync: Option<PendingSync>,
    follow_up: Option<PendingFollowUp>,
    /// sequenceId of the last Sync.
    latest: Option<u16>,
}

/// What came of a half.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Matched {
    Pair(SyncPair),
    /// It waits; `displaced` says whether one that waited before is given up.
    Waits {
        displaced: bool,
    },
}

impl SyncMatcher {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether this Sync was not here before. Networks double messages, and the stamp of the second is wrong for both.
    pub(super) fn is_new(&mut self, sequence_id: u16) -> bool {
        self.latest.replace(sequence_id) != Some(sequence_id)
    }

    /// A one-step Sync needs no other half: what waited for one is given up.
    pub(super) fn one_step_sync(&mut self) {
        (self.sync, self.follow_up) = (None, None);
    }

    pub(super) fn two_step_sync(
        &mut self,
        sequence_id: u16,
        ingress: TimePoint,
        correction: TimeInterval,
        log_interval: LogInterval,
    ) -> Matched {
        let displaced = self.sync.take().is_some();
        if let Some(f) = self.follow_up.take_if(|f| f.sequence_id == sequence_id) {
            let all = f.correction + correction;
            return Matched::Pair(SyncPair::new(
                sequence_id,
                f.origin,
                all,
                ingress,
                log_interval,
                f.information,
            ));
        }
        self.sync = Some(PendingSync { sequence_id, ingress, correction, log_interval });
        Matched::Waits { displaced }
    }

    pub(super) fn follow_up(
        &mut self,
        sequence_id: u16,
        origin: Timestamp,
        correction: TimeInterval,
        information: Option<FollowUpInformation>,
    ) -> Matched {
        if let Some(s) = self.sync.take_if(|s| s.sequence_id == sequence_id) {
            self.follow_up = None;
            let all = correction + s.correction;
            return Matched::Pair(SyncPair::new(
                sequence_id,
                origin,
                all,
                s.ingress,
                s.log_interval,
                information,
            ));
        }
        let displaced = self
            .follow_up
            .replace(PendingFollowUp { sequence_id, origin, correction, information })
            .is_some();
        Matched::Waits { displaced }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ns: i128) -> TimePoint {
        TimePoint::from_nanos(ns)
    }

    fn from(ns: u32) -> Timestamp {
        Timestamp::new(0, ns).unwrap()
    }

    const C: TimeInterval = TimeInterval::from_nanos(5);

    #[test]
    fn either_half_may_come_first_and_all_corrections_count() {
        let expected = |sequence_id| {
            Matched::Pair(SyncPair::new(sequence_id, from(100), C + C, at(200), LogInterval(0), None))
        };
        let mut m = SyncMatcher::default();
        assert_eq!(m.two_step_sync(7, at(200), C, LogInterval(0)), Matched::Waits { displaced: false });
        assert_eq!(m.follow_up(7, from(100), C, None), expected(7));
        assert_eq!(m.follow_up(8, from(100), C, None), Matched::Waits { displaced: false });
        assert_eq!(m.two_step_sync(8, at(200), C, LogInterval(0)), expected(8));
    }

    #[test]
    fn halves_of_different_messages_never_pair() {
        let mut m = SyncMatcher::default();
        m.two_step_sync(7, at(200), C, LogInterval(0));
        assert_eq!(m.follow_up(6, from(100), C, None), Matched::Waits { displaced: false });
        assert_eq!(m.two_step_sync(8, at(300), C, LogInterval(0)), Matched::Waits { displaced: true });
        assert_eq!(m.follow_up(7, from(100), C, None), Matched::Waits { displaced: true });
        assert!(matches!(m.follow_up(8, from(100), C, None), Matched::Pair(_)));
    }

    #[test]
    fn a_doubled_sync_is_known() {
        let mut m = SyncMatcher::default();
        assert_eq!([7, 7, 8, 8, 8, 9].map(|id| m.is_new(id)), [true, false, true, false, false, true]);
        m.clear();
        assert!(m.is_new(9));
    }
}
