//! What SET and COMMAND change. Every change is checked whole before anything is touched.

use ptp_wire::management::{ErrorId, Payload, PtpText};
use ptp_wire::{LogInterval, TimeInterval};

use super::super::fsm::FsmEvent;
use super::super::{Engine, PortConfig, TimeProperties};

/// userDescription's octets (15.5.3.1.3).
const USER_DESCRIPTION_MAX: usize = 128;

impl Engine {
    /// Changes a value of the clock or of one of its ports.
    pub(super) fn set(&mut self, payload: &Payload<'_>, port: Option<usize>) -> Result<(), ErrorId> {
        match port {
            Some(index) => self.set_port(payload, index),
            None => self.set_clock(payload),
        }
    }

    fn set_clock(&mut self, payload: &Payload<'_>) -> Result<(), ErrorId> {
        let config = &mut self.instance.config;
        match payload {
            Payload::UserDescription(text) => {
                config.description.user = user_description(*text)?;
                return Ok(());
            }
            Payload::Priority1(priority1) => config.priority1 = *priority1,
            Payload::Priority2(priority2) => config.priority2 = *priority2,
            Payload::ClockAccuracy(accuracy) => config.clock_quality.clock_accuracy = *accuracy,
            Payload::PathTraceEnable(enable) => config.path_trace = *enable,
            Payload::GrandmasterSettingsNp(settings) => {
                config.clock_quality = settings.clock_quality;
                config.time_properties = TimeProperties::from_flags(
                    settings.utc_offset,
                    settings.time_flags.time_properties(),
                    settings.time_source,
                );
            }
            Payload::UtcProperties(_)
            | Payload::TraceabilityProperties(_)
            | Payload::TimescaleProperties(_) => self.set_time_properties(payload)?,
            _ => self.set_clock_option(payload)?,
        }
        // At once, so that the answer tells what resulted.
        self.state_decision();
        if matches!(payload, Payload::GrandmasterSettingsNp(_)) {
            // Those who follow learn at once what it is worth, not with the next Announce.
            self.announce_early();
        }
        Ok(())
    }

    /// Parts of timePropertiesDS. While the clock follows another, they are that one's.
    fn set_time_properties(&mut self, payload: &Payload<'_>) -> Result<(), ErrorId> {
        if !self.is_grandmaster() {
            return Err(ErrorId::NOT_SETABLE);
        }
        let time = &mut self.instance.config.time_properties;
        match payload {
            // One day cannot both gain and lose a second.
            Payload::UtcProperties(utc) if utc.leap59 && utc.leap61 => return Err(ErrorId::WRONG_VALUE),
            Payload::UtcProperties(utc) => {
                time.current_utc_offset = utc.current_utc_offset;
                time.leap59 = utc.leap59;
                time.leap61 = utc.leap61;
                time.current_utc_offset_valid = utc.current_utc_offset_valid;
            }
            Payload::TraceabilityProperties(traceability) => {
                time.time_traceable = traceability.time_traceable;
                time.frequency_traceable = traceability.frequency_traceable;
            }
            Payload::TimescaleProperties(timescale) => {
                time.ptp_timescale = timescale.ptp_timescale;
                // 0 is reserved: linuxptp's way of not telling.
                if timescale.time_source.0 != 0 {
                    time.time_source = timescale.time_source;
                }
            }
            _ => return Err(ErrorId::NOT_SUPPORTED),
        }
        Ok(())
    }

    fn set_port(&mut self, payload: &Payload<'_>, index: usize) -> Result<(), ErrorId> {
        let Some(port) = self.ports.get(index) else { return Err(ErrorId::WRONG_VALUE) };
        let old = &port.config;
        let new = match payload {
            Payload::NullManagement(()) => return Ok(()),
            Payload::LogAnnounceInterval(interval) => {
                PortConfig { log_announce_interval: in_range(*interval)?, ..old.clone() }
            }
            Payload::AnnounceReceiptTimeout(timeout @ 2..) => {
                PortConfig { announce_receipt_timeout: *timeout, ..old.clone() }
            }
            Payload::AnnounceReceiptTimeout(_) => return Err(ErrorId::WRONG_VALUE),
            Payload::LogSyncInterval(interval) => {
                PortConfig { log_sync_interval: in_range(*interval)?, ..old.clone() }
            }
            Payload::LogMinPdelayReqInterval(interval) => {
                PortConfig { log_min_pdelay_req_interval: in_range(*interval)?, ..old.clone() }
            }
            Payload::MasterOnly(master_only) => PortConfig { master_only: *master_only, ..old.clone() },
            Payload::PowerProfileSettingsNp(power) if power.version <= 2 => {
                PortConfig { power: *power, ..old.clone() }
            }
            Payload::PowerProfileSettingsNp(_) => return Err(ErrorId::WRONG_VALUE),
            Payload::PortCorrectionsNp(corrections) => PortConfig {
                egress_latency: corrections.egress_latency,
                ingress_latency: corrections.ingress_latency,
                delay_asymmetry: corrections.delay_asymmetry,
                ..old.clone()
            },
            Payload::UnicastMasterTable(table) => {
                PortConfig { unicast_client: Some(self.unicast_table_set(table, port)?), ..old.clone() }
            }
            // asCapable is measured, or configured; nobody sets it from here.
            Payload::PortDataSetNp(new) => {
                let mut changed = old.clone();
                changed.gptp.neighbor_prop_delay_thresh =
                    TimeInterval::from_nanos(new.neighbor_prop_delay_thresh.into());
                changed
            }
            _ => PortConfig { options: self.port_options_set(payload, index)?, ..old.clone() },
        };
        let Some(port) = self.ports.get_mut(index) else { return Err(ErrorId::WRONG_VALUE) };
        port.configure(&mut self.instance, &new);
        if let Some(kept) = self.instance.config.ports.get_mut(index) {
            kept.clone_from(&port.config);
        }
        self.options_changed();
        self.state_decision();
        Ok(())
    }

    /// Does what was commanded.
    pub(super) fn command(&mut self, payload: &Payload<'_>, port: Option<usize>) -> Result<(), ErrorId> {
        let port = port.and_then(|index| self.ports.get_mut(index));
        match (payload, port) {
            (Payload::NullManagement(()), _) => Ok(()),
            (Payload::EnablePort(()), Some(port)) => {
                port.transition(&mut self.instance, FsmEvent::DesignatedEnabled);
                if port.up {
                    port.transition(&mut self.instance, FsmEvent::InitComplete);
                }
                Ok(())
            }
            (Payload::DisablePort(()), Some(port)) => {
                port.transition(&mut self.instance, FsmEvent::DesignatedDisabled);
                Ok(())
            }
            _ => Err(ErrorId::NOT_SUPPORTED),
        }
    }
}

/// From a thousandth of a second to 18 hours.
fn in_range(interval: LogInterval) -> Result<LogInterval, ErrorId> {
    if (-10..=16).contains(&interval.0) { Ok(interval) } else { Err(ErrorId::WRONG_VALUE) }
}

fn user_description(text: PtpText<'_>) -> Result<String, ErrorId> {
    match text.as_str() {
        Some(text) if text.len() <= USER_DESCRIPTION_MAX => Ok(text.to_owned()),
        _ => Err(ErrorId::WRONG_VALUE),
    }
}
