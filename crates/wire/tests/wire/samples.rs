//! A sample of every message and of every TLV the crate can emit, and what tshark calls its fields.

use ptp_wire::management::{
    ClockPerformance, CurrentDataSet, ErrorId, ManagementErrorStatus, ManagementId, ManagementTlv,
    MonitoredFlags, MonitoredRecord, MonitoredRecordsNp, MonitoredSlaveRow, MonitoredSlavesNp, ParentDataSet,
    Payload, PerformanceClockNp, PerformanceFlags, PerformancePortNp, PerformanceStatistic, PortPerformance,
    PtpText, ScaledNs, TimePropertiesDataSet,
};
use ptp_wire::*;

/// A TLV, the message that carries it, and dissected fields (tshark's names) with the values they must have.
pub(crate) struct Sample {
    pub(crate) carrier: MessageType,
    pub(crate) value: TlvValue<'static>,
    pub(crate) fields: &'static [(&'static str, &'static str)],
}

const CLOCK: ClockIdentity = ClockIdentity([0x02, 0, 0, 0xff, 0xfe, 0, 0, 1]);
const PORT: PortIdentity = PortIdentity::new(CLOCK, 1);

fn at(seconds: u64, nanoseconds: u32) -> Timestamp {
    Timestamp::new(seconds, nanoseconds).unwrap()
}

fn seconds(s: u64) -> Seconds48 {
    Seconds48::new(s).unwrap()
}

fn leak<T>(v: Vec<T>) -> &'static [T] {
    Vec::leak(v)
}

fn statistic(n: i64) -> PerformanceStatistic {
    PerformanceStatistic {
        count: 900,
        average: TimeInterval::from_nanos(n),
        minimum: TimeInterval::from_nanos(n - 5),
        maximum: TimeInterval::from_nanos(n + 7),
        standard_deviation: TimeInterval(3 << 15),
    }
}

/// A clock's performance record.
pub(crate) fn clock_performance(number: u8) -> ClockPerformance {
    ClockPerformance {
        number,
        flags: PerformanceFlags(3),
        age_ms: 900_000,
        length_ms: 899_999,
        master_slave_delay: statistic(1000),
        slave_master_delay: statistic(1010),
        mean_path_delay: statistic(1005),
        offset_from_master: statistic(-5),
    }
}

/// A port's performance record.
pub(crate) fn port_performance(number: u8) -> PortPerformance {
    PortPerformance {
        number,
        flags: PerformanceFlags::PERIOD_COMPLETE,
        age_ms: 900_000,
        length_ms: 900_000,
        mean_link_delay: PerformanceStatistic { count: 0, ..statistic(0) },
        rx: core::array::from_fn(|n| n as u64),
        tx: core::array::from_fn(|n| 256 * n as u64),
        dropped: 7,
    }
}

/// A slave that a monitor hears.
pub(crate) fn monitored_slave(n: u16) -> MonitoredSlaveRow {
    MonitoredSlaveRow {
        slave: PortIdentity::new(CLOCK, n),
        port: 1,
        age_ms: 125,
        messages: 10,
        sync_timing: 20,
        sync_computed: 30,
        tx_event_timestamps: 40,
        delay_timing: 0,
        flags: MonitoredFlags(7),
        master: PORT,
        offset_from_master: TimeInterval::from_nanos(-250),
        mean_path_delay: TimeInterval::from_nanos(1000),
        scaled_neighbor_rate_ratio: RateOffset(-1),
    }
}

/// What a slave told.
pub(crate) fn monitored(kind: TlvType) -> MonitoredRecord {
    MonitoredRecord {
        tlv_type: kind.0,
        sequence_id: 4711,
        age_ms: 1,
        source_port_identity: PORT,
        detail: 0,
        first: at(1_700_000_000, 5),
        second: at(1_700_000_000, 1005),
        correction: TimeInterval(1 << 15),
        offset: TimeInterval::ZERO,
        delay: TimeInterval::ZERO,
        rate: RateOffset(2),
    }
}

