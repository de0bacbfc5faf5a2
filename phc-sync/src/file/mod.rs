//! `phc-sync.yaml`.

mod fields;

use std::path::Path;
use std::time::Duration;

use ptp_clock::ClockName;
use ptp_config::document::{self, Content, Node, Refusal, Source};
use ptp_config::{Diagnostic, Diagnostics, Problem};
use ptp_daemon::http;
use ptp_evidence::EvidenceOptions;
use ptp_wire::TimeInterval;

use crate::settings::{
    DEFAULT_SOCKET, ExtraKind, ExtraSource, Instance, LeapMode, Output, Selection, Settings, SystemRole,
};
use fields::{Fields, Reader, scalar};

const DAY_NS: i64 = 86_400_000_000_000;

/// Reads the file over the defaults.
pub(crate) fn load(path: &Path) -> Result<Settings, Diagnostics> {
    match Source::read(path) {
        Ok(source) => read(&source),
        Err(diagnostic) => Err(Diagnostics::new(vec![*diagnostic])),
    }
}

fn read(source: &Source) -> Result<Settings, Diagnostics> {
    let mut out = Vec::new();
    let tree = source.tree(&mut out);
    let mut reader = Reader { source, out };
    let settings = match &tree.root {
        Some(root) => settings(&mut reader, root),
        None => {
            if !tree.cut {
                let empty = Diagnostic::new(Problem::Missing, "the file is empty").in_file(&source.path);
                reader
                    .out
                    .push(empty.help("`system_clock: sink` is enough to follow the usual PTP instance"));
            }
            None
        }
    };
    match settings {
        Some(settings) if reader.out.is_empty() => Ok(settings),
        _ => Err(Diagnostics::new(reader.out)),
    }
}

fn settings(r: &mut Reader<'_>, root: &Node) -> Option<Settings> {
    let mut f = r.fields(root, "")?;
    let mut s = Settings { automatic: true, system_role: SystemRole::Sink, ..Settings::default() };
    if let Some(i) = r.choice(&mut f, "system_clock", &["untouched", "sink", "sink-or-source"]) {
        s.system_role = [SystemRole::None, SystemRole::Sink, SystemRole::SinkOrSource][i.min(2)];
    }
    if let Some(name) = clock(r, &mut f, "system_clock_device") {
        s.system_clock = name;
    }
    for node in r.list(&mut f, "instances") {
        if let Some(instance) = instance(r, node) {
            s.instances.push(instance);
        }
    }
    manual(r, &mut f, &mut s);
    servo(r, &mut f, &mut s);
    if let Some(i) = r.choice(&mut f, "leap_second", &["kernel", "servo", "smear-linear", "smear-cosine"]) {
        s.leap = [LeapMode::Kernel, LeapMode::Servo, LeapMode::SmearLinear, LeapMode::SmearCosine][i.min(3)];
    }
    if let Some(window) = interval(r, &mut f, "smear_window", 1_000_000_000, 2 * DAY_NS) {
        s.smear_window = window.nanos_f64() * 1e-9;
    }
    selection(r, &mut f, &mut s);
    if let Some((path, _)) = r.text(&mut f, "error_bound_page") {
        s.bound_page = Some(path.into());
    }
    s.ready_when_started = r.choice(&mut f, "ready_when", &["synchronised", "started"]) == Some(1);
    if let Some(node) = f.take("evidence") {
        s.evidence = evidence(r, node);
    }
    let drift = r.value(&mut f, "max_drift", "0 ppb to 500 ppm", |t| document::frequency(t, 0.0, 500_000.0));
    if let Some(drift) = drift {
        s.max_drift = drift as u32;
    }
    s.metrics = f.take("metrics").and_then(|node| metrics(r, node));
    let place = f.place.clone();
    r.finish(f);
    if r.out.is_empty()
        && let Err(e) = s.check()
    {
        r.wrong(Problem::Contradiction, "", &place, e.to_string(), "");
    }
    Some(s)
}

