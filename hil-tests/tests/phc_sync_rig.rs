//! `phc-sync` on a real kernel with PTP hardware whose truth is known: it follows `ptpd` by its ports' states.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hil_tests::lab::skip;
use hil_tests::rig::{Job, Means, Outcome, Side, run, table};

/// Wall time for a guest that hangs; a run takes about a minute.
const LIMIT: Duration = Duration::from_secs(2400);

/// The outcomes of these scenarios with our programs, each of which ended well; `None`: there is no rig here.
fn outcomes(name: &str, scenarios: &[&str]) -> Option<Vec<Outcome>> {
    let beside = Path::new(env!("CARGO_BIN_EXE_escapement-rig-gnss")).parent().expect("it is in a directory");
    let programs = std::env::var_os("ESCAPEMENT_BIN_DIR").map_or_else(|| beside.to_owned(), PathBuf::from);
    let means = match Means::find(&programs) {
        Ok(means) => means,
        Err(e) => {
            skip(&e.to_string());
            return None;
        }
    };
    let job = |scenario: &&str| Job { scenario: (*scenario).to_owned(), side: Side::Ours, short: false };
    let jobs: Vec<Job> = scenarios.iter().map(job).collect();
    let outcomes = run(&means, name, &jobs, LIMIT).expect("the guest runs");
    println!("{}", table(&outcomes));
    for outcome in &outcomes {
        assert_eq!(outcome.status, 0, "{}", outcome.text("script.log"));
    }
    Some(outcomes)
}

fn rms(outcome: &Outcome, label: &str) -> f64 {
    outcome.summary(label).map_or(f64::INFINITY, |s| s.rms)
}

#[test]
fn the_system_clock_follows_a_port_with_hardware_stamps() {
    let Some(outcomes) = outcomes("phc-sync", &["follow"]) else { return };
    let outcome = outcomes.first().expect("one job");
    // Stamps have 2 ns of noise; before and after the daemon's restart.
    for label in ["system", "again"] {
        let rms = rms(outcome, label);
        assert!(rms < 100.0, "{label}: {rms} ns");
    }
    let log = outcome.text("sync.log");
    for part in
        ["selecting CLOCK_REALTIME for synchronization", "lost /run/ours-client", "master clock not ready"]
    {
        assert!(log.contains(part), "no {part:?} in\n{log}");
    }
}

#[test]
fn the_majority_has_its_leap_second_and_a_card_its_pulses() {
    let Some(outcomes) = outcomes("phc-sync-more", &["leap-majority", "pps-card"]) else { return };
    let [leap, pulses] = outcomes.as_slice() else { panic!("two jobs") };
    let script = leap.text("script.log");
    assert!(script.contains("TAI offset 37 to 38"), "{script}");
    assert!(script.contains("falseticker: /run/ours-client0"), "{script}");
    for (outcome, label) in [(leap, "before"), (leap, "after"), (pulses, "system")] {
        let rms = rms(outcome, label);
        assert!(rms < 100.0, "{label}: {rms} ns");
    }
    assert!(pulses.text("sync.log").contains("pulses of phc0 are on"));
}
