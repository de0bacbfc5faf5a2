//! A new configuration for a running program: what can change is taken over, what cannot is named. Nothing that a reload
//! does not concern is touched: clocks are not stepped, servos keep what they know.

use ptp_clock::{ClockError, Comparer, LeapSecond, SystemClock};
use ptp_config::Change;
use ptp_daemon::{Event, Severity, kind};
use tracing::{error, info, warn};

use super::observe::PHC_SYNC;
use super::{Kernel, Runner};
use crate::file::{self, Loaded};
use crate::settings::{LeapMode, Settings};

/// The configuration that runs, and how the next one is read.
pub(crate) struct Configuration {
    pub(crate) running: Loaded,
    /// `None`: there is no file.
    pub(crate) read: Option<Box<dyn Fn() -> Result<Loaded, String>>>,
}

impl Runner {
    /// SIGHUP.
    pub(super) fn reload(&mut self, configuration: &mut Option<Configuration>) -> Result<(), ClockError> {
        let Some(Configuration { running, read: Some(read) }) = configuration else {
            info!(target: "daemon", "there is no configuration file to reload");
            return Ok(());
        };
        let refused = |this: &mut Self, mistakes: String| {
            error!(target: "daemon", "the configuration stays as it was:\n{mistakes}");
            let event = Event::new(PHC_SYNC, kind::CONFIGURATION, "").severity(Severity::Error);
            let event = event.message("the new configuration has mistakes: it stays as it was");
            this.events.publish(event.field("applied", false).field("mistakes", mistakes));
        };
        let new = match read() {
            Ok(new) => new,
            Err(mistakes) => {
                refused(self, mistakes);
                return Ok(());
            }
        };
        let mut taken = match file::taken_over(running, &new) {
            Ok(taken) => taken,
            Err(e) => {
                let why = format!("what can change without a restart does not fit what needs one:\n{e}");
                refused(self, why);
                return Ok(());
            }
        };
        let (live, restart) = running.values.changes(&new.values);
        if let (Some(own), Some(new)) = (&mut taken.evidence, &new.settings.evidence) {
            own.configuration.clone_from(&new.configuration);
        }
        running.values = running.values.taken_over(&new.values);
        running.settings = taken.clone();
        self.take_over(taken)?;
        tell(&live, &restart);
        let done = Event::new(PHC_SYNC, kind::CONFIGURATION, "").message("configuration reloaded");
        self.events.publish(done.field("applied", true));
        info!(target: "daemon", "configuration reloaded");
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
        let role = new.system_role != self.settings.system_role;
        self.settings = new;
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
            ensemble.configure(&self.settings);
        }
        if let (Some(evidence), Some(options)) = (&mut self.evidence, &self.settings.evidence) {
            evidence.configuration(options);
        }
        if role && self.settings.automatic {
            self.replan()?;
        }
        Ok(())
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
