//! What lies below an interface: the card that stamps the messages of a VLAN or a bond.

use std::os::fd::AsFd;

use crate::control::Control;
use crate::name::Name;
use crate::sys;

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_BOND_ACTIVE_SLAVE: u16 = 2;
/// struct nlmsghdr, struct ifinfomsg.
const HEADER: usize = 16;
const INFO: usize = 16;
/// The kernel makes no datagram of more than that here.
const BUFFER: usize = 64 * 1024;
/// Devices on top of each other; more is a mistake somewhere.
const DEPTH: usize = 8;

/// The devices below an interface, at the time of asking.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Lower {
    /// The device whose card makes the stamps now: of a plain interface the interface itself, of a VLAN the device below, of
    /// a bond its active member. A bond that has no active member is its own.
    pub stamps: String,
    /// Members of a bond that may become active: their cards have to stamp by then.
    pub spare: Vec<String>,
    /// All other interfaces on the way: news of any of them may be news of this.
    pub through: Vec<String>,
}

impl Lower {
    /// Asks the kernel (RTM_GETLINK). Where it cannot be asked, as in simulators, an interface is its own.
    pub fn query(interface: &str) -> Self {
        links().map_or_else(
            || Self { stamps: interface.to_owned(), ..Self::default() },
            |links| Self::find(&links, interface),
        )
    }

    /// An event of this interface may have changed what is below.
    pub fn concerns(&self, name: &str) -> bool {
        self.stamps == name || self.spare.iter().chain(&self.through).any(|n| n == name)
    }

    /// The cards that have to make stamps, the one that does now first.
    pub fn cards(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.stamps.as_str()).chain(self.spare.iter().map(String::as_str))
    }

    fn find(links: &[Link], interface: &str) -> Self {
        let mut lower = Self { stamps: interface.to_owned(), ..Self::default() };
        for _ in 0..DEPTH {
            let Some(link) = links.iter().find(|l| l.name == lower.stamps) else { break };
            let by_index = |index: u32| links.iter().find(|l| l.index == index);
            let next = match link.kind.as_str() {
                "vlan" => link.below.and_then(by_index),
                "bond" => {
                    let members = links.iter().filter(|l| l.master == Some(link.index));
                    let active = link.active.and_then(by_index);
                    lower.spare = members
                        .filter(|m| active.is_none_or(|a| a.index != m.index))
                        .map(|m| m.name.clone())
                        .collect();
                    active
                }
                _ => None,
            };
            let Some(next) = next else { break };
            lower.through.push(std::mem::replace(&mut lower.stamps, next.name.clone()));
        }
        lower
    }
}

/// What is needed of a link.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Link {
    index: u32,
    name: String,
    kind: String,
    /// Of a VLAN, in the same namespace.
    below: Option<u32>,
    master: Option<u32>,
    /// Of a bond.
    active: Option<u32>,
}

