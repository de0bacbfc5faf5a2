use core::fmt;

/// Why octets are not the PTP message, TLV or payload they should be, or why one could not be emitted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WireError {
    /// Fewer octets than the field layout needs.
    Truncated,
    /// `messageLength` is shorter than the message type's body, or longer than what was received.
    MessageLength,
    /// `versionPTP` is not 2.
    Version,
    /// `messageType` is reserved (4-7, E, F).
    MessageType,
    /// A `nanosecondsField` of 10^9 or more (1588-2019 5.3.3).
    Nanoseconds,
    /// A TLV `lengthField` that is odd, or reaches past the message (1588-2019 14.1).
    TlvLength,
    /// A field holds a value that its definition does not allow.
    Value,
    /// The output buffer is too small.
    NoSpace,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "truncated",
            Self::MessageLength => "messageLength does not fit the message",
            Self::Version => "versionPTP is not 2",
            Self::MessageType => "reserved messageType",
            Self::Nanoseconds => "nanosecondsField is 10^9 or more",
            Self::TlvLength => "TLV lengthField is odd or too long",
            Self::Value => "value not allowed",
            Self::NoSpace => "output buffer too small",
        })
    }
}

impl core::error::Error for WireError {}
