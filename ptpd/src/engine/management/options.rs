//! GET and SET of the optional features.

use ptp_wire::ClockIdentity;
use ptp_wire::management::{
    AcceptableMaster, AcceptableMasterTable, AlternateMaster, AlternateTimeOffsetEnable,
    AlternateTimeOffsetName, AlternateTimeOffsetProperties, ErrorId, ExtPortConfig,
    ExternalGrandmasterPropertiesNp, ManagementId, Payload, PtpText,
};

use super::super::options::{MAX_ACCEPTABLE_MASTERS, valid_name};
use super::super::port::Port;
use super::super::{
    DesiredState, Engine, ExternalGrandmaster, MAX_TIME_OFFSETS, PortOptions, SynchronizationUncertain,
};
use super::{Request, emit};

/// keyField that stands for all alternate timescales.
const ALL_KEYS: u8 = 0xff;

impl Engine {
    /// GET of an optional feature of the clock.
    pub(super) fn get_clock_option(&self, request: &Request<'_>, value: &mut [u8]) -> Result<usize, ErrorId> {
        let options = &self.instance.config.options;
        let mut table = [0; AcceptableMaster::LEN * MAX_ACCEPTABLE_MASTERS];
        let key_field = request.tlv.key_field();
        let offset = || self.time_offset(key_field).ok_or(ErrorId::WRONG_VALUE);
        let of_key;
        let payload = match request.tlv.id {
            ManagementId::EXTERNAL_PORT_CONFIGURATION_ENABLED => {
                Payload::ExternalPortConfigurationEnabled(options.external_port_configuration)
            }
            ManagementId::ACCEPTABLE_MASTER_TABLE => {
                let masters = options.acceptable_masters.iter().take(MAX_ACCEPTABLE_MASTERS);
                let count = u16::try_from(masters.len()).map_err(|_| ErrorId::RESPONSE_TOO_BIG)?;
                for (place, master) in table.chunks_exact_mut(AcceptableMaster::LEN).zip(masters) {
                    master.emit(place).map_err(|_| ErrorId::GENERAL_ERROR)?;
                }
                let octets = table.get(..AcceptableMaster::LEN * usize::from(count));
                let table = AcceptableMasterTable::new(count, octets.unwrap_or_default());
                Payload::AcceptableMasterTable(table.map_err(|_| ErrorId::GENERAL_ERROR)?)
            }
            ManagementId::ACCEPTABLE_MASTER_MAX_TABLE_SIZE => {
                Payload::AcceptableMasterMaxTableSize(MAX_ACCEPTABLE_MASTERS as u16)
            }
            ManagementId::ALTERNATE_TIME_OFFSET_ENABLE if key_field == ALL_KEYS => {
                let all = &options.alternate_time_offsets;
                let enable = !all.is_empty() && all.iter().all(|o| o.enabled);
                Payload::AlternateTimeOffsetEnable(AlternateTimeOffsetEnable { key_field, enable })
            }
            ManagementId::ALTERNATE_TIME_OFFSET_ENABLE => {
                let enable = offset()?.enabled;
                Payload::AlternateTimeOffsetEnable(AlternateTimeOffsetEnable { key_field, enable })
            }
            ManagementId::ALTERNATE_TIME_OFFSET_NAME => {
                of_key = offset()?;
                let display_name = PtpText::from_text(&of_key.name);
                Payload::AlternateTimeOffsetName(AlternateTimeOffsetName { key_field, display_name })
            }
            ManagementId::ALTERNATE_TIME_OFFSET_MAX_KEY => {
                Payload::AlternateTimeOffsetMaxKey(MAX_TIME_OFFSETS - 1)
            }
            ManagementId::ALTERNATE_TIME_OFFSET_PROPERTIES => {
                let o = offset()?;
                Payload::AlternateTimeOffsetProperties(AlternateTimeOffsetProperties {
                    key_field,
                    current_offset: o.current_offset,
                    jump_seconds: o.jump_seconds,
                    time_of_next_jump: o.time_of_next_jump,
                })
            }
            ManagementId::SYNCHRONIZATION_UNCERTAIN_NP => {
                Payload::SynchronizationUncertainNp(options.synchronization_uncertain as u8)
            }
            ManagementId::EXTERNAL_GRANDMASTER_PROPERTIES_NP => {
                let external = options.external_grandmaster;
                Payload::ExternalGrandmasterPropertiesNp(ExternalGrandmasterPropertiesNp {
                    gm_identity: external.map_or(ClockIdentity::ZERO, |e| e.identity),
                    steps_removed: external.map_or(0, |e| e.steps_removed),
                })
            }
            _ => return Err(ErrorId::NOT_SUPPORTED),
        };
        emit(&payload, value)
    }