/// The data of a management payload.
fn page(payload: Payload<'_>) -> &'static [u8] {
    let mut room = vec![0; 1500];
    let len = payload.emit(&mut room).unwrap();
    leak(room[2..len].to_vec())
}

fn core() -> Vec<Sample> {
    use MessageType::{Announce, DelayReq, DelayResp, FollowUp, Management, Signaling};
    let s = |carrier, value, fields| Sample { carrier, value, fields };
    vec![
        s(
            Management,
            TlvValue::Management(ManagementTlv { id: ManagementId::PRIORITY1, data: &[100, 0] }),
            &[("ptp.v2.mm.tlvType", "1"), ("ptp.v2.mm.managementId", "8197"), ("ptp.v2.mm.priority1", "100")],
        ),
        s(
            Management,
            TlvValue::Management(ManagementTlv {
                id: ManagementId::PERFORMANCE_CLOCK_NP,
                data: page(Payload::PerformanceClockNp(PerformanceClockNp {
                    from: 96,
                    records: Records::from(&[clock_performance(96), clock_performance(97)][..]),
                })),
            }),
            &[("ptp.v2.mm.managementId", "56834")],
        ),
        s(
            Management,
            TlvValue::Management(ManagementTlv {
                id: ManagementId::PERFORMANCE_PORT_NP,
                data: page(Payload::PerformancePortNp(PerformancePortNp {
                    from: 1,
                    records: Records::from(&[port_performance(1)][..]),
                })),
            }),
            &[("ptp.v2.mm.managementId", "56835")],
        ),
        s(
            Management,
            TlvValue::Management(ManagementTlv {
                id: ManagementId::MONITORED_SLAVES_NP,
                data: page(Payload::MonitoredSlavesNp(MonitoredSlavesNp {
                    from: 3,
                    total: 5,
                    slaves: Records::from(&[monitored_slave(3), monitored_slave(4)][..]),
                })),
            }),
            &[("ptp.v2.mm.managementId", "56836")],
        ),
        s(
            Management,
            TlvValue::Management(ManagementTlv {
                id: ManagementId::MONITORED_RECORDS_NP,
                data: page(Payload::MonitoredRecordsNp(MonitoredRecordsNp {
                    slave: PORT,
                    from: 0,
                    total: 2,
                    records: Records::from(
                        &[
                            monitored(TlvType::SLAVE_RX_SYNC_TIMING_DATA),
                            monitored(TlvType::SLAVE_TX_EVENT_TIMESTAMPS),
                        ][..],
                    ),
                })),
            }),
            &[("ptp.v2.mm.managementId", "56837")],
        ),
        s(
            Management,
            TlvValue::ManagementErrorStatus(ManagementErrorStatus {
                error: ErrorId::NOT_SETABLE,
                id: ManagementId::PRIORITY1,
                display_data: PtpText::from_text("no"),
            }),
            &[("ptp.v2.mm.managementErrorId", "5"), ("ptp.v2.mm.displayData", "no")],
        ),
        s(
            Signaling,
            TlvValue::RequestUnicast(RequestUnicast {
                message_type: Announce,
                log_inter_message_period: LogInterval(-3),
                duration: 300,
            }),
            &[
                ("ptp.v2.sig.tlv.messageType", "0x0b"),
                ("ptp.v2.sig.tlv.logInterMessagePeriod", "-3"),
                ("ptp.v2.sig.tlv.durationField", "300"),
            ],
        ),
        s(
            Signaling,
            TlvValue::GrantUnicast(GrantUnicast {
                message_type: DelayResp,
                log_inter_message_period: LogInterval(-4),
                duration: 60,
                flags: GrantFlags::RENEWAL_INVITED,
            }),
            &[
                ("ptp.v2.sig.tlv.messageType", "0x09"),
                ("ptp.v2.sig.tlv.durationField", "60"),
                ("ptp.v2.sig.tlv.renewalInvited", "1"),
            ],
        ),
        s(
            Signaling,
            TlvValue::CancelUnicast(CancelUnicast {
                message_type: Announce,
                maintain_request: false,
                maintain_grant: false,
            }),
            &[("ptp.v2.sig.tlv.tlvType", "6"), ("ptp.v2.sig.tlv.messageType", "0x0b")],
        ),
        s(
            Signaling,
            TlvValue::AcknowledgeCancelUnicast(CancelUnicast {
                message_type: MessageType::Sync,
                maintain_request: true,
                maintain_grant: true,
            }),
            &[("ptp.v2.sig.tlv.tlvType", "7"), ("ptp.v2.sig.tlv.messageType", "0x00")],
        ),
        s(
            Announce,
            TlvValue::PathTrace(leak(vec![CLOCK, ClockIdentity([1, 2, 3, 4, 5, 6, 7, 8])]).into()),
            &[("ptp.v2.an.tlvType", "8"), ("ptp.v2.an.pathsequence", "0x0102030405060708")],
        ),
        s(
            Announce,
            TlvValue::AlternateTimeOffsetIndicator(AlternateTimeOffsetIndicator {
                key_field: 3,
                current_offset: 3600,
                jump_seconds: -3600,
                time_of_next_jump: seconds(0x0001_0203_0405),
                display_name: PtpText::from_text("CET"),
            }),
            &[
                ("ptp.v2.an.atoi.keyField", "3"),
                ("ptp.v2.an.atoi.currentOffset", "3600"),
                ("ptp.v2.an.atoi.jumpSeconds", "-3600"),
                ("ptp.v2.an.atoi.timeOfNextJump", "000102030405"),
                ("ptp.v2.an.atoi.displayName", "CET"),
            ],
        ),
        s(DelayReq, TlvValue::AlternateResponsePort(4000), &[]),
        s(DelayReq, TlvValue::PtpmonReq, &[]),
        s(DelayResp, TlvValue::PtpmonResp(ptpmon()), &[]),
        s(
            Announce,
            TlvValue::EnhancedAccuracyMetrics(EnhancedAccuracyMetrics {
                bc_hop_count: 1,
                tc_hop_count: 2,
                max_gm_inaccuracy: TimeInterval::from_nanos(100),
                var_gm_inaccuracy: 1e-18,
                max_transient_inaccuracy: TimeInterval::from_nanos(200),
                var_transient_inaccuracy: 2e-18,
                max_dynamic_inaccuracy: TimeInterval::from_nanos(300),
                var_dynamic_inaccuracy: 3e-18,
                max_static_instance_inaccuracy: TimeInterval::MAX,
                var_static_instance_inaccuracy: 0.0,
                max_static_medium_inaccuracy: TimeInterval::MIN,
                var_static_medium_inaccuracy: f64::MAX,
            }),
            &[("ptp.v2.an.tlvType", "16385"), ("ptp.v2.an.lengthField", "84")],
        ),
        s(Signaling, TlvValue::L1Sync(l1_sync(None)), &[("ptp.v2.sig.tlv.tlvType", "32769")]),
        s(
            Signaling,
            TlvValue::L1Sync(l1_sync(Some(L1SyncExtension {
                flags: L1SyncParameters::PHASE_OFFSET_TX_VALID,
                phase_offset_tx: TimeInterval::from_nanos(-5),
                phase_offset_tx_timestamp: at(100, 7),
                freq_offset_tx: 12345,
                freq_offset_tx_timestamp: at(101, 8),
            }))),
            &[("ptp.v2.sig.tlv.tlvType", "32769"), ("ptp.v2.sig.tlv.lengthField", "40")],
        ),
        s(
            Signaling,
            TlvValue::PortCommunicationAvailability(PortCommunicationAvailability {
                sync_capabilities: CommunicationCapabilities::MULTICAST,
                delay_resp_capabilities: CommunicationCapabilities::UNICAST,
            }),
            &[("ptp.v2.sig.tlv.tlvType", "32770")],
        ),
        s(
            Signaling,
            TlvValue::ProtocolAddress(PortAddress { network_protocol: 1, address: &[10, 77, 9, 1] }),
            &[("ptp.v2.sig.tlv.tlvType", "32771")],
        ),
        s(
            FollowUp,
            TlvValue::CumulativeRateRatio(CumulativeRateRatio {
                scaled_cumulative_rate_ratio: RateOffset(-77),
            }),
            &[],
        ),
        s(
            Signaling,
            TlvValue::Pad(6),
            &[("ptp.v2.sig.tlv.tlvType", "32776"), ("ptp.v2.sig.tlv.lengthField", "6")],
        ),
        s(
            Announce,
            TlvValue::Authentication(Authentication {
                spp: 7,
                sec_param_indicator: SecParamIndicator::default(),
                key_id: 1,
                tail: &[0xa5; 16],
            }),
            &[("ptp.v2.an.tlvType", "32777"), ("ptp.v2.an.lengthField", "22")],
        ),
        s(
            Announce,
            TlvValue::Unknown(Tlv { tlv_type: TlvType(0x4abc), value: &[1, 2, 3, 4] }),
            &[("ptp.v2.an.tlvType", "19132")],
        ),
        s(
            Signaling,
            TlvValue::Unknown(Tlv { tlv_type: TlvType::CUM_FREQ_SCALE_FACTOR_OFFSET, value: &[0, 0, 0, 9] }),
            &[("ptp.v2.sig.tlv.tlvType", "8195")],
        ),
    ]
}

fn ptpmon() -> PtpmonResp<'static> {
    PtpmonResp {
        port_state: 9,
        parent_address: PortAddress { network_protocol: 2, address: &[0xfe; 16] },
        parent: ParentDataSet {
            parent_port_identity: PORT,
            parent_stats: false,
            observed_parent_offset_scaled_log_variance: 0xffff,
            observed_parent_clock_phase_change_rate: 0x7fff_ffff,
            grandmaster_priority1: 128,
            grandmaster_clock_quality: ClockQuality::DEFAULT,
            grandmaster_priority2: 128,
            grandmaster_identity: CLOCK,
        },
        current: CurrentDataSet {
            steps_removed: 1,
            offset_from_master: TimeInterval::from_nanos(-3),
            mean_path_delay: TimeInterval::from_nanos(700),
        },
        time_properties: TimePropertiesDataSet {
            current_utc_offset: 37,
            flags: Flags::PTP_TIMESCALE,
            time_source: TimeSource::GNSS,
        },
        last_sync: at(1_700_000_000, 999_999_999),
    }
}

