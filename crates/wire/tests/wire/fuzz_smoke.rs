//! The fuzz targets on stable Rust: the corpus, then mutations of it from a fixed seed, a fixed number of them.

use crate::corpus::{TARGETS, seeds};

/// xorshift64*: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((u128::from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)) * n as u128) >> 64) as usize
    }
}

/// One to four small changes.
fn mutate(octets: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    const INTERESTING: [u8; 10] = [0, 1, 2, 3, 4, 12, 0x7f, 0x80, 0xfe, 0xff];
    for _ in 0..=random.below(4) {
        let at = random.below(octets.len().max(1));
        match random.below(8) {
            0 if !octets.is_empty() => octets[at] ^= 1 << random.below(8),
            1 if !octets.is_empty() => octets[at] = INTERESTING[random.below(INTERESTING.len())],
            2 if !octets.is_empty() => octets[at] = random.below(256) as u8,
            3 => octets.truncate(at),
            4 => {
                let run =
                    octets.get(at..(at + random.below(16)).min(octets.len())).unwrap_or_default().to_vec();
                octets.splice(at..at, run);
            }
            5 => octets.extend((0..random.below(24)).map(|n| n as u8)),
            // Another seed's tail behind this one's head.
            6 => {
                octets.truncate(at);
                octets.extend_from_slice(&other[at.min(other.len())..]);
            }
            // messageLength or a TLV's lengthField that fits again, so that the change is reached.
            _ if octets.len() >= 4 => {
                let length = (octets.len() as u16).to_be_bytes();
                octets[2..4].copy_from_slice(&length);
            }
            _ => {}
        }
    }
}

#[test]
fn targets_survive() {
    const ROUNDS: usize = 40_000;
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        seeds.iter().for_each(|(_, octets)| target(octets));
        let mut random = Random(0x5eed_0000_0000_0001);
        for round in 0..ROUNDS {
            let mut octets = seeds[random.below(seeds.len())].1.clone();
            let other = &seeds[random.below(seeds.len())].1;
            mutate(&mut octets, other, &mut random);
            octets.truncate(2048);
            if let Err(panic) = std::panic::catch_unwind(|| target(&octets)) {
                eprintln!("target {name}, round {round}, input: {octets:02x?}");
                std::panic::resume_unwind(panic);
            }
        }
    }
}
