use std::os::fd::{AsFd, BorrowedFd};

use socket2::Socket;

use crate::control::Control;
use crate::name::Name;
use crate::sys;
use crate::{Interface, NetError};

const RTMGRP_LINK: u32 = 1;
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const IFLA_IFNAME: u16 = 3;
const AF_UNSPEC: u8 = 0;
const IFF_UP: u32 = libc::IFF_UP as u32;
const IFF_RUNNING: u32 = libc::IFF_RUNNING as u32;
/// struct nlmsghdr.
const HEADER: usize = 16;
/// struct ifinfomsg.
const INFO: usize = 16;
/// The kernel makes no datagram of more than that here.
const BUFFER: usize = 32 * 1024;

/// What a link is like now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LinkState {
    /// It works.
    Up,
    /// The interface is there, its link does not work.
    Down,
    /// The interface is gone, or has another name now.
    Gone,
}

/// News of a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LinkEvent<'a> {
    /// The interface's name.
    pub name: &'a str,
    /// The kernel's number for it. A new number under an old name is a new interface: open its sockets again.
    pub index: u32,
    /// Its state now; often the same as before.
    pub state: LinkState,
}

/// Tells of links that come and go (RTNLGRP_LINK).
#[derive(Debug)]
pub struct LinkMonitor {
    socket: Socket,
    names: Vec<(u32, String)>,
    buffer: Box<[u8]>,
    name: Name,
    control: Control,
}

impl LinkMonitor {
    /// Subscribes. For what is before the first event, ask [`link_state`].
    ///
    /// # Errors
    /// The kernel refused, as simulators do: then there are no link events, and the program goes on without.
    pub fn open() -> Result<Self, NetError> {
        let fail = |action: &'static str| move |e| NetError::os(action, "RTNLGRP_LINK", None, e);
        let socket = sys::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)
            .map_err(fail("open a netlink socket"))?;
        sys::bind(socket.as_fd(), &Name::netlink(RTMGRP_LINK)).map_err(fail("subscribe to link events"))?;
        // Known names, so that a renamed interface can be told as gone. Best effort.
        let mut names = Vec::new();
        for entry in nix::ifaddrs::getifaddrs().into_iter().flatten() {
            if let Some(link) = entry.address.as_ref().and_then(|a| a.as_link_addr()) {
                note(&mut names, u32::try_from(link.ifindex()).unwrap_or_default(), &entry.interface_name);
            }
        }
        Ok(Self {
            socket,
            names,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            name: Name::default(),
            control: Control::default(),
        })
    }

    /// Reads once, without waiting, and tells each event to `each`. Call it once for each `POLLIN` or `POLLERR`.
    /// `true`: events were lost; ask [`link_state`] for every interface.
    ///
    /// # Errors
    /// The socket broke.
    pub fn receive(&mut self, mut each: impl FnMut(LinkEvent<'_>)) -> Result<bool, NetError> {
        let read =
            match sys::receive(self.socket.as_fd(), &mut self.buffer, &mut self.name, &mut self.control, 0) {
                Ok(read) => read,
                Err(e) => {
                    return match e.raw_os_error() {
                        Some(libc::EAGAIN | libc::EINTR) => Ok(false),
                        Some(libc::ENOBUFS) => Ok(true),
                        _ => Err(NetError::os("receive link events", "RTNLGRP_LINK", None, e)),
                    };
                }
            };
        // Only the kernel's word counts: any program may send to a netlink socket.
        if self.name.as_netlink() == Some(0) {
            let names = &mut self.names;
            parse(self.buffer.get(..read.length).unwrap_or_default(), |event| {
                tell_renamed(names, event, &mut each);
                each(event);
            });
        }
        Ok(read.truncated)
    }
}

impl AsFd for LinkMonitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The state of one link now, by name.
///
/// # Errors
/// The name cannot be one, or the kernel refused.
pub fn link_state(name: &str) -> Result<LinkState, NetError> {
    match Interface::query(name) {
        Ok(Interface { running: true, .. }) => Ok(LinkState::Up),
        Ok(_) => Ok(LinkState::Down),
        Err(NetError::NoInterface { .. }) => Ok(LinkState::Gone),
        Err(e) => Err(e),
    }
}

fn note(names: &mut Vec<(u32, String)>, index: u32, name: &str) {
    match names.iter_mut().find(|(i, _)| *i == index) {
        Some((_, known)) if known == name => {}
        Some((_, known)) => name.clone_into(known),
        None => names.push((index, name.to_owned())),
    }
}

/// The kernel tells a new name, but not that the old one is no more.
fn tell_renamed(names: &mut Vec<(u32, String)>, event: LinkEvent<'_>, each: &mut impl FnMut(LinkEvent<'_>)) {
    if event.state == LinkState::Gone {
        names.retain(|(i, _)| *i != event.index);
        return;
    }
    if let Some((index, old)) = names.iter().find(|(i, n)| *i == event.index && n != event.name) {
        each(LinkEvent { name: old, index: *index, state: LinkState::Gone });
    }
    note(names, event.index, event.name);
}

