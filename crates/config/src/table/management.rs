//! Management access, and what is logged.

use super::{Need, SOCKET, Section, THRESHOLD, key};
use crate::kind::Kind;

/// Management access.
pub(super) const MANAGEMENT: Section = Section {
    name: "management",
    doc: "Who may ask and change what, with `pmc` and other management clients.",
    keys: &[
        key(
            "socket",
            SOCKET,
            "/run/escapement/ptpd",
            "UNIX socket that answers GET, SET and COMMAND.",
            "uds_address",
        ),
        key("socket_mode", Kind::Mode, "0660", "Its mode.", "uds_file_mode").needs(Need::Socket),
        key(
            "read_only_socket",
            SOCKET,
            "/run/escapement/ptpd-ro",
            "UNIX socket that answers GET.",
            "uds_ro_address",
        ),
        key("read_only_socket_mode", Kind::Mode, "0666", "Its mode.", "uds_ro_file_mode")
            .needs(Need::ReadOnlySocket),
        key(
            "network",
            Kind::Bool,
            "true",
            "Answer GET from the network. SET and COMMAND are never answered there.",
            "",
        ),
    ],
};

/// Log output.
pub(super) const LOG_SECTION: Section = Section {
    name: "log",
    doc: "What is written to standard error.",
    keys: &[
        key(
            "level",
            Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
            "info",
            "Least severe level that is written.",
            "logging_level",
        ),
        key(
            "format",
            Kind::Choice(&["text", "json"]),
            "text",
            "Lines for people, or a JSON object per line.",
            "",
        ),
        key(
            "summary_interval",
            THRESHOLD,
            "off",
            "One line of statistics (rms, max, frequency, delay) in this time instead of a line per sample.",
            "",
        ),
    ],
};
