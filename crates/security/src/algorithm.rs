use core::fmt;

use aes::{Aes128, Aes256};
use cmac::Cmac;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// How an integrity check value is made (1588-2019 16.14.4 leaves the choice open; these are the ones in use).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Algorithm {
    /// HMAC-SHA256 cut to its first 16 octets (RFC 2104, RFC 4868).
    HmacSha256Of128,
    /// HMAC-SHA256, all 32 octets.
    HmacSha256,
    /// AES-CMAC with a key of 16 octets (RFC 4493).
    AesCmac128,
    /// AES-CMAC with a key of 32 octets (NIST SP 800-38B).
    AesCmac256,
}

impl Algorithm {
    /// The word of a key file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HmacSha256Of128 => "SHA256-128",
            Self::HmacSha256 => "SHA256",
            Self::AesCmac128 => "AES128",
            Self::AesCmac256 => "AES256",
        }
    }

    /// From the word of a key file, in upper or lower case.
    pub fn named(name: &str) -> Option<Self> {
        [Self::HmacSha256Of128, Self::HmacSha256, Self::AesCmac128, Self::AesCmac256]
            .into_iter()
            .find(|a| a.name().eq_ignore_ascii_case(name))
    }

    /// Octets of the integrity check value.
    pub const fn icv_len(self) -> usize {
        match self {
            Self::HmacSha256 => 32,
            _ => 16,
        }
    }

    /// Octets a key must have; `None`: any number but none.
    pub const fn key_len(self) -> Option<usize> {
        match self {
            Self::HmacSha256Of128 | Self::HmacSha256 => None,
            Self::AesCmac128 => Some(16),
            Self::AesCmac256 => Some(32),
        }
    }
}

/// A key, ready for use.
#[derive(Clone)]
pub struct Key {
    id: u32,
    algorithm: Algorithm,
    state: State,
    octets: Vec<u8>,
}

/// What a key leaves of an algorithm before the first octet.
#[derive(Clone)]
enum State {
    Hmac(Hmac<Sha256>),
    Cmac128(Box<Cmac<Aes128>>),
    Cmac256(Box<Cmac<Aes256>>),
}

impl fmt::Debug for Key {
    /// Never the key itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key {} ({})", self.id, self.algorithm.name())
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        (self.id, self.algorithm, &self.octets) == (other.id, other.algorithm, &other.octets)
    }
}

impl Eq for Key {}

impl Key {
    /// A key of these octets. `None`: `id` is 0, or the algorithm wants another number of octets.
    pub fn new(id: u32, algorithm: Algorithm, octets: &[u8]) -> Option<Self> {
        if id == 0 || octets.is_empty() || algorithm.key_len().is_some_and(|n| n != octets.len()) {
            return None;
        }
        let state = match algorithm {
            Algorithm::HmacSha256Of128 | Algorithm::HmacSha256 => {
                State::Hmac(Hmac::new_from_slice(octets).ok()?)
            }
            Algorithm::AesCmac128 => State::Cmac128(Box::new(Cmac::new_from_slice(octets).ok()?)),
            Algorithm::AesCmac256 => State::Cmac256(Box::new(Cmac::new_from_slice(octets).ok()?)),
        };
        Some(Self { id, algorithm, state, octets: octets.to_vec() })
    }

    /// keyID, 1 or more (1588-2019 16.14.3.5).
    pub fn id(&self) -> u32 {
        self.id
    }

    /// How it is used.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Writes the integrity check value of `parts`, one after the other, to the front of `icv`.
    pub(crate) fn sign(&self, parts: &[&[u8]], icv: &mut [u8]) {
        let mut put = |value: &[u8]| {
            for (to, from) in icv.iter_mut().zip(value.iter().take(self.algorithm.icv_len())) {
                *to = *from;
            }
        };
        match &self.state {
            State::Hmac(state) => {
                let mut mac = state.clone();
                parts.iter().for_each(|part| mac.update(part));
                put(&mac.finalize().into_bytes());
            }
            State::Cmac128(state) => {
                let mut mac = Cmac::clone(state);
                parts.iter().for_each(|part| mac.update(part));
                put(&mac.finalize().into_bytes());
            }
            State::Cmac256(state) => {
                let mut mac = Cmac::clone(state);
                parts.iter().for_each(|part| mac.update(part));
                put(&mac.finalize().into_bytes());
            }
        }
    }

