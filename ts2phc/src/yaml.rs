//! `ts2phc.yaml`: from the table of keys in ptp-config to what is to be done.

use std::path::Path;

use ptp_clock::{Edge, Pin};
use ptp_config::document::Refusal;
use ptp_config::program::{Reading, TS2PHC};
use ptp_config::{Diagnostics, Overrides};
use ptp_gnss::Limits;
use ptp_program::keys;
use ptp_servo::ServoConfig;

use crate::discipline::Steering;
use crate::grandmaster::{Accuracy, GrandmasterConfig, Profile};
use crate::settings::{AnnounceSettings, Leaps, MakerSettings, Settings, SinkSettings, TimeFrom};
use crate::time_of_day::Names;
use crate::witness::{DoubtConfig, Policy, WitnessKind, WitnessSettings};

/// Lines of parts of the program, by their targets.
const PARTS: &[(&str, &[&str])] = &[
    ("servo", &["servo", "ts2phc::discipline"]),
    ("pulses", &["pulses", "ts2phc::edges", "ts2phc::maker"]),
    ("receiver", &["receiver", "ts2phc::times", "ts2phc::feed", "ts2phc::witness", "ts2phc::run::witnesses"]),
    ("clocks", &["clocks", "ts2phc::sink"]),
    ("announce", &["announce", "ts2phc::announce", "ts2phc::ports"]),
    ("daemon", &["daemon", "ts2phc::run", "ts2phc::metrics", "ts2phc"]),
];

/// Keys of the lock state: one of them is enough for it to be logged.
const TOLD: &[&str] = &[
    "domain_number",
    "profile",
    "clock_accuracy",
    "grace",
    "settle",
    "lock_within",
    "agree_within",
    "in_spec",
    "in_spec_for",
    "out_of_spec",
    "out_of_spec_for",
    "reference_error",
];

/// A configuration: what is to be done, and every value with its origin.
pub type Loaded = ptp_program::Loaded<Settings>;

/// Reads a file, if there is one, and the command line over it.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load(path: Option<&Path>, overrides: &Overrides) -> Result<Loaded, Diagnostics> {
    take(TS2PHC.read(path, overrides))
}

/// What a running program takes over of new values: those that need a restart stay.
///
/// # Errors
/// What can be taken over does not fit together with what needs a restart.
pub fn taken_over(running: &Loaded, new: &Loaded) -> Result<Settings, Diagnostics> {
    let mut taken = take(Reading::of(running.values.taken_over(&new.values)))?.settings;
    let running = running.settings.evidence.as_ref();
    taken.evidence = keys::evidence_taken_over(running, new.settings.evidence.as_ref());
    Ok(taken)
}

fn take(mut r: Reading) -> Result<Loaded, Diagnostics> {
    let settings = settings(&mut r);
    Ok(Loaded { settings, values: r.finish()? })
}

fn settings(r: &mut Reading) -> Settings {
    let mut s = Settings::new(TimeFrom::System);
    if let Some(time) = r.maybe_text("time") {
        time_from(r, &time, &mut s);
    }
    s.baud = r.int("baud") as u32;
    s.names = if r.text("sentence_names") == "next" { Names::Next } else { Names::Previous };
    s.sentence_delay = r.interval("sentence_delay").nanos();
    s.leaps = match (r.maybe_int("utc_offset"), r.maybe_path("leap_file")) {
        (Some(offset), _) => Leaps::Fixed(offset as i32),
        (None, Some(path)) => Leaps::File(path),
        (None, None) => Leaps::System,
    };
    s.rate = r.int("rate") as u32;
    s.width = r.maybe_span("width");
    s.time_holdover = r.span("time_holdover");
    s.limits =
        Limits { min_satellites: r.int("min_satellites") as u32, max_move_m: r.maybe_real("max_move") };
    s.witnesses = (0..r.count("witnesses")).filter_map(|i| witness(r, i)).collect();
    s.doubt = DoubtConfig {
        policy: if r.flag("witness_majority") { Policy::Majority } else { Policy::Any },
        disagree_for: r.span("disagree_for"),
        agree_for: r.span("agree_for"),
    };
    s.sinks = (0..r.count("clocks")).map(|i| sink(r, i)).collect();
    s.steering = match r.text("servo").as_str() {
        "pi" => Steering::Pi,
        "free-running" => Steering::FreeRunning,
        _ => Steering::Adaptive,
    };
    s.servo = ServoConfig {
        step_threshold: r.maybe_interval("step_threshold"),
        first_step_threshold: r.maybe_interval("first_step_threshold"),
        ..s.servo
    };
    s.state = r.maybe_path("state_file");
    s.ready_when_started = r.text("ready_when") == "started";
    let announce = announce(r);
    // Settings of the lock state alone tell it to nobody.
    let told = !announce.sockets.is_empty() || TOLD.iter().any(|key| r.says(key));
    s.announce = told.then_some(announce);
    s.outlets = keys::outlets(r, PARTS);
    s.metrics = keys::metrics(r);
    s.evidence = keys::evidence(r);
    s
}

