//! The clock that is disciplined, and how stamps become its time.

use ptp_clock::{Clock, ClockError, ClockName, RealtimeReading, VirtualClock, VirtualOptions};
use ptp_net::{Interface, Lower};
use ptp_wire::TimePoint;
use ptpd::host::Clocks;

/// One reading of CLOCK_REALTIME against the raw clock serves all stamps within this time.
const READING_LASTS_NS: u64 = 10_000_000;

pub(crate) struct HostClock {
    clock: Box<dyn Clock>,
    name: ClockName,
    /// Software stamps are CLOCK_REALTIME and have to be converted.
    convert: bool,
    reading: Option<(u64, RealtimeReading)>,
    /// The interfaces whose clock it is; empty where the clock was given by its name.
    interfaces: Vec<String>,
}

impl HostClock {
    /// `software`: the ports' stamps come from the kernel.
    pub(crate) fn open(name: ClockName, software: bool) -> Result<Self, ClockError> {
        let convert = software && matches!(name, ClockName::Virtual(_));
        let clock = match name.open() {
            // A virtual clock costs nothing: one that is not there yet is made, without an error of its own.
            Err(ClockError::NotFound { .. }) if matches!(name, ClockName::Virtual(_)) => create(&name)?,
            other => other?,
        };
        Ok(Self { clock, name, convert, reading: None, interfaces: Vec::new() })
    }

    /// The clock is that of these interfaces, whatever its number.
    pub(crate) fn follow(&mut self, interfaces: Vec<String>) {
        self.interfaces = interfaces;
    }

    /// After its device went away: opens the one that has come instead. A card that comes back gets a new number while
    /// somebody still holds the old one.
    pub(crate) fn reopen(&mut self) -> Result<(), ClockError> {
        let index = self.interfaces.iter().find_map(|i| phc_of(i));
        let name = index.map_or_else(|| self.name.clone(), ClockName::Phc);
        self.clock = name.open()?;
        self.name = name;
        Ok(())
    }

    pub(crate) fn name(&self) -> &ClockName {
        &self.name
    }

    /// A stamp as the sockets give it, in this clock's time. `None` if the clock cannot say.
    pub(crate) fn stamp(&mut self, now_ns: u64, stamp: TimePoint) -> Option<TimePoint> {
        if !self.convert {
            return Some(stamp);
        }
        let reading = match self.reading {
            Some((at, reading)) if now_ns.saturating_sub(at) < READING_LASTS_NS => reading,
            _ => {
                let reading = RealtimeReading::take();
                self.reading = Some((now_ns, reading));
                reading
            }
        };
        self.clock.at_monotonic_raw(reading.raw_at(stamp)).ok().flatten()
    }

    /// The clock itself.
    pub(crate) fn clock(&mut self) -> &mut dyn Clock {
        self.clock.as_mut()
    }
}

/// The hardware clock behind an interface now: its own, or that of the card below a VLAN or a bond.
pub(super) fn phc_of(interface: &str) -> Option<u32> {
    Interface::query(&Lower::query(interface).stamps).ok()?.phc_index()
}

/// The clocks as [`ptpd::host::Together`] takes them.
pub(super) struct All<'a>(pub(super) &'a mut [HostClock]);

impl Clocks for All<'_> {
    fn one(&mut self, index: usize) -> Option<&mut dyn Clock> {
        self.0.get_mut(index).map(HostClock::clock)
    }

    fn two(&mut self, a: usize, b: usize) -> Option<(&mut dyn Clock, &mut dyn Clock)> {
        let [a, b] = self.0.get_disjoint_mut([a, b]).ok()?;
        Some((a.clock(), b.clock()))
    }
}

fn create(name: &ClockName) -> Result<Box<dyn Clock>, ClockError> {
    let ClockName::Virtual(path) = name else { return name.open() };
    tracing::info!("{name} does not exist: made one");
    Ok(Box::new(VirtualClock::create(path, &VirtualOptions::default())?))
}
