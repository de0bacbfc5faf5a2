//! `phc-sync` on a real kernel with PTP hardware whose truth is known: it follows `ptpd` by its ports' states.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hil_tests::lab::skip;
use hil_tests::rig::{Job, Means, Side, run, table};

/// Wall time for a guest that hangs; a run takes about a minute.
const LIMIT: Duration = Duration::from_secs(2400);

#[test]
fn the_system_clock_follows_a_port_with_hardware_stamps() {
    let beside = Path::new(env!("CARGO_BIN_EXE_escapement-rig-gnss")).parent().expect("it is in a directory");
    let programs = std::env::var_os("ESCAPEMENT_BIN_DIR").map_or_else(|| beside.to_owned(), PathBuf::from);
    let means = match Means::find(&programs) {
        Ok(means) => means,
        Err(e) => return skip(&e.to_string()),
    };
    let job = Job { scenario: "follow".to_owned(), side: Side::Ours, short: false };
    let outcomes = run(&means, "phc-sync", &[job], LIMIT).expect("the guest runs");
    println!("{}", table(&outcomes));
    let outcome = outcomes.first().expect("one job");
    assert_eq!(outcome.status, 0, "{}", outcome.text("script.log"));
    // Stamps have 2 ns of noise; before and after the daemon's restart.
    for label in ["system", "again"] {
        let rms = outcome.summary(label).map_or(f64::INFINITY, |s| s.rms);
        assert!(rms < 100.0, "{label}: {rms} ns");
    }
    let log = outcome.text("sync.log");
    for part in
        ["selecting CLOCK_REALTIME for synchronization", "lost /run/ours-client", "master clock not ready"]
    {
        assert!(log.contains(part), "no {part:?} in\n{log}");
    }
}
