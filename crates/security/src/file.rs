use core::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Algorithm, Key, SecurityAssociation};

/// seqid_window where the file says none.
const DEFAULT_WINDOW: u16 = 3;
/// Octets of a key file.
const MAX_FILE: u64 = 1 << 20;

/// The security associations of a key file, each SPP once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Database {
    associations: Vec<Arc<SecurityAssociation>>,
}

/// A line that was not understood. The association it belongs to is left out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// What is wrong, never with key material in it.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}; its security association is left out", self.line, self.what)
    }
}

/// A key file that cannot be used.
#[derive(Debug)]
pub enum FileError {
    /// It cannot be read.
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Others than its owner may read or write it.
    Mode {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is larger than 1 MiB.
    Large {
        /// Which.
        path: PathBuf,
    },
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Mode { path, mode } => {
                let path = path.display();
                write!(
                    f,
                    "{path}: keys that others may read or change (mode {mode:04o}) are no secret; run `chmod 0600 {path}`"
                )
            }
            Self::Large { path } => write!(f, "{}: larger than 1 MiB; this is no key file", path.display()),
        }
    }
}

impl core::error::Error for FileError {}

impl Database {
    /// Reads a key file that only its owner may read and write. Returns what was not understood, too.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(path: &Path) -> Result<(Self, Vec<Problem>), FileError> {
        let (database, problems, mode) = Self::read_any(path)?;
        if mode & 0o077 == 0 {
            Ok((database, problems))
        } else {
            Err(FileError::Mode { path: path.to_owned(), mode })
        }
    }

    /// Reads a key file whoever may read it; returns its mode, too. For those who must take files as they are.
    ///
    /// # Errors
    /// [`FileError`], but for [`FileError::Mode`].
    pub fn read_any(path: &Path) -> Result<(Self, Vec<Problem>, u32), FileError> {
        let failed = |error| FileError::Read { path: path.to_owned(), error };
        let about = std::fs::metadata(path).map_err(failed)?;
        if about.len() > MAX_FILE {
            return Err(FileError::Large { path: path.to_owned() });
        }
        let octets = std::fs::read(path).map_err(failed)?;
        let (database, problems) = Self::parse(&String::from_utf8_lossy(&octets));
        Ok((database, problems, about.permissions().mode() & 0o7777))
    }

    /// Reads the text of a key file. An association with a line that is not understood is left out, and so is the second
    /// one of an SPP.
    pub fn parse(text: &str) -> (Self, Vec<Problem>) {
        let mut database = Self::default();
        let mut problems = Vec::new();
        let mut draft: Option<Draft> = None;
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if text.starts_with('[') {
                database.take(draft.take(), &mut problems);
                if text == "[security_association]" {
                    draft = Some(Draft::new(line));
                } else {
                    problems.push(Problem {
                        line,
                        what: "there is no section but [security_association]".into(),
                    });
                }
                continue;
            }
            let Some(draft) = &mut draft else {
                let what = "it stands before the first [security_association]".into();
                problems.push(Problem { line, what });
                continue;
            };
            if let Err(what) = draft.line(text) {
                draft.bad = true;
                problems.push(Problem { line, what });
            }
        }
        database.take(draft, &mut problems);
        (database, problems)
    }

    fn take(&mut self, draft: Option<Draft>, problems: &mut Vec<Problem>) {
        let Some(Draft { line, spp, seqid_window, allow_mutable, keys, bad: false }) = draft else { return };
        let what = match spp {
            None => "it has no `spp`",
            Some(spp) if self.get(spp).is_some() => "another one has its `spp` already",
            Some(_) if keys.is_empty() => "it has no key",
            Some(spp) => {
                let association = SecurityAssociation { spp, seqid_window, allow_mutable, keys };
                return self.associations.push(Arc::new(association));
            }
        };
        problems.push(Problem { line, what: what.into() });
    }

    /// The association of an SPP.
    pub fn get(&self, spp: u8) -> Option<&Arc<SecurityAssociation>> {
        self.associations.iter().find(|sa| sa.spp == spp)
    }

    /// All of them, in the order of the file.
    pub fn associations(&self) -> impl Iterator<Item = &Arc<SecurityAssociation>> {
        self.associations.iter()
    }
}