fn l1_sync(extension: Option<L1SyncExtension>) -> L1Sync {
    L1Sync {
        configured: L1SyncConfigured::TX_COHERENT_IS_REQUIRED
            .with(L1SyncConfigured::OPT_PARAMS_ENABLED, extension.is_some()),
        actual: L1SyncActual::IS_CONGRUENT,
        extension,
    }
}

fn monitoring() -> Vec<Sample> {
    let entries = 1..=3u16;
    let s = |value, fields| Sample { carrier: MessageType::Signaling, value, fields };
    vec![
        s(
            TlvValue::SlaveRxSyncTimingData(SlaveRxSyncTimingData {
                source_port_identity: PORT,
                records: leak(
                    entries
                        .clone()
                        .map(|n| SyncTiming {
                            sequence_id: n,
                            sync_origin_timestamp: at(n.into(), 1),
                            total_correction_field: TimeInterval(-1),
                            scaled_cumulative_rate_offset: RateOffset(5),
                            sync_event_ingress_timestamp: at(n.into(), 999),
                        })
                        .collect(),
                )
                .into(),
            }),
            &[("ptp.v2.sig.tlv.tlvType", "32772"), ("ptp.v2.sig.tlv.lengthField", "112")],
        ),
        s(
            TlvValue::SlaveRxSyncComputedData(SlaveRxSyncComputedData {
                source_port_identity: PORT,
                computed_flags: ComputedFlags::OFFSET_FROM_MASTER_VALID,
                records: leak(
                    entries
                        .clone()
                        .map(|n| SyncComputed {
                            sequence_id: n,
                            offset_from_master: TimeInterval::from_nanos(-7),
                            mean_path_delay: TimeInterval::from_nanos(8),
                            scaled_neighbor_rate_ratio: RateOffset(-1),
                        })
                        .collect(),
                )
                .into(),
            }),
            &[("ptp.v2.sig.tlv.tlvType", "32773"), ("ptp.v2.sig.tlv.lengthField", "78")],
        ),
        s(
            TlvValue::SlaveTxEventTimestamps(SlaveTxEventTimestamps {
                source_port_identity: PORT,
                event_message_type: MessageType::DelayReq,
                records: leak(
                    entries
                        .clone()
                        .map(|n| TxEventTimestamp { sequence_id: n, event_egress_timestamp: at(5, n.into()) })
                        .collect(),
                )
                .into(),
            }),
            &[("ptp.v2.sig.tlv.tlvType", "32774"), ("ptp.v2.sig.tlv.lengthField", "48")],
        ),
        s(
            TlvValue::SlaveDelayTimingDataNp(SlaveDelayTimingDataNp {
                source_port_identity: PORT,
                records: leak(
                    entries
                        .map(|n| DelayTiming {
                            sequence_id: n,
                            delay_origin_timestamp: at(6, n.into()),
                            total_correction_field: TimeInterval::ZERO,
                            delay_response_timestamp: at(7, n.into()),
                        })
                        .collect(),
                )
                .into(),
            }),
            &[("ptp.v2.sig.tlv.tlvType", "32512"), ("ptp.v2.sig.tlv.lengthField", "100")],
        ),
    ]
}

