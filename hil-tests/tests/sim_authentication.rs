//! Authenticated networks (1588-2019 16.14): who has the keys is in, who has not is counted and stays out.

use core::time::Duration;

use hil_tests::sim::{LinkId, LinkSpec, NodeId, NodeSpec, PortState, Simulation};
use ptp_security::{Algorithm, Key, SecurityAssociation};
use ptp_wire::{LogInterval, Message, MessageType, PortNumber};
use ptpd::engine::{Address, Authentication, DropCause, InstanceKind};

const fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn association(ids: &[u32]) -> SecurityAssociation {
    let kinds =
        [Algorithm::HmacSha256Of128, Algorithm::HmacSha256, Algorithm::AesCmac128, Algorithm::AesCmac256];
    let key = |id: &u32| {
        let algorithm = kinds[*id as usize % 4];
        let octets = vec![*id as u8; algorithm.key_len().unwrap_or(20)];
        Key::new(*id, algorithm, &octets).expect("a good key")
    };
    let keys = ids.iter().map(key).collect();
    SecurityAssociation { spp: 7, seqid_window: 3, allow_mutable: false, keys }
}

/// All these keys are accepted, this one is sent with.
fn keys(ids: &[u32], active: u32) -> Option<Authentication> {
    Some(Authentication { association: association(ids), active_key_id: Some(active) })
}

fn with_keys(node: NodeSpec, authentication: &Option<Authentication>) -> NodeSpec {
    node.each_port(|p| {
        p.authentication.clone_from(authentication);
        p.log_sync_interval = LogInterval(-3);
    })
}

fn dropped(sim: &Simulation, node: NodeId, port: u16, cause: DropCause) -> u64 {
    sim.engine(node).and_then(|e| e.port_stats(PortNumber(port))).map_or(0, |s| s.dropped(cause))
}

/// Everything that was dropped for want of authenticity.
fn refused(sim: &Simulation, node: NodeId) -> u64 {
    [DropCause::Unauthenticated, DropCause::UnknownKey, DropCause::BadIcv, DropCause::Replayed]
        .iter()
        .map(|cause| dropped(sim, node, 1, *cause))
        .sum()
}

struct Pair {
    sim: Simulation,
    gm: NodeId,
    client: NodeId,
    link: LinkId,
}

fn pair(seed: u64, gm: &Option<Authentication>, client: &Option<Authentication>) -> Pair {
    let mut sim = Simulation::new(seed);
    let [gm, client] = [
        with_keys(NodeSpec::grandmaster("gm"), gm),
        with_keys(NodeSpec::new("client").off(1_000_000, 5_000.0), client),
    ]
    .map(|node| sim.node(node));
    let link = sim.link(&[gm, client], LinkSpec::wire(500));
    sim.capture(link);
    sim.run_for(secs(60));
    Pair { sim, gm, client, link }
}

#[track_caller]
fn assert_locked(sim: &Simulation, gm: NodeId, client: NodeId) {
    sim.assert_state(client, 1, PortState::Slave);
    assert_eq!(sim.grandmaster_of(client), Some(gm));
    let offsets = sim.offsets(client, gm, secs(20));
    assert!(offsets.max < 1_000.0, "{offsets}");
}

#[test]
fn with_the_same_keys_a_client_locks_and_every_message_is_sealed() {
    for active in 1..=4 {
        let both = keys(&[1, 2, 3, 4], active);
        let Pair { sim, gm, client, link } = pair(u64::from(active), &both, &both);
        assert_locked(&sim, gm, client);
        assert_eq!((refused(&sim, gm), refused(&sim, client)), (0, 0));
        let capture = sim.captured(link).expect("asked for");
        let association = association(&[1, 2, 3, 4]);
        let mut types = std::collections::BTreeSet::new();
        for (_, octets) in capture.messages() {
            let message = Message::parse(octets).expect("ours");
            assert_eq!(association.verify(&message), Ok(active));
            types.insert(message.header().message_type);
        }
        use MessageType::{Announce, DelayReq, DelayResp, FollowUp, Sync};
        assert!(
            [Announce, DelayReq, DelayResp, FollowUp, Sync].iter().all(|t| types.contains(t)),
            "{types:?}"
        );
    }
}

#[test]
fn without_the_keys_nobody_is_followed_and_each_cause_is_counted() {
    let good = keys(&[1, 2], 1);
    for (gm, cause) in [
        (None, DropCause::Unauthenticated),
        (keys(&[3], 3), DropCause::UnknownKey),
        (
            Some(Authentication {
                association: SecurityAssociation {
                    keys: vec![Key::new(1, Algorithm::AesCmac128, &[9; 16]).expect("a good key")],
                    ..association(&[1])
                },
                active_key_id: Some(1),
            }),
            DropCause::BadIcv,
        ),
    ] {
        let Pair { sim, gm, client, .. } = pair(5, &gm, &good);
        assert_eq!(sim.state(client, 1), PortState::Master, "{cause:?}");
        assert_eq!(sim.grandmaster_of(client), Some(client));
        let count = dropped(&sim, client, 1, cause);
        assert_eq!(count, refused(&sim, client));
        // Announces, Syncs and Follow_Ups of a minute.
        assert!(count > 900, "{cause:?}: {count}");
        // A master without keys does not look for any: it sees a master that is worse.
        if cause == DropCause::Unauthenticated {
            assert_eq!((sim.state(gm, 1), refused(&sim, gm)), (PortState::Master, 0));
        }
    }
}

