//! What the service manager is told: when the daemon does what it is for, and one line on how it goes.

use std::fmt::Write;

use ptp_config::ReadyWhen;
use ptp_wire::{PortNumber, SdoId};
use ptpd::engine::PortState;

use super::instance::Instance;
use super::run::Daemon;
use super::start::is_transparent;

/// Between two lines where nothing but numbers changed, ns.
const STATUS_NS: u64 = 10_000_000_000;

impl Daemon {
    /// Tells what has changed. Every instance has to be ready.
    pub(super) fn tell_manager(&mut self, now: u64) {
        let notify = &mut self.shared.notify;
        if !notify.is_ready() && self.instances.iter().all(Instance::is_ready) {
            notify.ready();
        }
        if notify.enabled() && now >= self.shared.status_due {
            self.shared.status_due = now.saturating_add(STATUS_NS);
            let mut text = String::new();
            for instance in &self.instances {
                instance.describe(&mut text);
            }
            self.shared.notify.status(&text);
        }
    }
}

impl Instance {
    fn is_ready(&self) -> bool {
        let keeps_no_time = is_transparent(&self.settings) || self.settings.instance.sdo_id == SdoId::CMLDS;
        is_ready(self.settings.ready_when, keeps_no_time, self.port_states())
    }

    /// Ports with their states; whom it follows how well, or what it says of its own clock.
    fn describe(&self, text: &mut String) {
        let name = &self.settings.name;
        if !text.is_empty() {
            text.push_str("; ");
        }
        if !name.is_empty() {
            let _ = write!(text, "{name}: ");
        }
        for (i, state) in self.port_states().enumerate() {
            let number = PortNumber(u16::try_from(i).map_or(0, |i| i.saturating_add(1)));
            let interface = self.interface(number).unwrap_or_default();
            let _ = write!(text, "{}{interface} {state}", if i == 0 { "" } else { ", " });
        }
        let parent = self.engine.parent_ds();
        if self.port_states().any(|s| s == PortState::Slave) {
            let offset = self.engine.current_ds().offset_from_master.nanos();
            let _ = write!(text, ", grandmaster {}, offset {offset} ns", parent.grandmaster_identity);
        } else if self.port_states().any(|s| s == PortState::Master) {
            let _ = write!(text, ", clockClass {}", parent.grandmaster_clock_quality.clock_class);
        }
    }
}

/// Whether an instance with ports in these states does what it is for.
fn is_ready(when: ReadyWhen, keeps_no_time: bool, states: impl Iterator<Item = PortState>) -> bool {
    let (mut slave, mut client, mut serves, mut decided) = (false, false, false, false);
    for state in states {
        slave |= state == PortState::Slave;
        client |= matches!(state, PortState::Slave | PortState::Uncalibrated);
        serves |= state == PortState::Master;
        decided |= matches!(state, PortState::Master | PortState::Passive);
    }
    match when {
        ReadyWhen::Started => true,
        ReadyWhen::Synchronised => slave,
        ReadyWhen::Serving => serves,
        ReadyWhen::Auto => keeps_no_time || slave || (decided && !client),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PortState::{Listening, Master, Passive, Slave, Uncalibrated};

    #[test]
    fn ready_is_who_does_what_it_is_for() {
        for (states, auto, synchronised, serving) in [
            (&[Listening][..], false, false, false),
            (&[Uncalibrated], false, false, false),
            (&[Slave], true, true, false),
            (&[Master], true, false, true),
            // A boundary clock whose client port is not calibrated yet.
            (&[Uncalibrated, Master], false, false, true),
            (&[Slave, Master], true, true, true),
            // The second of two grandmasters.
            (&[Passive], true, false, false),
            (&[], false, false, false),
        ] {
            let ready = |when| is_ready(when, false, states.iter().copied());
            assert_eq!(ready(ReadyWhen::Auto), auto, "{states:?}");
            assert_eq!(ready(ReadyWhen::Synchronised), synchronised, "{states:?}");
            assert_eq!(ready(ReadyWhen::Serving), serving, "{states:?}");
            assert!(ready(ReadyWhen::Started));
            assert!(is_ready(ReadyWhen::Auto, true, states.iter().copied()), "a transparent clock at once");
        }
    }
}
