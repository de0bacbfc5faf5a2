//! A crowd of unicast clients in one process: each with an address and an identity of its own, asking a server for
//! Announce, Sync and Delay_Resp, renewing, sending Delay_Req, and counting what it is sent.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockFlag, SockType,
    SockaddrIn, bind, recvmmsg, sendmsg, setsockopt, socket, sockopt,
};
use ptp_wire::{
    Body, ClockIdentity, Flags, Header, LogInterval, Message, MessageType, PortIdentity, RequestUnicast,
    Timestamp, TlvValue, Writer,
};

use super::error::LabError;

/// Messages read at once.
const BATCH: usize = 64;
/// Between two looks at the sockets.
const PAUSE: Duration = Duration::from_millis(1);
/// Messages read of one socket at one look, at most: requests and Delay_Req have their time, too.
const LOOK: usize = 64 * BATCH;
/// Requests are spread, so that they come as those of many hosts do.
const REQUESTS_PER_SECOND: u32 = 2000;

/// What the crowd asks for.
#[derive(Clone, Copy, Debug)]
pub struct CrowdOptions {
    /// The server.
    pub server: Ipv4Addr,
    /// The first client's address; the others follow it.
    pub first: Ipv4Addr,
    /// How many.
    pub clients: u32,
    /// log2 of the Sync interval.
    pub log_sync: i8,
    /// log2 of the Announce interval.
    pub log_announce: i8,
    /// log2 of the interval of each client's Delay_Req.
    pub log_delay: i8,
    /// How long to watch, once all have been served or `patience` is over.
    pub watch: Duration,
    /// How long to wait for all clients to be served.
    pub patience: Duration,
    /// Sync and Follow_Up of all but the first 31 clients are counted and dropped at the interface, before this host spends
    /// time on them: what is measured is the server.
    pub door: bool,
}

/// What a crowd has seen while it watched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrowdReport {
    /// Clients that were granted Sync.
    pub granted: u32,
    /// Watched for so many seconds.
    pub seconds: f64,
    /// Sync per second, of all.
    pub syncs: f64,
    /// Follow_Up per second, of all.
    pub follow_ups: f64,
    /// Sync per second of the client that got least and of the one that got most; with a door, of the first 31.
    pub least: f64,
    /// See `least`.
    pub most: f64,
    /// Delay_Resp for each Delay_Req.
    pub answered: f64,
}

struct Member {
    granted: bool,
    syncs: u32,
    next_request: Instant,
    next_delay: Instant,
    sequence: u16,
}

/// Runs a crowd on `0.0.0.0` ports 319 and 320 of this host. The clients' addresses must be local here
/// (`ip route add local PREFIX dev lo`).
///
/// # Errors
///
/// [`LabError::Io`] where sockets fail.
pub fn run_crowd(options: &CrowdOptions) -> Result<CrowdReport, LabError> {
    let event = open(319)?;
    let general = open(320)?;
    let start = Instant::now();
    let space = Duration::from_secs(1) / REQUESTS_PER_SECOND;
    let mut members: Vec<Member> = (0..options.clients)
        .map(|i| Member {
            granted: false,
            syncs: 0,
            next_request: start + space * i,
            next_delay: start + Duration::from_secs(3600),
            sequence: 0,
        })
        .collect();
    let mut headers =
        MultiHeaders::<SockaddrIn>::preallocate(BATCH, Some(nix::cmsg_space!(libc::in_pktinfo)));
    let mut buffers = vec![[0u8; 256]; BATCH];
    let mut watching: Option<Instant> = None;
    let (mut follow_ups, mut requests, mut responses) = (0u64, 0u64, 0u64);
    let mut granted = 0;
    let mut at_the_door = (0, 0);
    if options.door {
        door::shut(options.first)?;
    }
    loop {
        let now = Instant::now();
        if watching.is_none() && (granted == options.clients || now - start > options.patience) {
            watching = Some(now);
            (follow_ups, requests, responses) = (0, 0, 0);
            members.iter_mut().for_each(|m| m.syncs = 0);
            if options.door {
                at_the_door = door::counted()?;
                watching = Some(Instant::now());
            }
        }
        if watching.is_some_and(|since| now - since >= options.watch) {
            break;
        }
        for (i, member) in members.iter_mut().enumerate() {
            if member.next_request <= now {
                member.next_request = now + Duration::from_secs(if member.granted { 100 } else { 2 });
                member.sequence = member.sequence.wrapping_add(1);
                send_request(&general, options, i as u32, member.sequence)?;
            }
            if member.next_delay <= now {
                member.next_delay = now + LogInterval(options.log_delay).duration();
                member.sequence = member.sequence.wrapping_add(1);
                send_delay_req(&event, options, i as u32, member.sequence)?;
                requests += 1;
            }
        }
        // Nobody waits on the sockets: over a virtual cable it is the sender who would wake him, on its account and at the price
        // of a good part of a message.
        std::thread::sleep(PAUSE);
        for socket in [&event, &general] {
            read_all(socket, &mut headers, &mut buffers, |to, octets| {
                let place = u32::from(to).wrapping_sub(u32::from(options.first)) as usize;
                let Some(member) = members.get_mut(place) else { return };
                match octets.first().map(|o| o & 0xf) {
                    Some(0x0) => member.syncs += 1,
                    Some(0x8) => follow_ups += 1,
                    Some(0x9) => responses += 1,
                    Some(0xc) if !member.granted && grants_sync(octets) => {
                        member.granted = true;
                        granted += 1;
                        member.next_request = Instant::now() + Duration::from_secs(100);
                        // Each at a phase of its own.
                        let interval = LogInterval(options.log_delay).duration();
                        member.next_delay = Instant::now() + interval.mul_f64(place as f64 * 0.618 % 1.0);
                    }
                    _ => {}
                }
            });
        }
    }
    let seconds = watching.map_or(0.0, |since| since.elapsed().as_secs_f64()).max(1e-9);
    let mut syncs = members.iter().map(|m| u64::from(m.syncs)).sum::<u64>();
    let mut seen = members.len();
    if options.door {
        let now = door::counted()?;
        syncs += now.0.saturating_sub(at_the_door.0);
        follow_ups += now.1.saturating_sub(at_the_door.1);
        seen = door::SEEN;
    }
    let of_granted = || members.iter().take(seen).filter(|m| m.granted).map(|m| f64::from(m.syncs) / seconds);
    Ok(CrowdReport {
        granted,
        seconds,
        syncs: syncs as f64 / seconds,
        follow_ups: follow_ups as f64 / seconds,
        least: of_granted().reduce(f64::min).unwrap_or(0.0),
        most: of_granted().reduce(f64::max).unwrap_or(0.0),
        answered: responses as f64 / (requests as f64).max(1.0),
    })
}

