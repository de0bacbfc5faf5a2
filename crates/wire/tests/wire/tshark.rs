//! Another dissector's opinion: all that this crate emits goes through tshark, framed for Ethernet, UDP/IPv4 and UDP/IPv6.

use std::process::Command;

use ptp_wire::management::{Action, DataSize, ManagementHeader, ManagementId, ManagementTlv, Payload};
use ptp_wire::*;

use crate::{pcap, samples};

/// TLVs of which tshark 4.0 shows no field at all: it looks for TLVs only in Announce, Signaling, Management and gPTP's
/// Follow_Up, and does not know the last two.
const NOT_DISSECTED: &[&str] = &[
    "ALTERNATE_RESPONSE_PORT",
    "PTPMON_REQ",
    "PTPMON_RESP",
    "CUMULATIVE_RATE_RATIO",
    "00-80-c2/000005",
    "08-00-30/dead01",
];

/// One message, with what tshark must find in it.
struct Packet {
    name: String,
    /// Only Ethernet carries gPTP.
    gptp: bool,
    octets: Vec<u8>,
    fields: Vec<(&'static str, String)>,
}

fn packet(name: impl Into<String>, octets: Vec<u8>) -> Packet {
    Packet { name: name.into(), gptp: false, octets, fields: Vec::new() }
}

fn stamp_fields(body: &Body) -> (&'static str, &'static str, Timestamp) {
    match *body {
        Body::Sync { origin_timestamp: t } | Body::DelayReq { origin_timestamp: t } => {
            ("ptp.v2.sdr.origintimestamp.seconds", "ptp.v2.sdr.origintimestamp.nanoseconds", t)
        }
        Body::PdelayReq { origin_timestamp: t } => {
            ("ptp.v2.pdrq.origintimestamp.seconds", "ptp.v2.pdrq.origintimestamp.nanoseconds", t)
        }
        Body::PdelayResp { request_receipt_timestamp: t, .. } => (
            "ptp.v2.pdrs.requestreceipttimestamp.seconds",
            "ptp.v2.pdrs.requestreceipttimestamp.nanoseconds",
            t,
        ),
        Body::FollowUp { precise_origin_timestamp: t } => {
            ("ptp.v2.fu.preciseorigintimestamp.seconds", "ptp.v2.fu.preciseorigintimestamp.nanoseconds", t)
        }
        Body::DelayResp { receive_timestamp: t, .. } => {
            ("ptp.v2.dr.receivetimestamp.seconds", "ptp.v2.dr.receivetimestamp.nanoseconds", t)
        }
        Body::PdelayRespFollowUp { response_origin_timestamp: t, .. } => (
            "ptp.v2.pdfu.responseorigintimestamp.seconds",
            "ptp.v2.pdfu.responseorigintimestamp.nanoseconds",
            t,
        ),
        Body::Announce(a) => {
            ("ptp.v2.an.origintimestamp.seconds", "ptp.v2.an.origintimestamp.nanoseconds", a.origin_timestamp)
        }
        Body::Signaling { .. } | Body::Management(_) => ("", "", Timestamp::ZERO),
    }
}

/// Each message type, every field of header and body checked.
fn messages() -> Vec<Packet> {
    samples::bodies()
        .iter()
        .map(|body| {
            let header = samples::header(body.message_type());
            // A management message is nothing without its TLV.
            let null = TlvValue::Management(ManagementTlv { id: ManagementId::NULL_MANAGEMENT, data: &[] });
            let tlvs = matches!(body, Body::Management(_)).then_some(null);
            let mut p = packet(body.message_type().name(), samples::emit(body, &header, tlvs.as_slice()));
            let mut is = |field, value: &str| p.fields.push((field, value.to_owned()));
            is("ptp.v2.messagetype", &format!("0x{:02x}", header.message_type as u8));
            is("ptp.v2.minorversionptp", "1");
            is("ptp.v2.domainnumber", "24");
            is("ptp.v2.flags", "0x0400");
            is("ptp.v2.correction.ns", "1000");
            is("ptp.v2.correction.subns", "0.5");
            is("ptp.v2.clockidentity", "0x020000fffe000001");
            is("ptp.v2.sourceportid", "1");
            is("ptp.v2.sequenceid", &0xbeef.to_string());
            is("ptp.v2.logmessageperiod", "-4");
            let (seconds, nanoseconds, time) = stamp_fields(body);
            if !seconds.is_empty() {
                is(seconds, &time.seconds().to_string());
                is(nanoseconds, &time.nanoseconds().to_string());
            }
            let requesting = match body {
                Body::PdelayResp { .. } => "ptp.v2.pdrs.requestingportidentity",
                Body::DelayResp { .. } => "ptp.v2.dr.requestingsourceportidentity",
                Body::PdelayRespFollowUp { .. } => "ptp.v2.pdfu.requestingportidentity",
                Body::Signaling { .. } => "ptp.v2.sig.targetportidentity",
                Body::Management(_) => "ptp.v2.mm.targetportidentity",
                _ => "",
            };
            if !requesting.is_empty() {
                is(requesting, "0x1122334455667788");
            }
            if let Body::Announce(_) = body {
                is("ptp.v2.an.origincurrentutcoffset", "37");
                is("ptp.v2.an.priority1", "127");
                is("ptp.v2.an.priority2", "126");
                is("ptp.v2.an.grandmasterclockclass", "6");
                is("ptp.v2.an.grandmasterclockaccuracy", "0x21");
                is("ptp.v2.an.grandmasterclockvariance", &0x4e5d.to_string());
                is("ptp.v2.an.grandmasterclockidentity", "0x020000fffe000001");
                is("ptp.v2.an.localstepsremoved", "3");
                is("ptp.v2.timesource", "0x20");
            }
            if let Body::Management(_) = body {
                is("ptp.v2.mm.startingboundaryhops", "2");
                is("ptp.v2.mm.boundaryhops", "1");
                is("ptp.v2.mm.action", "2");
            }
            p
        })
        .collect()
}

/// Each TLV on its carrier.
fn tlvs() -> Vec<Packet> {
    samples::tlvs()
        .iter()
        .map(|sample| {
            let gptp = matches!(
                sample.value,
                TlvValue::Organization(
                    _,
                    Organization::FollowUpInformation(_)
                        | Organization::MessageIntervalRequest(_)
                        | Organization::GptpCapable(_)
                        | Organization::GptpCapableIntervalRequest(_)
                )
            );
            let sdo_id = if gptp { SdoId::GPTP } else { SdoId::PTP };
            let header = Header { sdo_id, ..samples::header(sample.carrier) };
            let body = samples::body(sample.carrier);
            let mut name = sample.value.tlv_type().to_string();
            if let TlvValue::Organization(_, extension) = &sample.value {
                name = extension.id().to_string();
            }
            let fields = sample.fields.iter().map(|(field, value)| (*field, (*value).to_owned())).collect();
            Packet { fields, gptp, ..packet(name, samples::emit(&body, &header, &[sample.value])) }
        })
        .collect()
}

/// Each management payload: the recorded ones, and of every ID one of zeros.
fn management_payloads() -> Vec<Packet> {
    let recorded = pcap::read(&pcap::path("tests/data/management/all-gets.pcap"));
    let recorded = recorded.iter().filter_map(|frame| pcap::ptp(frame)).filter_map(|octets| {
        let message = Message::parse(octets).unwrap();
        let Body::Management(ManagementHeader { action: Action::Response, .. }) = message.body() else {
            return None;
        };
        let tlv = message.tlvs().find(|tlv| tlv.tlv_type == TlvType::MANAGEMENT)?;
        Some((ManagementId(u16::from_be_bytes([tlv.value[0], tlv.value[1]])), tlv.value[2..].to_vec()))
    });
    let zeros = ManagementId::ALL.iter().map(|row| {
        let (DataSize::Fixed(len) | DataSize::Variable(len)) = row.size;
        (row.id, vec![0; len.into()])
    });
    recorded
        .chain(zeros)
        .map(|(id, data)| {
            let payload = Payload::parse(id, &data).unwrap_or_else(|e| panic!("{id}: {e}"));
            let header = samples::header(MessageType::Management);
            let mut buf = [0; 1500];
            let mut writer = Writer::new(&mut buf, &header, &samples::body(MessageType::Management)).unwrap();
            writer.tlv_with(TlvType::MANAGEMENT, |room| payload.emit(room)).unwrap();
            let len = writer.finish();
            let mut p = packet(format!("management {id}"), buf[..len].to_vec());
            p.fields.push(("ptp.v2.mm.managementId", id.0.to_string()));
            p
        })
        .collect()
}

const MAC: [u8; 12] = [0x01, 0x1b, 0x19, 0, 0, 0, 2, 0, 0, 0, 0, 1];

fn checksum(octets: &[u8]) -> u16 {
    let mut sum: u32 =
        octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let len = (8 + payload.len()) as u16;
    [&port.to_be_bytes()[..], &port.to_be_bytes(), &len.to_be_bytes(), &[0, 0], payload].concat()
}

/// The message on Ethernet (padded to 60 octets), UDP/IPv4, and UDP/IPv6 with its two octets of tail.
fn frames(octets: &[u8]) -> [(&'static str, Vec<u8>); 3] {
    let port = if octets[0] & 0x08 == 0 { 319 } else { 320 };
    let mut ethernet = [&MAC[..], &[0x88, 0xf7], octets].concat();
    ethernet.resize(ethernet.len().max(60), 0);

    let datagram = udp(port, octets);
    let mut ip = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 1, 17, 0, 0, 10, 77, 9, 1, 224, 0, 1, 129];
    ip[2..4].copy_from_slice(&((20 + datagram.len()) as u16).to_be_bytes());
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let ipv4 = [&MAC[..], &[0x08, 0x00], &ip, &datagram].concat();

    let mut datagram = udp(port, &[octets, &[0, 0]].concat());
    let (mut source, mut group) = ([0u8; 16], [0u8; 16]);
    (source[0], source[1], source[15]) = (0xfe, 0x80, 1);
    (group[0], group[1], group[14], group[15]) = (0xff, 0x0e, 1, 0x81);
    let len = (datagram.len() as u16).to_be_bytes();
    let pseudo = [&source[..], &group, &[0, 0], &len, &[0, 0, 0, 17], &datagram].concat();
    let sum = match checksum(&pseudo) {
        0 => 0xffff,
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
    let ipv6 = [&MAC[..], &[0x86, 0xdd, 0x60, 0, 0, 0], &len, &[17, 1], &source, &group, &datagram].concat();
    [("Ethernet", ethernet), ("UDP/IPv4", ipv4), ("UDP/IPv6", ipv6)]
}

/// A capture of frames, a millisecond apart.
fn capture(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut octets = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65535, 1] {
        octets.extend(word.to_le_bytes());
    }
    for (n, frame) in frames.iter().enumerate() {
        let len = frame.len() as u32;
        for word in [1_700_000_000, n as u32 * 1000, len, len] {
            octets.extend(word.to_le_bytes());
        }
        octets.extend(frame);
    }
    octets
}

/// Runs tshark; for each frame the values of `fields`, several of one field separated by commas.
fn dissect(file: &std::path::Path, fields: &[&str]) -> Vec<Vec<String>> {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"]);
    tshark.args(["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-r"]).arg(file);
    for field in fields {
        tshark.args(["-e", field]);
    }
    let output = tshark.output().expect("tshark runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
}

/// tshark's severities are numbers: chat 0x200000, note 0x400000, warning 0x600000, error 0x800000.
fn is_bad(severities: &str) -> bool {
    severities.split(',').filter_map(|text| text.parse::<u32>().ok()).any(|severity| severity >= 0x60_0000)
}

#[test]
fn tshark_agrees() {
    if Command::new("tshark").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "tshark is not installed");
        eprintln!("skipped: tshark is not installed");
        return;
    }
    let packets: Vec<Packet> = messages().into_iter().chain(tlvs()).chain(management_payloads()).collect();
    let framed: Vec<_> = packets
        .iter()
        .flat_map(|p| {
            frames(&p.octets)
                .into_iter()
                .take(if p.gptp { 1 } else { 3 })
                .map(move |(how, frame)| (p, how, frame))
        })
        .collect();
    let file = std::env::temp_dir().join(format!("ptp-wire-{}.pcap", std::process::id()));
    let octets: Vec<_> = framed.iter().map(|(.., frame)| frame.clone()).collect();
    std::fs::write(&file, capture(&octets)).unwrap();

