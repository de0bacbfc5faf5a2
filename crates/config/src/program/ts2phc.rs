//! Every key of `ts2phc.yaml`.

use super::{Form, Group, Program, STEP, outlets};
use crate::kind::Kind;
use crate::table::{EVIDENCE, Key, METRICS, Need, SECOND, int, key};

const DAY: i64 = 86_400 * SECOND;
const YEAR: i64 = 366 * DAY;
/// A bound of an error.
const BOUND: Kind = Kind::Duration { min: 0, max: DAY, off: false, hint: "ns" };
const TIME: Kind = Kind::Span { min: 0, max: YEAR, off: false, hint: "s" };

/// Parts of the program in its log.
const PARTS: &[&str] = &["servo", "pulses", "receiver", "clocks", "announce", "daemon"];
static OUTLETS: [Key; 5] = outlets(PARTS);

/// `ts2phc`.
pub static TS2PHC: Program = Program {
    name: "ts2phc",
    about: "disciplines PTP hardware clocks by pulses and a receiver.",
    groups: &[
        Group { title: "Time of day", doc: "", form: Form::Top, keys: TIME_OF_DAY },
        Group { title: "Receiver", doc: "", form: Form::Top, keys: RECEIVER },
        Group {
            title: "Witnesses",
            doc: "Others that know the time: what they say of the first clock is compared with what the receiver says.",
            form: Form::Each("witnesses", ""),
            keys: WITNESSES,
        },
        Group { title: "Pulses", doc: "", form: Form::Top, keys: PULSES },
        Group {
            title: "Clocks",
            doc: "The clocks that pulses steer; the first one's state is told to `announce`.",
            form: Form::Each("clocks", "clock"),
            keys: CLOCKS,
        },
        Group { title: "Steering", doc: "", form: Form::Top, keys: STEERING },
        Group {
            title: "Grandmaster",
            doc: "What is told to PTP daemons, and what decides it.",
            form: Form::Top,
            keys: GRANDMASTER,
        },
        Group { title: "Log and events", doc: "", form: Form::Top, keys: &OUTLETS },
        Group { title: "Service manager", doc: "", form: Form::Top, keys: READY },
        Group { title: "Metrics", doc: METRICS.doc, form: Form::Under("metrics"), keys: METRICS.keys },
        Group { title: "Evidence", doc: EVIDENCE.doc, form: Form::Under("evidence"), keys: EVIDENCE.keys },
    ],
    needed: &[
        ("time", "who says which second a pulse is, such as `time: /dev/ttyS0`"),
        ("clocks", "a list of `- clock: NAME`"),
    ],
    least: "`time: /dev/ttyS0` and `clocks: [eth0]` are the least",
    live_lists: &[],
    restart: &[
        "time",
        "baud",
        "utc_offset",
        "leap_file",
        "rate",
        "width",
        "witnesses",
        "clocks.clock",
        "clocks.channel",
        "clocks.pin",
        "clocks.edge",
        "clocks.pps",
        "servo",
        "announce",
        "domain_number",
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
        ("leapfile", "leap_file"),
        ("nmea", "time"),
        ("nmea_serialport", "time"),
        ("serial", "time"),
        ("nmea_baudrate", "baud"),
        ("interface", "clocks"),
        ("sinks", "clocks"),
        ("polarity", "edge"),
        ("extts_polarity", "edge"),
        ("extts_correction", "cable_delay"),
        ("domain", "domain_number"),
        ("pulsewidth", "width"),
        ("holdover", "time_holdover"),
        ("clock_servo", "servo"),
    ],
    introduction: "A YAML file of keys and values, such as\n.PP\n.nf\n    time: /dev/ttyS0\n    baud: 115200\n    profile: telecom\n    \
                   announce: /run/escapement/ptpd\n    state_file: /var/lib/escapement/ts2phc.state\n    clocks:\n      \
                   \\- { clock: eth0, pin: SDP1, cable_delay: 52 ns }\n.fi\n.PP\nThe service reads /etc/escapement/ts2phc.yaml.\n",
    see_also: ".BR ts2phc (8),\n.BR ptpd.yaml (5)\n",
};

