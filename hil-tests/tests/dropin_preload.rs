//! The daemon as it is built runs under an LD_PRELOAD simulator of clocks and networks, called as `ptp4l`, and keeps time
//! there like Debian's `ptp4l` under the same rules (docs/simulators.md).

use std::path::{Path, PathBuf};

use hil_tests::lab::{LabError, empty_dir, find_program, our_program, skip};
use hil_tests::preload::{self, Network, Node, Program, World};

/// The clients' first 20 minutes.
const SECONDS: f64 = 1200.0;
/// A client is locked from when its error stays below this.
const LOCKED_NS: f64 = 10_000.0;

struct Place {
    dir: PathBuf,
    library: PathBuf,
    ours: PathBuf,
    theirs: PathBuf,
}

/// What the programs of these experiments need, in a directory of the test's own.
fn place(name: &str) -> Result<Place, LabError> {
    let program = std::env::current_exe().unwrap_or_default();
    let dir = program.parent().unwrap_or(Path::new(".")).join("../../lab/dropin_preload").join(name);
    empty_dir(&dir)?;
    let library = preload::library(&dir)?;
    let theirs = find_program("ptp4l", "linuxptp")?;
    let ours = dir.join("ptp4l");
    std::os::unix::fs::symlink(our_program("ptpd")?, &ours).map_err(LabError::io("link ptp4l"))?;
    Ok(Place { dir, library, ours, theirs })
}

fn test(name: &str, body: impl FnOnce(&Place) -> Result<(), LabError>) {
    match place(name) {
        Ok(place) => {
            if let Err(e) = body(&place) {
                panic!("{e}\nlogs: {}", place.dir.display());
            }
        }
        Err(e @ LabError::Missing { .. }) => skip(&format!("{name}: {e}")),
        Err(e) => panic!("{e}"),
    }
}

fn program(place: &Place, file: &Path, label: &str, options: &[&str]) -> Program {
    let socket = |suffix: &str| place.dir.join(format!("{label}{suffix}")).display().to_string();
    let mut arguments: Vec<String> = ["-i", "eth0", "-m", "-q"].map(str::to_owned).into();
    arguments.push(format!("--uds_address={}", socket("-rw")));
    // Debian's 3.1.1 does not know this one yet.
    if file == place.ours {
        arguments.push(format!("--uds_ro_address={}", socket("-ro")));
    }
    arguments.extend(options.iter().map(|&o| o.to_owned()));
    Program {
        label: label.to_owned(),
        file: file.to_owned(),
        arguments,
        ahead_ns: 0.0,
        oscillator_ppb: 0.0,
        wander_ppb: 0.0,
    }
}

/// How a client did.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Outcome {
    /// From the beginning, s.
    locked_after: f64,
    /// Of its error in the second half, against the master's clock, ns.
    rms: f64,
    /// ns.
    worst: f64,
    /// Real seconds.
    took: f64,
}

/// A master with a perfect clock and a client 300 µs off that drifts by 7 ppm, for [`SECONDS`].
fn pair(
    place: &Place,
    run: &str,
    master: &Path,
    client: &Path,
    options: &[&str],
) -> Result<Outcome, LabError> {
    let dir = place.dir.join(run);
    empty_dir(&dir)?;
    let begun = std::time::Instant::now();
    let network = Network { delay_ns: 20_000.0, jitter_ns: 500.0 };
    let mut world = World::new(&dir, &place.library, network, 7)?;
    world.start(&program(place, master, "master", &[options, &["--priority1=10"]].concat()))?;
    let mut slave = program(place, client, "client", &[options, &["-s"]].concat());
    (slave.ahead_ns, slave.oscillator_ppb, slave.wander_ppb) = (300_000.0, 7_000.0, 2.0);
    let slave = world.start(&slave)?;
    world.run(SECONDS)?;
    let outcome = outcome(&world, slave, begun);
    let status = world.stop(slave)?;
    if status.code() != Some(0) {
        return Err(LabError::Wrong(format!("{run}: the client ended with {status}")));
    }
    Ok(outcome)
}

fn outcome(world: &World, node: Node, begun: std::time::Instant) -> Outcome {
    let moments = &world.record(node).moments;
    let last_off = moments.iter().rev().find(|m| m.ahead_ns.abs() > LOCKED_NS);
    let half: Vec<f64> =
        moments.iter().filter(|m| m.at_ns as f64 > SECONDS / 2.0 * 1e9).map(|m| m.ahead_ns).collect();
    let rms = (half.iter().map(|e| e * e).sum::<f64>() / half.len().max(1) as f64).sqrt();
    let worst = half.iter().fold(0.0_f64, |w, e| w.max(e.abs()));
    Outcome {
        locked_after: last_off.map_or(0.0, |m| m.at_ns as f64 * 1e-9),
        rms,
        worst,
        took: begun.elapsed().as_secs_f64(),
    }
}

/// Ours under the simulator is no worse than Debian's under the same.
fn compare(place: &Place, options: &[&str]) -> Result<(), LabError> {
    let (ours, theirs) = (&place.ours, &place.theirs);
    let mut outcomes = Vec::new();
    for (run, master, client) in [
        ("theirs-theirs", theirs, theirs),
        ("ours-ours", ours, ours),
        ("theirs-ours", theirs, ours),
        ("ours-theirs", ours, theirs),
    ] {
        let o = pair(place, run, master, client, options)?;
        println!(
            "{run}: locked after {:.1} s, then rms {:.0} ns, worst {:.0} ns; {:.0} times real time",
            o.locked_after,
            o.rms,
            o.worst,
            SECONDS / o.took
        );
        outcomes.push((run, o));
    }
    let (_, theirs) = outcomes[0];
    for (run, o) in outcomes {
        if o.locked_after > theirs.locked_after + 10.0
            || o.rms > 1.5 * theirs.rms
            || o.locked_after > SECONDS / 2.0
        {
            return Err(LabError::Wrong(format!("{run}: {o:?}; Debian's alone: {theirs:?}")));
        }
    }
    Ok(())
}

#[test]
fn the_same_seed_is_the_same_run() {
    test("the_same_seed_is_the_same_run", |place| {
        let run = |name| {
            pair(place, name, &place.ours, &place.ours, &["-H"]).map(|o| (o.locked_after, o.rms, o.worst))
        };
        let (first, second) = (run("first")?, run("second")?);
        if first == second { Ok(()) } else { Err(LabError::Wrong(format!("{first:?}, then {second:?}"))) }
    });
}

#[test]
fn hardware_stamps() {
    test("hardware_stamps", |place| compare(place, &["-H"]));
}

#[test]
fn software_stamps() {
    test("software_stamps", |place| compare(place, &["-S"]));
}

#[test]
fn peer_delay() {
    test("peer_delay", |place| compare(place, &["-H", "-P"]));
}
