//! Time to read and to emit a message: `cargo bench -p ptp-wire`. Instructions: benches/instructions.sh.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

mod cases;

fn wire(c: &mut Criterion) {
    let messages = cases::Messages::new();
    let mut buf = [0; 128];
    for (name, run) in cases::CASES {
        c.bench_function(name, |b| b.iter(|| run(black_box(&messages), black_box(&mut buf))));
    }
}

criterion_group!(benches, wire);
criterion_main!(benches);
