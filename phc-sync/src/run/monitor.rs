//! What runs, for metrics.

use super::Runner;
use crate::agent::Agent;
use crate::metrics::{SinkState, Snapshot, SourceState, Upstream};

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
        s.patience_ns = self.patience();
        (s.automatic, s.free_running) = (settings.automatic, settings.free_running);
        s.busy = self.busy_count;
        s.sinks.resize_with(self.sinks.len(), SinkState::default);
        for (state, sink) in s.sinks.iter_mut().zip(&mut self.sinks) {
            let label = |table: &mut crate::clocks::Table, id| {
                table.get(id).map_or_else(String::new, |e| e.name.to_string())
            };
            state.clock = label(&mut self.clocks, sink.clock);
            state.source = match sink.source.clock {
                _ if sink.is_lost() => "none".to_owned(),
                source if source == sink.clock => "majority".to_owned(),
                source => label(&mut self.clocks, source),
            };
            state.state = sink.clock_state(settings);
            state.held_s = sink.held_s(now);
            (state.holdovers, state.holdovers_within) = (sink.seen.holdovers, sink.seen.holdovers_within);
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
    }
}
