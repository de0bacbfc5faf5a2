//! TAI - UTC: from the list that IERS publishes, tzdata's form of it, or a number that the operator gives.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::utc::UtcTime;

/// NTP's epoch (1900) before 1970, in seconds.
const NTP_TO_UNIX: i64 = 2_208_988_800;
/// Where systems keep their table, the better form first.
const SYSTEM: [&str; 2] = ["/usr/share/zoneinfo/leap-seconds.list", "/usr/share/zoneinfo/leapseconds"];
/// TAI - UTC from 1972 on, where tzdata's form begins.
const FIRST: (i64, i32) = (63_072_000, 10);

/// What is wrong with a table.
#[derive(Debug)]
pub enum LeapError {
    /// It cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A line is not what it should be.
    Line {
        /// The file, if it is one.
        path: PathBuf,
        /// From 1; 0 for the table as a whole.
        line: usize,
        /// What it should be.
        expected: &'static str,
    },
    /// The system has none where it is looked for.
    NoSystemTable,
}

impl fmt::Display for LeapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, error } => write!(f, "cannot read {}: {error}", path.display()),
            Self::Line { path, line: 0, expected } => {
                write!(f, "{}: no line `{expected}` in it", path.display())
            }
            Self::Line { path, line, expected } => {
                write!(f, "{}: line {line}: expected {expected}", path.display())
            }
            Self::NoSystemTable => {
                write!(f, "there is neither {} nor {}: install tzdata", SYSTEM[0], SYSTEM[1])
            }
        }
    }
}

impl std::error::Error for LeapError {}

/// What TAI - UTC was, is and will be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeapTable {
    /// From this Unix second on, this many seconds; ascending.
    entries: Vec<(i64, i32)>,
    /// Nobody promises anything after this Unix second.
    expires: Option<i64>,
    /// Where it came from; empty for a fixed one.
    path: PathBuf,
}

impl LeapTable {
    /// One offset for all times.
    pub fn fixed(offset: i32) -> Self {
        Self { entries: vec![(i64::MIN, offset)], expires: None, path: PathBuf::new() }
    }

    /// `leap-seconds.list` (lines `NTP-seconds TAI-UTC`, `#@ NTP-seconds` the end of its validity), or tzdata's
    /// `leapseconds` (lines `Leap YEAR MONTH DAY 23:59:60 + S`, `#expires UNIX-seconds`). Other lines with `#` are comments.
    /// The list's checksum (`#h`) is not checked.
    ///
    /// # Errors
    /// [`LeapError::Line`].
    pub fn parse(text: &str) -> Result<Self, LeapError> {
        let mut table = Self { entries: Vec::new(), expires: None, path: PathBuf::new() };
        for (line, content) in (1..).zip(text.lines()) {
            table.line(content).map_err(|expected| LeapError::Line {
                path: PathBuf::new(),
                line,
                expected,
            })?;
        }
        if table.entries.is_empty() {
            return Err(LeapError::Line { path: PathBuf::new(), line: 0, expected: "NTP-SECONDS TAI-UTC" });
        }
        Ok(table)
    }

    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let unix = |s: &str| s.parse::<u32>().ok().map(|ntp| i64::from(ntp) - NTP_TO_UNIX);
        if let Some(expiry) = line.strip_prefix("#@") {
            let at = expiry.split_whitespace().next().and_then(unix);
            self.expires = Some(at.ok_or("a time of expiry, in NTP's seconds")?);
            return Ok(());
        }
        if let Some(expiry) = line.strip_prefix("#expires ") {
            let at = expiry.split_whitespace().next().and_then(|s| s.parse::<u32>().ok());
            self.expires = Some(at.map(i64::from).ok_or("a time of expiry, in seconds since 1970")?);
            return Ok(());
        }
        let data = line.split('#').next().unwrap_or_default();
        let mut words = data.split_whitespace();
        let (at, offset) = match words.next() {
            None | Some("Expires") => return Ok(()),
            Some("Leap") => {
                let (at, change) = tzdata(words).ok_or("Leap YEAR MONTH DAY 23:59:60 + S")?;
                if self.entries.is_empty() {
                    self.entries.push(FIRST);
                }
                (at, self.entries.last().map_or(FIRST.1, |(_, last)| *last) + change)
            }
            Some(first) => unix(first)
                .zip(words.next().and_then(|w| w.parse::<i32>().ok()))
                .ok_or("NTP-SECONDS TAI-UTC")?,
        };
        if !(0..1000).contains(&offset) {
            return Err("TAI - UTC from 0 to 999");
        }
        if self.entries.last().is_some_and(|(last, _)| *last >= at) {
            return Err("a time after that of the line before");
        }
        self.entries.push((at, offset));
        Ok(())
    }

    /// Reads a table.
    ///
    /// # Errors
    /// [`LeapError`], with the file's name.
    pub fn read(path: &Path) -> Result<Self, LeapError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| LeapError::Read { path: path.to_owned(), error })?;
        match Self::parse(&text) {
            Ok(table) => Ok(Self { path: path.to_owned(), ..table }),
            Err(LeapError::Line { line, expected, .. }) => {
                Err(LeapError::Line { path: path.to_owned(), line, expected })
            }
            Err(e) => Err(e),
        }
    }

    /// The system's own table (tzdata).
    ///
    /// # Errors
    /// There is none, or it is not one.
    pub fn system() -> Result<Self, LeapError> {
        let path = SYSTEM.iter().map(Path::new).find(|p| p.exists()).ok_or(LeapError::NoSystemTable)?;
        Self::read(path)
    }

    /// TAI - UTC in seconds at a Unix second; `None` before the table begins.
    pub fn tai_offset(&self, unix: i64) -> Option<i32> {
        self.entries.iter().rev().find(|(from, _)| *from <= unix).map(|(_, offset)| *offset)
    }

    /// The next change after a Unix second: from which Unix second on, and by how much.
    pub fn next_change(&self, unix: i64) -> Option<(i64, i32)> {
        let now = self.tai_offset(unix)?;
        self.entries.iter().find(|(from, _)| *from > unix).map(|(from, offset)| (*from, offset - now))
    }

    /// Whether it is a table that is promised to be right for this Unix second.
    pub fn promises(&self, unix: i64) -> bool {
        self.expires.is_some_and(|e| unix < e)
    }

    /// Whether nobody promises what it says of this Unix second.
    pub fn is_expired(&self, unix: i64) -> bool {
        self.expires.is_some_and(|e| unix >= e)
    }
}

