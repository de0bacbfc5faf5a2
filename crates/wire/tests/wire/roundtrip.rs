//! Properties: what is emitted is read the same; cut and flipped octets do no harm.

use proptest::collection::vec;
use proptest::prelude::*;
use ptp_wire::management::{Action, ManagementHeader, PtpText, ScaledNs};
use ptp_wire::*;

use crate::{samples, targets};

fn timestamp() -> impl Strategy<Value = Timestamp> {
    (0..1u64 << 48, 0..1_000_000_000u32).prop_map(|(s, ns)| Timestamp::new(s, ns).unwrap())
}

fn seconds() -> impl Strategy<Value = Seconds48> {
    (0..1u64 << 48).prop_map(|s| Seconds48::new(s).unwrap())
}

fn port() -> impl Strategy<Value = PortIdentity> {
    (any::<[u8; 8]>(), any::<u16>()).prop_map(|(id, port)| PortIdentity::new(ClockIdentity(id), port))
}

fn interval() -> impl Strategy<Value = TimeInterval> {
    any::<i64>().prop_map(TimeInterval)
}

fn message_type() -> impl Strategy<Value = MessageType> {
    proptest::sample::select(&MessageType::ALL[..])
}

fn header() -> impl Strategy<Value = Header> {
    let first = (message_type(), 0..4096u16, 0..16u8, any::<u8>(), any::<u16>());
    let second = (interval(), any::<u32>(), port(), any::<u16>(), any::<u8>(), any::<i8>());
    (first, second).prop_map(|((message_type, sdo, minor_version, domain_number, flags), rest)| {
        let (correction, message_type_specific, source_port_identity, sequence_id, control, log) = rest;
        Header {
            message_type,
            sdo_id: SdoId::new(sdo),
            minor_version,
            domain_number,
            flags: Flags(flags),
            correction,
            message_type_specific,
            source_port_identity,
            sequence_id,
            control,
            log_message_interval: LogInterval(log),
        }
    })
}

fn announce() -> impl Strategy<Value = Announce> {
    let quality =
        (any::<u8>(), any::<u8>(), any::<u16>()).prop_map(|(clock_class, accuracy, variance)| ClockQuality {
            clock_class,
            clock_accuracy: ClockAccuracy(accuracy),
            offset_scaled_log_variance: variance,
        });
    (timestamp(), any::<i16>(), any::<(u8, u8)>(), quality, any::<[u8; 8]>(), any::<u16>(), any::<u8>())
        .prop_map(
            |(origin_timestamp, current_utc_offset, (p1, p2), quality, id, steps_removed, time_source)| {
                Announce {
                    origin_timestamp,
                    current_utc_offset,
                    grandmaster_priority1: p1,
                    grandmaster_clock_quality: quality,
                    grandmaster_priority2: p2,
                    grandmaster_identity: ClockIdentity(id),
                    steps_removed,
                    time_source: TimeSource(time_source),
                }
            },
        )
}

fn body() -> impl Strategy<Value = Body> {
    let action = (0..5u8).prop_map(|n| Action::from_nibble(n).unwrap());
    prop_oneof![
        timestamp().prop_map(|origin_timestamp| Body::Sync { origin_timestamp }),
        timestamp().prop_map(|origin_timestamp| Body::DelayReq { origin_timestamp }),
        timestamp().prop_map(|origin_timestamp| Body::PdelayReq { origin_timestamp }),
        timestamp().prop_map(|precise_origin_timestamp| Body::FollowUp { precise_origin_timestamp }),
        (timestamp(), port()).prop_map(|(t, p)| Body::PdelayResp {
            request_receipt_timestamp: t,
            requesting_port_identity: p
        }),
        (timestamp(), port())
            .prop_map(|(t, p)| Body::DelayResp { receive_timestamp: t, requesting_port_identity: p }),
        (timestamp(), port()).prop_map(|(t, p)| Body::PdelayRespFollowUp {
            response_origin_timestamp: t,
            requesting_port_identity: p
        }),
        announce().prop_map(Body::Announce),
        port().prop_map(|target_port_identity| Body::Signaling { target_port_identity }),
        (port(), any::<u8>(), any::<u8>(), action).prop_map(|(p, starting, hops, action)| Body::Management(
            ManagementHeader {
                target_port_identity: p,
                starting_boundary_hops: starting,
                boundary_hops: hops,
                action
            }
        )),
    ]
}

