//! `ts2phc.yaml`: what the options say, and each clock on its own. Every key is one row of [`KEYS`] or [`CLOCK_KEYS`].

use core::time::Duration;
use std::path::Path;

use ptp_clock::{Edge, Pin};
use ptp_config::document::{self, Content, Node, Refusal, Source};
use ptp_config::{Diagnostic, Diagnostics, Problem};
use ptp_daemon::Outlets;
use ptp_daemon::http::{self, Listen};
use ptp_evidence::EvidenceOptions;
use ptp_wire::TimeInterval;

use crate::discipline::Steering;
use crate::grandmaster::{Accuracy, GrandmasterConfig, Profile};
use crate::settings::{AnnounceSettings, Leaps, MakerSettings, Settings, SinkSettings, TimeFrom};
use crate::time_of_day::Names;
use crate::witness::{Policy, WitnessKind, WitnessSettings};

/// A key, what it takes, and what it does.
type Row<T> = (&'static str, &'static str, fn(&mut T, &str) -> Result<(), Refusal>);

const DAY: i64 = 86_400_000_000_000;

/// Keys of the file.
pub const KEYS: &[Row<Settings>] = &[
    ("time", "a serial line, tcp:HOST:PORT, gpsd[:HOST[:PORT]], system, or clock:NAME", |s, t| {
        s.time = match t.strip_prefix("clock:") {
            _ if t == "system" => TimeFrom::System,
            Some(clock) => {
                s.maker = Some(MakerSettings { clock: clock.to_owned(), channel: 0, pin: None, phase: None });
                TimeFrom::Clock(clock.to_owned())
            }
            None => TimeFrom::Receiver(t.parse().map_err(refusal)?),
        };
        Ok(())
    }),
    ("baud", "300 to 4000000", |s, t| set(&mut s.baud, document::whole(t, 300, 4_000_000)?)),
    ("sentence_names", "previous or next", |s, t| {
        s.names = word(t, &[("previous", Names::Previous), ("next", Names::Next)])?;
        Ok(())
    }),
    ("sentence_delay", "a time up to 2 s", |s, t| {
        s.sentence_delay = document::interval(t, -2_000_000_000, 2_000_000_000, "ms")?.nanos();
        Ok(())
    }),
    ("utc_offset", "seconds, 0 to 999", |s, t| {
        let mut offset = 0;
        set(&mut offset, document::whole(t, 0, 999)?)?;
        s.leaps = Leaps::Fixed(offset);
        Ok(())
    }),
    ("leap_file", "a path", |s, t| {
        s.leaps = Leaps::File(t.into());
        Ok(())
    }),
    ("rate", "1 to 128", |s, t| set(&mut s.rate, document::whole(t, 1, 128)?)),
    ("width", "a time", |s, t| {
        s.width = Some(document::duration(t, "ms")?);
        Ok(())
    }),
    ("time_holdover", "a time", |s, t| duration(&mut s.time_holdover, t)),
    ("min_satellites", "0 to 64", |s, t| set(&mut s.limits.min_satellites, document::whole(t, 0, 64)?)),
    ("max_move", "metres, or off", |s, t| {
        s.limits.max_move_m = if t == "off" { None } else { Some(document::number(t, 1.0, 1e7)?) };
        Ok(())
    }),
    ("witness_majority", "true or false", |s, t| {
        s.doubt.policy = word(t, &[("true", Policy::Majority), ("false", Policy::Any)])?;
        Ok(())
    }),
    ("disagree_for", "a time", |s, t| duration(&mut s.doubt.disagree_for, t)),
    ("agree_for", "a time", |s, t| duration(&mut s.doubt.agree_for, t)),
    ("servo", "adaptive, pi or free-running", |s, t| {
        s.steering = word(
            t,
            &[
                ("adaptive", Steering::Adaptive),
                ("pi", Steering::Pi),
                ("free-running", Steering::FreeRunning),
            ],
        )?;
        Ok(())
    }),
    ("step_threshold", "a time, or off", |s, t| threshold(&mut s.servo.step_threshold, t)),
    ("first_step_threshold", "a time, or off", |s, t| threshold(&mut s.servo.first_step_threshold, t)),
    ("state_file", "a path", |s, t| {
        s.state = Some(t.into());
        Ok(())
    }),
    ("log_level", "error, warn, info, debug or trace", |s, t| {
        s.outlets.level = Some(word(t, &Outlets::LEVELS)?);
        Ok(())
    }),
    ("log_journal", "the path of journald's socket", |s, t| {
        s.outlets.journal = Some(t.into());
        Ok(())
    }),
    ("events_socket", "a path", |s, t| {
        s.outlets.socket = Some(t.into());
        Ok(())
    }),
    ("events_socket_mode", "an octal mode, such as 0660", |s, t| {
        s.outlets.socket_mode = document::mode(t)?;
        Ok(())
    }),
    ("ready_when", "synchronised or started", |s, t| {
        s.ready_when_started = word(t, &[("synchronised", false), ("started", true)])?;
        Ok(())
    }),
    ("domain_number", "0 to 255", |s, t| set(&mut told(s).domain_number, document::whole(t, 0, 255)?)),
    ("profile", "default, default-b, telecom, telecom-category1 or telecom-category2", |s, t| {
        told(s).grandmaster.profile = word(t, &Profile::WORDS)?;
        Ok(())
    }),
    ("clock_accuracy", "measured or unknown", |s, t| {
        told(s).grandmaster.accuracy =
            word(t, &[("measured", Accuracy::Measured), ("unknown", Accuracy::Unknown)])?;
        Ok(())
    }),
    ("grace", "a time", |s, t| duration(&mut told(s).grandmaster.grace, t)),
    ("settle", "1 to 1000 pulses", |s, t| set(&mut told(s).grandmaster.settle, document::whole(t, 1, 1000)?)),
    ("lock_within", "a time", |s, t| nanos(&mut told(s).grandmaster.lock_within_ns, t)),
    ("agree_within", "a time", |s, t| nanos(&mut told(s).grandmaster.agree_within_ns, t)),
    ("in_spec", "a time", |s, t| nanos(&mut told(s).grandmaster.in_spec_ns, t)),
    ("in_spec_for", "a time", |s, t| duration(&mut told(s).grandmaster.in_spec_for, t)),
    ("out_of_spec", "a time", |s, t| nanos(&mut told(s).grandmaster.out_of_spec_ns, t)),
    ("out_of_spec_for", "a time", |s, t| duration(&mut told(s).grandmaster.out_of_spec_for, t)),
    ("reference_error", "a time", |s, t| nanos(&mut told(s).grandmaster.reference_ns, t)),
];