fn evidence(r: &mut Reader<'_>, node: &Node) -> Option<EvidenceOptions> {
    let mut f = r.fields(node, "evidence")?;
    let mut options = EvidenceOptions::default();
    let place = f.place.clone();
    match r.text(&mut f, "directory") {
        Some((path, _)) => options.directory = path.into(),
        None => {
            let message = "`evidence` needs a `directory`".to_owned();
            r.wrong(
                Problem::Missing,
                "evidence",
                &place,
                message,
                "such as `directory: /var/log/escapement`",
            );
        }
    }
    let time = |i: TimeInterval| Duration::from_nanos(u64::try_from(i.nanos()).unwrap_or(0));
    if let Some(every) = interval(r, &mut f, "interval", 100_000_000, 3_600_000_000_000) {
        options.interval = time(every);
    }
    if let Some(days) = r.whole(&mut f, "keep_days", 0, 36_500) {
        options.keep_days = u32::try_from(days).ok().filter(|d| *d > 0);
    }
    if let Some(sync) = interval(r, &mut f, "sync", 0, 3_600_000_000_000) {
        options.sync = time(sync);
    }
    let anchor = r.value(&mut f, "anchor", "`off`, or a length of time up to 24 h", |t| match t {
        "off" => Ok(None),
        t => document::interval(t, 1, DAY_NS, "h").map(Some),
    });
    if let Some(anchor) = anchor {
        options.anchor = anchor.map(time);
    }
    r.finish(f);
    options.configuration = ptp_evidence::digest(r.source.text.as_bytes()).to_string();
    Some(options)
}

/// Metrics, health and events over HTTP.
fn metrics(r: &mut Reader<'_>, node: &Node) -> Option<http::Settings> {
    let mut f = r.fields(node, "metrics")?;
    let allowed = "an address and port, such as 127.0.0.1:9321, or the path of a UNIX socket";
    let listen = r.value(&mut f, "listen", allowed, |t| {
        t.parse().map_err(|label| Refusal { label, help: None, replacement: None })
    });
    let openshift_names = r.boolean(&mut f, "openshift_names").unwrap_or(false);
    let events = r.boolean(&mut f, "events").unwrap_or(false);
    let place = f.place.clone();
    r.finish(f);
    if listen.is_none() && r.out.is_empty() {
        let message = "`metrics` needs `listen`".to_owned();
        r.wrong(Problem::Missing, "metrics", &place, message, "such as `listen: 127.0.0.1:9321`");
    }
    Some(http::Settings { listen: listen?, openshift_names, events })
}

fn manual(r: &mut Reader<'_>, f: &mut Fields<'_>, s: &mut Settings) {
    s.source = clock(r, f, "source");
    for node in r.list(f, "sinks") {
        if let Some(name) = clock_of(r, node, "sinks") {
            s.sinks.push(name);
        }
    }
    if let Some((path, _)) = r.text(f, "pulses") {
        s.pps = Some(path.to_owned());
    }
    s.offset = interval(r, f, "offset", -DAY_NS, DAY_NS);
    s.wait = r.boolean(f, "wait").unwrap_or(false);
    s.automatic = s.source.is_none() && s.pps.is_none();
}

fn servo(r: &mut Reader<'_>, f: &mut Fields<'_>, s: &mut Settings) {
    if let Some(rate) = r.number(f, "rate", 0.001, 1_000.0) {
        s.rate = rate;
    }
    if let Some(readings) = r.whole(f, "readings", 1, 25) {
        s.readings = readings as u32;
    }
    if let Some(i) = r.choice(f, "servo", &["pi", "linreg", "adaptive"]) {
        s.output = [Output::Pi, Output::Linreg, Output::Adaptive][i.min(2)].clone();
    }
    if let Some(unit) = r.whole(f, "ntp_shm_unit", 0, 255) {
        s.output = Output::NtpShm(unit as u32);
    }
    if let Some((path, _)) = r.text(f, "chrony_sock") {
        s.output = Output::ChronySock(path.into());
    }
    if s.output.is_refclock() {
        s.sanity = 0.0;
    }
    if let Some(v) = r.number(f, "pi_proportional_const", 0.0, 1e9) {
        s.proportional = v;
    }
    if let Some(v) = r.number(f, "pi_integral_const", 0.0, 1e9) {
        s.integral = v;
    }
    let threshold = |r: &mut Reader<'_>, f: &mut Fields<'_>, key| {
        r.value(f, key, "`never`, or a length of time up to 24 h", |t| match t {
            "never" => Ok(0.0),
            t => document::interval(t, 0, DAY_NS, "us").map(|v| v.nanos_f64() * 1e-9),
        })
    };
    if let Some(v) = threshold(r, f, "step_threshold") {
        s.step = v;
    }
    if let Some(v) = threshold(r, f, "first_step_threshold") {
        s.first_step = v;
    }
    let sanity =
        r.value(f, "sanity_freq_limit", "0 ppb to 2000000 ppm", |t| document::frequency(t, 0.0, 2e9));
    if let Some(v) = sanity {
        s.sanity = v;
    }
    if let Some(count) = r.whole(f, "summary_updates", 0, i64::from(u32::MAX)) {
        s.summary = count as u32;
    }
    s.free_running = r.boolean(f, "free_running").unwrap_or(false);
}

