//! Message interval requests and gPTP-capable messages (802.1AS-2020 10.6.4.3, 10.6.4.4, 10.4), both ways.

use ptp_wire::{
    GptpCapable as GptpCapableTlv, IntervalRequestFlags, LogInterval, MessageIntervalRequest, Organization,
    PortIdentity, TlvType,
};

use super::{AsCapable, GptpCapable};
use crate::engine::instance::Instance;
use crate::engine::port::{Port, next_due};
use crate::engine::stats::DropCause;
use crate::engine::timers::Timer;
use crate::engine::{Delay, Instant, PortState};

/// Keep the interval as it is.
const KEEP: LogInterval = LogInterval(-128);
/// Go back to the initial interval.
const INITIAL: LogInterval = LogInterval(126);
/// Send no more.
const STOP: LogInterval = LogInterval(127);
/// What a neighbour may ask for; anything else is refused. 1/128 s to 32 s.
const RANGE: core::ops::RangeInclusive<i8> = -7..=5;

/// How often one kind of message is sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::engine) enum Pace {
    /// As configured: the initial interval.
    #[default]
    Initial,
    Every(LogInterval),
    Stopped,
}

impl Pace {
    /// The interval, if the message is sent at all.
    pub(in crate::engine) fn interval(self, initial: LogInterval) -> Option<LogInterval> {
        match self {
            Self::Initial => Some(initial),
            Self::Every(interval) => Some(interval),
            Self::Stopped => None,
        }
    }

    /// What a request makes of it; `None` for one that no neighbour may make.
    fn requested(self, request: LogInterval) -> Option<Self> {
        match request {
            KEEP => Some(self),
            INITIAL => Some(Self::Initial),
            STOP => Some(Self::Stopped),
            LogInterval(l) if RANGE.contains(&l) => Some(Self::Every(request)),
            _ => None,
        }
    }
}

/// The paces the neighbour asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::engine) struct Paces {
    pub(in crate::engine) announce: Pace,
    pub(in crate::engine) sync: Pace,
    pub(in crate::engine) pdelay_req: Pace,
}

impl Port {
    /// Announce's present interval; `None`: not sent.
    pub(in crate::engine) fn announce_interval(&self) -> Option<LogInterval> {
        self.gptp.paces.announce.interval(self.config.log_announce_interval)
    }

    /// Sync's present interval; `None`: not sent.
    pub(in crate::engine) fn sync_interval(&self) -> Option<LogInterval> {
        self.gptp.paces.sync.interval(self.config.log_sync_interval)
    }

    /// Pdelay_Req's present interval; `None`: not sent.
    pub(in crate::engine) fn pdelay_interval(&self) -> Option<LogInterval> {
        self.gptp.paces.pdelay_req.interval(self.config.log_min_pdelay_req_interval)
    }

    /// A TLV of the neighbour's Signaling; true if it was one of IEEE 802.1AS that this port takes.
    pub(in crate::engine) fn receive_gptp_tlv(
        &mut self,
        instance: &mut Instance,
        source: PortIdentity,
        tlv: &Organization<'_>,
    ) -> bool {
        // A neighbour that is known by its answers speaks for itself. (The common service has an identity of its own.)
        if self.gptp_peer().is_some_and(|p| p != source)
            && matches!(tlv, Organization::MessageIntervalRequest(_) | Organization::GptpCapable(_))
        {
            self.stats.drop(DropCause::Unexpected);
            return true;
        }
        match tlv {
            Organization::MessageIntervalRequest(request) if instance.config.sdo_id.major() != 0 => {
                self.receive_interval_request(instance, request);
                true
            }
            Organization::GptpCapable(capable) if self.config.gptp.gptp_capable != GptpCapable::Off => {
                let interval = LogInterval(capable.log_gptp_capable_message_interval.0.clamp(-7, 5));
                let intervals = u32::from(self.config.gptp.gptp_capable_receipt_timeout);
                let wait = interval.duration().saturating_mul(intervals);
                self.timers.set(Timer::GptpCapableReceipt, instance.now + wait);
                self.gptp.neighbor_gptp_capable = true;
                self.note_as_capable(instance);
                true
            }
            _ => false,
        }
    }

