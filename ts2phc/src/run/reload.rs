//! A new configuration for a running program: what can change is taken over, what cannot is named. Nothing that a reload
//! does not concern is touched: clocks are not stepped, servos and models keep what they know.

use ptp_config::Change;
use ptp_daemon::{Event, Severity, kind};
use tracing::{error, info, warn};

use super::Program;
use crate::grandmaster::GrandmasterConfig;
use crate::observe::TS2PHC;
use crate::settings::Settings;
use crate::yaml::{self, Loaded};

/// The configuration that runs, and how the next one is read.
pub struct Configuration {
    /// What runs.
    pub running: Loaded,
    /// Reads the file again; else everything that is wrong with it.
    pub read: Box<dyn Fn() -> Result<Loaded, String>>,
}

impl Program {
    /// SIGHUP reads the configuration again.
    #[must_use]
    pub fn reloading(mut self, configuration: Configuration) -> Self {
        self.configuration = Some(configuration);
        self
    }

    /// SIGHUP.
    pub(super) fn reload(&mut self) {
        let Some(Configuration { running, read }) = &mut self.configuration else {
            self.times.read_leaps();
            info!(target: "daemon", "there is no configuration to read again but the table of leap seconds");
            return;
        };
        let fit = |running: &Loaded, new: &Loaded| {
            yaml::taken_over(running, new)
                .map_err(|e| format!("what can change without a restart does not fit what needs one:\n{e}"))
        };
        let (new, mut taken) = match read().and_then(|new| fit(running, &new).map(|taken| (new, taken))) {
            Ok(both) => both,
            Err(mistakes) => {
                error!(target: "daemon", "the configuration stays as it was:\n{mistakes}");
                let event = Event::new(TS2PHC, kind::CONFIGURATION, "").severity(Severity::Error);
                let event = event.message("the new configuration has mistakes: it stays as it was");
                self.events.publish(event.field("applied", false).field("mistakes", mistakes));
                return;
            }
        };
        let (live, restart) = running.values.changes(&new.values);
        if let (Some(own), Some(new)) = (&mut taken.evidence, &new.settings.evidence) {
            own.configuration.clone_from(&new.configuration);
        }
        running.values = running.values.taken_over(&new.values);
        running.settings = taken.clone();
        self.take_over(taken);
        tell(&live, &restart);
        let done = Event::new(TS2PHC, kind::CONFIGURATION, "").message("configuration reloaded");
        self.events.publish(done.field("applied", true));
        info!(target: "daemon", "configuration reloaded");
    }

    fn take_over(&mut self, new: Settings) {
        new.outlets.set_levels();
        self.times.configure(&new);
        self.witnesses.configure(new.doubt);
        for (steered, settings) in self.sinks.iter_mut().zip(&new.sinks) {
            steered.sink.configure(settings, &new);
        }
        let config = new.announce.as_ref().map(|a| a.grandmaster).unwrap_or_default();
        self.grandmaster.configure(GrandmasterConfig { interval: new.period(), ..config });
        if let (Some(evidence), Some(options)) = (&mut self.evidence, &new.evidence) {
            evidence.configuration(options);
        }
        self.settings = new;
    }
}

/// One line for each key that changed.
fn tell(live: &[Change], restart: &[Change]) {
    for change in live {
        info!(target: "daemon", "{change}");
    }
    for change in restart {
        warn!(target: "daemon", "a change of {change} needs a restart");
    }
}
