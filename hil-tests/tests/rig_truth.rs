//! Our programs and linuxptp's on virtual PTP hardware: every scenario of the rig, in its short form, gated on the truth.
//! Bounds come from the model's own noise or from linuxptp in the same run: this machine's speed does not enter.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hil_tests::rig::Side::{Ours, Theirs};
use hil_tests::rig::{Job, Means, Outcome, Side, Summary, run, table};
use ptp_wire::ClockAccuracy;
use ts2phc::grandmaster::bound_of_accuracy;

/// Wall time for a guest that hangs; a run takes one or two minutes.
const LIMIT: Duration = Duration::from_secs(2400);

/// Boots side by side.
const NETWORK: [&str; 11] = [
    "ordinary-ethernet",
    "ordinary-udp4",
    "ordinary-udp6",
    "peer-delay",
    "one-step",
    "one-step-peer-delay",
    "boundary",
    "jbod",
    "bond",
    "vlan",
    "temperature",
];
const CLOCKS: [&str; 21] = [
    "hardware",
    "system-clock",
    "gnss",
    "gnss-gpsd",
    "gnss-pps",
    "gnss-lost",
    "gnss-spoof",
    "gnss-second",
    "gnss-busy",
    "perout",
    "pulses-automatic",
    "pulses-cards",
    "stamps-lost",
    "busy",
    "removed",
    "stepped",
    "phase",
    "stamping",
    "pps",
    "leap",
    "leap-ptpd",
];
/// Many pulses, and others who know the time: only ours can.
const PULSES: [&str; 3] = ["gnss-rates", "gnss-pulses", "gnss-witness"];
/// With tests of their own: `phc_sync_rig.rs`, `rig_clocks.rs`; `auxiliary` is for another kernel, and
/// has its bounds itself (docs/hil.md).
const ELSEWHERE: [&str; 8] = [
    "follow",
    "leap-majority",
    "pps-card",
    "jbod-alone",
    "bond-members",
    "vclocks-domains",
    "external",
    "auxiliary",
];
/// What a side cannot do yet; the scenario itself tells why.
const ABSENT: [(&str, Side); 6] = [
    ("pulses-automatic", Theirs),
    ("pulses-cards", Theirs),
    ("gnss-pps", Theirs),
    ("gnss-rates", Theirs),
    ("gnss-pulses", Theirs),
    ("gnss-witness", Theirs),
];

/// Of stamps in all scenarios, standard deviation in ns. What is left of it in a clock is less; and three times as much, a fault.
const STAMP_NOISE: f64 = 2.0;
/// Of the GNSS receiver's pulses, standard deviation in ns: 5 ns of jitter, and 16 ns of sawtooth evenly spread.
const PULSE_NOISE: f64 = 6.8;

/// What ran, and every gate that did not hold: they are told together, with the table.
struct Runs {
    outcomes: Vec<Outcome>,
    failed: Vec<String>,
}

impl Runs {
    /// One gate.
    fn gate(&mut self, holds: bool, said: impl FnOnce() -> String) {
        if !holds {
            self.failed.push(said());
        }
    }

    /// All gates hold, or else the table and every one that does not.
    fn conclude(self) {
        assert!(
            self.failed.is_empty(),
            "{} gates do not hold:\n{}\n{}",
            self.failed.len(),
            self.failed.join("\n"),
            table(&self.outcomes)
        );
    }

