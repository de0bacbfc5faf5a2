//! What bounds it: loops, floods, garbage, lost stamps, memory.

use ptp_wire::management::ManagementId;
use ptp_wire::{
    Announce, Body, ClockQuality, Message, MessageType, PortIdentity, PortNumber, TimeSource, Timestamp,
};
use ptpd::engine::{Destination, DropCause, Input, InstanceKind, Instant, Output, Stamping, TxToken};

use crate::bench::*;

#[test]
fn what_went_in_a_circle_ends_here() {
    let mut bench = Bench::e2e(3);
    assert_eq!(bench.receive(0, 1, &announce(), &group(1)).len(), 2);
    assert!(bench.receive(50 * US, 2, &announce(), &group(1)).is_empty());
    assert!(bench.receive(60 * US, 3, &announce(), &group(1)).is_empty());
    assert_eq!(bench.dropped(2, DropCause::Looped) + bench.dropped(3, DropCause::Looped), 2);
    // And what this clock sent itself.
    let own = write(
        &header(MessageType::Announce, PortIdentity::new(OWN, 1), 1),
        &Body::Announce(Announce {
            origin_timestamp: Timestamp::ZERO,
            current_utc_offset: 0,
            grandmaster_priority1: 0,
            grandmaster_clock_quality: ClockQuality::DEFAULT,
            grandmaster_priority2: 0,
            grandmaster_identity: OWN,
            steps_removed: 0,
            time_source: TimeSource::GNSS,
        }),
    );
    assert!(bench.receive(70 * US, 2, &own, &group(1)).is_empty());
    assert_eq!(bench.dropped(2, DropCause::Own), 1);
}

#[test]
fn halves_without_the_other_are_dropped_after_a_second_and_a_flood_of_them_is_bounded() {
    let mut bench = Bench::e2e(2);
    let sent = bench.receive(0, 1, &sync(1, true), &group(1));
    bench.stamp(1000, sent[0].token.expect("wanted"));
    assert_eq!(bench.engine.next_deadline(), Some(Instant(SECOND)));
    bench.pass(SECOND);
    assert_eq!(bench.dropped(2, DropCause::Unmatched), 1);
    assert_eq!(bench.engine.next_deadline(), None, "nothing is left to do");
    // Made-up Syncs and Follow_Ups without end: what they cost is the same after the first thousand.
    let flood = |bench: &mut Bench, rounds: u16| {
        for i in 0..rounds {
            let mut forged = follow_up(i, 0);
            forged[20] = (i >> 8) as u8;
            bench.receive(bench.now + 10, 1, &forged, &group(3));
            let mut forged = sync(i.wrapping_mul(31), true);
            forged[21] = (i >> 8) as u8;
            bench.receive(bench.now + 10, 1, &forged, &group(4));
        }
    };
    flood(&mut bench, 2000);
    let counted = allocation_counter::measure(|| flood(&mut bench, 20_000));
    // Every slot's buffer may have grown to hold one of them.
    assert!(counted.bytes_current < 64 * 1024, "{counted:?}");
    // Whoever speaks in the middle of it is served.
    let sent = bench.receive(bench.now + 1, 1, &sync(7, true), &group(1));
    let came = bench.now;
    bench.stamp(came + 44_000, sent[0].token.expect("wanted"));
    let out = bench.receive(came + 45_000, 1, &follow_up(7, 0), &group(1));
    assert_eq!(out[0].correction_ns(), 44_000.0);
}

#[test]
fn a_lost_stamp_costs_one_follow_up_and_a_stepped_clock_what_was_under_way() {
    let mut bench = Bench::e2e(2);
    let sent = bench.receive(0, 1, &sync(1, true), &group(1));
    let token = sent[0].token.expect("wanted");
    bench.engine.handle(Instant(5), Input::TransmitStamp { token, stamp: None });
    assert!(bench.receive(10, 1, &follow_up(1, 0), &group(1)).is_empty());
    assert_eq!(bench.engine.port_stats(PortNumber(2)).map(|s| s.tx_stamps_lost), Some(1));
    let sent = bench.receive(100 * US, 1, &sync(2, true), &group(1));
    bench.engine.handle(Instant(110 * US), Input::ClockStepped);
    assert!(bench.stamp(120 * US, sent[0].token.expect("wanted")).is_empty());
    assert!(bench.receive(130 * US, 1, &follow_up(2, 0), &group(1)).is_empty());
}

