//! A new configuration for a running program: what can change is taken over, what cannot is named.

use core::fmt::Display;

use ptp_config::Change;
use ptp_daemon::{Event, EventBus, Severity, kind};
use tracing::{error, info, warn};

use crate::Loaded;

/// Reads a file again; else everything that is wrong with it.
pub type Read<S> = Box<dyn Fn() -> Result<Loaded<S>, String>>;

/// The configuration that runs, and how the next one is read.
pub struct Configuration<S> {
    /// What runs.
    pub running: Loaded<S>,
    /// `None`: there is no file.
    pub read: Option<Read<S>>,
}

impl<S: Clone> Configuration<S> {
    /// Reads it again. `fit` gives what a program that runs with the first takes over of the second, or what stands against that.
    /// That is to be carried out, and then to be [told](Told::tell). `None`: there is no file, or it has mistakes, which are
    /// told; everything stays as it was.
    pub fn reload<E: Display>(
        this: Option<&mut Self>,
        program: &'static str,
        events: &mut EventBus,
        fit: impl Fn(&Loaded<S>, &Loaded<S>) -> Result<S, E>,
    ) -> Option<(S, Told)> {
        let Some(Self { running, read: Some(read) }) = this else {
            info!(target: "daemon", "there is no configuration file to reload");
            return None;
        };
        let fits = |new: &Loaded<S>| {
            fit(running, new)
                .map_err(|e| format!("what can change without a restart does not fit what needs one:\n{e}"))
        };
        match read().and_then(|new| fits(&new).map(|settings| (new, settings))) {
            Ok((new, settings)) => {
                let (live, restart) = running.values.changes(&new.values);
                running.values = running.values.taken_over(&new.values);
                running.settings = settings.clone();
                Some((settings, Told { program, live, restart }))
            }
            Err(mistakes) => {
                error!(target: "daemon", "the configuration stays as it was:\n{mistakes}");
                let event = Event::new(program, kind::CONFIGURATION, "").severity(Severity::Error);
                let event = event.message("the new configuration has mistakes: it stays as it was");
                events.publish(event.field("applied", false).field("mistakes", mistakes));
                None
            }
        }
    }
}

/// What a reload changed.
#[must_use]
pub struct Told {
    program: &'static str,
    live: Vec<Change>,
    restart: Vec<Change>,
}

impl Told {
    /// One line for each key that changed.
    pub fn tell(self, events: &mut EventBus) {
        for change in self.live {
            info!(target: "daemon", "{change}");
        }
        for change in self.restart {
            warn!(target: "daemon", "a change of {change} needs a restart");
        }
        let done = Event::new(self.program, kind::CONFIGURATION, "").message("configuration reloaded");
        events.publish(done.field("applied", true));
        info!(target: "daemon", "configuration reloaded");
    }
}
