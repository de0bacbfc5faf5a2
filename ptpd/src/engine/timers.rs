use super::Instant;

/// What a port waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(usize)]
pub(super) enum Timer {
    /// Send the next Announce.
    Announce,
    /// Send the next Sync.
    Sync,
    /// Send the next Delay_Req.
    DelayReq,
    /// Send the next Pdelay_Req.
    PdelayReq,
    /// announceReceiptTimeout.
    AnnounceReceipt,
    /// Syncs stopped coming.
    SyncReceipt,
    /// PRE_MASTER is over.
    Qualification,
    /// Say that the port is gPTP-capable.
    GptpCapable,
    /// gPtpCapableReceiptTimeout.
    GptpCapableReceipt,
    /// The servo does not lock to the master.
    Unusable,
}

impl Timer {
    pub(super) const ALL: [Self; 10] = [
        Self::Announce,
        Self::Sync,
        Self::DelayReq,
        Self::PdelayReq,
        Self::AnnounceReceipt,
        Self::SyncReceipt,
        Self::Qualification,
        Self::GptpCapable,
        Self::GptpCapableReceipt,
        Self::Unusable,
    ];
}

/// One deadline per [`Timer`].
#[derive(Clone, Debug, Default)]
pub(super) struct Timers([Option<Instant>; Timer::ALL.len()]);

impl Timers {
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = Some(at);
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(super) fn stop_all(&mut self) {
        self.0 = Default::default();
    }

    pub(super) fn get(&self, timer: Timer) -> Option<Instant> {
        self.0[timer as usize]
    }

    /// Takes one timer that is due, and when it was.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(Timer, Instant)> {
        let (timer, at) =
            Timer::ALL.into_iter().find_map(|t| self.get(t).filter(|at| *at <= now).map(|at| (t, at)))?;
        self.stop(timer);
        Some((timer, at))
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }
}
