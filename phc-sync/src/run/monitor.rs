//! What runs, for metrics.

use super::Runner;
use crate::agent::Agent;
use crate::metrics::{SinkState, Snapshot, SourceState, Upstream};

/// A measurement counts for so many periods, and at least for so long, ns.
const PERIODS: f64 = 4.0;
const LEAST_NS: u64 = 3_000_000_000;

impl Runner {
    /// Tells the state, if somebody may ask and it is time.
    pub(super) fn publish(&mut self, now: u64) {
        let Some(mut monitor) = self.monitor.take() else { return };
        if monitor.publisher.is_due(now) {
            monitor.publisher.publish(now, |snapshot| self.fill(snapshot, now));
        }
        self.monitor = Some(monitor);
    }

    fn fill(&mut self, s: &mut Snapshot, now: u64) {
        let settings = &self.settings;
        s.now = now;
        s.patience_ns = ((PERIODS * 1e9 / settings.rate) as u64).max(LEAST_NS);
        (s.automatic, s.free_running) = (settings.automatic, settings.free_running);
        s.busy = self.busy_count;
        s.sinks.resize_with(self.sinks.len(), SinkState::default);
        for (state, sink) in s.sinks.iter_mut().zip(&mut self.sinks) {
            let label = |table: &mut crate::clocks::Table, id| {
                table.get(id).map_or_else(String::new, |e| e.name.to_string())
            };
            state.clock = label(&mut self.clocks, sink.clock);
            state.source = match sink.source.clock == sink.clock {
                true => "majority".to_owned(),
                false => label(&mut self.clocks, sink.source.clock),
            };
            state.is_system = self.clocks.get(sink.clock).is_some_and(|e| e.utc);
            state.samples = sink.seen.samples;
            state.largest_ns = sink.seen.samples.take_largest_ns();
            state.locked = sink.is_locked();
            state.handed_over = settings.feeds_ntp();
            let steers = !settings.free_running && !settings.feeds_ntp();
            state.frequency_ppb = (steers && state.samples.last.is_some()).then_some(sink.seen.frequency_ppb);
            state.bound_ns = sink.seen.bound_ns;
            state.strangers = sink.seen.strangers;
        }
        s.upstreams.resize_with(self.agents.len(), Upstream::default);
        for (i, (state, agent)) in s.upstreams.iter_mut().zip(&self.agents).enumerate() {
            state.name = Agent::name(agent);
            state.connected = agent.is_ready();
            state.is_source = self.domain_sources.get(i).copied().flatten().is_some();
        }
        s.sources = self.ensemble.iter().flat_map(|e| e.standings()).collect::<Vec<SourceState>>();
        s.settle();
    }
}