const TIME_OF_DAY: &[Key] = &[
    key(
        "time",
        Kind::Named {
            what: "a serial line, pipe or file, `tcp:HOST:PORT`, `gpsd[:HOST[:PORT]][:/dev/NAME]`, `system`, or `clock:NAME`",
            unset: None,
        },
        "",
        "Who says which second a pulse is. `clock:NAME`: a PTP hardware clock that is right and makes the pulses.",
        "",
    ),
    key("baud", int(300, 4_000_000), "9600", "The serial line's speed.", "ts2phc.nmea_baudrate"),
    key(
        "sentence_names",
        Kind::Choice(&["previous", "next"]),
        "previous",
        "Which pulse a sentence names: the one before it, or the coming one.",
        "",
    ),
    key(
        "sentence_delay",
        Kind::Duration { min: -2 * SECOND, max: 2 * SECOND, off: false, hint: "ms" },
        "0ms",
        "How late sentences come; needed with more than one pulse per second, and where that is later than a second.",
        "",
    ),
    key(
        "utc_offset",
        Kind::IntOff { min: 0, max: 999 },
        "off",
        "TAI - UTC in seconds. `off`: by `leap_file`, and what the receiver says.",
        "",
    ),
    key(
        "leap_file",
        Kind::Named { what: "a file", unset: Some("off") },
        "off",
        "A table of leap seconds. `off`: the system's.",
        "leapfile",
    )
    .needs(Need::Is("utc_offset", &["off"], "`utc_offset` says it")),
    key(
        "time_holdover",
        TIME,
        "0s",
        "Without time of day, a clock that is locked goes on by its own seconds for so long.",
        "ts2phc.holdover",
    ),
];

const RECEIVER: &[Key] = &[
    key("min_satellites", int(0, 64), "4", "With fewer the receiver is doubted.", ""),
    key(
        "max_move",
        Kind::RealOff { min: 1.0, max: 1e7 },
        "200",
        "A receiver that moves further, in metres, is doubted. `off`: it may move.",
        "",
    ),
    key(
        "witness_majority",
        Kind::Bool,
        "true",
        "The receiver is doubted when a majority of the witnesses is against it; `false`: when one is.",
        "",
    ),
    key("disagree_for", TIME, "10s", "For how long they have to disagree until it is not followed.", ""),
    key("agree_for", TIME, "60s", "For how long they have to agree until it is again.", ""),
];

const WITNESSES: &[Key] = &[
    key(
        "ntp",
        Kind::Named { what: "the path of chronyd's command socket, or `HOST:PORT`", unset: Some("off") },
        "off",
        "chronyd's estimate of the system clock. It must not be fed from here.",
        "",
    ),
    key(
        "ptp",
        Kind::Named { what: "a management socket", unset: Some("off") },
        "off",
        "A PTP daemon that is a client of another grandmaster (clockClass up to 127). With `clock` it steers that clock; without, it only measures the first of `clocks`.",
        "",
    ),
    key(
        "clock",
        Kind::Named { what: "`phcN`, `/dev/ptpN`, `virtual:PATH`, or an interface", unset: Some("off") },
        "off",
        "Without `ptp`: a clock that others steer.",
        "",
    ),
    key("error", BOUND, "1us", "On top of what the witness says of its own error.", ""),
    key("domain_number", int(0, 255), "0", "The PTP daemon's domain.", ""),
];

const PULSES: &[Key] = &[
    key("rate", int(1, 128), "1", "Pulses per second.", ""),
    key(
        "width",
        Kind::Span { min: 1, max: SECOND, off: true, hint: "ms" },
        "off",
        "How wide pulses are, to tell edges apart. `off`: found out.",
        "ts2phc.pulsewidth",
    ),
];

