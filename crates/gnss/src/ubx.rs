//! UBX, the binary language of u-blox receivers: B5 62, class, id, length, payload, checksum; little-endian.

use ptp_wire::{TimeInterval, TimePoint};

use crate::message::{Fix, Jamming, Message, Position, TimeSource};
use crate::utc::UtcTime;

/// What a frame begins with.
pub(crate) const SYNC: [u8; 2] = [0xb5, 0x62];
/// Sync, class, id, length.
pub(crate) const HEADER: usize = 6;
/// The longest payload that is taken; everything understood here is shorter.
pub(crate) const MAX_PAYLOAD: usize = 1024;

/// GPS time began at 1980-01-06T00:00:19 TAI: this many seconds after 1970 in TAI.
pub const GPS_EPOCH_TAI: i64 = 315_964_819;
/// TAI - GPS time, s.
const TAI_MINUS_GPS: i32 = 19;
const WEEK: i64 = 604_800;

/// UBX-NAV-TIMELS: leap seconds as the receiver knows them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TimeLs {
    /// TAI - UTC now, s; `None` if it is not valid or only the firmware's default.
    pub tai_offset: Option<i32>,
    /// The next change, -1, 0 or 1 s, and in how many seconds (negative: ago); `None` if it does not know.
    pub change: Option<(i32, i32)>,
}

/// UBX-NAV-TIMEGPS: time without leap seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GpsTime {
    /// The epoch of the navigation solution in TAI; `None` if week or time of week are not valid.
    pub tai: Option<TimePoint>,
    /// TAI - UTC, s, if valid.
    pub tai_offset: Option<i32>,
    /// Its accuracy as the receiver estimates it, ns.
    pub accuracy_ns: u32,
}

/// UBX-TIM-TP: of the pulse that comes next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TimePulse {
    /// What the receiver's clock could not do: true second minus pulse, rounded to whole ps; `None` if it is not valid.
    /// A pulse that comes late has a negative one.
    pub quantisation: Option<TimeInterval>,
}

/// The two octets of Fletcher's sum over class to payload.
pub(crate) fn checksum(octets: &[u8]) -> [u8; 2] {
    let (a, b) = octets.iter().fold((0u8, 0u8), |(a, b), o| {
        let a = a.wrapping_add(*o);
        (a, b.wrapping_add(a))
    });
    [a, b]
}

/// A frame's payload, read by offset. Reading past its end gives nothing.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }
    fn u8(&self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }
    fn i8(&self, at: usize) -> Option<i8> {
        self.u8(at).map(u8::cast_signed)
    }
    fn u16(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }
    fn i16(&self, at: usize) -> Option<i16> {
        self.array(at).map(i16::from_le_bytes)
    }
    fn u32(&self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }
    fn i32(&self, at: usize) -> Option<i32> {
        self.array(at).map(i32::from_le_bytes)
    }
}

/// What a payload says; `None`: it is shorter than its kind.
pub(crate) fn payload(class: u8, id: u8, payload: &[u8]) -> Option<Message> {
    let f = Fields(payload);
    match (class, id) {
        (0x01, 0x26) => time_ls(&f),
        (0x01, 0x20) => time_gps(&f),
        (0x01, 0x07) => pvt(&f),
        (0x0d, 0x01) => time_pulse(&f),
        (0x0a, 0x09) => mon_hw(&f),
        (0x0a, 0x38) => mon_rf(&f),
        _ => Some(Message::Other),
    }
}

/// srcOfCurrLs 0 is the firmware's default and 255 unknown: neither came from a satellite.
fn time_ls(f: &Fields<'_>) -> Option<Message> {
    let (source, current, change) = (f.u8(8)?, f.i8(9)?, f.i8(11)?);
    let (to_event, valid) = (f.i32(12)?, f.u8(23)?);
    let tai_offset =
        (valid & 1 != 0 && !matches!(source, 0 | 255)).then(|| i32::from(current) + TAI_MINUS_GPS);
    let sound = valid & 2 != 0 && (-1..=1).contains(&change);
    Some(Message::LeapSecond(TimeLs { tai_offset, change: sound.then_some((i32::from(change), to_event)) }))
}

