//! A scenario out of nothing but configuration files: the quick way to "what if".

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ptp_config::document;

/// What a rehearsal is asked for.
#[derive(Clone, Debug, Default)]
pub struct Rehearsal {
    /// Configuration files; the stem of each is its node's name.
    pub files: Vec<PathBuf>,
    /// Links, each as `NODE:INTERFACE,NODE:INTERFACE,...`; none: one segment for all, if each has one interface.
    pub links: Vec<String>,
    /// What happens: `kill: gm1` at `60 s`.
    pub wishes: Vec<(String, Wish)>,
    /// How long it lasts, as in scenario files.
    pub duration: String,
}

/// `gm1@60s`: whom, and when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wish {
    /// A node, link or `NODE:INTERFACE`.
    pub whom: String,
    /// When, as in scenario files.
    pub at: String,
}

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (whom, at) = text.rsplit_once('@').ok_or("write whom and when: gm1@60s")?;
        document::duration(at, "s").map_err(|e| format!("`{at}`: {}", e.label))?;
        Ok(Self { whom: whom.to_owned(), at: at.to_owned() })
    }
}

impl Rehearsal {
    /// The scenario as a file that stands in `directory`.
    ///
    /// # Errors
    /// What is missing to make one.
    pub fn write(&self, directory: &Path, profile_dirs: &[PathBuf]) -> Result<String, String> {
        let mut text = String::from("title: a rehearsal\n");
        let _ = writeln!(text, "duration: {}\n\nnodes:", self.duration);
        let mut names = BTreeSet::new();
        let mut interfaces = Vec::new();
        let mut clients: Vec<String> = Vec::new();
        for file in &self.files {
            let name = file.file_stem().and_then(|s| s.to_str()).unwrap_or("node").to_owned();
            if !names.insert(name.clone()) {
                return Err(format!("two files are named {name}: nodes are named after their files"));
            }
            let loaded = ptp_config::load(file, profile_dirs).map_err(|e| e.to_string())?;
            let shown = relative(file, directory);
            let _ = writeln!(text, "  {name}:\n    config: {}", quoted(&shown));
            if loaded.config.clock_quality.clock_class < 128 {
                text.push_str("    clock: gnss\n");
            } else {
                text.push_str(
                    "    clock: { kind: crystal, offset_within: 5 ms, frequency_within: 20 ppm }\n",
                );
            }
            let ends = |w: &(String, Wish)| w.1.whom == name && matches!(w.0.as_str(), "kill" | "stop");
            if loaded.config.client_only && !self.wishes.iter().any(ends) {
                clients.push(name.clone());
            }
            interfaces
                .push((name, loaded.config.ports.iter().map(|p| p.interface.clone()).collect::<Vec<_>>()));
        }
        text.push_str("\nlinks:\n");
        if self.links.is_empty() {
            if let Some((name, several)) = interfaces.iter().find(|(_, i)| i.len() > 1) {
                return Err(format!(
                    "{name} has several interfaces ({}): say what is connected with what, such as --link {name}:{},OTHER:eth0",
                    several.join(", "),
                    several[0]
                ));
            }
            let ends: Vec<String> = interfaces.iter().map(|(n, i)| format!("'{n}:{}'", i.join(""))).collect();
            let _ = writeln!(text, "  network: {{ ends: [{}], delay: 2 us }}", ends.join(", "));
        }
        for (n, link) in (1..).zip(&self.links) {
            let (name, ends) = match link.split_once('=') {
                Some((name, ends)) => (name.to_owned(), ends),
                None => (format!("link{n}"), link.as_str()),
            };
            let ends: Vec<String> = ends.split(',').map(|e| quoted(e.trim())).collect();
            let _ = writeln!(text, "  {name}: {{ ends: [{}], delay: 500 ns }}", ends.join(", "));
        }
        if !self.wishes.is_empty() {
            text.push_str("\nschedule:\n");
        }
        for (action, Wish { whom, at }) in &self.wishes {
            let _ = writeln!(text, "  - {{ at: {at}, {action}: {} }}", quoted(whom));
        }
        let _ = writeln!(
            text,
            "\nexpect:\n  # One grandmaster, one MASTER on each link, everyone in step.\n  - {{ in_order: 10 us, at: {} }}",
            self.duration
        );
        if !clients.is_empty() {
            let clients: Vec<String> = clients.iter().map(|c| quoted(c)).collect();
            let _ = writeln!(
                text,
                "  # Every client has a master.\n  - {{ state: SLAVE, port: [{}], at: {} }}",
                clients.join(", "),
                self.duration
            );
        }
        Ok(text)
    }
}

/// A path as seen from a directory, where that is simple; otherwise from the root.
fn relative(file: &Path, directory: &Path) -> String {
    let full = |p: &Path| std::path::absolute(p).unwrap_or_else(|_| p.to_owned());
    let (file, directory) = (full(file), full(directory));
    file.strip_prefix(&directory).unwrap_or(&file).display().to_string()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
