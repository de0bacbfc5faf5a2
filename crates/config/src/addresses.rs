//! Masters and prefixes of addresses, as they are written.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::kind::Refusal;
use crate::model::{MasterAddress, Prefix, UnicastMaster};
use crate::parse::{parse_int, parse_octets};

/// `ADDRESS` or `ADDRESS PRIORITY`.
pub(crate) fn parse_master(text: &str) -> Result<UnicastMaster, Refusal> {
    let mut words = text.split_ascii_whitespace();
    let (Some(address), priority, None) = (words.next(), words.next(), words.next()) else {
        return Err(Refusal::new("neither an address nor an address and its local priority"));
    };
    let local_priority = match priority {
        None => 128,
        Some(text) => match parse_int(text).ok().and_then(|n| u8::try_from(n).ok()) {
            Some(n @ 1..) => n,
            _ => return Err(Refusal::new("the local priority is not 1 to 255")),
        },
    };
    Ok(UnicastMaster { address: parse_address(address)?, local_priority })
}

fn parse_address(text: &str) -> Result<MasterAddress, Refusal> {
    let bracketed = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bracketed.parse::<IpAddr>() {
        return match address {
            a if a.is_unspecified() || a.is_multicast() || a == IpAddr::V4(Ipv4Addr::BROADCAST) => {
                Err(Refusal::new("not the address of one host"))
            }
            IpAddr::V4(a) => Ok(MasterAddress::Ipv4(a)),
            IpAddr::V6(a) => Ok(MasterAddress::Ipv6(a)),
        };
    }
    if let Ok(octets) = parse_octets(text, 6)
        && let Ok(mac) = <[u8; 6]>::try_from(octets)
    {
        return if mac[0] & 1 == 0 && mac != [0; 6] {
            Ok(MasterAddress::Ethernet(mac))
        } else {
            Err(Refusal::new("not the address of one station"))
        };
    }
    // RFC 1123; all digits and points would be a mistyped address.
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_name =
        name.len() <= 253 && name.split('.').all(label) && name.bytes().any(|b| b.is_ascii_alphabetic());
    if is_name {
        Ok(MasterAddress::Name(text.to_owned()))
    } else {
        Err(Refusal::new("neither an address nor a host name"))
    }
}

/// `ADDRESS/BITS`, or an address for itself.
pub(crate) fn parse_prefix(text: &str) -> Result<Prefix, Refusal> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let length = |most: u8| match bits {
        None => Ok(most),
        Some(bits) => match bits.parse::<u8>() {
            Ok(n) if n <= most => Ok(n),
            _ => Err(Refusal::new(format!("its length is not 0 to {most} bits"))),
        },
    };
    let prefix = if let Ok(a) = address.parse::<Ipv4Addr>() {
        Prefix::Ipv4(a, length(32)?)
    } else if let Ok(a) = address.parse::<Ipv6Addr>() {
        Prefix::Ipv6(a, length(128)?)
    } else if let Ok(octets) = parse_octets(address, 6)
        && let Ok(a) = <[u8; 6]>::try_from(octets)
    {
        Prefix::Ethernet(a, length(48)?)
    } else {
        return Err(Refusal::new("not a prefix of addresses"));
    };
    match prefix.network() {
        network if network == prefix => Ok(prefix),
        network => Err(Refusal::new("has bits set beyond its length").write(network.to_string())),
    }
}

impl Prefix {
    /// The same with the bits beyond its length cleared.
    fn network(self) -> Self {
        fn cut(value: u128, width: u8, bits: u8) -> u128 {
            let beyond = u32::from(width - bits.min(width));
            if beyond >= 128 { 0 } else { value >> beyond << beyond }
        }
        match self {
            Self::Ipv4(a, n) => Self::Ipv4((cut(u32::from(a).into(), 32, n) as u32).into(), n),
            Self::Ipv6(a, n) => Self::Ipv6(Ipv6Addr::from(cut(a.into(), 128, n)), n),
            Self::Ethernet(a, n) => {
                let value = a.iter().fold(0u128, |v, o| v << 8 | u128::from(*o));
                let cut = cut(value, 48, n).to_be_bytes();
                Self::Ethernet(cut.last_chunk().copied().unwrap_or(a), n)
            }
        }
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_by_address_and_by_name() {
        let master = |text: &str| parse_master(text).map(|m| (m.address, m.local_priority));
        let v4 = MasterAddress::Ipv4(Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!(master("192.0.2.1"), Ok((v4.clone(), 128)));
        assert_eq!(master("192.0.2.1 10"), Ok((v4, 10)));
        let v6 = MasterAddress::Ipv6("2001:db8::1".parse().expect("an address"));
        assert_eq!(master("2001:db8::1"), Ok((v6.clone(), 128)));
        assert_eq!(master("[2001:db8::1]"), Ok((v6, 128)));
        let mac = MasterAddress::Ethernet([2, 0, 0, 0, 0, 1]);
        assert_eq!(master("02:00:00:00:00:01"), Ok((mac, 128)));
        let name = MasterAddress::Name("gm1.example.net".into());
        assert_eq!(master("gm1.example.net 255"), Ok((name, 255)));
        for text in [
            "",
            " ",
            "224.0.1.129",
            "255.255.255.255",
            "0.0.0.0",
            "::",
            "ff0e::181",
            "01:1b:19:00:00:00",
            "192.0.2.1 0",
            "192.0.2.1 256",
            "192.0.2.1 10 20",
            "192.0.2",
            "192.0.2.256",
            "-gm",
            "gm..net",
            "gm/1",
            "00:00:00:00:00:00",
        ] {
            assert!(parse_master(text).is_err(), "{text}");
        }
    }

    #[test]
    fn prefixes_have_nothing_beyond_their_length() {
        for text in
            ["192.0.2.0/24", "0.0.0.0/0", "192.0.2.7/32", "2001:db8::/32", "::/0", "02:00:00:00:00:00/24"]
        {
            assert_eq!(parse_prefix(text).map(|p| p.to_string()).as_deref(), Ok(text), "{text}");
        }
        assert_eq!(parse_prefix("192.0.2.7"), Ok(Prefix::Ipv4(Ipv4Addr::new(192, 0, 2, 7), 32)));
        let refused = parse_prefix("192.0.2.7/24").expect_err("bits beyond");
        assert_eq!(refused.replacement.as_deref(), Some("192.0.2.0/24"));
        for text in
            ["192.0.2.0/33", "::/129", "x/8", "192.0.2.0/", "192.0.2.0/-1", "", "02:00:00:00:00:00/49"]
        {
            assert!(parse_prefix(text).is_err(), "{text}");
        }
    }
}
