//! chronyd's estimate of the system clock, over its command protocol (version 6, request TRACKING).

use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// What chronyd makes of the system clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SystemEstimate {
    /// The system clock minus UTC, ns.
    pub offset: f64,
    /// It is no further from that, ns: half the root delay, and the root dispersion.
    pub radius: f64,
}

const VERSION: u8 = 6;
const REQUEST: u8 = 1;
const REPLY: u8 = 2;
const TRACKING: u16 = 33;
const REPLY_TRACKING: u16 = 5;
/// Requests are as long as their reply, so that nobody can use chronyd to multiply traffic.
const LENGTH: usize = 104;
/// An answer older than this says nothing, ns.
const STALE_NS: u64 = 5_000_000_000;
/// chronyd says that it follows nobody.
const UNSYNCHRONISED: u16 = 3;

/// How it is reached.
#[derive(Debug)]
enum Way {
    Udp(UdpSocket),
    Unix { socket: UnixDatagram, own: PathBuf },
}

/// A connection; chronyd may come and go.
#[derive(Debug)]
pub struct Chronyd {
    address: String,
    name: String,
    way: Option<Way>,
    sequence: u32,
    latest: Option<(u64, SystemEstimate)>,
}

impl Chronyd {
    /// `address`: a path of chronyd's command socket, or HOST:PORT. `name` is in that of the socket that answers go to.
    pub fn new(address: &str, name: &str) -> Self {
        Self { address: address.to_owned(), name: name.to_owned(), way: None, sequence: 0, latest: None }
    }

    /// Takes the answer to the last question, if it came, and asks the next one. `None`: chronyd does not answer, or follows
    /// nobody.
    pub fn ask(&mut self, now: u64) -> Option<SystemEstimate> {
        let said = self.answer(now);
        self.question();
        said
    }

    /// Takes the answer to the last question, if it came; else the one before, for five seconds. `now` in ns.
    pub fn answer(&mut self, now: u64) -> Option<SystemEstimate> {
        let mut octets = [0; 512];
        while let Some(Ok(n)) = self.way.as_ref().map(|way| receive(way, &mut octets)) {
            if let Some(answer) = octets.get(..n).and_then(|o| parse(o, self.sequence)) {
                self.latest = answer.map(|estimate| (now, estimate));
            }
        }
        self.latest.filter(|(at, _)| now.saturating_sub(*at) < STALE_NS).map(|(_, estimate)| estimate)
    }

    /// Asks. A chronyd that is not there is looked for again with each question.
    pub fn question(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
        if self.way.is_none() {
            self.way = connect(&self.address, &self.name).ok();
        }
        let sent = self.way.as_ref().map(|way| send(way, &request(self.sequence)));
        if !matches!(sent, Some(Ok(_))) {
            self.way = None;
        }
    }

    /// Becomes readable with an answer.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self.way.as_ref()? {
            Way::Udp(socket) => Some(socket.as_fd()),
            Way::Unix { socket, .. } => Some(socket.as_fd()),
        }
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        if let Self::Unix { own, .. } = self {
            let _ = std::fs::remove_file(own);
        }
    }
}

fn connect(address: &str, name: &str) -> io::Result<Way> {
    if address.starts_with('/') {
        // chronyd answers to a socket in its own directory.
        let own = Path::new(address).with_file_name(format!("{name}.{}.sock", std::process::id()));
        let _ = std::fs::remove_file(&own);
        let socket = UnixDatagram::bind(&own)?;
        let way = Way::Unix { socket, own };
        if let Way::Unix { socket, own } = &way {
            // chronyd may have given up its rights.
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
            std::fs::set_permissions(own, mode)?;
            socket.connect(address)?;
            socket.set_nonblocking(true)?;
        }
        return Ok(way);
    }
    let local = if address.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
    let socket = UdpSocket::bind(local)?;
    socket.connect(address)?;
    socket.set_nonblocking(true)?;
    Ok(Way::Udp(socket))
}

fn send(way: &Way, octets: &[u8]) -> io::Result<usize> {
    match way {
        Way::Udp(socket) => socket.send(octets),
        Way::Unix { socket, .. } => socket.send(octets),
    }
}

fn receive(way: &Way, octets: &mut [u8]) -> io::Result<usize> {
    match way {
        Way::Udp(socket) => socket.recv(octets),
        Way::Unix { socket, .. } => socket.recv(octets),
    }
}

