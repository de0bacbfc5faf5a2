//! JSON Schema of the configuration, for editors: from the table of keys.

use serde_json::{Map, Value as Json, json};

use crate::kind::Kind;
use crate::table::{Key, PORT, SECTIONS};

/// A number with its unit; a negative one where the range has any.
fn with_unit(units: &str, negative: bool, bare_zero: bool, words: &[&str]) -> Json {
    let sign = if negative { "-?" } else { "" };
    let mut any =
        vec![json!({ "type": "string", "pattern": format!("^{sign}[0-9]+(\\.[0-9]+)?[ ]?({units})$") })];
    if bare_zero {
        any.push(json!({ "const": 0 }));
    }
    if !words.is_empty() {
        any.push(json!({ "enum": words }));
    }
    json!({ "anyOf": any })
}

/// What a kind of value may look like. What a schema cannot say (that an address is of one host, say) is left to
/// `ptpd check`: a schema never refuses what that accepts.
fn of_kind(kind: &Kind) -> Json {
    match *kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Int { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Real { min, max, above, auto } => {
            let mut number = json!({ "type": "number" });
            number[if above { "exclusiveMinimum" } else { "minimum" }] = json!(min);
            if max.is_finite() {
                number["maximum"] = json!(max);
            }
            if auto { json!({ "anyOf": [number, { "const": "auto" }] }) } else { number }
        }
        Kind::IntOff { min, max } => {
            json!({ "anyOf": [{ "type": "integer", "minimum": min, "maximum": max }, { "const": "off" }] })
        }
        Kind::RealOff { min, max } => {
            json!({ "anyOf": [{ "type": "number", "minimum": min, "maximum": max }, { "const": "off" }] })
        }
        // A name of digits is a number to YAML.
        Kind::Named { .. } => json!({ "type": ["string", "integer"] }),
        Kind::Duration { min, max, off, .. } | Kind::Span { min, max, off, .. } => {
            let words: &[&str] = if off { &["off", "never"] } else { &[] };
            with_unit("ps|ns|us|µs|μs|ms|s|min|h", min < 0, min <= 0 && max >= 0, words)
        }
        Kind::Frequency { min, .. } => with_unit("ppb|ppm", min < 0.0, false, &[]),
        // A word of digits is a number to YAML.
        Kind::Choice(words) => {
            let numbers = words.iter().filter_map(|w| w.parse::<i64>().ok()).map(|n| json!(n));
            json!({ "enum": words.iter().map(|w| json!(w)).chain(numbers).collect::<Vec<_>>() })
        }
        Kind::TimeSource => {
            json!({ "anyOf": [{ "type": "string" }, { "type": "integer", "minimum": 16, "maximum": 254 }] })
        }
        Kind::Text { max, .. } => json!({ "type": "string", "maxLength": max }),
        Kind::Path { off: true, .. } => {
            json!({ "anyOf": [{ "type": "string", "pattern": "^/" }, { "const": "off" }] })
        }
        Kind::Listen => {
            json!({ "anyOf": [{ "type": "string", "pattern": "^(/|.+:[0-9]+$)" }, { "const": "off" }] })
        }
        Kind::Path { .. } => json!({ "type": "string", "pattern": "^/" }),
        Kind::Mode => json!({ "type": ["string", "integer"] }),
        Kind::Ipv4 => json!({ "type": "string", "format": "ipv4" }),
        Kind::Ipv6 => json!({ "type": "string", "format": "ipv6" }),
        Kind::Interface => json!({ "type": "string", "minLength": 1, "maxLength": 15 }),
        Kind::ClockDevice => {
            json!({ "anyOf": [{ "enum": ["auto", "system"] }, { "type": "string", "pattern": "^(phc[0-9]+|/dev/ptp[0-9]+|virtual:.+)$" }] })
        }
        ref kind if kind.is_list() => {
            json!({ "anyOf": [{ "type": "array" }, { "type": "string" }] })
        }
        // Octets may look like a number to YAML.
        _ => json!({ "type": ["string", "integer"] }),
    }
}

fn default(key: &Key) -> Option<Json> {
    let text = key.default;
    if text.is_empty() {
        return None;
    }
    Some(match key.kind {
        Kind::Bool => json!(text == "true"),
        Kind::Int { .. } => text.parse::<i64>().map_or_else(|_| json!(text), |n| json!(n)),
        Kind::Real { .. } => text.parse::<f64>().map_or_else(|_| json!(text), |n| json!(n)),
        _ => json!(text),
    })
}

pub(crate) fn properties(keys: &[Key]) -> Map<String, Json> {
    let mut all = Map::new();
    for key in keys {
        let mut schema = of_kind(&key.kind);
        let mut text = format!("{} Takes {}.", key.doc, key.kind.allowed());
        if !key.meaning.is_empty() {
            text.push_str(&format!(" ({})", key.meaning));
        }
        schema["description"] = text.into();
        if let Some(default) = default(key) {
            schema["default"] = default;
        }
        all.insert(key.name.to_owned(), schema);
    }
    all
}

/// The schema (JSON Schema draft 2020-12) of ptpd's configuration file, for completion and checks while writing.
/// `ptpd check` knows more: which keys go together, and what has no effect.
pub fn json_schema() -> Json {
    let mut top = Map::new();
    for section in SECTIONS {
        if section.name.is_empty() {
            top.extend(properties(section.keys));
        } else if section.name == PORT.name {
            let keys = properties(section.keys);
            // At the top they hold for all ports.
            top.extend(
                keys.iter().filter(|(name, _)| *name != "interface").map(|(k, v)| (k.clone(), v.clone())),
            );
            top.insert(
                section.name.to_owned(),
                json!({
                    "description": section.doc,
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "properties": keys,
                        "required": ["interface"],
                        "additionalProperties": false,
                    },
                }),
            );
        } else {
            top.insert(
                section.name.to_owned(),
                json!({
                    "description": section.doc,
                    "type": "object",
                    "properties": properties(section.keys),
                    "additionalProperties": false,
                }),
            );
        }
    }
    top.insert(
        "profile".into(),
        json!({ "type": "string", "description": "The profile this file starts from (docs/profiles.md)." }),
    );
    top.insert(
        "conformance".into(),
        json!({ "type": "object", "description": "Of profiles: what a configuration may say and still conform." }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ptpd.yaml",
        "description": "Configuration of ptpd, a PTP clock.",
        "type": "object",
        "properties": top,
        "additionalProperties": false,
    })
}
