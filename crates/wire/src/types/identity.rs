use core::fmt;
use core::str::FromStr;

use crate::WireError;
use crate::octets::{Cursor, Reader};

/// A clock's EUI-64-like identity (1588-2019 5.3.4). Ordered octet by octet, first octet most significant.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClockIdentity(pub [u8; 8]);

impl ClockIdentity {
    /// All ones: "any clock" as a target.
    pub const ANY: Self = Self([0xff; 8]);
    /// All zeros: unknown.
    pub const ZERO: Self = Self([0; 8]);

    /// From an EUI-48: `a b c FF FE d e f`.
    pub const fn from_mac(m: [u8; 6]) -> Self {
        Self([m[0], m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]])
    }
}

/// `001122.fffe.334455`, as linuxptp prints it.
impl fmt::Display for ClockIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g, h, i] = self.0;
        write!(f, "{a:02x}{b:02x}{c:02x}.{d:02x}{e:02x}.{g:02x}{h:02x}{i:02x}")
    }
}

/// Sixteen hexadecimal digits; `.`, `:` and `-` between octets are ignored.
impl FromStr for ClockIdentity {
    type Err = WireError;

    fn from_str(s: &str) -> Result<Self, WireError> {
        let mut id = [0u8; 8];
        let mut digits = 0;
        for c in s.chars().filter(|c| !matches!(c, '.' | ':' | '-')) {
            let d = c.to_digit(16).ok_or(WireError::Value)? as u8;
            let octet = id.get_mut(digits / 2).ok_or(WireError::Value)?;
            *octet = (*octet << 4) | d;
            digits += 1;
        }
        if digits == 16 { Ok(Self(id)) } else { Err(WireError::Value) }
    }
}

/// The number of a PTP port (1588-2019 5.3.5): 1.. for real ports.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PortNumber(pub u16);

impl PortNumber {
    /// All ones: "any port" as a target.
    pub const ANY: Self = Self(0xffff);
    /// The clock itself.
    pub const CLOCK: Self = Self(0);
}

impl fmt::Display for PortNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Decimal digits.
impl FromStr for PortNumber {
    type Err = WireError;

    fn from_str(s: &str) -> Result<Self, WireError> {
        if !s.bytes().all(|c| c.is_ascii_digit()) {
            return Err(WireError::Value);
        }
        s.parse().map(Self).map_err(|_| WireError::Value)
    }
}

/// A port of a clock (1588-2019 5.3.5), ordered by clock identity, then port number.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PortIdentity {
    /// The clock.
    pub clock_identity: ClockIdentity,
    /// Its port.
    pub port_number: PortNumber,
}

impl PortIdentity {
    /// Octets on the wire.
    pub const LEN: usize = 10;
    /// Any port of any clock, as a target.
    pub const ANY: Self = Self { clock_identity: ClockIdentity::ANY, port_number: PortNumber::ANY };

    /// Makes one of its parts.
    pub const fn new(clock_identity: ClockIdentity, port_number: u16) -> Self {
        Self { clock_identity, port_number: PortNumber(port_number) }
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let [clock_identity @ .., high, low] = r.array::<10>()?;
        Ok(Self {
            clock_identity: ClockIdentity(clock_identity),
            port_number: PortNumber(u16::from_be_bytes([high, low])),
        })
    }

    pub(crate) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.put(&self.clock_identity.0)?;
        w.u16(self.port_number.0)
    }
}

/// `001122.fffe.334455-1`, as linuxptp prints it.
impl fmt::Display for PortIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.clock_identity, self.port_number)
    }
}

impl FromStr for PortIdentity {
    type Err = WireError;

    fn from_str(s: &str) -> Result<Self, WireError> {
        let (clock, port) = s.rsplit_once('-').ok_or(WireError::Value)?;
        Ok(Self { clock_identity: clock.parse()?, port_number: port.parse()? })
    }
}

/// The 12-bit sdoId (1588-2019 16.5): majorSdoId (2008: transportSpecific) in bits 8-11, minorSdoId below.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SdoId(u16);

impl SdoId {
    /// IEEE 1588 profiles.
    pub const PTP: Self = Self(0);
    /// IEEE 802.1AS.
    pub const GPTP: Self = Self(0x100);
    /// The Common Mean Link Delay Service.
    pub const CMLDS: Self = Self(0x200);

    /// From 12 bits; higher bits are cut off.
    pub const fn new(v: u16) -> Self {
        Self(v & 0xfff)
    }

    /// The 12-bit value.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// majorSdoId (2008: transportSpecific), 0..=15.
    pub const fn major(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// minorSdoId.
    pub const fn minor(self) -> u8 {
        self.0 as u8
    }
}
