//! ITU-T's organization extension (00-19-A7).

use crate::field::layout;

layout! {
    /// Interface rate (ITU-T G.8275.2 annex D), on Signaling that grants. Sub-type 2.
    #[derive(Eq)]
    InterfaceRate {
        /// interfaceBitPeriod in attoseconds.
        interface_bit_period: u64,
        /// numberBitsBeforeTimestamp.
        number_bits_before_timestamp: u16,
        /// numberBitsAfterTimestamp.
        number_bits_after_timestamp: u16,
    }
}