#[test]
fn nothing_goes_to_a_port_that_is_down_or_comes_from_it() {
    let mut bench = Bench::e2e(3);
    let cause = ptpd::engine::DownCause::Link;
    bench.engine.handle(Instant(0), Input::PortDown { port: PortNumber(2), cause });
    let sent = bench.receive(1, 1, &announce(), &group(1));
    assert_eq!(sent.iter().map(|s| s.port).collect::<Vec<_>>(), [3]);
    assert!(bench.receive(2, 2, &delay_req(1), &group(1)).is_empty());
    assert_eq!(bench.dropped(2, DropCause::PortDown), 1);
}

#[test]
fn passing_on_allocates_nothing_once_it_runs() {
    let mut bench = Bench::e2e(4);
    let frames: Vec<_> =
        (0..1000u16).map(|i| [sync(i, true), follow_up(i, 0), delay_req(i), delay_resp(i)]).collect();
    let e = group(1);
    let mut left = 0;
    let mut run = |bench: &mut Bench, frames: &[[Vec<u8>; 4]], from: u64| {
        let mut tokens = [TxToken(0); 8];
        for (i, [sync, follow_up, request, response]) in frames.iter().enumerate() {
            let at = from + i as u64 * 1_000_000;
            for (port, octets) in [(1, sync), (1, follow_up), (2, request), (1, response)] {
                let now = Instant(at);
                let stamp = (octets[0] & 0xf < 8).then(|| clock(at));
                let input = Input::Transit { port: PortNumber(port), octets, stamp, envelope: &e };
                bench.engine.handle(now, input);
                let mut n = 0;
                while let Some(output) = bench.engine.poll() {
                    if let Output::Transit { stamp, octets, .. } = output {
                        left += usize::from(octets[0] & 0xf >= 8);
                        if let Some(token) = stamp {
                            tokens[n] = token;
                            n += 1;
                        }
                    }
                }
                for token in tokens.iter().take(n) {
                    let stamp = Some(clock(at + 10));
                    bench.engine.handle(now, Input::TransmitStamp { token: *token, stamp });
                    while bench.engine.poll().is_some() {}
                }
            }
        }
    };
    // Twice round the tables first.
    run(&mut bench, &frames, 0);
    run(&mut bench, &frames, 10 * SECOND);
    let counted = allocation_counter::measure(|| run(&mut bench, &frames, 20 * SECOND));
    assert_eq!(counted.count_total, 0, "{counted:?}");
    assert_eq!(left, 3 * 1000 * (3 + 3), "a Follow_Up and a Delay_Resp to three ports each");
}

#[test]
fn garbage_harms_nobody() {
    // A small generator is enough: what counts is that many shapes come.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for kind in [InstanceKind::TransparentE2e, InstanceKind::TransparentP2p] {
        let mut bench = Bench::new(kind, 3, |n, p| {
            if n == 3 {
                p.stamping = Stamping::P2pOneStep;
            }
        });
        let question = get(ManagementId::DEFAULT_DATA_SET, PortIdentity::ANY, 3);
        let good = [
            sync(1, true),
            sync(2, false),
            follow_up(1, 0),
            delay_req(1),
            delay_resp(1),
            announce(),
            question,
        ];
        for i in 0..50_000u64 {
            let mut octets = good[(random() % 7) as usize].clone();
            for _ in 0..random() % 5 {
                let at = (random() % octets.len() as u64) as usize;
                octets[at] = random() as u8;
            }
            if random() % 8 == 0 {
                octets.truncate((random() % 70) as usize);
            }
            if octets.is_empty() {
                continue;
            }
            let destination = match random() % 4 {
                0 => Destination::Unicast(mac(random() as u8)),
                1 => Destination::PeerDelay,
                _ => Destination::Primary,
            };
            let envelope = envelope(random() as u8, destination);
            let port = (random() % 5) as u16;
            let sent = bench.receive(i * 1000, port, &octets, &envelope);
            for s in sent {
                assert!(s.port != port || s.envelope.is_none(), "back out of where it came in");
                assert!(Message::parse(&s.octets).is_ok());
                if let Some(token) = s.token {
                    bench.stamp(random(), token);
                }
            }
        }
        // And it still works.
        bench.pass(20 * SECOND);
        let at = bench.now + 1;
        let sent = bench.receive(at, 1, &announce(), &group(1));
        assert_eq!(sent.iter().filter(|s| s.envelope.is_some()).count(), 2);
    }
}
