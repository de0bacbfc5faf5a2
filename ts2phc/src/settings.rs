//! Everything that is configured, whether by options, YAML or linuxptp's files.

use core::time::Duration;
use std::path::PathBuf;

use ptp_clock::{Edge, Pin};
use ptp_evidence::EvidenceOptions;
use ptp_gnss::Limits;
use ptp_servo::ServoConfig;
use ptp_wire::TimeInterval;

use crate::discipline::Steering;
use crate::grandmaster::GrandmasterConfig;
use crate::source::SourceName;
use crate::time_of_day::Names;
use crate::witness::{DoubtConfig, WitnessSettings};

/// Who says which second a pulse is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TimeFrom {
    /// A receiver.
    Receiver(SourceName),
    /// CLOCK_REALTIME and TAI - UTC.
    System,
    /// A PHC that is right: by its name.
    Clock(String),
}

/// Where TAI - UTC comes from, if the receiver does not say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Leaps {
    /// A number.
    Fixed(i32),
    /// A list.
    File(PathBuf),
    /// The system's table.
    System,
}

/// A clock that pulses steer.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkSettings {
    /// `phcN`, `/dev/ptpN`, `virtual:PATH`, or a network interface.
    pub clock: String,
    /// Its channel.
    pub channel: u32,
    /// The pin to set; `None`: as it is.
    pub pin: Option<Pin>,
    /// The pulses' edge.
    pub edge: Edge,
    /// Added to each stamp: minus how late pulses arrive.
    pub correction: TimeInterval,
    /// Pulses are stamped by the kernel on this device, not by the clock.
    pub pps: Option<String>,
}

impl SinkSettings {
    /// A clock with nothing special.
    pub fn new(clock: &str) -> Self {
        Self {
            clock: clock.to_owned(),
            channel: 0,
            pin: None,
            edge: Edge::Rising,
            correction: TimeInterval::ZERO,
            pps: None,
        }
    }
}

/// A PHC that makes the pulses.
#[derive(Clone, Debug, PartialEq)]
pub struct MakerSettings {
    /// As for a sink.
    pub clock: String,
    /// Its output.
    pub channel: u32,
    /// The pin to set.
    pub pin: Option<Pin>,
    /// Where in the period the edges lie; `None`: at full seconds by an absolute start.
    pub phase: Option<Duration>,
}

/// To whom the lock state is told.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnounceSettings {
    /// The daemons' management sockets.
    pub sockets: Vec<PathBuf>,
    /// domainNumber.
    pub domain_number: u8,
    /// What is told when.
    pub grandmaster: GrandmasterConfig,
}

/// Automatic mode: which clock is right follows from a daemon's ports.
#[derive(Clone, Debug, PartialEq)]
pub struct AutomaticSettings {
    /// The daemon's management socket.
    pub socket: PathBuf,
    /// domainNumber.
    pub domain_number: u8,
    /// majorSdoId, 0 to 15.
    pub major_sdo_id: u8,
    /// The pulses come from outside all these clocks.
    pub external: bool,
}

/// Everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Which second a pulse is.
    pub time: TimeFrom,
    /// The serial line's speed.
    pub baud: u32,
    /// Which pulse a sentence names.
    pub names: Names,
    /// How late sentences come, ns; for more than one pulse per second.
    pub sentence_delay: i64,
    /// TAI - UTC.
    pub leaps: Leaps,
    /// Pulses per second, 1 to 128.
    pub rate: u32,
    /// How wide pulses are, if that is known.
    pub width: Option<Duration>,
    /// Without time of day a clock that was locked knows its second for so long.
    pub time_holdover: Duration,
    /// The clocks.
    pub sinks: Vec<SinkSettings>,
    /// The PHC that makes the pulses, if one does.
    pub maker: Option<MakerSettings>,
    /// From when on the receiver is doubted.
    pub limits: Limits,
    /// Others that know the time.
    pub witnesses: Vec<WitnessSettings>,
    /// When they are believed rather than the receiver.
    pub doubt: DoubtConfig,
    /// Thresholds and gains.
    pub servo: ServoConfig,
    /// Which servo.
    pub steering: Steering,
    /// To whom the lock state is told.
    pub announce: Option<AnnounceSettings>,
    /// Which clock is right follows from the states of ports.
    pub automatic: Option<AutomaticSettings>,
    /// What is recorded so that it can be proved later.
    pub evidence: Option<EvidenceOptions>,
    /// What is known of the oscillators is kept here.
    pub state: Option<PathBuf>,
    /// The service manager is told that the program is ready when it runs, not when its clocks follow the pulses.
    pub ready_when_started: bool,
    /// Log lines as linuxptp's ts2phc writes them.
    pub linuxptp: bool,
    /// Where lines and events go.
    pub outlets: ptp_daemon::Outlets,
    /// The endpoint for monitoring; `None`: there is none.
    pub metrics: Option<ptp_daemon::http::Settings>,
}

impl Settings {
    /// With defaults.
    pub fn new(time: TimeFrom) -> Self {
        Self {
            time,
            baud: 9600,
            names: Names::Previous,
            sentence_delay: 0,
            leaps: Leaps::System,
            rate: 1,
            width: None,
            time_holdover: Duration::ZERO,
            sinks: Vec::new(),
            maker: None,
            limits: Limits::default(),
            witnesses: Vec::new(),
            doubt: DoubtConfig::default(),
            servo: ServoConfig::default(),
            steering: Steering::Adaptive,
            announce: None,
            automatic: None,
            evidence: None,
            state: None,
            ready_when_started: false,
            linuxptp: false,
            outlets: ptp_daemon::Outlets::default(),
            metrics: None,
        }
    }

    /// From pulse to pulse.
    pub fn period(&self) -> Duration {
        Duration::from_secs(1) / self.rate.clamp(1, 128)
    }
}
