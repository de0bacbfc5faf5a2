//! What is kept over a restart.

use ptp_daemon::State;
use ptp_servo::{OscillatorModel, Trials};

/// What was learnt of a clock's oscillator.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    /// The correction it needs, ppb.
    pub frequency_ppb: Option<f64>,
    /// How it behaves left to itself.
    pub oscillator: Option<OscillatorModel>,
}

impl Memory {
    /// What a state file holds; what is missing or makes no sense is not known.
    pub fn read(state: &State) -> Self {
        let number = |name: &str| state.number(name).filter(|v| v.is_finite());
        Self { frequency_ppb: number("frequency_ppb"), oscillator: Self::read_oscillator(&number, state) }
    }

    fn read_oscillator(number: &dyn Fn(&str) -> Option<f64>, state: &State) -> Option<OscillatorModel> {
        let positive = |name: &str| number(name).filter(|v| *v >= 0.0);
        let mut model = OscillatorModel {
            frequency_ppb: number("oscillator_frequency_ppb")?,
            frequency_sigma_ppb: positive("oscillator_frequency_sigma_ppb")?,
            wander_ppb: positive("oscillator_wander_ppb")?,
            ageing_ppb_per_day: number("oscillator_ageing_ppb_per_day")?,
            ageing_sigma_ppb_per_day: positive("oscillator_ageing_sigma_ppb_per_day")?,
            observed_s: positive("oscillator_observed_s")?,
            returns: positive("holdovers_ended")? as u32,
            returns_within: positive("holdovers_ended_within_bound")? as u32,
            ..OscillatorModel::default()
        };
        // Ratio and count of each length, in a row.
        let text = state.text("holdovers_on_paper")?;
        let mut values =
            text.split(' ').map(|v| v.parse::<f64>().ok().filter(|v| v.is_finite() && *v >= 0.0));
        for trials in &mut model.trials {
            *trials = Trials { ratio: values.next()??, count: values.next()?? };
        }
        Some(model)
    }

    /// Puts it into a state file's values.
    pub fn write(&self, state: &mut State) {
        if let Some(frequency) = self.frequency_ppb {
            state.set_number("frequency_ppb", frequency);
        }
        let Some(m) = &self.oscillator else { return };
        state.set_number("oscillator_frequency_ppb", m.frequency_ppb);
        state.set_number("oscillator_frequency_sigma_ppb", m.frequency_sigma_ppb);
        state.set_number("oscillator_wander_ppb", m.wander_ppb);
        state.set_number("oscillator_ageing_ppb_per_day", m.ageing_ppb_per_day);
        state.set_number("oscillator_ageing_sigma_ppb_per_day", m.ageing_sigma_ppb_per_day);
        state.set_number("oscillator_observed_s", m.observed_s);
        state.set_number("holdovers_ended", f64::from(m.returns));
        state.set_number("holdovers_ended_within_bound", f64::from(m.returns_within));
        let trials: Vec<_> = m.trials.iter().map(|t| format!("{} {}", t.ratio, t.count)).collect();
        state.set_text("holdovers_on_paper", &trials.join(" "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut model = OscillatorModel {
            frequency_ppb: -1234.5,
            frequency_sigma_ppb: 0.25,
            wander_ppb: 0.125,
            ageing_ppb_per_day: -3.0,
            ageing_sigma_ppb_per_day: 1.0,
            observed_s: 86_400.0,
            returns: 7,
            returns_within: 6,
            ..OscillatorModel::default()
        };
        model.trials[3] = Trials { ratio: 1.0 / 3.0, count: 12.0 };
        let memory = Memory { frequency_ppb: Some(1234.0), oscillator: Some(model) };
        let mut state = State::default();
        memory.write(&mut state);
        assert_eq!(Memory::read(&state), memory);
        // Half of it, or nonsense, is nothing.
        state.set_text("holdovers_on_paper", "1 2 x");
        assert_eq!(Memory::read(&state), Memory { oscillator: None, ..memory });
        assert_eq!(Memory::read(&State::default()), Memory::default());
    }
}