/// A section that is being read.
struct Draft {
    line: usize,
    spp: Option<u8>,
    seqid_window: u16,
    allow_mutable: bool,
    keys: Vec<Key>,
    bad: bool,
}

impl Draft {
    fn new(line: usize) -> Self {
        let (spp, keys) = (None, Vec::new());
        Self { line, spp, seqid_window: DEFAULT_WINDOW, allow_mutable: false, keys, bad: false }
    }

    fn line(&mut self, text: &str) -> Result<(), String> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        match *words.as_slice() {
            ["spp", value] => {
                self.spp = Some(value.parse().map_err(|_| "`spp` is a number from 0 to 255")?);
            }
            ["seqid_window", value] => {
                let window = value.parse().ok().filter(|w| *w <= 32767);
                self.seqid_window = window.ok_or("`seqid_window` is a number from 0 to 32767")?;
            }
            ["allow_mutable", value] => {
                self.allow_mutable = match value {
                    "0" => false,
                    "1" => true,
                    _ => return Err("`allow_mutable` is 0 or 1".into()),
                };
            }
            [id, kind, value] => return self.key(id, kind, None, value),
            [id, kind, len, value] => {
                let len = len.parse().map_err(|_| "the length of a key is a number of octets")?;
                return self.key(id, kind, Some(len), value);
            }
            _ => return Err("neither a setting nor a key: `ID TYPE [LENGTH] VALUE`".into()),
        }
        Ok(())
    }

    fn key(&mut self, id: &str, kind: &str, len: Option<usize>, value: &str) -> Result<(), String> {
        let id = id.parse().ok().filter(|id| *id > 0);
        let id: u32 = id.ok_or("the ID of a key is a number from 1 to 4294967295")?;
        let algorithm =
            Algorithm::named(kind).ok_or("a key is of type SHA256-128, SHA256, AES128 or AES256")?;
        let octets = decode(value)?;
        if let Some(len) = len.filter(|len| *len != octets.len()) {
            return Err(format!("the key has {} octets, not {len}", octets.len()));
        }
        if self.keys.iter().any(|key| key.id() == id) {
            return Err(format!("there is a key {id} already"));
        }
        let wanted = algorithm.key_len().unwrap_or(1);
        let found = octets.len();
        let key = Key::new(id, algorithm, &octets)
            .ok_or_else(|| format!("a key of {} has {wanted} octets, not {found}", algorithm.name()))?;
        self.keys.push(key);
        Ok(())
    }
}

/// The octets that a value stands for.
fn decode(value: &str) -> Result<Vec<u8>, String> {
    if let Some(digits) = value.strip_prefix("HEX:") {
        return hex(digits).ok_or_else(|| "HEX: takes pairs of hexadecimal digits".into());
    }
    if let Some(text) = value.strip_prefix("B64:") {
        return base64(text).ok_or_else(|| "B64: takes base64 with its padding".into());
    }
    Ok(value.strip_prefix("ASCII:").unwrap_or(value).as_bytes().to_vec())
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        digits.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    Some(pairs.map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit)).collect())
}

/// RFC 4648, section 4.
fn base64(text: &str) -> Option<Vec<u8>> {
    let data = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - data.len() > 2 {
        return None;
    }
    let (mut bits, mut held, mut octets) = (0u32, 0, Vec::with_capacity(text.len() / 4 * 3));
    for c in data.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            octets.push((bits >> held) as u8);
        }
    }
    // What is left over is zero, or it would stand for something.
    (bits & ((1 << held) - 1) == 0).then_some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# keys of the test bench
