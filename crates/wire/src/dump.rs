//! Lines of an indented dump, for people.

use core::fmt;

/// Prints names and values: one a line, or all on one line.
pub(crate) struct Dump<'f, 'b> {
    f: &'f mut fmt::Formatter<'b>,
    depth: usize,
    inline: bool,
}

impl<'f, 'b> Dump<'f, 'b> {
    pub(crate) fn new(f: &'f mut fmt::Formatter<'b>) -> Self {
        Self { f, depth: 0, inline: false }
    }

    /// A line of its own.
    pub(crate) fn line(&mut self, text: fmt::Arguments<'_>) -> fmt::Result {
        for _ in 0..self.depth {
            self.f.write_str("  ")?;
        }
        self.f.write_fmt(text)?;
        self.f.write_str("\n")
    }

    /// A name and its value.
    pub(crate) fn field(&mut self, name: &str, value: impl fmt::Display) -> fmt::Result {
        if self.inline {
            write!(self.f, " {name} {value}")
        } else {
            self.line(format_args!("{name:<28} {value}"))
        }
    }

    /// What `inside` prints is indented by one more step.
    pub(crate) fn nested(&mut self, inside: impl FnOnce(&mut Dump<'_, '_>) -> fmt::Result) -> fmt::Result {
        inside(&mut Dump { f: &mut *self.f, depth: self.depth + 1, inline: self.inline })
    }

    /// A line that starts with `head`, and all fields that `inside` prints on it.
    pub(crate) fn row(
        &mut self,
        head: fmt::Arguments<'_>,
        inside: impl FnOnce(&mut Dump<'_, '_>) -> fmt::Result,
    ) -> fmt::Result {
        for _ in 0..self.depth {
            self.f.write_str("  ")?;
        }
        self.f.write_fmt(head)?;
        inside(&mut Dump { f: &mut *self.f, depth: self.depth, inline: true })?;
        self.f.write_str("\n")
    }
}

/// Octets in hexadecimal, at most 32 of them.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 32;
        for octet in self.0.iter().take(SHOWN) {
            write!(f, "{octet:02x}")?;
        }
        if self.0.len() > SHOWN { write!(f, ".. ({} octets)", self.0.len()) } else { Ok(()) }
    }
}