fn selection(r: &mut Reader<'_>, f: &mut Fields<'_>, s: &mut Settings) {
    if r.choice(f, "selection", &["priority", "intersection"]) == Some(1) {
        s.selection = Selection::Intersection;
    }
    for node in r.list(f, "sources") {
        if let Some(source) = extra(r, node) {
            s.extra_sources.push(source);
        }
    }
    if let Some(error) = interval(r, f, "source_error", 0, 1_000_000_000) {
        s.source_error = error;
    }
    let slew = r.value(f, "max_slew", "1 ppb to 500 ppm", |t| document::frequency(t, 1.0, 500_000.0));
    if let Some(slew) = slew {
        s.max_slew = slew;
    }
}

fn instance(r: &mut Reader<'_>, node: &Node) -> Option<Instance> {
    let mut instance =
        Instance { socket: DEFAULT_SOCKET.into(), domain_number: 0, major_sdo_id: 0, clock: None };
    // A socket alone is enough.
    if let Some(path) = scalar(node) {
        instance.socket = path.into();
        return Some(instance);
    }
    let mut f = r.fields(node, "instances")?;
    if let Some((path, _)) = r.text(&mut f, "socket") {
        instance.socket = path.into();
    }
    if let Some(v) = r.whole(&mut f, "domain_number", 0, 255) {
        instance.domain_number = v as u8;
    }
    if let Some(v) = r.whole(&mut f, "major_sdo_id", 0, 15) {
        instance.major_sdo_id = v as u8;
    }
    instance.clock = clock(r, &mut f, "clock");
    r.finish(f);
    Some(instance)
}

fn extra(r: &mut Reader<'_>, node: &Node) -> Option<ExtraSource> {
    let mut f = r.fields(node, "sources")?;
    let by_clock = clock(r, &mut f, "clock").map(ExtraKind::Clock);
    let by_pulses = r.text(&mut f, "pulses").map(|(p, _)| ExtraKind::Pps(p.to_owned()));
    let by_chronyd = r.text(&mut f, "chronyd").map(|(p, _)| ExtraKind::Chronyd(p.to_owned()));
    let error = interval(r, &mut f, "error", 0, 1_000_000_000);
    let place = f.place.clone();
    r.finish(f);
    match (by_clock, by_pulses, by_chronyd) {
        (Some(kind), None, None) | (None, Some(kind), None) | (None, None, Some(kind)) => {
            Some(ExtraSource { kind, error: error.unwrap_or(TimeInterval::from_nanos(1_000)) })
        }
        _ => {
            let message = "a source is one of `clock`, `pulses` and `chronyd`".to_owned();
            r.wrong(Problem::Missing, "sources", &place, message, "such as `- clock: phc1`");
            None
        }
    }
}

fn clock(r: &mut Reader<'_>, f: &mut Fields<'_>, key: &'static str) -> Option<ClockName> {
    r.value(f, key, "a clock: phc0, an interface with one, system, virtual:PATH", parse_clock)
}

fn clock_of(r: &mut Reader<'_>, node: &Node, path: &str) -> Option<ClockName> {
    let text = scalar(node);
    let parsed = text.map(parse_clock);
    if let Some(Ok(name)) = parsed {
        return Some(name);
    }
    if !matches!(node.content, Content::Refused) {
        let message = format!("`{}` names no clock", document::brief(text.unwrap_or("this")));
        r.wrong(
            Problem::WrongType,
            path,
            &node.place,
            message,
            "phc0, an interface with one, system, virtual:PATH",
        );
    }
    None
}

