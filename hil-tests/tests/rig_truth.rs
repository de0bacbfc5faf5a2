//! Release code on virtual PTP hardware: one boot of the guest in virtual time, gated on the truth.
//! Bounds are on simulated quantities: this machine's speed does not enter.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hil_tests::rig::{Job, Means, Outcome, Side, run, table};

/// Wall time for a guest that hangs; a run takes about a minute.
const LIMIT: Duration = Duration::from_secs(900);

/// `None`: said why, and skipped.
fn outcomes(name: &str, jobs: &[(&str, Side)]) -> Option<Vec<Outcome>> {
    let beside = Path::new(env!("CARGO_BIN_EXE_escapement-rig-gnss")).parent().expect("it is in a directory");
    let programs = std::env::var_os("ESCAPEMENT_BIN_DIR").map_or_else(|| beside.to_owned(), PathBuf::from);
    let means = match Means::find(&programs) {
        Ok(means) => means,
        Err(e) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "CI has to have the rig: {e}");
            println!("skipped: {e}");
            return None;
        }
    };
    let jobs: Vec<Job> =
        jobs.iter().map(|&(scenario, side)| Job { scenario: scenario.to_owned(), side }).collect();
    let outcomes = run(&means, name, &jobs, LIMIT).expect("the guest runs");
    println!("{}", table(&outcomes));
    for outcome in &outcomes {
        assert_eq!(outcome.status, 0, "{:?}:\n{}", outcome.job, outcome.text("script.log"));
    }
    Some(outcomes)
}

/// RMS of the true error in ns.
fn rms(outcomes: &[Outcome], scenario: &str, side: Side, label: &str) -> f64 {
    outcomes
        .iter()
        .find(|o| o.job.scenario == scenario && o.job.side == side)
        .and_then(|o| o.summary(label))
        .unwrap_or_else(|| panic!("{scenario} {side}: no series {label}"))
        .rms
}

#[test]
fn hardware_stamps_keep_clocks_within_nanoseconds_of_the_truth() {
    use Side::{Ours, Theirs};
    let Some(o) = outcomes(
        "test-truth",
        &[
            ("ordinary-ethernet", Ours),
            ("ordinary-ethernet", Theirs),
            ("ordinary-udp4", Ours),
            ("peer-delay", Ours),
            ("boundary", Ours),
            ("system-clock", Ours),
        ],
    ) else {
        return;
    };
    // Stamps have 2 ns of noise: about 1 ns is left, and 10 ns is a fault.
    for (scenario, label) in [
        ("ordinary-ethernet", "client"),
        ("ordinary-udp4", "client"),
        ("peer-delay", "client"),
        ("boundary", "middle"),
        ("boundary", "client"),
    ] {
        let rms = rms(&o, scenario, Ours, label);
        assert!(rms < 10.0, "{scenario} {label}: {rms} ns");
    }
    let (ours, theirs) =
        (rms(&o, "ordinary-ethernet", Ours, "client"), rms(&o, "ordinary-ethernet", Theirs, "client"));
    assert!(ours < 2.0 * theirs.max(1.0), "ours {ours} ns, linuxptp's {theirs} ns");
    assert!(rms(&o, "system-clock", Ours, "system") < 100.0);
}

#[test]
fn hardware_that_fails_is_survived() {
    use Side::Ours;
    let Some(o) = outcomes(
        "test-failures",
        &[("gnss", Ours), ("stamps-lost", Ours), ("busy", Ours), ("removed", Ours), ("stepped", Ours)],
    ) else {
        return;
    };
    for (scenario, label, bound) in [
        // Pulses have 5 ns of jitter and 16 ns of sawtooth.
        ("gnss", "phc", 30.0),
        ("stamps-lost", "client", 10.0),
        ("busy", "client", 10.0),
        ("removed", "before", 10.0),
        ("removed", "after", 10.0),
        ("stepped", "after", 10.0),
    ] {
        let rms = rms(&o, scenario, Ours, label);
        assert!(rms < bound, "{scenario} {label}: {rms} ns, bound {bound}");
    }
    // The trouble really came.
    let lost = o.iter().find(|o| o.job.scenario == "stamps-lost").map(|o| o.text("script.log"));
    let lost: u32 = lost.and_then(|t| t.trim().parse().ok()).expect("a number of stamps");
    assert!(lost > 3, "{lost} stamps lost");
}
