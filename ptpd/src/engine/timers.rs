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
    /// In the order in which they are served where several are due: event messages come first. A message right behind
    /// another one finds the kernel's path still in the caches and takes less time between software stamps than one that
    /// comes alone, as a client's requests do.
    pub(super) const ALL: [Self; 10] = [
        Self::Sync,
        Self::DelayReq,
        Self::PdelayReq,
        Self::Announce,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_messages_come_first() {
        let mut timers = Timers::default();
        let now = Instant(5);
        for timer in Timer::ALL {
            timers.set(timer, now);
        }
        timers.set(Timer::Announce, Instant(1));
        let order: Vec<_> = std::iter::from_fn(|| timers.take_due(now)).map(|(timer, _)| timer).collect();
        let at = |timer| order.iter().position(|t| *t == timer).expect("all are due");
        for event in [Timer::Sync, Timer::DelayReq, Timer::PdelayReq] {
            assert!(at(event) < at(Timer::Announce), "{order:?}");
        }
    }
}
