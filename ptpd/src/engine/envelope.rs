//! How a message is addressed that passes through a transparent clock.

use core::fmt;

use super::{Address, Destination};

/// Octets of addressing that a host may keep with a message: Ethernet, a VLAN tag, IPv6 and UDP.
const CAPACITY: usize = 68;

/// What stood before a message in its frame. Opaque: the host gives it with a received message, and gets it back with
/// what is sent on for it, so that addresses survive the clock (1588-2019 7.3.1). Empty where the host keeps nothing.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct FrameHeaders {
    octets: [u8; CAPACITY],
    length: u8,
}

impl FrameHeaders {
    /// Nothing is kept.
    pub const NONE: Self = Self { octets: [0; CAPACITY], length: 0 };

    /// Keeps these octets; `None` if they are more than 68.
    pub fn new(octets: &[u8]) -> Option<Self> {
        let mut headers = Self::NONE;
        headers.octets.get_mut(..octets.len())?.copy_from_slice(octets);
        headers.length = u8::try_from(octets.len()).ok()?;
        Some(headers)
    }

    /// The octets.
    pub fn as_slice(&self) -> &[u8] {
        self.octets.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl Default for FrameHeaders {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Debug for FrameHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameHeaders({:02x?})", self.as_slice())
    }
}

/// Who sent a message, to whom, and how its frame said so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Envelope {
    /// Who sent it.
    pub source: Address,
    /// To a group, or to one receiver.
    pub destination: Destination,
    /// What the host needs to send it on as it came.
    pub headers: FrameHeaders,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_kept_up_to_their_room() {
        let octets: Vec<u8> = (0..CAPACITY as u8).collect();
        assert_eq!(FrameHeaders::new(&octets).map(|h| h.as_slice().to_vec()), Some(octets.clone()));
        assert_eq!(FrameHeaders::new(&[&octets[..], &[0]].concat()), None);
        assert_eq!(FrameHeaders::NONE.as_slice(), b"");
    }
}
