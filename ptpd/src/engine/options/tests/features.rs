//! What changes who is master, and what Announce says.

use super::*;

/// Clock 0 is the better one; 1 is between it and 2.
const CHAIN: [&[(usize, u16)]; 2] = [&[(0, 1), (1, 1)], &[(1, 2), (2, 1)]];

fn chain(change: impl Fn(usize, &mut InstanceConfig)) -> Net {
    Net::new(&[1, 2, 1], &CHAIN, |n, c| {
        c.priority1 = 10 + n as u8;
        change(n, c);
    })
}

#[test]
fn ports_go_where_they_are_told_and_stay_though_the_master_is_silent() {
    // The worst clock is to be master: BMCA would have it the other way round.
    let mut net = chain(|n, c| {
        c.options.external_port_configuration = true;
        let wish: &[DesiredState] = match n {
            0 => &[DesiredState::Slave],
            1 => &[DesiredState::Master, DesiredState::Slave],
            _ => &[DesiredState::Master],
        };
        for (port, wish) in c.ports.iter_mut().zip(wish) {
            port.options.desired_state = *wish;
            port.sync_receipt_timeout = 3;
        }
    });
    net.run(10);
    let states = |net: &Net| [net.state(0, 1), net.state(1, 1), net.state(1, 2), net.state(2, 1)];
    let wanted = [PortState::Slave, PortState::Master, PortState::Slave, PortState::Master];
    assert_eq!(states(&net), wanted);
    assert_eq!(net.grandmaster(0), identity(2));
    assert_eq!(
        (net.engines[0].current_ds().steps_removed, net.engines[1].current_ds().steps_removed),
        (2, 1)
    );
    // No LISTENING wait, no PRE_MASTER: 2 was MASTER at once.
    let first = net
        .events
        .iter()
        .find(|(n, e)| *n == 2 && matches!(e, Event::PortState { to: PortState::Master, .. }));
    assert!(matches!(first, Some((_, Event::PortState { on: "EXTERNAL_PORT_CONFIGURATION", .. }))));
    // The master dies: nobody takes over, and the boundary clock says that it is not synchronised any more.
    net.mute.push(2);
    let from = net.now + 5 * SECOND;
    net.run(60);
    assert_eq!((net.state(1, 2), net.state(1, 1)), (PortState::Uncalibrated, PortState::Master));
    let announces = net.sent_by(1, MessageType::Announce, from);
    assert!(
        announces.len() > 50 && announces.iter().all(|f| f.flags().has(Flags::SYNCHRONIZATION_UNCERTAIN))
    );
    assert_eq!(net.grandmaster(0), identity(2), "its parent's data sets stay");
}

#[test]
fn another_master_is_followed_once_the_first_is_silent() {
    let mut net = Net::new(&[1, 1, 1], &[&[(0, 1), (1, 1), (2, 1)]], |n, c| {
        c.options.external_port_configuration = true;
        let wish = if n == 2 { DesiredState::Slave } else { DesiredState::Master };
        c.ports[0].options.desired_state = wish;
        // Better, but that is not asked.
        c.priority1 = if n == 1 { 1 } else { 128 };
    });
    net.run(10);
    let first = net.grandmaster(2);
    let (first, other) = if first == identity(0) { (0, 1) } else { (1, 0) };
    let at = net.now;
    net.run(20);
    assert_eq!(net.grandmaster(2), identity(first), "it does not change while it is heard");
    assert_eq!(
        net.events.iter().filter(|(n, e)| *n == 2 && matches!(e, Event::Parent { .. })).count(),
        1,
        "{at}"
    );
    net.mute.push(first);
    net.run(9);
    assert_eq!((net.grandmaster(2), net.state(2, 1)), (identity(other), PortState::Slave));
}

#[test]
fn back_under_the_algorithm_a_silent_master_is_lost() {
    let mut net = chain(|n, c| {
        c.options.external_port_configuration = n == 2;
        c.ports[0].options.desired_state = DesiredState::Slave;
    });
    net.run(10);
    assert_eq!(net.state(2, 1), PortState::Slave);
    let mut config = net.engines[2].config().clone();
    config.options.external_port_configuration = false;
    net.input(2, Input::Configure(&config));
    net.run(10);
    assert_eq!(net.state(2, 1), PortState::Slave);
    net.mute.push(1);
    net.run(10);
    assert_eq!(net.state(2, 1), PortState::Master);
}

