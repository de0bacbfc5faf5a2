//! SMPTE ST 2059-2's synchronization metadata as a program gets them.

use ptp_wire::{DaylightSaving, Seconds48, SynchronizationMetadata, TimeAddressFlags};

use crate::build::Values;

/// `None`: nothing is told. masterLockingStatus is left to the clock.
pub(crate) fn smpte(v: Values<'_>) -> Option<SynchronizationMetadata> {
    let flag = |key: &str| v.bool(&format!("smpte.{key}"));
    let seconds = |key: &str| Seconds48::new(v.int(&format!("smpte.{key}"))).unwrap_or_default();
    let metadata = SynchronizationMetadata {
        frame_rate_numerator: v.int("smpte.frame_rate_numerator"),
        frame_rate_denominator: v.int("smpte.frame_rate_denominator"),
        // The clock tells it.
        master_locking_status: 0,
        time_address_flags: TimeAddressFlags::default()
            .with(TimeAddressFlags::DROP_FRAME, flag("drop_frame"))
            .with(TimeAddressFlags::COLOR_FRAME, flag("color_frame")),
        current_local_offset: v.int("smpte.current_local_offset"),
        jump_seconds: v.int("smpte.jump_seconds"),
        time_of_next_jump: seconds("time_of_next_jump"),
        time_of_next_jam: seconds("time_of_next_jam"),
        time_of_previous_jam: seconds("time_of_previous_jam"),
        previous_jam_local_offset: v.int("smpte.previous_jam_local_offset"),
        daylight_saving: DaylightSaving::default()
            .with(DaylightSaving::CURRENT, flag("daylight_saving"))
            .with(DaylightSaving::NEXT, flag("daylight_saving_next"))
            .with(DaylightSaving::PREVIOUS_JAM, flag("daylight_saving_previous_jam")),
        leap_second_jump: flag("leap_second_jump").into(),
    };
    flag("enable").then_some(metadata)
}
