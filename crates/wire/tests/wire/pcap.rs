//! Reads and writes captures (the classic format, Ethernet), and finds PTP in frames.

use std::path::{Path, PathBuf};

/// Files of this crate.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The frames of a little-endian capture.
pub(crate) fn read(file: &Path) -> Vec<Vec<u8>> {
    let octets = std::fs::read(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    assert_eq!(octets[..4], 0xa1b2_c3d4u32.to_le_bytes(), "{}: no capture", file.display());
    let mut frames = Vec::new();
    let mut rest = &octets[24..];
    while let Some((head, tail)) = rest.split_at_checked(16) {
        let len = u32::from_le_bytes(head[8..12].try_into().unwrap()) as usize;
        let (frame, tail) = tail.split_at(len);
        frames.push(frame.to_vec());
        rest = tail;
    }
    frames
}

/// Every capture there is, by name.
pub(crate) fn captures() -> Vec<(String, Vec<Vec<u8>>)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(path("tests/data/captures"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|file| file.extension().is_some_and(|e| e == "pcap"))
        .collect();
    files.push(path("tests/data/management/all-gets.pcap"));
    files.sort();
    files.iter().map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), read(file))).collect()
}

/// The PTP part of a frame: an Ethernet payload, or the payload of UDP to port 319 or 320.
pub(crate) fn ptp(frame: &[u8]) -> Option<&[u8]> {
    let udp = match frame.get(12..14)? {
        [0x88, 0xf7] => return frame.get(14..),
        [0x08, 0x00] => frame.get(14 + usize::from(frame[14] & 0x0f) * 4..)?,
        [0x86, 0xdd] => frame.get(54..)?,
        _ => return None,
    };
    let port = u16::from_be_bytes(udp.get(2..4)?.try_into().unwrap());
    let len = usize::from(u16::from_be_bytes(udp.get(4..6)?.try_into().unwrap()));
    matches!(port, 319 | 320).then(|| &udp[8..len])
}
