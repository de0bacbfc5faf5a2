//! What a record costs: whoever measures, who hands it over; the thread that writes it; whoever verifies it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ptp_evidence::{Interval, Recorder, RecorderOptions, Store, StoreOptions, verify};

fn measurement(interval: &mut Interval) -> ptp_evidence::Entry {
    for x in [12.0, -7.0, 3.0, 4.0, -2.5, 8.0, 1.0, 0.5] {
        interval.push(black_box(x), Some(2_350.0 + x), -1_234.567, Some(25.0));
    }
    interval
        .take(1_000_000_000)
        .text("clock", "phc0")
        .text("state", "locked")
        .text("parent", "001122.fffe.334455-1")
        .text("grandmaster", "001122.fffe.334455")
        .whole("class", 6)
        .whole("accuracy", 0x21)
        .whole("time_source", 0x20)
        .whole("steps_removed", 1)
        .whole("utc_offset", 37)
}

fn bench(c: &mut Criterion) {
    let directory = std::env::temp_dir().join(format!("evidence-bench-{}", std::process::id()));
    let mut interval = Interval::default();
    c.bench_function("evidence/make eight samples a record", |b| b.iter(|| measurement(&mut interval)));
    let mut recorder = Recorder::start(RecorderOptions::new(StoreOptions::new(&directory, "handed")));
    c.bench_function("evidence/hand over", |b| b.iter(|| recorder.record(measurement(&mut interval))));
    recorder.stop();
    let mut store = Store::open(&StoreOptions::new(&directory, "written")).expect("it can be written");
    let entry = measurement(&mut interval);
    c.bench_function("evidence/write and chain", |b| b.iter(|| store.append(&entry).expect("written")));
    drop(store);
    let mut store = Store::open(&StoreOptions::new(&directory, "verified")).expect("it can be written");
    for _ in 0..10_000 {
        store.append(&entry).expect("written");
    }
    let file = std::fs::read_dir(&directory).expect("made").filter_map(Result::ok).map(|e| e.path());
    let files: Vec<_> = file.filter(|p| p.to_string_lossy().contains("verified.0")).collect();
    c.bench_function("evidence/verify 10000", |b| {
        b.iter(|| assert!(verify(&files, &[]).chains[0].records > 10_000))
    });
    std::fs::remove_dir_all(&directory).expect("made");
}

criterion_group!(record, bench);
criterion_main!(record);