fn time_from(r: &mut Reading, text: &str, s: &mut Settings) {
    s.time = match text.strip_prefix("clock:") {
        _ if text == "system" => TimeFrom::System,
        Some(clock) => {
            s.maker = Some(MakerSettings { clock: clock.to_owned(), channel: 0, pin: None, phase: None });
            TimeFrom::Clock(clock.to_owned())
        }
        // Nothing was given: that is told already.
        None if text.is_empty() => TimeFrom::System,
        None => match text.parse() {
            Ok(name) => TimeFrom::Receiver(name),
            Err(label) => {
                r.refuse("time", Refusal { label, help: None, replacement: None });
                TimeFrom::System
            }
        },
    };
}

fn sink(r: &Reading, i: usize) -> SinkSettings {
    let key = |name: &str| format!("clocks[{i}].{name}");
    let pin = r.maybe_text(&key("pin"));
    SinkSettings {
        clock: r.maybe_text(&key("clock")).unwrap_or_default(),
        channel: r.int(&key("channel")) as u32,
        pin: pin.map(|t| t.parse().map_or_else(|_| Pin::Name(t), Pin::Index)),
        edge: match r.text(&key("edge")).as_str() {
            "falling" => Edge::Falling,
            "both" => Edge::Both,
            _ => Edge::Rising,
        },
        correction: -r.interval(&key("cable_delay")),
        pps: r.maybe_text(&key("pps")),
    }
}

fn witness(r: &mut Reading, i: usize) -> Option<WitnessSettings> {
    let key = |name: &str| format!("witnesses[{i}].{name}");
    let ntp = r.maybe_text(&key("ntp")).map(WitnessKind::Ntp);
    let ptp = r.maybe_text(&key("ptp")).map(|socket| WitnessKind::Ptp(socket.into()));
    let clock = r.maybe_text(&key("clock"));
    let error_ns = r.interval(&key("error")).nanos_f64();
    let domain_number = r.int(&key("domain_number")) as u8;
    // With a PTP daemon `clock` is its clock; alone it is the witness.
    let (kind, clock) = match (ntp, ptp, clock) {
        (Some(ntp), None, None) => (ntp, None),
        (None, Some(ptp), clock) => (ptp, clock),
        (None, None, Some(name)) => (WitnessKind::Clock(name), None),
        _ => {
            if r.is_good() {
                let message = "a witness is `ntp`, `clock`, or `ptp` with or without `clock`";
                r.contradiction(&key("error"), message, "such as `- ntp: /run/chrony/chronyd.sock`");
            }
            return None;
        }
    };
    Some(WitnessSettings { kind, clock, error_ns, domain_number })
}

