//! Scenario files: the whole, nodes, links.

use core::time::Duration;
use std::path::{Path, PathBuf};

use ptp_config::document::{self, Content, Node, Place, Source};
use ptp_config::{Diagnostic, Diagnostics, Overrides, Problem};
use ptp_wire::TimeInterval;
use ptpd::engine::Address;
use ptpd::host::{Settings, Stamps};

use super::super::{HostSpec, Jitter, LinkSpec, NodeSpec};
use super::clocks::{self, holdover_of};
use super::fields::{Fields, Reader, scalar};
use super::model::{LinkChange, LinkPlan, NodePlan, Scenario};
use super::{expect, steps};

/// The most copies of one node.
const MOST_COPIES: i64 = 1000;

/// What has been read so far, for names that refer to it.
pub(super) struct Context<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) profile_dirs: &'a [PathBuf],
    pub(super) nodes: Vec<NodePlan>,
    pub(super) links: Vec<LinkPlan>,
    pub(super) duration: Duration,
}

/// Reads a scenario file. `profile_dirs`: as for [`ptp_config::load`].
///
/// # Errors
/// Everything that is wrong with it and with the configurations in it, at once.
pub fn load(path: &Path, profile_dirs: &[PathBuf]) -> Result<Scenario, Diagnostics> {
    match Source::read(path) {
        Ok(source) => assemble(&source, profile_dirs),
        Err(diagnostic) => Err(Diagnostics::new(vec![*diagnostic])),
    }
}

/// Reads a scenario from a text, as if it stood in a file of that name.
///
/// # Errors
/// As [`load`].
pub fn load_text(path: &Path, text: &str, profile_dirs: &[PathBuf]) -> Result<Scenario, Diagnostics> {
    match Source::from_octets(path, text.as_bytes().to_vec()) {
        Ok(source) => assemble(&source, profile_dirs),
        Err(diagnostic) => Err(Diagnostics::new(vec![*diagnostic])),
    }
}

fn assemble(source: &Source, profile_dirs: &[PathBuf]) -> Result<Scenario, Diagnostics> {
    let mut out = Vec::new();
    let tree = source.tree(&mut out);
    let mut c = Context {
        reader: Reader { source, out },
        profile_dirs,
        nodes: Vec::new(),
        links: Vec::new(),
        duration: Duration::ZERO,
    };
    let scenario = match &tree.root {
        Some(root) => c.scenario(root),
        None => {
            if !tree.cut {
                let empty = Diagnostic::new(Problem::Missing, "the file is empty").in_file(&source.path);
                c.reader.out.push(empty.help("docs/rehearsing.md has a scenario to begin with"));
            }
            None
        }
    };
    match scenario {
        Some(scenario) if c.reader.out.is_empty() => Ok(scenario),
        _ => {
            if c.reader.out.is_empty() {
                c.reader.out.push(Diagnostic::new(Problem::Missing, "the scenario is not complete"));
            }
            Err(Diagnostics::new(c.reader.out))
        }
    }
}