/// Keys of one of `clocks`.
pub const CLOCK_KEYS: &[Row<SinkSettings>] = &[
    ("clock", "phcN, /dev/ptpN, virtual:PATH, or an interface", |s, t| {
        s.clock = t.to_owned();
        Ok(())
    }),
    ("channel", "a number", |s, t| set(&mut s.channel, document::whole(t, 0, i64::from(i32::MAX))?)),
    ("pin", "a number or a name", |s, t| {
        s.pin = Some(t.parse().map_or_else(|_| Pin::Name(t.to_owned()), Pin::Index));
        Ok(())
    }),
    ("edge", "rising, falling or both", |s, t| {
        s.edge = word(t, &[("rising", Edge::Rising), ("falling", Edge::Falling), ("both", Edge::Both)])?;
        Ok(())
    }),
    ("cable_delay", "a time up to 10 s", |s, t| {
        s.correction = -document::interval(t, -10_000_000_000, 10_000_000_000, "ns")?;
        Ok(())
    }),
    ("pps", "/dev/ppsN", |s, t| {
        s.pps = Some(t.to_owned());
        Ok(())
    }),
];

/// Keys of one of `witnesses`.
pub const WITNESS_KEYS: &[Row<Witnessing>] = &[
    ("ntp", "the path of chronyd's command socket, or HOST:PORT", |w, t| {
        w.is(WitnessKind::Ntp(t.to_owned()))
    }),
    ("ptp", "the path of a PTP daemon's management socket", |w, t| w.is(WitnessKind::Ptp(t.into()))),
    ("clock", "phcN, /dev/ptpN, virtual:PATH, or an interface", |w, t| {
        w.clock = Some(t.to_owned());
        Ok(())
    }),
    ("error", "a time", |w, t| nanos(&mut w.error_ns, t)),
    ("domain_number", "0 to 255", |w, t| set(&mut w.domain_number, document::whole(t, 0, 255)?)),
];

/// One of `witnesses`, as far as it has been read.
#[derive(Clone, Debug)]
pub struct Witnessing {
    kind: Option<WitnessKind>,
    clock: Option<String>,
    error_ns: f64,
    domain_number: u8,
}

