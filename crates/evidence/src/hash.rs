//! The hash of the chain, and how a line carries it.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// Between a record and its hash.
pub(crate) const MARK: &[u8] = b",\"hash\":\"";
/// Behind it, without the line's end.
pub(crate) const END: &[u8] = b"\"}";

/// SHA-256 of a record and of all before it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Hash([u8; 32]);

/// A text that is no hash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoHash;

impl fmt::Display for NoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hash is 64 hexadecimal digits")
    }
}

impl std::error::Error for NoHash {}

impl Hash {
    /// What stands before the first record.
    pub const ZERO: Self = Self([0; 32]);

    /// The hash of a record without its own hash, after `self`.
    #[must_use]
    pub fn then(&self, body: &[u8]) -> Self {
        let mut sha = Sha256::new();
        sha.update(self.0);
        sha.update(body);
        Self(sha.finalize().into())
    }
}

/// SHA-256 of octets that stand alone, as of a configuration: `sha256sum` gives the same.
#[must_use]
pub fn digest(octets: &[u8]) -> Hash {
    Hash(Sha256::digest(octets).into())
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|o| write!(f, "{o:02x}"))
    }
}

impl FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        if text.len() != 64 || !text.bytes().all(|o| o.is_ascii_hexdigit()) {
            return Err(NoHash);
        }
        let mut octets = [0; 32];
        for (place, pair) in octets.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NoHash)?;
            *place = u8::from_str_radix(pair, 16).map_err(|_| NoHash)?;
        }
        Ok(Self(octets))
    }
}

/// A line without its end, apart: the record without its hash, and the hash that it claims. `None`: it is no record.
pub(crate) fn split(line: &[u8]) -> Option<(&[u8], Hash)> {
    let rest = line.strip_suffix(END)?;
    let (front, digits) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
    let body = front.strip_suffix(MARK)?;
    let digits = std::str::from_utf8(digits).ok()?;
    // One way to write it only: capital letters would be a change that the hash does not show.
    if digits.bytes().any(|o| o.is_ascii_uppercase()) || !body.starts_with(b"{\"seq\":") {
        return None;
    }
    Some((body, digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_sha256() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(b"abc").to_string(), abc);
        assert_eq!(abc.parse(), Ok(digest(b"abc")));
        for wrong in ["", "ba78", &abc.replace('b', "g"), &format!("{abc}0"), "+f".repeat(32).as_str()] {
            assert_eq!(wrong.parse::<Hash>(), Err(NoHash), "{wrong}");
        }
    }

    #[test]
    fn a_line_comes_apart() {
        let hash = Hash::ZERO.then(b"{\"seq\":0");
        let line = format!("{{\"seq\":0,\"hash\":\"{hash}\"}}");
        assert_eq!(split(line.as_bytes()), Some((&b"{\"seq\":0"[..], hash)));
        for cut in 0..line.len() {
            assert_eq!(split(&line.as_bytes()[..cut]), None);
        }
        assert_eq!(split(line.to_uppercase().as_bytes()), None);
    }
}