    /// `None`: said why, and skipped.
    fn make(name: &str, scenarios: &[&str]) -> Option<Self> {
        let beside =
            Path::new(env!("CARGO_BIN_EXE_escapement-rig-gnss")).parent().expect("it is in a directory");
        let programs =
            std::env::var_os("ESCAPEMENT_BIN_DIR").map_or_else(|| beside.to_owned(), PathBuf::from);
        let means = match Means::find(&programs) {
            Ok(means) => means,
            Err(e) => {
                assert!(std::env::var("CI").as_deref() != Ok("true"), "CI has to have the rig: {e}");
                println!("skipped: {e}");
                return None;
            }
        };
        let jobs: Vec<Job> = scenarios
            .iter()
            .flat_map(|&s| [Ours, Theirs].map(|side| Job { scenario: s.to_owned(), side, short: true }))
            .collect();
        let outcomes = run(&means, name, &jobs, LIMIT).expect("the guest runs");
        println!("{}", table(&outcomes));
        let mut failed = Vec::new();
        for outcome in &outcomes {
            if outcome.status != 0 {
                failed.push(format!(
                    "{:?}: status {}:\n{}",
                    outcome.job,
                    outcome.status,
                    outcome.text("script.log")
                ));
            }
            if let Some(reason) = &outcome.absent
                && !ABSENT.contains(&(outcome.job.scenario.as_str(), outcome.job.side))
            {
                failed.push(format!("{:?}: absent: {reason}", outcome.job));
            }
        }
        // Without its series nothing else can be said of a scenario.
        let runs = Self { outcomes, failed };
        if runs.failed.is_empty() {
            return Some(runs);
        }
        runs.conclude();
        None
    }

    fn of(&self, scenario: &str, side: Side) -> &Outcome {
        let found = self.outcomes.iter().find(|o| o.job.scenario == scenario && o.job.side == side);
        found.unwrap_or_else(|| panic!("{scenario} {side} did not run"))
    }

    fn summary(&self, scenario: &str, side: Side, label: &str) -> Summary {
        let summary = self.of(scenario, side).summary(label);
        summary.unwrap_or_else(|| panic!("{scenario} {side}: no series {label}"))
    }

    /// Ours: RMS below this, and below twice linuxptp's, of which less than `floor` is chance.
    fn holds(&mut self, scenario: &str, label: &str, bound: f64, floor: f64) {
        let ours = self.summary(scenario, Ours, label).rms;
        let theirs = self.summary(scenario, Theirs, label).rms;
        self.gate(ours < bound, || format!("{scenario} {label}: {ours} ns RMS, bound {bound}"));
        self.gate(ours < 2.0 * theirs.max(floor), || {
            format!("{scenario} {label}: ours {ours} ns RMS, linuxptp's {theirs}")
        });
    }

    /// How long a series is, s.
    fn length(&self, scenario: &str, label: &str) -> f64 {
        let series = self.of(scenario, Ours).series.iter().find(|s| s.label == label);
        let points = &series.unwrap_or_else(|| panic!("{scenario}: no series {label}")).points;
        points.last().map_or(0.0, |p| p.0) - points.first().map_or(0.0, |p| p.0)
    }

    /// What the script said of this count.
    fn count(&self, scenario: &str, side: Side, what: &str) -> u32 {
        let text = self.of(scenario, side).text("script.log");
        let found = text.lines().find_map(|line| line.strip_prefix(what)?.trim().parse().ok());
        found.unwrap_or_else(|| panic!("{scenario} {side}: no {what} in:\n{text}"))
    }
}

/// 2 to 128 pulses a second keep the clock as one does, whatever else is on their line; what that was is counted.
fn faster_pulses(runs: &mut Runs) {
    let rates = ["r2", "r8", "r16", "r128", "w128"].map(|label| ("gnss-rates", label));
    let troubles = ["t1", "t16", "t128", "b16", "b128"].map(|label| ("gnss-pulses", label));
    for (scenario, label) in rates.into_iter().chain(troubles) {
        let found = runs.summary(scenario, Ours, label);
        runs.gate(found.rms < PULSE_NOISE && found.max < 6.0 * PULSE_NOISE, || {
            format!("{scenario} {label}: {found:?}")
        });
    }
    let script = runs.of("gnss-pulses", Ours).text("script.log");
    let numbers = |line: &str| -> Vec<f64> {
        let words = line.split(|c: char| !c.is_ascii_digit());
        words.filter_map(|w| w.parse().ok()).collect()
    };
    let line = |begin: &str| script.lines().find_map(|l| l.strip_prefix(begin)).unwrap_or_default();
    for label in ["t1", "t16", "t128"] {
        let made = numbers(line(&format!("{label} before:")));
        let said = numbers(line(&format!("{label} said:")));
        let ([a, b, c, lost, twice, strays], [_, missing, duplicated, _, noise]) = (&made[..], &said[..])
        else {
            runs.gate(false, || format!("{label}: {script}"));
            continue;
        };
        // Of a pulse a second's second of grace, and what fell on the end of measuring.
        let near = |told: f64, made: f64| (told - made).abs() <= 2.0 + 0.02 * made;
        let right = near(*missing, lost - a) && near(duplicated + noise, twice - b + strays - c);
        runs.gate(right, || format!("{label}: made {made:?}, counted {said:?}"));
        runs.gate(label == "t1" || lost - a > 5.0, || format!("{label}: no trouble: {made:?}"));
    }
    for label in ["t1", "t16", "t128", "b16", "b128"] {
        let refused = line(&format!("{label} refused:"));
        runs.gate(refused.trim() == "0", || format!("{label}: noise took it out of lock: {refused}"));
    }
}

