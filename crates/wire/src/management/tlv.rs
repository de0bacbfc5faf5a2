use super::{ManagementErrorStatus, ManagementId, Payload};
use crate::octets::Reader;
use crate::{Message, TlvType, WireError};

/// A MANAGEMENT TLV (1588-2019 15.5.2), its data still undecoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ManagementTlv<'a> {
    /// managementId.
    pub id: ManagementId,
    /// dataField, with its padding.
    pub data: &'a [u8],
}

impl<'a> ManagementTlv<'a> {
    /// From the value of a TLV of type MANAGEMENT.
    ///
    /// # Errors
    /// [`WireError::Truncated`] if there is not even a managementId.
    pub fn parse(value: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(value);
        Ok(Self { id: ManagementId(r.u16()?), data: r.rest() })
    }

    /// Decodes the data. See [`Payload::parse`].
    ///
    /// # Errors
    /// As [`Payload::parse`].
    pub fn payload(&self) -> Result<Payload<'a>, WireError> {
        Payload::parse(self.id, self.data)
    }

    /// keyField, the only data of a GET that means something: for the ALTERNATE_TIME_OFFSET IDs. 0 where it is missing.
    pub fn key_field(&self) -> u8 {
        self.data.first().copied().unwrap_or(0)
    }
}

/// What a management message carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Content<'a> {
    /// A MANAGEMENT TLV.
    Management(ManagementTlv<'a>),
    /// A MANAGEMENT_ERROR_STATUS TLV.
    Error(ManagementErrorStatus<'a>),
}

impl<'a> Content<'a> {
    /// The one management TLV of a message. `None` if it is no management message, has none or more than one of them
    /// (1588-2019 15.4.1 allows exactly one), or the TLV is malformed. An AUTHENTICATION TLV may follow.
    pub fn of(message: &Message<'a>) -> Option<Self> {
        let crate::Body::Management(_) = message.body() else { return None };
        let mut found = None;
        for tlv in message.tlvs() {
            let content = match tlv.tlv_type {
                TlvType::MANAGEMENT => ManagementTlv::parse(tlv.value).ok().map(Self::Management),
                TlvType::MANAGEMENT_ERROR_STATUS => {
                    ManagementErrorStatus::parse(tlv.value).ok().map(Self::Error)
                }
                TlvType::AUTHENTICATION => continue,
                _ => None,
            };
            if found.is_some() {
                return None;
            }
            found = Some(content?);
        }
        found
    }

    /// The management ID it is about.
    pub fn id(&self) -> ManagementId {
        match self {
            Self::Management(tlv) => tlv.id,
            Self::Error(error) => error.id,
        }
    }
}