fn parse_clock(text: &str) -> Result<ClockName, Refusal> {
    crate::phc2sys::clock(text).map_err(|e| Refusal {
        label: "names no clock".into(),
        help: Some(e),
        replacement: None,
    })
}

fn interval(
    r: &mut Reader<'_>,
    f: &mut Fields<'_>,
    key: &'static str,
    min: i64,
    max: i64,
) -> Option<TimeInterval> {
    let allowed = "a length of time with its unit";
    r.value(f, key, allowed, |t| document::interval(t, min, max, "s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(yaml: &str) -> Result<Settings, String> {
        let source = Source::from_octets(Path::new("phc-sync.yaml"), yaml.as_bytes().to_vec());
        read(&source.map_err(|e| e.message)?).map_err(|e| e.to_string())
    }

    #[test]
    fn a_whole_file() {
        let s = text(
            "system_clock: sink-or-source\ninstances:\n  - /run/a\n  - socket: /run/b\n    domain_number: 24\n    \
             clock: virtual:/run/clock\nrate: 8\nreadings: 9\nservo: adaptive\nstep_threshold: 100 us\n\
             first_step_threshold: never\nleap_second: smear-cosine\nsmear_window: 20 h\nselection: intersection\n\
             sources:\n  - clock: phc3\n    error: 200 ns\n  - chronyd: /run/chrony/chronyd.sock\nmax_slew: 2 ppm\n\
             error_bound_page: /run/x\nmax_drift: 1 ppm\n\
             evidence: {directory: /var/log/x, interval: 5 s, keep_days: 1827, anchor: off}\n\
             metrics:\n  listen: 127.0.0.1:9321\n  events: true\n",
        )
        .expect("a good file");
        assert!(s.automatic && s.system_role == SystemRole::SinkOrSource);
        assert_eq!(s.instances[1].clock, Some(ClockName::Virtual("/run/clock".into())));
        assert_eq!((s.instances[1].domain_number, s.rate, s.readings), (24, 8.0, 9));
        assert_eq!((s.step, s.first_step, s.smear_window), (1e-4, 0.0, 72_000.0));
        assert_eq!((s.output, s.leap), (Output::Adaptive, LeapMode::SmearCosine));
        assert_eq!(s.extra_sources[0].error, TimeInterval::from_nanos(200));
        assert_eq!((s.max_slew, s.max_drift), (2_000.0, 1_000));
        let evidence = s.evidence.expect("it is wanted");
        assert_eq!((evidence.interval, evidence.keep_days), (Duration::from_secs(5), Some(1827)));
        assert_eq!((evidence.anchor, evidence.configuration.len()), (None, 64));
        let metrics = s.metrics.expect("it is asked for");
        assert!(metrics.events && !metrics.openshift_names && metrics.listen.is_local());
    }

    #[test]
    fn the_manual_page_knows_every_key() {
        let page = include_str!("../../../docs/man/phc-sync.yaml.5");
        let own = include_str!("mod.rs").split("mod tests").next().unwrap_or_default();
        let mut known = 0;
        for call in own.split("(r, ").chain(own.split("r.")).skip(1) {
            let Some(rest) = call.split_once("f, \"").map(|(_, rest)| rest) else { continue };
            let key = rest.split('"').next().unwrap_or_default();
            assert!(page.contains(key), "`{key}` is missing in docs/man/phc-sync.yaml.5");
            known += 1;
        }
        assert!(known > 20, "only {known} keys found");
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
            ("smear_window: 3\n", "3s"),
            ("source: eth99\n", "eth99"),
            ("sinks: [1]\nsource: phc0\n", "names no clock"),
            ("source: phc0\n", "-w or -O"),
            ("sources:\n  - error: 1 us\n", "one of"),
            ("selection: intersection\n", "three"),
            ("rate: 1\nrate: 2\n", "twice"),
            ("metrics: {listen: 9320}\n", "127.0.0.1:9320"),
            ("metrics: {events: true}\n", "needs `listen`"),
            ("instances: {socket: [1]}\n", "one value"),
        ] {
            match text(yaml) {
                Err(e) => assert!(e.contains(part), "{yaml}: {e}"),
                Ok(s) => panic!("{yaml}: {s:?}"),
            }
        }
    }
}