#[test]
fn only_acceptable_masters_are_followed_and_their_alternate_priority_counts_only_for_the_choice() {
    // 0 would be best, 1 second; 2 accepts 1 and 3, and puts 3 before 1.
    let entry =
        |n, alternate_priority1| AcceptableMaster { port_identity: port_of(n, 1), alternate_priority1 };
    let mut net = Net::new(&[1; 4], &[&[(0, 1), (1, 1), (2, 1), (3, 1)]], |n, c| {
        c.priority1 = 10 + n as u8;
        c.ports[0].master_only = n != 2;
        if n == 2 {
            c.priority1 = 200;
            c.ports[0].options.acceptable_master_table = true;
            c.options.acceptable_masters = vec![entry(1, 0), entry(3, 0)];
        }
    });
    net.run(15);
    assert_eq!(net.grandmaster(2), identity(1));
    assert!(net.dropped(2, 1, DropCause::NotAcceptable) > 10);
    let mut config = net.engines[2].config().clone();
    config.options.acceptable_masters = vec![entry(1, 0), entry(3, 1)];
    net.input(2, Input::Configure(&config));
    net.run(2);
    let parent = *net.engines[2].parent_ds();
    assert_eq!((parent.grandmaster_identity, parent.grandmaster_priority1), (identity(3), 13));
    // Taken off the list, it is gone at once.
    config.options.acceptable_masters = vec![entry(1, 0)];
    net.input(2, Input::Configure(&config));
    assert_eq!(net.grandmaster(2), identity(1));
    config.ports[0].options.acceptable_master_table = false;
    net.input(2, Input::Configure(&config));
    net.run(5);
    assert_eq!(net.grandmaster(2), identity(0));
}

#[test]
fn alternate_masters_are_heard_and_not_followed() {
    // 0 is master; 1 and 2 wait, one of them may tell; 3 listens.
    let mut net = Net::new(&[1; 4], &[&[(0, 1), (1, 1), (2, 1), (3, 1)]], |n, c| {
        c.clock_quality = ClockQuality { clock_class: if n < 3 { 6 } else { 248 }, ..c.clock_quality };
        c.priority1 = 10 + n as u8;
        c.client_only = n == 3;
        if n == 1 || n == 2 {
            let options = &mut c.ports[0].options;
            options.alternate_masters = 1;
            options.alternate_multicast_sync = true;
            options.log_alternate_multicast_sync_interval = LogInterval(1);
        }
    });
    net.ahead = vec![0, 300, -500, 0];
    net.run(20);
    assert_eq!(
        (net.state(1, 1), net.state(2, 1), net.grandmaster(3)),
        (PortState::Passive, PortState::Passive, identity(0))
    );
    let from = net.now;
    net.run(100);
    let count = |n, t| {
        let frames = net.sent_by(n, t, from);
        assert!(frames.iter().all(|f| f.flags().has(Flags::ALTERNATE_MASTER) == (n != 0)));
        frames.len()
    };
    assert!((98..=102).contains(&count(1, MessageType::Announce)));
    assert!((49..=51).contains(&count(1, MessageType::Sync)), "{}", count(1, MessageType::Sync));
    assert_eq!(count(1, MessageType::Sync), count(1, MessageType::FollowUp));
    assert_eq!(
        (count(2, MessageType::Announce), count(2, MessageType::Sync)),
        (0, 0),
        "1 is better, and one is enough"
    );
    assert!((98..=102).contains(&count(0, MessageType::Announce)));
    assert_eq!((net.grandmaster(3), net.state(3, 1)), (identity(0), PortState::Slave));
    let heard: Vec<_> = net.engines[3].alternate_masters(PortNumber(1)).cloned().collect();
    assert_eq!(heard.len(), 1);
    assert_eq!((heard[0].source, heard[0].announce.grandmaster_priority1), (port_of(1, 1), 11));
    assert_eq!(heard[0].behind_master, Some(TimeInterval::from_nanos(-300)), "it is ahead");
    // The alternate dies: the next one steps in; the master dies: the alternate takes over without its flag.
    net.mute.push(1);
    net.run(10);
    let from = net.now;
    net.run(10);
    assert!((9..=11).contains(&net.sent_by(2, MessageType::Announce, from).len()));
    net.mute.push(0);
    net.run(20);
    assert_eq!((net.state(2, 1), net.grandmaster(3)), (PortState::Master, identity(2)));
    let last = net.sent_by(2, MessageType::Announce, 0).pop().unwrap();
    assert!(!last.flags().has(Flags::ALTERNATE_MASTER));
    net.run(10);
    assert_eq!(
        net.engines[3].alternate_masters(PortNumber(1)).count(),
        1,
        "what is not heard is kept until the next is"
    );
}

