//! What GET answers.

use ptp_wire::management::{
    ClockDescription, ClockType, CmldsInfoNp, CurrentDataSet, DefaultDataSet, ErrorId, GrandmasterSettingsNp,
    ManagementId, ParentDataSet, PathTraceList, Payload, PortCorrectionsNp, PortDataSet, PortDataSetNp,
    PortHwclockNp, PortPropertiesNp, PortServiceStatsNp, PortStatsNp, PtpText, TimePropertiesDataSet,
    TimeStatusNp, TimescaleProperties, TraceabilityProperties, TransparentClockDefaultDataSet,
    TransparentClockPortDataSet, UtcProperties,
};
use ptp_wire::{PortAddress, RateOffset, TimeInterval};

use super::super::instance::MAX_PATH;
use super::super::port::Port;
use super::super::{Delay, Engine, InstanceKind, transparent};
use super::options::port_option;
use super::{Request, emit};

/// The version of the standard that portDS.versionNumber tells.
const VERSION: u8 = 2;

impl Engine {
    /// Writes managementId and data of what was asked for.
    pub(super) fn get(
        &self,
        request: &Request<'_>,
        port: Option<usize>,
        value: &mut [u8],
    ) -> Result<usize, ErrorId> {
        match port.and_then(|index| self.ports.get(index)) {
            Some(port) => self.get_port(request, port, value),
            None => self.get_clock(request, value),
        }
    }

    fn get_clock(&self, request: &Request<'_>, value: &mut [u8]) -> Result<usize, ErrorId> {
        let id = request.tlv.id;
        let instance = &self.instance;
        let (config, current) = (&instance.config, &instance.current);
        let time = &instance.time_properties;
        let mut path = [0; 8 * (MAX_PATH + 1)];
        let payload = match id {
            ManagementId::USER_DESCRIPTION => {
                Payload::UserDescription(PtpText::from_text(&config.description.user))
            }
            ManagementId::DEFAULT_DATA_SET => Payload::DefaultDataSet(DefaultDataSet {
                two_step: !self.ports.iter().any(|p| p.config.stamping.writes_sync()),
                slave_only: config.client_only,
                number_ports: u16::try_from(self.ports.len()).unwrap_or(u16::MAX),
                priority1: config.priority1,
                clock_quality: self.instance.quality(),
                priority2: config.priority2,
                clock_identity: config.clock_identity,
                domain_number: config.domain_number,
            }),
            ManagementId::CURRENT_DATA_SET => Payload::CurrentDataSet(CurrentDataSet {
                steps_removed: current.steps_removed,
                offset_from_master: current.offset_from_master,
                mean_path_delay: current.mean_delay,
            }),
            ManagementId::TRANSPARENT_CLOCK_DEFAULT_DATA_SET => {
                let delay = transparent::delay_mechanism(config.kind).ok_or(ErrorId::NOT_SUPPORTED)?;
                Payload::TransparentClockDefaultDataSet(TransparentClockDefaultDataSet {
                    clock_identity: config.clock_identity,
                    number_ports: u16::try_from(self.ports.len()).unwrap_or(u16::MAX),
                    delay_mechanism: delay_mechanism(delay),
                    primary_domain: config.domain_number,
                })
            }
            ManagementId::PARENT_DATA_SET => Payload::ParentDataSet(self.parent_data_set()),
            ManagementId::TIME_PROPERTIES_DATA_SET => Payload::TimePropertiesDataSet(TimePropertiesDataSet {
                current_utc_offset: time.current_utc_offset,
                flags: instance.announce_flags(),
                time_source: time.time_source,
            }),
            ManagementId::PRIORITY1 => Payload::Priority1(config.priority1),
            ManagementId::PRIORITY2 => Payload::Priority2(config.priority2),
            ManagementId::DOMAIN => Payload::Domain(config.domain_number),
            ManagementId::SLAVE_ONLY => Payload::SlaveOnly(config.client_only),
            ManagementId::CLOCK_ACCURACY => Payload::ClockAccuracy(config.clock_quality.clock_accuracy),
            ManagementId::UTC_PROPERTIES => Payload::UtcProperties(UtcProperties {
                current_utc_offset: time.current_utc_offset,
                leap61: time.leap61,
                leap59: time.leap59,
                current_utc_offset_valid: time.current_utc_offset_valid,
            }),
            ManagementId::TRACEABILITY_PROPERTIES => {
                Payload::TraceabilityProperties(TraceabilityProperties {
                    time_traceable: time.time_traceable,
                    frequency_traceable: time.frequency_traceable,
                })
            }
            ManagementId::TIMESCALE_PROPERTIES => Payload::TimescaleProperties(TimescaleProperties {
                ptp_timescale: time.ptp_timescale,
                // linuxptp leaves the octet empty.
                time_source: if config.as_linuxptp { ptp_wire::TimeSource(0) } else { time.time_source },
            }),
            ManagementId::PATH_TRACE_LIST => Payload::PathTraceList(self.path_trace_list(&mut path)?),
            ManagementId::PATH_TRACE_ENABLE => Payload::PathTraceEnable(config.path_trace),
            ManagementId::TIME_STATUS_NP => Payload::TimeStatusNp(self.time_status()),
            ManagementId::CLOCK_STATUS_NP => match self.instance.clock_status {
                Some(status) => Payload::ClockStatusNp(status),
                None => return Err(ErrorId::NOT_SUPPORTED),
            },
            ManagementId::GRANDMASTER_SETTINGS_NP => Payload::GrandmasterSettingsNp(GrandmasterSettingsNp {
                clock_quality: self.instance.quality(),
                utc_offset: config.time_properties.current_utc_offset,
                time_flags: config.time_properties.flags(),
                time_source: config.time_properties.time_source,
            }),
            ManagementId::SUBSCRIBE_EVENTS_NP => match self.subscription(request) {
                Some(subscription) => Payload::SubscribeEventsNp(subscription),
                None => Payload::Raw(id, &[]),
            },
            ManagementId::PERFORMANCE_CLOCK_NP => return self.get_performance(request, value),
            ManagementId::MONITORED_SLAVES_NP => return self.get_monitored_slaves(request, value),
            ManagementId::MONITORED_RECORDS_NP => return self.get_monitored_records(request, value),
            _ => return self.get_clock_option(request, value),
        };
        emit(&payload, value)
    }

