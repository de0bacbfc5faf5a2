//! Links that go down, come up, get another name, and vanish.

use crate::common::{Side, in_namespaces, ip, wait};
use nix::poll::PollFlags;
use ptp_net::{LinkMonitor, LinkState, link_state};

/// Reads events until one of this interface and state comes.
fn expect(monitor: &mut LinkMonitor, name: &str, state: LinkState) {
    let mut seen = Vec::new();
    for _ in 0..20 {
        let ready = wait(&*monitor, PollFlags::POLLIN);
        assert!(ready.contains(PollFlags::POLLIN), "no event {state:?} of {name}; saw {seen:?}");
        let mut found = false;
        let lost = monitor
            .receive(|e| {
                seen.push((e.name.to_owned(), e.state));
                found |= e.name == name && e.state == state;
            })
            .expect("a working socket");
        assert!(!lost);
        if found {
            return;
        }
    }
    panic!("no event {state:?} of {name}; saw {seen:?}");
}

#[test]
fn links_are_followed() {
    in_namespaces("links::links_are_followed", |net| {
        let here = |f: &(dyn Fn() -> LinkState + Sync)| net.enter(Side::Left, f);
        let state = |name: &'static str| here(&move || link_state(name).expect("a fine name"));
        let mut monitor = net.enter(Side::Left, LinkMonitor::open).expect("netlink works here");
        assert_eq!(state("left"), LinkState::Up);
        assert_eq!(state("absent"), LinkState::Gone);

        // The other end goes down: no carrier here.
        net.enter(Side::Right, || ip("link set right down"));
        expect(&mut monitor, "left", LinkState::Down);
        assert_eq!(state("left"), LinkState::Down);
        net.enter(Side::Right, || ip("link set right up"));
        expect(&mut monitor, "left", LinkState::Up);
        assert_eq!(state("left"), LinkState::Up);

        net.enter(Side::Left, || ip("link set left down"));
        expect(&mut monitor, "left", LinkState::Down);
        net.enter(Side::Left, || ip("link set left name wan"));
        expect(&mut monitor, "left", LinkState::Gone);
        net.enter(Side::Left, || ip("link set wan up"));
        expect(&mut monitor, "wan", LinkState::Up);
        assert_eq!((state("left"), state("wan")), (LinkState::Gone, LinkState::Up));

        net.enter(Side::Left, || ip("link delete wan"));
        expect(&mut monitor, "wan", LinkState::Gone);
        assert_eq!(state("wan"), LinkState::Gone);
        net.enter(Side::Left, || ip("link add wan type veth peer name other"));
        expect(&mut monitor, "wan", LinkState::Down);
    });
}
