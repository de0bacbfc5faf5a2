//! What was learnt of oscillators, over a restart: a state file with a model for each clock.

use std::path::PathBuf;

use ptp_clock::realtime_now;
use ptp_daemon::{State, StateError};
use ptp_servo::{OscillatorModel, Trials};
use tracing::{info, warn};

/// What was learnt longer ago than this says nothing, s: a year.
const TOO_OLD_S: f64 = 365.0 * 86_400.0;
/// Where nobody knows how long ago it was, it is taken for this old, s: a month.
const UNKNOWN_AGE_S: f64 = 30.0 * 86_400.0;
/// Whose file it is.
const PROGRAM: &str = "program";

/// The models of a program's clocks, in a file or in memory only.
#[derive(Debug)]
pub struct Kept {
    path: Option<PathBuf>,
    program: &'static str,
    state: State,
    /// It could be written, or that it cannot was told.
    told: bool,
}

impl Kept {
    /// Reads the file, and warns where it cannot be read or will not be written, or is another program's: that one is left
    /// alone.
    #[must_use]
    pub fn open(path: Option<PathBuf>, program: &'static str) -> Self {
        let mut this = Self { path, program, state: State::default(), told: false };
        let Some(path) = &this.path else { return this };
        match State::load(path) {
            Ok(state) => match owner(&state) {
                Some(other) if other != program => {
                    let path = path.display();
                    warn!(target: "daemon", "state file {path} is {other}'s: it is not used, and left alone; give {program} one of its own");
                    this.path = None;
                    return this;
                }
                _ => this.state = state,
            },
            Err(e @ StateError::Corrupt { .. }) => warn!(target: "daemon", "{e}"),
            // Where it cannot be read, it cannot be written: one word for both.
            Err(StateError::Io { .. }) => {}
        }
        let directory = path.parent().filter(|d| !d.as_os_str().is_empty());
        // Whether that worked is what the probe finds.
        let _ = directory.map(std::fs::create_dir_all);
        if let Err(e) = State::probe(path) {
            warn!(target: "daemon", "{e}; what is learnt of the clocks is lost with the next restart");
            this.told = true;
        }
        this
    }

    /// What is known of a clock's oscillator by now; says where it is from, or why there is nothing.
    #[must_use]
    pub fn recall(&self, clock: &str) -> Option<OscillatorModel> {
        let (model, found) = recall(&self.state, self.program, clock, realtime_s());
        match found {
            Some(known) if model.is_some() => info!(target: "clocks", "{known}"),
            Some(refused) => warn!(target: "clocks", "{refused}"),
            None => {}
        }
        model
    }

    /// Notes a clock's model as of now.
    pub fn put(&mut self, clock: &str, model: &OscillatorModel) {
        keep(&mut self.state, clock, model, realtime_s());
    }

    /// Writes the file. That it cannot be written is told once.
    pub fn save(&mut self) {
        let Some(path) = &self.path else { return };
        self.state.set_text(PROGRAM, self.program);
        match self.state.save(path) {
            Ok(()) => self.told = false,
            Err(e) => {
                if !std::mem::replace(&mut self.told, true) {
                    warn!(target: "daemon", "{e}");
                }
            }
        }
    }
}

/// Whose file it is, if that shows.
fn owner(state: &State) -> Option<&str> {
    // ptpd's tells one clock, and whose it is by that.
    state.text(PROGRAM).or_else(|| state.text("clock").map(|_| "ptpd"))
}

fn realtime_s() -> f64 {
    realtime_now().nanos() as f64 * 1e-9
}