#[test]
fn the_grandmasters_time_offsets_reach_everybody() {
    let offset = AlternateTimeOffset {
        key: 3,
        enabled: true,
        current_offset: -28_800,
        jump_seconds: 3600,
        time_of_next_jump: 1_805_000_000,
        name: "PST".into(),
    };
    let hidden = AlternateTimeOffset { key: 4, name: "no".into(), ..AlternateTimeOffset::default() };
    let mut net = chain(|n, c| {
        if n == 0 {
            c.options.alternate_time_offsets = vec![offset.clone(), hidden.clone()];
        } else {
            c.options.alternate_time_offsets = vec![AlternateTimeOffset { enabled: true, ..hidden.clone() }];
        }
    });
    net.run(20);
    for n in 0..3 {
        assert_eq!(net.engines[n].alternate_time_offsets(), std::slice::from_ref(&offset), "clock {n}");
    }
    let of = |n| net.sent_by(n, MessageType::Announce, 10 * SECOND);
    let tlvs = |f: &Frame| f.message().tlvs().map(|t| t.tlv_type).collect::<Vec<_>>();
    assert!(of(1).iter().all(|f| tlvs(f) == [TlvType::ALTERNATE_TIME_OFFSET_INDICATOR]));
    assert_eq!(
        of(0)[0].tlv(TlvType::ALTERNATE_TIME_OFFSET_INDICATOR),
        of(1)[0].tlv(TlvType::ALTERNATE_TIME_OFFSET_INDICATOR)
    );
}

#[test]
fn a_boundary_clock_that_is_not_synchronised_says_so() {
    let mut net = chain(|_, _| {});
    net.locked[1] = false;
    net.run(20);
    let uncertain = |net: &Net, n: usize| net.engines[n].synchronization_uncertain();
    assert_eq!(net.state(1, 1), PortState::Uncalibrated);
    assert_eq!((uncertain(&net, 0), uncertain(&net, 1), uncertain(&net, 2)), (false, true, true));
    net.locked[1] = true;
    net.run(5);
    assert_eq!((uncertain(&net, 0), uncertain(&net, 1), uncertain(&net, 2)), (false, false, false));
    // Always, and never, whatever is.
    let mut config = net.engines[1].config().clone();
    config.options.synchronization_uncertain = SynchronizationUncertain::Assert;
    net.input(1, Input::Configure(&config));
    net.run(5);
    assert!(uncertain(&net, 1) && uncertain(&net, 2) && net.state(1, 1) == PortState::Slave);
    config.options.synchronization_uncertain = SynchronizationUncertain::Ignore;
    net.input(1, Input::Configure(&config));
    net.input(1, Input::Servo(ServoState::Unlocked));
    net.locked[1] = false;
    net.run(5);
    assert!(net.state(1, 1) == PortState::Uncalibrated && !uncertain(&net, 1) && !uncertain(&net, 2));
}

#[test]
fn a_grandmaster_can_speak_for_another() {
    let external = ClockIdentity([0xaa; 8]);
    let mut net = chain(|n, c| {
        if n == 0 {
            c.options.external_grandmaster =
                Some(ExternalGrandmaster { identity: external, steps_removed: 3 });
        }
    });
    net.run(20);
    assert!(net.engines[0].is_grandmaster());
    assert_eq!((0..3).map(|n| net.grandmaster(n)).collect::<Vec<_>>(), [external; 3]);
    assert_eq!([0, 1, 2].map(|n| net.engines[n].current_ds().steps_removed), [3, 4, 5]);
    assert_eq!(net.engines[1].parent_ds().parent_port_identity, port_of(0, 1));
}

#[test]
fn each_clock_adds_its_share_of_the_error() {
    let ns = TimeInterval::from_nanos;
    let mut net = chain(|n, c| {
        c.path_trace = true;
        c.options.accuracy = (n < 2).then(|| Accuracy {
            max_gm_inaccuracy: ns(40),
            var_gm_inaccuracy: 1e-16,
            max_dynamic_inaccuracy: ns(10),
            var_dynamic_inaccuracy: 2e-18,
            max_static_medium_inaccuracy: ns(5),
            ..Accuracy::default()
        });
    });
    net.run(20);
    let of = |n: usize| net.engines[n].accuracy().unwrap();
    assert_eq!(
        (of(0).bc_hop_count, of(0).max_gm_inaccuracy, of(0).max_static_medium_inaccuracy),
        (0, ns(40), ns(0))
    );
    let m = of(1);
    assert_eq!(
        (m.bc_hop_count, m.max_gm_inaccuracy, m.max_dynamic_inaccuracy, m.max_static_medium_inaccuracy),
        (1, ns(40), ns(20), ns(5))
    );
    assert_eq!((m.var_gm_inaccuracy, m.var_dynamic_inaccuracy), (1e-16, 4e-18));
    assert_eq!(of(2), m, "without figures of its own it tells its parent's");
    // One TLV, not the parent's besides; and PATH_TRACE has both clocks.
    let announce = net.sent_by(1, MessageType::Announce, 10 * SECOND).pop().unwrap();
    let count =
        announce.message().tlvs().filter(|t| t.tlv_type == TlvType::ENHANCED_ACCURACY_METRICS).count();
    assert_eq!(count, 1);
    assert!(announce.message().path_trace().eq([identity(0), identity(1)]));
}

