//! `phc-sync.yaml` and the command line: from the table of keys in ptp-config to what is to be done.

use std::path::Path;

use ptp_clock::ClockName;
use ptp_config::document::Refusal;
use ptp_config::program::{PHC_SYNC, Reading};
use ptp_config::{Diagnostics, Overrides};
use ptp_program::keys;
use ptp_servo::ServoKind;
use ptp_wire::TimeInterval;

use crate::settings::{
    ExtraKind, ExtraSource, Instance, LeapMode, Output, Selection, Settings, SettingsError, SystemRole,
};

/// Lines of parts of the program, by their targets.
const PARTS: &[(&str, &[&str])] = &[
    ("servo", &["servo", "phc_sync::sink"]),
    ("sources", &["sources", "phc_sync::agent", "phc_sync::run::ensemble"]),
    ("clocks", &["clocks", "phc_sync::clocks", "phc_sync::watch"]),
    ("daemon", &["daemon", "phc_sync::run", "phc_sync::metrics", "phc_sync"]),
];

/// A configuration: what is to be done, and every value with its origin.
pub(crate) type Loaded = ptp_program::Loaded<Settings>;

/// Reads the file, if there is one, and the command line over it. `automatic`: PTP instances are followed, whatever else is
/// said (`-a`).
///
/// # Errors
/// Everything that is wrong, at once.
pub(crate) fn load(
    path: Option<&Path>,
    overrides: &Overrides,
    automatic: bool,
) -> Result<Loaded, Diagnostics> {
    let mut overrides = overrides.clone();
    if path.is_none() {
        // Only a file makes the system clock a sink without being told.
        let usual = Overrides::default();
        let given = std::mem::replace(&mut overrides, usual);
        overrides.set("no -r", "system_clock", "untouched");
        overrides.settings.extend(given.settings);
    }
    take(PHC_SYNC.read(path, &overrides), automatic, path.is_some())
}

fn take(mut r: Reading, automatic: bool, is_file: bool) -> Result<Loaded, Diagnostics> {
    let mut settings = settings(&mut r);
    let manual = settings.source.is_some() || settings.pps.is_some();
    settings.automatic = automatic || (is_file && !manual);
    if r.is_good()
        && let Err(e) = settings.check()
    {
        let (path, help) = match &e {
            SettingsError::OffsetMissing => {
                ("source", "`wait: true` asks the PTP instance; `offset` says it")
            }
            SettingsError::SameClock(_) | SettingsError::NoSource => ("source", ""),
            SettingsError::TwiceTheSink(_) | SettingsError::PpsSink | SettingsError::RefclockSink => {
                ("sinks", "")
            }
            SettingsError::TwoTimescales(..) => ("offset", "`wait: true` gives each its own"),
            SettingsError::TooFewSources => ("selection", ""),
            SettingsError::Mixed | SettingsError::TooMany(..) => ("", ""),
        };
        r.contradiction(path, &e.to_string(), help);
    }
    Ok(Loaded { settings, values: r.finish()? })
}

/// What a running program takes over of new values: those that need a restart stay.
///
/// # Errors
/// What can be taken over does not fit together with what needs a restart.
pub(crate) fn taken_over(running: &Loaded, new: &Loaded) -> Result<Settings, Diagnostics> {
    let values = running.values.taken_over(&new.values);
    let mut taken = take(Reading::of(values), running.settings.automatic, false)?.settings;
    // What belongs to no key stays.
    let own = &running.settings;
    taken.evidence = keys::evidence_taken_over(own.evidence.as_ref(), new.settings.evidence.as_ref());
    taken.fan_out.clone_from(&own.fan_out);
    taken.drop_in = own.drop_in;
    Ok(taken)
}

