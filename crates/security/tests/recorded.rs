//! Every message of the recordings of linuxptp with its four kinds of keys verifies, and nothing else does.

use std::path::Path;

use ptp_security::{Database, Rejected, SecurityAssociation};
use ptp_wire::{Message, MessageType};

/// The keys that linuxptp ran with.
const KEYS: &str = "\
[security_association]
spp 7
1 SHA256-128 HEX:000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F
2 SHA256     HEX:000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F
3 AES128 16  B64:AAECAwQFBgcICQoLDA0ODw==
4 AES256 32  HEX:000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F
";

/// The PTP messages of a capture of UDP over IPv4 or of Ethernet.
fn messages(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/data/captures").join(name);
    let octets = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (mut rest, mut found) = (&octets[24..], Vec::new());
    while let Some((head, tail)) = rest.split_at_checked(16) {
        let len = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
        let (frame, tail) = tail.split_at(len);
        rest = tail;
        match frame[12..14] {
            [0x88, 0xf7] => found.push(frame[14..].to_vec()),
            [0x08, 0x00] => found.push(frame[42..].to_vec()),
            _ => {}
        }
    }
    found
}

fn association() -> SecurityAssociation {
    let (database, problems) = Database::parse(KEYS);
    assert_eq!(problems, []);
    database.get(7).expect("it is there").as_ref().clone()
}

#[test]
fn linuxptps_messages_verify() {
    let association = association();
    let mut seen = std::collections::BTreeSet::new();
    for id in 1..=4 {
        let messages = messages(&format!("auth-key{id}.pcap"));
        assert!(messages.len() >= 10);
        for octets in messages {
            let message = Message::parse(&octets).expect("recorded messages are good");
            assert_eq!(association.verify(&message), Ok(id));
            seen.insert(message.header().message_type);
            // Sealed by us it is the same, octet for octet.
            let mut buf = [0; 256];
            let len = message.octets().len();
            buf[..len].copy_from_slice(message.octets());
            let icv = if id == 2 { 32 } else { 16 };
            buf[len - icv..len].fill(0xff);
            assert_eq!(association.seal(id, &mut buf, len), Ok(len));
            assert_eq!(&buf[..len], message.octets());
            // And with another key it is not.
            let other = id % 4 + 1;

            buf[len - icv - 1] = other as u8;
            let message = Message::parse(&buf).expect("still one");
            assert_eq!(association.verify(&message), Err(Rejected::Icv), "key {id} as {other}");
        }
    }
    for wanted in [MessageType::Announce, MessageType::Sync, MessageType::FollowUp, MessageType::DelayReq] {
        assert!(seen.contains(&wanted), "{wanted:?} was not recorded");
    }
}

#[test]
fn messages_without_are_refused() {
    let association = association();
    for octets in messages("udp4-e2e.pcap") {
        let message = Message::parse(&octets).expect("recorded messages are good");
        assert_eq!(association.verify(&message), Err(Rejected::Missing));
    }
}
