//! What the loop notes of samples and events: plain numbers.

use ptp_daemon::metrics::{LastSample, Samples};
use ptp_wire::TimeInterval;
use ptpd::engine::{Event, ServoState};
use ptpd::host::{Measured, Outcome};

/// Of one instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(super) samples: Samples,
    locked: bool,
    changed: bool,
}

impl Seen {
    /// Samples; `ahead`: how far the master's timescale is ahead of the clock's.
    pub(crate) fn measured(&mut self, now: u64, measured: &[Measured], ahead: TimeInterval) {
        for sample in measured.iter().filter_map(Measured::offset) {
            let (offset_ns, delay_ns) =
                ((sample.offset + ahead).nanos_f64(), Some(sample.mean_delay.nanos_f64()));
            self.samples.measured(LastSample { at: now, offset_ns, delay_ns });
        }
    }

    pub(crate) fn outcome(&mut self, outcome: &Outcome) {
        self.samples.stepped(outcome.stepped);
        let locked = outcome.state == ServoState::Locked;
        self.changed |= locked != std::mem::replace(&mut self.locked, locked);
    }

    pub(crate) fn event(&mut self, event: &Event) {
        self.changed |= matches!(
            event,
            Event::PortState { .. }
                | Event::Parent { .. }
                | Event::TimeProperties
                | Event::GrandmasterLeaseEnded { .. }
                | Event::ManagementChange { .. }
        );
    }

    /// There is no master any more.
    pub(crate) fn released(&mut self) {
        self.samples.last = None;
        self.locked = false;
        self.changed = true;
    }

    /// Times the clock was stepped or set.
    pub(crate) fn steps(&self) -> u64 {
        self.samples.steps
    }

    /// Something changed since this was last asked.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }
}
