//! What an operator reads of the servo.

use ptp_daemon::REPORT;
use ptp_daemon::RateLimit;
use ptp_servo::{AdaptiveEvent, Estimate, OffsetStatistics, ServoState};
use ptp_wire::{LogInterval, TimeInterval};
use tracing::{info, warn};

/// 99 % of the errors are below this, ns.
fn bound(e: &Estimate) -> f64 {
    e.error_bound_ns().unwrap_or(f64::NAN)
}

/// Lines: one per sample or one per interval, changes of the servo's state, and news of the path.
#[derive(Debug)]
pub(super) struct Telling {
    statistics: OffsetStatistics,
    summary: Option<u64>,
    summary_due: u64,
    locked: bool,
    path: RateLimit,
    /// Frequencies as linuxptp tells them: how much too fast the clock is by itself, which is minus what it is set to.
    as_linuxptp: bool,
}

impl Telling {
    /// `summary`: ns between lines; `None`: one per sample.
    pub(super) fn new(summary: Option<u64>) -> Self {
        Self {
            statistics: OffsetStatistics::new(),
            summary,
            summary_due: 0,
            locked: false,
            path: RateLimit::new(10_000_000_000),
            as_linuxptp: false,
        }
    }

    pub(super) fn every(&mut self, summary: Option<u64>) {
        self.summary = summary;
    }

    pub(super) fn as_linuxptp(&mut self) {
        self.as_linuxptp = true;
    }

    /// There is no master any more.
    pub(super) fn lost(&mut self) {
        self.locked = false;
    }

    /// The servo begins to track, or does not any more.
    pub(super) fn state(&mut self, name: &str, state: ServoState, estimate: Option<&Estimate>) {
        if std::mem::replace(&mut self.locked, state.is_locked()) == state.is_locked() {
            return;
        }
        match (state.is_locked(), estimate) {
            (true, Some(e)) => info!(
                "{name} is steered ({state}): 99 % within {:.0} ns, path {:.0} ns",
                bound(e),
                e.delay_ns
            ),
            (true, None) => info!("{name} is steered ({state})"),
            (false, _) => info!("{name} is not steered any more ({state})"),
        }
    }

    /// Something about the path.
    pub(super) fn path(&mut self, now_ns: u64, name: &str, event: &AdaptiveEvent) {
        let Some(more) = self.path.allow(now_ns) else { return };
        let more = if more > 0 { format!(" ({more} more changes before)") } else { String::new() };
        match *event {
            AdaptiveEvent::PathChanged { by } => {
                info!("path delay changed by {by:+.0} ns in both directions{more}");
            }
            AdaptiveEvent::AsymmetryChanged { forward, backward, total } => warn!(
                "path asymmetry changed: {forward:+.0} ns from the master, {backward:+.0} ns to the master; {name} does \
                 not follow; {total:+.0} ns of asymmetry is compensated{more}"
            ),
            AdaptiveEvent::TimeJumped { by } => {
                warn!("the master's time jumped by {:+.0} ns against {name}, which follows{more}", -by);
            }
            AdaptiveEvent::WayChanged { by } => {
                info!(
                    "most messages take another way through the kernel than was thought: {name} moves by {:+.0} ns{more}",
                    -by
                );
            }
            AdaptiveEvent::FrequencyJumped { by } => {
                warn!("{name}'s oscillator jumped by {by:+.0} ppb; the clock is steered against it{more}")
            }
            AdaptiveEvent::StartedOver => {
                warn!("the servo of {name} starts over: no asymmetry is assumed any more{more}");
            }
        }
    }

    /// One line per sample, or one per summary interval.
    pub(super) fn sample(
        &mut self,
        now_ns: u64,
        interval: LogInterval,
        (offset, delay): (TimeInterval, TimeInterval),
        servo: Option<(ServoState, f64)>,
        estimate: Option<&Estimate>,
    ) {
        let (state, frequency) = servo.unwrap_or((ServoState::Unlocked, 0.0));
        let frequency = if self.as_linuxptp { -frequency } else { frequency };
        // A summary of one sample is that sample.
        let each = (interval.seconds() * 1e9) as u64;
        let Some(summary) = self.summary.filter(|s| *s > each) else {
            let (offset, delay) = (offset.nanos(), delay.nanos());
            match (servo, estimate) {
                (None, _) => {
                    info!(target: REPORT, "master offset {offset:10} measured only, path delay {delay:9}")
                }
                (_, None) => {
                    info!(target: REPORT, "master offset {offset:10} {state} freq {frequency:+7.0} path delay {delay:9}");
                }
                (_, Some(e)) => info!(
                    target: REPORT,
                    "master offset {offset:10} {state} freq {frequency:+7.0} path delay {delay:9} error bound {:.0}",
                    bound(e)
                ),
            }
            return;
        };
        self.statistics.push(offset, frequency, Some(delay));
        if now_ns < self.summary_due {
            return;
        }
        self.summary_due = now_ns.saturating_add(summary);
        if let Some(s) = self.statistics.summary() {
            match estimate {
                Some(e) => info!(target: REPORT, "{s} error bound {:.0}", bound(e)),
                None => info!(target: REPORT, "{s}"),
            }
        }
        self.statistics.reset();
    }
}
