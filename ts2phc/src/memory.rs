//! What was learnt of oscillators, over a restart.

use ptp_daemon::State;
use ptp_servo::{OscillatorModel, Trials};

/// Writes a clock's model.
pub fn keep(state: &mut State, clock: &str, model: &OscillatorModel) {
    if model.observed_s <= 0.0 {
        return;
    }
    let mut set = |name: &str, value: f64| state.set_number(&format!("{}.{name}", key(clock)), value);
    set("frequency_ppb", model.frequency_ppb);
    set("frequency_sigma_ppb", model.frequency_sigma_ppb);
    set("wander_ppb", model.wander_ppb);
    set("ageing_ppb_per_day", model.ageing_ppb_per_day);
    set("ageing_sigma_ppb_per_day", model.ageing_sigma_ppb_per_day);
    set("observed_s", model.observed_s);
    set("returns", model.returns.into());
    set("returns_within", model.returns_within.into());
    for (i, trials) in model.trials.iter().enumerate().filter(|(_, t)| t.count > 0.0) {
        set(&format!("trials{i}.ratio"), trials.ratio);
        set(&format!("trials{i}.count"), trials.count);
    }
}

/// Reads a clock's model; `None` if there is none, or a number in it is none.
pub fn model(state: &State, clock: &str) -> Option<OscillatorModel> {
    let get = |name: &str| state.number(&format!("{}.{name}", key(clock))).filter(|v| v.is_finite());
    let mut model = OscillatorModel {
        frequency_ppb: get("frequency_ppb")?,
        frequency_sigma_ppb: get("frequency_sigma_ppb")?,
        wander_ppb: get("wander_ppb")?,
        ageing_ppb_per_day: get("ageing_ppb_per_day")?,
        ageing_sigma_ppb_per_day: get("ageing_sigma_ppb_per_day")?,
        observed_s: get("observed_s")?,
        returns: get("returns")? as u32,
        returns_within: get("returns_within")? as u32,
        ..OscillatorModel::default()
    };
    for (i, trials) in model.trials.iter_mut().enumerate() {
        if let (Some(ratio), Some(count)) =
            (get(&format!("trials{i}.ratio")), get(&format!("trials{i}.count")))
        {
            *trials = Trials { ratio, count };
        }
    }
    Some(model)
}

/// A clock's name without what would end it in the file.
fn key(clock: &str) -> String {
    clock.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let mut known = OscillatorModel {
            frequency_ppb: -12.5,
            wander_ppb: 0.25,
            observed_s: 99.0,
            returns: 3,
            ..OscillatorModel::default()
        };
        if let Some(t) = known.trials.get_mut(2) {
            *t = Trials { ratio: 1.5, count: 7.0 };
        }
        let mut state = State::default();
        keep(&mut state, "/dev/ptp0", &known);
        assert_eq!(model(&state, "/dev/ptp0"), Some(known));
        assert_eq!(model(&state, "/dev/ptp1"), None);
    }
}
