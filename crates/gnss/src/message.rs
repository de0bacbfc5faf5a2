//! What a receiver can say, in whichever language.

use crate::ubx::{GpsTime, TimeLs, TimePulse};
use crate::utc::UtcTime;

/// In which words a time came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TimeSource {
    /// NMEA RMC: says whether there is a fix.
    Rmc,
    /// NMEA ZDA: does not say.
    Zda,
    /// gpsd's TPV object: says by its mode.
    Tpv,
    /// UBX-NAV-PVT: says.
    Pvt,
}

impl TimeSource {
    /// As it is written in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rmc => "RMC",
            Self::Zda => "ZDA",
            Self::Tpv => "TPV",
            Self::Pvt => "PVT",
        }
    }
}

/// How much of a position the receiver has.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Fix {
    /// None.
    None,
    /// Reckoned on, or simulated: not from satellites in view.
    Estimated,
    /// Time only, at a known position.
    Time,
    /// Two dimensions.
    Two,
    /// Three dimensions.
    Three,
}

/// Where the antenna is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Degrees, north positive, -90 to 90.
    pub latitude: f64,
    /// Degrees, east positive, -180 to 180.
    pub longitude: f64,
}

impl Position {
    /// `None` if there is no such place.
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let exists = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        exists.then_some(Self { latitude, longitude })
    }

    /// Metres to another place along the ground, to about 1 %.
    pub fn distance(&self, other: &Self) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let across = (other.longitude - self.longitude).to_radians();
        let h = ((b - a) / 2.0).sin().powi(2) + a.cos() * b.cos() * (across / 2.0).sin().powi(2);
        2.0 * 6_371_000.0 * h.clamp(0.0, 1.0).sqrt().asin()
    }
}

/// What the receiver says of interference (UBX-MON-HW, UBX-MON-RF).
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Jamming {
    /// It does not watch.
    #[default]
    Unknown,
    /// None.
    Ok,
    /// There is, but it still has a fix.
    Warning,
    /// There is, and it has no fix.
    Critical,
}

/// One thing said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Message {
    /// The time.
    Time {
        /// In which words.
        source: TimeSource,
        /// `None`: it says that it does not know.
        utc: Option<UtcTime>,
        /// Whether there is a fix; `None`: it does not say.
        fixed: Option<bool>,
    },
    /// The state of the fix.
    Fix {
        /// How much of one.
        fix: Fix,
        /// Satellites used, if it says.
        satellites: Option<u32>,
        /// Where, if it says.
        position: Option<Position>,
    },
    /// Interference and the antenna.
    Radio {
        /// Interference.
        jamming: Jamming,
        /// The antenna is well: `Some(false)` for a short or open circuit.
        antenna_ok: Option<bool>,
    },
    /// UBX-NAV-TIMELS.
    LeapSecond(TimeLs),
    /// UBX-NAV-TIMEGPS.
    Gps(GpsTime),
    /// UBX-TIM-TP: of the next pulse.
    Pulse(TimePulse),
    /// Sound, but of no use here.
    Other,
    /// Dropped, for this reason.
    Bad(Bad),
}

/// Why something was dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bad {
    /// No sentence: the first line is often cut.
    Form,
    /// A sentence without its checksum.
    NoChecksum,
    /// A checksum that is not its own.
    Checksum,
    /// A time, date or place that does not exist.
    Field,
    /// Longer than anything that is spoken here.
    TooLong,
}
