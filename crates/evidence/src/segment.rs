//! The files of a log: `CHAIN.NUMBER.DAY.jsonl`, one for each day that was written on.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

const SUFFIX: &str = ".jsonl";

/// A file's name, apart.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Segment {
    pub(crate) chain: String,
    /// From 1; one more for each file.
    pub(crate) number: u64,
    /// `2026-11-20`, UTC.
    pub(crate) day: String,
}

impl Segment {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(SUFFIX)?.rsplitn(3, '.');
        let (day, number, chain) = (parts.next()?, parts.next()?, parts.next()?);
        crate::utc::parse_day(day)?;
        let plain = number.len() >= 6 && number.bytes().all(|o| o.is_ascii_digit());
        let number = number.parse().ok().filter(|n| plain && *n > 0)?;
        (!chain.is_empty()).then(|| Self { chain: chain.to_owned(), number, day: day.to_owned() })
    }

    pub(crate) fn name(&self) -> String {
        format!("{}.{:06}.{}{SUFFIX}", self.chain, self.number, self.day)
    }
}

/// The files of one chain in a directory, in order.
pub(crate) fn segments(directory: &Path, chain: &str) -> io::Result<Vec<Segment>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        found.extend(name.to_str().and_then(Segment::parse).filter(|s| s.chain == chain));
    }
    found.sort_by_key(|s| s.number);
    Ok(found)
}

/// The files of one log, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chain {
    /// For messages: the directory and what the files have in common.
    pub name: String,
    /// In order.
    pub files: Vec<PathBuf>,
    /// The number of the first file; `None`: its name does not say.
    pub first_number: Option<u64>,
    /// All files of a directory were asked for: then the first ones may be missing only if a record says so.
    pub all: bool,
}

/// Sorts files, and all logs of directories, into chains. Files of other names are chains of their own; other files of
/// a directory are passed over.
///
/// # Errors
/// The first path that cannot be looked at.
pub fn find_chains(paths: &[PathBuf]) -> Result<Vec<Chain>, (PathBuf, io::Error)> {
    let mut named: BTreeMap<(PathBuf, String), (Vec<Segment>, bool)> = BTreeMap::new();
    let mut others = Vec::new();
    for path in paths {
        let failed = |e: io::Error| (path.clone(), e);
        if std::fs::metadata(path).map_err(failed)?.is_dir() {
            for entry in std::fs::read_dir(path).map_err(failed)? {
                let name = entry.map_err(failed)?.file_name();
                if let Some(segment) = name.to_str().and_then(Segment::parse) {
                    let place = named.entry((path.clone(), segment.chain.clone())).or_default();
                    place.1 = true;
                    place.0.push(segment);
                }
            }
            continue;
        }
        let segment = path.file_name().and_then(|n| n.to_str()).and_then(Segment::parse);
        match (segment, path.parent()) {
            (Some(segment), Some(parent)) => {
                named.entry((parent.to_owned(), segment.chain.clone())).or_default().0.push(segment);
            }
            _ => others.push(Chain {
                name: path.display().to_string(),
                files: vec![path.clone()],
                first_number: None,
                all: false,
            }),
        }
    }
    let mut chains: Vec<Chain> = named
        .into_iter()
        .map(|((directory, chain), (mut segments, all))| {
            segments.sort();
            segments.dedup();
            Chain {
                name: directory.join(&chain).display().to_string(),
                files: segments.iter().map(|s| directory.join(s.name())).collect(),
                first_number: segments.first().map(|s| s.number),
                all,
            }
        })
        .collect();
    chains.append(&mut others);
    Ok(chains)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart() {
        let segment = Segment { chain: "ptpd.a-b".into(), number: 12, day: "2026-11-20".into() };
        assert_eq!(segment.name(), "ptpd.a-b.000012.2026-11-20.jsonl");
        assert_eq!(Segment::parse(&segment.name()), Some(segment));
        for wrong in [
            "ptpd.000012.2026-11-20.json",
            "ptpd.12.2026-11-20.jsonl",
            ".000012.2026-11-20.jsonl",
            "ptpd.000000.2026-11-20.jsonl",
            "ptpd.+00012.2026-11-20.jsonl",
            "ptpd.000012.2026-13-20.jsonl",
            "x",
        ] {
            assert_eq!(Segment::parse(wrong), None, "{wrong}");
        }
    }
}
