//! What the world and a program's library say to each other: fixed fields in this machine's order.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

/// An address of a UNIX socket, zero filled.
pub(super) type PathName = [u8; 108];

/// Where a datagram goes or comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    Udp { address: u32, port: u16 },
    Local(PathName),
}

/// What a program does.
#[derive(Debug)]
pub(super) enum Said {
    Bind {
        fd: u32,
        at: Place,
    },
    Close {
        fd: u32,
    },
    Send {
        to: Place,
        from_port: u16,
        from_path: PathName,
        octets: Vec<u8>,
    },
    /// Until `deadline`, ns; `None`: for ever. `ahead`: its clock's error, ns; `frequency`: its correction, ppb.
    Wait {
        deadline: Option<u64>,
        ahead: f64,
        frequency: f64,
    },
}

/// A datagram on its way.
#[derive(Clone, Debug)]
pub(super) struct Datagram {
    pub(super) fd: u32,
    pub(super) from: Place,
    pub(super) octets: Vec<u8>,
}

/// Why a wait ends.
#[derive(Debug)]
pub(super) enum Wake {
    Time,
    Packet(Datagram),
    Interrupted,
}

fn take<const N: usize>(s: &mut UnixStream) -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    s.read_exact(&mut octets).map(|()| octets)
}

fn place(kind: u8, address: u32, port: u16, path: PathName) -> Place {
    if kind == 1 { Place::Udp { address, port } } else { Place::Local(path) }
}

/// The program's number, the first thing it says.
pub(super) fn hello(s: &mut UnixStream) -> io::Result<u32> {
    match take(s)? {
        [b'H'] => take(s).map(u32::from_ne_bytes),
        [other] => Err(io::Error::other(format!("began with {other}"))),
    }
}

pub(super) fn hear(s: &mut UnixStream) -> io::Result<Said> {
    let [what] = take(s)?;
    Ok(match what {
        b'B' => {
            let fd = u32::from_ne_bytes(take(s)?);
            let [kind] = take(s)?;
            let port = u16::from_ne_bytes(take(s)?);
            Said::Bind { fd, at: place(kind, 0, port, take(s)?) }
        }
        b'C' => Said::Close { fd: u32::from_ne_bytes(take(s)?) },
        b'S' => {
            let _fd: [u8; 4] = take(s)?;
            let [kind] = take(s)?;
            let address = u32::from_ne_bytes(take(s)?);
            let port = u16::from_ne_bytes(take(s)?);
            let to = place(kind, address, port, take(s)?);
            let from_port = u16::from_ne_bytes(take(s)?);
            let from_path = take(s)?;
            let mut octets = vec![0; usize::from(u16::from_ne_bytes(take(s)?))];
            s.read_exact(&mut octets)?;
            Said::Send { to, from_port, from_path, octets }
        }
        b'W' => Said::Wait {
            deadline: u64::try_from(i64::from_ne_bytes(take(s)?)).ok(),
            ahead: f64::from_ne_bytes(take(s)?),
            frequency: f64::from_ne_bytes(take(s)?),
        },
        other => return Err(io::Error::other(format!("said {other}"))),
    })
}

pub(super) fn wake(s: &mut UnixStream, now: u64, oscillator_ppb: f64, why: &Wake) -> io::Result<()> {
    let mut out = Vec::with_capacity(256);
    out.extend(now.to_ne_bytes());
    out.extend(oscillator_ppb.to_ne_bytes());
    match why {
        Wake::Time => out.push(0),
        Wake::Interrupted => out.push(2),
        Wake::Packet(d) => {
            out.push(1);
            out.extend(d.fd.to_ne_bytes());
            let (address, port, path) = match d.from {
                Place::Udp { address, port } => (address, port, [0; 108]),
                Place::Local(path) => (0, 0, path),
            };
            out.extend(address.to_ne_bytes());
            out.extend(port.to_ne_bytes());
            out.extend(path);
            out.extend(u16::try_from(d.octets.len()).unwrap_or(u16::MAX).to_ne_bytes());
            out.extend(&d.octets);
        }
    }
    s.write_all(&out)
}