fn organizations() -> Vec<Sample> {
    use MessageType::{Announce, FollowUp, Management, Signaling};
    let any = TlvType::ORGANIZATION_EXTENSION;
    let no = TlvType::ORGANIZATION_EXTENSION_DO_NOT_PROPAGATE;
    let s = |carrier, tlv_type, extension, fields| Sample {
        carrier,
        value: TlvValue::Organization(tlv_type, extension),
        fields,
    };
    let wr = |message, fields| s(Signaling, any, Organization::WhiteRabbit(message), fields);
    vec![
        s(
            FollowUp,
            any,
            Organization::FollowUpInformation(FollowUpInformation {
                cumulative_scaled_rate_offset: RateOffset(1234),
                gm_time_base_indicator: 5,
                last_gm_phase_change: ScaledNs {
                    nanoseconds_msb: 0,
                    nanoseconds_lsb: 6,
                    fractional_nanoseconds: 7,
                },
                scaled_last_gm_freq_change: RateOffset(-8),
            }),
            &[
                ("ptp.as.fu.cumulativeScaledRateOffset", "1234"),
                ("ptp.as.fu.gmTimeBaseIndicator", "5"),
                ("ptp.as.fu.lastGmPhaseChange", "000000000000000000060007"),
                ("ptp.as.fu.scaledLastGmFreqChange", "-8"),
            ],
        ),
        s(
            Signaling,
            any,
            Organization::MessageIntervalRequest(MessageIntervalRequest {
                link_delay_interval: LogInterval(-1),
                time_sync_interval: LogInterval(-3),
                announce_interval: LogInterval(127),
                flags: IntervalRequestFlags::COMPUTE_MEAN_LINK_DELAY,
            }),
            &[
                ("ptp.as.sig.tlv.linkdelayinterval", "-1"),
                ("ptp.as.sig.tlv.timesyncinterval", "-3"),
                ("ptp.as.sig.tlv.announceinterval", "127"),
                ("ptp.as.sig.tlv.flags.meanlinkdelay", "1"),
                ("ptp.as.sig.tlv.flags.rateratio", "0"),
            ],
        ),
        s(
            Signaling,
            no,
            Organization::GptpCapable(GptpCapable {
                log_gptp_capable_message_interval: LogInterval(-2),
                flags: 0,
            }),
            &[("ptp.as.sig.tlv.gptpcapablemessageinterval", "-2")],
        ),
        s(
            Signaling,
            no,
            Organization::GptpCapableIntervalRequest(GptpCapableIntervalRequest {
                log_gptp_capable_message_interval: LogInterval(3),
            }),
            &[],
        ),
        s(
            Announce,
            any,
            Organization::PowerProfile2011(PowerProfile2011 {
                grandmaster_id: 5,
                grandmaster_time_inaccuracy: 100,
                network_time_inaccuracy: 50,
            }),
            &[
                ("ptp.v2.an.oe.grandmasterID", "5"),
                ("ptp.v2.an.oe.grandmasterTimeInaccuracy", "100"),
                ("ptp.v2.an.oe.networkTimeInaccuracy", "50"),
            ],
        ),
        s(
            Announce,
            any,
            Organization::PowerProfile2017(PowerProfile2017 {
                grandmaster_id: 6,
                total_time_inaccuracy: 250,
            }),
            &[("ptp.v2.an.oe.grandmasterID", "6"), ("ptp.v2.an.oe.totalTimeInaccuracy", "250")],
        ),
        s(
            Signaling,
            any,
            Organization::InterfaceRate(InterfaceRate {
                interface_bit_period: 800_000_000,
                number_bits_before_timestamp: 64,
                number_bits_after_timestamp: 720,
            }),
            &[
                ("ptp.as.sig.tlv.interfaceBitPeriod", "0x000000002faf0800"),
                ("ptp.as.sig.tlv.numberBitsBeforeTimestamp", "64"),
                ("ptp.as.sig.tlv.numberBitsAfterTimestamp", "720"),
            ],
        ),
        s(
            Management,
            any,
            Organization::SynchronizationMetadata(SynchronizationMetadata {
                frame_rate_numerator: 30000,
                frame_rate_denominator: 1001,
                master_locking_status: 4,
                time_address_flags: TimeAddressFlags::DROP_FRAME,
                current_local_offset: -18000,
                jump_seconds: 3600,
                time_of_next_jump: seconds(1_700_000_001),
                time_of_next_jam: seconds(1_700_000_002),
                time_of_previous_jam: seconds(1_700_000_003),
                previous_jam_local_offset: -18001,
                daylight_saving: DaylightSaving::NEXT,
                leap_second_jump: 1,
            }),
            &[
                ("ptp.v2.oe.smpte.defaultsystemframerate.numerator", "30000"),
                ("ptp.v2.oe.smpte.defaultsystemframerate.denominator", "1001"),
                ("ptp.v2.oe.smpte.masterlockingstatus", "4"),
                ("ptp.v2.oe.smpte.currentlocaloffset", "-18000"),
                ("ptp.v2.oe.smpte.timeofpreviousjam", "1700000003"),
                ("ptp.v2.oe.smpte.previousjamlocaloffset", "-18001"),
                ("ptp.v2.oe.smpte.daylightsaving.next", "1"),
                ("ptp.v2.oe.smpte.leapsecondjump.change", "1"),
            ],
        ),
        s(
            Announce,
            any,
            Organization::WhiteRabbit(WhiteRabbit::AnnounceSuffix(0x000f)),
            &[("ptp.v2.an.oe.cern.wr.wrMessageID", "0x2000"), ("ptp.v2.an.oe.cern.wr.wrFlags.wrModeOn", "1")],
        ),
        wr(WhiteRabbit::SlavePresent, &[("ptp.v2.sig.oe.cern.wr.wrMessageID", "0x1000")]),
        wr(WhiteRabbit::Lock, &[("ptp.v2.sig.oe.cern.wr.wrMessageID", "0x1001")]),
        wr(WhiteRabbit::Locked, &[("ptp.v2.sig.oe.cern.wr.wrMessageID", "0x1002")]),
        wr(
            WhiteRabbit::Calibrate(Calibrate { send_pattern: 1, retry: 3, period: 3000 }),
            &[("ptp.v2.sig.oe.cern.wr.calRety", "3"), ("ptp.v2.sig.oe.cern.wr.calPeriod", "3000")],
        ),
        wr(
            WhiteRabbit::Calibrated(Calibrated { delta_tx: 0x0102_0304_0506_0708, delta_rx: -1 }),
            &[
                ("ptp.v2.sig.oe.cern.wr.deltaTx", "0102030405060708"),
                ("ptp.v2.sig.oe.cern.wr.deltaRx", "ffffffffffffffff"),
            ],
        ),
        wr(WhiteRabbit::WrModeOn, &[("ptp.v2.sig.oe.cern.wr.wrMessageID", "0x1005")]),
        wr(WhiteRabbit::Other(0x1234, &[]), &[]),
        s(
            Announce,
            TlvType::ORGANIZATION_EXTENSION_PROPAGATE,
            Organization::Unknown(OrganizationId::from_numbers(0x0a0b0c, 0x010203), &[1, 2, 3, 4]),
            &[("ptp.v2.an.tlvType", "16384")],
        ),
    ]
}