/// A receiver that is led away is outvoted while the clock has gone less than a microsecond with it; from then on a client hears what
/// the clock is worth.
fn witnesses(runs: &mut Runs) {
    let script = runs.of("gnss-witness", Ours).text("script.log");
    // Phase, class, accuracy, and the grandmaster's true error, ns.
    let looks: Vec<(&str, u8, u8, f64)> = script
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (phase, class) = (words.next()?, words.next()?.parse().ok()?);
            let accuracy = u8::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
            Some((phase, class, accuracy, words.next()?.parse::<f64>().ok()? / 1000.0))
        })
        .collect();
    let of = |phase: &'static str| looks.iter().filter(move |l| l.0 == phase);
    runs.gate(of("before").count() > 3 && of("before").all(|l| l.1 == 6), || {
        format!("gnss-witness: before {script}")
    });
    runs.gate(of("returned").count() > 3 && of("returned").all(|l| l.1 == 6 && l.3.abs() < 100.0), || {
        format!("gnss-witness: returned {script}")
    });
    let led: Vec<_> = of("led").chain(of("back")).collect();
    let outvoted: Vec<_> = led.iter().skip_while(|l| l.1 == 6).take_while(|l| l.1 != 6).collect();
    let first = outvoted.first().map_or(f64::NAN, |l| l.3.abs());
    runs.gate(first < 1_000.0, || format!("gnss-witness: outvoted when {first} ns off"));
    runs.gate(outvoted.len() > 20, || format!("gnss-witness: for {} s only", outvoted.len()));
    for look in outvoted {
        let bound = bound_of_accuracy(ClockAccuracy(look.2)).unwrap_or(f64::INFINITY);
        let honest = look.3.abs() <= bound && [7, 160, 248].contains(&look.1);
        runs.gate(honest, || format!("gnss-witness: {look:?}, bound {bound}"));
    }
}

#[test]
fn every_scenario_is_run_once() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("rig/scenarios");
    let there: BTreeSet<String> = std::fs::read_dir(directory)
        .expect("scenarios")
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".sh")?.to_owned()))
        .collect();
    let run: Vec<&str> = NETWORK.into_iter().chain(CLOCKS).chain(PULSES).chain(ELSEWHERE).collect();
    let once: BTreeSet<String> = run.iter().map(|&s| s.to_owned()).collect();
    assert_eq!(there, once);
    assert_eq!(run.len(), once.len());
}

#[test]
fn fast_pulses_and_witnesses_keep_a_grandmaster_true() {
    let Some(mut runs) = Runs::make("test-pulses", &PULSES) else { return };
    faster_pulses(&mut runs);
    witnesses(&mut runs);
    runs.conclude();
}

