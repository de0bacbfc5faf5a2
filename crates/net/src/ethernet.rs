//! PTP directly over Ethernet (1588-2019 annex E): packet sockets, frames, the split of event and general messages.

use std::os::fd::AsFd;

use socket2::{SockFilter, Socket};

use crate::endpoint::groups;
use crate::interface::Interface;
use crate::name::{LinkName, Name};
use crate::sys;
use crate::{Address, Capability, MessageClass, NetError, SocketOptions, Transport};

/// EtherType of PTP.
pub(crate) const PROTOCOL: u16 = 0x88f7;
/// Octets before the message: two addresses, the EtherType.
pub(crate) const HEADER: usize = 14;
/// EtherType of an 802.1Q tag, which is 4 octets long.
const VLAN: u16 = 0x8100;
const PACKET_ADD_MEMBERSHIP: i32 = 1;
const PACKET_MR_MULTICAST: u16 = 0;

pub(crate) fn open(
    options: &SocketOptions,
    interface: &Interface,
    class: MessageClass,
) -> Result<Socket, NetError> {
    let name = interface.name.as_str();
    let fail = |action| move |e| NetError::os(action, name, None, e);
    if interface.mac.is_none() {
        return Err(NetError::NoAddress { interface: name.to_owned(), transport: Transport::Ethernet });
    }
    // Protocol 0: nothing arrives before the filter and the interface are set.
    let socket = sys::socket(libc::AF_PACKET, libc::SOCK_RAW, 0)
        .map_err(|e| NetError::os("open a packet socket", name, Some(Capability::NetRaw), e))?;
    socket.attach_filter(&filter(class)).map_err(fail("tell event from general messages"))?;
    sys::bind(socket.as_fd(), &Name::link(PROTOCOL, interface.index, [0; 6]))
        .map_err(fail("bind a packet socket to the interface"))?;
    for group in groups(options) {
        if let Address::Ethernet(group) = group
            && is_multicast(group)
        {
            sys::set_option(
                socket.as_fd(),
                libc::SOL_PACKET,
                PACKET_ADD_MEMBERSHIP,
                &membership(interface.index, group),
            )
            .map_err(fail("join a multicast group"))?;
        }
    }
    Ok(socket)
}

/// struct packet_mreq: index, type, length of address, address (8).
fn membership(index: u32, [a, b, c, d, e, f]: [u8; 6]) -> [u8; 16] {
    let [i, j, k, l] = index.to_ne_bytes();
    let [t, u] = PACKET_MR_MULTICAST.to_ne_bytes();
    let [m, n] = 6u16.to_ne_bytes();
    [i, j, k, l, t, u, m, n, a, b, c, d, e, f, 0, 0]
}

pub(crate) fn header(destination: [u8; 6], source: [u8; 6]) -> [u8; HEADER] {
    let [a, b, c, d, e, f] = destination;
    let [g, h, i, j, k, l] = source;
    let [m, n] = PROTOCOL.to_be_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n]
}

const fn is_multicast([first, ..]: [u8; 6]) -> bool {
    first & 1 != 0
}

/// The PTP message of a frame that is for us: to one of the groups, or to our address; not sent by us.
/// A VLAN tag that the kernel left in is skipped; padding and trailers (PRP) stay at the end.
pub(crate) fn accept(frame: &[u8], from: LinkName, mac: [u8; 6], groups: [Address; 2]) -> Option<&[u8]> {
    let (destination, rest) = frame.split_first_chunk::<6>()?;
    let (_source, rest) = rest.split_first_chunk::<6>()?;
    let (ether_type, mut rest) = rest.split_first_chunk::<2>()?;
    let mut ether_type = u16::from_be_bytes(*ether_type);
    if ether_type == VLAN {
        let ([_, _, a, b], inner) = rest.split_first_chunk::<4>()?;
        (ether_type, rest) = (u16::from_be_bytes([*a, *b]), inner);
    }
    let own = from.packet_type == libc::PACKET_OUTGOING || from.address == mac;
    let ours = *destination == mac || groups.contains(&Address::Ethernet(*destination));
    (ether_type == PROTOCOL && ours && !own).then_some(rest)
}

/// A program for the kernel (classic BPF): EtherType PTP, perhaps after a VLAN tag, and messageType below 4 for event
/// messages, 4 and above for general ones. The kernel keeps what does not match from waking us.
fn filter(class: MessageClass) -> [SockFilter; 12] {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const JUMP: u16 = 0x05;
    const JUMP_EQUAL: u16 = 0x15;
    const JUMP_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    let (below_4, others) = match class {
        MessageClass::Event => (u32::MAX, 0),
        MessageClass::General => (0, u32::MAX),
    };
    // A jump's two numbers: how many instructions to skip if true, if false.
    [
        SockFilter::new(LOAD_HALF, 0, 0, 12),
        SockFilter::new(JUMP_EQUAL, 0, 2, PROTOCOL.into()), // else to 4
        SockFilter::new(LOAD_BYTE, 0, 0, 14),
        SockFilter::new(JUMP, 0, 0, 4),                 // to 8
        SockFilter::new(JUMP_EQUAL, 0, 6, VLAN.into()), // else to 11
        SockFilter::new(LOAD_HALF, 0, 0, 16),
        SockFilter::new(JUMP_EQUAL, 0, 4, PROTOCOL.into()), // else to 11
        SockFilter::new(LOAD_BYTE, 0, 0, 18),
        SockFilter::new(JUMP_SET, 1, 0, 0x0c), // 8: to 10, else to 9
        SockFilter::new(RETURN, 0, 0, below_4),
        SockFilter::new(RETURN, 0, 0, others),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const PEER: [u8; 6] = [2, 0, 0, 0, 0, 2];
    const GROUP: [u8; 6] = [0x01, 0x1b, 0x19, 0, 0, 0];

    fn ours(frame: &[u8], source: [u8; 6], packet_type: u8) -> Option<&[u8]> {
        accept(frame, LinkName { packet_type, address: source }, MAC, [Address::Ethernet(GROUP); 2])
    }

    #[test]
    fn frames_for_us_are_taken_others_are_not() {
        let frame = |to| [&header(to, PEER)[..], b"message"].concat();
        assert_eq!(ours(&frame(GROUP), PEER, 2), Some(&b"message"[..]));
        assert_eq!(ours(&frame(MAC), PEER, 0), Some(&b"message"[..]));
        assert_eq!(ours(&frame(PEER), PEER, 3), None);
        assert_eq!(ours(&frame(GROUP), MAC, 2), None, "our own, reflected");
        assert_eq!(ours(&frame(GROUP), PEER, libc::PACKET_OUTGOING), None);
    }

    #[test]
    fn a_vlan_tag_is_skipped() {
        let mut frame = header(GROUP, PEER).to_vec();
        frame.splice(12..12, [0x81, 0x00, 0x20, 0x05]);
        frame.extend(b"message");
        assert_eq!(ours(&frame, PEER, 2), Some(&b"message"[..]));
    }

    proptest! {
        #[test]
        fn any_octets_are_survived(frame in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = ours(&frame, PEER, 2);
        }
    }
}
