//! NMEA 0183 sentences.
//!
//! Times are parsed here, strictly: a leap second is one, and a date that does not exist is an error. Position and
//! satellites (GGA, GSA) are parsed by the `nmea` crate.

use nmea::sentences::FixType;
use nmea::sentences::gsa::GsaMode2;
use nmea::{ParseResult, parse_str};

use crate::message::{Bad, Fix, Message, Position, TimeSource};
use crate::utc::UtcTime;

/// Parses a line without its end.
pub(crate) fn parse(line: &[u8]) -> Result<Message, Bad> {
    let sentence = line;
    let body = line.strip_prefix(b"$").ok_or(Bad::Form)?;
    let star = body.iter().rposition(|o| *o == b'*').ok_or(Bad::NoChecksum)?;
    let (body, sum) = body.split_at_checked(star).ok_or(Bad::Form)?;
    let sum = sum.get(1..).and_then(checksum).ok_or(Bad::NoChecksum)?;
    if body.iter().fold(0, |x, o| x ^ o) != sum {
        return Err(Bad::Checksum);
    }
    let body = str::from_utf8(body).map_err(|_| Bad::Form)?;
    let (id, fields) = body.split_once(',').unwrap_or((body, ""));
    // Two letters say who talks (GP, GN, GL, ...), three what is said.
    match id.get(2..) {
        Some("RMC") if id.len() == 5 => rmc(fields),
        Some("ZDA") if id.len() == 5 => zda(fields),
        Some("GGA" | "GSA") if id.len() == 5 => fix(str::from_utf8(sentence).map_err(|_| Bad::Form)?),
        _ => Ok(Message::Other),
    }
}

/// GGA: quality, satellites, place. GSA: 2D or 3D.
fn fix(sentence: &str) -> Result<Message, Bad> {
    Ok(match parse_str(sentence) {
        Ok(ParseResult::GGA(gga)) => {
            let fix = match gga.fix_type {
                None | Some(FixType::Invalid) => Fix::None,
                Some(FixType::Estimated | FixType::Manual | FixType::Simulation) => Fix::Estimated,
                Some(_) => Fix::Two,
            };
            let position = match gga.latitude.zip(gga.longitude) {
                Some((latitude, longitude)) => Some(Position::new(latitude, longitude).ok_or(Bad::Field)?),
                None => None,
            };
            Message::Fix { fix, satellites: gga.fix_satellites, position }
        }
        Ok(ParseResult::GSA(gsa)) => {
            let fix = match gsa.mode2 {
                GsaMode2::NoFix => Fix::None,
                GsaMode2::Fix2D => Fix::Two,
                GsaMode2::Fix3D => Fix::Three,
            };
            Message::Fix { fix, satellites: None, position: None }
        }
        Ok(_) => Message::Other,
        Err(_) => return Err(Bad::Field),
    })
}

/// Exactly two hexadecimal digits.
fn checksum(digits: &[u8]) -> Option<u8> {
    let digit = |d: u8| char::from(d).to_digit(16).and_then(|v| u8::try_from(v).ok());
    match digits {
        [high, low] => Some((digit(*high)? << 4) | digit(*low)?),
        _ => None,
    }
}

/// 1 time, 2 status, 3-6 position, 7 speed, 8 track, 9 date, 10-11 variation, 12 mode.
fn rmc(fields: &str) -> Result<Message, Bad> {
    let field = |n: usize| fields.split(',').nth(n - 1).unwrap_or_default();
    if field(2) != "A" || field(12) == "N" {
        return Ok(Message::Time { source: TimeSource::Rmc, utc: None, fixed: Some(false) });
    }
    let (time, nanosecond) = time(field(1)).ok_or(Bad::Field)?;
    let date = field(9);
    let two = |from: usize| number(date.get(from..from + 2)?);
    let date = || {
        let (day, month, year) = (two(0)?, two(2)?, two(4)?);
        // Two digits: GPS began in 1980.
        let year = i32::from(year) + if year >= 80 { 1900 } else { 2000 };
        (date.len() == 6).then_some((year, month, day))
    };
    let date = date().ok_or(Bad::Field)?;
    let utc = UtcTime::new(date, time, nanosecond).ok_or(Bad::Field)?;
    Ok(Message::Time { source: TimeSource::Rmc, utc: Some(utc), fixed: Some(true) })
}

