//! Control messages (cmsg(3)) as octets: parsed and made without casts.

use ptp_wire::TimePoint;

/// Of the `level`, `type` pair of a control message's payload.
const SOL_SOCKET: i32 = libc::SOL_SOCKET;
/// SCM_TIMESTAMPING, which is SO_TIMESTAMPING's number.
const SCM_TIMESTAMPING: i32 = libc::SO_TIMESTAMPING;
/// PACKET_TX_TIMESTAMP.
const PACKET_TX_TIMESTAMP: i32 = 16;
/// ee_origin of a transmit stamp.
const SO_EE_ORIGIN_TIMESTAMPING: u8 = 4;

const WORD: usize = size_of::<usize>();
/// struct cmsghdr: a length of one word, two ints.
const HEADER: usize = WORD + 8;
const TIMESPEC: usize = size_of::<libc::timespec>();

/// Room for control messages.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub(crate) struct Control {
    octets: [u8; Self::CAPACITY],
    len: usize,
}

impl Default for Control {
    fn default() -> Self {
        Self { octets: [0; Self::CAPACITY], len: 0 }
    }
}

impl Control {
    /// Simulators and stamps need 256.
    pub(crate) const CAPACITY: usize = 512;

    pub(crate) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.octets.as_mut_ptr()
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// After the kernel wrote it.
    pub(crate) fn set_len(&mut self, len: usize) {
        self.len = len.min(Self::CAPACITY);
    }

    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Makes it one control message of one int.
    pub(crate) fn put_int(&mut self, level: i32, kind: i32, value: i32) {
        let fields = (HEADER + 4)
            .to_ne_bytes()
            .into_iter()
            .chain(level.to_ne_bytes())
            .chain(kind.to_ne_bytes())
            .chain(value.to_ne_bytes());
        for (to, from) in self.octets.iter_mut().zip(fields) {
            *to = from;
        }
        self.len = HEADER + WORD;
    }

    pub(crate) fn parse(&self) -> Stamps {
        Stamps::parse(self.octets.get(..self.len).unwrap_or_default())
    }
}

/// What the control messages of one read say.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Stamps {
    /// The kernel's stamp, CLOCK_REALTIME.
    pub(crate) software: Option<TimePoint>,
    /// The card's stamp.
    pub(crate) hardware: Option<TimePoint>,
    /// The number of the transmission (SOF_TIMESTAMPING_OPT_ID), where the kernel says it.
    pub(crate) id: Option<u32>,
    /// The error queue's entry is not a stamp, but an error of the network.
    pub(crate) network_error: bool,
}

impl Stamps {
    /// Any octets are fine; what does not parse is not there.
    pub(crate) fn parse(mut octets: &[u8]) -> Self {
        let mut stamps = Self::default();
        while let Some(length) = octets.first_chunk().map(|l| usize::from_ne_bytes(*l)) {
            let Some(message) = octets.get(..length).filter(|m| m.len() >= HEADER) else { break };
            if let (Some(level), Some(kind)) = (int(message, WORD), int(message, WORD + 4)) {
                stamps.take(level, kind, message.get(HEADER..).unwrap_or_default());
            }
            octets = octets.get(length.next_multiple_of(WORD)..).unwrap_or_default();
        }
        stamps
    }

    fn take(&mut self, level: i32, kind: i32, payload: &[u8]) {
        match (level, kind) {
            (SOL_SOCKET, SCM_TIMESTAMPING) => {
                self.software = time(payload, 0);
                self.hardware = time(payload, 2);
            }
            (libc::SOL_IP, libc::IP_RECVERR)
            | (libc::SOL_IPV6, libc::IPV6_RECVERR)
            | (libc::SOL_PACKET, PACKET_TX_TIMESTAMP) => {
                let Some(error) = payload.first_chunk::<16>() else { return };
                let [_, _, _, _, origin, _, _, _, _, _, _, _, a, b, c, d] = *error;
                if origin == SO_EE_ORIGIN_TIMESTAMPING {
                    self.id = Some(u32::from_ne_bytes([a, b, c, d]));
                } else {
                    self.network_error = true;
                }
            }
            _ => {}
        }
    }
}

