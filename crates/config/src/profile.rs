//! Profiles: files over the same keys, found in directories, with the shipped ones built in.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::diagnostics::Diagnostic;
use crate::source::Source;

/// The profiles that come with Escapement.
const SHIPPED: &[(&str, &str)] = &[
    ("default-e2e", include_str!("../../../profiles/default-e2e.yaml")),
    ("default-p2p", include_str!("../../../profiles/default-p2p.yaml")),
    ("aes67", include_str!("../../../profiles/aes67.yaml")),
    ("c37-238-2011", include_str!("../../../profiles/c37-238-2011.yaml")),
    ("c37-238-2017", include_str!("../../../profiles/c37-238-2017.yaml")),
    ("enterprise", include_str!("../../../profiles/enterprise.yaml")),
    ("g8265-1", include_str!("../../../profiles/g8265-1.yaml")),
    ("g8275-1", include_str!("../../../profiles/g8275-1.yaml")),
    ("g8275-2", include_str!("../../../profiles/g8275-2.yaml")),
    ("iec-61850-9-3", include_str!("../../../profiles/iec-61850-9-3.yaml")),
    ("st2059-2", include_str!("../../../profiles/st2059-2.yaml")),
    ("gptp", include_str!("../../../profiles/gptp.yaml")),
    ("gptp-2011", include_str!("../../../profiles/gptp-2011.yaml")),
    ("cmlds", include_str!("../../../profiles/cmlds.yaml")),
    ("automotive-master", include_str!("../../../profiles/automotive-master.yaml")),
    ("automotive-client", include_str!("../../../profiles/automotive-client.yaml")),
];

/// Names the directories of profiles, separated by colons, instead of the usual ones.
pub const PROFILE_DIRS_ENV: &str = "ESCAPEMENT_PROFILES";

/// Where profiles are looked for: in `ESCAPEMENT_PROFILES` (directories separated by colons) if it is set and not
/// empty, else in `share/escapement/profiles` beside the directory of the running program, then in
/// `/usr/share/escapement/profiles`. What is found in none of them comes from the shipped ones built in.
pub fn default_profile_dirs() -> Vec<PathBuf> {
    if let Some(dirs) = std::env::var_os(PROFILE_DIRS_ENV).filter(|v| !v.is_empty()) {
        return std::env::split_paths(&dirs).filter(|p| !p.as_os_str().is_empty()).collect();
    }
    let mut dirs = Vec::new();
    if let Some(prefix) =
        std::env::current_exe().ok().as_deref().and_then(Path::parent).and_then(Path::parent)
    {
        dirs.push(prefix.join("share/escapement/profiles"));
    }
    let usual = PathBuf::from("/usr/share/escapement/profiles");
    if !dirs.contains(&usual) {
        dirs.push(usual);
    }
    dirs
}

/// The profiles that can be named.
pub(crate) struct Profiles<'a> {
    pub(crate) dirs: &'a [PathBuf],
}

impl Profiles<'_> {
    fn path(&self, name: &str) -> Option<PathBuf> {
        if !is_name(name) {
            return None;
        }
        self.dirs.iter().map(|dir| dir.join(format!("{name}.yaml"))).find(|path| path.is_file())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        SHIPPED.iter().any(|(shipped, _)| *shipped == name) || self.path(name).is_some()
    }

    /// All names.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect();
        for entry in
            self.dirs.iter().filter_map(|dir| std::fs::read_dir(dir).ok()).flatten().flatten().take(1000)
        {
            let file = entry.file_name();
            if let Some(name) = file.to_str().and_then(|n| n.strip_suffix(".yaml")).filter(|n| is_name(n)) {
                names.insert(name.to_owned());
            }
        }
        names.into_iter().collect()
    }

    /// A profile's text, from the first directory that has it.
    pub(crate) fn read(&self, name: &str) -> Result<Source, Box<Diagnostic>> {
        if let Some(path) = self.path(name) {
            return Source::read(&path);
        }
        let text = SHIPPED.iter().find(|(shipped, _)| *shipped == name).map_or("", |(_, text)| text);
        Ok(Source::new(PathBuf::from(format!("profile {name}")), text.to_owned()))
    }
}

/// Letters, digits, `-`, `_` and `.`, not beginning with a point: nothing that leads out of the directory.
fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= 64 && !name.starts_with('.') && name.bytes().all(fits)
}

/// Names people may try.
pub(crate) fn other_name(name: &str) -> Option<&'static str> {
    match name.to_ascii_lowercase().as_str() {
        "default" | "e2e" | "default_e2e" | "1588" | "ieee1588" => Some("default-e2e"),
        "g8265.1" | "g.8265.1" | "g82651" => Some("g8265-1"),
        "g8275.1" | "g.8275.1" | "g82751" | "telecom" => Some("g8275-1"),
        "g8275.2" | "g.8275.2" | "g82752" => Some("g8275-2"),
        "rfc9760" | "rfc-9760" => Some("enterprise"),
        "power" | "c37.238" | "c37-238" => Some("c37-238-2017"),
        "61850-9-3" | "utility" | "iec61850" => Some("iec-61850-9-3"),
        "smpte" | "st2059" | "smpte-2059-2" => Some("st2059-2"),
        "p2p" | "default_p2p" => Some("default-p2p"),
        _ => None,
    }
}
