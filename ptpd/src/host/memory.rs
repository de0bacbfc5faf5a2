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
    /// How long ago that was, s; `None`: nobody knows.
    pub age_s: Option<f64>,
}

/// What was learnt longer ago than this says nothing, s: a year.
const TOO_OLD_S: f64 = 365.0 * 86_400.0;
/// Where nobody knows how long ago it was, it is taken for this old, s: a month.
const UNKNOWN_AGE_S: f64 = 30.0 * 86_400.0;

impl Memory {
    /// What a state file tells of this clock by now (s since 1970), and what its reader should hear where that is nothing.
    pub fn recall(state: &State, clock: &str, now_s: f64) -> (Self, Option<String>) {
        let nothing = |why: String| (Self::default(), Some(why));
        match state.text("clock") {
            _ if state.is_empty() => return (Self::default(), None),
            // Another clock's oscillator is not this one.
            Some(other) if other != clock => {
                return nothing(format!(
                    "the state file is of {other}: what it tells is not used for {clock}"
                ));
            }
            Some(_) => {}
            None => {
                return nothing("the state file is not ptpd's, and is not used: it names no clock".into());
            }
        }
        let age_s = state.age_s(now_s);
        if let Some(age) = age_s.filter(|age| *age > TOO_OLD_S) {
            let days = age / 86_400.0;
            return nothing(format!(
                "the state file is {days:.0} days old, and is not used: {clock} is learnt anew"
            ));
        }
        let memory = Self::read(state);
        let damaged = memory.oscillator.is_none() && state.has_prefix("oscillator_");
        let why = damaged.then(|| {
            format!("the state file's model of {clock}'s oscillator is damaged, and is not used: it is learnt anew")
        });
        let oscillator = memory.oscillator.map(|m| m.aged(age_s.unwrap_or(UNKNOWN_AGE_S)));
        (Self { oscillator, age_s, ..memory }, why)
    }

    /// What a state file holds; what is missing or makes no sense is not known.
    fn read(state: &State) -> Self {
        let number = |name: &str| state.number(name).filter(|v| v.is_finite());
        Self {
            frequency_ppb: number("frequency_ppb"),
            oscillator: Self::read_oscillator(&number, state),
            age_s: None,
        }
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
        let memory = Memory { frequency_ppb: Some(1234.0), oscillator: Some(model), age_s: None };
        let mut state = State::default();
        memory.write(&mut state);
        assert_eq!(Memory::read(&state), memory);
        // An hour later it is known a little less well; of another clock, too old, or not ptpd's it is nothing, and why is told.
        state.set_text("clock", "/dev/ptp0");
        state.set_written(1e9);
        let (later, why) = Memory::recall(&state, "/dev/ptp0", 1e9 + 3600.0);
        assert_eq!((later.age_s, later.frequency_ppb, why), (Some(3600.0), Some(1234.0), None));
        let sigma = later.oscillator.map(|m| m.frequency_sigma_ppb).expect("a model");
        assert_eq!(later.oscillator, Some(model.aged(3600.0)));
        let (unknown, _) = Memory::recall(&state, "/dev/ptp0", 1e9 - 3600.0);
        assert!(unknown.age_s.is_none() && unknown.oscillator.is_some_and(|m| m.frequency_sigma_ppb > sigma));
        let refused = |state: &State, clock: &str, now_s: f64, wanted: &str| {
            let (memory, why) = Memory::recall(state, clock, now_s);
            assert_eq!(memory, Memory::default(), "{wanted}");
            assert!(why.as_deref().is_some_and(|w| w.contains(wanted)), "{why:?} does not say {wanted}");
        };
        refused(&state, "/dev/ptp1", 1e9, "is of /dev/ptp0");
        refused(&state, "/dev/ptp0", 2e9, "days old");
        let mut foreign = State::default();
        foreign.set_number("_dev_ptp0.frequency_ppb", 5.0);
        refused(&foreign, "/dev/ptp0", 1e9, "not ptpd's");
        assert_eq!(Memory::recall(&State::default(), "/dev/ptp0", 1e9), (Memory::default(), None));
        let mut damaged = state.clone();
        damaged.set_text("oscillator_wander_ppb", "NaN");
        let (left, why) = Memory::recall(&damaged, "/dev/ptp0", 1e9);
        assert_eq!((left.oscillator, left.frequency_ppb), (None, Some(1234.0)));
        assert!(why.is_some_and(|w| w.contains("damaged")));
        // Half of it, or nonsense, is nothing.
        state.set_text("holdovers_on_paper", "1 2 x");
        assert_eq!(Memory::read(&state), Memory { oscillator: None, ..memory });
        assert_eq!(Memory::read(&State::default()), Memory::default());
    }
}
