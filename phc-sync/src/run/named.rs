//! Clocks that are steered by their names: all in manual mode, some beside those of the ports in automatic mode. At the start
//! one that is missing is a mistake; later it is waited for.

use std::error::Error;

use ptp_clock::{ClockError, ClockName};
use ptp_daemon::monotonic_now;
use tracing::{info, warn};

use super::{RETRY_NS, Runner};
use crate::plan::{ClockId, Domain, Plan, Source};

impl Runner {
    /// Manual mode: what follows what is known from the start. Mistakes end the program here.
    pub(super) fn start_manual(&mut self) -> Result<(), Box<dyn Error>> {
        self.open_manual()?;
        let names = self.settings.manual_sinks();
        let sinks = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        self.started = !self.settings.wait;
        if self.settings.drop_in {
            return Ok(());
        }
        match (&self.settings.source, &self.settings.pps) {
            (Some(source), None) => info!("{sinks} after {source}"),
            (Some(source), Some(pps)) => info!("{sinks} after {pps}, seconds from {source}"),
            (None, pps) => info!("{sinks} after {}", pps.as_deref().unwrap_or("nothing")),
        }
        Ok(())
    }

    /// What follows what is to be found out anew: ports changed, or it is time to look for clocks that had gone.
    pub(super) fn renew(&mut self) -> Result<(), ClockError> {
        if self.settings.automatic { self.replan() } else { self.open_manual() }
    }

    /// Opens the clocks of manual mode that are not open.
    fn open_manual(&mut self) -> Result<(), ClockError> {
        let source = match self.settings.source.clone() {
            Some(name) => match self.open_named(&name)? {
                Some(source) => Some(source),
                None => return Ok(()),
            },
            None => None,
        };
        for name in self.settings.manual_sinks() {
            let Some(clock) = self.open_named(&name)? else { continue };
            if self.sinks.iter().any(|s| s.clock == clock) {
                continue;
            }
            let source =
                Source { clock: source.unwrap_or(clock), domain: (!self.agents.is_empty()).then_some(0) };
            match self.sink(clock, source) {
                Ok(sink) => {
                    if let Some(entry) = self.clocks.get(clock).filter(|_| self.begun) {
                        info!(target: "clocks", "{} is there again", entry.label);
                    }
                    self.sinks.extend(sink);
                }
                Err(e) if self.begun && e.is_gone() => self.failed(clock, &e),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Opens a clock, or finds it open. `None`: it is gone, and is looked for again in a while.
    pub(super) fn open_named(&mut self, name: &ClockName) -> Result<Option<ClockId>, ClockError> {
        match self.clocks.open(name, None, &self.settings) {
            Ok(id) => Ok(Some(id)),
            Err(e) if self.begun && e.is_gone() => {
                let now = monotonic_now();
                if self.trouble.allow(now).is_some() {
                    warn!(target: "clocks", "{e}");
                }
                self.retry_at = Some(now.saturating_add(RETRY_NS));
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// Automatic mode: clocks beside those of the ports.
    pub(super) fn add_named(&mut self, plan: &mut Plan, domains: &[Domain]) -> Result<(), ClockError> {
        let all = self.settings.sinks.iter().map(|name| (name.clone(), None));
        let of = self.settings.instances.iter().enumerate();
        let own = of.flat_map(|(i, instance)| instance.sinks.iter().map(move |name| (name.clone(), Some(i))));
        for (name, domain) in all.chain(own).collect::<Vec<_>>() {
            if let Some(clock) = self.open_named(&name)? {
                plan.add(clock, domains, domain);
            }
        }
        Ok(())
    }
}