fn time_gps(f: &Fields<'_>) -> Option<Message> {
    let (itow, ftow, week) = (f.u32(0)?, f.i32(4)?, f.i16(8)?);
    let (leap, valid, accuracy_ns) = (f.i8(10)?, f.u8(11)?, f.u32(12)?);
    let in_week = i64::from(itow) < WEEK * 1000 && ftow.unsigned_abs() <= 500_000;
    let tai = (valid & 3 == 3 && in_week && week >= 0).then(|| {
        let seconds = i128::from(GPS_EPOCH_TAI + i64::from(week) * WEEK);
        TimePoint::from_nanos(seconds * 1_000_000_000 + i128::from(itow) * 1_000_000 + i128::from(ftow))
    });
    let tai_offset = (valid & 4 != 0).then(|| i32::from(leap) + TAI_MINUS_GPS);
    Some(Message::Gps(GpsTime { tai, tai_offset, accuracy_ns }))
}

/// Fractions of a second up to this are the receiver's own rounding, ns.
const ROUNDING: u32 = 5_000_000;

/// The time in a payload, where there is one: UBX-NAV-PVT has date and time, which of them are valid (with a third bit: no second is in
/// doubt), and a fraction that may be negative.
pub(crate) fn time(class: u8, id: u8, payload: &[u8]) -> Option<Message> {
    if (class, id) != (0x01, 0x07) {
        return None;
    }
    let f = Fields(payload);
    let (valid, nano, fixed) = (f.u8(11)?, f.i32(16)?, f.u8(21)? & 1 != 0);
    let date = (i32::from(f.u16(4)?), f.u8(6)?, f.u8(7)?);
    let fraction =
        if nano.unsigned_abs() <= ROUNDING { 0 } else { nano.rem_euclid(1_000_000_000).cast_unsigned() };
    let utc =
        UtcTime::new(date, (f.u8(8)?, f.u8(9)?, f.u8(10)?), fraction).filter(|_| valid & 7 == 7 && fixed);
    Some(Message::Time { source: TimeSource::Pvt, utc, fixed: Some(fixed) })
}

/// UBX-NAV-PVT.
fn pvt(f: &Fields<'_>) -> Option<Message> {
    let (kind, flags, satellites) = (f.u8(20)?, f.u8(21)?, f.u8(23)?);
    let (longitude, latitude) = (f.i32(24)?, f.i32(28)?);
    let fix = match kind {
        _ if flags & 1 == 0 => Fix::None,
        1 | 4 => Fix::Estimated,
        2 => Fix::Two,
        3 => Fix::Three,
        5 => Fix::Time,
        _ => Fix::None,
    };
    let position = (fix > Fix::Estimated)
        .then(|| Position::new(f64::from(latitude) * 1e-7, f64::from(longitude) * 1e-7))
        .flatten();
    Some(Message::Fix { fix, satellites: Some(satellites.into()), position })
}

/// towMS, towSubMS, qErr (ps), week, flags (bit 4: qErr invalid).
fn time_pulse(f: &Fields<'_>) -> Option<Message> {
    let (error_ps, flags) = (f.i32(8)?, f.u8(14)?);
    f.u16(12)?;
    // A receiver's clock has at least 10 MHz.
    let sound = flags & 0x10 == 0 && error_ps.unsigned_abs() <= 100_000;
    let quantisation = sound.then(|| TimeInterval::from_nanos_f64(f64::from(error_ps) * 1e-3));
    Some(Message::Pulse(TimePulse { quantisation }))
}

