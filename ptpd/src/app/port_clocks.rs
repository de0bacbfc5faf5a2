//! The clocks of an instance's ports: kept together, told apart, changed when a bond's active member changes.

use ptp_clock::{ClockError, ClockName};
use ptp_daemon::log_context;
use ptp_wire::{PortNumber, TimeInterval};
use ptpd::engine::{Input, Instant, PortState};
use ptpd::host::{Finding, LocalClock, Together, steers};
use tracing::{info, warn};

use super::clock::{All, HostClock, phc_of};
use super::instance::Instance;
use super::run::Daemon;
use super::shared::Shared;

/// What the engine is told of a clock's number.
pub(super) fn index_of(clock: &ClockName) -> Option<i32> {
    match clock {
        ClockName::Phc(n) => i32::try_from(*n).ok(),
        _ => None,
    }
}

impl Instance {
    fn numbered(&self) -> impl Iterator<Item = (PortNumber, usize)> + '_ {
        (1..).map(PortNumber).zip(self.clocks.iter().copied())
    }

    /// The clocks whose time or frequency it changes.
    pub(super) fn steered(&self) -> impl Iterator<Item = usize> + '_ {
        let others = self.together.iter().flat_map(Together::steered);
        let own = steers(&self.settings).then_some(self.clock);
        own.into_iter().chain(others)
    }

    /// Tells the engine which ports' clocks may be served.
    pub(super) fn tell_aligned(&mut self, now: u64) {
        let Some(together) = &self.together else { return };
        for (port, clock) in (1..).map(PortNumber).zip(self.clocks.iter().copied()) {
            let aligned = together.aligned(clock);
            if self.engine.port_aligned(port) != aligned {
                self.engine.handle(Instant(now), Input::PortClock { port, aligned });
            }
        }
    }

    /// Compares the ports' clocks, if it is time.
    pub(super) fn keep_together(&mut self, now: u64, shared: &mut Shared) {
        let Some(together) = &mut self.together else { return };
        if together.next_deadline().is_none_or(|at| now < at) {
            return;
        }
        log_context(&self.settings.name);
        let round = together.run(now, &mut All(&mut shared.clocks));
        for clock in round.stepped {
            shared.stepped.push((clock, None, TimeInterval::ZERO));
        }
        if round.changed {
            self.tell_aligned(now);
        }
    }

    /// Tells of clocks that another program should keep together, and does not.
    pub(super) fn look_apart(&mut self, now: u64, shared: &mut Shared) {
        let Some(apart) = &mut self.apart else { return };
        for (clock, finding) in apart.run(now, self.clock, &mut All(&mut shared.clocks)) {
            log_context(&self.settings.name);
            let (Some(other), Some(right)) = (shared.clocks.get(clock), shared.clocks.get(self.clock)) else {
                continue;
            };
            let (other, right) = (other.name(), right.name());
            match finding {
                Finding::Apart(by) => warn!(
                    "{other} is {:+.0} ns off {right}: `port_clocks: external` leaves it to another program to keep them together; \
                     does phc-sync or phc2sys run?",
                    by.nanos_f64()
                ),
                Finding::Together => info!("{other} is with {right} now"),
            }
        }
    }

    /// The clock of the port that is a client is disciplined, and the others follow it. Without such a port it is the
    /// clock that was named, or the last one.
    pub(super) fn follow_client(&mut self, now: u64, shared: &mut Shared) {
        let Some(together) = &self.together else { return };
        let client = self.numbered().find(|&(port, _)| {
            matches!(self.engine.port_state(port), Some(PortState::Slave | PortState::Uncalibrated))
        });
        let wanted = match client {
            Some((_, clock)) => clock,
            None if self.settings.clock != LocalClock::Auto => self.named,
            None => return,
        };
        let source = together.source();
        if wanted != source {
            self.change_source(now, source, wanted, shared);
        }
    }

    fn change_source(&mut self, now: u64, old: usize, new: usize, shared: &mut Shared) {
        let Some(together) = &mut self.together else { return };
        log_context(&self.settings.name);
        let frequency = together.frequency(new);
        let stepped = together.take_over(new, &mut All(&mut shared.clocks)).unwrap_or_else(|e| {
            warn!("the time of the last clock is lost: {e}");
            false
        });
        if stepped {
            shared.stepped.push((new, None, TimeInterval::ZERO));
        }
        let Some([from, to]) = shared.clocks.get_disjoint_mut([old, new]).ok() else { return };
        info!("disciplines {} instead of {} from here on", to.name(), from.name());
        self.clock = new;
        let frequency = frequency.map_or_else(|| to.clock().frequency(), Ok);
        match frequency {
            Ok(frequency) => self.discipline.carry_over(to.clock(), frequency),
            Err(e) => warn!("{e}"),
        }
        self.tell_aligned(now);
    }

    /// A port's stamps are of another clock now: a bond's active member changed, or an interface came whose clock was
    /// not known.
    fn port_clock(&mut self, now: u64, port: PortNumber, place: usize, shared: &mut Shared) {
        let Some(slot) =
            usize::from(port.0).checked_sub(1).and_then(|i| self.clocks.get_mut(i)).filter(|s| **s != place)
        else {
            return;
        };
        *slot = place;
        let name = shared.clocks.get(place).map(HostClock::name);
        let phc_index = name.and_then(index_of);
        log_context(&self.settings.name);
        if let Some(name) = name {
            info!("port {port} has stamps of {name} from here on");
        }
        self.engine.handle(Instant(now), Input::PhcIndex { port, phc_index });
        match &mut self.together {
            Some(together) => together.add(place),
            // Nobody here keeps clocks together: the port's own is disciplined.
            None if self.clocks.len() == 1 => self.clock = place,
            None => {}
        }
        self.follow_client(now, shared);
        self.tell_aligned(now);
    }

    /// After the clock's device was opened again, maybe under another number.
    pub(super) fn tell_phc_index(&mut self, now: u64, clocks: &[HostClock]) {
        for (port, clock) in (1..).map(PortNumber).zip(self.clocks.iter().copied()) {
            let phc_index = clocks.get(clock).and_then(|c| index_of(c.name()));
            self.engine.handle(Instant(now), Input::PhcIndex { port, phc_index });
        }
    }
}