const CLOCKS: &[Key] = &[
    key(
        "clock",
        Kind::Named { what: "`phcN`, `/dev/ptpN`, `virtual:PATH`, or an interface", unset: None },
        "",
        "The clock. An interface stands for its clock.",
        "",
    ),
    key("channel", int(0, 2_147_483_647), "0", "Its channel that stamps.", "ts2phc.channel"),
    key(
        "pin",
        Kind::Named { what: "a number, or the driver's name", unset: Some("off") },
        "off",
        "The pin that is set for it. `off`: it stays as it is.",
        "ts2phc.pin_index",
    ),
    key(
        "edge",
        Kind::Choice(&["rising", "falling", "both"]),
        "rising",
        "The pulses' edge; `both`: the clock stamps both, and the other one is told apart and dropped.",
        "ts2phc.extts_polarity",
    ),
    key(
        "cable_delay",
        Kind::Duration { min: -10 * SECOND, max: 10 * SECOND, off: false, hint: "ns" },
        "0ns",
        "How late pulses arrive here.",
        "ts2phc.extts_correction",
    ),
    key(
        "pps",
        Kind::Named { what: "a device of the kernel's, `/dev/ppsN`", unset: Some("off") },
        "off",
        "The kernel stamps the pulses on this device, not the clock.",
        "",
    ),
];

const STEERING: &[Key] = &[
    key(
        "servo",
        Kind::Choice(&["adaptive", "pi", "free-running"]),
        "adaptive",
        "The servo; `free-running`: the clock is only measured.",
        "clock_servo, free_running",
    ),
    key("step_threshold", STEP, "off", "A larger offset is stepped away at any time.", "step_threshold"),
    key(
        "first_step_threshold",
        STEP,
        "20us",
        "A larger offset is stepped away at the beginning.",
        "first_step_threshold",
    ),
    key(
        "state_file",
        Kind::Named { what: "a file", unset: Some("off") },
        "off",
        "What is learnt of the oscillators is kept here.",
        "",
    ),
];

const GRANDMASTER: &[Key] = &[
    key("announce", Kind::Names("management sockets"), "off", "The daemons that are told.", ""),
    key("domain_number", int(0, 255), "0", "Their domain.", "defaultDS.domainNumber"),
    key(
        "profile",
        Kind::Choice(&[
            "default",
            "default-b",
            "telecom",
            "telecom-category1",
            "telecom-category2",
            "frequency",
            "frequency-option2",
        ]),
        "default",
        "Whose clockClasses are told.",
        "",
    ),
    key(
        "clock_accuracy",
        Kind::Choice(&["measured", "unknown"]),
        "measured",
        "What clockAccuracy says in holdover: what follows from the bound of the error, or 0xFE.",
        "",
    ),
    key(
        "grace",
        Kind::Span { min: 0, max: YEAR, off: false, hint: "ms" },
        "100ms",
        "A pulse that is later than this is lost.",
        "",
    ),
    key(
        "settle",
        int(1, 1000),
        "10",
        "Good pulses in a row that make the clock locked; of faster ones than one a second, so many seconds of them.",
        "",
    ),
    key("lock_within", BOUND, "500ns", "How far off each of them may be.", ""),
    key(
        "agree_within",
        BOUND,
        "1us",
        "Further off than the error can be and this, pulses are not followed.",
        "",
    ),
    key("in_spec", BOUND, "1.5us", "Holdover is within specification up to this bound.", ""),
    key("in_spec_for", TIME, "24h", "And no longer than this.", ""),
    key("out_of_spec", BOUND, "1ms", "Beyond this bound it is free run.", ""),
    key("out_of_spec_for", TIME, "168h", "And no longer than this, both together.", ""),
    key(
        "reference_error",
        BOUND,
        "40ns",
        "Uncertainty of antenna cable and receiver, added to every bound.",
        "",
    ),
];

const READY: &[Key] = &[key(
    "ready_when",
    Kind::Choice(&["synchronised", "started"]),
    "synchronised",
    "When the service manager is told that the program is ready: when every clock follows its pulses, or at once.",
    "",
)];
