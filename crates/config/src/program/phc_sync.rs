//! Every key of `phc-sync.yaml`.

use super::{Form, Group, Program, SOCKET, outlets};
use crate::kind::Kind;
use crate::table::{EVIDENCE, Key, METRICS, Need, SECOND, int, key};

const DAY: i64 = 86_400 * SECOND;
const CLOCK: &str = "`phcN`, an interface with a clock, `system`, `CLOCK_AUXN` or `virtual:PATH`";
const ERROR: Kind = Kind::Duration { min: 0, max: SECOND, off: false, hint: "ns" };
const SMEARS: Need = Need::Is(
    "leap_second",
    &["smear-linear", "smear-cosine"],
    "`leap_second` is not `smear-linear` or `smear-cosine`",
);
const VOTES: Need = Need::Is("selection", &["intersection"], "`selection` is not `intersection`");

/// Parts of the program in its log.
const PARTS: &[&str] = &["servo", "sources", "clocks", "daemon"];
static OUTLETS: [Key; 5] = outlets(PARTS);

/// `phc-sync`.
pub static PHC_SYNC: Program = Program {
    name: "phc-sync",
    about: "keeps the clocks of a machine in step.",
    groups: &[
        Group {
            title: "Following PTP",
            doc: "A file without `source` and `pulses` follows PTP instances.",
            form: Form::Top,
            keys: FOLLOWING,
        },
        Group {
            title: "Instances",
            doc: "The PTP instances that are followed, the most trusted first; without any, the usual one.",
            form: Form::Each("instances", "socket"),
            keys: INSTANCES,
        },
        Group { title: "Clocks by name", doc: "", form: Form::Top, keys: MANUAL },
        Group { title: "Steering", doc: "", form: Form::Top, keys: STEERING },
        Group { title: "Leap seconds", doc: "", form: Form::Top, keys: LEAP },
        Group {
            title: "Selection",
            doc: "How the system clock gets its source among several.",
            form: Form::Top,
            keys: SELECTION,
        },
        Group {
            title: "Further sources",
            doc: "Time sources beside the PTP instances, for `selection: intersection`; each is one of `clock`, `pulses` and `chronyd`.",
            form: Form::Each("sources", ""),
            keys: SOURCES,
        },
        Group { title: "Applications and the service manager", doc: "", form: Form::Top, keys: APPLICATIONS },
        Group { title: "Log and events", doc: "", form: Form::Top, keys: &OUTLETS },
        Group { title: "Metrics", doc: METRICS.doc, form: Form::Under("metrics"), keys: METRICS.keys },
        Group { title: "Evidence", doc: EVIDENCE.doc, form: Form::Under("evidence"), keys: EVIDENCE.keys },
    ],
    needed: &[],
    least: "`system_clock: sink` is enough to follow the usual PTP instance",
    live_lists: &["instances", "sources"],
    restart: &[
        "system_clock_device",
        "source",
        "sinks",
        "pulses",
        "wait",
        "ntp_shm_unit",
        "chrony_sock",
        "free_running",
        "state_file",
        "selection",
        "error_bound_page",
        "log_journal",
        "events_socket",
        "events_socket_mode",
        "metrics",
        "evidence",
    ],
    other_names: &[
        ("log", "log_level"),
        ("level", "log_level"),
        ("logging_level", "log_level"),
        ("parts", "log_parts"),
        ("clock_servo", "servo"),
        ("clocks", "sinks"),
        ("slave_clock", "sinks"),
        ("master_clock", "source"),
        ("domain", "domain_number"),
        ("transport_specific", "major_sdo_id"),
        ("uds_address", "instances"),
        ("ntpshm_segment", "ntp_shm_unit"),
        ("leap", "leap_second"),
    ],
    introduction: "A YAML file of keys and values. As short as it may be:\n.PP\n.nf\n    system_clock: sink\n.fi\n.PP\n\
                   The system clock follows the PTP instance of this machine.\n",
    see_also: ".BR phc\\-sync (8)\n",
};

const FOLLOWING: &[Key] = &[
    key(
        "system_clock",
        Kind::Choice(&["untouched", "sink", "sink-or-source"]),
        "sink",
        "The system clock's part: left alone; steered; or steered, and the source where no port is a slave.",
        "phc2sys -r",
    ),
    key(
        "system_clock_device",
        Kind::Named { what: CLOCK, unset: None },
        "system",
        "What is meant by the system clock.",
        "",
    ),
];

const INSTANCES: &[Key] = &[
    key(
        "socket",
        Kind::Path { max: 107, off: false },
        "/var/run/ptp/ptp4l",
        "Its management socket.",
        "uds_address",
    ),
    key("domain_number", int(0, 255), "0", "Its domain.", "defaultDS.domainNumber"),
    key("major_sdo_id", int(0, 15), "0", "1 for IEEE 802.1AS.", "transportSpecific"),
    key(
        "clock",
        Kind::Named { what: CLOCK, unset: Some("auto") },
        "auto",
        "Its clock. `auto`: the instance is asked for the clocks of its ports.",
        "",
    ),
    key(
        "sinks",
        Kind::Names("clocks"),
        "off",
        "Clocks that follow this instance alone, such as an auxiliary clock for each domain.",
        "",
    ),
];

