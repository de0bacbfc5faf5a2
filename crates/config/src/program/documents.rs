//! What is made from a table: JSON Schema, manual page, reference.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use super::{Form, Group, Program};
use crate::check;
use crate::manual::{code, roff};
use crate::schema;
use crate::table::{Key, Need};

fn default(key: &Key) -> &str {
    if key.is_needed() { "must be given" } else { key.default }
}

impl Program {
    /// The schema (JSON Schema draft 2020-12) of the configuration file, for completion and checks while writing. The
    /// program's `check` knows more: which keys go together, and what has no effect.
    pub fn json_schema(&self) -> Json {
        let mut top = Map::new();
        for group in self.groups {
            let keys = schema::properties(group.keys);
            let object = |keys: Map<String, Json>, required: Vec<&str>| {
                json!({
                    "type": "object",
                    "properties": keys,
                    "required": required,
                    "additionalProperties": false,
                })
            };
            match group.form {
                Form::Top => top.extend(keys),
                Form::Under(name) => {
                    let mut section = object(keys, Vec::new());
                    section["description"] = group.doc.into();
                    top.insert(name.to_owned(), section);
                }
                Form::Each(name, short) => {
                    let required = group.keys.iter().filter(|k| k.is_needed()).map(|k| k.name).collect();
                    let mut item = object(keys, required);
                    if !short.is_empty() {
                        item = json!({ "anyOf": [item, { "type": "string" }] });
                    }
                    top.insert(
                        name.to_owned(),
                        json!({
                            "description": group.doc,
                            "anyOf": [{ "type": "array", "items": item.clone() }, item],
                        }),
                    );
                }
            }
        }
        let needed: Vec<&str> = self.needed.iter().map(|(name, _)| *name).collect();
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": format!("{}.yaml", self.name),
            "description": format!("Configuration of {}: {}", self.name, self.about),
            "type": "object",
            "properties": top,
            "required": needed,
            "additionalProperties": false,
        })
    }

    /// The manual page of the configuration file, in man(7) markup.
    pub fn manual_page(&self) -> String {
        let title = self.name.to_uppercase();
        let name = roff(self.name);
        let mut s = format!(
            ".\\\" Made from the table of keys in crates/config; do not edit.\n.TH {title}.YAML 5 \"\" Escapement \
             \"File formats\"\n.SH NAME\n{name}.yaml \\- configuration of {name}\n.SH DESCRIPTION\n{}",
            self.introduction
        );
        let _ = writeln!(
            s,
            ".PP\nLengths of time have a unit: ps, ns, us, ms, s, min or h. Frequencies have one too: ppb or ppm.\n.PP\n\
             A key that is unknown, stands twice, or has no effect where it stands is an error.\n.B {name} check \\fIfile\n\
             tells all errors at once;\n.B {name} config \\-\\-effective \\-f \\fIfile\ntells every value and where it \
             comes from.\n.PP\nOn SIGHUP the file is read again, and what can change while the program runs is taken over. \
             Keys marked\n.B (restart)\nneed a restart: a change of one of them is named in the log. A file with a mistake \
             changes nothing."
        );
        for group in self.groups {
            let _ = writeln!(s, ".SH {}", roff(&group.title.to_uppercase()));
            match group.form {
                Form::Top => {}
                Form::Under(name) => {
                    let _ = writeln!(s, "These keys stand below\n.BR {}: .", roff(name));
                }
                Form::Each(name, short) => {
                    let _ = writeln!(s, "A list below\n.BR {}: ;", roff(name));
                    s.push_str("each item has these keys");
                    match short {
                        "" => s.push_str(".\n"),
                        short => {
                            let _ = writeln!(s, ", or is one value, which is its\n.BR {} .", roff(short));
                        }
                    }
                }
            }
            if !group.doc.is_empty() {
                let _ = writeln!(s, "{}", roff(group.doc));
            }
            for key in group.keys {
                let restart = if self.is_live(&group.path("", key.name)) { "" } else { " (restart)" };
                let _ = writeln!(s, ".TP\n.B {}{restart}\n{}", roff(key.name), roff(key.doc));
                let _ = writeln!(
                    s,
                    ".br\nTakes {}: {}. Default: {}.",
                    key.kind.name(),
                    roff(&key.kind.allowed()),
                    roff(default(key))
                );
                if key.needs != Need::Nothing {
                    let _ = writeln!(s, "No effect where {}.", roff(check::reason(key.needs)));
                }
            }
        }
        let _ = write!(s, ".SH SEE ALSO\n{}", self.see_also);
        s
    }

    /// The keys as tables in Markdown.
    pub fn reference_markdown(&self) -> String {
        let mut s = String::new();
        for group in self.groups {
            let heading = match group.form {
                Form::Top => group.title.to_owned(),
                Form::Under(name) | Form::Each(name, _) => format!("{} (`{name}:`)", group.title),
            };
            let _ = writeln!(s, "#### {heading}\n");
            if !group.doc.is_empty() {
                let _ = writeln!(s, "{}\n", group.doc);
            }
            s.push_str("| key | takes | default | reload | meaning |\n| --- | --- | --- | --- | --- |\n");
            for key in group.keys {
                self.row(&mut s, group, key);
            }
            s.push('\n');
        }
        s.truncate(s.trim_end().len());
        s.push('\n');
        s
    }

    fn row(&self, s: &mut String, group: &Group, key: &Key) {
        let mut meaning = key.doc.to_owned();
        if key.needs != Need::Nothing {
            let _ = write!(meaning, " No effect where {}.", check::reason(key.needs));
        }
        let reload = if self.is_live(&group.path("", key.name)) { "live" } else { "restart" };
        let (allowed, default) = (key.kind.allowed(), code(default(key)));
        let _ = writeln!(s, "| `{}` | {allowed} | {default} | {reload} | {meaning} |", key.name);
    }
}
