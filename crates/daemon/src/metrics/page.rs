//! One answer to a scrape: families with their samples, written as OpenMetrics or as Prometheus text.

use std::fmt::Write as _;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit as TheirUnit};

use super::Histogram;

/// What a family counts in. Part of its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// A plain number.
    None,
    /// Seconds.
    Seconds,
    /// A ratio: 1e-9 is a ppb.
    Ratio,
    /// Octets.
    Bytes,
}

impl Unit {
    const fn suffix(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Seconds => Some("seconds"),
            Self::Ratio => Some("ratio"),
            Self::Bytes => Some("bytes"),
        }
    }
}

/// What a family's samples are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// What only grows; its name ends in `_total`.
    Counter,
    /// Always 1; the labels say it. Its name ends in `_info`.
    Info,
    /// Magnitudes by size.
    Histogram,
}

impl Kind {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Counter => "_total",
            Self::Info => "_info",
            Self::Gauge | Self::Histogram => "",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Info => "info",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A family of series. Nothing is written that has no such description, and docs/metrics.md is made of them.
#[derive(Debug, PartialEq)]
pub struct Family {
    /// Its name without unit and suffix.
    pub base: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Its kind.
    pub kind: Kind,
    /// Its labels, for the documentation.
    pub labels: &'static [&'static str],
    /// One line for people.
    pub help: &'static str,
}

impl Family {
    /// A description.
    pub const fn new(
        base: &'static str,
        unit: Unit,
        kind: Kind,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { base, unit, kind, labels, help }
    }

    /// The name of its series, as queries have it. Those of a histogram end in `_bucket`, `_sum` and `_count` besides.
    pub fn name(&self) -> String {
        format!("{}{}", self.metric(), self.kind.suffix())
    }

    /// The kind, as it is written.
    pub const fn kind_name(&self) -> &'static str {
        self.kind.name()
    }

    fn metric(&self) -> String {
        match self.unit.suffix() {
            Some(unit) => format!("{}_{unit}", self.base),
            None => self.base.to_owned(),
        }
    }
}

/// A sample's value.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Gauge(f64),
    Counter(u64),
    Seconds(f64),
    Info,
    Histogram(Box<Histogram>),
}

type Labels = Vec<(&'static str, String)>;

#[derive(Debug)]
struct Block {
    family: &'static Family,
    samples: Vec<(Labels, Value)>,
}

/// How a page is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus text 0.0.4.
    Text,
}

impl Format {
    /// What the client likes better, by its Accept header.
    pub fn accepted(accept: &str) -> Self {
        let mut best = (0.0, Self::Text);
        for choice in accept.split(',') {
            let mut parts = choice.split(';').map(str::trim);
            let format = match parts.next() {
                Some("application/openmetrics-text") => Self::OpenMetrics,
                Some("text/plain" | "text/*" | "*/*") => Self::Text,
                _ => continue,
            };
            let quality =
                parts.find_map(|p| p.strip_prefix("q=")).and_then(|q| q.parse().ok()).unwrap_or(1.0);
            if quality > best.0 {
                best = (quality, format);
            }
        }
        best.1
    }

    /// The Content-Type header.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Families with samples, in the order in which they came.
#[derive(Debug, Default)]
pub struct Page(Vec<Block>);

/// Adds samples to a family.
#[derive(Debug)]
pub struct FamilyWriter<'a>(&'a mut Block);