#[test]
fn hardware_stamps_keep_clocks_within_nanoseconds_of_the_truth() {
    let Some(mut runs) = Runs::make("test-network", &NETWORK) else { return };
    for (scenario, label) in [
        ("ordinary-ethernet", "client"),
        ("ordinary-udp4", "client"),
        ("ordinary-udp6", "client"),
        ("peer-delay", "client"),
        ("one-step", "client"),
        ("one-step-peer-delay", "client"),
        ("boundary", "middle"),
        ("boundary", "client"),
        ("jbod", "middle"),
        ("jbod", "client"),
        ("vlan", "bond"),
        ("vlan", "card"),
        ("temperature", "before"),
        ("temperature", "after"),
    ] {
        runs.holds(scenario, label, 3.0 * STAMP_NOISE, STAMP_NOISE / 2.0);
    }
    // The cards really did it.
    for (scenario, what) in [
        ("one-step", "one_steps"),
        ("one-step-peer-delay", "one_steps"),
        ("one-step-peer-delay", "one_step_answers"),
    ] {
        for side in [Ours, Theirs] {
            let n = runs.count(scenario, side, what);
            runs.gate(n > 100, || format!("{scenario} {side}: {n} {what}"));
        }
    }
    // 300 ppb that a loop has to notice: how far the clock gets meanwhile depends on when the next Syncs come, and is next to nothing
    // where two of them tell it. It really jumped, and linuxptp's loop shows it.
    let jump = runs.summary("temperature", Ours, "jump");
    let same = runs.summary("temperature", Theirs, "jump");
    runs.gate(jump.max < 300.0, || format!("temperature jump: {jump:?}"));
    runs.gate(same.max > 50.0, || format!("temperature jump, linuxptp's: {same:?}"));
    runs.holds("temperature", "jump", 100.0, 1.0);
    // The bond changed over, and the clock with it.
    for side in [Ours, Theirs] {
        if runs.of("bond", side).absent.is_some() {
            continue;
        }
        let script = runs.of("bond", side).text("script.log");
        let changed = script.lines().eq(["active rig1", "active rig3"]);
        runs.gate(changed, || format!("bond {side}: {script}"));
        let (before, after) = (runs.summary("bond", side, "before"), runs.summary("bond", side, "after"));
        runs.gate(before.rms < 3.0 * STAMP_NOISE, || format!("bond {side}: before {before:?}"));
        // The end of what the change did may still be in it.
        runs.gate(after.rms < 200.0, || format!("bond {side}: after {after:?}"));
    }
    runs.conclude();
}

