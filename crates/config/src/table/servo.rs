//! How the clock is steered.

use super::{Need, Section, THRESHOLD, int, key};
use crate::kind::Kind;

pub(super) const GAIN: Kind = Kind::Real { min: 0.0, max: f64::INFINITY, above: false, auto: false };
const SCALE: Kind = Kind::Real { min: 0.0, max: f64::INFINITY, above: false, auto: true };
const EXPONENT: Kind = Kind::Real { min: -10.0, max: 10.0, above: false, auto: false };

/// The controller.
pub(super) const SERVO: Section = Section {
    name: "servo",
    doc: "How the clock is steered.",
    keys: &[
        key(
            "kind",
            Kind::Choice(&["auto", "adaptive", "pi", "linreg", "none", "ntp_shm", "chrony_sock"]),
            "auto",
            "The controller. `auto`: `adaptive`, but `pi` with `phase_adjustment`. `adaptive` learns oscillator and network, and takes every Sync and every Delay_Resp by itself; \
             `pi` and `linreg` are linuxptp's; `none` only steps (SyncE). `ntp_shm` and `chrony_sock` steer nothing: an NTP \
             daemon gets the offsets, and the port stays UNCALIBRATED.",
            "clock_servo",
        )
        .needs(Need::Steered),
        key(
            "transfer",
            Kind::Choice(&["auto", "free", "damped", "limited"]),
            "auto",
            "How an adaptive servo passes on what its master does. `free`: with the least error of its own; `damped`: nothing \
             is passed on more than 2 % larger; `limited`: peaking below 0.1 dB, and never wider than `bandwidth`. `auto`: \
             `damped` with several ports, `free` with one.",
            "",
        )
        .needs(Need::Adaptive),
        key(
            "bandwidth",
            Kind::Real { min: 0.0001, max: 100.0, above: false, auto: false },
            "0.1",
            "Of `transfer: limited`, in Hz; G.8273.2 asks for 0.05 to 0.1.",
            "",
        )
        .needs(Need::Adaptive),
        key(
            "ntp_shm_unit",
            int(0, 255),
            "0",
            "Unit of the shared memory segment that the NTP daemon reads (chronyd: `refclock SHM 0`).",
            "ntpshm_segment",
        )
        .needs(Need::NtpShm),
        key(
            "chrony_sock",
            Kind::Path { max: 107, off: false },
            "/var/run/refclock.ptp.sock",
            "Socket that chronyd makes (`refclock SOCK PATH`).",
            "refclock_sock_address",
        )
        .needs(Need::ChronySock),
        key(
            "kernel_leap",
            Kind::Bool,
            "true",
            "Let the kernel insert or delete an announced leap second where the system clock is steered; `false`: the clock \
             is corrected by a second after it.",
            "kernel_leap",
        )
        .needs(Need::Steered),
        key(
            "phase_adjustment",
            Kind::Bool,
            "false",
            "Once the state is stable, hand each offset to the hardware clock's own phase control and leave its frequency \
             alone. For `pi` and `linreg`; `auto` is `pi` then.",
            "write_phase_mode",
        )
        .needs(Need::OffsetThreshold),
        key("step_window", int(0, 1_000_000), "0", "So many Syncs are ignored after a step.", "step_window")
            .needs(Need::Steered),
        key(
            "sanity_frequency_limit",
            Kind::Frequency { min: 0.0, max: 1_000_000_000.0 },
            "200000ppm",
            "A clock that runs this much beside what it is told is steered by someone else, too: the servo starts over, with a \
             warning. 0: nobody looks.",
            "sanity_freq_limit",
        )
        .needs(Need::Steered),
        key(
            "first_step_threshold",
            THRESHOLD,
            "20us",
            "The first correction is a step if the offset is larger. For the adaptive servo a master that jumps within its \
             first 64 measurements belongs to the beginning, too.",
            "first_step_threshold",
        )
        .needs(Need::Steered),
        key(
            "step_threshold",
            THRESHOLD,
            "off",
            "Any offset larger than this is stepped away.",
            "step_threshold",
        )
        .needs(Need::Steered),
        key(
            "max_frequency",
            Kind::Frequency { min: 1.0, max: 900_000_000.0 },
            "900000ppm",
            "Largest frequency correction; the clock's own limit holds besides.",
            "max_frequency",
        )
        .needs(Need::Steered),
        key(
            "offset_threshold",
            THRESHOLD,
            "off",
            "Offsets up to this count towards the stable state.",
            "servo_offset_threshold",
        )
        .needs(Need::Steered),
        key(
            "num_offset_values",
            int(1, 1_000_000),
            "10",
            "How many small offsets in a row make the state stable.",
            "servo_num_offset_values",
        )
        .needs(Need::Steered),
        key(
            "proportional_const",
            GAIN,
            "0",
            "Fixed proportional gain; 0: computed from the interval.",
            "pi_proportional_const",
        )
        .needs(Need::Pi),
        key(
            "integral_const",
            GAIN,
            "0",
            "Fixed integral gain; 0: computed from the interval.",
            "pi_integral_const",
        )
        .needs(Need::Pi),
        key(
            "proportional_scale",
            SCALE,
            "auto",
            "Proportional gain at one second. `auto`: 0.7 with hardware, 0.1 with software stamps.",
            "pi_proportional_scale",
        )
        .needs(Need::Pi),
        key(
            "proportional_exponent",
            EXPONENT,
            "-0.3",
            "Power of the interval that gain goes with.",
            "pi_proportional_exponent",
        )
        .needs(Need::Pi),
        key(
            "proportional_norm_max",
            Kind::Real { min: 0.0, max: 1.0, above: true, auto: false },
            "0.7",
            "The gain times the interval stays at or below this.",
            "pi_proportional_norm_max",
        )
        .needs(Need::Pi),
        key(
            "integral_scale",
            SCALE,
            "auto",
            "Integral gain at one second. `auto`: 0.3 with hardware, 0.001 with software stamps.",
            "pi_integral_scale",
        )
        .needs(Need::Pi),
        key(
            "integral_exponent",
            EXPONENT,
            "0.4",
            "Power of the interval that gain goes with.",
            "pi_integral_exponent",
        )
        .needs(Need::Pi),
        key(
            "integral_norm_max",
            Kind::Real { min: 0.0, max: 2.0, above: true, auto: false },
            "0.3",
            "The gain times the interval stays at or below this.",
            "pi_integral_norm_max",
        )
        .needs(Need::Pi),
    ],
};
