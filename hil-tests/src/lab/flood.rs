//! Somebody in the network who means ill: requests for unicast service in ever new names, and messages that are forged,
//! cut off or nonsense, to a server and to its clients.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, bind, sendto, setsockopt, socket, sockopt,
};
use ptp_wire::{
    Announce, Body, CancelUnicast, ClockIdentity, ClockQuality, Flags, GrantFlags, GrantUnicast, Header,
    LogInterval, Message, MessageType, PortIdentity, RequestUnicast, TimeSource, Timestamp, TlvValue, Writer,
};

use super::error::LabError;
use super::network::Host;
use crate::sim::Rng;

/// Messages between two short rests: a fast host's flood, and one that a slow machine survives.
const BURST: u32 = 100;

/// Whom, and in whose name.
#[derive(Clone, Debug)]
pub struct FloodOptions {
    /// The server's address.
    pub server: Ipv4Addr,
    /// Its port, in whose name clients are lied to.
    pub server_port: PortIdentity,
    /// The clients: their addresses, and their ports, in whose names the server is lied to.
    pub clients: Vec<(Ipv4Addr, PortIdentity)>,
    /// The least number of messages.
    pub messages: u32,
    /// Decides all that is random.
    pub seed: u64,
}

/// Floods from `host` until `stop` and the number of messages have come: how many it sent.
///
/// # Errors
///
/// [`LabError::Io`] where sockets fail.
pub fn flood(host: &Host, options: &FloodOptions, stop: &AtomicBool) -> Result<u32, LabError> {
    std::thread::scope(|scope| {
        // A thread of its own: it goes into the host's network and does not come back.
        let thread = scope.spawn(|| flood_here(host, options, stop));
        thread.join().unwrap_or_else(|_| Err(LabError::Wrong("the flood panicked".to_owned())))
    })
}

fn flood_here(host: &Host, options: &FloodOptions, stop: &AtomicBool) -> Result<u32, LabError> {
    let path = format!("/run/netns/{}", host.name());
    let network = std::fs::File::open(&path).map_err(LabError::io(format!("open {path}")))?;
    setns(&network, CloneFlags::CLONE_NEWNET).map_err(io("enter the host's network"))?;
    let sockets = [open(319)?, open(320)?];
    let mut rng = Rng::new(options.seed, 1, 1);
    let mut buffer = [0; 512];
    let mut sent = 0;
    while sent < options.messages || !stop.load(Ordering::Relaxed) {
        for _ in 0..BURST {
            let client = options.clients.get(rng.below(options.clients.len().max(1)));
            let (to, event, length) = match client.filter(|_| rng.below(3) == 0) {
                Some((address, _)) => {
                    (*address, rng.below(2) == 0, to_client(&mut rng, options, &mut buffer))
                }
                None => (options.server, false, to_server(&mut rng, options, client, &mut buffer)),
            };
            let length = length.map_err(|e| LabError::Wrong(format!("a message of the flood: {e}")))?;
            let length = spoil(&mut rng, &mut buffer, length);
            let [event_socket, general_socket] = &sockets;
            let (socket, port) = if event { (event_socket, 319) } else { (general_socket, 320) };
            let to = SockaddrIn::from(SocketAddrV4::new(to, port));
            let octets = buffer.get(..length).unwrap_or_default();
            // A full queue is the flood's own.
            let _ = sendto(std::os::fd::AsRawFd::as_raw_fd(socket), octets, &to, MsgFlags::MSG_DONTWAIT);
            sent += 1;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(sent)
}

fn io(what: &'static str) -> impl FnOnce(nix::Error) -> LabError {
    move |e| LabError::Io { doing: what.to_owned(), source: e.into() }
}

fn open(port: u16) -> Result<OwnedFd, LabError> {
    let fd = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_NONBLOCK, None)
        .map_err(io("open a socket"))?;
    setsockopt(&fd, sockopt::ReuseAddr, &true).map_err(io("set a socket option"))?;
    let local = SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port));
    bind(std::os::fd::AsRawFd::as_raw_fd(&fd), &local).map_err(io("bind"))?;
    Ok(fd)
}

fn stranger(rng: &mut Rng) -> PortIdentity {
    PortIdentity::new(ClockIdentity(rng.next_u64().to_be_bytes()), 1 + rng.below(3) as u16)
}