/// Where it came from.
impl fmt::Display for LeapTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.as_os_str().is_empty() {
            f.write_str("a fixed number")
        } else {
            self.path.display().fmt(f)
        }
    }
}

/// `YEAR MONTH DAY 23:59:60 + S` (or `23:59:59 -`): the second after which the offset changes, and by how much.
fn tzdata<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<(i64, i32)> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let year = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = u8::try_from(MONTHS.iter().position(|m| *m == name)? + 1).ok()?;
    let day = words.next()?.parse().ok()?;
    let change = match (words.next()?, words.next()?) {
        ("23:59:60", "+") => 1,
        ("23:59:59", "-") => -1,
        _ => return None,
    };
    let last = UtcTime::new((year, month, day), (23, 59, 59), 0)?;
    Some((last.unix() + 1, change))
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
        assert_eq!(t.next_change(1_483_228_799), Some((1_483_228_800, 27)));
        assert_eq!(t.next_change(1_483_228_800), None);
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
            let error = LeapTable::parse(list).expect_err(list).to_string();
            assert!(error.contains(line), "{error}");
        }
    }

    #[test]
    fn tzdatas_form() {
        let text = "# comment\nLeap\t1972\tJun\t30\t23:59:60\t+\tS\nLeap 1972 Dec 31 23:59:60 + S\n#updated 1 (x)\n#expires 1782604800 (2026-06-28)\n";
        let t = LeapTable::parse(text).expect("a table");
        assert_eq!(
            (t.tai_offset(63_072_000), t.tai_offset(78_796_800), t.tai_offset(94_694_400)),
            (Some(10), Some(11), Some(12))
        );
        assert_eq!(t.next_change(78_796_799), Some((78_796_800, 1)));
        assert!(t.is_expired(1_782_604_800) && !t.is_expired(1_782_604_799));
        assert!(LeapTable::parse("Leap 1972 Jun 31 23:59:60 + S").is_err());
    }

    #[test]
    fn this_systems_tables_agree() {
        let there: Vec<_> = SYSTEM.iter().map(Path::new).filter(|p| p.exists()).collect();
        if there.is_empty() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "CI has to have tzdata");
            println!("skipped: no tzdata");
            return;
        }
        for path in there {
            let t = LeapTable::read(path).expect("tzdata's own");
            assert_eq!(t.tai_offset(1_700_000_000), Some(37), "{t}");
            assert_eq!(t.tai_offset(1_483_228_799), Some(36), "{t}");
        }
        assert!(LeapTable::system().is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[-#@ \t\n0-9a-zLeap:+S]{0,200}") {
            let _ = LeapTable::parse(&text);
        }
    }
}