    /// Whether `icv` belongs to `parts`. Takes the same time whichever octet differs.
    pub(crate) fn verify(&self, parts: &[&[u8]], icv: &[u8]) -> bool {
        if icv.len() != self.algorithm.icv_len() {
            return false;
        }
        match &self.state {
            State::Hmac(state) => {
                let mut mac = state.clone();
                parts.iter().for_each(|part| mac.update(part));
                mac.verify_truncated_left(icv).is_ok()
            }
            State::Cmac128(state) => {
                let mut mac = Cmac::clone(state);
                parts.iter().for_each(|part| mac.update(part));
                mac.verify_slice(icv).is_ok()
            }
            State::Cmac256(state) => {
                let mut mac = Cmac::clone(state);
                parts.iter().for_each(|part| mac.update(part));
                mac.verify_slice(icv).is_ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            text.chars().filter_map(|c| c.to_digit(16)).filter_map(|d| u8::try_from(d).ok()).collect();
        digits.chunks_exact(2).map(|d| d[0] << 4 | d[1]).collect()
    }

    fn icv(algorithm: Algorithm, key: &[u8], data: &[u8]) -> Vec<u8> {
        let key = Key::new(1, algorithm, key).expect("a good key");
        let mut icv = vec![0; algorithm.icv_len()];
        let (a, b) = data.split_at(data.len() / 3);
        key.sign(&[a, b], &mut icv);
        assert!(key.verify(&[data], &icv));
        for bit in 0..icv.len() * 8 {
            icv[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verify(&[data], &icv), "bit {bit}");
            icv[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(!key.verify(&[data], &icv[..icv.len() - 1]));
        icv
    }

    #[test]
    fn hmac_sha256_of_rfc_4231() {
        let cases: [(Vec<u8>, Vec<u8>, &str); 4] = [
            (
                vec![0x0b; 20],
                b"Hi There".to_vec(),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?".to_vec(),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 20],
                vec![0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ];
        for (key, data, expected) in cases {
            assert_eq!(icv(Algorithm::HmacSha256, &key, &data), hex(expected));
            assert_eq!(icv(Algorithm::HmacSha256Of128, &key, &data), hex(&expected[..32]));
        }
        // Case 5 of the RFC is the truncated one.
        let cut = icv(Algorithm::HmacSha256Of128, &[0x0c; 20], b"Test With Truncation");
        assert_eq!(cut, hex("a3b6167473100ee06e0c796c2955552b"));
    }

    #[test]
    fn aes_cmac_of_rfc_4493_and_sp_800_38b() {
        let data = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411");
        let key = hex("2b7e151628aed2a6abf7158809cf4f3c");
        assert_eq!(icv(Algorithm::AesCmac128, &key, &[]), hex("bb1d6929e95937287fa37d129b756746"));
        assert_eq!(icv(Algorithm::AesCmac128, &key, &data[..16]), hex("070a16b46b4d4144f79bdd9dd04a287c"));
        assert_eq!(icv(Algorithm::AesCmac128, &key, &data), hex("dfa66747de9ae63030ca32611497c827"));
        let key = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        assert_eq!(icv(Algorithm::AesCmac256, &key, &data[..16]), hex("28a7023f452e8f82bd4bf28d8c37c35c"));
        assert_eq!(icv(Algorithm::AesCmac256, &key, &data), hex("aaf3d8f1de5640c232f5b169b9c911e6"));
    }

    #[test]
    fn a_key_has_the_length_its_algorithm_wants_and_does_not_show() {
        assert_eq!(Key::new(1, Algorithm::AesCmac128, &[0; 32]), None);
        assert_eq!(Key::new(1, Algorithm::AesCmac256, &[0; 16]), None);
        assert_eq!(Key::new(1, Algorithm::HmacSha256, &[]), None);
        assert_eq!(Key::new(0, Algorithm::HmacSha256, &[1]), None);
        let key = Key::new(7, Algorithm::AesCmac128, &[0xab; 16]).expect("good");
        assert_eq!(format!("{key:?}"), "Key 7 (AES128)");
    }
}
