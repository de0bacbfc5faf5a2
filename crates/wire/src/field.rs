//! Layouts of fixed size: declared once, read, written and shown from the declaration.

use core::fmt;

use crate::dump::Hex;
use crate::management::{
    CurrentDataSet, ParentDataSet, PerformanceStatistic, ScaledNs, TimePropertiesDataSet,
};
use crate::octets::{Cursor, Reader};
use crate::{ClockIdentity, LogInterval, PortIdentity, TimeInterval, Timestamp, WireError};

/// A field of fixed size.
pub(crate) trait Field: Sized {
    /// Octets on the wire.
    const LEN: usize;
    fn read(r: &mut Reader<'_>) -> Result<Self, WireError>;
    fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError>;
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// A number in a field: kept as it came.
macro_rules! number {
    ($name:ty, $inner:ty, $format:literal) => {
        impl $crate::field::Field for $name {
            const LEN: usize = <$inner as $crate::field::Field>::LEN;

            fn read(r: &mut $crate::octets::Reader<'_>) -> Result<Self, $crate::WireError> {
                <$inner as $crate::field::Field>::read(r).map(Self)
            }

            fn write(&self, w: &mut $crate::octets::Cursor<'_>) -> Result<(), $crate::WireError> {
                $crate::field::Field::write(&self.0, w)
            }

            fn show(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, $format, self.0)
            }
        }
    };
}

/// Shows a field.
pub(crate) struct Show<'a, T>(pub(crate) &'a T);

impl<T: Field> fmt::Display for Show<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show(f)
    }
}

macro_rules! fields {
    ($($ty:ty, $len:literal, $read:expr, $write:expr, $format:literal;)*) => {$(
        impl Field for $ty {
            const LEN: usize = $len;

            fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
                $read(r)
            }

            fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
                $write(self, w)
            }

            fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self)
            }
        }
    )*};
}

fields! {
    u8, 1, |r: &mut Reader<'_>| r.u8(), |v: &u8, w: &mut Cursor<'_>| w.u8(*v), "{}";
    i8, 1, |r: &mut Reader<'_>| r.i8(), |v: &i8, w: &mut Cursor<'_>| w.i8(*v), "{}";
    u16, 2, |r: &mut Reader<'_>| r.u16(), |v: &u16, w: &mut Cursor<'_>| w.u16(*v), "{}";
    u32, 4, |r: &mut Reader<'_>| r.u32(), |v: &u32, w: &mut Cursor<'_>| w.u32(*v), "{}";
    i32, 4, |r: &mut Reader<'_>| r.i32(), |v: &i32, w: &mut Cursor<'_>| w.i32(*v), "{}";
    u64, 8, |r: &mut Reader<'_>| r.u64(), |v: &u64, w: &mut Cursor<'_>| w.u64(*v), "{}";
    i64, 8, |r: &mut Reader<'_>| r.i64(), |v: &i64, w: &mut Cursor<'_>| w.i64(*v), "{}";
    f64, 8, |r: &mut Reader<'_>| r.u64().map(f64::from_bits),
        |v: &f64, w: &mut Cursor<'_>| w.u64(v.to_bits()), "{:e}";
    TimeInterval, 8, TimeInterval::read, |v: &TimeInterval, w: &mut Cursor<'_>| TimeInterval::write(*v, w), "{}";
    Timestamp, 10, Timestamp::read, |v: &Timestamp, w: &mut Cursor<'_>| Timestamp::write(*v, w), "{}";
    ClockIdentity, 8, |r: &mut Reader<'_>| r.array().map(ClockIdentity),
        |v: &ClockIdentity, w: &mut Cursor<'_>| w.put(&v.0), "{}";
    PortIdentity, 10, PortIdentity::read, PortIdentity::write, "{}";
    PerformanceStatistic, 36, PerformanceStatistic::read, PerformanceStatistic::write, "{:?}";
    ScaledNs, 12, ScaledNs::read, ScaledNs::write, "{:?}";
    ParentDataSet, 32, ParentDataSet::read, ParentDataSet::write, "{:?}";
    CurrentDataSet, 18, CurrentDataSet::read, CurrentDataSet::write, "{:?}";
    TimePropertiesDataSet, 4, TimePropertiesDataSet::read, TimePropertiesDataSet::write, "{:?}";
}

