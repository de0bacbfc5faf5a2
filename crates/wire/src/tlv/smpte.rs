//! SMPTE ST 2059-2's organization extension (68-97-E8).

use crate::Seconds48;
use crate::field::{bits, layout};

bits! {
    /// timeAddressFlags.
    TimeAddressFlags {
        /// Drop frame.
        DROP_FRAME = 0,
        /// Colour frame identification.
        COLOR_FRAME = 1,
    }
}

bits! {
    /// daylightSaving.
    DaylightSaving {
        /// Now.
        CURRENT = 0,
        /// After the next discontinuity.
        NEXT = 1,
        /// At the previous jam.
        PREVIOUS_JAM = 2,
    }
}

layout! {
    /// Synchronization metadata (ST 2059-2 clause 9), on Management COMMAND. Sub-type 1. Times are seconds of the node.
    #[derive(Eq)]
    SynchronizationMetadata {
        /// defaultSystemFrameRate, numerator.
        frame_rate_numerator: u32,
        /// defaultSystemFrameRate, denominator.
        frame_rate_denominator: u32,
        /// masterLockingStatus: 0 not applicable, 1 free run, 2 cold locking, 3 warm locking, 4 locked.
        master_locking_status: u8,
        /// timeAddressFlags.
        time_address_flags: TimeAddressFlags,
        /// currentLocalOffset in seconds.
        current_local_offset: i32,
        /// jumpSeconds: the next discontinuity of local time.
        jump_seconds: i32,
        /// timeOfNextJump.
        time_of_next_jump: Seconds48,
        /// timeOfNextJam.
        time_of_next_jam: Seconds48,
        /// timeOfPreviousJam.
        time_of_previous_jam: Seconds48,
        /// previousJamLocalOffset in seconds.
        previous_jam_local_offset: i32,
        /// daylightSaving.
        daylight_saving: DaylightSaving,
        /// leapSecondJump: bit 0, a leap second is part of the next jump.
        leap_second_jump: u8,
    }
}
