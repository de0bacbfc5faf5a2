//! Where a daemon's lines and events go, as its file says.

use std::io;
use std::path::PathBuf;

use tracing::{Level, warn};

use crate::{EventBus, Journal, ListenError, LogOptions, init_log, set_log_levels};

/// What `log_level`, `log_parts`, `log_journal`, `events_socket` and `events_socket_mode` say in the files of `phc-sync` and `ts2phc`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outlets {
    /// The least severe level that is logged; `None`: as the command line has it.
    pub level: Option<Level>,
    /// Other levels of parts of the program, by the targets of their lines.
    pub parts: Vec<(&'static str, Level)>,
    /// journald's socket, if lines and events go there by its own protocol.
    pub journal: Option<PathBuf>,
    /// Where subscribers of events connect.
    pub socket: Option<PathBuf>,
    /// The mode of that socket.
    pub socket_mode: u32,
}

impl Default for Outlets {
    fn default() -> Self {
        Self { level: None, parts: Vec::new(), journal: None, socket: None, socket_mode: 0o660 }
    }
}

impl Outlets {
    /// The words for levels, the most severe first.
    pub const LEVELS: [(&'static str, Level); 5] = [
        ("error", Level::ERROR),
        ("warn", Level::WARN),
        ("info", Level::INFO),
        ("debug", Level::DEBUG),
        ("trace", Level::TRACE),
    ];

    /// Starts the log, over what the command line says.
    ///
    /// # Errors
    /// There can be no socket to journald.
    pub fn init_log(&self, options: &LogOptions) -> io::Result<()> {
        let mut options = options.clone();
        options.level = self.level.unwrap_or(options.level);
        options.parts.clone_from(&self.parts);
        options.journal.clone_from(&self.journal);
        init_log(&options)
    }

    /// Sets the levels of a running program, as a reload has them.
    pub fn set_levels(&self) {
        set_log_levels(self.level.unwrap_or(Level::INFO), &self.parts);
    }

    /// The level of a word of [`Outlets::LEVELS`]; information for others.
    pub fn level(word: &str) -> Level {
        Self::LEVELS.iter().find(|(w, _)| *w == word).map_or(Level::INFO, |(_, level)| *level)
    }

    /// Levels of parts by the targets of their lines: `targets` has those of each part.
    pub fn targets(
        parts: &[(&'static str, Level)],
        targets: &[(&'static str, &'static [&'static str])],
    ) -> Vec<(&'static str, Level)> {
        let of = |part: &str| targets.iter().find(|(p, _)| *p == part).map_or(&[][..], |(_, t)| *t);
        parts.iter().flat_map(|(part, level)| of(part).iter().map(move |t| (*t, *level))).collect()
    }

    /// A bus that serves the socket, and tells journald every event with its fields, if there is to be either.
    ///
    /// # Errors
    /// The socket cannot be served.
    pub fn bus(&self) -> Result<EventBus, ListenError> {
        let mut bus = EventBus::new();
        if let Some(path) = &self.socket {
            bus.listen(path, self.socket_mode)?;
        }
        if let Some(path) = &self.journal {
            match Journal::open(path) {
                Ok(journal) => bus.add(Box::new(journal)),
                Err(e) => warn!("no events to journald: {e}"),
            }
        }
        Ok(bus)
    }
}