fn settings(r: &mut Reading) -> Settings {
    let usual = Settings::default();
    let nanos = |i: TimeInterval| i.nanos_f64() * 1e-9;
    let output = match (r.maybe_int("ntp_shm_unit"), r.maybe_path("chrony_sock"), r.text("servo").as_str()) {
        (_, Some(path), _) => Output::ChronySock(path),
        (Some(unit), ..) => Output::NtpShm(unit as u32),
        (.., "linreg") => Output::Servo(ServoKind::Linreg),
        (.., "adaptive") => Output::Servo(ServoKind::Adaptive),
        _ => Output::Servo(ServoKind::Pi),
    };
    let sanity = r.real("sanity_freq_limit");
    // An NTP daemon has its own opinion of the clock's rate.
    let sanity = if output.is_refclock() && !r.says("sanity_freq_limit") { 0.0 } else { sanity };
    Settings {
        drop_in: false,
        automatic: false,
        instances: (0..r.count("instances")).map(|i| instance(r, i)).collect(),
        system_role: match r.text("system_clock").as_str() {
            "untouched" => SystemRole::None,
            "sink-or-source" => SystemRole::SinkOrSource,
            _ => SystemRole::Sink,
        },
        system_clock: clock(r, "system_clock_device").unwrap_or(ClockName::System),
        source: clock(r, "source"),
        sinks: sinks(r, "sinks"),
        pps: r.maybe_text("pulses"),
        offset: r.maybe_interval("offset"),
        wait: r.flag("wait"),
        rate: r.real("rate"),
        readings: r.int("readings") as u32,
        output,
        proportional: r.real("pi_proportional_const"),
        integral: r.real("pi_integral_const"),
        step: r.maybe_interval("step_threshold").map_or(0.0, nanos),
        first_step: r.maybe_interval("first_step_threshold").map_or(0.0, nanos),
        sanity,
        summary: r.int("summary_updates") as u32,
        leap: match r.text("leap_second").as_str() {
            "servo" => LeapMode::Servo,
            "smear-linear" => LeapMode::SmearLinear,
            "smear-cosine" => LeapMode::SmearCosine,
            _ => LeapMode::Kernel,
        },
        smear_window: r.span("smear_window").as_secs_f64(),
        free_running: r.flag("free_running"),
        selection: match r.text("selection").as_str() {
            "intersection" => Selection::Intersection,
            _ => Selection::Priority,
        },
        extra_sources: (0..r.count("sources")).filter_map(|i| extra(r, i)).collect(),
        max_slew: r.real("max_slew"),
        source_error: r.interval("source_error"),
        bound_page: r.maybe_path("error_bound_page"),
        evidence: keys::evidence(r),
        state: r.maybe_path("state_file"),
        holdover_limit_ns: r.interval("holdover_limit").nanos_f64(),
        ready_when_started: r.text("ready_when") == "started",
        max_drift: r.real("max_drift") as u32,
        outlets: keys::outlets(r, PARTS),
        metrics: keys::metrics(r),
        ..usual
    }
}

fn instance(r: &mut Reading, i: usize) -> Instance {
    let key = |name: &str| format!("instances[{i}].{name}");
    Instance {
        socket: r.path(&key("socket")),
        domain_number: r.int(&key("domain_number")) as u8,
        major_sdo_id: r.int(&key("major_sdo_id")) as u8,
        clock: clock(r, &key("clock")),
        sinks: sinks(r, &key("sinks")),
    }
}

fn sinks(r: &mut Reading, path: &str) -> Vec<ClockName> {
    let mut sinks = Vec::new();
    for name in r.names(path) {
        match crate::phc2sys::clock(&name) {
            Ok(clock) => sinks.push(clock),
            Err(e) => refuse(r, path, e),
        }
    }
    sinks
}

fn extra(r: &mut Reading, i: usize) -> Option<ExtraSource> {
    let key = |name: &str| format!("sources[{i}].{name}");
    let by_clock = clock(r, &key("clock")).map(ExtraKind::Clock);
    let by_pulses = r.maybe_text(&key("pulses")).map(ExtraKind::Pps);
    let by_chronyd = r.maybe_text(&key("chronyd")).map(ExtraKind::Chronyd);
    let error = r.interval(&key("error"));
    let named = [by_clock, by_pulses, by_chronyd];
    if named.iter().flatten().count() == 1 {
        return named.into_iter().flatten().next().map(|kind| ExtraSource { kind, error });
    }
    if r.is_good() {
        let message = "a source is one of `clock`, `pulses` and `chronyd`";
        r.contradiction(&key("error"), message, "such as `- clock: phc1`");
    }
    None
}

fn clock(r: &mut Reading, path: &str) -> Option<ClockName> {
    match crate::phc2sys::clock(&r.maybe_text(path)?) {
        Ok(clock) => Some(clock),
        Err(e) => {
            refuse(r, path, e);
            None
        }
    }
}