/// Writes a clock's model of now (s since 1970).
fn keep(state: &mut State, clock: &str, model: &OscillatorModel, now_s: f64) {
    if model.observed_s <= 0.0 {
        return;
    }
    state.set_text(&format!("{}.clock", key(clock)), clock);
    let mut set = |name: &str, value: f64| state.set_number(&format!("{}.{name}", key(clock)), value);
    set("written_s", now_s.round());
    set("frequency_ppb", model.frequency_ppb);
    set("frequency_sigma_ppb", model.frequency_sigma_ppb);
    set("wander_ppb", model.wander_ppb);
    set("ageing_ppb_per_day", model.ageing_ppb_per_day);
    set("ageing_sigma_ppb_per_day", model.ageing_sigma_ppb_per_day);
    set("observed_s", model.observed_s);
    set("returns", model.returns.into());
    set("returns_within", model.returns_within.into());
    for (i, trials) in model.trials.iter().enumerate() {
        set(&format!("trials{i}.ratio"), trials.ratio);
        set(&format!("trials{i}.count"), trials.count);
    }
}

/// A clock's model as it is by now (s since 1970), and what its reader should hear: where it is from, or why there is none.
fn recall(
    state: &State,
    program: &str,
    clock: &str,
    now_s: f64,
) -> (Option<OscillatorModel>, Option<String>) {
    if state.is_empty() {
        return (None, None);
    }
    let refused = |why: String| (None, Some(why));
    let own = |name: &str| format!("{}.{name}", key(clock));
    if !state.has_prefix(&own("")) {
        return refused(format!(
            "the state file knows nothing of {clock}: it is of other clocks, or not {program}'s"
        ));
    }
    if let Some(other) = state.text(&own("clock")).filter(|other| *other != clock) {
        return refused(format!("the state file is of {other}: what it tells is not used for {clock}"));
    }
    let Some(found) = model(state, clock) else {
        return refused(format!(
            "the state file's model of {clock}'s oscillator is damaged, and is not used: it is learnt anew"
        ));
    };
    // Each clock has its own time; one of the future was written before the system clock was set back, or has no time at all.
    let age_s = match state.number(&own("written_s")) {
        Some(written) => Some(now_s - written).filter(|age| *age >= -1.0).map(|age| age.max(0.0)),
        None => state.age_s(now_s),
    };
    if let Some(age) = age_s.filter(|age| *age > TOO_OLD_S) {
        let days = age / 86_400.0;
        return refused(format!(
            "the state file is {days:.0} days old, and is not used: {clock} is learnt anew"
        ));
    }
    let known = match age_s {
        Some(age) => format!(
            "{clock}'s oscillator is known from {age:.0} s ago, watched for {:.0} s then",
            found.observed_s
        ),
        None => format!(
            "{clock}'s oscillator is known from the future by this machine's clock: it is taken for known from a month ago"
        ),
    };
    (Some(found.aged(age_s.unwrap_or(UNKNOWN_AGE_S))), Some(known))
}