/// A filter at the interface, of nftables.
mod door {
    use std::net::Ipv4Addr;

    use super::LabError;
    use crate::lab::{find_program, run_command};

    /// Clients whose messages are let in: the addresses of one /27 but its first.
    pub(super) const SEEN: usize = 31;

    fn nft(words: &[&str]) -> Result<String, LabError> {
        run_command(&find_program("nft", "nftables")?.to_string_lossy(), words)
    }

    pub(super) fn shut(first: Ipv4Addr) -> Result<(), LabError> {
        let prefix = Ipv4Addr::from(u32::from(first) & !31);
        nft(&[&format!(
            "add table netdev door; add counter netdev door sync; add counter netdev door follow_up; \
             add chain netdev door in {{ type filter hook ingress device eth0 priority 0; }}; \
             add rule netdev door in ip daddr {prefix}/27 accept; \
             add rule netdev door in udp dport 319 @th,64,8 & 0x0f == 0 counter name sync drop; \
             add rule netdev door in udp dport 320 @th,64,8 & 0x0f == 8 counter name follow_up drop"
        )])
        .map(drop)
    }

    /// Sync and Follow_Up that were dropped so far.
    pub(super) fn counted() -> Result<(u64, u64), LabError> {
        let of = |name| {
            let text = nft(&["list", "counter", "netdev", "door", name])?;
            let number =
                text.split_once("packets ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
            number.ok_or_else(|| LabError::Wrong(format!("nft says: {text}")))
        };
        Ok((of("sync")?, of("follow_up")?))
    }
}

fn io(what: &'static str) -> impl FnOnce(nix::Error) -> LabError {
    move |e| LabError::Io { doing: what.to_owned(), source: e.into() }
}

fn open(port: u16) -> Result<OwnedFd, LabError> {
    let fd = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_NONBLOCK, None)
        .map_err(io("open a socket"))?;
    setsockopt(&fd, sockopt::ReuseAddr, &true).map_err(io("set a socket option"))?;
    setsockopt(&fd, sockopt::Ipv4PacketInfo, &true).map_err(io("set a socket option"))?;
    let _ = setsockopt(&fd, sockopt::RcvBufForce, &(32 << 20));
    let _ = setsockopt(&fd, sockopt::RcvBuf, &(8 << 20));
    bind(fd.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)))
        .map_err(io("bind"))?;
    Ok(fd)
}

fn identity(i: u32) -> PortIdentity {
    PortIdentity::new(ClockIdentity((0x0200_00ff_fe00_0000u64 + u64::from(i)).to_be_bytes()), 1)
}

