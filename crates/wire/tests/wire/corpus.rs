//! The seeds in fuzz/corpus. They are made from the recordings and the samples: `UPDATE_CORPUS=1 cargo test -p ptp-wire corpus`
//! writes them anew.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ptp_wire::{Message, TlvType};

use crate::{pcap, samples};

/// A fuzz target.
pub(crate) type Target = fn(&[u8]);

pub(crate) const TARGETS: [(&str, Target); 4] = [
    ("message", crate::targets::message),
    ("tlv", crate::targets::tlv),
    ("management", crate::targets::management),
    ("roundtrip", crate::targets::roundtrip),
];

fn directory(target: &str) -> PathBuf {
    pcap::path("fuzz/corpus").join(target)
}

/// The committed seeds of a target, in a fixed order.
pub(crate) fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut seeds: Vec<_> = std::fs::read_dir(directory(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&file).unwrap()))
        .collect();
    seeds.sort();
    seeds
}

/// A recorded message of every shape, a sample of every other: by a name that tells the shape.
fn messages() -> BTreeMap<String, Vec<u8>> {
    let mut messages = BTreeMap::new();
    let mut add = |octets: &[u8]| {
        let message = Message::parse(octets).unwrap();
        let mut name = format!("{}-{}", message.header().message_type, message.octets().len());
        for tlv in message.tlvs() {
            let shown = match tlv.tlv_type {
                TlvType::MANAGEMENT | TlvType::MANAGEMENT_ERROR_STATUS => 4,
                TlvType::ORGANIZATION_EXTENSION | TlvType::ORGANIZATION_EXTENSION_DO_NOT_PROPAGATE => 8,
                _ => 0,
            };
            name += &format!("-{:04x}", tlv.tlv_type.0);
            tlv.value.iter().take(shown).for_each(|octet| name += &format!("{octet:02x}"));
        }
        messages.entry(name).or_insert(message.octets().to_vec());
    };
    for (_, frames) in pcap::captures() {
        frames.iter().filter_map(|frame| pcap::ptp(frame)).for_each(&mut add);
    }
    for body in samples::bodies() {
        add(&samples::emit(&body, &samples::header(body.message_type()), &[]));
    }
    for sample in samples::tlvs() {
        let header = samples::header(sample.carrier);
        add(&samples::emit(&samples::body(sample.carrier), &header, &[sample.value]));
    }
    messages
}

fn wanted(target: &str) -> BTreeMap<String, Vec<u8>> {
    let messages = messages();
    let tlvs = messages.iter().flat_map(|(name, octets)| {
        let message = Message::parse(octets).unwrap();
        message.tlvs().map(|tlv| (name.clone(), tlv)).collect::<Vec<_>>()
    });
    match target {
        "tlv" => tlvs
            .map(|(_, tlv)| [&tlv.tlv_type.0.to_be_bytes(), tlv.value].concat())
            .map(|octets| (octets.iter().take(10).map(|o| format!("{o:02x}")).collect::<String>(), octets))
            .collect(),
        "management" => tlvs
            .filter(|(_, tlv)| tlv.tlv_type == TlvType::MANAGEMENT)
            .map(|(name, tlv)| (name, tlv.value.to_vec()))
            .collect(),
        _ => messages,
    }
}

#[test]
fn corpus_holds_every_shape() {
    for (target, _) in TARGETS {
        let wanted = wanted(target);
        assert!(wanted.len() > 30, "{target}: {} seeds", wanted.len());
        if std::env::var_os("UPDATE_CORPUS").is_some() {
            let _ = std::fs::remove_dir_all(directory(target));
            std::fs::create_dir_all(directory(target)).unwrap();
            for (name, octets) in &wanted {
                std::fs::write(directory(target).join(name), octets).unwrap();
            }
        }
        // Fuzzing may add more.
        let committed: BTreeMap<_, _> = seeds(target).into_iter().collect();
        for (name, octets) in &wanted {
            assert_eq!(committed.get(name), Some(octets), "{target}/{name}; see the top of corpus.rs");
        }
    }
}
