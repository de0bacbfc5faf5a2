use core::fmt;

/// `tlvType` (1588-2019 table 52). Unknown numbers are kept.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TlvType(pub u16);

macro_rules! tlv_types {
    ($($konst:ident = $n:literal, $name:literal;)*) => {
        impl TlvType {
            $(#[doc = concat!($name, ".")] pub const $konst: Self = Self($n);)*

            /// Every type that has a name, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self($n)),*];

            /// The standard's name; `None` for a number without one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($n => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

tlv_types! {
    MANAGEMENT = 0x0001, "MANAGEMENT";
    MANAGEMENT_ERROR_STATUS = 0x0002, "MANAGEMENT_ERROR_STATUS";
    ORGANIZATION_EXTENSION = 0x0003, "ORGANIZATION_EXTENSION";
    REQUEST_UNICAST_TRANSMISSION = 0x0004, "REQUEST_UNICAST_TRANSMISSION";
    GRANT_UNICAST_TRANSMISSION = 0x0005, "GRANT_UNICAST_TRANSMISSION";
    CANCEL_UNICAST_TRANSMISSION = 0x0006, "CANCEL_UNICAST_TRANSMISSION";
    ACKNOWLEDGE_CANCEL_UNICAST_TRANSMISSION = 0x0007, "ACKNOWLEDGE_CANCEL_UNICAST_TRANSMISSION";
    PATH_TRACE = 0x0008, "PATH_TRACE";
    ALTERNATE_TIME_OFFSET_INDICATOR = 0x0009, "ALTERNATE_TIME_OFFSET_INDICATOR";
    AUTHENTICATION_2008 = 0x2000, "AUTHENTICATION (2008)";
    AUTHENTICATION_CHALLENGE = 0x2001, "AUTHENTICATION_CHALLENGE (2008)";
    SECURITY_ASSOCIATION_UPDATE = 0x2002, "SECURITY_ASSOCIATION_UPDATE (2008)";
    CUM_FREQ_SCALE_FACTOR_OFFSET = 0x2003, "CUM_FREQ_SCALE_FACTOR_OFFSET (2008)";
    ALTERNATE_RESPONSE_PORT = 0x2007, "ALTERNATE_RESPONSE_PORT";
    PTPMON_REQ = 0x21fe, "PTPMON_REQ";
    PTPMON_RESP = 0x21ff, "PTPMON_RESP";
    MTIE_REQ = 0x2200, "MTIE_REQ";
    MTIE_RESP = 0x2201, "MTIE_RESP";
    CLOCK_OFFS_REQ = 0x2202, "CLOCK_OFFS_REQ";
    CLOCK_OFFS_RESP = 0x2203, "CLOCK_OFFS_RESP";
    ORGANIZATION_EXTENSION_PROPAGATE = 0x4000, "ORGANIZATION_EXTENSION_PROPAGATE";
    ENHANCED_ACCURACY_METRICS = 0x4001, "ENHANCED_ACCURACY_METRICS";
    SLAVE_DELAY_TIMING_DATA_NP = 0x7f00, "SLAVE_DELAY_TIMING_DATA_NP";
    ORGANIZATION_EXTENSION_DO_NOT_PROPAGATE = 0x8000, "ORGANIZATION_EXTENSION_DO_NOT_PROPAGATE";
    L1_SYNC = 0x8001, "L1_SYNC";
    PORT_COMMUNICATION_AVAILABILITY = 0x8002, "PORT_COMMUNICATION_AVAILABILITY";
    PROTOCOL_ADDRESS = 0x8003, "PROTOCOL_ADDRESS";
    SLAVE_RX_SYNC_TIMING_DATA = 0x8004, "SLAVE_RX_SYNC_TIMING_DATA";
    SLAVE_RX_SYNC_COMPUTED_DATA = 0x8005, "SLAVE_RX_SYNC_COMPUTED_DATA";
    SLAVE_TX_EVENT_TIMESTAMPS = 0x8006, "SLAVE_TX_EVENT_TIMESTAMPS";
    CUMULATIVE_RATE_RATIO = 0x8007, "CUMULATIVE_RATE_RATIO";
    PAD = 0x8008, "PAD";
    AUTHENTICATION = 0x8009, "AUTHENTICATION";
}

impl TlvType {
    /// One of 1588-2008's types for its annex K (security) and for experiments (2008 14.1), withdrawn in 2019.
    pub const fn is_legacy(self) -> bool {
        matches!(self.0, 0x2000..=0x202f)
    }

    /// A boundary clock that does not understand it repeats it in its own Announces (1588-2019 14.2.2.2).
    pub const fn propagates(self) -> bool {
        matches!(self.0, 0x4000..=0x7fff)
    }
}

/// The name, or `0x1234`.
impl fmt::Display for TlvType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "{:#06x}", self.0),
        }
    }
}