impl Witnessing {
    fn is(&mut self, kind: WitnessKind) -> Result<(), Refusal> {
        match self.kind.replace(kind) {
            None => Ok(()),
            Some(_) => Err(refusal("a witness is one of `ntp` and `ptp`".to_owned())),
        }
    }

    /// With a PTP daemon `clock` is its clock; alone it is the witness.
    fn settings(self) -> Option<WitnessSettings> {
        let Self { kind, clock, error_ns, domain_number } = self;
        match (kind, clock) {
            (Some(WitnessKind::Ntp(_)), Some(_)) | (None, None) => None,
            (Some(kind), clock) => Some(WitnessSettings { kind, clock, error_ns, domain_number }),
            (None, Some(name)) => {
                let kind = WitnessKind::Clock(name);
                Some(WitnessSettings { kind, clock: None, error_ns, domain_number })
            }
        }
    }
}

/// Keys of `evidence`.
pub const EVIDENCE_KEYS: &[Row<EvidenceOptions>] = &[
    ("directory", "a path", |o, t| {
        o.directory = t.into();
        Ok(())
    }),
    ("interval", "a time from 0.1 s to 1 h", |o, t| {
        let ns = document::interval(t, 100_000_000, 3_600_000_000_000, "s")?.nanos();
        o.interval = Duration::from_nanos(u64::try_from(ns).unwrap_or(1_000_000_000));
        Ok(())
    }),
    ("keep_days", "0 to 36500", |o, t| {
        let days = document::whole(t, 0, 36_500)?;
        o.keep_days = u32::try_from(days).ok().filter(|d| *d > 0);
        Ok(())
    }),
    ("sync", "a time", |o, t| duration(&mut o.sync, t)),
    ("anchor", "a time, or off", |o, t| {
        o.anchor = if t == "off" { None } else { Some(document::duration(t, "h")?) };
        Ok(())
    }),
];

/// Keys of `metrics`.
pub const METRICS_KEYS: &[Row<Metrics>] = &[
    ("listen", "an address and port, such as 127.0.0.1:9322, or the path of a UNIX socket", |m, t| {
        m.listen = Some(t.parse().map_err(refusal)?);
        Ok(())
    }),
    ("openshift_names", "true or false", |m, t| {
        m.openshift_names = word(t, &[("true", true), ("false", false)])?;
        Ok(())
    }),
    ("events", "true or false", |m, t| {
        m.events = word(t, &[("true", true), ("false", false)])?;
        Ok(())
    }),
];

/// `metrics`, as far as it has been read.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    listen: Option<Listen>,
    openshift_names: bool,
    events: bool,
}

fn refusal(label: String) -> Refusal {
    Refusal { label, ..Refusal::default() }
}

fn told(s: &mut Settings) -> &mut AnnounceSettings {
    s.announce.get_or_insert_with(|| AnnounceSettings {
        sockets: Vec::new(),
        domain_number: 0,
        grandmaster: GrandmasterConfig::default(),
    })
}

/// A number that was checked against its range.
fn set<T: TryFrom<i64>>(place: &mut T, value: i64) -> Result<(), Refusal> {
    *place = T::try_from(value).map_err(|_| refusal("out of range".to_owned()))?;
    Ok(())
}

fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, Refusal> {
    let found = words.iter().find(|(w, _)| *w == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let near = document::nearest(text, words.iter().map(|(w, _)| *w));
        Refusal { label: "no such word".to_owned(), replacement: near.map(str::to_owned), help: None }
    })
}

fn duration(place: &mut Duration, text: &str) -> Result<(), Refusal> {
    *place = document::duration(text, "s")?;
    Ok(())
}

fn nanos(place: &mut f64, text: &str) -> Result<(), Refusal> {
    *place = document::interval(text, 0, DAY, "ns")?.nanos_f64();
    Ok(())
}

fn threshold(place: &mut Option<TimeInterval>, text: &str) -> Result<(), Refusal> {
    *place = if text == "off" { None } else { Some(document::interval(text, 1, DAY, "us")?) };
    Ok(())
}

/// Reads a file.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn load(path: &Path) -> Result<Settings, Diagnostics> {
    Source::read(path).map_err(|d| Diagnostics::new(vec![*d])).and_then(|source| assemble(&source))
}