impl Context<'_> {
    fn scenario(&mut self, root: &Node) -> Option<Scenario> {
        let mut top = self.reader.fields(root, "")?;
        let title = self.reader.text(&mut top, "title").map_or("a scenario", |(t, _)| t).to_owned();
        let seed = self.reader.whole(&mut top, "seed", 0, i64::MAX).unwrap_or(1) as u64;
        let duration = self.reader.duration(&mut top, "duration");
        if duration.is_none() && !top.has("duration") {
            self.reader.missing(&top, "duration", "write how long it lasts, such as `duration: 300 s`");
        }
        self.duration = duration.unwrap_or(Duration::MAX);
        let probe_interval =
            self.reader.duration(&mut top, "probe_interval").unwrap_or(Duration::from_secs(1));
        if probe_interval < Duration::from_millis(1) {
            let place = top.place.clone();
            let message = "`probe_interval` has to be 1 ms or more";
            self.reader.wrong(Problem::OutOfRange, "probe_interval", &place, message);
        }
        let watch = self.reader.boolean(&mut top, "watch").unwrap_or(false);
        match top.take("nodes") {
            Some(nodes) => self.nodes(nodes),
            None => self.reader.missing(&top, "nodes", "name at least one node below `nodes:`"),
        }
        if let Some(links) = top.take("links") {
            self.links(links);
        }
        let schedule = steps::read(self, &mut top);
        let expect = expect::read(self, &mut top);
        self.reader.finish(top);
        Some(Scenario {
            path: self.reader.source.path.clone(),
            title,
            seed,
            duration: duration?,
            probe_interval,
            watch,
            nodes: std::mem::take(&mut self.nodes),
            links: std::mem::take(&mut self.links),
            schedule,
            expect,
        })
    }

    fn nodes(&mut self, node: &Node) {
        let Some(all) = self.reader.fields(node, "nodes") else { return };
        for (name, place, value) in all.named() {
            let path = format!("nodes.{name}");
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
            if name.is_empty() || name.len() > 40 || !plain || name == "all" {
                let message = format!("`{}` is no name for a node", document::brief(name));
                self.reader.wrong_help(
                    Problem::WrongType,
                    &path,
                    place,
                    message,
                    "use letters, digits, `-`, `_` and `.`, at most 40; `all` stands for all nodes",
                );
                continue;
            }
            let Some(mut fields) = self.reader.fields(value, &path) else { continue };
            let settings = self.config(&mut fields, "config");
            let mut plan = self.node(name, &mut fields, settings.as_ref());
            let count = self.reader.whole(&mut fields, "count", 1, MOST_COPIES);
            self.addresses(&mut fields, &mut plan.spec, count.is_some());
            self.reader.finish(fields);
            for n in 1..=count.unwrap_or(1) {
                let mut copy = plan.clone();
                if count.is_some() {
                    copy.name = format!("{name}{n}");
                    copy.spec.name.clone_from(&copy.name);
                }
                if self.nodes.iter().any(|other| other.name == copy.name) {
                    let message = format!("there is a node `{}` already", copy.name);
                    self.reader.wrong(Problem::Contradiction, &path, place, message);
                }
                self.nodes.push(copy);
            }
        }
    }

    fn node(&mut self, name: &str, f: &mut Fields<'_>, settings: Option<&Settings>) -> NodePlan {
        let mut spec = match settings {
            Some(settings) => NodeSpec::from_settings(name, settings),
            None => NodeSpec::new(name),
        };
        let software = settings.is_some_and(|s| s.stamps == Stamps::Software);
        let clock = f.take("clock");
        let clock = clocks::read(self, clock, &format!("{}.clock", f.path), software);
        spec.clock = clock.spec;
        spec.temperature = clock.temperature;
        if let Some(node) = f.take("host") {
            spec.host = self.host(node, &format!("{}.host", f.path));
        }
        let path = f.inner("link_delay_of");
        if let Some((text, place)) = self.reader.text(f, "link_delay_of") {
            // One that stands before it.
            let service = self.named(text, place, &path).first().copied();
            spec.link_delay_of = service.map(|i| self.nodes[i].name.clone());
        }
        let start = match self.reader.text(f, "start") {
            None => Some(Duration::ZERO),
            Some(("never", _)) => None,
            Some((text, place)) => match document::duration(text, "s") {
                Ok(at) => Some(at),
                Err(refusal) => {
                    let path = f.inner("start");
                    let allowed = "a time, or `never`";
                    self.reader.refused(&path, "start", text, place, refusal, allowed);
                    None
                }
            },
        };
        spec.asleep = start != Some(Duration::ZERO);
        NodePlan {
            name: name.to_owned(),
            group: name.to_owned(),
            spec,
            offset_within: clock.offset_within,
            frequency_within: clock.frequency_within,
            start,
            holdover: holdover_of(clock.kind),
        }
    }

    /// A daemon's whole configuration: a mapping right here, or the path of a file.
    pub(super) fn config(&mut self, f: &mut Fields<'_>, key: &'static str) -> Option<Settings> {
        let path = f.inner(key);
        let Some(node) = f.take(key) else {
            self.reader.missing(f, key, "write `config: FILE`, or the configuration's keys below `config:`");
            return None;
        };
        let source = self.reader.source;
        let loaded = match &node.content {
            Content::Refused => return None,
            Content::Map(_) => {
                // Everything before it is blanked out: what is wrong inside has its true line and column.
                let octets = inline(&source.text, &(node.place.start..node.end));
                ptp_config::load_octets(
                    &source.path,
                    octets.as_bytes(),
                    self.profile_dirs,
                    &Overrides::default(),
                )
            }
            _ => {
                let Some(file) = scalar(node) else {
                    let message = format!("`{path}` takes a file's path, or the configuration's keys");
                    self.reader.wrong(Problem::WrongType, &path, &node.place, message);
                    return None;
                };
                let file = source.path.parent().unwrap_or(Path::new("")).join(file);
                ptp_config::load(&file, self.profile_dirs)
            }
        };
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(wrong) => {
                for diagnostic in wrong.as_slice() {
                    match (&diagnostic.file, diagnostic.problem, diagnostic.position) {
                        (Some(file), Problem::File, None) => {
                            let message = format!("{}: {}", file.display(), diagnostic.message);
                            let help = "paths are read from the scenario's directory";
                            self.reader.wrong_help(Problem::File, &path, &node.place, message, help);
                        }
                        _ => self.reader.out.push(diagnostic.clone()),
                    }
                }
                return None;
            }
        };
        match ptpd::host::settings(&loaded.config) {
            Ok(settings) => Some(settings),
            Err(e) => {
                self.reader.wrong(Problem::Contradiction, &path, &node.place, e.to_string());
                None
            }
        }
    }

    fn host(&mut self, node: &Node, path: &str) -> HostSpec {
        let mut host = HostSpec::default();
        let Some(mut f) = self.reader.fields(node, path) else { return host };
        let latency = |reader: &mut Reader<'_>, f: &mut Fields<'_>, key, to: &mut Jitter| {
            if let Some(mean) = reader.nanos(f, key) {
                *to = if mean == 0.0 { Jitter::None } else { Jitter::Gamma { shape: 4, mean: mean / 4.0 } };
            }
        };
        latency(&mut self.reader, &mut f, "transmit_latency", &mut host.transmit_latency);
        latency(&mut self.reader, &mut f, "stamp_latency", &mut host.stamp_latency);
        latency(&mut self.reader, &mut f, "receive_latency", &mut host.receive_latency);
        host.stamp_loss = self.reader.share(&mut f, "stamp_loss").unwrap_or(0.0);
        host.receive_stamp_loss = self.reader.share(&mut f, "receive_stamp_loss").unwrap_or(0.0);
        host.one_step = self.reader.boolean(&mut f, "one_step").unwrap_or(false);
        self.reader.finish(f);
        host
    }

    fn addresses(&mut self, f: &mut Fields<'_>, spec: &mut NodeSpec, group: bool) {
        let path = f.inner("addresses");
        let Some(node) = f.take("addresses") else { return };
        if group {
            let message = "copies cannot share addresses: leave `addresses` or `count` out";
            self.reader.wrong(Problem::Contradiction, &path, &node.place, message);
        }
        let Some(all) = self.reader.fields(node, &path) else { return };
        for (interface, place, value) in all.named() {
            let path = format!("{path}.{interface}");
            let Some(text) = scalar(value) else {
                self.reader.wrong(Problem::WrongType, &path, &value.place, "an address is missing");
                continue;
            };
            let address = match text.parse() {
                Ok(core::net::IpAddr::V4(a)) => Address::Ipv4(a),
                Ok(core::net::IpAddr::V6(a)) => Address::Ipv6(a),
                Err(_) => {
                    let message = format!("`{}` is no IP address", document::brief(text));
                    self.reader.wrong(Problem::WrongType, &path, &value.place, message);
                    continue;
                }
            };
            let read = !spec.ports.is_empty();
            match spec.ports.iter_mut().find(|p| p.config.interface == interface) {
                Some(port) => port.address = Some(address),
                // A configuration that could not be read has no interfaces: that has been told.
                None if !read => {}
                None => {
                    let message =
                        format!("the configuration has no interface `{}`", document::brief(interface));
                    self.reader.wrong(Problem::Missing, &path, place, message);
                }
            }
        }
    }

    fn links(&mut self, node: &Node) {
        let Some(all) = self.reader.fields(node, "links") else { return };
        for (name, place, value) in all.named() {
            let path = format!("links.{name}");
            let Some(mut fields) = self.reader.fields(value, &path) else { continue };
            let texts = self.reader.texts(&mut fields, "ends");
            let mut ends = Vec::new();
            for (text, place) in texts {
                for end in self.interfaces(text, place, &path) {
                    let taken = self.links.iter().flat_map(|l| &l.ends).chain(&ends).any(|e| *e == end);
                    if taken {
                        let message = format!("`{}:{}` is on a link already", self.nodes[end.0].name, end.1);
                        self.reader.wrong(Problem::Contradiction, &path, place, message);
                    } else {
                        ends.push(end);
                    }
                }
            }
            if ends.is_empty() && !fields.has("ends") {
                self.reader.missing(&fields, "ends", "write `ends: [NODE:INTERFACE, NODE:INTERFACE]`");
            } else if ends.len() == 1 {
                self.reader.wrong(Problem::Missing, &path, place, format!("`{name}` has one end only"));
            }
            let mut spec = LinkSpec::wire(500);
            self.link_change(&mut fields).apply(&mut spec);
            self.reader.finish(fields);
            self.links.push(LinkPlan { name: name.to_owned(), ends, spec });
        }
    }

    /// The keys that say how frames travel.
    pub(super) fn link_change(&mut self, f: &mut Fields<'_>) -> LinkChange {
        let interval = |ns: Option<f64>| ns.map(TimeInterval::from_nanos_f64);
        LinkChange {
            delay: interval(self.reader.nanos(f, "delay")),
            asymmetry: self.reader.interval(f, "asymmetry"),
            queue: self.queue(f, "queue"),
            queue_there: self.queue(f, "queue_there").map(Some),
            loss: self.reader.share(f, "loss"),
            duplicate: self.reader.share(f, "duplicate"),
            reorder: self.reader.share(f, "reorder"),
            reorder_by: interval(self.reader.nanos(f, "reorder_by")),
        }
    }

    /// How waiting varies.
    fn queue(&mut self, f: &mut Fields<'_>, key: &'static str) -> Option<Jitter> {
        const MODELS: [&str; 7] = ["none", "gaussian", "uniform", "gamma", "exponential", "bursts", "pareto"];
        let path = f.inner(key);
        let node = f.take(key)?;
        if scalar(node) == Some("none") {
            return Some(Jitter::None);
        }
        let mut q = self.reader.fields(node, &path)?;
        let model = self.reader.choice(&mut q, "model", &MODELS);
        if model.is_none() && !q.has("model") {
            self.reader.missing(
                &q,
                "model",
                &format!("write `model:` with one of {}", document::list(&MODELS)),
            );
        }
        let need = |reader: &mut Reader<'_>, q: &mut Fields<'_>, key: &'static str| {
            let value = reader.nanos(q, key);
            if value.is_none() && !q.has(key) {
                reader.missing(q, key, "write it with its unit, such as `10 us`");
            }
            value.unwrap_or(0.0)
        };
        let r = &mut self.reader;
        let jitter = match MODELS[model?] {
            "gaussian" => Jitter::Gaussian { sigma: need(r, &mut q, "sigma") },
            "uniform" => Jitter::Uniform { up_to: need(r, &mut q, "up_to") },
            "gamma" => Jitter::Gamma {
                shape: r.whole(&mut q, "shape", 1, 100).unwrap_or(2) as u32,
                mean: need(r, &mut q, "mean"),
            },
            "exponential" => Jitter::Gamma { shape: 1, mean: need(r, &mut q, "mean") },
            "bursts" => {
                Jitter::Queueing { p: r.share(&mut q, "share").unwrap_or(0.1), mean: need(r, &mut q, "mean") }
            }
            "pareto" => Jitter::Pareto {
                scale: need(r, &mut q, "scale"),
                shape: r.number(&mut q, "shape", 0.5, 10.0).unwrap_or(1.5),
                most: need(r, &mut q, "most"),
            },
            _ => Jitter::None,
        };
        self.reader.finish(q);
        Some(jitter)
    }

    /// The nodes of a name: a node, a group of copies, or `all`.
    pub(super) fn named(&mut self, text: &str, place: &Place, path: &str) -> Vec<usize> {
        let found: Vec<usize> = (0..self.nodes.len())
            .filter(|&i| text == "all" || self.nodes[i].name == text || self.nodes[i].group == text)
            .collect();
        if found.is_empty() {
            let names: Vec<&str> = self.nodes.iter().map(|n| n.name.as_str()).collect();
            let near = document::nearest(text, names.iter().copied()).map(str::to_owned);
            let message = format!("there is no node `{}`", document::brief(text));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "nodes are named below `nodes:`".to_owned(),
            };
            self.reader.wrong_help(Problem::Missing, path, place, message, help);
        }
        found
    }

    /// `NODE:INTERFACE`, each of a group; the interface may be left out where there is only one.
    pub(super) fn interfaces(&mut self, text: &str, place: &Place, path: &str) -> Vec<(usize, String)> {
        let (name, interface) = match text.split_once(':') {
            Some((name, interface)) => (name, Some(interface)),
            None => (text, None),
        };
        let mut found = Vec::new();
        for node in self.named(name, place, path) {
            let ports = &self.nodes[node].spec.ports;
            let names: Vec<&str> = ports.iter().map(|p| p.config.interface.as_str()).collect();
            match interface {
                Some(wanted) if names.contains(&wanted) => found.push((node, wanted.to_owned())),
                None if names.len() == 1 => found.push((node, names[0].to_owned())),
                // A configuration that could not be read has no interfaces: that has been told.
                _ if names.is_empty() => {}
                _ => {
                    let message = match interface {
                        Some(wanted) => format!(
                            "the configuration of `{name}` has no interface `{}`",
                            document::brief(wanted)
                        ),
                        None => format!("`{name}` has more than one interface"),
                    };
                    let help = format!("write `{name}:` and one of {}", document::list(&names));
                    self.reader.wrong_help(Problem::Missing, path, place, message, help);
                    return found;
                }
            }
        }
        found
    }

    /// The links of a name, or `all`.
    pub(super) fn links_named(&mut self, text: &str, place: &Place, path: &str) -> Vec<usize> {
        let found: Vec<usize> =
            (0..self.links.len()).filter(|&i| text == "all" || self.links[i].name == text).collect();
        if found.is_empty() {
            let names: Vec<&str> = self.links.iter().map(|l| l.name.as_str()).collect();
            let near = document::nearest(text, names.iter().copied()).map(str::to_owned);
            let message = format!("there is no link `{}`", document::brief(text));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "links are named below `links:`".to_owned(),
            };
            self.reader.wrong_help(Problem::Missing, path, place, message, help);
        }
        found
    }
}

/// A part of a text with blanks in place of all that stands before it.
fn inline(text: &str, place: &Place) -> String {
    let before = text.get(..place.start).unwrap_or("");
    let mut octets: String = before.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
    octets.push_str(text.get(place.clone()).unwrap_or(""));
    octets
}
