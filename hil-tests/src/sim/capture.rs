//! A link's frames as a pcap file, to be read with tshark or Wireshark.

use std::io::{self, Write};

use ptpd::engine::Address;

use super::Moment;
use super::clock::EPOCH_NS;

/// pcap with nanoseconds, in this machine's order of octets.
const MAGIC: u32 = 0xa1b2_3c4d;
const LINKTYPE_ETHERNET: u32 = 1;

/// Frames that were put on one link.
#[derive(Clone, Debug, Default)]
pub struct Capture {
    frames: Vec<Frame>,
}

#[derive(Clone, Debug)]
struct Frame {
    at: Moment,
    from: Address,
    to: Address,
    octets: Vec<u8>,
}

impl Capture {
    pub(super) fn add(&mut self, at: Moment, from: Address, to: Address, octets: &[u8]) {
        self.frames.push(Frame { at, from, to, octets: octets.to_vec() });
    }

    /// The PTP messages with the time each was sent.
    pub fn messages(&self) -> impl Iterator<Item = (Moment, &[u8])> {
        self.frames.iter().map(|f| (f.at, f.octets.as_slice()))
    }

    /// Writes all of it; the clock of the file is true time.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut word = |v: u32| out.write_all(&v.to_ne_bytes());
        word(MAGIC)?;
        word(2 | (4 << 16))?;
        word(0)?;
        word(0)?;
        word(65_535)?;
        word(LINKTYPE_ETHERNET)?;
        for Frame { at, from, to, octets } in &self.frames {
            let ns = (EPOCH_NS + i128::from(at.nanos())) as u64;
            let headers = headers(*from, *to, octets);
            // Classic pcap has 32 bits of seconds: until 2106.
            let len = (headers.len() + octets.len()) as u32;
            for v in [(ns / 1_000_000_000) as u32, (ns % 1_000_000_000) as u32, len, len] {
                out.write_all(&v.to_ne_bytes())?;
            }
            out.write_all(&headers)?;
            out.write_all(octets)?;
        }
        Ok(())
    }
}

/// What stands before the PTP message on the wire.
fn headers(from: Address, to: Address, message: &[u8]) -> Vec<u8> {
    let mut h = Vec::with_capacity(62);
    h.extend(mac(to));
    h.extend(mac(from));
    let port: u16 = if message.first().is_some_and(|o| o & 0xf < 4) { 319 } else { 320 };
    let udp_len = (8 + message.len()) as u16;
    let udp: Vec<u8> = [port, port, udp_len].into_iter().flat_map(u16::to_be_bytes).collect();
    match (from, to) {
        (Address::Ipv4(from), Address::Ipv4(to)) => {
            h.extend([0x08, 0x00]);
            let mut ip = vec![0x45, 0];
            ip.extend((20 + udp_len).to_be_bytes());
            ip.extend([0, 0, 0x40, 0, 1, 17, 0, 0]);
            ip.extend(from.octets());
            ip.extend(to.octets());
            let sum = checksum(&[&ip]);
            ip.splice(10..12, sum.to_be_bytes());
            h.extend(ip);
            h.extend(udp);
            // Over IPv4 the checksum may be left out.
            h.extend([0, 0]);
        }
        (Address::Ipv6(from), Address::Ipv6(to)) => {
            h.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            h.extend(udp_len.to_be_bytes());
            h.extend([17, 1]);
            h.extend(from.octets());
            h.extend(to.octets());
            let pseudo = [[0, 0].as_slice(), &udp_len.to_be_bytes(), &[0, 0, 0, 17]].concat();
            let sum = checksum(&[&from.octets(), &to.octets(), &pseudo, &udp, message]);
            h.extend(udp);
            h.extend(if sum == 0 { [0xff, 0xff] } else { sum.to_be_bytes() });
        }
        // PTP over IEEE 802.3.
        _ => h.extend([0x88, 0xf7]),
    }
    h
}

/// The address on Ethernet: its own, that of its group, or one made from it.
fn mac(address: Address) -> [u8; 6] {
    match address {
        Address::Ethernet(mac) => mac,
        Address::Ipv4(a) => match a.octets() {
            [224..=239, b, c, d] => [0x01, 0, 0x5e, b & 0x7f, c, d],
            [a, b, c, d] => [2, 0, a, b, c, d],
        },
        Address::Ipv6(a) => match a.octets() {
            [0xff, .., a, b, c, d] => [0x33, 0x33, a, b, c, d],
            [.., a, b, c, d] => [2, 6, a, b, c, d],
        },
    }
}

/// The Internet checksum (RFC 1071); all parts but the last have even lengths.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|p| p.chunks(2));
    let mut sum: u32 = words
        .map(|w| u32::from(u16::from_be_bytes([w[0], w.get(1).copied().unwrap_or(0)])))
        .fold(0, |a, b| a.wrapping_add(b));
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