    let mut fields =
        vec!["_ws.malformed", "_ws.expert.severity", "_ws.expert.message", "ptp.v2.messagelength"];
    fields.extend(packets.iter().flat_map(|p| p.fields.iter().map(|(field, _)| *field)));
    fields[4..].sort_unstable();
    fields.dedup();
    let table = dissect(&file, &fields);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(table.len(), framed.len());

    let mut wrong = Vec::new();
    for ((packet, how, _), row) in framed.iter().zip(&table) {
        let name = &packet.name;
        if !row[0].is_empty() || is_bad(&row[1]) {
            wrong.push(format!("{name} on {how}: {} {}", row[0], row[2]));
        }
        let length = packet.octets.len().to_string();
        for (field, value) in packet.fields.iter().chain([&("ptp.v2.messagelength", length)]) {
            let column = fields.iter().position(|f| f == field).unwrap();
            if !row[column].split(',').any(|found| found == value) {
                wrong.push(format!("{name} on {how}: {field} is `{}`, not {value}", row[column]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.join("\n"));
    let unchecked = packets.iter().filter(|p| p.fields.is_empty()).map(|p| p.name.as_str());
    assert!(unchecked.eq(NOT_DISSECTED.iter().copied()));
    assert!(framed.len() > 400, "{} frames", framed.len());
}
