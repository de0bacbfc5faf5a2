//! A link's frames as a pcap file, to be read with tshark or Wireshark.

use std::io::{self, Write};

use super::Moment;
use super::clock::EPOCH_NS;

/// PTP over IEEE 802.3.
const ETHERTYPE: [u8; 2] = [0x88, 0xf7];
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
    source: [u8; 6],
    destination: [u8; 6],
    octets: Vec<u8>,
}

impl Capture {
    pub(super) fn add(&mut self, at: Moment, source: [u8; 6], destination: [u8; 6], octets: &[u8]) {
        self.frames.push(Frame { at, source, destination, octets: octets.to_vec() });
    }

    /// The PTP messages with the time each was sent.
    pub fn messages(&self) -> impl Iterator<Item = (Moment, &[u8])> {
        self.frames.iter().map(|f| (f.at, f.octets.as_slice()))
    }

    /// Writes all of it; the clock of the file is true time.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut word = |v: u32| to.write_all(&v.to_ne_bytes());
        word(MAGIC)?;
        word(2 | (4 << 16))?;
        word(0)?;
        word(0)?;
        word(65_535)?;
        word(LINKTYPE_ETHERNET)?;
        for Frame { at, source, destination, octets } in &self.frames {
            let ns = (EPOCH_NS + i128::from(at.nanos())) as u64;
            // Classic pcap has 32 bits of seconds: until 2106.
            let len = (14 + octets.len()) as u32;
            for v in [(ns / 1_000_000_000) as u32, (ns % 1_000_000_000) as u32, len, len] {
                to.write_all(&v.to_ne_bytes())?;
            }
            to.write_all(destination)?;
            to.write_all(source)?;
            to.write_all(&ETHERTYPE)?;
            to.write_all(octets)?;
        }
        Ok(())
    }
}
