//! What studio equipment is told.

use ptp_wire::{DaylightSaving, Seconds48, SynchronizationMetadata, TimeAddressFlags};

use super::*;

/// SMPTE ST 2059-2: a grandmaster tells it once a second, a boundary clock passes it on, and a stranger is not believed.
#[test]
fn synchronization_metadata_reach_those_below_and_follow_the_clock() {
    let seconds = |s| Seconds48::new(s).unwrap();
    let own = SynchronizationMetadata {
        frame_rate_numerator: 30_000,
        frame_rate_denominator: 1001,
        master_locking_status: 0,
        current_local_offset: 3563,
        jump_seconds: 3600,
        time_address_flags: TimeAddressFlags::DROP_FRAME,
        time_of_next_jump: seconds(2_000_000_000),
        time_of_next_jam: seconds(0),
        time_of_previous_jam: seconds(0),
        previous_jam_local_offset: 3563,
        daylight_saving: DaylightSaving::NEXT,
        leap_second_jump: 0,
    };
    // A grandmaster, a boundary clock, and a camera that sends none itself.
    let mut net = Net::new(&[1, 2, 1], &[&[(0, 1), (1, 1)], &[(1, 2), (2, 1)]], |n, c| {
        c.options.smpte = (n < 2).then_some(own);
        c.client_only = n == 2;
        if n == 0 {
            c.priority1 = 1;
            c.clock_quality = ClockQuality { clock_class: 6, ..ClockQuality::DEFAULT };
        }
    });
    net.run(30);
    let locked = SynchronizationMetadata { master_locking_status: 4, ..own };
    for n in 0..3 {
        assert_eq!(net.engines[n].synchronization_metadata(), Some(locked), "clock {n}");
    }
    let told = |net: &Net, n: usize| {
        net.events.iter().filter(|(i, e)| *i == n && matches!(e, Event::SynchronizationMetadata(_))).count()
    };
    assert_eq!((told(&net, 0), told(&net, 1), told(&net, 2)), (0, 1, 1), "once, while nothing changes");
    let sent = |net: &Net, n: usize, from: u64| {
        net.sent.iter().filter(|f| f.from == n && f.at >= from && f.is(MessageType::Management)).count()
    };
    let from = net.now;
    net.run(10);
    for n in 0..2 {
        assert!((9..=11).contains(&sent(&net, n, from)), "{}", sent(&net, n, from));
    }
    assert_eq!(sent(&net, 2, 0), 0);
    // Its reference is lost: the next message says so, everywhere.
    let mut config = net.engines[0].config().clone();
    config.clock_quality.clock_class = 7;
    net.input(0, Input::Configure(&config));
    net.run(3);
    assert_eq!(net.engines[2].synchronization_metadata().map(|m| m.master_locking_status), Some(1));
    // Somebody else's is not believed.
    let mut frame =
        net.sent.iter().rev().find(|f| f.from == 1 && f.is(MessageType::Management)).unwrap().clone();
    frame.octets[20..28].fill(0xee);
    frame.octets[60] ^= 1;
    let source = Address::Ethernet([2; 6]);
    let input = Input::Frame { port: PortNumber(1), octets: &frame.octets, stamp: None, source };
    net.input(2, input);
    assert_eq!(net.engines[2].synchronization_metadata().map(|m| m.frame_rate_numerator), Some(30_000));
    // And the grandmaster's does not outlive it.
    net.mute = vec![0];
    net.run(3);
    net.run(10);
    let metadata = net.engines[2].synchronization_metadata().expect("the boundary clock serves now");
    assert_eq!((metadata.master_locking_status, metadata.jump_seconds), (1, 3600));
}