/// Any octets are fine; what does not parse is skipped.
fn parse(mut octets: &[u8], mut each: impl FnMut(LinkEvent<'_>)) {
    while let Some(length) = octets.first_chunk().map(|l| u32::from_ne_bytes(*l) as usize) {
        let Some(message) = octets.get(..length).filter(|m| m.len() >= HEADER) else { return };
        if let Some(event) = parse_message(message) {
            each(event);
        }
        octets = octets.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
}

fn parse_message(message: &[u8]) -> Option<LinkEvent<'_>> {
    let kind = u16::from_ne_bytes(*message.get(4..)?.first_chunk()?);
    let (info, attributes) = message.get(HEADER..)?.split_first_chunk::<INFO>()?;
    let [family, _, _, _, i0, i1, i2, i3, f0, f1, f2, f3, ..] = *info;
    // Other families, as AF_BRIDGE, tell of ports of a bridge: leaving one is not being gone.
    if family != AF_UNSPEC {
        return None;
    }
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
    let state = match kind {
        RTM_DELLINK => LinkState::Gone,
        RTM_NEWLINK if flags & IFF_UP != 0 && flags & IFF_RUNNING != 0 => LinkState::Up,
        RTM_NEWLINK => LinkState::Down,
        _ => return None,
    };
    let name = name_attribute(attributes)?;
    Some(LinkEvent { name, index: u32::from_ne_bytes([i0, i1, i2, i3]), state })
}

fn name_attribute(mut attributes: &[u8]) -> Option<&str> {
    loop {
        let [l0, l1, t0, t1] = *attributes.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = attributes.get(4..length)?;
        if u16::from_ne_bytes([t0, t1]) == IFLA_IFNAME {
            let name = value.split(|o| *o == 0).next()?;
            return std::str::from_utf8(name).ok().filter(|n| !n.is_empty());
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u16, family: u8, index: u32, flags: u32, name: &str) -> Vec<u8> {
        let mut attributes = vec![8, 0, 13, 0, 1, 0, 0, 0];
        attributes.extend((name.len() as u16 + 5).to_ne_bytes());
        attributes.extend(IFLA_IFNAME.to_ne_bytes());
        attributes.extend(name.bytes().chain([0]));
        attributes.resize(attributes.len().next_multiple_of(4), 0);
        let mut v = ((HEADER + INFO + attributes.len()) as u32).to_ne_bytes().to_vec();
        v.extend(kind.to_ne_bytes());
        v.extend([0; 10]);
        v.extend([family, 0, 0, 0]);
        v.extend(index.to_ne_bytes());
        v.extend(flags.to_ne_bytes());
        v.extend([0; 4]);
        v.extend(attributes);
        v
    }

    fn events(octets: &[u8]) -> Vec<(String, u32, LinkState)> {
        let mut v = Vec::new();
        parse(octets, |e| v.push((e.name.to_owned(), e.index, e.state)));
        v
    }

    #[test]
    fn several_messages_are_told_in_order() {
        let mut all = message(RTM_NEWLINK, 0, 5, IFF_UP | IFF_RUNNING, "eth0");
        all.extend(message(RTM_NEWLINK, 0, 5, IFF_UP, "eth0"));
        all.extend(message(RTM_DELLINK, 7, 5, 0, "eth0"));
        all.extend(message(RTM_DELLINK, 0, 5, 0, "eth0"));
        let e = |s| ("eth0".to_owned(), 5, s);
        assert_eq!(events(&all), [e(LinkState::Up), e(LinkState::Down), e(LinkState::Gone)]);
    }

    #[test]
    fn a_renamed_interface_is_gone_under_its_old_name() {
        let mut names = vec![(5, "eth0".to_owned())];
        let mut told = Vec::new();
        let event = LinkEvent { name: "wan", index: 5, state: LinkState::Up };
        tell_renamed(&mut names, event, &mut |e: LinkEvent<'_>| told.push((e.name.to_owned(), e.state)));
        assert_eq!(told, [("eth0".to_owned(), LinkState::Gone)]);
        assert_eq!(names, [(5, "wan".to_owned())]);
        tell_renamed(&mut names, LinkEvent { state: LinkState::Gone, ..event }, &mut |_| {
            panic!("nothing to tell")
        });
        assert!(names.is_empty());
    }

    proptest! {
        #[test]
        fn any_octets_are_survived(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = events(&octets);
        }

        #[test]
        fn any_damage_is_survived(at in 0usize..64, value: u8, cut in 0usize..70) {
            let mut m = message(RTM_NEWLINK, 0, 5, IFF_UP, "eth0");
            if let Some(o) = m.get_mut(at) { *o = value; }
            m.truncate(cut);
            let _ = events(&m);
        }
    }
}