fn announce(r: &Reading) -> AnnounceSettings {
    let profile = r.text("profile");
    let nanos = |key: &str| r.interval(key).nanos_f64();
    AnnounceSettings {
        sockets: r.names("announce").into_iter().map(Into::into).collect(),
        domain_number: r.int("domain_number") as u8,
        grandmaster: GrandmasterConfig {
            profile: Profile::WORDS
                .iter()
                .find(|(w, _)| *w == profile)
                .map_or_else(Default::default, |(_, p)| *p),
            accuracy: if r.text("clock_accuracy") == "unknown" {
                Accuracy::Unknown
            } else {
                Accuracy::Measured
            },
            grace: r.span("grace"),
            settle: r.int("settle") as u32,
            lock_within_ns: nanos("lock_within"),
            agree_within_ns: nanos("agree_within"),
            in_spec_ns: nanos("in_spec"),
            in_spec_for: r.span("in_spec_for"),
            out_of_spec_ns: nanos("out_of_spec"),
            out_of_spec_for: r.span("out_of_spec_for"),
            reference_ns: nanos("reference_error"),
            ..GrandmasterConfig::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use ptp_daemon::Outlets;
    use ptp_wire::TimeInterval;
    use tracing::Level;

    use super::*;
    use crate::source::SourceName;
    use proptest::prelude::*;

    fn whole(text: &str) -> Result<Loaded, Diagnostics> {
        take(TS2PHC.read_octets(Path::new("ts2phc.yaml"), text.as_bytes(), &Overrides::default()))
    }

    fn read(text: &str) -> Result<Settings, Diagnostics> {
        whole(text).map(|l| l.settings)
    }

    const FILE: &str = "time: /dev/ttyS0\nbaud: 115200\nutc_offset: 37\nrate: 10\nsentence_delay: 120 ms\n\
        announce: [/run/a, /run/b]\nprofile: telecom\ngrace: 50 ms\nin_spec: 1.1 us\nstate_file: /var/x\nevidence: { directory: /var/log/x, interval: 2 s, anchor: off }\nmetrics:\n  listen: /run/m\n  events: true\nwitness_majority: false\nagree_for: 2 min\n\
        witnesses:\n  - ntp: /run/c\n  - { ptp: /run/p, clock: eth2, domain_number: 24, error: 300 ns }\n  - clock: phc2\nclocks:\n  - clock: eth0\n    \
        pin: SDP1\n    cable_delay: 52 ns\n  - { clock: phc1, edge: both, channel: 2, pin: 3 }\n";

    #[test]
    fn a_file() {
        let s = read(FILE).expect("good");
        assert_eq!(s.time, TimeFrom::Receiver(SourceName::Path("/dev/ttyS0".into())));
        assert_eq!((s.baud, s.rate, s.sentence_delay), (115_200, 10, 120_000_000));
        let evidence = s.evidence.expect("it is wanted");
        assert_eq!((evidence.interval, evidence.anchor), (Duration::from_secs(2), None));
        let told = s.announce.expect("two are told");
        assert_eq!((told.sockets.len(), told.grandmaster.profile), (2, Profile::Telecom));
        assert_eq!(
            (told.grandmaster.grace, told.grandmaster.in_spec_ns),
            (Duration::from_millis(50), 1100.0)
        );
        let metrics = s.metrics.as_ref().expect("it is asked for");
        assert!(metrics.events && metrics.listen.is_local());
        let [a, b] = s.sinks.as_slice() else { panic!("{:?}", s.sinks) };
        assert_eq!((&a.pin, a.correction), (&Some(Pin::Name("SDP1".into())), TimeInterval::from_nanos(-52)));
        let [ntp, ptp, clock] = s.witnesses.as_slice() else { panic!("{:?}", s.witnesses) };
        assert_eq!((&ntp.kind, ntp.error_ns), (&WitnessKind::Ntp("/run/c".to_owned()), 1000.0));
        assert_eq!((ptp.name().as_str(), ptp.clock.as_deref()), ("ptp:/run/p", Some("eth2")));
        assert_eq!((ptp.domain_number, ptp.error_ns), (24, 300.0));
        assert_eq!((clock.name().as_str(), &clock.clock), ("clock:phc2", &None));
        assert_eq!((s.doubt.policy, s.doubt.agree_for), (Policy::Any, Duration::from_secs(120)));
        assert_eq!(
            (b.clock.as_str(), b.edge, b.channel, &b.pin),
            ("phc1", Edge::Both, 2, &Some(Pin::Index(3)))
        );
    }

    /// Each key of the table is asked for, and defaults are what they are without a file.
    #[test]
    fn every_key_of_the_table_has_an_effect() {
        let file = b"time: system\nclocks: [phc0]\nwitnesses: [{ ntp: /run/c }]\n";
        let mut read = TS2PHC.read_octets(Path::new("ts2phc.yaml"), file, &Overrides::default());
        let with_defaults = settings(&mut read);
        assert_eq!(read.unread(), Vec::<String>::new());
        let outlets = Outlets { level: Some(Level::INFO), ..Outlets::default() };
        let sinks = vec![SinkSettings::new("phc0")];
        let witnesses = vec![WitnessSettings::new(WitnessKind::Ntp("/run/c".to_owned()))];
        let expected = Settings { sinks, outlets, witnesses, ..Settings::new(TimeFrom::System) };
        assert_eq!(with_defaults, expected);
        assert_eq!(announce(&read).grandmaster, GrandmasterConfig::default());
    }

    #[test]
    fn what_is_in_force_read_again_is_the_same_and_a_reload_takes_over_what_it_can() {
        let old = whole(FILE).expect("good");
        let again =
            whole(&old.values.effective()).unwrap_or_else(|e| panic!("{}\n{e}", old.values.effective()));
        let of = |s: &Settings| Settings { evidence: None, ..s.clone() };
        assert_eq!(of(&again.settings), of(&old.settings));
        assert!(old.values.effective().contains("# ts2phc.yaml:2"));
        let new =
            FILE.replace("grace: 50 ms", "grace: 80 ms").replace("52 ns", "60 ns").replace("2 min", "3 min");
        let new = new.replace("rate: 10", "rate: 5").replace("time: /dev/ttyS0", "time: /dev/ttyS1");
        let new = whole(&new).expect("good");
        let (live, restart) = old.values.changes(&new.values);
        let keys = |c: &[ptp_config::Change]| c.iter().map(|c| c.key.clone()).collect::<Vec<_>>();
        assert_eq!(keys(&live), ["agree_for", "clocks[0].cable_delay", "grace"]);
        assert_eq!(keys(&restart), ["time", "rate"]);
        let taken = taken_over(&old, &new).expect("it fits");
        assert_eq!((taken.rate, &taken.time), (10, &old.settings.time));
        assert_eq!(taken.doubt.agree_for, Duration::from_secs(180));
        assert_eq!(taken.sinks[0].correction, TimeInterval::from_nanos(-60));
        assert_eq!(taken.announce.expect("told").grandmaster.grace, Duration::from_millis(80));
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let wrong = read(
            "time: system\nrate: 129\nrate: 2\nleapfile: /x\nbuad: 9600\nprofile: telcom\nmetrics: { listen: 9322 }\nclocks:\n  - { channel: x }\n",
        )
        .expect_err("a lot is wrong");
        let text = format!("{wrong}");
        for piece in [
            "rate",
            "twice",
            "did you mean `baud`",
            "telecom",
            "channel",
            "did you mean `leap_file`",
            "127.0.0.1:9320",
        ] {
            assert!(text.contains(piece), "{piece}: {text}");
        }
        assert!(format!("{}", read("baud: 9600\n").expect_err("bare")).contains("`time` is needed"));
        for witness in ["{ ntp: /run/c, ptp: /run/p }", "{ error: 1 us }", "{ ntp: /run/c, clock: phc1 }"] {
            let wrong =
                read(&format!("time: system\nclocks: [phc0]\nwitnesses: [{witness}]\n")).expect_err(witness);
            assert!(format!("{wrong}").contains("`ptp` with or without `clock`"), "{wrong}");
        }
        assert!(read("").is_err() && read("- a\n").is_err() && read("time: [a]\nclocks: 3\n").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[-a-z_:{}\\[\\], \n0-9\"]{0,120}") {
            let _ = read(&text);
        }
    }
}
