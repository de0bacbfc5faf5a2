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

/// What was learnt longer ago than this says nothing, s: a year.
const TOO_OLD_S: f64 = 365.0 * 86_400.0;
/// Where nobody knows how long ago it was, it is taken for this old, s: a month.
const UNKNOWN_AGE_S: f64 = 30.0 * 86_400.0;

/// A clock's model as it is by now (s since 1970), and what its reader should hear: where it is from, or why there is none.
pub fn recall(state: &State, clock: &str, now_s: f64) -> (Option<OscillatorModel>, Option<String>) {
    if state.is_empty() {
        return (None, None);
    }
    let age_s = state.age_s(now_s);
    let refused = |why: String| (None, Some(why));
    match model(state, clock) {
        _ if age_s.is_some_and(|age| age > TOO_OLD_S) => {
            let days = age_s.unwrap_or(0.0) / 86_400.0;
            refused(format!("the state file is {days:.0} days old, and is not used: {clock} is learnt anew"))
        }
        Some(found) => {
            let age = age_s.map_or("nobody knows how long".to_owned(), |age| format!("{age:.0} s"));
            let known = format!(
                "{clock}'s oscillator is known from {age} ago, watched for {:.0} s then",
                found.observed_s
            );
            (Some(found.aged(age_s.unwrap_or(UNKNOWN_AGE_S))), Some(known))
        }
        None if state.has_prefix(&format!("{}.", key(clock))) => refused(format!(
            "the state file's model of {clock}'s oscillator is damaged, and is not used: it is learnt anew"
        )),
        None => refused(format!(
            "the state file knows nothing of {clock}: it is of other clocks, or not ts2phc's"
        )),
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
    // Deviations below zero are none.
    let sound =
        [model.frequency_sigma_ppb, model.wander_ppb, model.ageing_sigma_ppb_per_day, model.observed_s];
    sound.iter().all(|v| *v >= 0.0).then_some(model)
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

        state.set_written(1e9);
        let (aged, why) = recall(&state, "/dev/ptp0", 1e9 + 600.0);
        assert_eq!(aged, Some(known.aged(600.0)));
        assert!(why.is_some_and(|w| w.contains("600 s ago")));
        assert_eq!(recall(&State::default(), "/dev/ptp0", 1e9), (None, None));
        let refused = |state: &State, clock: &str, now_s: f64, wanted: &str| {
            let (none, why) = recall(state, clock, now_s);
            assert_eq!(none, None, "{wanted}");
            assert!(why.as_deref().is_some_and(|w| w.contains(wanted)), "{why:?} does not say {wanted}");
        };
        refused(&state, "/dev/ptp1", 1e9, "knows nothing of /dev/ptp1");
        refused(&state, "/dev/ptp0", 3e9, "days old");
        state.set_text("_dev_ptp0.wander_ppb", "x");
        refused(&state, "/dev/ptp0", 1e9, "damaged");
    }
}
