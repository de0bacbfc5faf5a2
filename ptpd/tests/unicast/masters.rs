//! What a master tells besides the time, and what happens when it fails: the interface's rate, packet timing signal fails, early
//! Announces.

use super::*;

#[test]
fn the_interface_rate_told_with_a_grant_makes_up_for_a_slower_link() {
    // The client's link has a tenth of the server's rate: 656 bits of 9 ns more on the way back.
    for (told, taken) in [(true, true), (false, true), (true, false)] {
        let mut gm = server(100, |_| ());
        gm.ports[0].interface_rate_tlv = told;
        let rate = |c: &mut PortConfig| c.interface_rate_tlv = taken;
        let mut n = Network::new(vec![gm, client(&[0], rate)]);
        for (i, megabits) in [(0, 1000u64), (1, 100)] {
            let bits_per_second = Some(megabits * 1_000_000);
            n.engines[i].handle(Instant(0), Input::InterfaceRate { port: PORT, bits_per_second });
        }
        n.slower[1] = 656 * 9;
        n.exact = told && taken;
        n.run_until(20 * SECOND);
        assert_eq!(n.state(1), PortState::Slave);
        // Each sample was looked at as it came.
        assert!(n.samples[1] > 10, "{}", n.samples[1]);
        let wrong = n.engines[1].current_ds().offset_from_master.nanos();
        assert_eq!(wrong, if n.exact { 0 } else { -656 * 9 / 2 }, "told {told}, taken {taken}");
    }
}

/// Two servers as the telecom profile has them, and a client that prefers the first.
fn telecom_pair(change: impl Fn(&mut InstanceConfig)) -> Network {
    let servers = [10, 20].map(|local| {
        let mut c = server(128, |_| ());
        c.best_master = BestMaster::G8275;
        c.local_priority = local;
        c
    });
    let mut c = client(&[0, 1], |p| p.sync_receipt_timeout = 8);
    c.best_master = BestMaster::G8275;
    if let Some(table) = &mut c.ports[0].unicast_client {
        table.masters[0].local_priority = 1;
        table.masters[1].local_priority = 2;
    }
    c.wait_to_restore = core::time::Duration::from_secs(100);
    change(&mut c);
    let [a, b] = servers;
    Network::new(vec![a, b, c])
}

fn failures(n: &Network) -> Vec<(ClockIdentity, MasterFailure)> {
    let of = |e: &(u64, usize, Event)| match e.2 {
        Event::MasterFailed { master, why, .. } => Some((master.clock_identity, why)),
        _ => None,
    };
    n.events.iter().filter_map(of).collect()
}

#[test]
fn a_master_whose_syncs_alone_are_lost_yields_for_the_time_to_restore() {
    let mut n = telecom_pair(|_| ());
    n.run_until(20 * SECOND);
    assert_eq!(n.parent(2), n.identity(0), "the preferred one");
    // Its event messages do not get through any more; it announces and grants as before.
    n.mute = Some(0);
    let at = n.now;
    n.run_until(at + 40 * SECOND);
    assert_eq!(n.parent(2), n.identity(1));
    assert_eq!(n.state(2), PortState::Slave);
    assert_eq!(failures(&n), [(n.identity(0), MasterFailure::NoSync)]);
    assert!(n.count(at + 30 * SECOND, 0, MessageType::Announce, 2) > 2, "it announces all the time");
    assert_eq!(n.count(at + 30 * SECOND, 0, MessageType::Sync, 2), 0, "and is asked for nothing else");
    // Whole again, it is taken back when its time is over, and not before.
    n.mute = None;
    n.run_until(at + 90 * SECOND);
    assert_eq!(n.parent(2), n.identity(1));
    n.run_until(at + 130 * SECOND);
    assert_eq!(n.parent(2), n.identity(0));
}

#[test]
fn the_only_master_is_asked_again_when_its_syncs_are_lost() {
    let mut n = telecom_pair(|c| {
        if let Some(table) = &mut c.ports[0].unicast_client {
            table.masters.truncate(1);
        }
    });
    n.run_until(20 * SECOND);
    n.mute = Some(0);
    n.run_until(60 * SECOND);
    n.mute = None;
    n.run_until(80 * SECOND);
    // Its time to restore is not over, and there is none but it.
    assert_eq!((n.parent(2), n.state(2)), (n.identity(0), PortState::Slave));
}

