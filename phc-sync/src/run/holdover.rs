//! Clocks without a source: they run on by what was learnt of them, and that outlives a restart.

use ptp_clock::ClockError;
use ptp_daemon::{Event, Severity, kind, monotonic_now};
use ptp_program::Returned;
use tracing::warn;

use super::{PHC_SYNC, Runner};
use crate::plan::{ClockId, Domain, Source};
use crate::settings::SystemRole;
use crate::sink::Sink;

/// What was learnt is written down for the first time after this, ns.
pub(super) const FIRST_SAVE_NS: u64 = 120_000_000_000;
/// And then this often, ns.
const SAVE_NS: u64 = 3600 * 1_000_000_000;
/// A measurement counts for so many periods, and at least for so long, ns.
const PERIODS: f64 = 4.0;
const LEAST_NS: u64 = 3_000_000_000;

impl Runner {
    /// A clock without a measurement for so long has lost its source, ns.
    pub(super) fn patience(&self) -> u64 {
        ((PERIODS * 1e9 / self.settings.rate) as u64).max(LEAST_NS)
    }

    /// A clock that is to be steered, with what is known of it; `None`: it is closed.
    pub(super) fn sink(&mut self, clock: ClockId, source: Source) -> Result<Option<Sink>, ClockError> {
        let Some(entry) = self.clocks.get(clock) else { return Ok(None) };
        let model = if self.settings.drop_in { None } else { self.kept.recall(&entry.name.lasting()) };
        Sink::new(clock, source, entry, &self.settings, model).map(Some)
    }

    /// These have no source any more: each runs on by what was learnt of it, unless it is somebody else's now.
    pub(super) fn orphans(&mut self, sinks: Vec<Sink>, domains: &[Domain]) {
        let role = self.settings.system_role;
        for mut sink in sinks {
            let steered = domains.iter().any(|d| d.steers(sink.clock));
            let name = self.clocks.get_ref(sink.clock).map(|e| &e.name);
            let ours = name.is_some_and(|n| role != SystemRole::None || *n != self.settings.system_clock);
            // A reload took its instance away.
            let gone = name.is_some_and(|n| *n != self.settings.system_clock) && sink.source.domain.is_none();
            if steered || !ours || gone || !sink.can_hold() {
                self.remember(&sink);
                continue;
            }
            self.orphan(&mut sink);
            self.sinks.push(sink);
        }
    }

    /// A clock was closed: those that are it go, those that followed it have no source.
    pub(super) fn without(&mut self, clock: ClockId) {
        for mut sink in std::mem::take(&mut self.sinks) {
            if sink.clock == clock || sink.source.clock == clock && !sink.can_hold() {
                self.remember(&sink);
                continue;
            }
            if sink.source.clock == clock {
                self.orphan(&mut sink);
            }
            self.sinks.push(sink);
        }
    }

    fn orphan(&mut self, sink: &mut Sink) {
        sink.orphan = true;
        if let Err(e) = self.hold(sink, monotonic_now())
            && self.trouble.allow(monotonic_now()).is_some()
        {
            warn!(target: "clocks", "{e}");
        }
    }

    /// Keeps a clock without a source, and tells applications how far off it may be.
    pub(super) fn hold(&mut self, sink: &mut Sink, now: u64) -> Result<(), ClockError> {
        let Some(entry) = self.clocks.get(sink.clock) else { return Ok(()) };
        if sink.orphan || self.pulses.is_some() {
            sink.look(entry, &self.settings, now)?;
        }
        let begun = sink.hold(entry, now)?;
        sink.seen.bound_ns = sink.held_bound_ns();
        if let (true, Some(page)) = (entry.utc, &mut self.bound) {
            match sink.held_bound_ns() {
                Some(bound) => page.held(bound),
                None if sink.is_void() => page.unlocked(),
                // Readers let the last one grow.
                None => {}
            }
        }
        if begun {
            self.remember(sink);
            self.kept.save();
        }
        Ok(())
    }

    /// Notes what was learnt of a clock.
    fn remember(&mut self, sink: &Sink) {
        if let (Some(model), Some(entry)) = (sink.model(), self.clocks.get_ref(sink.clock)) {
            self.kept.put(&entry.name.lasting(), &model);
        }
    }

    /// Writes down what was learnt, now and then.
    pub(super) fn keep_memory(&mut self, now: u64) {
        if now >= self.save_at {
            self.save_at = now.saturating_add(SAVE_NS);
            self.save();
        }
    }

    fn save(&mut self) {
        let sinks = std::mem::take(&mut self.sinks);
        sinks.iter().for_each(|sink| self.remember(sink));
        self.sinks = sinks;
        self.kept.save();
    }

    /// The end: clocks run on with what was learnt, which is kept.
    pub(super) fn finish(&mut self) {
        self.save();
        for sink in &mut self.sinks {
            if let Some(entry) = self.clocks.get(sink.clock)
                && let Err(e) = sink.leave(entry)
            {
                warn!(target: "clocks", "{e}");
            }
        }
        let stopped = Event::new(PHC_SYNC, kind::LIFE, "").message("stopped").field("state", "stopped");
        self.events.publish(stopped);
        if let Some(evidence) = self.evidence.take() {
            evidence.stop();
        }
    }
}

/// How a time without source ended, for the record.
pub(super) fn ended(clock: &str, r: &Returned) -> Event {
    let word = if r.within { "within" } else { "out of" };
    let text = format!(
        "{clock} was {:+.0} ns off after {:.0} s of holdover, {word} the bound of {:.0} ns",
        r.error_ns, r.after_s, r.bound_ns
    );
    Event::new(PHC_SYNC, kind::HOLDOVER, clock.to_owned())
        .severity(if r.within { Severity::Info } else { Severity::Warning })
        .message(text)
        .field("clock", clock.to_owned())
        .field("active", false)
        .field("after_s", r.after_s)
        .field("error_ns", r.error_ns)
        .field("error_bound_ns", r.bound_ns)
        .field("within", r.within)
}