fn header(rng: &mut Rng, message_type: MessageType, source: PortIdentity) -> Header {
    let mut header = Header::new(message_type);
    header.source_port_identity = source;
    header.flags = Flags::UNICAST | Flags::TWO_STEP;
    header.sequence_id = rng.next_u64() as u16;
    header.log_message_interval = LogInterval(rng.next_u64() as i8);
    header
}

/// Requests of strangers, with absurd intervals; cancellations in the clients' names.
fn to_server(
    rng: &mut Rng,
    options: &FloodOptions,
    client: Option<&(Ipv4Addr, PortIdentity)>,
    buffer: &mut [u8],
) -> Result<usize, ptp_wire::WireError> {
    let lies = rng.below(8) == 0;
    let source = client.filter(|_| lies).map_or_else(|| stranger(rng), |(_, port)| *port);
    let header = header(rng, MessageType::Signaling, source);
    let target = if rng.below(2) == 0 { PortIdentity::ANY } else { options.server_port };
    let mut w = Writer::new(buffer, &header, &Body::Signaling { target_port_identity: target })?;
    for message_type in [MessageType::Announce, MessageType::Sync, MessageType::DelayResp] {
        let value = if lies {
            TlvValue::CancelUnicast(CancelUnicast {
                message_type,
                maintain_request: false,
                maintain_grant: false,
            })
        } else {
            let log = if rng.below(2) == 0 { -7 } else { rng.next_u64() as i8 };
            let duration = if rng.below(4) == 0 { u32::MAX } else { 300 };
            TlvValue::RequestUnicast(RequestUnicast {
                message_type,
                log_inter_message_period: LogInterval(log),
                duration,
            })
        };
        w.tlv_value(&value)?;
    }
    Ok(w.finish())
}

/// In the server's name: a better grandmaster, wrong times, grants and their end.
fn to_client(rng: &mut Rng, options: &FloodOptions, buffer: &mut [u8]) -> Result<usize, ptp_wire::WireError> {
    let port = options.server_port;
    let wrong =
        Timestamp::new(rng.next_u64() >> 24, rng.below(1_000_000_000) as u32).unwrap_or(Timestamp::ZERO);
    let (message_type, body) = match rng.below(5) {
        0 => (MessageType::Sync, Body::Sync { origin_timestamp: wrong }),
        1 => (MessageType::FollowUp, Body::FollowUp { precise_origin_timestamp: wrong }),
        2 => {
            let requesting_port_identity =
                options.clients.get(rng.below(options.clients.len().max(1))).map_or(port, |(_, id)| *id);
            let body = Body::DelayResp { receive_timestamp: wrong, requesting_port_identity };
            (MessageType::DelayResp, body)
        }
        3 => {
            let announce = Announce {
                origin_timestamp: wrong,
                current_utc_offset: 99,
                grandmaster_priority1: 0,
                grandmaster_clock_quality: ClockQuality { clock_class: 1, ..ClockQuality::DEFAULT },
                grandmaster_priority2: 0,
                grandmaster_identity: stranger(rng).clock_identity,
                steps_removed: 0,
                time_source: TimeSource::GNSS,
            };
            (MessageType::Announce, Body::Announce(announce))
        }
        _ => (MessageType::Signaling, Body::Signaling { target_port_identity: PortIdentity::ANY }),
    };
    let header = header(rng, message_type, port);
    let mut w = Writer::new(buffer, &header, &body)?;
    if message_type == MessageType::Signaling {
        let message_type = MessageType::Sync;
        w.tlv_value(&TlvValue::GrantUnicast(GrantUnicast {
            message_type,
            log_inter_message_period: LogInterval(-7),
            duration: 0,
            flags: GrantFlags::default(),
        }))?;
        w.tlv_value(&TlvValue::CancelUnicast(CancelUnicast {
            message_type,
            maintain_request: false,
            maintain_grant: false,
        }))?;
    }
    Ok(w.finish())
}

/// One in six is cut off or has an octet changed.
fn spoil(rng: &mut Rng, buffer: &mut [u8], length: usize) -> usize {
    debug_assert!(buffer.get(..length).is_some_and(|b| Message::parse(b).is_ok()));
    match rng.below(12) {
        0 => rng.below(length.max(1)),
        1 => {
            if let Some(octet) = buffer.get_mut(rng.below(length.max(1))) {
                *octet = rng.next_u64() as u8;
            }
            length
        }
        _ => length,
    }
}
