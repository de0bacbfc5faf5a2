//! ORGANIZATION_EXTENSION and its two siblings (1588-2019 14.3).

use core::fmt;

use super::{
    FollowUpInformation, GptpCapable, GptpCapableIntervalRequest, InterfaceRate, MessageIntervalRequest,
    PowerProfile2011, PowerProfile2017, SynchronizationMetadata, WhiteRabbit,
};
use crate::WireError;
use crate::dump::{Dump, Hex};
use crate::field::Field;
use crate::octets::{Cursor, Reader};

/// organizationId and organizationSubType.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct OrganizationId {
    /// organizationId: an OUI or CID.
    pub organization: [u8; 3],
    /// organizationSubType.
    pub sub_type: [u8; 3],
}

/// `00-80-c2/000001`
impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([a, b, c], [d, e, g]) = (self.organization, self.sub_type);
        write!(f, "{a:02x}-{b:02x}-{c:02x}/{d:02x}{e:02x}{g:02x}")
    }
}

macro_rules! organizations {
    ($($(#[$doc:meta])* $variant:ident($ty:ident), $konst:ident = $oui:literal / $sub:literal, $name:literal;)*) => {
        impl OrganizationId {
            $(#[doc = concat!($name, ".")] pub const $konst: Self = Self::from_numbers($oui, $sub);)*

            /// What it stands for; `None` if it is not known here.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$konst => Some($name),)*
                    Self::WHITE_RABBIT => Some("White Rabbit"),
                    _ => None,
                }
            }
        }

        /// The value of an organization extension TLV.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Organization<'a> {
            $($(#[$doc])* $variant($ty),)*
            /// White Rabbit: signaling, or an Announce's suffix.
            WhiteRabbit(WhiteRabbit<'a>),
            /// Any other organization's.
            Unknown(OrganizationId, &'a [u8]),
        }

        impl<'a> Organization<'a> {
            /// Reads a value. Octets after those that are known are ignored: later editions append fields.
            ///
            /// # Errors
            /// [`WireError::Truncated`] if it is too short.
            pub fn parse(value: &'a [u8]) -> Result<Self, WireError> {
                let mut r = Reader::new(value);
                let id = OrganizationId { organization: r.array()?, sub_type: r.array()? };
                Ok(match id {
                    $(OrganizationId::$konst => Self::$variant(Field::read(&mut r)?),)*
                    OrganizationId::WHITE_RABBIT => Self::WhiteRabbit(WhiteRabbit::parse(r.rest())?),
                    _ => Self::Unknown(id, r.rest()),
                })
            }

            /// Whose it is, and which.
            pub const fn id(&self) -> OrganizationId {
                match self {
                    $(Self::$variant(_) => OrganizationId::$konst,)*
                    Self::WhiteRabbit(_) => OrganizationId::WHITE_RABBIT,
                    Self::Unknown(id, _) => *id,
                }
            }

            /// Writes the value to the front of `room`.
            ///
            /// # Errors
            /// [`WireError::NoSpace`].
            pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
                let mut w = Cursor::new(room);
                let id = self.id();
                w.put(&id.organization)?;
                w.put(&id.sub_type)?;
                match self {
                    $(Self::$variant(v) => Field::write(v, &mut w)?,)*
                    Self::WhiteRabbit(v) => v.write(&mut w)?,
                    Self::Unknown(_, data) => w.put(data)?,
                }
                Ok(w.position())
            }

            pub(crate) fn dump(&self, d: &mut Dump<'_, '_>) -> fmt::Result {
                let id = self.id();
                d.field("organization", format_args!("{id} {}", id.name().unwrap_or("unknown")))?;
                match self {
                    $(Self::$variant(v) => v.dump(d),)*
                    Self::WhiteRabbit(v) => v.dump(d),
                    Self::Unknown(_, data) => d.field("data", Hex(data)),
                }
            }
        }
    };
}

organizations! {
    /// On every gPTP Follow_Up.
    FollowUpInformation(FollowUpInformation), FOLLOW_UP_INFORMATION = 0x0080c2 / 1, "802.1AS Follow_Up information";
    /// On gPTP Signaling.
    MessageIntervalRequest(MessageIntervalRequest), MESSAGE_INTERVAL_REQUEST = 0x0080c2 / 2,
        "802.1AS message interval request";
    /// On gPTP Signaling; send it as ORGANIZATION_EXTENSION_DO_NOT_PROPAGATE.
    GptpCapable(GptpCapable), GPTP_CAPABLE = 0x0080c2 / 4, "802.1AS gPTP-capable";
    /// On gPTP Signaling; send it as ORGANIZATION_EXTENSION_DO_NOT_PROPAGATE.
    GptpCapableIntervalRequest(GptpCapableIntervalRequest), GPTP_CAPABLE_INTERVAL_REQUEST = 0x0080c2 / 5,
        "802.1AS gPTP-capable message interval request";
    /// On Announce.
    PowerProfile2011(PowerProfile2011), POWER_PROFILE_2011 = 0x1c129d / 1, "IEEE C37.238-2011";
    /// On Announce.
    PowerProfile2017(PowerProfile2017), POWER_PROFILE_2017 = 0x1c129d / 2, "IEEE C37.238-2017";
    /// On Signaling that grants.
    InterfaceRate(InterfaceRate), INTERFACE_RATE = 0x0019a7 / 2, "ITU-T interface rate";
    /// On Management COMMAND.
    SynchronizationMetadata(SynchronizationMetadata), SYNCHRONIZATION_METADATA = 0x6897e8 / 1,
        "SMPTE ST 2059-2 synchronization metadata";
}

impl OrganizationId {
    /// White Rabbit.
    pub const WHITE_RABBIT: Self = Self::from_numbers(0x080030, 0xdead01);

    /// From two numbers of 24 bits; higher bits are cut off.
    pub const fn from_numbers(organization: u32, sub_type: u32) -> Self {
        let [_, a, b, c] = organization.to_be_bytes();
        let [_, d, e, f] = sub_type.to_be_bytes();
        Self { organization: [a, b, c], sub_type: [d, e, f] }
    }
}
