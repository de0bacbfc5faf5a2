//! TAI - UTC: from the list that IERS publishes, or a number that the operator gives.

use std::path::Path;

/// NTP's epoch (1900) before 1970, in seconds.
const NTP_TO_UNIX: i64 = 2_208_988_800;

/// What TAI - UTC was, is and will be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LeapTable {
    /// From this Unix second on, this many seconds; ascending.
    entries: Vec<(i64, i32)>,
    /// Nobody promises anything after this Unix second.
    expires: Option<i64>,
}

impl LeapTable {
    /// One offset for all times.
    pub(crate) fn fixed(offset: i32) -> Self {
        Self { entries: vec![(i64::MIN, offset)], expires: None }
    }

    /// From `leap-seconds.list`: lines `NTP-seconds TAI-UTC`, `#@ NTP-seconds` the end of its validity, other lines with `#`
    /// are comments. The list's checksum (`#h`) is not checked.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut table = Self { entries: Vec::new(), expires: None };
        let unix = |s: &str| s.parse::<u32>().ok().map(|ntp| i64::from(ntp) - NTP_TO_UNIX);
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(expiry) = line.strip_prefix("#@") {
                let at = expiry.split_whitespace().next().and_then(unix);
                table.expires =
                    Some(at.ok_or_else(|| format!("line {number}: `{line}` has no time of expiry"))?);
                continue;
            }
            let data = line.split('#').next().unwrap_or_default();
            let mut words = data.split_whitespace();
            let Some(first) = words.next() else { continue };
            let entry = unix(first).zip(words.next().and_then(|w| w.parse::<i32>().ok()));
            let (at, offset) = entry
                .filter(|(_, offset)| (0..1000).contains(offset))
                .ok_or_else(|| format!("line {number}: `{}` is not `NTP-SECONDS TAI-UTC`", data.trim()))?;
            if table.entries.last().is_some_and(|(last, _)| *last >= at) {
                return Err(format!("line {number}: `{}` is not after the line before", data.trim()));
            }
            table.entries.push((at, offset));
        }
        if table.entries.is_empty() {
            Err("no line `NTP-SECONDS TAI-UTC` in it".to_owned())
        } else {
            Ok(table)
        }
    }

    /// Reads a list.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text =
            std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        Self::parse(&text).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// TAI - UTC in seconds at a Unix second; `None` before the list begins.
    pub(crate) fn tai_offset(&self, unix: i64) -> Option<i32> {
        self.entries.iter().rev().find(|(from, _)| *from <= unix).map(|(_, offset)| *offset)
    }

    /// Whether nobody promises what it says of this Unix second.
    pub(crate) fn is_expired(&self, unix: i64) -> bool {
        self.expires.is_some_and(|e| unix >= e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIST: &str = "#\tcomment\n#$\t 3676924800\n#@\t4000000000\n2272060800\t10\t# 1 Jan 1972\n\n3692217600 37 # 1 Jan 2017\n#h 1 2 3 4 5\n";

    #[test]
    fn the_published_form() {
        let t = LeapTable::parse(LIST).expect("a list");
        assert_eq!(t.tai_offset(63_071_999), None);
        assert_eq!(t.tai_offset(63_072_000), Some(10));
        assert_eq!(t.tai_offset(1_483_228_799), Some(10));
        assert_eq!(t.tai_offset(1_483_228_800), Some(37));
        assert!(!t.is_expired(1_791_011_199));
        assert!(t.is_expired(1_791_011_200));
        let fixed = LeapTable::fixed(37);
        assert_eq!((fixed.tai_offset(0), fixed.is_expired(i64::MAX)), (Some(37), false));
    }

    #[test]
    fn bad_lists_are_refused_with_the_line() {
        for (list, line) in [
            ("", "no line"),
            ("x 37", "line 1"),
            ("3692217600", "line 1"),
            ("3692217600 37\n3692217600 38", "line 2"),
            ("#@ never\n", "line 1"),
            ("3692217600 99999", "line 1"),
        ] {
            let error = LeapTable::parse(list).expect_err(list);
            assert!(error.contains(line), "{error}");
        }
    }

    #[test]
    fn this_systems_list_reads() {
        let path = Path::new("/usr/share/zoneinfo/leap-seconds.list");
        if !path.exists() {
            println!("skipped: no {} (tzdata)", path.display());
            return;
        }
        let t = LeapTable::read(path).expect("tzdata's own");
        assert_eq!(t.tai_offset(1_700_000_000), Some(37));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[-#@ \t\n0-9a-z]{0,200}") {
            let _ = LeapTable::parse(&text);
        }
    }
}