fn int(octets: &[u8], at: usize) -> Option<i32> {
    octets.get(at..)?.first_chunk().map(|o| i32::from_ne_bytes(*o))
}

fn word(octets: &[u8], at: usize) -> Option<i64> {
    let o = octets.get(at..)?.get(..WORD)?;
    match *o {
        [a, b, c, d, e, f, g, h] => Some(i64::from_ne_bytes([a, b, c, d, e, f, g, h])),
        [a, b, c, d] => Some(i64::from(i32::from_ne_bytes([a, b, c, d]))),
        _ => None,
    }
}

/// The n-th struct timespec; all zero means that there is none.
fn time(payload: &[u8], n: usize) -> Option<TimePoint> {
    let (seconds, nanoseconds) = (word(payload, n * TIMESPEC)?, word(payload, n * TIMESPEC + WORD)?);
    if seconds == 0 && nanoseconds == 0 {
        return None;
    }
    Some(TimePoint::from_nanos(i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(level: i32, kind: i32, payload: &[u8]) -> Vec<u8> {
        let mut v = (HEADER + payload.len()).to_ne_bytes().to_vec();
        v.extend(level.to_ne_bytes());
        v.extend(kind.to_ne_bytes());
        v.extend(payload);
        v.resize(v.len().next_multiple_of(WORD), 0);
        v
    }

    fn times(t: [(i64, i64); 3]) -> Vec<u8> {
        t.iter().flat_map(|(s, n)| [s.to_ne_bytes(), n.to_ne_bytes()].concat()).collect()
    }

    fn error(origin: u8, data: u32) -> Vec<u8> {
        let mut v = vec![42, 0, 0, 0, origin, 0, 0, 0, 0, 0, 0, 0];
        v.extend(data.to_ne_bytes());
        v.extend([0; 16]); // the offender's address, as IP sockets append it
        v
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn stamps_and_ids_are_found() {
        let mut all = message(SOL_SOCKET, SCM_TIMESTAMPING, &times([(5, 7), (0, 0), (0, 0)]));
        all.extend(message(libc::SOL_IP, libc::IP_RECVERR, &error(4, 77)));
        let s = Stamps::parse(&all);
        assert_eq!(s.software, Some(TimePoint::from_nanos(5_000_000_007)));
        assert_eq!((s.hardware, s.id, s.network_error), (None, Some(77), false));

        let hw = message(SOL_SOCKET, SCM_TIMESTAMPING, &times([(0, 0), (0, 0), (1, 0)]));
        assert_eq!(Stamps::parse(&hw).hardware, Some(TimePoint::from_nanos(1_000_000_000)));

        let icmp = message(libc::SOL_IPV6, libc::IPV6_RECVERR, &error(3, 0));
        assert_eq!(Stamps::parse(&icmp), Stamps { network_error: true, ..Stamps::default() });
        let packet = message(libc::SOL_PACKET, PACKET_TX_TIMESTAMP, &error(4, 3)[..16]);
        assert_eq!(Stamps::parse(&packet).id, Some(3));
    }

    #[test]
    fn an_int_is_laid_out_as_the_kernel_wants_it() {
        let mut c = Control::default();
        c.put_int(libc::IPPROTO_IP, libc::IP_TTL, 1);
        assert_eq!(&c.octets[..c.len()], message(0, libc::IP_TTL, &1i32.to_ne_bytes()));
    }

    proptest! {
        #[test]
        fn any_octets_are_parsed_without_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Stamps::parse(&octets);
        }

        #[test]
        fn any_length_and_truncation_is_survived(length in 0usize..80, cut in 0usize..200, seconds: i64, nanos: i64) {
            let mut v = message(SOL_SOCKET, SCM_TIMESTAMPING, &times([(seconds, nanos); 3]));
            v.extend(message(libc::SOL_IP, libc::IP_RECVERR, &error(4, 1)));
            v[..WORD].copy_from_slice(&length.to_ne_bytes());
            v.truncate(cut);
            let _ = Stamps::parse(&v);
        }
    }
}
