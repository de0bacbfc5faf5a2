//! A port's part of IEEE 802.1AS.

use ptp_wire::{
    Body, ClockIdentity, ClockQuality, FollowUpInformation, Header, LogInterval, Organization, PortIdentity,
    TimeInterval, TimePoint, Timestamp, TlvIter, TlvValue, Writer,
};

use super::neighbor::{Capability, NeighborRate, Outcome};
use super::signaling::Paces;
use super::{AsCapable, BestMaster, GptpCapable, LinkDelay, PeerTimes, Relayed, StaticRole};
use crate::engine::data_sets::ParentDs;
use crate::engine::instance::Instance;
use crate::engine::outbox::{Outbox, Route};
use crate::engine::port::Port;
use crate::engine::stats::DropCause;
use crate::engine::sync::SyncPair;
use crate::engine::timers::Timer;
use crate::engine::{Delay, Destination, Event, MessageClass};

/// What a port knows by IEEE 802.1AS.
#[derive(Clone, Debug)]
pub(in crate::engine) struct GptpPort {
    rate: NeighborRate,
    capability: Capability,
    /// What the common service tells.
    common: Option<LinkDelay>,
    /// The neighbour said lately that it is gPTP-capable.
    pub(super) neighbor_gptp_capable: bool,
    /// The neighbour is of the 2011 edition.
    neighbor_2011: bool,
    /// The neighbour wants neighborRateRatio to be computed here.
    pub(super) compute_rate: bool,
    /// The neighbour wants meanLinkDelay to be computed here.
    pub(super) compute_delay: bool,
    pub(in crate::engine) paces: Paces,
    /// Operational intervals were asked for.
    pub(super) operational: bool,
    /// asCapable as last told.
    told: bool,
    /// There is news of the link that has not been told yet.
    pub(in crate::engine) link_news: bool,
    /// gmTimeBaseIndicator as last received.
    time_base: Option<(ClockIdentity, u16)>,
}

impl Default for GptpPort {
    fn default() -> Self {
        Self {
            rate: NeighborRate::default(),
            capability: Capability::default(),
            common: None,
            neighbor_gptp_capable: false,
            neighbor_2011: false,
            compute_rate: true,
            compute_delay: true,
            paces: Paces::default(),
            operational: false,
            told: false,
            link_news: false,
            time_base: None,
        }
    }
}

impl GptpPort {
    pub(in crate::engine) fn neighbor_ratio(&self) -> Option<f64> {
        self.common.map_or(self.rate.ratio(), |c| c.neighbor_rate_ratio)
    }

    /// Stamps of before and after do not go together.
    pub(in crate::engine) fn clock_stepped(&mut self) {
        self.rate.break_off();
    }
}

/// The Follow_Up information of a message.
pub(in crate::engine) fn follow_up_information(tlvs: TlvIter<'_>) -> Option<FollowUpInformation> {
    tlvs.filter_map(|t| TlvValue::parse(&t).ok()).find_map(|v| match v {
        TlvValue::Organization(_, Organization::FollowUpInformation(info)) => Some(info),
        _ => None,
    })
}

impl Port {
    /// asCapable; true where the rule is not in use.
    pub(in crate::engine) fn as_capable(&self) -> bool {
        let rules = &self.config.gptp;
        let across = match self.gptp.common {
            Some(common) => common.as_capable || rules.as_capable != AsCapable::Measured,
            None => self.gptp.capability.capable(rules.as_capable),
        };
        let speaks = rules.gptp_capable != GptpCapable::Require
            || rules.as_capable != AsCapable::Measured
            || self.gptp.neighbor_2011
            || self.gptp.neighbor_gptp_capable;
        across && speaks
    }

    /// Tells a change of asCapable, and has the port's state decided anew.
    pub(super) fn note_as_capable(&mut self, instance: &mut Instance) {
        let capable = self.as_capable();
        if self.config.gptp.as_capable == AsCapable::Measured
            && std::mem::replace(&mut self.gptp.told, capable) != capable
        {
            instance.out.event(Event::AsCapable { port: self.number(), capable });
            self.gptp.link_news = true;
            if !capable {
                self.foreign.clear();
            }
            instance.decision_due = true;
        }
    }