fn send(socket: &OwnedFd, options: &CrowdOptions, i: u32, port: u16, octets: &[u8]) -> Result<(), LabError> {
    let from = Ipv4Addr::from(u32::from(options.first).wrapping_add(i));
    let info = libc::in_pktinfo {
        ipi_ifindex: 0,
        ipi_spec_dst: libc::in_addr { s_addr: u32::from(from).to_be() },
        ipi_addr: libc::in_addr { s_addr: 0 },
    };
    let to = SockaddrIn::from(SocketAddrV4::new(options.server, port));
    let parts = [IoSlice::new(octets)];
    match sendmsg(
        socket.as_raw_fd(),
        &parts,
        &[ControlMessage::Ipv4PacketInfo(&info)],
        MsgFlags::MSG_DONTWAIT,
        Some(&to),
    ) {
        Ok(_) | Err(nix::Error::EAGAIN | nix::Error::ECONNREFUSED | nix::Error::ENOBUFS) => Ok(()),
        Err(e) => Err(io("send as a client")(e)),
    }
}

fn header(message_type: MessageType, i: u32, sequence: u16) -> Header {
    let mut header = Header::new(message_type);
    header.source_port_identity = identity(i);
    header.flags = Flags::UNICAST;
    header.sequence_id = sequence;
    header.log_message_interval = LogInterval::NOT_APPLICABLE;
    header
}

fn send_request(socket: &OwnedFd, options: &CrowdOptions, i: u32, sequence: u16) -> Result<(), LabError> {
    let mut buf = [0; 128];
    let wrong = |_| LabError::Wrong("a request does not fit".to_owned());
    let body = Body::Signaling { target_port_identity: PortIdentity::ANY };
    let mut w = Writer::new(&mut buf, &header(MessageType::Signaling, i, sequence), &body).map_err(wrong)?;
    for (message_type, log) in [
        (MessageType::Announce, options.log_announce),
        (MessageType::Sync, options.log_sync),
        (MessageType::DelayResp, options.log_delay),
    ] {
        let request =
            RequestUnicast { message_type, log_inter_message_period: LogInterval(log), duration: 300 };
        w.tlv_value(&TlvValue::RequestUnicast(request)).map_err(wrong)?;
    }
    let len = w.finish();
    send(socket, options, i, 320, buf.get(..len).unwrap_or(&[]))
}

fn send_delay_req(socket: &OwnedFd, options: &CrowdOptions, i: u32, sequence: u16) -> Result<(), LabError> {
    let mut buf = [0; 64];
    let body = Body::DelayReq { origin_timestamp: Timestamp::ZERO };
    let len = Writer::new(&mut buf, &header(MessageType::DelayReq, i, sequence), &body)
        .map_err(|_| LabError::Wrong("a Delay_Req does not fit".to_owned()))?
        .finish();
    send(socket, options, i, 319, buf.get(..len).unwrap_or(&[]))
}

fn grants_sync(octets: &[u8]) -> bool {
    Message::parse(octets).is_ok_and(|m| {
        m.tlvs().any(|tlv| {
            matches!(TlvValue::parse(&tlv), Ok(TlvValue::GrantUnicast(g)) if g.message_type == MessageType::Sync && g.duration > 0)
        })
    })
}

fn read_all(
    socket: &OwnedFd,
    headers: &mut MultiHeaders<SockaddrIn>,
    buffers: &mut [[u8; 256]],
    mut each: impl FnMut(Ipv4Addr, &[u8]),
) {
    let mut seen = 0;
    while seen < LOOK {
        let got = read_batch(socket, headers, buffers, &mut each);
        seen += got;
        if got < BATCH {
            break;
        }
    }
}

/// One call: how many messages it gave.
fn read_batch(
    socket: &OwnedFd,
    headers: &mut MultiHeaders<SockaddrIn>,
    buffers: &mut [[u8; 256]],
    mut each: impl FnMut(Ipv4Addr, &[u8]),
) -> usize {
    let mut found = Vec::with_capacity(BATCH);
    {
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = buffers.iter_mut().map(|b| [IoSliceMut::new(b)]).collect();
        let Ok(messages) =
            recvmmsg(socket.as_raw_fd(), headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None)
        else {
            return 0;
        };
        for message in messages {
            let to = message.cmsgs().ok().and_then(|mut c| {
                c.find_map(|c| match c {
                    ControlMessageOwned::Ipv4PacketInfo(info) => {
                        Some(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr)))
                    }
                    _ => None,
                })
            });
            found.push((to, message.bytes));
        }
    }
    let got = found.len();
    for ((to, length), buffer) in found.into_iter().zip(buffers.iter()) {
        if let Some(to) = to {
            each(to, buffer.get(..length).unwrap_or(&[]));
        }
    }
    got
}