    /// SET of an optional feature of the clock.
    pub(super) fn set_clock_option(&mut self, payload: &Payload<'_>) -> Result<(), ErrorId> {
        let ports = self.ports.iter().map(|p| p.config.options.desired_state);
        let client_only = self.instance.config.client_only;
        let options = &mut self.instance.config.options;
        match payload {
            Payload::ExternalPortConfigurationEnabled(enable) => {
                // slaveOnly and external port configuration exclude each other (17.6.2).
                if *enable && (client_only || !Self::is_possible(ports)) {
                    return Err(ErrorId::WRONG_VALUE);
                }
                options.external_port_configuration = *enable;
            }
            Payload::AcceptableMasterTable(table) => {
                if table.len() > MAX_ACCEPTABLE_MASTERS {
                    return Err(ErrorId::WRONG_VALUE);
                }
                options.acceptable_masters.clear();
                options.acceptable_masters.extend(table.iter());
            }
            Payload::AlternateTimeOffsetEnable(new) => {
                return key_exists(self.set_time_offset(new.key_field, |o| o.enabled = new.enable));
            }
            Payload::AlternateTimeOffsetName(new) => {
                let name = new.display_name.as_str().filter(|name| valid_name(name));
                let name = name.ok_or(ErrorId::WRONG_VALUE)?;
                one_key(new.key_field)?;
                return key_exists(self.set_time_offset(new.key_field, |o| o.name = name.to_owned()));
            }
            Payload::AlternateTimeOffsetProperties(new) => {
                one_key(new.key_field)?;
                return key_exists(self.set_time_offset(new.key_field, |o| {
                    o.current_offset = new.current_offset;
                    o.jump_seconds = new.jump_seconds;
                    o.time_of_next_jump = new.time_of_next_jump;
                }));
            }
            Payload::SynchronizationUncertainNp(number) => {
                let new = SynchronizationUncertain::from_number(*number);
                options.synchronization_uncertain = new.ok_or(ErrorId::WRONG_VALUE)?;
            }
            Payload::ExternalGrandmasterPropertiesNp(new) => {
                options.external_grandmaster =
                    (new.gm_identity != ClockIdentity::ZERO).then_some(ExternalGrandmaster {
                        identity: new.gm_identity,
                        steps_removed: new.steps_removed,
                    });
            }
            _ => return Err(ErrorId::NOT_SUPPORTED),
        }
        self.options_changed();
        Ok(())
    }

    /// A port's options as a SET makes them.
    pub(super) fn port_options_set(
        &self,
        payload: &Payload<'_>,
        index: usize,
    ) -> Result<PortOptions, ErrorId> {
        let port = self.ports.get(index).ok_or(ErrorId::WRONG_VALUE)?;
        let mut options = port.config.options.clone();
        match payload {
            Payload::AcceptableMasterTableEnabled(enable) => options.acceptable_master_table = *enable,
            Payload::AlternateMaster(new) => {
                if !(-10..=16).contains(&new.log_alternate_multicast_sync_interval.0) {
                    return Err(ErrorId::WRONG_VALUE);
                }
                options.alternate_multicast_sync = new.transmit_alternate_multicast_sync;
                options.log_alternate_multicast_sync_interval = new.log_alternate_multicast_sync_interval;
                options.alternate_masters = new.number_of_alternate_masters;
            }
            // Its flag tells of the acceptable master table, which has an ID of its own.
            Payload::ExtPortConfigPortDataSet(new) => {
                let desired = DesiredState::from_number(new.desired_state).ok_or(ErrorId::WRONG_VALUE)?;
                let others = self.ports.iter().enumerate().filter(|(i, _)| *i != index);
                let all = others.map(|(_, p)| p.config.options.desired_state).chain([desired]);
                let deaf = desired == DesiredState::Slave && port.config.master_only;
                if deaf || !Self::is_possible(all) {
                    return Err(ErrorId::WRONG_VALUE);
                }
                options.desired_state = desired;
            }
            _ => return Err(ErrorId::NOT_SUPPORTED),
        }
        Ok(options)
    }
}

/// GET of an optional feature of a port.
pub(super) fn port_option(id: ManagementId, port: &Port) -> Result<Payload<'static>, ErrorId> {
    let options = &port.config.options;
    Ok(match id {
        ManagementId::ACCEPTABLE_MASTER_TABLE_ENABLED => {
            Payload::AcceptableMasterTableEnabled(options.acceptable_master_table)
        }
        ManagementId::ALTERNATE_MASTER => Payload::AlternateMaster(AlternateMaster {
            transmit_alternate_multicast_sync: options.alternate_multicast_sync,
            log_alternate_multicast_sync_interval: options.log_alternate_multicast_sync_interval,
            number_of_alternate_masters: options.alternate_masters,
        }),
        ManagementId::EXT_PORT_CONFIG_PORT_DATA_SET => Payload::ExtPortConfigPortDataSet(ExtPortConfig {
            acceptable: options.acceptable_master_table,
            desired_state: options.desired_state.port_state() as u8,
        }),
        _ => return Err(ErrorId::NOT_SUPPORTED),
    })
}

/// 0xFF stands for all timescales where they are switched on and off, not where each has its own.
fn one_key(key: u8) -> Result<(), ErrorId> {
    if key == ALL_KEYS { Err(ErrorId::WRONG_VALUE) } else { Ok(()) }
}

fn key_exists(known: bool) -> Result<(), ErrorId> {
    if known { Ok(()) } else { Err(ErrorId::WRONG_VALUE) }
}