    /// parentDS. Its statistics are not kept, which parentStats tells (8.2.3.3).
    pub(super) fn parent_data_set(&self) -> ParentDataSet {
        let parent = &self.instance.parent;
        ParentDataSet {
            parent_port_identity: parent.parent_port_identity,
            parent_stats: false,
            observed_parent_offset_scaled_log_variance: 0xffff,
            observed_parent_clock_phase_change_rate: 0x7fff_ffff,
            grandmaster_priority1: parent.grandmaster_priority1,
            grandmaster_clock_quality: parent.grandmaster_clock_quality,
            grandmaster_priority2: parent.grandmaster_priority2,
            grandmaster_identity: parent.grandmaster_identity,
        }
    }

    /// TIME_STATUS_NP.
    pub(super) fn time_status(&self) -> TimeStatusNp {
        let current = &self.instance.current;
        let info = self.instance.follow_up_information();
        TimeStatusNp {
            master_offset: current.offset_from_master.nanos(),
            ingress_time: i64::try_from(current.ingress_time.nanos()).unwrap_or(i64::MAX),
            gm_present: !self.is_grandmaster(),
            gm_identity: self.instance.parent.grandmaster_identity,
            cumulative_scaled_rate_offset: info.cumulative_scaled_rate_offset.0,
            scaled_last_gm_phase_change: info.scaled_last_gm_freq_change.0,
            gm_time_base_indicator: info.gm_time_base_indicator,
            last_gm_phase_change: info.last_gm_phase_change,
        }
    }