    /// The port has come into use.
    pub(in crate::engine) fn gptp_start(&mut self, instance: &Instance) {
        self.gptp = GptpPort::default();
        if self.config.gptp.gptp_capable != GptpCapable::Off {
            self.timers.set(Timer::GptpCapable, instance.now);
        }
    }

    pub(in crate::engine) fn link_delay(&self) -> LinkDelay {
        self.gptp.common.unwrap_or(LinkDelay {
            mean_link_delay: self.filter.value(),
            neighbor_rate_ratio: self.gptp.rate.ratio(),
            as_capable: self.as_capable(),
        })
    }

    /// The delay to count with: measured, told by the common service, or stored.
    pub(in crate::engine) fn mean_delay(&self) -> Option<TimeInterval> {
        let measured = match self.config.delay {
            Delay::None => return Some(self.config.gptp.neighbor_delay.unwrap_or_default()),
            Delay::CommonP2p => self.gptp.common.and_then(|c| c.mean_link_delay),
            Delay::E2e | Delay::P2p => self.filter.value(),
        };
        measured.or(self.config.gptp.neighbor_delay)
    }

    /// What the common service has found out.
    pub(super) fn common_link_delay(&mut self, instance: &mut Instance, link: LinkDelay) {
        if self.config.delay != Delay::CommonP2p {
            return;
        }
        self.gptp.common = Some(link);
        // Told no more for as long as responses may be missing, nothing is known.
        let silence = self.config.log_min_pdelay_req_interval.duration()
            * (u32::from(self.config.gptp.allowed_lost_responses) + 1);
        self.timers.set(Timer::PdelayReq, instance.now + silence);
        self.note_as_capable(instance);
    }

    /// The common service tells nothing any more.
    pub(in crate::engine) fn common_service_silent(&mut self, instance: &mut Instance) {
        if let Some(common) = &mut self.gptp.common {
            *common = LinkDelay { mean_link_delay: None, neighbor_rate_ratio: None, as_capable: false };
            self.note_as_capable(instance);
        }
    }

    // --- peer delay ---

    /// Pdelay_Req stays without an answer.
    pub(in crate::engine) fn gptp_exchange_lost(&mut self, instance: &mut Instance) {
        self.gptp_count(instance, Outcome::Lost);
    }

    /// There were answers that cannot be used.
    pub(in crate::engine) fn gptp_exchange_faulty(&mut self, instance: &mut Instance) {
        self.gptp_count(instance, Outcome::Faulty);
    }

    fn gptp_count(&mut self, instance: &mut Instance, outcome: Outcome) {
        let valid = self.gptp.rate.ratio().is_some();
        self.gptp.capability.count(outcome, valid, &self.config.gptp);
        self.gptp.link_news |= matches!(outcome, Outcome::Measured(..));
        self.note_as_capable(instance);
    }

    /// The neighbour that established asCapable: answers of others do not count.
    pub(in crate::engine) fn gptp_peer(&self) -> Option<PortIdentity> {
        self.gptp.capability.peer()
    }

    /// These times may be those of the neighbour, as far as it is known: its rate and the link's length say so.
    pub(in crate::engine) fn gptp_fits(&self, times: &PeerTimes) -> bool {
        let rules = &self.config.gptp;
        if rules.as_capable != AsCapable::Measured || self.gptp_peer().is_none() {
            return true;
        }
        let delay = times.delay(self.gptp.rate.ratio().unwrap_or(1.0));
        let near = delay <= rules.neighbor_prop_delay_thresh && delay >= rules.min_neighbor_prop_delay;
        near && times.response.is_none_or(|(t3, t4)| self.gptp.rate.fits(t3, t4))
    }

