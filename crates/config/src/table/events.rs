//! Who is told of events.

use super::{Key, Need, Section, key};
use crate::kind::Kind;

/// The socket of docs/events.md.
pub(super) const EVENTS: Section =
    Section { name: "events", doc: "Events for other programs (docs/events.md).", keys: &KEYS };

const KEYS: [Key; 2] = [
    key(
        "socket",
        Kind::Path { max: 107, off: true },
        "off",
        "UNIX stream socket that tells the present state and every event, one JSON object a line.",
        "",
    ),
    key("socket_mode", Kind::Mode, "0660", "Its mode.", "").needs(Need::EventSocket),
];