const fn jamming(state: u8) -> Jamming {
    match state & 3 {
        1 => Jamming::Ok,
        2 => Jamming::Warning,
        3 => Jamming::Critical,
        _ => Jamming::Unknown,
    }
}

/// aStatus: 0 initialising, 1 unknown, 2 well, 3 short, 4 open.
const fn antenna(status: u8) -> Option<bool> {
    match status {
        2 => Some(true),
        3 | 4 => Some(false),
        _ => None,
    }
}

fn mon_hw(f: &Fields<'_>) -> Option<Message> {
    let (status, flags) = (f.u8(20)?, f.u8(22)?);
    // Up to the last field: a cut one is none.
    f.u32(56)?;
    Some(Message::Radio { jamming: jamming(flags >> 2), antenna_ok: antenna(status) })
}

/// One block of 24 octets for each band: the worst counts.
fn mon_rf(f: &Fields<'_>) -> Option<Message> {
    let blocks = usize::from(f.u8(1)?);
    let mut worst = Jamming::Unknown;
    let mut antenna_ok = None;
    for block in 0..blocks {
        let at = 4 + 24 * block;
        worst = worst.max(jamming(f.u8(at + 1)?));
        antenna_ok = match (antenna(f.u8(at + 2)?), antenna_ok) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (now, before) => now.or(before),
        };
        f.u8(at + 23)?;
    }
    Some(Message::Radio { jamming: worst, antenna_ok })
}

