//! What the engine measures, on its way to the servo.

use crate::engine::{Delay, DelaySample, ForwardSample, Sample};
use ptp_wire::{LogInterval, PortIdentity, PortNumber, TimeInterval, TimePoint};

/// What the engine has measured, in the order in which it came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measured {
    /// A Sync with its offset.
    Offset(Sample),
    /// A Sync before the delay is known.
    Forward(ForwardSample),
    /// The other direction.
    Delay(DelaySample),
    /// Nothing is measured: the grandmaster says that its time jumped (new minus old), or that its frequency changed
    /// (new over old). It comes before the first measurement that shows it.
    TimeBase {
        /// lastGmPhaseChange.
        phase: TimeInterval,
        /// scaledLastGmFreqChange, as a ratio.
        frequency: f64,
    },
}

impl Measured {
    /// When what was measured left the master, in its time; `None` for what left here.
    pub fn origin(&self) -> Option<TimePoint> {
        match self {
            Self::Offset(sample) => Some(sample.origin),
            Self::Forward(sample) => Some(sample.origin),
            Self::Delay(_) | Self::TimeBase { .. } => None,
        }
    }

    /// The offset, if it is one.
    pub fn offset(&self) -> Option<&Sample> {
        match self {
            Self::Offset(sample) => Some(sample),
            _ => None,
        }
    }
}

/// A Sync, whether its offset is known or not.
#[derive(Clone, Copy, Debug)]
pub(super) struct FromMaster {
    pub(super) port: PortNumber,
    pub(super) master: PortIdentity,
    pub(super) ingress: TimePoint,
    pub(super) origin: TimePoint,
    pub(super) forward: TimeInterval,
    pub(super) log_interval: LogInterval,
    pub(super) mechanism: Delay,
    /// Offset, mean delay and weight.
    pub(super) computed: Option<(TimeInterval, TimeInterval, f64)>,
}

impl From<Sample> for FromMaster {
    fn from(s: Sample) -> Self {
        Self {
            port: s.port,
            master: s.master,
            ingress: s.ingress,
            origin: s.origin,
            forward: s.forward,
            log_interval: s.log_sync_interval,
            mechanism: s.mechanism,
            computed: Some((s.offset, s.mean_delay, s.weight)),
        }
    }
}

impl From<ForwardSample> for FromMaster {
    fn from(s: ForwardSample) -> Self {
        Self {
            port: s.port,
            master: s.master,
            ingress: s.ingress,
            origin: s.origin,
            forward: s.forward,
            log_interval: s.log_sync_interval,
            mechanism: s.mechanism,
            computed: None,
        }
    }
}