/// The value that comes back from the wire.
fn back<'a>(value: &TlvValue<'_>, room: &'a mut [u8]) -> TlvValue<'a> {
    let used = value.emit(room).unwrap();
    room[used] = 0;
    Tlv { tlv_type: value.tlv_type(), value: &room[..used + used % 2] }.decode().unwrap()
}

macro_rules! same {
    ($value:expr) => {{
        let value: TlvValue<'_> = $value;
        let mut room = [0xee; 4096];
        prop_assert_eq!(back(&value, &mut room), value);
    }};
}

fn organization(extension: Organization<'_>) -> TlvValue<'_> {
    TlvValue::Organization(TlvType::ORGANIZATION_EXTENSION, extension)
}

proptest! {
    #[test]
    fn messages(header in header(), body in body(), value in vec(any::<u8>(), 0..60), unknown in 0x4002..0x7eff_u16) {
        let header = Header { message_type: body.message_type(), ..header };
        let mut buf = [0; 256];
        let mut writer = Writer::new(&mut buf, &header, &body).unwrap();
        writer.tlv(TlvType(unknown), &value).unwrap();
        let len = writer.finish();
        // Octets behind the message are not its own.
        let message = Message::parse(&buf[..(len + 7).min(256)]).unwrap();
        prop_assert_eq!((message.header(), message.body()), (&header, &body));
        prop_assert_eq!(message.octets().len(), len);
        let tlv = message.tlvs().next().unwrap();
        prop_assert_eq!(tlv.tlv_type, TlvType(unknown));
        prop_assert_eq!(&tlv.value[..value.len()], &value[..]);
        prop_assert_eq!(tlv.value.len(), value.len().next_multiple_of(2));
        prop_assert!(Pretty::message(&message).to_string().starts_with(header.message_type.name()));
    }

    #[test]
    fn unicast(message_type in message_type(), log in any::<i8>(), duration in any::<u32>(), flags in any::<(u8, bool, bool)>()) {
        let log_inter_message_period = LogInterval(log);
        let cancel =
            CancelUnicast { message_type, maintain_request: flags.1, maintain_grant: flags.2 };
        same!(TlvValue::RequestUnicast(RequestUnicast { message_type, log_inter_message_period, duration }));
        same!(TlvValue::GrantUnicast(GrantUnicast {
            message_type, log_inter_message_period, duration, flags: GrantFlags(flags.0)
        }));
        same!(TlvValue::CancelUnicast(cancel));
        same!(TlvValue::AcknowledgeCancelUnicast(cancel));
    }

    #[test]
    fn announce_tlvs(
        ids in vec(any::<[u8; 8]>().prop_map(ClockIdentity), 0..40),
        offset in (any::<u8>(), any::<i32>(), any::<i32>(), seconds()),
        name in vec(any::<u8>(), 0..=255),
        hops in any::<(u8, u8)>(),
        bounds in any::<[i64; 5]>(),
        variances in any::<[f64; 5]>(),
    ) {
        same!(TlvValue::PathTrace(ids.as_slice().into()));
        same!(TlvValue::AlternateTimeOffsetIndicator(AlternateTimeOffsetIndicator {
            key_field: offset.0,
            current_offset: offset.1,
            jump_seconds: offset.2,
            time_of_next_jump: offset.3,
            display_name: PtpText::new(&name).unwrap(),
        }));
        let [a, b, c, d, e] = bounds.map(TimeInterval);
        same!(TlvValue::EnhancedAccuracyMetrics(EnhancedAccuracyMetrics {
            bc_hop_count: hops.0,
            tc_hop_count: hops.1,
            max_gm_inaccuracy: a,
            var_gm_inaccuracy: variances[0],
            max_transient_inaccuracy: b,
            var_transient_inaccuracy: variances[1],
            max_dynamic_inaccuracy: c,
            var_dynamic_inaccuracy: variances[2],
            max_static_instance_inaccuracy: d,
            var_static_instance_inaccuracy: variances[3],
            max_static_medium_inaccuracy: e,
            var_static_medium_inaccuracy: variances[4],
        }));
    }

    #[test]
    fn other_tlvs(
        flags in any::<[u8; 3]>(),
        extension in proptest::option::of((any::<u8>(), interval(), timestamp(), any::<i64>(), timestamp())),
        protocol in any::<u16>(),
        address in vec(any::<u8>(), 0..40),
        key in any::<(u8, u8, u32)>(),
        rate in any::<i32>(),
        pad in (0..100u16).prop_map(|n| n * 2),
    ) {
        let extension = extension.map(|(flags, offset, at, freq_offset_tx, freq_at)| L1SyncExtension {
            flags: L1SyncParameters(flags),
            phase_offset_tx: offset,
            phase_offset_tx_timestamp: at,
            freq_offset_tx,
            freq_offset_tx_timestamp: freq_at,
        });
        same!(TlvValue::L1Sync(L1Sync {
            configured: L1SyncConfigured(flags[0]).with(L1SyncConfigured::OPT_PARAMS_ENABLED, extension.is_some()),
            actual: L1SyncActual(flags[1]),
            extension,
        }));
        same!(TlvValue::PortCommunicationAvailability(PortCommunicationAvailability {
            sync_capabilities: CommunicationCapabilities(flags[0]),
            delay_resp_capabilities: CommunicationCapabilities(flags[1]),
        }));
        same!(TlvValue::ProtocolAddress(PortAddress { network_protocol: protocol, address: &address }));
        let tail = &address[..address.len() & !1];
        same!(TlvValue::Authentication(Authentication {
            spp: key.0, sec_param_indicator: SecParamIndicator(key.1), key_id: key.2, tail
        }));
        same!(TlvValue::CumulativeRateRatio(CumulativeRateRatio { scaled_cumulative_rate_ratio: RateOffset(rate) }));
        same!(TlvValue::AlternateResponsePort(protocol));
        same!(TlvValue::Pad(pad));
        same!(TlvValue::Unknown(Tlv { tlv_type: TlvType::AUTHENTICATION_CHALLENGE, value: tail }));
    }

    #[test]
    fn event_monitoring(
        source_port_identity in port(),
        flags in any::<u8>(),
        event in 0..4usize,
        timing in vec((any::<u16>(), timestamp(), interval(), any::<i32>(), timestamp()), 0..8),
    ) {
        let records: Vec<_> = timing.iter().map(|r| SyncTiming {
            sequence_id: r.0,
            sync_origin_timestamp: r.1,
            total_correction_field: r.2,
            scaled_cumulative_rate_offset: RateOffset(r.3),
            sync_event_ingress_timestamp: r.4,
        }).collect();
        same!(TlvValue::SlaveRxSyncTimingData(SlaveRxSyncTimingData {
            source_port_identity, records: records.as_slice().into()
        }));
        let records: Vec<_> = timing.iter().map(|r| SyncComputed {
            sequence_id: r.0,
            offset_from_master: r.2,
            mean_path_delay: -r.2,
            scaled_neighbor_rate_ratio: RateOffset(r.3),
        }).collect();
        same!(TlvValue::SlaveRxSyncComputedData(SlaveRxSyncComputedData {
            source_port_identity, computed_flags: ComputedFlags(flags), records: records.as_slice().into()
        }));
        let records: Vec<_> =
            timing.iter().map(|r| TxEventTimestamp { sequence_id: r.0, event_egress_timestamp: r.1 }).collect();
        same!(TlvValue::SlaveTxEventTimestamps(SlaveTxEventTimestamps {
            source_port_identity, event_message_type: MessageType::ALL[event], records: records.as_slice().into()
        }));
        let records: Vec<_> = timing.iter().map(|r| DelayTiming {
            sequence_id: r.0,
            delay_origin_timestamp: r.1,
            total_correction_field: r.2,
            delay_response_timestamp: r.4,
        }).collect();
        same!(TlvValue::SlaveDelayTimingDataNp(SlaveDelayTimingDataNp {
            source_port_identity, records: records.as_slice().into()
        }));
    }

    #[test]
    fn organizations(
        n in any::<[u32; 4]>(),
        i in any::<[i32; 4]>(),
        o in any::<[u8; 6]>(),
        times in (seconds(), seconds(), seconds()),
        longs in any::<(i64, i64)>(),
        data in vec(any::<u8>(), 0..20).prop_map(|mut v| { v.truncate(v.len() & !1); v }),
    ) {
        same!(organization(Organization::FollowUpInformation(FollowUpInformation {
            cumulative_scaled_rate_offset: RateOffset(i[0]),
            gm_time_base_indicator: n[0] as u16,
            last_gm_phase_change: ScaledNs {
                nanoseconds_msb: n[1] as u16,
                nanoseconds_lsb: longs.0 as u64,
                fractional_nanoseconds: n[2] as u16,
            },
            scaled_last_gm_freq_change: RateOffset(i[1]),
        })));
        same!(organization(Organization::MessageIntervalRequest(MessageIntervalRequest {
            link_delay_interval: LogInterval(o[0] as i8),
            time_sync_interval: LogInterval(o[1] as i8),
            announce_interval: LogInterval(o[2] as i8),
            flags: IntervalRequestFlags(o[3]),
        })));
        same!(organization(Organization::GptpCapable(GptpCapable {
            log_gptp_capable_message_interval: LogInterval(o[0] as i8), flags: o[1]
        })));
        same!(organization(Organization::GptpCapableIntervalRequest(GptpCapableIntervalRequest {
            log_gptp_capable_message_interval: LogInterval(o[0] as i8)
        })));
        same!(organization(Organization::PowerProfile2011(PowerProfile2011 {
            grandmaster_id: n[0] as u16, grandmaster_time_inaccuracy: n[1], network_time_inaccuracy: n[2]
        })));
        same!(organization(Organization::PowerProfile2017(PowerProfile2017 {
            grandmaster_id: n[0] as u16, total_time_inaccuracy: n[1]
        })));
        same!(organization(Organization::InterfaceRate(InterfaceRate {
            interface_bit_period: longs.1 as u64,
            number_bits_before_timestamp: n[0] as u16,
            number_bits_after_timestamp: n[1] as u16,
        })));
        same!(organization(Organization::SynchronizationMetadata(SynchronizationMetadata {
            frame_rate_numerator: n[0],
            frame_rate_denominator: n[1],
            master_locking_status: o[0],
            time_address_flags: TimeAddressFlags(o[1]),
            current_local_offset: i[0],
            jump_seconds: i[1],
            time_of_next_jump: times.0,
            time_of_next_jam: times.1,
            time_of_previous_jam: times.2,
            previous_jam_local_offset: i[2],
            daylight_saving: DaylightSaving(o[2]),
            leap_second_jump: o[3],
        })));
        for message in [
            WhiteRabbit::SlavePresent,
            WhiteRabbit::Lock,
            WhiteRabbit::Locked,
            WhiteRabbit::Calibrate(Calibrate { send_pattern: o[0], retry: o[1], period: n[0] }),
            WhiteRabbit::Calibrated(Calibrated { delta_tx: longs.0, delta_rx: longs.1 }),
            WhiteRabbit::WrModeOn,
            WhiteRabbit::AnnounceSuffix(n[0] as u16),
            WhiteRabbit::Other(0x3000 | (n[1] as u16 & 0xfff), &data),
        ] {
            same!(organization(Organization::WhiteRabbit(message)));
        }
        let [a, b, c, d, e, f] = o;
        let id = OrganizationId { organization: [a | 0x80, b, c], sub_type: [d, e, f] };
        same!(organization(Organization::Unknown(id, &data)));
    }

    #[test]
    fn any_octets(octets in vec(any::<u8>(), 0..300), t in message_type(), known in 0..TlvType::ALL.len()) {
        targets::message(&octets);
        targets::roundtrip(&octets);
        // Behind a good header and length.
        let mut framed = octets.clone();
        if let [first, second, high, low, ..] = &mut framed[..] {
            (*first, *second) = (t as u8, 0x12);
            [*high, *low] = (octets.len() as u16).to_be_bytes();
        }
        targets::message(&framed);
        targets::roundtrip(&framed);
        targets::tlv(&octets);
        targets::tlv(&[&TlvType::ALL[known].0.to_be_bytes()[..], &octets].concat());
    }
}

fn every_sample() -> Vec<Vec<u8>> {
    let plain = samples::bodies().into_iter().map(|body| (body, None));
    let with_tlv = samples::tlvs().into_iter().map(|s| (samples::body(s.carrier), Some(s.value)));
    plain
        .chain(with_tlv)
        .map(|(body, value)| samples::emit(&body, &samples::header(body.message_type()), value.as_slice()))
        .collect()
}

#[test]
fn samples_are_emitted_as_they_are_read() {
    let mut seen = Vec::new();
    for sample in samples::tlvs() {
        let mut room = [0xee; 1500];
        assert_eq!(back(&sample.value, &mut room), sample.value);
        seen.push(sample.value.tlv_type());
    }
    for octets in every_sample() {
        assert_eq!(targets::emit(&Message::parse(&octets).unwrap()), octets);
        assert!(!Pretty::of(&octets).to_string().contains("malformed"));
    }
    // Every type with a decoder has a sample.
    for t in TlvType::ALL.iter().filter(|t| !seen.contains(t)) {
        let value = Tlv { tlv_type: *t, value: &[0; 40] };
        assert!(
            matches!(value.decode(), Ok(TlvValue::Unknown(_))) || t.0 & 0x7fff == 0 || t.0 == 0x4000,
            "{t}"
        );
    }
}

#[test]
fn cut_anywhere() {
    for octets in every_sample() {
        for len in 0..octets.len() {
            assert!(Message::parse(&octets[..len]).is_err());
            targets::message(&octets[..len]);
            // Cut inside the message, with a length that says so.
            if len >= 4 {
                let mut cut = octets[..len].to_vec();
                cut[2..4].copy_from_slice(&(len as u16).to_be_bytes());
                targets::message(&cut);
                targets::roundtrip(&cut);
            }
        }
    }
}

#[test]
fn cut_values() {
    for sample in samples::tlvs() {
        let mut room = [0; 1500];
        let used = sample.value.emit(&mut room).unwrap();
        let tlv_type = sample.value.tlv_type().0.to_be_bytes();
        for len in (0..used).step_by(2) {
            targets::tlv(&[&tlv_type, &room[..len]].concat());
        }
        for len in 0..used {
            let mut small = vec![0; len];
            assert_eq!(sample.value.emit(&mut small), Err(WireError::NoSpace), "{:?}", sample.value);
        }
    }
}

#[test]
fn every_octet_flipped() {
    for octets in every_sample() {
        for at in 0..octets.len() {
            for mask in [0x01, 0x80, 0xff] {
                let mut flipped = octets.clone();
                flipped[at] ^= mask;
                targets::message(&flipped);
                targets::roundtrip(&flipped);
            }
        }
    }
}

/// `no_std` without `alloc` cannot allocate: the compiler holds us to it as long as the crate says so.
#[test]
fn no_allocation_is_possible() {
    let lib = std::fs::read_to_string(crate::pcap::path("src/lib.rs")).unwrap();
    assert!(lib.contains("#![no_std]") && lib.contains("#![forbid(unsafe_code)]"));
    assert!(!lib.contains("extern crate"));
}
