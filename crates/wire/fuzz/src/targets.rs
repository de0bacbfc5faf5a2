//! What the fuzz targets check. Shared by libFuzzer (fuzz_targets/) and the smoke test on stable Rust (../tests/fuzz_smoke.rs).

use std::fmt::Write as _;

use ptp_wire::management::{Action, Content, ManagementId, Payload};
use ptp_wire::{Body, Message, Pretty, Tlv, TlvType, TlvValue, WireError, Writer};

/// Counts what would be printed.
struct Count(usize);

impl std::fmt::Write for Count {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

fn print(pretty: Pretty<'_>) {
    let mut count = Count(0);
    write!(count, "{pretty}").expect("counting does not fail");
    assert_ne!(count.0, 0);
}

/// Any octets as a datagram: reading, walking and printing do no harm.
pub fn message(data: &[u8]) {
    print(Pretty::of(data));
    let Ok(message) = Message::parse(data) else { return };
    print(Pretty::message(&message));
    let length = message.octets().len();
    assert!(message.header().message_type.min_len() <= length && length <= data.len());
    let framed: usize = message.tlvs().map(|tlv| 4 + tlv.value.len()).sum();
    let left_over = length - message.header().message_type.min_len() - framed;
    assert!(left_over < 4, "{left_over} octets are in no TLV");
    for id in message.path_trace() {
        std::hint::black_box(id);
    }
    if let Some(authentication) = message.authentication() {
        let icv = authentication.tail.len();
        assert_eq!(message.covered(icv).map(<[u8]>::len), Some(length - icv));
    }
    std::hint::black_box(Content::of(&message));
    // Cut short it is refused, whatever it was.
    assert!(Message::parse(&data[..length - 1]).is_err());
}

/// Two octets of type, then a value: what decodes is emitted in no more than its own room, and decodes to the same again.
pub fn tlv(data: &[u8]) {
    let Some((head, value)) = data.split_first_chunk::<2>() else { return };
    let value = &value[..value.len().min(65534) & !1];
    let tlv = Tlv { tlv_type: TlvType(u16::from_be_bytes(*head)), value };
    let Ok(decoded) = tlv.decode() else { return };
    assert_eq!(decoded.tlv_type(), tlv.tlv_type);
    let octets = emit_value(&decoded);
    assert!(octets.len() <= value.len(), "{} octets became {}", value.len(), octets.len());
    let again = Tlv { value: &octets, ..tlv };
    let decoded_again = again.decode().expect("what was emitted decodes");
    assert_eq!(emit_value(&decoded_again), octets);
    // Into less room it does not fit.
    let mut room = vec![0; octets.len()];
    let exact = decoded.emit(&mut room).expect("an exact room is enough");
    if exact > 0 {
        assert_eq!(decoded.emit(&mut room[..exact - 1]), Err(WireError::NoSpace));
    }
}

/// The octets of a value, padded to an even number.
fn emit_value(value: &TlvValue<'_>) -> Vec<u8> {
    let mut room = vec![0; 65536];
    let used = value.emit(&mut room).expect("65536 octets are enough");
    room.truncate(used + used % 2);
    room
}

/// Two octets of managementId, then data: as [`tlv`].
pub fn management(data: &[u8]) {
    let Some((id, data)) = data.split_first_chunk::<2>() else { return };
    let data = &data[..data.len().min(65532)];
    let id = ManagementId(u16::from_be_bytes(*id));
    let Ok(payload) = Payload::parse(id, data) else { return };
    assert_eq!(payload.id(), id);
    let mut room = vec![0; 65536];
    let used = payload.emit(&mut room).expect("65536 octets are enough");
    assert!(used <= 2 + data.len() + 1);
    let again = Payload::parse(id, &room[2..used]).expect("what was emitted decodes");
    let mut second = vec![0; 65536];
    let used_again = again.emit(&mut second).expect("65536 octets are enough");
    assert_eq!(second[..used_again], room[..used]);
}

/// Any octets as a datagram: what parses is emitted from its decoded parts, parses again, and emits the same again.
pub fn roundtrip(data: &[u8]) {
    let Ok(message) = Message::parse(data) else { return };
    let first = emit(&message);
    let parsed = Message::parse(&first).expect("what was emitted parses");
    assert_eq!(parsed.octets(), first);
    assert_eq!((parsed.header(), parsed.body()), (message.header(), message.body()));
    assert_eq!(parsed.tlvs().count(), message.tlvs().count());
    assert_eq!(emit(&parsed), first);
}

/// Emits a message from its decoded parts. TLVs that do not decode are copied.
pub fn emit(message: &Message<'_>) -> Vec<u8> {
    let mut buf = vec![0; 65536];
    let mut writer = Writer::new(&mut buf, message.header(), message.body()).expect("a header and body fit");
    let get = matches!(message.body(), Body::Management(m) if m.action == Action::Get);
    for tlv in message.tlvs() {
        match tlv.decode() {
            Ok(TlvValue::Management(management)) => match management.payload() {
                Ok(payload) if !get => writer.tlv_with(tlv.tlv_type, |room| payload.emit(room)),
                _ => writer.tlv(tlv.tlv_type, tlv.value),
            },
            Ok(value) => writer.tlv_value(&value),
            Err(_) => writer.tlv(tlv.tlv_type, tlv.value),
        }
        .expect("no TLV grows");
    }
    let len = writer.finish();
    buf.truncate(len);
    buf
}