/// Reads a clock's model; `None` if there is none, or a number in it is none, or below zero where that cannot be.
fn model(state: &State, clock: &str) -> Option<OscillatorModel> {
    let get = |name: &str| state.number(&format!("{}.{name}", key(clock)));
    let positive = |name: &str| get(name).filter(|v| *v >= 0.0);
    let mut model = OscillatorModel {
        frequency_ppb: get("frequency_ppb")?,
        frequency_sigma_ppb: positive("frequency_sigma_ppb")?,
        wander_ppb: positive("wander_ppb")?,
        ageing_ppb_per_day: get("ageing_ppb_per_day")?,
        ageing_sigma_ppb_per_day: positive("ageing_sigma_ppb_per_day")?,
        observed_s: positive("observed_s")?,
        returns: positive("returns")? as u32,
        returns_within: positive("returns_within")? as u32,
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
    let deviations =
        [model.frequency_sigma_ppb, model.wander_ppb, model.ageing_sigma_ppb_per_day, model.observed_s];
    let trials = model.trials.iter().flat_map(|t| [t.ratio, t.count]);
    deviations.into_iter().chain(trials).all(|v| v >= 0.0).then_some(model)
}

/// A clock's name without what would end it in the file.
fn key(clock: &str) -> String {
    clock.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: &str = "phc-sync";

    fn known() -> OscillatorModel {
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
        known
    }

    #[test]
    fn what_is_kept_comes_back_older_and_nothing_else_does() {
        let known = known();
        let mut state = State::default();
        assert_eq!(recall(&state, ME, "/dev/ptp0", 1e9), (None, None));
        keep(&mut state, "/dev/ptp0", &known, 1e9);
        assert_eq!(model(&state, "/dev/ptp0"), Some(known));
        assert_eq!(model(&state, "/dev/ptp1"), None);
        let (aged, why) = recall(&state, ME, "/dev/ptp0", 1e9 + 600.0);
        assert_eq!(aged, Some(known.aged(600.0)));
        assert!(why.is_some_and(|w| w.contains("600 s ago")));
        // The system clock was set back since: nobody knows how old it is.
        let (unknown, why) = recall(&state, ME, "/dev/ptp0", 1e9 - 600.0);
        assert_eq!(unknown, Some(known.aged(UNKNOWN_AGE_S)));
        assert!(why.is_some_and(|w| w.contains("from the future")));
        let refused = |state: &State, clock: &str, now_s: f64, wanted: &str| {
            let (none, why) = recall(state, ME, clock, now_s);
            assert_eq!(none, None, "{wanted}");
            assert!(why.as_deref().is_some_and(|w| w.contains(wanted)), "{why:?} does not say {wanted}");
        };
        refused(&state, "/dev/ptp1", 1e9, "knows nothing of /dev/ptp1");
        // Two names that are one in the file.
        refused(&state, "/dev-ptp0", 1e9, "is of /dev/ptp0");
        refused(&state, "/dev/ptp0", 3e9, "days old");
        for (name, nonsense) in [("wander_ppb", "x"), ("frequency_ppb", "inf"), ("trials2.ratio", "-1")] {
            let mut damaged = state.clone();
            damaged.set_text(&format!("_dev_ptp0.{name}"), nonsense);
            refused(&damaged, "/dev/ptp0", 1e9, "damaged");
        }
    }

    #[test]
    fn each_clock_has_its_own_age_and_a_file_of_another_program_is_left_alone() {
        let path = std::env::temp_dir().join(format!("ptp-program-memory-{}", std::process::id()));
        let mut kept = Kept::open(Some(path.clone()), ME);
        kept.put("system", &known());
        kept.save();
        let mut later = Kept::open(Some(path.clone()), ME);
        keep(&mut later.state, "old", &known(), realtime_s() - 7200.0);
        later.save();
        let read = Kept::open(Some(path.clone()), ME);
        let sigma = |clock: &str| read.recall(clock).map(|m| m.frequency_sigma_ppb).expect("it is kept");
        assert!(sigma("old") > 10.0 * sigma("system").max(0.1), "{} {}", sigma("old"), sigma("system"));

        let before = std::fs::read(&path).expect("written");
        let mut other = Kept::open(Some(path.clone()), "ts2phc");
        assert_eq!(other.recall("system"), None);
        other.put("system", &OscillatorModel { observed_s: 5.0, ..known() });
        other.save();
        assert_eq!(std::fs::read(&path).expect("still there"), before);
        // In memory it is known all the same.
        assert!(other.recall("system").is_some());
        std::fs::write(&path, "escapement-state 1\nclock /dev/ptp0\nfrequency_ppb 5\n").expect("ptpd's");
        let mut own = Kept::open(Some(path.clone()), ME);
        own.put("system", &known());
        own.save();
        assert!(std::fs::read_to_string(&path).expect("still there").contains("clock /dev/ptp0\nfreq"));
        // What is damaged is replaced.
        std::fs::write(&path, "nonsense").expect("write");
        let mut own = Kept::open(Some(path.clone()), ME);
        assert_eq!(own.recall("system"), None);
        own.put("system", &known());
        own.save();
        assert!(Kept::open(Some(path.clone()), ME).recall("system").is_some());
        std::fs::remove_file(&path).expect("ours");
        // Nowhere to write is no reason to stop.
        let mut nowhere = Kept::open(Some(PathBuf::from("/dev/null/state")), ME);
        nowhere.put("system", &known());
        nowhere.save();
        assert!(nowhere.recall("system").is_some());
    }
}