#[test]
fn clocks_follow_pulses_and_survive_hardware_that_fails() {
    let Some(mut runs) = Runs::make("test-clocks", &CLOCKS) else { return };
    let checks = runs.of("hardware", Ours).text("script.log");
    runs.gate(checks.contains(" checks, 0 failed"), || checks.clone());

    // The guest's kernel sleeps between ticks, and so its clock jumps by up to 15 ns: phc-sync wakes it up.
    runs.holds("system-clock", "system", 5.0, 2.5);
    for (scenario, label) in [
        ("gnss", "phc"),
        ("gnss-gpsd", "phc"),
        ("gnss-lost", "returned"),
        ("gnss-second", "returned"),
        ("gnss-busy", "busy"),
    ] {
        runs.holds(scenario, label, 2.0 * PULSE_NOISE, PULSE_NOISE);
    }
    // The clock that makes the pulses follows the one whose port is a slave, and pulses that it stamps to the nanosecond.
    for label in ["slave", "pulses"] {
        let found = runs.summary("pulses-automatic", Ours, label);
        runs.gate(found.rms < 4.0 * STAMP_NOISE, || format!("pulses-automatic {label}: {found:?}"));
    }
    // Two cards follow the one whose port is a slave, by a pulse that all of them stamp; and another one when that changes.
    for label in ["second", "third", "first-after", "third-after"] {
        let found = runs.summary("pulses-cards", Ours, label);
        runs.gate(found.rms < 4.0 * STAMP_NOISE, || format!("pulses-cards {label}: {found:?}"));
    }
    // The receiver's 5 ns of jitter, by the kernel's clock, which runs at another rate than the card's.
    let found = runs.summary("gnss-pps", Ours, "phc");
    runs.gate(found.rms < 5.0 && found.mean.abs() < 3.0, || format!("gnss-pps: {found:?}"));
    // Pulses to the nanosecond.
    runs.holds("perout", "phc", 3.0, 1.0);
    for (scenario, label) in [
        ("stamps-lost", "client"),
        ("busy", "client"),
        ("removed", "before"),
        ("removed", "after"),
        ("stepped", "after"),
    ] {
        runs.holds(scenario, label, 3.0 * STAMP_NOISE, STAMP_NOISE / 2.0);
    }
    // The card's loop steps by each offset: it has the noise of two stamps, and what the oscillator does beside the frequency it keeps.
    runs.holds("phase", "client", 8.0 * STAMP_NOISE, 2.0 * STAMP_NOISE);
    // Pulses of 5 ns of jitter once a second; between them the kernel's own jumps.
    runs.holds("pps", "system", 25.0, 10.0);
    runs.holds("leap", "before", 6.0, 3.0);
    runs.holds("leap", "after", 6.0, 3.0);
    // The kernel has its leap second (the script looks), and the card beside it none.
    let card = runs.summary("leap", Ours, "phc");
    runs.gate(card.max < 4.0 * STAMP_NOISE, || format!("leap: the PHC {card:?}"));
    // Software stamps are of the kernel's clock itself, some us apart from the frame.
    for label in ["before", "after"] {
        let found = runs.summary("leap-ptpd", Ours, label);
        runs.gate(found.max < 20_000.0, || format!("leap-ptpd {label}: {found:?}"));
    }
    for side in [Ours, Theirs] {
        let phases = runs.count("phase", side, "phases");
        runs.gate(phases > 50, || format!("phase {side}: {phases} calls of the card's phase control"));
        let pulses = runs.count("pps", side, "pulses");
        runs.gate(pulses > 40, || format!("pps {side}: {pulses} pulses"));
        let leap = runs.of("leap", side).text("script.log");
        runs.gate(leap.contains("TAI offset 37 to 38"), || format!("leap {side}: {leap}"));
    }
    let leap = runs.of("leap-ptpd", Ours).text("script.log");
    runs.gate(leap.contains("TAI offset 37 to 36"), || format!("leap-ptpd: {leap}"));

    // The trouble really came.
    for side in [Ours, Theirs] {
        // The scripts wait for them. ptp4l stops sending for a while after the first.
        let lost = runs.count("stamps-lost", side, "stamps_lost");
        runs.gate(lost >= if side == Ours { 4 } else { 1 }, || format!("{side}: {lost} stamps lost"));
        // linuxptp's ts2phc calls once a second.
        for (scenario, least) in [("busy", 2), ("gnss-busy", if side == Ours { 4 } else { 1 })] {
            let refused = runs.count(scenario, side, "refused");
            runs.gate(refused >= least, || format!("{scenario} {side}: {refused} calls refused"));
        }
    }

    // Without sky the frequency stays as wrong as the last pulses' noise has made it: six times its worth per second.
    let seconds = runs.length("gnss-lost", "lost");
    let lost = runs.summary("gnss-lost", Ours, "lost");
    runs.gate(lost.max < 6.0 * PULSE_NOISE * (seconds + 1.0), || {
        format!("gnss-lost: {lost:?} in {seconds} s")
    });
    // Nothing tells a receiver that is led astray slowly from the truth: the clock goes with it, not further.
    let seconds = runs.length("gnss-spoof", "spoofed");
    let spoofed = runs.summary("gnss-spoof", Ours, "spoofed");
    // A pull begins and is told up to a pulse before the first and after the last sample.
    let pulled = 5.0 * (seconds + 2.0);
    runs.gate(spoofed.max > pulled / 2.0 && spoofed.max < pulled + 6.0 * PULSE_NOISE, || {
        format!("gnss-spoof: {spoofed:?}, pulled {pulled}")
    });
    // A false second is at worst slewed to, by the card's 1000 ppm, and never stepped to.
    let seconds = runs.length("gnss-second", "wrong");
    let wrong = runs.summary("gnss-second", Ours, "wrong");
    runs.gate(wrong.max < 1_010_000.0 * (seconds + 1.0), || format!("gnss-second: {wrong:?} in {seconds} s"));
    runs.conclude();
}