impl Page {
    /// The family's place; it is written only if there is a sample.
    pub fn family(&mut self, family: &'static Family) -> FamilyWriter<'_> {
        let place = match self.0.iter().position(|b| core::ptr::eq(b.family, family)) {
            Some(place) => place,
            None => {
                self.0.push(Block { family, samples: Vec::new() });
                self.0.len() - 1
            }
        };
        FamilyWriter(&mut self.0[place])
    }

    /// Number of samples; a histogram has one for each bucket, and two more.
    pub fn series(&self) -> usize {
        let of = |v: &Value| if let Value::Histogram(h) = v { h.buckets().len() + 2 } else { 1 };
        self.0.iter().flat_map(|b| &b.samples).map(|(_, v)| of(v)).sum()
    }

    /// The whole text.
    pub fn render(self, format: Format) -> String {
        let kinds: Vec<(String, Kind)> = self.0.iter().map(|b| (b.family.metric(), b.family.kind)).collect();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut out = String::new();
        if text::encode(&mut out, &registry).is_err() {
            // A String takes everything; an encoder that gives up leaves what cannot be trusted.
            out.clear();
        }
        if format == Format::OpenMetrics { out } else { prometheus(&out, &kinds) }
    }
}

impl FamilyWriter<'_> {
    fn push(&mut self, labels: &[(&'static str, &str)], value: Value) {
        let labels = labels.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        self.0.samples.push((labels, value));
    }

    /// A gauge; what is no number is left out.
    pub fn gauge(&mut self, labels: &[(&'static str, &str)], value: f64) {
        if value.is_finite() {
            self.push(labels, Value::Gauge(value));
        }
    }

    /// A gauge, if it is known.
    pub fn known(&mut self, labels: &[(&'static str, &str)], value: Option<f64>) {
        if let Some(value) = value {
            self.gauge(labels, value);
        }
    }

    /// A counter.
    pub fn counter(&mut self, labels: &[(&'static str, &str)], value: u64) {
        self.push(labels, Value::Counter(value));
    }

    /// A counter of seconds.
    pub fn seconds(&mut self, labels: &[(&'static str, &str)], value: f64) {
        self.push(labels, Value::Seconds(value));
    }

    /// A fact that its labels tell.
    pub fn info(&mut self, labels: &[(&'static str, &str)]) {
        self.push(labels, Value::Info);
    }

    /// A histogram.
    pub fn histogram(&mut self, labels: &[(&'static str, &str)], value: &Histogram) {
        self.push(labels, Value::Histogram(Box::new(*value)));
    }

    /// One series for each state: 1 for the present one, 0 for the others.
    pub fn state(&mut self, labels: &[(&'static str, &str)], all: &[&str], present: &str) {
        for state in all {
            let mut own = Vec::with_capacity(labels.len() + 1);
            own.extend_from_slice(labels);
            own.push(("state", *state));
            self.gauge(&own, f64::from(u8::from(*state == present)));
        }
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for block in self.0.iter().filter(|b| !b.samples.is_empty()) {
            let family = block.family;
            let unit = family.unit.suffix().map(|u| TheirUnit::Other(u.to_owned()));
            let kind = match family.kind {
                Kind::Gauge => MetricType::Gauge,
                Kind::Counter => MetricType::Counter,
                Kind::Info => MetricType::Info,
                Kind::Histogram => MetricType::Histogram,
            };
            let mut metric = encoder.encode_descriptor(family.base, family.help, unit.as_ref(), kind)?;
            for (labels, value) in &block.samples {
                sample(&mut metric, labels, value)?;
            }
        }
        Ok(())
    }
}

fn sample(metric: &mut MetricEncoder<'_>, labels: &Labels, value: &Value) -> Result<(), std::fmt::Error> {
    if matches!(value, Value::Info) {
        return metric.encode_info(labels);
    }
    if labels.is_empty() {
        return write(metric, value);
    }
    write(&mut metric.encode_family(labels)?, value)
}

fn write(metric: &mut MetricEncoder<'_>, value: &Value) -> Result<(), std::fmt::Error> {
    match value {
        Value::Gauge(v) => metric.encode_gauge(v),
        Value::Counter(v) => metric.encode_counter::<NoLabelSet, _, f64>(v, None),
        Value::Seconds(v) => metric.encode_counter::<NoLabelSet, _, f64>(v, None),
        Value::Histogram(h) => {
            metric.encode_histogram::<NoLabelSet>(h.sum_s(), h.count(), &h.buckets(), None)
        }
        Value::Info => Ok(()),
    }
}

/// The older text: names with their suffix in HELP and TYPE, no units, no end, and an information is a gauge.
fn prometheus(open: &str, kinds: &[(String, Kind)]) -> String {
    let mut out = String::with_capacity(open.len());
    for line in open.lines() {
        let mut words = line.splitn(4, ' ');
        if words.next() != Some("#") {
            out.push_str(line);
            out.push('\n');
            continue;
        }
        let (Some(what @ ("HELP" | "TYPE")), Some(name), Some(rest)) =
            (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let kind = kinds.iter().find(|(n, _)| n == name).map_or(Kind::Gauge, |(_, k)| *k);
        let rest = if what == "TYPE" && kind == Kind::Info { "gauge" } else { rest };
        let _ = writeln!(out, "# {what} {name}{} {rest}", kind.suffix());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    static OFFSET: Family = Family::new("ptp_offset", Unit::Seconds, Kind::Gauge, &["port"], "An offset.");
    static DROPS: Family = Family::new("ptp_drops", Unit::None, Kind::Counter, &["cause"], "Drops.");
    static BUILD: Family = Family::new("ptp_build", Unit::None, Kind::Info, &["version"], "The build.");
    static SIZES: Family = Family::new("ptp_size", Unit::Seconds, Kind::Histogram, &[], "Sizes.");
    static EMPTY: Family = Family::new("ptp_empty", Unit::Ratio, Kind::Gauge, &[], "Nothing.");
    static STATE: Family = Family::new("ptp_state", Unit::None, Kind::Gauge, &["state"], "A state.");

    fn page() -> Page {
        let mut page = Page::default();
        page.family(&OFFSET).gauge(&[("port", "a\"b\\c\nd")], -1.5e-9);
        page.family(&OFFSET).gauge(&[("port", "2")], f64::NAN);
        page.family(&DROPS).counter(&[("cause", "x")], 7);
        page.family(&BUILD).info(&[("version", "1")]);
        let mut h = Histogram::default();
        h.observe_ns(20.0);
        page.family(&SIZES).histogram(&[], &h);
        page.family(&EMPTY).known(&[], None);
        page.family(&STATE).state(&[], &["ON", "OFF"], "OFF");
        page
    }

    #[test]
    fn open_metrics() {
        assert_eq!(page().series(), 1 + 1 + 1 + 20 + 2);
        let text = page().render(Format::OpenMetrics);
        for line in [
            "# TYPE ptp_offset_seconds gauge\n# UNIT ptp_offset_seconds seconds\n\
             ptp_offset_seconds{port=\"a\\\"b\\\\c\\nd\"} -1.5e-9\n# HELP",
            "# TYPE ptp_drops counter\nptp_drops_total{cause=\"x\"} 7\n",
            "# TYPE ptp_build info\nptp_build_info{version=\"1\"} 1\n",
            "ptp_size_seconds_bucket{le=\"3e-8\"} 1\n",
            "ptp_size_seconds_bucket{le=\"+Inf\"} 1\n",
            "ptp_state{state=\"ON\"} 0.0\nptp_state{state=\"OFF\"} 1.0\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n") && !text.contains("empty"));
    }

    #[test]
    fn prometheus_text() {
        let text = page().render(Format::Text);
        for line in [
            "# HELP ptp_drops_total Drops.\n# TYPE ptp_drops_total counter\nptp_drops_total{cause=\"x\"} 7\n",
            "# TYPE ptp_build_info gauge\n",
            "# TYPE ptp_offset_seconds gauge\nptp_offset_seconds{",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("# UNIT") && !text.contains("EOF"));
    }

    #[test]
    fn the_client_chooses() {
        for (accept, format) in [
            ("", Format::Text),
            ("*/*", Format::Text),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            ("text/plain;q=0.9, application/openmetrics-text;q=0.5", Format::Text),
            ("application/openmetrics-text;q=nonsense", Format::OpenMetrics),
            (";;;,,,q=", Format::Text),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept}");
        }
    }
}
