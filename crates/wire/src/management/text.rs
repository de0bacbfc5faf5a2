use core::fmt;

use crate::WireError;
use crate::octets::{Cursor, Reader};

/// `PTPText` (1588-2019 5.3.9): up to 255 octets that should be UTF-8. Any octets are kept as they came.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct PtpText<'a>(&'a [u8]);

impl<'a> PtpText<'a> {
    /// No text.
    pub const EMPTY: Self = Self(&[]);

    /// From at most 255 octets; `None` if there are more.
    pub const fn new(octets: &'a [u8]) -> Option<Self> {
        if octets.len() <= 255 { Some(Self(octets)) } else { None }
    }

    /// From text. More than 255 octets are cut off at a character's end.
    pub fn from_text(text: &'a str) -> Self {
        let mut end = text.len().min(255);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self(text.as_bytes().get(..end).unwrap_or_default())
    }

    /// The octets, without the length.
    pub const fn octets(self) -> &'a [u8] {
        self.0
    }

    /// The text, if it is UTF-8.
    pub fn as_str(self) -> Option<&'a str> {
        core::str::from_utf8(self.0).ok()
    }

    pub(crate) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let len = r.u8()?;
        r.take(len.into()).map(Self)
    }

    pub(crate) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u8(u8::try_from(self.0.len()).map_err(|_| WireError::Value)?)?;
        w.put(self.0)
    }
}

/// Octets that are not UTF-8 show as U+FFFD.
impl fmt::Display for PtpText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("\u{fffd}")?;
            }
        }
        Ok(())
    }
}
