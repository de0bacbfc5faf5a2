//! In one word, how a clock is kept.

use std::fmt;

/// How a clock is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Condition {
    /// It runs as it runs: there was no master yet, or nothing is to be steered.
    Free,
    /// It is only measured.
    Measured,
    /// There is a master, and the servo does not track it yet, or not any more.
    Acquiring,
    /// The servo tracks the master.
    Locked,
    /// The master is gone; the clock runs on with what was learnt.
    Holdover,
}

impl Condition {
    /// All.
    pub const ALL: [Self; 5] = [Self::Free, Self::Measured, Self::Acquiring, Self::Locked, Self::Holdover];

    /// As events and metrics have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Measured => "measured",
            Self::Acquiring => "acquiring",
            Self::Locked => "locked",
            Self::Holdover => "holdover",
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