const MANUAL: &[Key] = &[
    key(
        "source",
        Kind::Named { what: CLOCK, unset: Some("off") },
        "off",
        "The clock that is right.",
        "phc2sys -s",
    ),
    key(
        "sinks",
        Kind::Names("clocks"),
        "off",
        "Clocks to be steered. `off`: the system clock. Where PTP instances are followed: further clocks, with the system clock's source.",
        "phc2sys -c",
    ),
    key(
        "pulses",
        Kind::Named { what: "a device of the kernel's, `/dev/ppsN`", unset: Some("off") },
        "off",
        "Pulses that the kernel stamps; `source` tells the seconds.",
        "phc2sys -d",
    ),
    key(
        "offset",
        Kind::Duration { min: -DAY, max: DAY, off: true, hint: "s" },
        "off",
        "What the sinks shall be ahead of the source. `off`: by their timescales.",
        "phc2sys -O",
    ),
    key(
        "wait",
        Kind::Bool,
        "false",
        "Wait for the first instance, and take UTC's offset from it.",
        "phc2sys -w",
    ),
];

const STEERING: &[Key] = &[
    key(
        "rate",
        Kind::Real { min: 0.001, max: 1_000.0, above: false, auto: false },
        "1",
        "Measurements per second.",
        "phc2sys -R",
    ),
    key("readings", int(1, 25), "5", "Readings per measurement, of which the quickest counts.", "phc2sys -N"),
    key("servo", Kind::Choice(&["pi", "linreg", "adaptive"]), "pi", "The servo.", "clock_servo"),
    key(
        "ntp_shm_unit",
        Kind::IntOff { min: 0, max: 255 },
        "off",
        "Steer nothing: an NTP daemon reads this unit of shared memory.",
        "ntpshm_segment",
    ),
    key(
        "chrony_sock",
        SOCKET,
        "off",
        "Steer nothing: chronyd is told at this socket.",
        "refclock_sock_address",
    ),
    key(
        "pi_proportional_const",
        Kind::Real { min: 0.0, max: 1e9, above: false, auto: false },
        "0.7",
        "The PI servo's proportional gain; 0: computed from the rate.",
        "pi_proportional_const",
    ),
    key(
        "pi_integral_const",
        Kind::Real { min: 0.0, max: 1e9, above: false, auto: false },
        "0.3",
        "The PI servo's integral gain; 0: computed from the rate.",
        "pi_integral_const",
    ),
    key(
        "step_threshold",
        Kind::Duration { min: 0, max: DAY, off: true, hint: "us" },
        "never",
        "A larger offset is stepped away at any time.",
        "step_threshold",
    ),
    key(
        "first_step_threshold",
        Kind::Duration { min: 0, max: DAY, off: true, hint: "us" },
        "20us",
        "A larger offset is stepped away at the start.",
        "first_step_threshold",
    ),
    key(
        "sanity_freq_limit",
        Kind::Frequency { min: 0.0, max: 2e9 },
        "200000ppm",
        "A clock that runs faster or slower than this is not believed; `0ppb`: never checked.",
        "sanity_freq_limit",
    ),
    key(
        "summary_updates",
        int(0, 4_294_967_295),
        "0",
        "One summary line for so many measurements instead of a line for each; 0: a line for each.",
        "summary_updates",
    ),
    key("free_running", Kind::Bool, "false", "Measure only, steer nothing.", "free_running"),
    key(
        "holdover_limit",
        Kind::Duration { min: 1, max: DAY, off: false, hint: "us" },
        "1ms",
        "A clock without a source is said to run free once the bound of its error passes this; it is steered by what was learnt of it all the same.",
        "",
    ),
    key(
        "state_file",
        Kind::Path { max: 4000, off: true },
        "off",
        "What is learnt of the clocks' oscillators is kept here for the next start.",
        "",
    ),
];

const LEAP: &[Key] = &[
    key(
        "leap_second",
        Kind::Choice(&["kernel", "servo", "smear-linear", "smear-cosine"]),
        "kernel",
        "Who makes leap seconds: the kernel; the servo, by a step; or nobody, as they are smeared over `smear_window`.",
        "",
    ),
    key(
        "smear_window",
        Kind::Span { min: SECOND, max: 2 * DAY, off: false, hint: "h" },
        "24h",
        "How long a smear takes.",
        "",
    )
    .needs(SMEARS),
];

const SELECTION: &[Key] = &[
    key(
        "selection",
        Kind::Choice(&["priority", "intersection"]),
        "priority",
        "`priority`: the first instance that is good; `intersection`: what the majority of all sources agrees on.",
        "",
    ),
    key("source_error", ERROR, "1us", "The error of a PTP instance on top of what it says of itself.", ""),
    key(
        "max_slew",
        Kind::Frequency { min: 1.0, max: 500_000.0 },
        "10ppm",
        "How fast a change of sources is followed.",
        "",
    )
    .needs(VOTES),
];

const SOURCES: &[Key] = &[
    key(
        "clock",
        Kind::Named { what: CLOCK, unset: Some("off") },
        "off",
        "A clock that somebody else keeps right.",
        "",
    ),
    key(
        "pulses",
        Kind::Named { what: "a device of the kernel's, `/dev/ppsN`", unset: Some("off") },
        "off",
        "Pulses: the system clock's fraction of a second.",
        "",
    ),
    key(
        "chronyd",
        Kind::Named { what: "the path of chronyd's command socket, or `HOST:PORT`", unset: Some("off") },
        "off",
        "chronyd's estimate.",
        "",
    ),
    key("error", ERROR, "1us", "Its error is below this.", ""),
];

const APPLICATIONS: &[Key] = &[
    key(
        "error_bound_page",
        Kind::Path { max: 4000, off: true },
        "off",
        "The page of shared memory that tells applications how far off the system clock may be, usually /run/clockbound/shm0.",
        "",
    ),
    key(
        "max_drift",
        Kind::Frequency { min: 0.0, max: 500_000.0 },
        "5ppm",
        "How fast that bound grows between measurements.",
        "",
    ),
    key(
        "ready_when",
        Kind::Choice(&["synchronised", "started"]),
        "synchronised",
        "When the service manager is told that the program is ready: when every clock that is steered is locked, or at once.",
        "",
    ),
];