    /// pathTraceDS.list: the clocks from the grandmaster to the parent (16.2.5.1).
    fn path_trace_list<'a>(&self, octets: &'a mut [u8]) -> Result<PathTraceList<'a>, ErrorId> {
        let path = &self.instance.path;
        for (place, identity) in octets.chunks_exact_mut(8).zip(path) {
            place.copy_from_slice(&identity.0);
        }
        let filled = octets.get(..8 * path.len()).ok_or(ErrorId::RESPONSE_TOO_BIG)?;
        let count = u16::try_from(path.len()).map_err(|_| ErrorId::RESPONSE_TOO_BIG)?;
        PathTraceList::new(count, filled).map_err(|_| ErrorId::GENERAL_ERROR)
    }

    /// portDS.delayMechanism. linuxptp has a number of its own for a port that has not found it out yet.
    fn delay_mechanism_of(&self, port: &Port) -> u8 {
        let open = port.config.delay_auto && port.config.delay == Delay::E2e;
        if open && self.instance.config.as_linuxptp { 0 } else { delay_mechanism(port.config.delay) }
    }

    /// portDS.
    pub(super) fn port_data_set(&self, port: &Port) -> PortDataSet {
        PortDataSet {
            port_identity: port.id,
            port_state: port.state as u8,
            log_min_delay_req_interval: port.log_delay_req_interval,
            peer_mean_path_delay: link_delay(port),
            log_announce_interval: port.config.log_announce_interval,
            announce_receipt_timeout: port.config.announce_receipt_timeout,
            log_sync_interval: port.config.log_sync_interval,
            delay_mechanism: self.delay_mechanism_of(port),
            log_min_pdelay_req_interval: port.config.log_min_pdelay_req_interval,
            version_number: VERSION,
        }
    }

    /// CMLDS_INFO_NP: the port's own values, as linuxptp gives them for a port without the common service.
    pub(super) fn cmlds_info(&self, port: &Port) -> CmldsInfoNp {
        let ratio = port.gptp.neighbor_ratio().unwrap_or(1.0);
        CmldsInfoNp {
            mean_link_delay: link_delay(port),
            scaled_neighbor_rate_ratio: RateOffset::from_ratio(ratio).0,
            as_capable: port.as_capable().into(),
        }
    }

    fn get_port(&self, request: &Request<'_>, port: &Port, value: &mut [u8]) -> Result<usize, ErrorId> {
        let config = &port.config;
        let counters;
        let payload = match request.tlv.id {
            ManagementId::NULL_MANAGEMENT => Payload::NullManagement(()),
            ManagementId::CLOCK_DESCRIPTION => Payload::ClockDescription(self.clock_description(port)),
            ManagementId::PORT_DATA_SET => Payload::PortDataSet(self.port_data_set(port)),
            ManagementId::TRANSPARENT_CLOCK_PORT_DATA_SET if self.transparent.is_some() => {
                Payload::TransparentClockPortDataSet(TransparentClockPortDataSet {
                    port_identity: port.id,
                    faulty: !port.active(),
                    log_min_pdelay_req_interval: config.log_min_pdelay_req_interval,
                    peer_mean_path_delay: link_delay(port),
                })
            }
            ManagementId::LOG_ANNOUNCE_INTERVAL => Payload::LogAnnounceInterval(config.log_announce_interval),
            ManagementId::ANNOUNCE_RECEIPT_TIMEOUT => {
                Payload::AnnounceReceiptTimeout(config.announce_receipt_timeout)
            }
            ManagementId::LOG_SYNC_INTERVAL => Payload::LogSyncInterval(config.log_sync_interval),
            ManagementId::VERSION_NUMBER => Payload::VersionNumber(VERSION),
            ManagementId::MASTER_ONLY => Payload::MasterOnly(config.master_only),
            ManagementId::DELAY_MECHANISM => Payload::DelayMechanism(self.delay_mechanism_of(port)),
            ManagementId::LOG_MIN_PDELAY_REQ_INTERVAL => {
                Payload::LogMinPdelayReqInterval(config.log_min_pdelay_req_interval)
            }
            // There is no threshold: every port is capable.
            ManagementId::PORT_DATA_SET_NP => Payload::PortDataSetNp(PortDataSetNp {
                neighbor_prop_delay_thresh: neighbor_prop_delay_thresh(port),
                as_capable: port.as_capable().into(),
            }),
            ManagementId::PORT_PROPERTIES_NP if request.from.may_all() => {
                Payload::PortPropertiesNp(PortPropertiesNp {
                    port_identity: port.id,
                    port_state: port.state as u8,
                    timestamping: config.stamping as u8,
                    interface: PtpText::from_text(&config.interface),
                })
            }
            ManagementId::PORT_STATS_NP => {
                counters = PortStatsNp::emit_counters(&port.stats.rx, &port.stats.tx);
                Payload::PortStatsNp(PortStatsNp::new(port.id, &counters))
            }
            ManagementId::PORT_SERVICE_STATS_NP => Payload::PortServiceStatsNp(service_stats(port)),
            id @ (ManagementId::UNICAST_MASTER_TABLE_NP
            | ManagementId::UNICAST_MASTER_TABLE
            | ManagementId::UNICAST_MASTER_MAX_TABLE_SIZE
            | ManagementId::UNICAST_NEGOTIATION_ENABLE) => return self.get_unicast(id, port, value),
            ManagementId::PERFORMANCE_PORT_NP => return self.get_port_performance(request, port, value),
            ManagementId::FOREIGN_MASTERS_NP => return self.get_foreign_masters(port, value),
            ManagementId::PORT_HWCLOCK_NP if request.from.may_all() => {
                Payload::PortHwclockNp(PortHwclockNp {
                    port_identity: port.id,
                    phc_index: config.phc_index.unwrap_or(-1),
                    flags: 0,
                })
            }
            ManagementId::POWER_PROFILE_SETTINGS_NP => Payload::PowerProfileSettingsNp(config.power),
            ManagementId::CMLDS_INFO_NP => Payload::CmldsInfoNp(self.cmlds_info(port)),
            ManagementId::PORT_CORRECTIONS_NP => Payload::PortCorrectionsNp(PortCorrectionsNp {
                egress_latency: config.egress_latency,
                ingress_latency: config.ingress_latency,
                delay_asymmetry: config.delay_asymmetry,
            }),
            id => port_option(id, port)?,
        };
        emit(&payload, value)
    }

    fn clock_description<'a>(&'a self, port: &'a Port) -> ClockDescription<'a> {
        let (instance, config) = (&self.instance.config, &port.config);
        let description = &instance.description;
        ClockDescription {
            clock_type: match instance.kind {
                InstanceKind::Ordinary => ClockType::ORDINARY,
                InstanceKind::Boundary => ClockType::BOUNDARY,
                InstanceKind::TransparentE2e => ClockType::E2E_TRANSPARENT,
                InstanceKind::TransparentP2p => ClockType::P2P_TRANSPARENT,
            },
            physical_layer_protocol: PtpText::from_text("IEEE 802.3"),
            physical_address: &config.mac,
            protocol_address: PortAddress {
                network_protocol: config.transport.network_protocol(),
                address: &config.protocol_address,
            },
            manufacturer_identity: description.manufacturer_identity,
            product_description: PtpText::from_text(&description.product),
            revision_data: PtpText::from_text(&description.revision),
            user_description: PtpText::from_text(&description.user),
            profile_identity: description.profile_identity,
        }
    }
}

/// neighborPropDelayThresh in ns; it counts where asCapable is measured.
fn neighbor_prop_delay_thresh(port: &Port) -> u32 {
    let rules = &port.config.gptp;
    u32::try_from(rules.neighbor_prop_delay_thresh.nanos()).unwrap_or(u32::MAX)
}

/// portDS.meanLinkDelay: of P2P ports only (8.2.15.3.3).
pub(super) fn link_delay(port: &Port) -> TimeInterval {
    match port.config.delay {
        Delay::P2p | Delay::CommonP2p => port.mean_delay().unwrap_or(TimeInterval::ZERO),
        Delay::E2e | Delay::None => TimeInterval::ZERO,
    }
}

/// portDS.delayMechanism (table 21).
fn delay_mechanism(delay: Delay) -> u8 {
    match delay {
        Delay::E2e => 1,
        Delay::P2p => 2,
        Delay::CommonP2p => 3,
        Delay::None => 0xfe,
    }
}

fn service_stats(port: &Port) -> PortServiceStatsNp {
    PortServiceStatsNp { port_identity: port.id, ..port.stats.service }
}
