//! Who may have what: the limits of a unicast server.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

use ptp_wire::LogInterval;

use super::super::{Address, UnicastServerConfig};

/// Addresses that begin alike.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Prefix {
    /// The first 0..=32 bits.
    Ipv4(Ipv4Addr, u8),
    /// The first 0..=128 bits.
    Ipv6(Ipv6Addr, u8),
    /// The first 0..=48 bits.
    Ethernet([u8; 6], u8),
}

impl Prefix {
    /// Whether an address begins so.
    pub fn contains(&self, address: Address) -> bool {
        match (*self, address) {
            (Self::Ipv4(p, n), Address::Ipv4(a)) => alike(&p.octets(), &a.octets(), n),
            (Self::Ipv6(p, n), Address::Ipv6(a)) => alike(&p.octets(), &a.octets(), n),
            (Self::Ethernet(p, n), Address::Ethernet(a)) => alike(&p, &a, n),
            _ => false,
        }
    }
}

fn alike(a: &[u8], b: &[u8], bits: u8) -> bool {
    let (whole, rest) = (usize::from(bits / 8), bits % 8);
    let same = a.iter().zip(b).take(whole).all(|(x, y)| x == y);
    let mask = !(0xffu8.checked_shr(rest.into()).unwrap_or(0));
    let part = rest == 0 || a.iter().zip(b).nth(whole).is_none_or(|(x, y)| (x ^ y) & mask == 0);
    same && part
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(a, n) => write!(f, "{a}/{n}"),
            Self::Ipv6(a, n) => write!(f, "{a}/{n}"),
            Self::Ethernet(a, n) => {
                for (i, octet) in a.iter().enumerate() {
                    write!(f, "{}{octet:02x}", if i == 0 { "" } else { ":" })?;
                }
                write!(f, "/{n}")
            }
        }
    }
}

/// Messages in 1000 s that a stream of this kind and interval costs: a Sync brings its Follow_Up.
pub(super) fn cost(kind: usize, interval: LogInterval) -> u64 {
    let messages = if kind == 1 { 2.0 } else { 1.0 };
    (messages * 1000.0 / interval.seconds()).ceil() as u64
}

impl UnicastServerConfig {
    /// Whether requests of this address are looked at.
    pub(super) fn admits(&self, address: Address) -> bool {
        let listed = |list: &[Prefix]| list.iter().any(|p| p.contains(address));
        !listed(&self.deny) && (self.allow.is_empty() || listed(&self.allow))
    }

    /// The interval that is granted for what was asked: never shorter than the limit of its kind. `None`: absurd.
    pub(super) fn interval(&self, kind: usize, asked: LogInterval) -> Option<LogInterval> {
        let shortest = match kind {
            0 => self.min_log_announce_interval,
            1 => self.min_log_sync_interval,
            _ => self.min_log_delay_resp_interval,
        };
        // Beyond nine hours nobody means it (1588-2019 16.1.4.1.4 leaves the range open).
        (-30..=15).contains(&asked.0).then(|| asked.max(shortest))
    }

    /// The duration that is granted, in seconds; 0 for 0.
    pub(super) fn duration(&self, asked: u32) -> u32 {
        asked.min(self.max_duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_of_every_length() {
        let base = Ipv4Addr::new(192, 0, 2, 129);
        for bits in 0..=32u8 {
            let prefix = Prefix::Ipv4(base, bits);
            assert!(prefix.contains(Address::Ipv4(base)), "{prefix}");
            for flipped in 0..32u8 {
                let other = Ipv4Addr::from(u32::from(base) ^ (1 << (31 - flipped)));
                assert_eq!(prefix.contains(Address::Ipv4(other)), flipped >= bits, "{prefix} {other}");
            }
        }
        let v6 = Prefix::Ipv6("2001:db8::".parse().expect("an address"), 32);
        assert!(v6.contains(Address::Ipv6("2001:db8:1::9".parse().expect("an address"))));
        assert!(!v6.contains(Address::Ipv6("2001:db9::9".parse().expect("an address"))));
        assert!(!v6.contains(Address::Ipv4(base)));
        assert_eq!(v6.to_string(), "2001:db8::/32");
        assert!(Prefix::Ethernet([2, 0, 0, 0, 0, 1], 24).contains(Address::Ethernet([2, 0, 0, 9, 9, 9])));
    }

    #[test]
    fn cost_counts_follow_ups_and_never_less_than_the_truth() {
        assert_eq!(cost(0, LogInterval(1)), 500);
        assert_eq!(cost(1, LogInterval(-7)), 256_000);
        assert_eq!(cost(2, LogInterval(4)), 63);
        assert_eq!(cost(1, LogInterval(-128)), cost(1, LogInterval(-30)));
    }
}
