//! A made-up log, to look at reports with: `cargo run -p ptp-evidence --example made_up -- DIRECTORY RECORDS`.
//!
//! One record a second of a client of a GNSS-fed grandmaster over one boundary clock: noise, a slow swing by temperature, a change
//! of the grandmaster with ten minutes of holdover, a gap, and one excursion; and of the system clock that follows it. It
//! begins at 2026-11-20T00:00:00Z.
#![forbid(unsafe_code)]

use ptp_evidence::{Entry, Interval, Store, StoreOptions, parse_day};

/// Pseudo-random and always the same (xorshift).
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().expect("give a directory");
    let records: i64 = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(86_400);
    let open =
        |daemon| Store::open(&StoreOptions::new(directory.as_ref(), daemon)).expect("it can be written");
    let (mut ptpd, mut sync) = (open("ptpd"), open("phc-sync"));
    let begin = parse_day("2026-11-20").expect("a day");
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    for store in [&mut ptpd, &mut sync] {
        let start = Entry::new("start").at(begin).text("version", "0.1.0").text("host", "trading-7");
        store.append(&start).expect("written");
        let digest = ptp_evidence::digest(b"made up").to_string();
        store.append(&Entry::new("configuration").at(begin).text("sha256", &digest)).expect("written");
    }
    let event = |store: &mut Store, at: i64, kind: &str, severity: &str, message: &str| {
        let event = Entry::new("event").at(at).text("event", kind).text("severity", severity);
        store.append(&event.text("message", message)).expect("written");
    };
    let (lost, found, gap) = (records * 40 / 100, records * 40 / 100 + 600, records * 70 / 100);
    let mut drift = 0.0;
    for second in 1..=records {
        let at = begin + second * 1_000_000_000;
        // The process stood still for four minutes.
        if (gap..gap + 240).contains(&second) {
            continue;
        }
        let day = second as f64 / 86_400.0 * std::f64::consts::TAU;
        let held = (lost..found).contains(&second);
        drift = if held { drift + 0.02 + 0.01 * noise.normal() } else { drift * 0.97 };
        let mut ptp = Interval::default();
        let mut system = Interval::default();
        let frequency = -12_345.0 + 40.0 * day.sin() + 0.4 * noise.normal();
        let mut excursion = 0.0;
        if (records * 85 / 100..records * 85 / 100 + 20).contains(&second) {
            excursion = 140_000.0;
        }
        for _ in 0..8 {
            let offset = 4.0 * day.sin() + 6.0 * noise.normal() + drift;
            if !held {
                ptp.push(
                    offset,
                    Some(2_340.0 + 20.0 * day.cos() + 3.0 * noise.normal()),
                    frequency,
                    Some(18.0 + 2.0 * noise.uniform()),
                );
            }
            system.push(
                15.0 * noise.normal() + excursion,
                Some(510.0 + 8.0 * noise.normal()),
                frequency + 3_000.0,
                Some(255.0),
            );
        }
        let second_gm = second >= found;
        let gm = if second_gm { "aabbcc.fffe.000002" } else { "aabbcc.fffe.000001" };
        if second == lost {
            event(
                &mut ptpd,
                at,
                "port-state",
                "warning",
                "port 1 (eth0): SLAVE to MASTER on ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES",
            );
        }
        if second == found {
            event(
                &mut ptpd,
                at,
                "parent",
                "notice",
                "master is 001122.fffe.334466-1, grandmaster aabbcc.fffe.000002",
            );
            event(
                &mut ptpd,
                at,
                "port-state",
                "notice",
                "port 1 (eth0): UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED",
            );
        }
        let mut record = ptp.take(1_000_000_000).at(at).monotonic((second * 1_000_000_000) as u64);
        if held {
            record = record.number("bound", 30.0 + (second - lost) as f64 * 0.09);
        }
        let record = record
            .text("instance", "")
            .text("clock", "phc0")
            .text("state", if held { "holdover" } else { "locked" })
            .text("parent", if second_gm { "001122.fffe.334466-1" } else { "001122.fffe.334455-1" })
            .text("grandmaster", gm)
            .whole("class", 6)
            .whole("accuracy", 0x21)
            .whole("time_source", 0x20)
            .flag("traceable", true)
            .whole("steps_removed", 2)
            .whole("utc_offset", 37);
        ptpd.append(&record).expect("written");
        let record = system.take(1_000_000_000).at(at).monotonic((second * 1_000_000_000) as u64);
        let record = record.text("clock", "CLOCK_REALTIME").text("source", "phc0").text("state", "locked");
        sync.append(&record.text("grandmaster", gm).number("source_error", 2_500.0)).expect("written");
    }
    println!("ptpd {}\nphc-sync {}", ptpd.head(), sync.head());
}