struct Reader<'a> {
    source: &'a Source,
    out: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn wrong(&mut self, problem: Problem, key: &str, node: &Node, message: String) -> &mut Diagnostic {
        if self.out.len() >= document::TOO_MANY {
            self.out.pop();
        }
        self.out.push(self.source.diagnose(problem, message, &node.place).key(key));
        let last = self.out.len() - 1;
        &mut self.out[last]
    }

    /// Keys by a table; those in `others` are left to the caller.
    fn rows<T>(&mut self, node: &Node, rows: &[Row<T>], others: &[&str], to: &mut T) {
        let Content::Map(map) = &node.content else {
            if !matches!(node.content, Content::Refused) {
                self.wrong(Problem::WrongType, "", node, "keys and values are expected".to_owned());
            }
            return;
        };
        let mut seen: Vec<&str> = Vec::new();
        for (key, value) in map {
            let Content::Scalar { text: name, .. } = &key.content else { continue };
            if seen.contains(&name.as_str()) {
                self.wrong(
                    Problem::DuplicateKey,
                    name,
                    key,
                    format!("`{}` stands here twice", document::brief(name)),
                );
                continue;
            }
            seen.push(name);
            let Some((name, takes, apply)) = rows.iter().find(|(n, ..)| n == name) else {
                if !others.contains(&name.as_str()) {
                    let names = rows.iter().map(|(n, ..)| *n).chain(others.iter().copied());
                    let near = document::nearest(name, names).map(|n| format!("did you mean `{n}`?"));
                    let message = format!("unknown key `{}`", document::brief(name));
                    let wrong = self.wrong(Problem::UnknownKey, name, key, message);
                    wrong.help = near;
                }
                continue;
            };
            match &value.content {
                Content::Scalar { text, .. } => {
                    if let Err(refused) = apply(to, text) {
                        let message = format!("`{name}` cannot be `{}`", document::brief(text));
                        let wrong = self.wrong(Problem::OutOfRange, name, value, message);
                        *wrong = wrong
                            .clone()
                            .label(refused.label)
                            .allowed(*takes)
                            .replacement(refused.replacement);
                    }
                }
                Content::Refused => {}
                _ => {
                    let message = format!("`{name}` takes one value");
                    self.wrong(Problem::WrongType, name, value, message);
                }
            }
        }
    }
}

fn assemble(source: &Source) -> Result<Settings, Diagnostics> {
    let mut out = Vec::new();
    let tree = source.tree(&mut out);
    let mut reader = Reader { source, out };
    let mut settings = Settings::new(TimeFrom::System);
    let missing =
        |key: &str, message: &str| Diagnostic::new(Problem::Missing, message).in_file(&source.path).key(key);
    if let Some(root) = &tree.root {
        reader.rows(root, KEYS, &["clocks", "announce", "witnesses", "evidence", "metrics"], &mut settings);
        let entry = |name: &str| match &root.content {
            Content::Map(map) => map
                .iter()
                .find(|(k, _)| matches!(&k.content, Content::Scalar { text, .. } if text == name))
                .map(|(_, value)| value),
            _ => None,
        };
        if entry("time").is_none() {
            reader.out.push(missing("time", "`time` is needed: who says which second a pulse is"));
        }
        if let Some(node) = entry("clocks") {
            clocks(&mut reader, node, &mut settings);
        }
        if let Some(node) = entry("witnesses") {
            witnesses(&mut reader, node, &mut settings);
        }
        if let Some(node) = entry("metrics") {
            metrics(&mut reader, node, &mut settings);
        }
        if let Some(node) = entry("announce") {
            sockets(&mut reader, node, &mut settings);
        }
        if let Some(node) = entry("evidence") {
            let configuration = ptp_evidence::digest(source.text.as_bytes()).to_string();
            let mut options = EvidenceOptions { configuration, ..EvidenceOptions::default() };
            reader.rows(node, EVIDENCE_KEYS, &[], &mut options);
            if options.directory.as_os_str().is_empty() {
                let message = "`evidence` needs a `directory`".to_owned();
                reader.wrong(Problem::Missing, "directory", node, message);
            }
            settings.evidence = Some(options);
        }
    }
    if settings.sinks.is_empty() && !tree.cut {
        reader.out.push(missing("clocks", "`clocks` is needed: a list of `- clock: NAME`"));
    }
    // Settings of the lock state alone tell it to nobody.
    if reader.out.is_empty() { Ok(settings) } else { Err(Diagnostics::new(reader.out)) }
}

