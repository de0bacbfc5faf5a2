//! Socket addresses as octets, in the kernel's layout: made and read without casts.

use std::ffi::OsStr;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const AF_UNIX: u16 = libc::AF_UNIX as u16;
const AF_INET: u16 = libc::AF_INET as u16;
const AF_INET6: u16 = libc::AF_INET6 as u16;
const AF_PACKET: u16 = libc::AF_PACKET as u16;
const AF_NETLINK: u16 = libc::AF_NETLINK as u16;

/// A socket address with its length.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Name {
    octets: [u8; Self::CAPACITY as usize],
    len: u32,
}

/// A packet socket's address (struct sockaddr_ll).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct LinkName {
    pub(crate) packet_type: u8,
    pub(crate) address: [u8; 6],
}

impl Default for Name {
    fn default() -> Self {
        Self { octets: [0; Self::CAPACITY as usize], len: 0 }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Name").field(&self.octets.get(..self.len as usize)).finish()
    }
}

impl Name {
    /// As long as sockaddr_storage.
    pub(crate) const CAPACITY: u32 = 128;
    /// The longest path of a UNIX socket, without its NUL.
    pub(crate) const MAX_PATH: usize = 107;

    fn of(family: u16, len: u32) -> Self {
        let mut name = Self { len, ..Self::default() };
        name.put(0, &family.to_ne_bytes());
        name
    }

    fn put(&mut self, at: usize, octets: &[u8]) {
        for (to, from) in self.octets.iter_mut().skip(at).zip(octets) {
            *to = *from;
        }
    }

    fn take<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.octets.get(..self.len as usize)?.get(at..)?.first_chunk().copied()
    }

    fn family(&self) -> Option<u16> {
        self.take(0).map(u16::from_ne_bytes)
    }

    pub(crate) fn ipv4(address: Ipv4Addr, port: u16) -> Self {
        let mut name = Self::of(AF_INET, 16);
        name.put(2, &port.to_be_bytes());
        name.put(4, &address.octets());
        name
    }

    pub(crate) fn ipv6(address: Ipv6Addr, port: u16, scope: u32) -> Self {
        let mut name = Self::of(AF_INET6, 28);
        name.put(2, &port.to_be_bytes());
        name.put(8, &address.octets());
        name.put(24, &scope.to_ne_bytes());
        name
    }

    pub(crate) fn link(protocol: u16, interface: u32, address: [u8; 6]) -> Self {
        let mut name = Self::of(AF_PACKET, 20);
        name.put(2, &protocol.to_be_bytes());
        name.put(4, &interface.to_ne_bytes());
        name.put(11, &[6]);
        name.put(12, &address);
        name
    }

    pub(crate) fn netlink(groups: u32) -> Self {
        let mut name = Self::of(AF_NETLINK, 12);
        name.put(8, &groups.to_ne_bytes());
        name
    }

    /// `None`: empty, too long, or with a NUL. Its length is always the structure's: simulators insist on it.
    pub(crate) fn unix(path: &Path) -> Option<Self> {
        let octets = path.as_os_str().as_bytes();
        if octets.is_empty() || octets.len() > Self::MAX_PATH || octets.contains(&0) {
            return None;
        }
        let mut name = Self::of(AF_UNIX, 110);
        name.put(2, octets);
        Some(name)
    }

    pub(crate) fn as_ipv4(&self) -> Option<Ipv4Addr> {
        (self.family()? == AF_INET).then(|| self.take::<4>(4)).flatten().map(Ipv4Addr::from)
    }

    pub(crate) fn as_ipv6(&self) -> Option<Ipv6Addr> {
        (self.family()? == AF_INET6).then(|| self.take::<16>(8)).flatten().map(Ipv6Addr::from)
    }

    pub(crate) fn as_link(&self) -> Option<LinkName> {
        if self.family()? != AF_PACKET {
            return None;
        }
        let [packet_type] = self.take(10)?;
        Some(LinkName { packet_type, address: self.take(12)? })
    }

    /// The sender's port number of a netlink message; 0 is the kernel.
    pub(crate) fn as_netlink(&self) -> Option<u32> {
        (self.family()? == AF_NETLINK).then(|| self.take::<4>(4)).flatten().map(u32::from_ne_bytes)
    }

    /// The path of a UNIX socket; `None` if it has no name, or an abstract one.
    pub(crate) fn as_unix(&self) -> Option<&Path> {
        if self.family()? != AF_UNIX {
            return None;
        }
        let path = self.octets.get(2..(self.len as usize).min(110))?;
        let path = path.split(|o| *o == 0).next().filter(|p| !p.is_empty())?;
        Some(Path::new(OsStr::from_bytes(path)))
    }

    pub(crate) fn as_ptr(&self) -> *const u8 {
        self.octets.as_ptr()
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.octets.as_mut_ptr()
    }

    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    /// After the kernel wrote it.
    pub(crate) fn set_len(&mut self, len: u32) {
        self.len = len.min(Self::CAPACITY);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_reads_back() {
        let v4 = Ipv4Addr::new(224, 0, 1, 129);
        assert_eq!(Name::ipv4(v4, 319).as_ipv4(), Some(v4));
        assert_eq!(Name::ipv4(v4, 319).as_ipv6(), None);
        assert_eq!(&Name::ipv4(v4, 319).octets[2..8], &[1, 63, 224, 0, 1, 129]);
        let v6 = Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 0, 0x181);
        assert_eq!(Name::ipv6(v6, 320, 7).as_ipv6(), Some(v6));
        let mac = [1, 0x1b, 0x19, 0, 0, 0];
        let link = Name::link(0x88f7, 3, mac);
        assert_eq!(link.as_link(), Some(LinkName { packet_type: 0, address: mac }));
        assert_eq!(&link.octets[2..4], &[0x88, 0xf7]);
        assert_eq!(Name::netlink(1).as_netlink(), Some(0));
        let path = Path::new("/run/ptp/rw");
        let unix = Name::unix(path).expect("a fine path");
        assert_eq!((unix.as_unix(), unix.len()), (Some(path), 110));
    }

    #[test]
    fn impossible_paths_are_refused() {
        assert!(Name::unix(Path::new("")).is_none());
        assert!(Name::unix(Path::new("a\0b")).is_none());
        assert!(Name::unix(Path::new(&"a".repeat(107))).is_some());
        assert!(Name::unix(Path::new(&"a".repeat(108))).is_none());
    }

    #[test]
    fn short_and_nameless_ones_are_nothing() {
        let mut name = Name::ipv4(Ipv4Addr::LOCALHOST, 1);
        for len in 0..8 {
            name.set_len(len);
            assert_eq!(name.as_ipv4(), None);
        }
        let mut unix = Name::unix(Path::new("x")).expect("a fine path");
        unix.set_len(2);
        assert_eq!(unix.as_unix(), None);
        assert_eq!(Name::default().as_unix(), None);
    }
}