    /// Takes an exchange in; returns meanLinkDelay as it is to be filtered, if it is.
    pub(in crate::engine) fn gptp_exchange_done(
        &mut self,
        instance: &mut Instance,
        times: &PeerTimes,
        responder: PortIdentity,
        minor_version: u8,
    ) -> Option<TimeInterval> {
        if let Some((t3, t4)) = times.response.filter(|_| self.gptp.compute_rate) {
            self.gptp.rate.push(t3, t4);
        }
        let delay = times.delay(self.gptp.rate.ratio().unwrap_or(1.0));
        self.gptp.neighbor_2011 = minor_version == 0 && instance.config.domain_number == 0;
        let own = responder.clock_identity == instance.config.clock_identity;
        self.gptp_count(instance, if own { Outcome::Faulty } else { Outcome::Measured(delay, responder) });
        let rules = &self.config.gptp;
        let plausible = rules.as_capable != AsCapable::Measured
            || (delay <= rules.neighbor_prop_delay_thresh && delay >= rules.min_neighbor_prop_delay);
        (self.gptp.compute_delay && plausible).then_some(delay)
    }

    // --- Sync ---

    /// Sync of a stranger under static roles: it becomes the master.
    pub(in crate::engine) fn adopts(&self, instance: &Instance) -> bool {
        instance.config.best_master == BestMaster::Static
            && self.config.gptp.role == Some(StaticRole::Client)
            && (self.config.gptp.ignore_source_id
                || instance.parent.parent_port_identity.clock_identity == instance.config.clock_identity)
    }

    /// Takes the sender of Sync for the master. Nothing else is known of it.
    pub(in crate::engine) fn adopt(&self, instance: &mut Instance, source: PortIdentity) {
        let parent = ParentDs {
            parent_port_identity: source,
            grandmaster_identity: source.clock_identity,
            grandmaster_clock_quality: ClockQuality::DEFAULT,
            grandmaster_priority1: instance.config.priority1.min(u8::MAX - 1),
            grandmaster_priority2: instance.config.priority2,
        };
        let time_properties = instance.config.time_properties;
        instance.set_parent(parent, time_properties, 1);
    }

    /// The master under static roles has gone silent.
    pub(in crate::engine) fn abandon(&mut self, instance: &mut Instance) {
        if instance.config.best_master == BestMaster::Static && self.is_client() {
            let own = ParentDs::own(&instance.config, instance.quality());
            let time_properties = instance.config.time_properties;
            instance.set_parent(own, time_properties, 0);
            self.request_intervals(instance, false);
        }
    }

    /// Origin and information of the Follow_Up to a Sync that left at `stamp`; a relay's correction goes into `header`.
    pub(in crate::engine) fn follow_up_of(
        &self,
        instance: &Instance,
        header: &mut Header,
        origin: Timestamp,
        stamp: TimePoint,
    ) -> (Timestamp, Option<Organization<'static>>) {
        let wanted =
            |info| self.config.gptp.follow_up_info.then_some(Organization::FollowUpInformation(info));
        match instance.relaying() {
            Some(relayed) => {
                let (origin, correction, info) = relayed.follow_up(stamp);
                header.correction = correction;
                (origin, wanted(info))
            }
            None => (origin, wanted(instance.time_base.information())),
        }
    }

    /// Sync and Follow_Up are together: passes them on to the relay, tells a new time base.
    pub(in crate::engine) fn gptp_synchronised(
        &mut self,
        instance: &mut Instance,
        pair: &SyncPair,
        mean_delay: TimeInterval,
    ) {
        let Some(info) = pair.information else { return };
        let indicator = info.gm_time_base_indicator;
        // Another grandmaster's number says nothing of a change.
        let grandmaster = instance.parent.grandmaster_identity;
        let before = self.gptp.time_base.replace((grandmaster, indicator));
        if before.is_some_and(|(who, number)| who == grandmaster && number != indicator) {
            let phase = info.last_gm_phase_change;
            let whole = phase.nanoseconds_lsb as i64;
            let phase_change =
                TimeInterval::from_nanos(whole) + TimeInterval(i64::from(phase.fractional_nanoseconds));
            if phase_change != TimeInterval::ZERO
                && self.gptp_peer().is_some_and(|peer| peer.clock_identity == grandmaster)
            {
                // The neighbour itself has jumped: its times of before and after make no rate.
                self.gptp.rate.break_off();
            }
            let frequency_change = info.scaled_last_gm_freq_change;
            instance.out.event(Event::GmTimeBase { indicator, phase_change, frequency_change });
        }
        let neighbor = self.gptp.neighbor_ratio().unwrap_or(1.0);
        let asymmetry = self.config.delay_asymmetry;
        let relayed = Relayed::new(pair, info, mean_delay, neighbor, asymmetry);
        instance.relayed = Some(relayed);
        instance.relay_due = instance.config.relay;
    }