impl Daemon {
    /// Looks whose clock makes a port's stamps now.
    pub(super) fn look_at_card(&mut self, now: u64, i: usize) {
        let Some(port) = self.shared.ports.get_mut(i) else { return };
        if !port.is_hardware() || port.is_bound() {
            return;
        }
        port.enable_cards();
        let Some(phc) = phc_of(port.interface()) else { return };
        for user in port.users().to_vec() {
            let Some(instance) = self.instances.get_mut(user.instance) else { continue };
            let index = usize::from(user.port.0).saturating_sub(1);
            let auto = instance.settings.networks.get(index).is_some_and(|n| n.clock == LocalClock::Auto);
            let Some(old) = instance.clocks.get(index).and_then(|c| self.shared.clocks.get_mut(*c)) else {
                continue;
            };
            if !auto || *old.name() == ClockName::Phc(phc) {
                continue;
            }
            // A card that was pulled comes back with another number: its clock is opened again when it is missed.
            if matches!(old.clock().now(), Err(ClockError::NotFound { .. })) {
                continue;
            }
            match self.shared.clock(ClockName::Phc(phc), false) {
                Ok(place) => instance.port_clock(now, user.port, place, &mut self.shared),
                Err(e) => {
                    warn!("{e}: without it port {} cannot be used", user.port);
                    if let Some(port) = self.shared.ports.get_mut(i) {
                        let change = port.without_clock(now);
                        self.changes.push((i, change));
                    }
                    return;
                }
            }
        }
    }
}
