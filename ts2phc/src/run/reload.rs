//! A new configuration for a running program: what can change is taken over, what cannot is named. Nothing that a reload
//! does not concern is touched: clocks are not stepped, servos and models keep what they know.

use tracing::info;

use super::Program;
use crate::grandmaster::GrandmasterConfig;
use crate::observe::TS2PHC;
use crate::settings::Settings;
use crate::yaml;

/// The configuration that runs, and how the next one is read.
pub type Configuration = ptp_program::Configuration<Settings>;

impl Program {
    /// SIGHUP reads the configuration again.
    #[must_use]
    pub fn reloading(mut self, configuration: Configuration) -> Self {
        self.configuration = Some(configuration);
        self
    }

    /// SIGHUP.
    pub(super) fn reload(&mut self) {
        if self.configuration.is_none() {
            self.times.read_leaps();
            info!(target: "daemon", "there is no configuration to read again but the table of leap seconds");
            return;
        }
        let configuration = self.configuration.as_mut();
        let reloaded = Configuration::reload(configuration, TS2PHC, &mut self.events, yaml::taken_over);
        if let Some((settings, told)) = reloaded {
            self.take_over(settings);
            told.tell(&mut self.events);
        }
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
