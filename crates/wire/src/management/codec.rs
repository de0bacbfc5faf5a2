//! Payloads that are one value. Each names a reader and a writer for the table in `table.rs`.

use crate::octets::{Cursor, Reader};
use crate::{ClockAccuracy, LogInterval, Timestamp, WireError};

/// One value, and one reserved octet where that makes the data even.
macro_rules! values {
    ($($(#[$doc:meta])* $codec:ident($ty:ty): |$r:ident| $read:expr, |$v:ident, $w:ident| $write:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $codec;

        impl $codec {
            pub(super) fn read($r: &mut Reader<'_>) -> Result<$ty, WireError> {
                $read
            }

            pub(super) fn write($v: &$ty, $w: &mut Cursor<'_>) -> Result<(), WireError> {
                $write
            }
        }
    )*};
}

values! {
    /// No data.
    Nothing(()): |_r| Ok(()), |_v, _w| Ok(());
    /// An unsigned octet, one reserved.
    Octet(u8): |r| octet(r), |v, w| w.put(&[*v, 0]);
    /// A version in the low nibble, one reserved octet.
    Nibble(u8): |r| Ok(octet(r)? & 0x0f), |v, w| w.put(&[*v & 0x0f, 0]);
    /// An interval, one reserved octet.
    Interval(LogInterval): |r| Ok(LogInterval(octet(r)? as i8)), |v, w| w.put(&[v.0 as u8, 0]);
    /// An accuracy, one reserved octet.
    Accuracy(ClockAccuracy): |r| octet(r).map(ClockAccuracy), |v, w| w.put(&[v.0, 0]);
    /// Bit 0 of an octet, one reserved.
    Flag(bool): |r| Ok(octet(r)? & 1 != 0), |v, w| w.put(&[u8::from(*v), 0]);
    /// Two octets.
    Number(u16): |r| r.u16(), |v, w| w.u16(*v);
    /// A timestamp.
    Time(Timestamp): |r| Timestamp::read(r), |v, w| v.write(w);
}

fn octet(r: &mut Reader<'_>) -> Result<u8, WireError> {
    let [value, _reserved] = r.array()?;
    Ok(value)
}

/// An octet of flags from its bits, lowest first.
pub(super) fn flags<const N: usize>(bits: [bool; N]) -> u8 {
    const { assert!(N <= 8) };
    bits.into_iter().rev().fold(0, |octet, bit| (octet << 1) | u8::from(bit))
}

/// Bit `n` of an octet of flags.
pub(super) fn bit(octet: u8, n: u8) -> bool {
    (octet >> n) & 1 != 0
}
