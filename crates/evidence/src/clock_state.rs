//! How it stands with a clock, in the words that evidence, events and metrics have in common.

use std::fmt;

/// How it stands with a clock.
///
/// ```
/// use ptp_evidence::ClockState;
///
/// assert_eq!(ClockState::Acquiring.to_string(), "acquiring");
/// assert_eq!(ClockState::ALL.map(ClockState::name)[3], "locked");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ClockState {
    /// It runs as it runs: there is nothing to follow, and nothing that its error could be told by.
    #[default]
    Free,
    /// It is measured, and somebody else steers it, or nobody.
    Measured,
    /// There is something to follow, and the servo does not track it yet, or not any more.
    Acquiring,
    /// The servo tracks what it follows.
    Locked,
    /// What it followed is gone; it runs on by a prediction whose error is known.
    Holdover,
    /// Others follow it, and its time comes from somewhere worth following.
    Grandmaster,
}

impl ClockState {
    /// All.
    pub const ALL: [Self; 6] =
        [Self::Free, Self::Measured, Self::Acquiring, Self::Locked, Self::Holdover, Self::Grandmaster];

    /// The words of all, in the same order.
    pub const NAMES: &'static [&'static str] =
        &["free", "measured", "acquiring", "locked", "holdover", "grandmaster"];

    /// Its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Measured => "measured",
            Self::Acquiring => "acquiring",
            Self::Locked => "locked",
            Self::Holdover => "holdover",
            Self::Grandmaster => "grandmaster",
        }
    }
}

impl fmt::Display for ClockState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::ClockState;

    #[test]
    fn words_stand_in_the_order_of_the_states() {
        assert_eq!(ClockState::ALL.map(ClockState::name), ClockState::NAMES);
    }
}