/// A frame, for tests.
#[cfg(test)]
pub(crate) fn frame(class: u8, id: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("short").to_le_bytes();
    let mut frame = [&SYNC[..], &[class, id], &length, payload].concat();
    let sum = checksum(&frame[2..]);
    frame.extend(sum);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn time_ls_payload(source: u8, current: i8, change: i8, to_event: i32, valid: u8) -> Vec<u8> {
        let mut p = vec![0; 24];
        p[8] = source;
        p[9] = current.cast_unsigned();
        p[11] = change.cast_unsigned();
        p[12..16].copy_from_slice(&to_event.to_le_bytes());
        p[23] = valid;
        p
    }

    #[test]
    fn nav_pvt_tells_the_time() {
        let frame = |valid: u8, nano: i32, flags: u8, second: u8| {
            let mut p = vec![0; 92];
            p[4..6].copy_from_slice(&2026u16.to_le_bytes());
            (p[6], p[7], p[8], p[9], p[10], p[11]) = (11, 21, 5, 30, second, valid);
            p[16..20].copy_from_slice(&nano.to_le_bytes());
            (p[20], p[21], p[23]) = (3, flags, 9);
            match time(0x01, 0x07, &p) {
                Some(Message::Time { source: TimeSource::Pvt, utc, fixed: Some(fixed) }) => {
                    (utc.map(|u| u.to_string()), fixed)
                }
                other => panic!("{other:?}"),
            }
        };
        let said = |text: &str| Some(text.to_owned());
        assert_eq!(frame(7, -123, 1, 1), (said("2026-11-21T05:30:01.000Z"), true));
        assert_eq!(frame(7, 250_000_000, 1, 1), (said("2026-11-21T05:30:01.250Z"), true));
        assert!(frame(7, i32::MIN, 1, 1).0.is_some());
        assert_eq!(frame(3, 0, 1, 1), (None, true), "a second in doubt");
        assert_eq!(frame(7, 0, 0, 1), (None, false));
        assert_eq!(frame(7, 0, 1, 61), (None, true));
        assert_eq!((time(0x01, 0x07, &[0; 20]), time(0x01, 0x26, &[0; 24])), (None, None));
    }

    #[test]
    fn leap_seconds_by_satellite_are_believed_and_defaults_are_not() {
        let say = |p: Vec<u8>| match payload(0x01, 0x26, &p) {
            Some(Message::LeapSecond(l)) => (l.tai_offset, l.change),
            other => panic!("{other:?}"),
        };
        assert_eq!(say(time_ls_payload(2, 18, 0, 0, 3)), (Some(37), Some((0, 0))));
        assert_eq!(say(time_ls_payload(2, 18, 1, 40_000, 3)), (Some(37), Some((1, 40_000))));
        assert_eq!(say(time_ls_payload(0, 18, 0, 0, 3)).0, None, "the firmware's default");
        assert_eq!(say(time_ls_payload(2, 18, 0, 0, 0)), (None, None));
        assert_eq!(say(time_ls_payload(2, 18, 7, 0, 3)).1, None, "no such change");
        assert_eq!(payload(0x01, 0x26, &[0; 23]), None);
    }

    #[test]
    fn gps_time_is_tai_less_19_s() {
        let mut p = vec![0; 16];
        // 2026-11-21T05:30:01 UTC: week 2445, Saturday.
        let seconds = 1_795_239_038 - GPS_EPOCH_TAI;
        let (week, tow) = (seconds / WEEK, seconds % WEEK);
        p[0..4].copy_from_slice(&u32::try_from(tow * 1000).expect("in a week").to_le_bytes());
        p[4..8].copy_from_slice(&(-250i32).to_le_bytes());
        p[8..10].copy_from_slice(&i16::try_from(week).expect("short").to_le_bytes());
        p[10] = 18;
        p[11] = 7;
        let Some(Message::Gps(g)) = payload(0x01, 0x20, &p) else { panic!() };
        assert_eq!(g.tai, Some(TimePoint::from_nanos(1_795_239_038_000_000_000 - 250)));
        assert_eq!(g.tai_offset, Some(37));
        p[11] = 1;
        let Some(Message::Gps(g)) = payload(0x01, 0x20, &p) else { panic!() };
        assert_eq!((g.tai, g.tai_offset), (None, None));
    }

    #[test]
    fn pulses_positions_and_radio() {
        let mut p = vec![0; 16];
        p[8..12].copy_from_slice(&(-7_500i32).to_le_bytes());
        let Some(Message::Pulse(t)) = payload(0x0d, 0x01, &p) else { panic!() };
        assert_eq!(t.quantisation, Some(TimeInterval::from_nanos_f64(-7.5)));
        p[14] = 0x10;
        assert_eq!(payload(0x0d, 0x01, &p), Some(Message::Pulse(TimePulse { quantisation: None })));

        let mut p = vec![0; 92];
        (p[20], p[21], p[23]) = (3, 1, 11);
        p[24..28].copy_from_slice(&115_166_667i32.to_le_bytes());
        p[28..32].copy_from_slice(&481_173_000i32.to_le_bytes());
        let Some(Message::Fix { fix: Fix::Three, satellites: Some(11), position: Some(at) }) =
            payload(1, 7, &p)
        else {
            panic!()
        };
        assert!((at.latitude - 48.1173).abs() < 1e-6);

        let mut p = vec![0; 60];
        (p[20], p[22]) = (4, 3 << 2);
        let bad = Message::Radio { jamming: Jamming::Critical, antenna_ok: Some(false) };
        assert_eq!(payload(0x0a, 0x09, &p), Some(bad));
        let mut p = vec![0; 4 + 48];
        (p[1], p[5], p[6], p[29], p[30]) = (2, 1, 2, 2, 2);
        let warned = Message::Radio { jamming: Jamming::Warning, antenna_ok: Some(true) };
        assert_eq!(payload(0x0a, 0x38, &p), Some(warned));
        assert_eq!(payload(0x0a, 0x38, &p[..40]), None);
    }

    proptest! {
        #[test]
        fn any_payload_is_survived(
            class in prop::sample::select(vec![0x01u8, 0x0a, 0x0d, 0x05]),
            id in prop::sample::select(vec![0x01u8, 0x07, 0x09, 0x20, 0x26, 0x38, 0x35]),
            octets in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = payload(class, id, &octets);
        }
    }
}
