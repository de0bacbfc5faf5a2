//! The line of each pulse. Of faster ones than one a second there is one line a second: 128 are for nobody to read.

use ptp_servo::ServoState;
use tracing::info;

use crate::discipline::Correction;

const SECOND: u64 = 1_000_000_000;

/// How many pulses have not been told, and what was the largest of their offsets.
#[derive(Debug, Default)]
pub(super) struct Lines {
    told_at: u64,
    state: Option<ServoState>,
    untold: u32,
    largest: i64,
}

impl Lines {
    /// Tells a pulse, or keeps it for the next line. `each`: every pulse has its line.
    pub(super) fn pulse(
        &mut self,
        path: &str,
        found: &Correction,
        sign: f64,
        told: bool,
        each: bool,
        now: u64,
    ) {
        let (offset, state) = (found.offset.nanos(), found.state);
        self.untold += 1;
        self.largest = self.largest.max(offset.saturating_abs());
        let due = now.saturating_sub(self.told_at) >= SECOND;
        if !each && !due && self.state == Some(state) {
            return;
        }
        let frequency = sign * found.frequency_ppb;
        let holdover = if told { "" } else { " holdover" };
        let many = match self.untold {
            1 => String::new(),
            n => format!(" ({n} pulses, at most {} ns)", self.largest),
        };
        info!(target: "servo", "{path} offset {offset:10} {state} freq {frequency:+7.0}{holdover}{many}");
        *self = Self { told_at: now, state: Some(state), untold: 0, largest: 0 };
    }
}
