//! One record before it is written.

use std::fmt::{self, Write as _};
use std::time::SystemTime;

use crate::hash::Hash;
use crate::utc::write_utc;

/// What is to be recorded: a kind, when it was, and fields in the order in which they were added.
///
/// The text of the fields is put together here, so that the one who writes has only to hash it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub(crate) kind: &'static str,
    /// ns since 1970, by the system clock.
    pub(crate) utc_ns: i64,
    /// ns of CLOCK_MONOTONIC; 0: nobody said.
    pub(crate) monotonic_ns: u64,
    /// `,"name":value` for each.
    pub(crate) fields: String,
}

impl Entry {
    /// Of now, by the system clock. Kinds are words of docs/evidence.md.
    #[must_use]
    pub fn new(kind: &'static str) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let utc_ns = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
        Self { kind, utc_ns, monotonic_ns: 0, fields: String::new() }
    }

    /// The `start` of a program of this version, with its process number and arguments, the host, and which of its boots it is.
    #[must_use]
    pub fn start(version: &str) -> Self {
        let kernel = |name: &str| {
            let text = std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
            text.trim().to_owned()
        };
        let arguments: Vec<_> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
        Self::new("start")
            .text("version", version)
            .whole("pid", std::process::id())
            .text("host", &kernel("hostname"))
            .text("boot", &kernel("random/boot_id"))
            .text("arguments", &arguments.join(" "))
    }

    /// Of another time, ns since 1970.
    #[must_use]
    pub const fn at(mut self, utc_ns: i64) -> Self {
        self.utc_ns = utc_ns;
        self
    }

    /// With the time of CLOCK_MONOTONIC, ns.
    #[must_use]
    pub const fn monotonic(mut self, ns: u64) -> Self {
        self.monotonic_ns = ns;
        self
    }

    /// ns since 1970.
    #[must_use]
    pub const fn utc_ns(&self) -> i64 {
        self.utc_ns
    }

    fn name(&mut self, name: &str) {
        let _ = write!(self.fields, ",\"{name}\":");
    }

    /// A text. Names are plain words.
    #[must_use]
    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.name(name);
        let _ = write!(self.fields, "\"{}\"", Escaped(value));
        self
    }

    /// Whatever can be shown, as a text.
    #[must_use]
    pub fn shown(self, name: &str, value: impl fmt::Display) -> Self {
        self.text(name, &value.to_string())
    }

    /// A number, to three places behind the point; what is not finite is `null`.
    #[must_use]
    pub fn number(mut self, name: &str, value: f64) -> Self {
        self.name(name);
        let rounded = (value * 1e3).round() / 1e3;
        let _ = if rounded.is_finite() {
            // No minus before zero.
            write!(self.fields, "{}", rounded + 0.0)
        } else {
            self.fields.write_str("null")
        };
        self
    }

    /// The same, if there is one.
    #[must_use]
    pub fn maybe(self, name: &str, value: Option<f64>) -> Self {
        match value {
            Some(value) => self.number(name, value),
            None => self,
        }
    }

    /// A whole number.
    #[must_use]
    pub fn whole(mut self, name: &str, value: impl Into<i128>) -> Self {
        self.name(name);
        let _ = write!(self.fields, "{}", value.into());
        self
    }

    /// Something that is JSON already, such as `{"port":1}`. What is not would spoil the record.
    #[must_use]
    pub fn json(mut self, name: &str, value: &str) -> Self {
        self.name(name);
        self.fields.push_str(value);
        self
    }

    /// True or false.
    #[must_use]
    pub fn flag(mut self, name: &str, value: bool) -> Self {
        self.name(name);
        let _ = write!(self.fields, "{value}");
        self
    }

    /// The line with its end, and its hash.
    pub(crate) fn line(&self, seq: u64, daemon: &str, previous: Hash, line: &mut String) -> Hash {
        line.clear();
        let _ = write!(line, "{{\"seq\":{seq},\"utc\":\"");
        write_utc(line, self.utc_ns);
        let _ = write!(
            line,
            "\",\"monotonic\":{},\"daemon\":\"{}\",\"kind\":\"{}\"{}",
            self.monotonic_ns,
            Escaped(daemon),
            self.kind,
            self.fields
        );
        let hash = previous.then(line.as_bytes());
        let _ = writeln!(line, ",\"hash\":\"{hash}\"}}");
        hash
    }
}

/// Text inside a JSON string (RFC 8259, 7).
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_line_is_json_whatever_is_in_it(text in "\\PC*", daemon in ".*", number in any::<f64>(), whole in any::<i64>()) {
            let entry = Entry::new("event").text("a", &text).number("b", number).whole("c", whole).flag("d", true);
            let mut line = String::new();
            let hash = entry.line(7, &daemon, Hash::ZERO, &mut line);
            let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            prop_assert_eq!(value["a"].as_str(), Some(text.as_str()));
            prop_assert_eq!(value["daemon"].as_str(), Some(daemon.as_str()));
            prop_assert_eq!(value["c"].as_i64(), Some(whole));
            prop_assert_eq!(line.matches('\n').count(), 1);
            let (_, said) = crate::hash::split(line.trim_end_matches('\n').as_bytes()).expect("a record");
            prop_assert_eq!(said, hash);
        }
    }

    #[test]
    fn numbers_are_short() {
        let entry =
            Entry::new("x").number("a", -0.0001).number("b", f64::NAN).maybe("c", None).number("d", 12.34567);
        assert_eq!(entry.fields, ",\"a\":0,\"b\":null,\"d\":12.346");
    }
}
