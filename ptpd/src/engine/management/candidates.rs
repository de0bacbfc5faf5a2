//! What the best master clock algorithm sees at a port, and what decided: FOREIGN_MASTERS_NP.

use core::time::Duration;

use ptp_wire::management::{ErrorId, ForeignMasterRow, ForeignMasterRows, ForeignMastersNp, Payload};

use super::super::bmca::{Candidate, compare, decided_by};
use super::super::port::Port;
use super::super::{BestMaster, Engine};
use super::{MAX_VALUE, emit};

/// Rows that one answer can hold.
const MAX_ROWS: usize = (MAX_VALUE - 60) / ForeignMasterRow::LEN;

fn row(c: &Candidate, standing: u8, decided_by: u8, age: Duration) -> ForeignMasterRow {
    ForeignMasterRow {
        sender: c.sender,
        grandmaster_identity: c.grandmaster,
        priority1: c.priority1,
        clock_quality: c.quality,
        priority2: c.priority2,
        local_priority: c.local_priority,
        steps_removed: c.steps_removed,
        standing,
        decided_by,
        age_ms: u32::try_from(age.as_millis()).unwrap_or(u32::MAX),
    }
}

impl Engine {
    /// The best of all ports, as the state decision sees it; `None`: the clock itself.
    fn chosen(&self) -> Option<Candidate> {
        let rule = self.instance.config.best_master;
        let parent = self.instance.parent.parent_port_identity;
        let heard = self
            .ports
            .iter()
            .filter(|p| usable(p))
            .filter_map(|p| p.foreign.best(self.instance.now, p.is_client().then_some(parent)))
            .map(|(_, c)| c)
            .reduce(|a, b| if compare(rule, &b, &a).is_better() { b } else { a })?;
        let own = Candidate::own(&self.instance);
        let may_lead = !self.instance.config.client_only && rule != BestMaster::G8265;
        (!may_lead || !compare(rule, &own, &heard).is_better()).then_some(heard)
    }

    pub(super) fn get_foreign_masters(&self, port: &Port, value: &mut [u8]) -> Result<usize, ErrorId> {
        let config = &self.instance.config;
        let rule = config.best_master;
        let own = Candidate::own(&self.instance);
        let chosen = self.chosen();
        let best = chosen.unwrap_or(own);
        let against = |c: &Candidate| decided_by(rule, &best, c) as u8;
        let parent = port.is_client().then_some(self.instance.parent.parent_port_identity);
        let mut octets = [0; MAX_VALUE];
        let (mut used, mut count) = (0, 0);
        for (c, age, qualified) in port.foreign.heard_ones(self.instance.now, parent).take(MAX_ROWS) {
            let standing = match qualified {
                _ if !usable(port) => ForeignMasterRow::NOT_USABLE,
                Err(()) => ForeignMasterRow::FAILED,
                Ok(false) => ForeignMasterRow::NOT_QUALIFIED,
                Ok(true) if chosen.is_some_and(|b| b.sender == c.sender && b.receiver == c.receiver) => {
                    ForeignMasterRow::BEST
                }
                Ok(true) => ForeignMasterRow::WORSE,
            };
            let decided = if standing == ForeignMasterRow::BEST { 0 } else { against(&c) };
            let to = octets.get_mut(used..).ok_or(ErrorId::RESPONSE_TOO_BIG)?;
            used += row(&c, standing, decided, age).emit(to).map_err(|_| ErrorId::RESPONSE_TOO_BIG)?;
            count += 1;
        }
        let heard = ForeignMasterRows::new(count, octets.get(..used).unwrap_or(&[]))
            .map_err(|_| ErrorId::GENERAL_ERROR)?;
        let own = match chosen {
            None => row(&own, ForeignMasterRow::BEST, 0, Duration::ZERO),
            Some(_) if config.client_only => row(&own, ForeignMasterRow::NOT_USABLE, 0, Duration::ZERO),
            Some(_) => row(&own, ForeignMasterRow::WORSE, against(&own), Duration::ZERO),
        };
        let external = config.options.external_port_configuration;
        let table = ForeignMastersNp {
            port_identity: port.id,
            port_state: port.state as u8,
            decision: if external { 0 } else { port.decided.map_or(0, |d| d as u8) },
            rule: match rule {
                BestMaster::Ieee1588 => 0,
                BestMaster::G8275 => 1,
                BestMaster::G8265 => 2,
                BestMaster::Ieee8021As => 3,
                BestMaster::Static => 4,
            },
            flags: u8::from(config.client_only)
                | u8::from(port.config.master_only) << 1
                | u8::from(external) << 2,
            own,
            heard,
        };
        emit(&Payload::ForeignMastersNp(table), value)
    }
}

fn usable(port: &Port) -> bool {
    port.active() && !port.config.master_only && port.as_capable()
}
