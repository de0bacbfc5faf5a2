//! Boundary clocks of several cards, bonds and virtual clocks on virtual PTP hardware, gated on the truth.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hil_tests::rig::{Job, Means, Side, run, table};

#[test]
fn clocks_of_several_cards_are_kept_together_and_taken_over() {
    let beside = Path::new(env!("CARGO_BIN_EXE_escapement-rig-gnss")).parent().expect("it is in a directory");
    let programs = std::env::var_os("ESCAPEMENT_BIN_DIR").map_or_else(|| beside.to_owned(), PathBuf::from);
    let means = match Means::find(&programs) {
        Ok(means) => means,
        Err(e) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "CI has to have the rig: {e}");
            return println!("skipped: {e}");
        }
    };
    let jobs = ["jbod-alone", "bond-members", "vclocks-domains", "external"].map(|scenario| Job {
        scenario: scenario.to_owned(),
        side: Side::Ours,
        short: false,
    });
    let outcomes = run(&means, "test-clocks", &jobs, Duration::from_secs(900)).expect("the guest runs");
    println!("{}", table(&outcomes));
    // The scenarios look at states and steps themselves.
    for outcome in &outcomes {
        assert_eq!(outcome.status, 0, "{:?}:\n{}", outcome.job, outcome.text("script.log"));
    }
    for (scenario, label) in [
        ("jbod-alone", "middle"),
        ("jbod-alone", "client"),
        ("bond-members", "before"),
        ("bond-members", "changed"),
        ("bond-members", "spare"),
        ("bond-members", "back"),
        ("external", "together"),
    ] {
        let outcome = outcomes.iter().find(|o| o.job.scenario == scenario);
        let rms = outcome.and_then(|o| o.summary(label)).expect("it was measured").rms;
        assert!(rms < 10.0, "{scenario} {label}: {rms} ns");
    }
}
