//! Every packet of the recordings (linuxptp, all profiles) is read, emitted again octet by octet, and printed.

use ptp_wire::{Message, MessageType, Pretty, TlvType};

use crate::{pcap, targets};

#[test]
fn every_packet() {
    let mut packets = 0;
    let mut types = std::collections::BTreeMap::<MessageType, usize>::new();
    let mut tlvs = std::collections::BTreeMap::<TlvType, usize>::new();
    for (name, frames) in pcap::captures() {
        for (n, frame) in frames.iter().enumerate() {
            let Some(octets) = pcap::ptp(frame) else { continue };
            let message = Message::parse(octets).unwrap_or_else(|e| panic!("{name} packet {}: {e}", n + 1));
            assert_eq!(targets::emit(&message), message.octets(), "{name} packet {}", n + 1);
            for tlv in message.tlvs() {
                tlv.decode().unwrap_or_else(|e| panic!("{name} packet {}: {}: {e}", n + 1, tlv.tlv_type));
                *tlvs.entry(tlv.tlv_type).or_default() += 1;
            }
            let text = Pretty::message(&message).to_string();
            assert!(
                !text.contains("malformed") && !text.contains("unknown"),
                "{name} packet {}:\n{text}",
                n + 1
            );
            *types.entry(message.header().message_type).or_default() += 1;
            packets += 1;
        }
    }
    // What the recordings hold, so that none is passed over.
    assert_eq!(packets, 1213);
    assert_eq!(types.len(), 10, "{types:?}");
    assert_eq!(tlvs.len(), 9, "{tlvs:?}");
}

#[test]
fn text_of_an_announce() {
    let frames = pcap::read(&pcap::path("tests/data/captures/power2011.pcap"));
    let octets = frames.iter().filter_map(|f| pcap::ptp(f)).find(|o| o[0] & 0xf == 0xb).unwrap();
    let text = Pretty::of(octets).to_string();
    for line in [
        "Announce, ",
        "  source_port_identity         020000.fffe.000011-1\n",
        "  grandmaster_clock_class      ",
        "  TLV ORGANIZATION_EXTENSION (0x0003), 18 octets\n",
        "    organization                 1c-12-9d/000001 IEEE C37.238-2011\n",
        "    grandmaster_time_inaccuracy  ",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
}