#[test]
fn keys_roll_over_without_a_gap() {
    let Pair { mut sim, gm, client, .. } = pair(6, &keys(&[1], 1), &keys(&[1], 1));
    assert_locked(&sim, gm, client);
    // Everybody learns the new key, then everybody sends with it, then the old one is forgotten.
    for step in [keys(&[1, 2], 1), keys(&[1, 2], 2), keys(&[2], 2)] {
        for node in [gm, client] {
            sim.reload(node, |c| c.ports.iter_mut().for_each(|p| p.authentication.clone_from(&step)));
            sim.run_for(secs(5));
        }
    }
    sim.run_for(secs(20));
    assert_locked(&sim, gm, client);
    assert_eq!((refused(&sim, gm), refused(&sim, client)), (0, 0));
    assert!(sim.record(client).changes.iter().filter(|c| c.to == PortState::Slave).count() == 1);
}

#[test]
fn recorded_messages_that_are_sent_again_move_nobody() {
    let both = keys(&[1, 2], 2);
    let Pair { mut sim, gm, client, link } = pair(7, &both, &both);
    assert_locked(&sim, gm, client);
    let of_gm: Vec<Vec<u8>> = sim
        .captured(link)
        .expect("asked for")
        .messages()
        .filter(|(_, o)| matches!(o[0] & 0xf, 0 | 8) && o[20..28] == sim.identity(gm).0)
        .map(|(_, o)| o.to_vec())
        .collect();
    let (from, to) = (Address::Ethernet([2, 0, 0, 0, 0, 9]), Address::Ethernet([0x01, 0x1b, 0x19, 0, 0, 0]));
    let before = dropped(&sim, client, 1, DropCause::Replayed);
    for octets in &of_gm {
        sim.forge(link, from, to, octets);
        sim.run_for(Duration::from_millis(7));
    }
    let replayed = dropped(&sim, client, 1, DropCause::Replayed) - before;
    assert_eq!(replayed, of_gm.len() as u64, "every one is known for what it is");
    assert_locked(&sim, gm, client);
    assert_eq!(dropped(&sim, client, 1, DropCause::BadIcv), 0);

    // A master that starts anew counts from the beginning: it is followed again once its old numbers are forgotten.
    sim.kill(gm);
    sim.run_for(Duration::from_millis(500));
    sim.revive(gm);
    sim.run_for(secs(60));
    assert_locked(&sim, gm, client);
}

#[test]
fn a_transparent_clock_with_the_keys_seals_what_it_changed_and_one_without_is_found_out() {
    let both = keys(&[1, 2], 2);
    let run = |middle: &Option<Authentication>, seed: u64| {
        let mut sim = Simulation::new(seed);
        let gm = sim.node(with_keys(NodeSpec::grandmaster("gm"), &both));
        let tc =
            sim.node(with_keys(NodeSpec::new("tc").with(|c| c.kind = InstanceKind::TransparentE2e), middle));
        let client =
            sim.node(with_keys(NodeSpec::new("client").client_only().off(1_000_000, 5_000.0), &both));
        let links = [[gm, tc], [tc, client]].map(|ends| sim.link(&ends, LinkSpec::wire(500)));
        sim.run_for(secs(60));
        (sim, [gm, tc, client], links)
    };
    let (mut sim, [gm, tc, client], links) = run(&both, 8);
    assert_locked(&sim, gm, client);
    assert_eq!([gm, tc, client].map(|n| refused(&sim, n)), [0; 3]);
    // It does not seal what is forged.
    let forged = sim.address_of(gm, 1).map(|from| (from, Address::Ethernet([0x01, 0x1b, 0x19, 0, 0, 0])));
    let (from, to) = forged.expect("it has one");
    let mut sync = [0; 44];
    (sync[0], sync[1], sync[3]) = (0, 0x12, 44);
    sync[20..28].copy_from_slice(&sim.identity(gm).0);
    sync[29] = 1;
    let (rx, _) = (sim.link_stats(links[1]).sent, ());
    for _ in 0..100 {
        sim.forge(links[0], from, to, &sync);
    }
    sim.run_for(Duration::from_millis(1));
    assert_eq!(dropped(&sim, tc, 1, DropCause::Unauthenticated), 100);
    assert!(sim.link_stats(links[1]).sent - rx < 10);

    // Without keys it changes what it must not: the client hears Announces and never a Follow_Up.
    let (sim, [_, _, client], _) = run(&None, 9);
    assert!(dropped(&sim, client, 1, DropCause::BadIcv) > 300);
    assert_ne!(sim.state(client, 1), PortState::Slave);
    // Where the association lets the correction change it does no harm.
    let mutable = both.clone().map(|a| Authentication {
        association: SecurityAssociation { allow_mutable: true, ..a.association.clone() },
        ..a
    });
    let mut sim = Simulation::new(10);
    let gm = sim.node(with_keys(NodeSpec::grandmaster("gm"), &mutable));
    let tc = sim.node(with_keys(NodeSpec::new("tc").with(|c| c.kind = InstanceKind::TransparentE2e), &None));
    let client = sim.node(with_keys(NodeSpec::new("client").client_only().off(1_000_000, 5_000.0), &mutable));
    for ends in [[gm, tc], [tc, client]] {
        sim.link(&ends, LinkSpec::wire(500));
    }
    sim.run_for(secs(60));
    assert_locked(&sim, gm, client);
    assert_eq!(refused(&sim, client), 0);
}
