//! What one Sync/Follow_Up pair costs, from the octets to the sample.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ptp_wire::{ClockIdentity, PortNumber, TimePoint};
use ptpd::engine::{Address, Engine, Input, InstanceConfig, Instant, Output, PortConfig, PortState};

const PORT: PortNumber = PortNumber(1);
const SOURCE: Address = Address::Ethernet([2, 0, 0, 0, 0, 1]);

fn header(message_type: u8, length: u8, sequence_id: u16) -> Vec<u8> {
    let mut f = vec![message_type, 0x12, 0, length, 0, 0, 0, 0];
    f.extend([0; 12]);
    f.extend(ClockIdentity::from_mac([2, 0, 0, 0, 0, 1]).0);
    f.extend([0, 1]);
    f.extend(sequence_id.to_be_bytes());
    f.extend([0, 0]);
    f.extend([0, 0, 0x65, 0x53, 0xf1, 0, 0, 0, 0, 0]);
    f
}

/// A client that has found its master, without a delay mechanism so that every pair makes a sample.
fn client() -> Engine {
    let mut port = PortConfig::new("eth0");
    port.delay = ptpd::engine::Delay::None;
    let config = InstanceConfig::new(ClockIdentity::from_mac([2, 0, 0, 0, 0, 2]), vec![port]);
    let mut engine = Engine::new(config, 1, Instant(0));
    engine.handle(Instant(0), Input::PortUp { port: PORT });
    let mut announce = header(0x0b, 64, 0);
    announce.extend([0, 37, 0, 1, 6, 0x20, 0, 1, 1, 2, 0, 0, 0xff, 0xfe, 0, 0, 1, 0, 0, 0xa0]);
    for i in 0..3 {
        let input = Input::Frame { port: PORT, octets: &announce, stamp: None, source: SOURCE };
        engine.handle(Instant(i * 1_000_000), input);
        while engine.poll().is_some() {}
    }
    assert_eq!(engine.port_state(PORT), Some(PortState::Uncalibrated));
    engine
}

fn sync_to_sample(c: &mut Criterion) {
    let mut engine = client();
    let frames: Vec<_> = (0..=u16::MAX)
        .map(|i| {
            let mut sync = header(0, 44, i);
            sync[6] = 2;
            (sync, header(8, 44, i))
        })
        .collect();
    let mut frames = frames.iter().cycle();
    let stamp = Some(TimePoint::from_nanos(1_700_000_000_000_000_000));
    c.bench_function("Sync and Follow_Up to sample", |b| {
        b.iter(|| {
            let (sync, follow_up) = frames.next().expect("endless");
            let now = Instant(3_000_000);
            engine.handle(now, Input::Frame { port: PORT, octets: black_box(sync), stamp, source: SOURCE });
            engine.handle(
                now,
                Input::Frame { port: PORT, octets: black_box(follow_up), stamp: None, source: SOURCE },
            );
            let mut samples = 0;
            while let Some(output) = engine.poll() {
                samples += u32::from(matches!(output, Output::Sample(_)));
            }
            assert_eq!(samples, 1);
        });
    });
}

criterion_group!(benches, sync_to_sample);
criterion_main!(benches);