fn request(sequence: u32) -> [u8; LENGTH] {
    let mut octets = [0; LENGTH];
    let command = TRACKING.to_be_bytes();
    let sequence = sequence.to_be_bytes();
    // version, type, 2 reserved, command, attempt, sequence; the rest is padding.
    let head = [VERSION, REQUEST, 0, 0].into_iter().chain(command).chain([0, 0]).chain(sequence);
    for (place, octet) in octets.iter_mut().zip(head) {
        *place = octet;
    }
    octets
}

/// The answer to a question; `Some(None)`: chronyd follows nobody.
fn parse(octets: &[u8], sequence: u32) -> Option<Option<SystemEstimate>> {
    let u16_at = |at: usize| Some(u16::from_be_bytes(octets.get(at..at + 2)?.try_into().ok()?));
    let u32_at = |at: usize| Some(u32::from_be_bytes(octets.get(at..at + 4)?.try_into().ok()?));
    let head = octets.get(..2)? == [VERSION, REPLY]
        && u16_at(4)? == TRACKING
        && u16_at(6)? == REPLY_TRACKING
        && u16_at(8)? == 0
        && u32_at(16)? == sequence;
    if !head {
        return None;
    }
    // refid 4, address 20, stratum 2, leap 2, reference time 12, and then the values.
    let (stratum, leap) = (u16_at(52)?, u16_at(54)?);
    let value = |i: usize| Some(float(u32_at(68 + 4 * i)?));
    let (correction, root_delay, root_dispersion) = (value(0)?, value(6)?, value(7)?);
    if leap == UNSYNCHRONISED || stratum == 0 || stratum >= 16 {
        return Some(None);
    }
    let radius = root_delay.abs() / 2.0 + root_dispersion.abs();
    // chronyd counts what is to be added to the clock.
    Some(Some(SystemEstimate { offset: -correction * 1e9, radius: radius * 1e9 }))
}

/// chrony's own 32-bit format: 7 bits of exponent and 25 of coefficient, both signed.
fn float(v: u32) -> f64 {
    let exponent = (v as i32) >> 25;
    let coefficient = ((v << 7) as i32) >> 7;
    f64::from(coefficient) * 2f64.powi(exponent - 25)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_chronys() {
        assert_eq!(float(0), 0.0);
        // 1.0: coefficient 2^23, exponent 2.
        assert_eq!(float((2 << 25) | (1 << 23)), 1.0);
        assert_eq!(float((2 << 25) | ((1 << 25) - (1 << 23))), -1.0);
        // 2^-10: exponent -8.
        assert_eq!(float(((-8i32 as u32) << 25) | (1 << 23)), 2f64.powi(-10));
    }

    fn reply(sequence: u32, leap: u16, correction: u32) -> Vec<u8> {
        let mut octets = vec![0; LENGTH];
        octets[..2].copy_from_slice(&[VERSION, REPLY]);
        octets[4..6].copy_from_slice(&TRACKING.to_be_bytes());
        octets[6..8].copy_from_slice(&REPLY_TRACKING.to_be_bytes());
        octets[16..20].copy_from_slice(&sequence.to_be_bytes());
        octets[52..54].copy_from_slice(&2u16.to_be_bytes());
        octets[54..56].copy_from_slice(&leap.to_be_bytes());
        octets[68..72].copy_from_slice(&correction.to_be_bytes());
        // Root delay and dispersion: 1 s each.
        let one = ((2 << 25) | (1u32 << 23)).to_be_bytes();
        octets[92..96].copy_from_slice(&one);
        octets[96..100].copy_from_slice(&one);
        octets
    }

    #[test]
    fn answers_are_read_and_garbage_is_not() {
        let correction = ((-8i32 as u32) << 25) | (1 << 23);
        let e = parse(&reply(7, 0, correction), 7).expect("a reply").expect("synchronised");
        assert_eq!((e.offset, e.radius), (-1e9 / 1024.0, 1.5e9));
        assert_eq!(parse(&reply(7, UNSYNCHRONISED, 0), 7), Some(None));
        assert_eq!(parse(&reply(8, 0, 0), 7), None);
        for n in 0..LENGTH {
            let _ = parse(&reply(7, 0, 0)[..n], 7);
        }
        assert_eq!(parse(&[0xff; 200], 7), None);
    }

    #[test]
    fn nobody_there_is_no_answer() {
        let mut c = Chronyd::new("/nonexistent/chronyd.sock", "test");
        assert_eq!((c.ask(1), c.ask(2)), (None, None));
    }
}