fn refuse(r: &mut Reading, path: &str, why: String) {
    r.refuse(path, Refusal { label: "names no clock".into(), help: Some(why), replacement: None });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ptp_daemon::Outlets;

    use super::*;
    use crate::settings::DEFAULT_SOCKET;

    fn text(yaml: &str) -> Result<Settings, String> {
        let read = PHC_SYNC.read_octets(Path::new("phc-sync.yaml"), yaml.as_bytes(), &Overrides::default());
        take(read, false, true).map(|l| l.settings).map_err(|e| e.to_string())
    }

    #[test]
    fn a_whole_file() {
        let s = text(
            "system_clock: sink-or-source\ninstances:\n  - /run/a\n  - socket: /run/b\n    domain_number: 24\n    \
             clock: virtual:/run/clock\n    sinks: [CLOCK_AUX1]\nsinks: [CLOCK_AUX0]\nrate: 8\nreadings: 9\nservo: adaptive\nstep_threshold: 100 us\n\
             first_step_threshold: never\nleap_second: smear-cosine\nsmear_window: 20 h\nselection: intersection\n\
             sources:\n  - clock: phc3\n    error: 200 ns\n  - chronyd: /run/chrony/chronyd.sock\nmax_slew: 2 ppm\n\
             error_bound_page: /run/x\nmax_drift: 1 ppm\n\
             evidence: {directory: /var/log/x, interval: 5 s, keep_days: 1827, anchor: off}\n\
             metrics:\n  listen: 127.0.0.1:9321\n  events: true\n",
        )
        .expect("a good file");
        assert!(s.automatic && s.system_role == SystemRole::SinkOrSource);
        assert_eq!(s.instances[1].clock, Some(ClockName::Virtual("/run/clock".into())));
        assert_eq!(s.instances[1].sinks, [ClockName::Auxiliary(1)]);
        assert_eq!(s.sinks, [ClockName::Auxiliary(0)]);
        assert_eq!((s.instances[1].domain_number, s.rate, s.readings), (24, 8.0, 9));
        assert_eq!((s.step, s.first_step, s.smear_window), (1e-4, 0.0, 72_000.0));
        assert_eq!((s.output, s.leap), (Output::Servo(ServoKind::Adaptive), LeapMode::SmearCosine));
        assert_eq!(s.extra_sources[0].error, TimeInterval::from_nanos(200));
        assert_eq!((s.max_slew, s.max_drift), (2_000.0, 1_000));
        let evidence = s.evidence.expect("it is wanted");
        assert_eq!((evidence.interval, evidence.keep_days), (Duration::from_secs(5), Some(1827)));
        assert_eq!((evidence.anchor, evidence.configuration.len()), (None, 64));
        let metrics = s.metrics.expect("it is asked for");
        assert!(metrics.events && !metrics.openshift_names && metrics.listen.is_local());
    }

    /// Each key of the table is asked for, and defaults are what they are without a file.
    #[test]
    fn every_key_of_the_table_has_an_effect() {
        let file = b"instances: [/run/a]\nsources: [{clock: phc3}]\n";
        let mut read = PHC_SYNC.read_octets(Path::new("phc-sync.yaml"), file, &Overrides::default());
        let with_defaults = settings(&mut read);
        assert_eq!(read.unread(), Vec::<String>::new());
        let usual = Settings {
            system_role: SystemRole::Sink,
            instances: with_defaults.instances.clone(),
            extra_sources: with_defaults.extra_sources.clone(),
            outlets: Outlets { level: Some(Outlets::level("info")), ..Outlets::default() },
            ..Settings::default()
        };
        assert_eq!(with_defaults, usual);
    }

    #[test]
    fn what_is_in_force_is_told_with_origins_and_read_again_is_the_same() {
        let file = b"system_clock: sink-or-source\nrate: 8\ninstances:\n  - /run/a\n  - {socket: /run/b, domain_number: 7}\n\
                     selection: intersection\nsources: [{chronyd: '127.0.0.1:323'}]\nlog_parts: [servo=warn]\n";
        let mut overrides = Overrides::default();
        overrides.set("-N", "readings", "9");
        let read = |octets: &[u8], overrides: &Overrides| {
            let read = PHC_SYNC.read_octets(Path::new("phc-sync.yaml"), octets, overrides);
            take(read, false, true).unwrap_or_else(|e| panic!("{}\n{e}", String::from_utf8_lossy(octets)))
        };
        let loaded = read(file, &overrides);
        let text = loaded.values.effective();
        for (key, origin) in [
            ("rate: 8", "phc-sync.yaml:2"),
            ("readings: 9", "command line, -N"),
            ("domain_number: 7", "phc-sync.yaml:5"),
            ("offset: off", "default"),
            ("# smear_window: 24h", "default; `leap_second` is not `smear-linear` or `smear-cosine`"),
        ] {
            let line =
                text.lines().find(|l| l.trim().starts_with(key)).unwrap_or_else(|| panic!("{key}: {text}"));
            assert!(line.ends_with(&format!("# {origin}")), "{line}");
        }
        let again = read(text.as_bytes(), &Overrides::default());
        assert_eq!(again.settings, loaded.settings);
        assert_eq!(loaded.values.changes(&again.values), (Vec::new(), Vec::new()));
    }

    #[test]
    fn a_reload_takes_over_what_it_can_and_leaves_the_rest() {
        let read = |text: &str| {
            let read =
                PHC_SYNC.read_octets(Path::new("phc-sync.yaml"), text.as_bytes(), &Overrides::default());
            take(read, false, true).expect("a good file")
        };
        let old = read("rate: 1\ninstances: [/run/a]\nservo: pi\n");
        let new = read(
            "rate: 4\ninstances: [/run/a, /run/b]\nservo: adaptive\nstep_threshold: 1 ms\nchrony_sock: /run/x\n",
        );
        let (live, restart) = old.values.changes(&new.values);
        let keys = |c: &[ptp_config::Change]| c.iter().map(|c| c.key.clone()).collect::<Vec<_>>();
        assert_eq!(keys(&live), ["instances", "rate", "servo", "step_threshold"]);
        assert_eq!(keys(&restart), ["chrony_sock"]);
        let taken = taken_over(&old, &new).expect("it fits");
        assert_eq!((taken.rate, taken.step, taken.instances.len()), (4.0, 1e-3, 2));
        assert_eq!(taken.output, Output::Servo(ServoKind::Adaptive));
        let instances = taken.instances.clone();
        let output = taken.output.clone();
        assert_eq!(taken, Settings { rate: 4.0, step: 1e-3, instances, output, ..old.settings });
    }

    #[test]
    fn the_shortest_file() {
        let s = text("system_clock: sink\n").expect("a good file");
        assert_eq!(s.instances_or_default()[0].socket, Path::new(DEFAULT_SOCKET));
        let s = text("source: phc0\nsinks: [phc1, phc2]\n").expect("a good file");
        assert!(!s.automatic && s.sinks.len() == 2);
    }

    #[test]
    fn mistakes_have_a_place() {
        for (yaml, part) in [
            ("", "empty"),
            ("sytem_clock: sink\n", "did you mean `system_clock`?"),
            ("system_clock: always\n", "not one of the words"),
            ("rate: 0\n", "out of range"),
            ("smear_window: 3 h\n", "no effect"),
            ("metrics: {listne: /run/m}\n", "did you mean `listen`?"),
            ("openshift_names: true\n", "below `metrics:`"),
            ("leap_second: smear-linear\nsmear_window: 3\n", "3h"),
            ("source: eth99\n", "eth99"),
            ("sinks: [1]\nsource: phc0\n", "names no clock"),
            ("source: phc0\n", "-w or -O"),
            ("sources:\n  - error: 1 us\n", "one of"),
            ("selection: intersection\n", "three"),
            ("rate: 1\nrate: 2\n", "twice"),
            ("metrics: {listen: 9320}\n", "127.0.0.1:9320"),
            ("metrics: {events: true}\n", "`metrics.listen` is `off`"),
            ("instances: {socket: [1]}\n", "one value"),
        ] {
            match text(yaml) {
                Err(e) => assert!(e.contains(part), "{yaml}: {e}"),
                Ok(s) => panic!("{yaml}: {s:?}"),
            }
        }
    }
}