impl<const N: usize> Field for [u8; N] {
    const LEN: usize = N;

    fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.array()
    }

    fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.put(self)
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex(self), f)
    }
}

impl<const N: usize> Field for [u64; N] {
    const LEN: usize = 8 * N;

    fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = r.u64()?;
        }
        Ok(numbers)
    }

    fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        self.iter().try_for_each(|number| w.u64(*number))
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

number!(LogInterval, i8, "{}");

/// A struct of fields in the order of the wire. `=> reserved n` after a type: `n` octets follow the field that are sent as 0
/// and ignored on receipt.
macro_rules! layout {
    (
        $(#[$meta:meta])*
        $name:ident {
            $($(#[$doc:meta])* $field:ident: $ty:ty $(=> reserved $n:literal)?,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name {
            $($(#[$doc])* pub $field: $ty,)*
        }

        impl $name {
            /// Octets on the wire.
            pub const LEN: usize = <Self as $crate::field::Field>::LEN;

            /// Reads exactly [`Self::LEN`] octets. Reserved ones are ignored.
            ///
            /// # Errors
            /// [`WireError::Truncated`](crate::WireError::Truncated) or [`WireError::TlvLength`](crate::WireError::TlvLength)
            /// if there are fewer or more; the field's own error if its value is not allowed.
            pub fn parse(octets: &[u8]) -> Result<Self, $crate::WireError> {
                let mut r = $crate::octets::Reader::new(octets);
                let value = <Self as $crate::field::Field>::read(&mut r)?;
                if r.rest().is_empty() { Ok(value) } else { Err($crate::WireError::TlvLength) }
            }

            /// Writes [`Self::LEN`] octets to the front of `room` and returns their number.
            ///
            /// # Errors
            /// [`WireError::NoSpace`](crate::WireError::NoSpace).
            pub fn emit(&self, room: &mut [u8]) -> Result<usize, $crate::WireError> {
                let mut w = $crate::octets::Cursor::new(room);
                $crate::field::Field::write(self, &mut w)?;
                Ok(w.position())
            }

            pub(crate) fn dump(&self, d: &mut $crate::dump::Dump<'_, '_>) -> core::fmt::Result {
                $(d.field(stringify!($field), $crate::field::Show(&self.$field))?;)*
                Ok(())
            }
        }

        impl $crate::field::Field for $name {
            const LEN: usize = 0 $(+ <$ty as $crate::field::Field>::LEN $(+ $n)?)*;

            fn read(r: &mut $crate::octets::Reader<'_>) -> Result<Self, $crate::WireError> {
                $(
                    let $field = <$ty as $crate::field::Field>::read(r)?;
                    $(r.take($n)?;)?
                )*
                Ok(Self { $($field),* })
            }

            fn write(&self, w: &mut $crate::octets::Cursor<'_>) -> Result<(), $crate::WireError> {
                $(
                    $crate::field::Field::write(&self.$field, w)?;
                    $(w.put(&[0; $n])?;)?
                )*
                Ok(())
            }

            fn show(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{self:?}")
            }
        }
    };
}

/// An octet of flags, kept as it came.
macro_rules! bits {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $konst:ident = $bit:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
        pub struct $name(pub u8);

        impl $name {
            $($(#[$doc])* pub const $konst: Self = Self(1 << $bit);)*

            /// All of `f` are set.
            pub const fn has(self, f: Self) -> bool {
                self.0 & f.0 == f.0
            }

            /// With `f` set or cleared.
            pub const fn with(self, f: Self, on: bool) -> Self {
                if on { Self(self.0 | f.0) } else { Self(self.0 & !f.0) }
            }
        }

        impl $crate::field::Field for $name {
            const LEN: usize = 1;

            fn read(r: &mut $crate::octets::Reader<'_>) -> Result<Self, $crate::WireError> {
                r.u8().map(Self)
            }

            fn write(&self, w: &mut $crate::octets::Cursor<'_>) -> Result<(), $crate::WireError> {
                w.u8(self.0)
            }

            fn show(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{:#04x}", self.0)?;
                $(if self.has(Self::$konst) {
                    write!(f, " {}", stringify!($konst))?;
                })*
                Ok(())
            }
        }
    };
}

pub(crate) use {bits, layout, number};