    fn receive_interval_request(&mut self, instance: &mut Instance, request: &MessageIntervalRequest) {
        let now = self.gptp.paces;
        let new = (
            now.announce.requested(request.announce_interval),
            now.sync.requested(request.time_sync_interval),
            now.pdelay_req.requested(request.link_delay_interval),
        );
        let (Some(announce), Some(sync), Some(pdelay_req)) = new else {
            return self.stats.drop(DropCause::Unexpected);
        };
        self.gptp.compute_rate = request.flags.has(IntervalRequestFlags::COMPUTE_NEIGHBOR_RATE_RATIO);
        self.gptp.compute_delay = request.flags.has(IntervalRequestFlags::COMPUTE_MEAN_LINK_DELAY);
        self.gptp.paces = Paces { announce, sync, pdelay_req };
        let master = self.state == PortState::Master;
        let measures = self.active() && self.config.delay == Delay::P2p;
        let at = instance.now;
        for (timer, changed, runs, on) in [
            (Timer::Announce, now.announce != announce, announce != Pace::Stopped, master),
            (Timer::Sync, now.sync != sync, sync != Pace::Stopped, master),
            (Timer::PdelayReq, now.pdelay_req != pdelay_req, pdelay_req != Pace::Stopped, measures),
        ] {
            if changed && on {
                if runs { self.timers.set(timer, at) } else { self.timers.stop(timer) }
            }
        }
    }

    /// Asks the neighbour for the operational intervals when lock is reached, for the initial ones when it is lost.
    pub(in crate::engine) fn request_intervals(&mut self, instance: &mut Instance, locked: bool) {
        if !self.config.gptp.msg_interval_request || self.gptp.operational == locked {
            return;
        }
        self.gptp.operational = locked;
        let rules = &self.config.gptp;
        let (sync, link) = if locked {
            (rules.oper_log_sync_interval, Pace::Every(rules.oper_log_pdelay_req_interval))
        } else {
            (INITIAL, Pace::Initial)
        };
        self.gptp.paces.pdelay_req = link;
        let request = Organization::MessageIntervalRequest(MessageIntervalRequest {
            link_delay_interval: KEEP,
            time_sync_interval: sync,
            announce_interval: KEEP,
            flags: IntervalRequestFlags::COMPUTE_NEIGHBOR_RATE_RATIO
                .with(IntervalRequestFlags::COMPUTE_MEAN_LINK_DELAY, true),
        });
        self.signal_neighbor(instance, |w| {
            w.tlv_with(TlvType::ORGANIZATION_EXTENSION, |room| request.emit(room))
        });
    }

    /// It is time to say that this port is gPTP-capable.
    pub(in crate::engine) fn gptp_capable_due(&mut self, instance: &mut Instance, due: Instant) {
        if !self.active() {
            return;
        }
        let interval = self.config.gptp.log_gptp_capable_interval;
        self.timers.set(Timer::GptpCapable, next_due(due, interval, instance.now));
        let tlv = Organization::GptpCapable(GptpCapableTlv {
            log_gptp_capable_message_interval: interval,
            flags: 0,
        });
        self.signal_neighbor(instance, |w| {
            w.tlv_with(TlvType::ORGANIZATION_EXTENSION_DO_NOT_PROPAGATE, |room| tlv.emit(room))
        });
    }

    /// The neighbour stopped saying that it is gPTP-capable.
    pub(in crate::engine) fn gptp_capable_silent(&mut self, instance: &mut Instance) {
        self.gptp.neighbor_gptp_capable = false;
        if self.config.gptp.as_capable == AsCapable::Measured {
            self.note_as_capable(instance);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_values_keep_reset_and_stop_and_absurd_ones_are_refused() {
        let pace = Pace::Every(LogInterval(-3));
        assert_eq!(pace.requested(LogInterval(-128)), Some(pace));
        assert_eq!(pace.requested(LogInterval(126)), Some(Pace::Initial));
        assert_eq!(pace.requested(LogInterval(127)), Some(Pace::Stopped));
        assert_eq!(Pace::Stopped.requested(LogInterval(0)), Some(Pace::Every(LogInterval(0))));
        for absurd in [-127, -30, -8, 6, 22, 125] {
            assert_eq!(pace.requested(LogInterval(absurd)), None, "{absurd}");
        }
    }
}
