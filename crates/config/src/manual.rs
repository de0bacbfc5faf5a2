//! The documentation of the keys, from the table.

use std::fmt::Write as _;

use crate::check;
use crate::table::live::is_live;
use crate::table::{Key, Need, PORT, SECTIONS, Section};

fn title(section: &Section) -> String {
    match section.name {
        "" => "The clock".into(),
        "ports" => "Ports".into(),
        name => format!("{name}:"),
    }
}

/// A key's full name.
fn path(section: &Section, key: &Key) -> String {
    if section.is_nested() { format!("{}.{}", section.name, key.name) } else { key.name.to_owned() }
}

fn default(key: &Key) -> &str {
    match key.default {
        "" if key.name == "interface" => "must be given",
        "" => "empty",
        text => text,
    }
}

/// The keys as tables in Markdown, for docs/configuration.md.
pub fn reference_markdown() -> String {
    let mut s = String::new();
    for section in SECTIONS {
        let _ = writeln!(s, "### {}\n\n{}\n", title(section), section.doc);
        s.push_str("| key | takes | default | reload | meaning |\n| --- | --- | --- | --- | --- |\n");
        for key in section.keys {
            let mut meaning = key.doc.to_owned();
            if !key.meaning.is_empty() {
                let _ = write!(meaning, " ({})", key.meaning);
            }
            if key.needs != Need::Nothing {
                let _ = write!(meaning, " No effect where {}.", check::reason(key.needs));
            }
            let _ = writeln!(
                s,
                "| `{}` | {} | {} | {} | {meaning} |",
                key.name,
                key.kind.allowed(),
                code(default(key)),
                if is_live(&path(section, key)) { "live" } else { "restart" }
            );
        }
        s.push('\n');
    }
    s.truncate(s.trim_end().len());
    s.push('\n');
    s
}

pub(crate) fn code(text: &str) -> String {
    if matches!(text, "must be given" | "empty") { text.to_owned() } else { format!("`{text}`") }
}

/// The manual page ptpd.yaml(5), in man(7) markup.
pub fn manual_page() -> String {
    let mut s = String::from(HEAD);
    for section in SECTIONS {
        let _ = writeln!(
            s,
            ".SH {}",
            roff(&title(section).trim_end_matches(':').replace('_', " ").to_uppercase())
        );
        if section.name != PORT.name && !section.name.is_empty() {
            let _ = writeln!(s, "These keys stand below\n.BR {}: .", roff(section.name));
        }
        let _ = writeln!(s, "{}", roff(section.doc));
        for key in section.keys {
            let restart = if is_live(&path(section, key)) { "" } else { " (restart)" };
            let _ = writeln!(s, ".TP\n.B {}{restart}", roff(key.name));
            let _ = writeln!(s, "{}", roff(key.doc));
            if !key.meaning.is_empty() {
                let _ = writeln!(s, "({})", roff(key.meaning));
            }
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
    s.push_str(TAIL);
    s
}

/// Text for troff: hyphens stay hyphens, nothing begins a request, code is bold.
pub(crate) fn roff(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-").replace('…', "...");
    let mut s = String::new();
    for (i, part) in escaped.split('`').enumerate() {
        s.push_str(if i == 0 {
            ""
        } else if i % 2 == 1 {
            "\\fB"
        } else {
            "\\fR"
        });
        s.push_str(part);
    }
    if s.starts_with(['.', '\'']) { format!("\\&{s}") } else { s }
}

const HEAD: &str = r#".\" Made from the table of keys in crates/config; do not edit.
.TH PTPD.YAML 5 "" Escapement "File formats"
.SH NAME
ptpd.yaml \- configuration of ptpd
.SH DESCRIPTION
A YAML file of keys and values. No key but
.B interface
must be given, and a file may be as short as
.PP
.nf
    profile: default\-p2p
    ports:
      \- interface: eth0
.fi
.PP
.B profile
names the profile, which is a file over the same keys; what stands in the configuration comes before it.
The profiles
.B default\-e2e
(used where none is named) and
.B default\-p2p
are built in; others are looked for in the directories of
.BR ESCAPEMENT_PROFILES ,
else in share/escapement/profiles beside the program's directory and in /usr/share/escapement/profiles.
.PP
The keys of a port may stand at the top for all ports, and below
.B ports:
for one. A value from the command line comes before all others.
.PP
Lengths of time have a unit: ps, ns, us, ms, s, min or h. Frequencies have one too: ppb or ppm.
Intervals whose names begin with
.B log_
are the binary logarithm of seconds: \-3 is eight per second, 1 is one in two seconds.
.PP
A key that is unknown, stands twice, or has no effect where it stands is an error. All errors are told at once.
.PP
On SIGHUP the file is read again, and what can change while the program runs is taken over. Keys marked
.B (restart)
need a restart, as do ports that come or go: a change of one of them is named in the log. A file with a mistake changes nothing.
"#;

const TAIL: &str = r#".SH SEE ALSO
.BR ptpd (8)
"#;