/// 1 time, 2 day, 3 month, 4 year, 5-6 local zone.
fn zda(fields: &str) -> Result<Message, Bad> {
    let field = |n: usize| fields.split(',').nth(n - 1).unwrap_or_default();
    if field(1).is_empty() || field(4).is_empty() {
        return Ok(Message::Time { source: TimeSource::Zda, utc: None, fixed: None });
    }
    let (time, nanosecond) = time(field(1)).ok_or(Bad::Field)?;
    let year = field(4);
    let year =
        (year.len() == 4 && year.bytes().all(|d| d.is_ascii_digit())).then(|| year.parse().ok()).flatten();
    let date = || Some((year?, number(field(3))?, number(field(2))?));
    let date = date().ok_or(Bad::Field)?;
    let utc = UtcTime::new(date, time, nanosecond).ok_or(Bad::Field)?;
    Ok(Message::Time { source: TimeSource::Zda, utc: Some(utc), fixed: None })
}

/// One or two digits.
fn number(digits: &str) -> Option<u8> {
    let fine = matches!(digits.len(), 1 | 2) && digits.bytes().all(|d| d.is_ascii_digit());
    fine.then(|| digits.parse().ok()).flatten()
}

/// `hhmmss` or `hhmmss.fff`, with up to nine digits of fraction.
fn time(field: &str) -> Option<((u8, u8, u8), u32)> {
    let (whole, fraction) = field.split_once('.').unwrap_or((field, ""));
    if whole.len() != 6 || fraction.len() > 9 || !fraction.bytes().all(|d| d.is_ascii_digit()) {
        return None;
    }
    let two = |from: usize| number(whole.get(from..from + 2)?);
    let nanosecond = (fraction.bytes())
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0u32, |n, d| n.saturating_mul(10).saturating_add(u32::from(d.saturating_sub(b'0'))));
    Some(((two(0)?, two(2)?, two(4)?), nanosecond))
}