/// All links of the namespace; `None`: the kernel cannot be asked.
fn links() -> Option<Vec<Link>> {
    let socket = sys::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE).ok()?;
    let fd = socket.as_fd();
    let mut request = Vec::with_capacity(HEADER + INFO);
    request.extend(((HEADER + INFO) as u32).to_ne_bytes());
    request.extend(RTM_GETLINK.to_ne_bytes());
    request.extend((NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    request.extend([0; 8 + INFO]);
    sys::send(fd, &Name::netlink(0), [&request, &[], &[]], None).ok()?;
    let (mut name, mut control) = (Name::default(), Control::default());
    let mut buffer = vec![0; BUFFER];
    let mut links = Vec::new();
    // The kernel answers at once, a part for each read.
    while let Ok(read) = sys::receive(fd, &mut buffer, &mut name, &mut control, 0) {
        if name.as_netlink() == Some(0) && parse(buffer.get(..read.length)?, &mut links) {
            return Some(links);
        }
    }
    None
}

/// True: that was the last part. Any octets are fine; what does not parse is skipped.
fn parse(mut octets: &[u8], links: &mut Vec<Link>) -> bool {
    while let Some(length) = octets.first_chunk().map(|l| u32::from_ne_bytes(*l) as usize) {
        let Some(message) = octets.get(..length).filter(|m| m.len() >= HEADER) else { return true };
        match message.get(4..).and_then(<[u8]>::first_chunk).map(|k| u16::from_ne_bytes(*k)) {
            Some(NLMSG_DONE) => return true,
            Some(RTM_NEWLINK) => links.extend(parse_link(message)),
            _ => {}
        }
        octets = octets.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

fn parse_link(message: &[u8]) -> Option<Link> {
    let (info, rest) = message.get(HEADER..)?.split_first_chunk::<INFO>()?;
    let [_, _, _, _, i0, i1, i2, i3, ..] = *info;
    let mut link = Link { index: u32::from_ne_bytes([i0, i1, i2, i3]), ..Link::default() };
    let mut elsewhere = false;
    for (kind, value) in Attributes(rest) {
        match kind {
            IFLA_IFNAME => link.name = text(value),
            IFLA_LINK => link.below = number(value),
            IFLA_MASTER => link.master = number(value),
            IFLA_LINK_NETNSID => elsewhere = true,
            IFLA_LINKINFO => {
                for (kind, value) in Attributes(value) {
                    match kind {
                        IFLA_INFO_KIND => link.kind = text(value),
                        IFLA_INFO_DATA => {
                            let mut data = Attributes(value);
                            let active = data.find(|(kind, _)| *kind == IFLA_BOND_ACTIVE_SLAVE);
                            link.active = active.and_then(|(_, value)| number(value));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    if elsewhere {
        // The number is another namespace's.
        link.below = None;
    }
    if link.kind != "bond" {
        link.active = None;
    }
    (!link.name.is_empty()).then_some(link)
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.split(|o| *o == 0).next().unwrap_or_default()).into_owned()
}

fn number(value: &[u8]) -> Option<u32> {
    value.first_chunk().map(|n| u32::from_ne_bytes(*n)).filter(|n| *n != 0)
}

/// struct rtattr: length, type, value, padding.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [l0, l1, t0, t1] = *self.0.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        // The upper two bits are flags (NLA_F_NESTED).
        Some((u16::from_ne_bytes([t0, t1]) & 0x3fff, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut v = (value.len() as u16 + 4).to_ne_bytes().to_vec();
        v.extend(kind.to_ne_bytes());
        v.extend(value);
        v.resize(v.len().next_multiple_of(4), 0);
        v
    }

    fn link(index: u32, name: &str, more: &[Vec<u8>]) -> Vec<u8> {
        let attributes = [attribute(IFLA_IFNAME, format!("{name}\0").as_bytes()), more.concat()].concat();
        let mut v = ((HEADER + INFO + attributes.len()) as u32).to_ne_bytes().to_vec();
        v.extend(RTM_NEWLINK.to_ne_bytes());
        v.extend([0; 10 + 4]);
        v.extend(index.to_ne_bytes());
        v.extend([0; 8]);
        v.extend(attributes);
        v
    }

    fn kind(name: &str, data: &[u8]) -> Vec<u8> {
        let info =
            [attribute(IFLA_INFO_KIND, format!("{name}\0").as_bytes()), attribute(IFLA_INFO_DATA, data)];
        attribute(IFLA_LINKINFO | 0x8000, &info.concat())
    }

    fn read(messages: &[Vec<u8>]) -> Vec<Link> {
        let mut links = Vec::new();
        assert!(!parse(&messages.concat(), &mut links), "there is no end");
        links
    }

    #[test]
    fn a_vlan_on_a_bond_leads_to_the_active_member() {
        let active = |n: u32| kind("bond", &attribute(IFLA_BOND_ACTIVE_SLAVE, &n.to_ne_bytes()));
        let below = |n: u32| attribute(IFLA_LINK, &n.to_ne_bytes());
        let member = |n: u32| attribute(IFLA_MASTER, &n.to_ne_bytes());
        let all = |now: u32| {
            read(&[
                link(1, "lo", &[]),
                link(2, "eth0", &[member(4)]),
                link(3, "eth1", &[member(4)]),
                link(4, "bond0", &[active(now)]),
                link(5, "bond0.7", &[below(4), kind("vlan", &[])]),
                link(6, "veth", &[below(2), kind("veth", &[])]),
                link(7, "far.7", &[below(2), attribute(IFLA_LINK_NETNSID, &[0; 4]), kind("vlan", &[])]),
            ])
        };
        let lower = Lower::find(&all(2), "bond0.7");
        assert_eq!(lower.cards().collect::<Vec<_>>(), ["eth0", "eth1"]);
        assert_eq!(lower.through, ["bond0.7", "bond0"]);
        assert!(lower.concerns("bond0") && lower.concerns("eth1") && !lower.concerns("lo"));
        assert_eq!(Lower::find(&all(3), "bond0").stamps, "eth1");
        let none = Lower::find(&all(0), "bond0");
        assert_eq!(none.cards().collect::<Vec<_>>(), ["bond0", "eth0", "eth1"], "no active member yet");
        for own in ["eth0", "veth", "far.7", "absent"] {
            assert_eq!(Lower::find(&all(2), own), Lower { stamps: own.into(), ..Lower::default() });
        }
        // Devices that are below themselves do not hang it.
        let circle = read(&[
            link(2, "a", &[below(3), kind("vlan", &[])]),
            link(3, "b", &[below(2), kind("vlan", &[])]),
        ]);
        assert_eq!(Lower::find(&circle, "a").through.len(), DEPTH);
    }

    proptest! {
        #[test]
        fn any_octets_are_survived(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&octets, &mut Vec::new());
        }

        #[test]
        fn any_damage_is_survived(at in 0usize..80, value: u8, cut in 0usize..90) {
            let data = attribute(IFLA_BOND_ACTIVE_SLAVE, &[2, 0, 0, 0]);
            let mut m = link(4, "bond0", &[kind("bond", &data)]);
            if let Some(o) = m.get_mut(at) { *o = value; }
            m.truncate(cut);
            let _ = parse(&m, &mut Vec::new());
        }
    }
}