fn clocks(reader: &mut Reader<'_>, node: &Node, settings: &mut Settings) {
    let Content::List(items) = &node.content else {
        reader.wrong(Problem::WrongType, "clocks", node, "`clocks` takes a list".to_owned());
        return;
    };
    for item in items {
        let mut sink = SinkSettings::new("");
        reader.rows(item, CLOCK_KEYS, &[], &mut sink);
        if sink.clock.is_empty() {
            reader.wrong(Problem::Missing, "clock", item, "`clock` is needed".to_owned());
        }
        settings.sinks.push(sink);
    }
}

fn witnesses(reader: &mut Reader<'_>, node: &Node, settings: &mut Settings) {
    let Content::List(items) = &node.content else {
        reader.wrong(Problem::WrongType, "witnesses", node, "`witnesses` takes a list".to_owned());
        return;
    };
    for item in items {
        let error_ns = WitnessSettings::ERROR_NS;
        let mut read = Witnessing { kind: None, clock: None, error_ns, domain_number: 0 };
        reader.rows(item, WITNESS_KEYS, &[], &mut read);
        match read.settings() {
            Some(witness) => settings.witnesses.push(witness),
            None => {
                let message = "a witness is `ntp`, `clock`, or `ptp` with or without `clock`".to_owned();
                reader.wrong(Problem::Missing, "witnesses", item, message);
            }
        }
    }
}

fn metrics(reader: &mut Reader<'_>, node: &Node, settings: &mut Settings) {
    let mut read = Metrics::default();
    reader.rows(node, METRICS_KEYS, &[], &mut read);
    match read.listen {
        Some(listen) => {
            let (openshift_names, events) = (read.openshift_names, read.events);
            settings.metrics = Some(http::Settings { listen, openshift_names, events });
        }
        None => {
            reader.wrong(Problem::Missing, "listen", node, "`metrics` needs `listen`".to_owned());
        }
    }
}

/// One socket, or a list of them.
fn sockets(reader: &mut Reader<'_>, node: &Node, settings: &mut Settings) {
    let items = match &node.content {
        Content::List(items) => items.as_slice(),
        _ => core::slice::from_ref(node),
    };
    for item in items {
        match &item.content {
            Content::Scalar { text, .. } if !text.is_empty() => told(settings).sockets.push(text.into()),
            _ => {
                let message = "`announce` takes the paths of management sockets".to_owned();
                reader.wrong(Problem::WrongType, "announce", item, message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceName;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Settings, Diagnostics> {
        let source = Source::from_octets(Path::new("ts2phc.yaml"), text.as_bytes().to_vec());
        assemble(&source.expect("UTF-8"))
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

    #[test]
    fn the_manual_page_knows_every_key() {
        let page = include_str!("../../docs/man/ts2phc.yaml.5");
        let clocks = CLOCK_KEYS.iter().map(|(key, ..)| *key);
        let witnesses = WITNESS_KEYS.iter().map(|(key, ..)| *key);
        let lists = ["clocks", "announce", "witnesses"];
        for key in KEYS.iter().map(|(key, ..)| *key).chain(clocks).chain(witnesses).chain(lists) {
            let first = format!(".B {key}\n");
            let (pair, second) = (format!(".B {key}\\fR"), format!("\\fB{key}\n"));
            let there = [first, pair, second].iter().any(|form| page.contains(form.as_str()));
            assert!(there, "`{key}` is missing in docs/man/ts2phc.yaml.5");
        }
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let wrong = read(
            "time: system\nrate: 129\nrate: 2\nbuad: 9600\nprofile: telcom\nmetrics: { listen: 9322 }\nclocks:\n  - { channel: x }\n\
             witnesses:\n  - { ntp: /run/c, ptp: /run/p }\n  - error: 1 us\n",
        )
        .expect_err("a lot is wrong");
        let text = format!("{wrong}");
        for piece in [
            "rate",
            "twice",
            "did you mean `baud`",
            "telecom",
            "channel",
            "`clock` is needed",
            "127.0.0.1:9322",
            "one of `ntp` and `ptp`",
            "with or without `clock`",
        ] {
            assert!(text.contains(piece), "{piece}: {text}");
        }
        assert!(format!("{}", read("baud: 9600\n").expect_err("bare")).contains("`time` is needed"));
        assert!(read("").is_err() && read("- a\n").is_err() && read("time: [a]\nclocks: 3\n").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[-a-z_:{}\\[\\], \n0-9\"]{0,120}") {
            let _ = read(&text);
        }
    }
}