/// A sentence with its checksum and end, for tests.
#[cfg(test)]
pub(crate) fn sentence(body: &str) -> String {
    format!("${body}*{:02X}\r\n", body.bytes().fold(0, |x, o| x ^ o))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rmc_time(utc: UtcTime) -> Result<Message, Bad> {
        Ok(Message::Time { source: TimeSource::Rmc, utc: Some(utc), fixed: Some(true) })
    }

    const NO_FIX: Result<Message, Bad> =
        Ok(Message::Time { source: TimeSource::Rmc, utc: None, fixed: Some(false) });

    fn parsed(body: &str) -> Result<Message, Bad> {
        parse(sentence(body).trim_end().as_bytes())
    }

    fn at(date: (i32, u8, u8), time: (u8, u8, u8), nanosecond: u32) -> UtcTime {
        UtcTime::new(date, time, nanosecond).expect("a time that exists")
    }

    #[test]
    fn sentences_of_receivers() {
        let utc = at((2026, 11, 21), (5, 30, 1), 0);
        let rmc = "GNRMC,053001.00,A,4807.038,N,01131.000,E,022.4,084.4,211126,003.1,W,D";
        assert_eq!(parsed(rmc), rmc_time(utc));
        assert_eq!(
            parsed("GPZDA,053001.00,21,11,2026,00,00"),
            Ok(Message::Time { source: TimeSource::Zda, utc: Some(utc), fixed: None })
        );
        let old = "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A";
        assert_eq!(parse(old.as_bytes()), rmc_time(at((1994, 3, 23), (12, 35, 19), 0)));
        assert_eq!(parsed("GPRMC,,V,,,,,,,,,,N"), NO_FIX);
        assert_eq!(parsed("GPRMC,053001.00,A,,,,,,,211126,,,N"), NO_FIX);
        assert_eq!(
            parsed("GPZDA,,,,,,"),
            Ok(Message::Time { source: TimeSource::Zda, utc: None, fixed: None })
        );
        let none = Message::Fix { fix: Fix::None, satellites: None, position: None };
        assert_eq!(parsed("GPGGA,053001.00,,,,,0,,,,,,,,"), Ok(none));
        assert_eq!(parsed("GPVTG,,,,,,,,,N"), Ok(Message::Other));
        let leap = at((2016, 12, 31), (23, 59, 60), 250_000_000);
        assert_eq!(parsed("GPRMC,235960.25,A,,,,,,,311216,,,A"), rmc_time(leap));
    }

    #[test]
    fn the_time_is_told_by_any_talker() {
        let utc = at((2026, 11, 21), (5, 30, 1), 0);
        // GPS, several systems, GLONASS, Galileo, BeiDou (two names), QZSS, NavIC.
        for talker in ["GP", "GN", "GL", "GA", "GB", "BD", "GQ", "GI"] {
            let rmc = format!("{talker}RMC,053001.00,A,4807.038,N,01131.000,E,0.0,0.0,211126,,,A");
            assert_eq!(parsed(&rmc), rmc_time(utc), "{talker}");
            let zda = Message::Time { source: TimeSource::Zda, utc: Some(utc), fixed: None };
            assert_eq!(parsed(&format!("{talker}ZDA,053001.00,21,11,2026,00,00")), Ok(zda), "{talker}");
            let gsa = Message::Fix { fix: Fix::Three, satellites: None, position: None };
            assert_eq!(
                parsed(&format!("{talker}GSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1")),
                Ok(gsa),
                "{talker}"
            );
        }
    }

    #[test]
    fn damage_is_told() {
        assert_eq!(parse(b""), Err(Bad::Form));
        assert_eq!(parse(b"01131.000,E,022.4*6A"), Err(Bad::Form));
        assert_eq!(parse(b"$GPRMC,123519,A"), Err(Bad::NoChecksum));
        assert_eq!(parse(b"$GPZDA,,,,,,*4"), Err(Bad::NoChecksum));
        assert_eq!(parse(b"$GPZDA,,,,,,*49"), Err(Bad::Checksum));
        for body in [
            "GPRMC,123519,A,,,,,,,310294,,,A",
            "GPRMC,253519,A,,,,,,,230394,,,A",
            "GPRMC,12351,A,,,,,,,230394,,,A",
            "GPRMC,1\u{e9}519,A,,,,,,,230394,,,A",
            "GPRMC,123519.0000000001,A,,,,,,,230394,,,A",
            "GPRMC,123519,A,,,,,,,2303940,,,A",
            "GPRMC,+1+2+3,A,,,,,,,230394,,,A",
            "GPZDA,123519,21,11,26,,",
        ] {
            assert_eq!(parsed(body), Err(Bad::Field), "{body}");
        }
    }

    #[test]
    fn the_fix_is_told_by_any_talker() {
        for talker in ["GP", "GN", "GL", "GA", "GB"] {
            let gga = format!("{talker}GGA,123519.00,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,");
            let Ok(Message::Fix { fix: Fix::Two, satellites: Some(8), position: Some(p) }) = parsed(&gga)
            else {
                panic!("{gga}: {:?}", parsed(&gga))
            };
            assert!((p.latitude - 48.1173).abs() < 1e-4 && (p.longitude - 11.516_67).abs() < 1e-4, "{p:?}");
        }
        let gsa = Message::Fix { fix: Fix::Three, satellites: None, position: None };
        assert_eq!(parsed("GNGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1"), Ok(gsa));
    }

    proptest! {
        #[test]
        fn any_line_is_survived(line in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = parse(&line);
        }

        #[test]
        fn any_fields_with_a_right_checksum_are_survived(
            id in "(GP|GN|\u{e9})(RMC|ZDA|GGA|GSA)", fields in "[0-9A-Z.,*+\u{e9}-]{0,80}",
        ) {
            let _ = parsed(&format!("{id},{fields}"));
        }

        /// The `nmea` crate reads the same time out of the same sentence.
        #[test]
        fn another_parser_agrees(
            h in 0u8..24, m in 0u8..60, s in 0u8..60, ms in 0u32..1000, d in 1u8..=28, month in 1u8..=12, y in 10i32..=68,
        ) {
            let body = format!(
                "GPRMC,{h:02}{m:02}{s:02}.{ms:03},A,4807.038,N,01131.000,E,022.4,084.4,{d:02}{month:02}{y:02},003.1,W"
            );
            let theirs = nmea::parse_str(sentence(&body).trim_end()).expect("a sound sentence");
            let nmea::ParseResult::RMC(theirs) = theirs else { panic!("not RMC") };
            let date = theirs.fix_date.expect("a date").to_string();
            let time = theirs.fix_time.expect("a time").format("%H:%M:%S%.3f").to_string();
            let Ok(Message::Time { utc: Some(ours), .. }) = parsed(&body) else { panic!("refused: {body}") };
            prop_assert_eq!(ours.to_string(), format!("{date}T{time}Z"));
        }
    }
}
