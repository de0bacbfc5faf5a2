//! The keys of SMPTE ST 2059-2's synchronization metadata.

use super::{Kind, Need, Section, int, key};

const SECONDS: Kind = int(0, (1 << 48) - 1);
const OFFSET: Kind = int(i32::MIN as i64, i32::MAX as i64);

/// What studio equipment is told beside the time.
pub(crate) const SMPTE: Section = Section {
    name: "smpte",
    doc: "What a grandmaster tells studio equipment once a second (SMPTE ST 2059-2, synchronization metadata). Times are seconds of the PTP epoch.",
    keys: &[
        key(
            "enable",
            Kind::Bool,
            "false",
            "Send the metadata while grandmaster, and pass on the grandmaster's.",
            "",
        )
        .needs(Need::Server),
        key(
            "frame_rate_numerator",
            int(1, 0xffff_ffff),
            "25",
            "Frames of the default system,",
            "defaultSystemFrameRate.numerator",
        )
        .needs(Need::Smpte),
        key(
            "frame_rate_denominator",
            int(1, 0xffff_ffff),
            "1",
            "in so many seconds; 30000 and 1001 for 29.97 Hz.",
            "defaultSystemFrameRate.denominator",
        )
        .needs(Need::Smpte),
        key("drop_frame", Kind::Bool, "false", "Time codes are drop-frame.", "timeAddressFlags")
            .needs(Need::Smpte),
        key("color_frame", Kind::Bool, "false", "Colour frame identification is in use.", "timeAddressFlags")
            .needs(Need::Smpte),
        key(
            "current_local_offset",
            OFFSET,
            "-37",
            "Local time minus PTP time, in seconds.",
            "currentLocalOffset",
        )
        .needs(Need::Smpte),
        key(
            "jump_seconds",
            OFFSET,
            "0",
            "By how much local time jumps next, in seconds; 0: it does not.",
            "jumpSeconds",
        )
        .needs(Need::Smpte),
        key("time_of_next_jump", SECONDS, "0", "When; 0: never.", "timeOfNextJump").needs(Need::Smpte),
        key("time_of_next_jam", SECONDS, "0", "When time codes are set anew; 0: never.", "timeOfNextJam")
            .needs(Need::Smpte),
        key("time_of_previous_jam", SECONDS, "0", "When they were set last.", "timeOfPreviousJam")
            .needs(Need::Smpte),
        key(
            "previous_jam_local_offset",
            OFFSET,
            "-37",
            "Local time minus PTP time then, in seconds.",
            "previousJamLocalOffset",
        )
        .needs(Need::Smpte),
        key(
            "daylight_saving",
            Kind::Bool,
            "false",
            "Daylight saving time is in effect.",
            "daylightSaving bit 0",
        )
        .needs(Need::Smpte),
        key(
            "daylight_saving_next",
            Kind::Bool,
            "false",
            "It will be after the next jump.",
            "daylightSaving bit 1",
        )
        .needs(Need::Smpte),
        key(
            "daylight_saving_previous_jam",
            Kind::Bool,
            "false",
            "It was at the previous jam.",
            "daylightSaving bit 2",
        )
        .needs(Need::Smpte),
        key(
            "leap_second_jump",
            Kind::Bool,
            "false",
            "A leap second is part of the next jump.",
            "leapSecondJump",
        )
        .needs(Need::Smpte),
    ],
};
