//! A new configuration for a running program: what can change is taken over, what cannot is named. Nothing that a reload
//! does not concern is touched: clocks are not stepped, servos keep what they know.

use ptp_clock::{ClockError, Comparer, LeapSecond, SystemClock, UtcKeeper};
use tracing::info;

use super::observe::PHC_SYNC;
use super::{Kernel, Runner};
use crate::agent::Agent;
use crate::file;
use crate::settings::{LeapMode, Settings};

/// The configuration that runs, and how the next one is read.
pub(crate) type Configuration = ptp_program::Configuration<Settings>;

impl Runner {
    /// SIGHUP.
    pub(super) fn reload(&mut self, configuration: &mut Option<Configuration>) -> Result<(), ClockError> {
        let configuration = configuration.as_mut();
        let reloaded = Configuration::reload(configuration, PHC_SYNC, &mut self.events, file::taken_over);
        if let Some((settings, told)) = reloaded {
            self.take_over(settings)?;
            told.tell(&mut self.events);
        }
        Ok(())
    }

    fn take_over(&mut self, new: Settings) -> Result<(), ClockError> {
        new.outlets.set_levels();
        if new.readings != self.settings.readings {
            self.comparer = Comparer::new(new.readings);
        }
        let kernel_leap = |s: &Settings| s.leap == LeapMode::Kernel;
        if kernel_leap(&self.settings) != kernel_leap(&new) {
            // Who makes the next leap second changed: the kernel must not make one that the servo makes, too.
            if self.kernel.leap.is_some_and(|leap| leap != LeapSecond::None) {
                SystemClock::new().set_leap(LeapSecond::None)?;
            }
            self.kernel = Kernel { leap: None, ..self.kernel };
        }
        let before = self.settings.instances_or_default();
        let instances = self.settings.automatic && before != new.instances_or_default();
        let role = new.system_role != self.settings.system_role;
        self.settings = new;
        let places = if instances { self.renew_agents() } else { (0..self.agents.len()).map(Some).collect() };
        let Self { settings, sinks, clocks, .. } = self;
        for sink in sinks.iter_mut() {
            if let Some(entry) = clocks.get(sink.clock) {
                sink.configure(entry, settings);
            }
        }
        if let Some(bound) = &mut self.bound {
            bound.set_max_drift(self.settings.max_drift);
        }
        if let Some(ensemble) = &mut self.ensemble {
            ensemble.configure(&self.settings, &self.agents, |old| places.get(old).copied().flatten());
        }
        if let (Some(evidence), Some(options)) = (&mut self.evidence, &self.settings.evidence) {
            evidence.configuration(options);
        }
        if (role || instances) && self.settings.automatic {
            self.replan()?;
        }
        Ok(())
    }

    /// Instances that are still there stay connected; others go, and new ones are asked. Gives the new number of each old one.
    fn renew_agents(&mut self) -> Vec<Option<usize>> {
        let mut old: Vec<Option<Agent>> = std::mem::take(&mut self.agents).into_iter().map(Some).collect();
        let keepers = std::mem::take(&mut self.keepers);
        let mut places = vec![None; old.len()];
        // Of those that stay, their clients go by them.
        let wanted = self.settings.instances_or_default();
        let stays = |a: &Agent| wanted.contains(&a.instance);
        let mut used: Vec<usize> = old.iter().flatten().filter(|a| stays(a)).map(Agent::number).collect();
        for instance in wanted {
            let known = old.iter().position(|a| a.as_ref().is_some_and(|a| a.instance == instance));
            let agent = match known.and_then(|at| Some((at, old.get_mut(at)?.take()?))) {
                Some((at, agent)) => {
                    if let Some(place) = places.get_mut(at) {
                        *place = Some(self.agents.len());
                    }
                    self.keepers.push(keepers.get(at).cloned().unwrap_or_default());
                    agent
                }
                None => {
                    let free = (0..).find(|n| !used.contains(n)).unwrap_or(0);
                    used.push(free);
                    self.keepers.push(UtcKeeper::default());
                    Agent::new(instance, free)
                }
            };
            self.agents.push(agent);
        }
        for gone in old.iter().flatten() {
            info!(target: "sources", "{} is not followed any more", gone.name());
        }
        for sink in &mut self.sinks {
            sink.source.domain = sink.source.domain.and_then(|d| places.get(d).copied().flatten());
        }
        places
    }
}