[security_association]
spp 7
seqid_window 20
allow_mutable 1
1 SHA256-128 HEX:000102030405060708090a0b0c0d0e0F
2 sha256 5 ASCII:abcde
3 AES128 B64:AAECAwQFBgcICQoLDA0ODw==

[security_association]
spp 0
9 SHA256 plain
";

    #[test]
    fn a_file_as_linuxptp_has_it() {
        let (database, problems) = Database::parse(FILE);
        assert_eq!(problems, []);
        assert_eq!(database.associations().count(), 2);
        let sa = database.get(7).expect("there");
        assert_eq!((sa.seqid_window, sa.allow_mutable, sa.keys.len()), (20, true, 3));
        let octets: Vec<u8> = (0..16).collect();
        assert_eq!(sa.key(1), Key::new(1, Algorithm::HmacSha256Of128, &octets).as_ref());
        assert_eq!(sa.key(2), Key::new(2, Algorithm::HmacSha256, b"abcde").as_ref());
        assert_eq!(sa.key(3), Key::new(3, Algorithm::AesCmac128, &octets).as_ref());
        let other = database.get(0).expect("there");
        assert_eq!((other.seqid_window, other.allow_mutable), (3, false));
        assert_eq!(other.key(9), Key::new(9, Algorithm::HmacSha256, b"plain").as_ref());
    }

    #[test]
    fn a_bad_line_takes_its_association_with_it_and_no_other() {
        let bad = [
            "spp 256",
            "spp",
            "seqid_window 32768",
            "allow_mutable yes",
            "0 SHA256 x",
            "x SHA256 x",
            "1 MD5 x",
            "1 AES128 short",
            "1 AES256 HEX:0",
            "1 SHA256 HEX:0g",
            "1 SHA256 B64:AAE",
            "1 SHA256 B64:AB==",
            "1 SHA256 3 abcd",
            "2 SHA256 twice",
            "1 SHA256 1 2 3",
            "1 SHA256 HEX:",
        ];
        for line in bad {
            let text = format!("[security_association]\nspp 1\n2 SHA256 x\n{line}\n{FILE}");
            let (database, problems) = Database::parse(&text);
            assert_eq!(problems.len(), 1, "{line}: {problems:?}");
            assert_eq!(problems[0].line, 4, "{line}");
            assert!(database.get(1).is_none(), "{line}");
            assert_eq!(database.associations().count(), 2, "{line}");
        }
        let whole = [
            ("[security_association]\n1 SHA256 x\n", "no `spp`"),
            ("[security_association]\nspp 3\n", "no key"),
            ("spp 3\n", "before the first"),
            ("[global]\n", "no section but"),
        ];
        for (text, what) in whole {
            let (_, problems) = Database::parse(text);
            assert!(problems.len() == 1 && problems[0].what.contains(what), "{text}: {problems:?}");
        }
        let twice = format!("{FILE}[security_association]\nspp 7\n1 SHA256 x\n");
        let (database, problems) = Database::parse(&twice);
        assert!(problems.len() == 1 && database.get(7).is_some_and(|sa| sa.keys.len() == 3));
    }

    #[test]
    fn base64_as_rfc_4648_has_it() {
        for (text, octets) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(base64(text).as_deref(), Some(octets.as_bytes()), "{text}");
        }
        for text in ["Z", "Zg", "Zg=", "Zh==", "Zm9=", "====", "Zm=v"] {
            assert_eq!(base64(text), None, "{text}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let path = std::env::temp_dir().join(format!("ptp-security-test-{}", std::process::id()));
        std::fs::write(&path, FILE).expect("temporary files can be written");
        for (mode, good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
            let read = Database::read(&path);
            assert_eq!(read.is_ok(), good, "{mode:o}: {read:?}");
            assert!(Database::read_any(&path).is_ok_and(|(d, _, m)| d.get(7).is_some() && m == mode));
        }
        std::fs::remove_file(&path).expect("it is ours");
        assert!(matches!(Database::read(&path), Err(FileError::Read { .. })));
    }
}