#[test]
fn a_master_the_servo_does_not_lock_to_yields_where_a_time_is_set() {
    for patience in [None, Some(core::time::Duration::from_secs(30))] {
        let mut n = telecom_pair(|c| c.unusable_timeout = patience);
        n.noisy = Some(0);
        n.run_until(20 * SECOND);
        assert_eq!((n.parent(2), n.state(2)), (n.identity(0), PortState::Uncalibrated));
        n.run_until(60 * SECOND);
        if patience.is_none() {
            assert_eq!(n.parent(2), n.identity(0), "nobody asked for more");
            continue;
        }
        assert_eq!((n.parent(2), n.state(2)), (n.identity(1), PortState::Slave));
        assert_eq!(failures(&n), [(n.identity(0), MasterFailure::Unusable)]);
        // And if there is none but the two and both are: the better of them.
        n.noisy = None;
        n.run_until(150 * SECOND);
        assert_eq!((n.parent(2), n.state(2)), (n.identity(0), PortState::Slave));
    }
}

#[test]
fn a_change_of_class_reaches_every_unicast_client_within_a_tenth_of_its_interval() {
    const CLIENTS: usize = 40;
    let mut configs = vec![server(100, |_| ())];
    configs.extend((0..CLIENTS).map(|_| client(&[0], |p| p.log_announce_interval = LogInterval(2))));
    configs.iter_mut().for_each(|c| c.best_master = BestMaster::G8275);
    let mut n = Network::new(configs);
    n.run_until(60 * SECOND);
    let followed = |n: &Network| (1..=CLIENTS).filter(|i| n.parent(*i) == n.identity(0)).count();
    assert_eq!(followed(&n), CLIENTS);
    let mut changed = n.engines[0].config().clone();
    changed.clock_quality.clock_class = 7;
    let at = n.now;
    n.engines[0].handle(Instant(at), Input::Configure(&changed));
    n.drain(0);
    let class = |n: &Network, i: usize| n.engines[i].parent_ds().grandmaster_clock_quality.clock_class;
    // A tenth of 4 s, the wheel's slot and the wire.
    n.run_until(at + 402_000_000);
    let told = (1..=CLIENTS).filter(|i| class(&n, *i) == 7).count();
    assert_eq!(told, CLIENTS, "all of them know");
    let early: Vec<_> = n
        .sent
        .iter()
        .filter(|(t, i, kind, _)| *t >= at && *i == 0 && *kind == MessageType::Announce)
        .map(|(t, ..)| *t - at)
        .collect();
    assert_eq!(early.len(), CLIENTS, "each is told once");
    let first = early.iter().filter(|t| **t < 200_000_000).count();
    assert!((CLIENTS / 5..CLIENTS * 4 / 5).contains(&first), "spread, not in one burst: {early:?}");
    // After it, an interval as before.
    n.run_until(at + 4_402_000_000);
    assert_eq!(n.count(at, 0, MessageType::Announce, 1), 2);
}

#[test]
fn a_name_that_moves_is_followed() {
    let mut named = client(&[], |_| ());
    named.ports[0].unicast_client.as_mut().expect("a client").masters =
        vec![UnicastMaster { address: MasterAddress::Named("gm.example".into()), local_priority: 128 }];
    let mut n = Network::new(vec![server(1, |_| ()), server(2, |_| ()), named]);
    n.run_until(5 * SECOND);
    assert!(n.sent.iter().all(|(_, by, ..)| *by != 2), "nothing is asked of nobody");
    let resolve = |n: &mut Network, to| {
        let input = Input::MasterAddress { port: PORT, index: 0, address: to };
        n.engines[2].handle(Instant(n.now), input);
        n.drain(2);
    };
    resolve(&mut n, Some(ip(0)));
    n.run_until(20 * SECOND);
    assert_eq!((n.parent(2), n.state(2)), (n.identity(0), PortState::Slave));
    resolve(&mut n, Some(ip(1)));
    n.run_until(35 * SECOND);
    assert_eq!((n.parent(2), n.state(2)), (n.identity(1), PortState::Slave));
    resolve(&mut n, None);
    n.run_until(50 * SECOND);
    assert_eq!(n.state(2), PortState::Listening);
}
