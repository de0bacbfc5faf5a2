//! What each state is called on the wire, by profile.

use ptp_wire::management::GrandmasterSettingsNp;
use ptp_wire::{ClockAccuracy, ClockQuality, Flags, TimeSource};

/// Whose classes are told.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Profile {
    /// IEEE 1588-2019 table 4, degradation alternative A: 6, 7, 52.
    #[default]
    Default,
    /// The same, alternative B (the clock may become a client): 6, 7, 187.
    DefaultB,
    /// ITU-T G.8275.1 and G.8275.2 with a physical layer frequency of category 1: 6, 7, 140.
    TelecomCategory1,
    /// The same, category 2: 6, 7, 150.
    TelecomCategory2,
    /// The same, category 3 or none: 6, 7, 160.
    Telecom,
    /// ITU-T G.8265.1 (frequency), option I's quality levels: 84 (PRC), 90 (SSU-A), 104 (SEC), 110 (DNU).
    Frequency,
    /// The same, option II's: 80 (PRS), 86 (ST2), 102 (ST3), 110 (DUS).
    FrequencyOption2,
}

/// clockClass of each state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClassTable {
    /// Locked to the reference.
    pub locked: u8,
    /// Holdover within specification.
    pub in_spec: u8,
    /// Holdover out of it.
    pub out_of_spec: u8,
    /// Neither.
    pub free_run: u8,
    /// In holdover out of specification the frequency is still traceable (by the physical layer).
    pub frequency_by_layer: bool,
}

impl Profile {
    /// The words of configuration.
    pub const WORDS: [(&'static str, Self); 7] = [
        ("default", Self::Default),
        ("default-b", Self::DefaultB),
        ("telecom-category1", Self::TelecomCategory1),
        ("telecom-category2", Self::TelecomCategory2),
        ("telecom", Self::Telecom),
        ("frequency", Self::Frequency),
        ("frequency-option2", Self::FrequencyOption2),
    ];

    /// Its classes.
    pub const fn classes(self) -> ClassTable {
        let (locked, in_spec, out_of_spec, free_run) = match self {
            Self::Default => (6, 7, 52, 248),
            Self::DefaultB => (6, 7, 187, 248),
            Self::TelecomCategory1 => (6, 7, 140, 248),
            Self::TelecomCategory2 => (6, 7, 150, 248),
            Self::Telecom => (6, 7, 160, 248),
            Self::Frequency => (84, 90, 104, 110),
            Self::FrequencyOption2 => (80, 86, 102, 110),
        };
        let frequency_by_layer = matches!(self, Self::TelecomCategory1);
        ClassTable { locked, in_spec, out_of_spec, free_run, frequency_by_layer }
    }

    /// Its clients look at clockClass alone, which is a quality level: accuracy and variance are not told.
    pub const fn is_of_levels(self) -> bool {
        matches!(self, Self::Frequency | Self::FrequencyOption2)
    }
}

/// What is told as clockAccuracy in holdover.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Accuracy {
    /// The bound of the error, as it was learnt and measured.
    #[default]
    Measured,
    /// 0xFE, as G.8275.1 table 2 has it.
    Unknown,
}

/// The bounds of 1588-2019 table 5, ns.
const STEPS: [(u8, f64); 23] = [
    (0x17, 0.001),
    (0x18, 0.0025),
    (0x19, 0.01),
    (0x1a, 0.025),
    (0x1b, 0.1),
    (0x1c, 0.25),
    (0x1d, 1.0),
    (0x1e, 2.5),
    (0x1f, 10.0),
    (0x20, 25.0),
    (0x21, 100.0),
    (0x22, 250.0),
    (0x23, 1e3),
    (0x24, 2.5e3),
    (0x25, 10e3),
    (0x26, 25e3),
    (0x27, 100e3),
    (0x28, 250e3),
    (0x29, 1e6),
    (0x2a, 2.5e6),
    (0x2b, 10e6),
    (0x2c, 25e6),
    (0x2d, 100e6),
];

/// And those of clocks that are hardly ones.
const LONGER: [(u8, f64); 3] = [(0x2e, 250e6), (0x2f, 1e9), (0x30, 10e9)];

/// clockAccuracy of an error bound in ns (1588-2019 table 5); 0x31 beyond 10 s, 0xFE for what is no number.
pub fn accuracy_of_bound(bound_ns: f64) -> ClockAccuracy {
    if bound_ns.is_nan() {
        return ClockAccuracy(0xfe);
    }
    let code = STEPS.iter().chain(&LONGER).find(|(_, limit)| bound_ns.abs() <= *limit);
    ClockAccuracy(code.map_or(0x31, |(code, _)| *code))
}

/// The error bound that a clockAccuracy claims, ns; `None`: it claims none (1588-2019 table 5).
pub fn bound_of_accuracy(accuracy: ClockAccuracy) -> Option<f64> {
    STEPS.iter().chain(&LONGER).find(|(code, _)| *code == accuracy.0).map(|(_, limit)| *limit)
}

/// What a clock says that knows nothing of its time: class 248, nothing traceable.
pub fn withdrawn(utc_offset: i16) -> GrandmasterSettingsNp {
    GrandmasterSettingsNp {
        clock_quality: ClockQuality {
            clock_class: 248,
            clock_accuracy: ClockAccuracy(0xfe),
            offset_scaled_log_variance: 0xffff,
        },
        utc_offset,
        time_flags: Flags::NONE.with(Flags::PTP_TIMESCALE, true),
        time_source: TimeSource::INTERNAL_OSCILLATOR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_have_codes() {
        for (bound, code) in [
            (0.0, 0x17),
            (25.0, 0x20),
            (25.1, 0x21),
            (100.0, 0x21),
            (999.0, 0x23),
            (5e9, 0x30),
            (1e11, 0x31),
            (f64::INFINITY, 0x31),
            (f64::NAN, 0xfe),
        ] {
            assert_eq!(accuracy_of_bound(bound), ClockAccuracy(code), "{bound}");
        }
        for (code, bound) in
            [(0x20, Some(25.0)), (0x30, Some(1e10)), (0x31, None), (0xfe, None), (0x16, None)]
        {
            assert_eq!(bound_of_accuracy(ClockAccuracy(code)), bound, "{code:#x}");
        }
    }

    #[test]
    fn classes_get_worse_with_the_state() {
        for (name, profile) in Profile::WORDS {
            let c = profile.classes();
            assert!(
                c.locked < c.in_spec && c.in_spec < c.out_of_spec && c.out_of_spec < c.free_run,
                "{name}"
            );
        }
    }
}
