use core::fmt;

use crate::dump::Dump;
use crate::{ClockIdentity, WireError};

/// An entry of fixed size in a list of [`Records`].
pub trait Record: Copy + fmt::Debug + PartialEq {
    /// Octets on the wire, an even number.
    const LEN: usize;

    /// Reads exactly [`Record::LEN`] octets.
    ///
    /// # Errors
    /// [`WireError`] if there are fewer or more octets, or a value is not allowed.
    fn from_octets(octets: &[u8]) -> Result<Self, WireError>;

    /// Writes [`Record::LEN`] octets to the front of `room` and returns their number.
    ///
    /// # Errors
    /// [`WireError::NoSpace`].
    fn to_octets(&self, room: &mut [u8]) -> Result<usize, WireError>;
}

/// Implements [`Record`] for a `layout!`.
macro_rules! record {
    ($($ty:ty),*) => {$(
        impl $crate::tlv::Record for $ty {
            const LEN: usize = <Self as $crate::field::Field>::LEN;

            fn from_octets(octets: &[u8]) -> Result<Self, $crate::WireError> {
                Self::parse(octets)
            }

            fn to_octets(&self, room: &mut [u8]) -> Result<usize, $crate::WireError> {
                self.emit(room)
            }
        }
    )*};
}

pub(crate) use record;

impl Record for ClockIdentity {
    const LEN: usize = 8;

    fn from_octets(octets: &[u8]) -> Result<Self, WireError> {
        octets.try_into().map(Self).map_err(|_| WireError::Truncated)
    }

    fn to_octets(&self, room: &mut [u8]) -> Result<usize, WireError> {
        *room.first_chunk_mut().ok_or(WireError::NoSpace)? = self.0;
        Ok(8)
    }
}

/// A list of entries: borrowed from a received message, or from a slice to be sent.
#[derive(Clone, Copy)]
pub struct Records<'a, T>(Source<'a, T>);

#[derive(Clone, Copy)]
enum Source<'a, T> {
    Wire(&'a [u8]),
    Slice(&'a [T]),
}

impl<'a, T: Record> Records<'a, T> {
    /// Over entries in wire format. All are checked here, so that [`Records::iter`] yields every one of them.
    ///
    /// # Errors
    /// [`WireError::TlvLength`] if the octets are no whole number of entries; the error of an entry that is not allowed.
    pub fn parse(octets: &'a [u8]) -> Result<Self, WireError> {
        if !octets.len().is_multiple_of(T::LEN) {
            return Err(WireError::TlvLength);
        }
        octets.chunks_exact(T::LEN).try_for_each(|entry| T::from_octets(entry).map(|_| ()))?;
        Ok(Self(Source::Wire(octets)))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        match self.0 {
            Source::Wire(octets) => octets.len() / T::LEN,
            Source::Slice(entries) => entries.len(),
        }
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry at a place.
    pub fn get(&self, at: usize) -> Option<T> {
        match self.0 {
            Source::Wire(octets) => T::from_octets(octets.chunks_exact(T::LEN).nth(at)?).ok(),
            Source::Slice(entries) => entries.get(at).copied(),
        }
    }

    /// The entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let list = *self;
        (0..list.len()).map_while(move |at| list.get(at))
    }

    /// Writes the entries to the front of `room` and returns the number of octets.
    ///
    /// # Errors
    /// [`WireError::NoSpace`].
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
        let mut used = 0;
        for entry in self.iter() {
            used += entry.to_octets(room.get_mut(used..).ok_or(WireError::NoSpace)?)?;
        }
        Ok(used)
    }

    pub(crate) fn dump_with(
        &self,
        d: &mut Dump<'_, '_>,
        show: impl Fn(&T, &mut Dump<'_, '_>) -> fmt::Result,
    ) -> fmt::Result {
        for (at, entry) in self.iter().enumerate() {
            d.row(format_args!("[{at}]"), |d| show(&entry, d))?;
        }
        Ok(())
    }
}

/// No entries.
impl<T> Default for Records<'_, T> {
    fn default() -> Self {
        Self(Source::Wire(&[]))
    }
}

impl<'a, T> From<&'a [T]> for Records<'a, T> {
    fn from(entries: &'a [T]) -> Self {
        Self(Source::Slice(entries))
    }
}

impl<T: Record> PartialEq for Records<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<T: Record> fmt::Debug for Records<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
