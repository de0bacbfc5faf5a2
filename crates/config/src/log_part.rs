//! Parts of ptpd in its log.

/// A part of ptpd that can have a log level of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogPart {
    /// States of ports.
    Ports,
    /// Parent, grandmaster, masters heard.
    Bmca,
    /// Offsets, lock, holdover.
    Servo,
    /// Unicast negotiation.
    Unicast,
    /// Sockets, stamps, links, names, authentication.
    Network,
    /// Clock devices.
    Clock,
    /// Changes by clients and by reloads.
    Management,
    /// Start, end, and everything else.
    Daemon,
}

impl LogPart {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::Ports,
        Self::Bmca,
        Self::Servo,
        Self::Unicast,
        Self::Network,
        Self::Clock,
        Self::Management,
        Self::Daemon,
    ];

    /// As it is written in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ports => "ports",
            Self::Bmca => "bmca",
            Self::Servo => "servo",
            Self::Unicast => "unicast",
            Self::Network => "network",
            Self::Clock => "clock",
            Self::Management => "management",
            Self::Daemon => "daemon",
        }
    }
}
