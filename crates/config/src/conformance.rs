//! What a profile permits, as its file says under `conformance:`, and where a configuration departs from it.
//!
//! ```yaml
//! conformance:
//!   domain_number: 24..43
//!   transport: udp4, udp6
//! ```

use std::fmt;

use ptp_wire::TimeInterval;

use crate::check;
use crate::kind::Value;
use crate::layers::{Origin, PortLayer, Setting};
use crate::load::Loaded;
use crate::table::{Key, PORT};

/// What one key may be.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Full name of the key.
    pub(crate) path: String,
    key: &'static Key,
    /// As the profile writes it.
    text: String,
    /// Ranges with both ends; a single value is a range of one.
    ranges: Vec<(Value, Value)>,
}

impl Rule {
    /// Reads what a profile permits for a key: values and ranges, separated by commas.
    ///
    /// # Errors
    /// The part that is no value of the key, or no range of numbers.
    pub(crate) fn parse(path: &str, key: &'static Key, text: &str) -> Result<Self, String> {
        let value = |text: &str| key.kind.parse(text.trim(), false).ok();
        let mut ranges = Vec::new();
        for part in text.split(',') {
            let range = match part.split_once("..") {
                Some((low, high)) => value(low).zip(value(high)).filter(|(low, high)| {
                    number(low).zip(number(high)).is_some_and(|(low, high)| low <= high)
                }),
                None => value(part).map(|v| (v.clone(), v)),
            };
            ranges.push(range.ok_or_else(|| part.trim().to_owned())?);
        }
        Ok(Self { path: path.to_owned(), key, text: text.to_owned(), ranges })
    }

    fn permits(&self, value: &Value) -> bool {
        self.ranges.iter().any(|(low, high)| match (number(low), number(high), number(value)) {
            (Some(low), Some(high), Some(value)) => (low..=high).contains(&value),
            _ => low == value,
        })
    }
}

/// Numbers and lengths of time have an order.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(v) => Some(*v as f64),
        Value::Real(v) => Some(*v),
        Value::Interval(TimeInterval(v)) => Some(*v as f64),
        _ => None,
    }
}

/// A value that the profile in force does not permit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Departure {
    /// Name of the profile.
    pub profile: String,
    /// Full name of the key.
    pub key: String,
    /// The port's interface, for a value of one port.
    pub port: Option<String>,
    /// As it is written.
    pub value: String,
    /// As the profile writes what it permits.
    pub permitted: String,
    /// Where the value comes from.
    pub origin: Origin,
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(port) = &self.port {
            write!(f, "{port}: ")?;
        }
        let Self { profile, key, value, permitted, origin, .. } = self;
        write!(f, "`{key}` is `{value}` ({origin}); profile {profile} permits {permitted}")
    }
}

impl Loaded {
    /// Where the configuration departs from the profile it names, in the order of the profile. What has no effect is
    /// no departure. A value that holds for all ports is told once.
    pub fn departures(&self) -> Vec<Departure> {
        let layers = &self.layers;
        let mut found: Vec<Departure> = Vec::new();
        let mut look = |rule: &Rule, setting: &Setting, port: Option<&PortLayer>| {
            if !check::met(rule.key.needs, layers, port) || rule.permits(&setting.value) {
                return;
            }
            let own = port.filter(|p| p.own.get(rule.key.name).is_some_and(|s| std::ptr::eq(s, setting)));
            let departure = Departure {
                profile: layers.profile.text.clone(),
                key: rule.path.clone(),
                port: own.and_then(|p| p.own.get("interface")).map(|s| s.text.clone()),
                value: setting.text.clone(),
                permitted: rule.text.clone(),
                origin: setting.origin.clone(),
            };
            if !found.contains(&departure) {
                found.push(departure);
            }
        };
        for rule in &layers.conformance {
            if PORT.key(&rule.path).is_some() {
                for port in &layers.ports {
                    look(rule, layers.port(port, rule.key.name), Some(port));
                }
            } else {
                look(rule, layers.get(&rule.path), None);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    fn rule(path: &str, text: &str) -> Result<Rule, String> {
        Rule::parse(path, table::find(path).expect("a key"), text)
    }

    #[test]
    fn values_ranges_and_lists_are_read_by_the_keys_kind() {
        let domain = rule("domain_number", "0, 24..43").expect("a rule");
        for (value, permitted) in [(0, true), (1, false), (24, true), (43, true), (44, false)] {
            assert_eq!(domain.permits(&Value::Int(value)), permitted, "{value}");
        }
        let transport = rule("transport", "udp4, udp6").expect("a rule");
        assert!(transport.permits(&Value::Text("udp6".into())));
        assert!(!transport.permits(&Value::Text("ethernet".into())));
        let duration = rule("unicast_request_duration", "1min..1000s").expect("a rule");
        let seconds = |s: i64| Value::Interval(TimeInterval::from_nanos(s * 1_000_000_000));
        assert!(duration.permits(&seconds(300)) && !duration.permits(&seconds(3600)));
        assert_eq!(rule("domain_number", "3, x").err().as_deref(), Some("x"));
        assert_eq!(rule("domain_number", "5..3").err().as_deref(), Some("5..3"));
        assert_eq!(rule("transport", "udp4..udp6").err().as_deref(), Some("udp4..udp6"));
    }
}