#[test]
fn an_announce_with_everything_in_it_still_fits_a_frame() {
    let long = |key| AlternateTimeOffset {
        key,
        enabled: true,
        name: "0123456789".into(),
        ..AlternateTimeOffset::default()
    };
    let mut net = chain(|_, c| {
        c.path_trace = true;
        c.options.alternate_time_offsets = (0..MAX_TIME_OFFSETS).map(long).collect();
        c.options.accuracy = Some(Accuracy::default());
    });
    net.run(20);
    assert_eq!(net.engines[2].alternate_time_offsets().len(), usize::from(MAX_TIME_OFFSETS));
    let longest = net.sent.iter().map(|f| f.octets.len()).max();
    assert!(longest <= Some(1480), "{longest:?}");
}

/// A chain where nothing is multicast: each client asks the master before it.
fn unicast_chain(change: impl Fn(usize, &mut InstanceConfig)) -> Net {
    chain(|n, c| {
        for (i, port) in c.ports.iter_mut().enumerate() {
            port.multicast = false;
            // The first port of all but the grandmaster looks up, the others down.
            if i == 0 && n > 0 {
                port.unicast_client = Some(UnicastClientConfig {
                    masters: vec![UnicastMaster {
                        address: MasterAddress::Known(Address::Ethernet([n as u8 - 1; 6])),
                        local_priority: 128,
                    }],
                    duration: 60,
                    log_query_interval: LogInterval(0),
                });
            } else {
                port.unicast_server = Some(UnicastServerConfig::default());
            }
        }
        change(n, c);
    })
}

#[test]
fn unicast_announces_carry_what_multicast_ones_do() {
    let offset = AlternateTimeOffset {
        key: 2,
        enabled: true,
        current_offset: 7200,
        name: "CEST".into(),
        ..AlternateTimeOffset::default()
    };
    let mut net = unicast_chain(|_, c| {
        c.path_trace = true;
        c.options.accuracy =
            Some(Accuracy { max_dynamic_inaccuracy: TimeInterval::from_nanos(10), ..Accuracy::default() });
        c.options.alternate_time_offsets = vec![offset.clone()];
    });
    net.locked[1] = false;
    net.run(60);
    assert!(net.sent.iter().all(|f| f.flags().has(Flags::UNICAST)), "nothing goes to the group");
    assert_eq!(
        (net.state(1, 1), net.state(2, 1), net.grandmaster(2)),
        (PortState::Uncalibrated, PortState::Slave, identity(0))
    );
    let announce = net.sent_by(1, MessageType::Announce, 30 * SECOND).pop().unwrap();
    assert!(announce.message().path_trace().eq([identity(0), identity(1)]));
    assert!(announce.flags().has(Flags::SYNCHRONIZATION_UNCERTAIN));
    assert_eq!(net.engines[2].alternate_time_offsets(), std::slice::from_ref(&offset));
    let metrics = net.engines[2].accuracy().unwrap();
    assert_eq!((metrics.bc_hop_count, metrics.max_dynamic_inaccuracy), (2, TimeInterval::from_nanos(30)));
}

#[test]
fn ports_configured_from_outside_ask_their_unicast_master() {
    // By priority 2 would lead; it is told to follow, and so is 1.
    let mut net = unicast_chain(|n, c| {
        c.priority1 = 100 - n as u8;
        c.options.external_port_configuration = true;
        for (i, port) in c.ports.iter_mut().enumerate() {
            let follows = i == 0 && n > 0;
            port.options.desired_state = if follows { DesiredState::Slave } else { DesiredState::Master };
        }
    });
    net.run(30);
    assert_eq!(
        [net.state(1, 1), net.state(1, 2), net.state(2, 1)],
        [PortState::Slave, PortState::Master, PortState::Slave]
    );
    assert_eq!((net.grandmaster(2), net.engines[2].current_ds().steps_removed), (identity(0), 2));
}
