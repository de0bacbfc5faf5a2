//! The clocks that are open, by number, so that two can be compared and each is opened once.

use ptp_clock::{Clock, ClockError, ClockName, Comparer, Comparison};

use crate::plan::ClockId;
use crate::settings::Settings;

/// A clock that is open.
pub(crate) struct Entry {
    pub(crate) name: ClockName,
    pub(crate) clock: Box<dyn Clock>,
    /// It keeps UTC: the system clock, or what stands for it.
    pub(crate) utc: bool,
    /// As log lines name it.
    pub(crate) label: String,
}

impl Entry {
    /// `phc` or `sys`, as log lines say.
    pub(crate) fn kind(&self) -> &'static str {
        if self.utc { "sys" } else { "phc" }
    }
}

/// All clocks. Numbers stay good until [`Table::close`].
#[derive(Default)]
pub(crate) struct Table {
    entries: Vec<Option<Entry>>,
}

impl Table {
    /// Opens a clock, or finds it open. `label` is what log lines shall say; `None`: the clock's name.
    pub(crate) fn open(
        &mut self,
        name: &ClockName,
        label: Option<&str>,
        settings: &Settings,
    ) -> Result<ClockId, ClockError> {
        if let Some(id) = self.find(name) {
            return Ok(id);
        }
        let clock = if settings.free_running || settings.feeds_ntp() {
            name.open_read_only()?
        } else {
            name.open().or_else(|e| match e {
                // Sources need no right to write; a sink says so when it is steered first.
                ClockError::Permission { .. } => name.open_read_only(),
                e => Err(e),
            })?
        };
        let utc = settings.is_system(name);
        let label = match (name, label) {
            (ClockName::System, _) => "CLOCK_REALTIME".to_owned(),
            (_, Some(label)) => label.to_owned(),
            (ClockName::Phc(n), None) if settings.drop_in => format!("/dev/ptp{n}"),
            (name, None) => name.to_string(),
        };
        let entry = Some(Entry { name: name.clone(), clock, utc, label });
        match self.entries.iter().position(Option::is_none) {
            Some(free) => {
                if let Some(place) = self.entries.get_mut(free) {
                    *place = entry;
                }
                Ok(free)
            }
            None => {
                self.entries.push(entry);
                Ok(self.entries.len() - 1)
            }
        }
    }

    pub(crate) fn find(&self, name: &ClockName) -> Option<ClockId> {
        self.entries.iter().position(|e| e.as_ref().is_some_and(|e| e.name == *name))
    }

    pub(crate) fn get(&mut self, id: ClockId) -> Option<&mut Entry> {
        self.entries.get_mut(id).and_then(Option::as_mut)
    }

    /// One to look at.
    pub(crate) fn get_ref(&self, id: ClockId) -> Option<&Entry> {
        self.entries.get(id).and_then(Option::as_ref)
    }

    /// A clock that failed is closed: it may come back as another device.
    pub(crate) fn close(&mut self, id: ClockId) {
        if let Some(place) = self.entries.get_mut(id) {
            *place = None;
        }
    }

    /// Measures the sink against the source. `None`: they are the same, or closed.
    pub(crate) fn compare(
        &mut self,
        source: ClockId,
        sink: ClockId,
        comparer: &Comparer,
    ) -> Option<Result<Comparison, ClockError>> {
        let [source, sink] = self.entries.get_disjoint_mut([source, sink]).ok()?;
        let (source, sink) = (source.as_mut()?, sink.as_mut()?);
        Some(comparer.compare(source.clock.as_mut(), sink.clock.as_mut()))
    }
}
