//! Automatic mode in the loop: pulses go where the reference says.

use ptp_clock::{ClockError, ClockName};
use ptp_daemon::monotonic_now;
use tracing::{info, warn};

use super::Program;
use crate::automatic::{Automatic, Reference};
use crate::discipline::Correction;
use crate::maker::Maker;
use crate::ports::Ports;
use crate::settings::Settings;
use crate::sink::{Stamped, clock_name};

/// Automatic mode, where it is wanted.
pub(super) fn open(settings: &Settings, maker: Option<&Maker>) -> Result<Option<Automatic>, String> {
    let Some(wanted) = &settings.automatic else { return Ok(None) };
    let mut sinks = Vec::with_capacity(settings.sinks.len());
    for sink in &settings.sinks {
        sinks.push(match clock_name(&sink.clock)? {
            ClockName::Phc(n) => Some(n),
            _ => None,
        });
    }
    let ports = Ports::new(&wanted.socket, wanted.domain_number, wanted.major_sdo_id);
    Ok(Some(Automatic::new(ports, sinks, maker.map(Maker::index), wanted.external)))
}

impl Program {
    /// Asks for the ports' states, and changes over where they say so.
    pub(super) fn look_at_ports(&mut self, now: u64) -> Result<(), ClockError> {
        let Some(automatic) = &mut self.automatic else { return Ok(()) };
        automatic.ports.tick(now);
        let before = automatic.reference();
        let Some(reference) = automatic.decide() else { return Ok(()) };
        match reference {
            Reference::Pulses => info!("the pulses' own time is the reference"),
            Reference::Sink(i) => {
                let path = self.sinks.get(i).map_or("", |s| s.sink.path.as_str());
                info!("{path} is the reference: its port is a slave");
            }
            Reference::Nobody => warn!("no clock is the reference: nothing is steered"),
        }
        // What was or becomes the reference is the port's to steer; nothing that was measured before holds for the others.
        for (i, steered) in self.sinks.iter_mut().enumerate() {
            let own = |r: Reference| r == Reference::Sink(i);
            if own(before) || own(reference) {
                steered.sink.forget()?;
            }
            steered.followed = None;
        }
        if let Some(maker) = &mut self.maker
            && matches!(before, Reference::Sink(_)) != matches!(reference, Reference::Sink(_))
        {
            maker.forget()?;
        }
        Ok(())
    }

    /// Deals with a pulse in automatic mode. False: its time is as without.
    pub(super) fn automatic_pulse(&mut self, i: usize, pulse: &Stamped) -> Result<bool, ClockError> {
        let period = self.settings.period();
        let Some(automatic) = &mut self.automatic else { return Ok(false) };
        match automatic.reference() {
            Reference::Pulses => return Ok(false),
            Reference::Nobody => {}
            Reference::Sink(k) if k == i => {
                let waited = automatic.reference_pulse(pulse, period);
                if let Some(maker) = &mut self.maker
                    && let Some(found) = maker.steer(pulse.stamp, pulse.came)?
                {
                    say(&format!("/dev/ptp{}", maker.index()), &found, self.settings.linuxptp);
                }
                for (sink, waiting) in waited {
                    self.steer_by(sink, &waiting, pulse)?;
                }
            }
            Reference::Sink(_) => {
                if let Some(reference) = automatic.other_pulse(i, pulse, period) {
                    self.steer_by(i, pulse, &reference)?;
                }
            }
        }
        Ok(true)
    }

    /// By the reference's stamp of the same pulse.
    fn steer_by(&mut self, i: usize, pulse: &Stamped, reference: &Stamped) -> Result<(), ClockError> {
        let Some(steered) = self.sinks.get_mut(i) else { return Ok(()) };
        steered.sink.was_changed()?;
        let found = steered.sink.steer(pulse, reference.stamp, true)?;
        steered.followed = Some(monotonic_now());
        say(&steered.sink.path, &found, self.settings.linuxptp);
        if let Some(evidence) = &mut self.evidence {
            evidence.pulse(i, found.offset.nanos_f64(), found.frequency_ppb, found.bound_ns);
        }
        Ok(())
    }
}

/// linuxptp tells how much too fast the clock is by itself, which is minus what it is set to.
fn say(path: &str, found: &Correction, linuxptp: bool) {
    let sign = if linuxptp { -1.0 } else { 1.0 };
    info!(
        "{path} offset {:10} {} freq {:+7.0}",
        found.offset.nanos(),
        found.state,
        sign * found.frequency_ppb
    );
}