    /// The link's delay in the grandmaster's time.
    pub(in crate::engine) fn gptp_scaled(&self, pair: &SyncPair, delay: TimeInterval) -> TimeInterval {
        let (Some(info), Some(neighbor)) = (pair.information, self.gptp.neighbor_ratio()) else {
            return delay;
        };
        let gm = info.cumulative_scaled_rate_offset.ratio() + (neighbor - 1.0);
        TimeInterval::from_nanos_f64(delay.nanos_f64() * gm / neighbor)
    }

    /// Sends Sync on a master port because one has come in, where the intervals match (10.2.12, syncLocked).
    pub(in crate::engine) fn relay_sync(&mut self, instance: &mut Instance, received: LogInterval) {
        if self.config.gptp.follow_up_info
            && self.sync_locked(instance)
            && self.sync_interval() == Some(received)
        {
            self.send_next_sync(instance);
        }
    }

    /// Sync goes out when one comes in, not by the timer.
    pub(in crate::engine) fn sync_locked(&self, instance: &Instance) -> bool {
        self.state == crate::engine::PortState::Master
            && instance.relaying().is_some_and(|r| Some(r.log_interval) == self.sync_interval())
    }

    /// No Sync is sent by a relay without a grandmaster, nor by a clock that cannot be one (gmPresent).
    pub(in crate::engine) fn sync_allowed(&self, instance: &Instance) -> bool {
        match instance.config.best_master {
            BestMaster::Ieee8021As => {
                instance.gm_present()
                    && (instance.is_grandmaster() || !instance.config.relay || instance.relayed.is_some())
            }
            BestMaster::Ieee1588 | BestMaster::G8275 | BestMaster::G8265 | BestMaster::Static => true,
        }
    }

    /// The next Sync to the group, where one may be sent.
    pub(in crate::engine) fn send_next_sync(&mut self, instance: &mut Instance) {
        let Some(interval) = self.sync_interval().filter(|_| self.sync_allowed(instance)) else { return };
        let sequence_id = crate::engine::port::take(&mut self.sequences.sync);
        self.send_sync_to(instance, Destination::Primary, sequence_id, interval);
    }

    // --- signaling ---

    /// Sends a Signaling message to the neighbour with the TLVs that `write` adds.
    pub(super) fn signal_neighbor(
        &mut self,
        instance: &mut Instance,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), ptp_wire::WireError>,
    ) {
        let mut header = self.header(instance, ptp_wire::MessageType::Signaling);
        header.sequence_id = crate::engine::port::take(&mut self.sequences.signaling);
        header.log_message_interval = LogInterval::NOT_APPLICABLE;
        let body = Body::Signaling { target_port_identity: PortIdentity::ANY };
        let route = Route {
            port: self.number(),
            class: MessageClass::General,
            destination: Destination::Primary,
            stamp: None,
        };
        let written = instance.out.transmit(route, Outbox::TIMING, |buf| {
            let mut w = Writer::new(buf, &header, &body)?;
            write(&mut w)?;
            Ok(w.finish())
        });
        if written.is_ok() {
            self.stats.sent(ptp_wire::MessageType::Signaling);
        }
    }

    /// Whether Announce, Sync and Follow_Up may come in.
    pub(in crate::engine) fn admits_timing(&mut self) -> bool {
        let capable = self.as_capable();
        if !capable {
            self.stats.drop(DropCause::NotCapable);
        }
        capable
    }
}
