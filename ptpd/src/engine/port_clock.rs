//! Ports with clocks of their own (a boundary clock of several cards): served only while the clock is kept with the
//! instance's.

use ptp_wire::PortNumber;

use super::{Engine, PortState, port_mut};

impl Engine {
    /// [`Input::PortClock`](super::Input).
    pub(super) fn port_clock(&mut self, number: PortNumber, aligned: bool) {
        let Some(port) = port_mut(&mut self.ports, number) else { return };
        let changed = std::mem::replace(&mut port.aligned, aligned) != aligned;
        if changed && port.state == PortState::Master {
            // Those below hear of it now rather than an interval later.
            port.announce_now(&mut self.instance);
        }
    }

    /// Whether a port's clock is kept with the instance's.
    pub fn port_aligned(&self, number: PortNumber) -> bool {
        let index = usize::from(number.0).checked_sub(1);
        index.and_then(|i| self.ports.get(i)).is_some_and(|p| p.aligned)
    }
}

#[cfg(test)]
mod tests {
    use ptp_wire::{ClockIdentity, Flags, Message, MessageType};

    use super::super::{Engine, Input, InstanceConfig, Instant, MessageClass, Output, PortConfig};
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// What a master's two ports send within ten seconds: Announces, those of them that are uncertain, and Syncs.
    fn sent(engine: &mut Engine, from: u64) -> [[u32; 3]; 2] {
        let mut counts = [[0; 3]; 2];
        for step in 0..100 {
            engine.handle(Instant(from + step * SECOND / 10), Input::Tick);
            while let Some(output) = engine.poll() {
                let Output::Transmit { port, class, octets, .. } = output else { continue };
                let message = Message::parse(octets).expect("our own");
                let header = message.header();
                let count = &mut counts[usize::from(port.0) - 1];
                match header.message_type {
                    MessageType::Announce => {
                        assert_eq!(class, MessageClass::General);
                        count[0] += 1;
                        count[1] += u32::from(header.flags.has(Flags::SYNCHRONIZATION_UNCERTAIN));
                    }
                    MessageType::Sync => count[2] += 1,
                    _ => {}
                }
            }
        }
        counts
    }

    #[test]
    fn a_port_whose_clock_is_not_kept_serves_nobody_and_says_so() {
        let mut ports = vec![PortConfig::new("eth0"), PortConfig::new("eth1")];
        for port in &mut ports {
            port.master_only = true;
        }
        let config = InstanceConfig::new(ClockIdentity::from_mac([2, 0, 0, 0, 0, 1]), ports);
        let mut engine = Engine::new(config, 1, Instant(0));
        for port in [PortNumber(1), PortNumber(2)] {
            engine.handle(Instant(0), Input::PortUp { port });
        }
        let _ = sent(&mut engine, SECOND);
        let _ = sent(&mut engine, 20 * SECOND);
        engine.handle(Instant(29_900_000_000), Input::PortClock { port: PortNumber(2), aligned: false });
        let [one, two] = sent(&mut engine, 30 * SECOND);
        assert!(one[0] >= 4 && one[1] == 0 && one[2] >= 8, "{one:?}");
        assert!(two[0] >= 4 && two[1] == two[0] && two[2] == 0, "{two:?}");
        assert!(engine.port_aligned(PortNumber(1)) && !engine.port_aligned(PortNumber(2)));
        engine.handle(Instant(40 * SECOND), Input::PortClock { port: PortNumber(2), aligned: true });
        let [_, two] = sent(&mut engine, 40 * SECOND);
        assert!(two[0] >= 4 && two[1] == 0 && two[2] >= 8, "{two:?}");
        // Ports that there are not do no harm.
        engine.handle(Instant(60 * SECOND), Input::PortClock { port: PortNumber(9), aligned: false });
        assert!(!engine.port_aligned(PortNumber(9)) && !engine.port_aligned(PortNumber(0)));
    }
}
