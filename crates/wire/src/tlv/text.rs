use core::fmt;
use core::fmt::Write;

use crate::management::PtpText;

/// Received text for a terminal: quoted, nothing in it can act on the terminal.
pub(crate) struct Shown<'a>(pub(crate) PtpText<'a>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for chunk in self.0.octets().utf8_chunks() {
            write!(f, "{}", chunk.valid().escape_debug())?;
            for octet in chunk.invalid() {
                write!(f, "\\x{octet:02x}")?;
            }
        }
        f.write_char('"')
    }
}