/// All of them.
pub(crate) fn tlvs() -> Vec<Sample> {
    let mut all = core();
    all.extend(monitoring());
    all.extend(organizations());
    all
}

/// A body of every type.
pub(crate) fn bodies() -> Vec<Body> {
    let requesting_port_identity =
        PortIdentity::new(ClockIdentity([0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]), 9);
    vec![
        Body::Sync { origin_timestamp: at(1_700_000_000, 1) },
        Body::DelayReq { origin_timestamp: at(1_700_000_001, 2) },
        Body::PdelayReq { origin_timestamp: at(1_700_000_002, 3) },
        Body::PdelayResp { request_receipt_timestamp: at(1_700_000_003, 4), requesting_port_identity },
        Body::FollowUp { precise_origin_timestamp: at(1_700_000_004, 5) },
        Body::DelayResp { receive_timestamp: at(1_700_000_005, 6), requesting_port_identity },
        Body::PdelayRespFollowUp {
            response_origin_timestamp: at(1_700_000_006, 7),
            requesting_port_identity,
        },
        Body::Announce(ptp_wire::Announce {
            origin_timestamp: at(1_700_000_007, 8),
            current_utc_offset: 37,
            grandmaster_priority1: 127,
            grandmaster_clock_quality: ClockQuality {
                clock_class: 6,
                clock_accuracy: ClockAccuracy(0x21),
                offset_scaled_log_variance: 0x4e5d,
            },
            grandmaster_priority2: 126,
            grandmaster_identity: CLOCK,
            steps_removed: 3,
            time_source: TimeSource::GNSS,
        }),
        Body::Signaling { target_port_identity: requesting_port_identity },
        Body::Management(management::ManagementHeader {
            target_port_identity: requesting_port_identity,
            starting_boundary_hops: 2,
            boundary_hops: 1,
            action: management::Action::Response,
        }),
    ]
}

/// The body of a message type.
pub(crate) fn body(t: MessageType) -> Body {
    bodies().into_iter().find(|body| body.message_type() == t).unwrap()
}

/// A header with something in every field.
pub(crate) fn header(t: MessageType) -> Header {
    Header {
        domain_number: 24,
        flags: Flags::UNICAST,
        correction: TimeInterval::from_nanos(1000) + TimeInterval(0x8000),
        source_port_identity: PORT,
        sequence_id: 0xbeef,
        log_message_interval: LogInterval(-4),
        ..Header::new(t)
    }
}

/// A whole message with TLVs.
pub(crate) fn emit(body: &Body, header: &Header, values: &[TlvValue<'_>]) -> Vec<u8> {
    let mut buf = [0; 1500];
    let mut writer = Writer::new(&mut buf, header, body).unwrap();
    for value in values {
        writer.tlv_value(value).unwrap();
    }
    let len = writer.finish();
    buf[..len].to_vec()
}
