//! NMEA 0183: lines out of octets, times out of lines. Any input is survived; what is wrong is counted and dropped.

use crate::utc::UtcTime;

/// The longest line that is looked at; the standard's limit is 82.
const LINE: usize = 256;

/// Puts lines together from what a serial line or a connection gives.
#[derive(Debug)]
pub(crate) struct Lines {
    line: [u8; LINE],
    length: usize,
    overlong: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self { line: [0; LINE], length: 0, overlong: false }
    }
}

impl Lines {
    /// Tells each line that these octets complete: without its end, and `None` for one that was too long. Empty lines are
    /// nothing.
    pub(crate) fn push(&mut self, octets: &[u8], mut each: impl FnMut(Option<&[u8]>)) {
        for octet in octets {
            if matches!(octet, b'\n' | b'\r') {
                if self.overlong {
                    each(None);
                } else if self.length > 0 {
                    each(self.line.get(..self.length));
                }
                (self.length, self.overlong) = (0, false);
            } else if let Some(place) = self.line.get_mut(self.length) {
                *place = *octet;
                self.length += 1;
            } else {
                self.overlong = true;
            }
        }
    }
}

/// What a sentence says of time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sentence {
    /// RMC: the time is to be trusted.
    Rmc(UtcTime),
    /// RMC: the receiver has no fix.
    RmcInvalid,
    /// ZDA: does not say whether there is a fix.
    Zda(UtcTime),
    /// ZDA without a time: the receiver does not know it yet.
    ZdaEmpty,
    /// Something else.
    Other,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BadLine {
    /// It does not begin with `$`, or is no text: the first one is often cut.
    Form,
    /// It has no checksum.
    NoChecksum,
    /// Its checksum is another.
    Checksum,
    /// A time or date that does not exist.
    Field,
}

/// Parses a line without its end.
pub(crate) fn parse(line: &[u8]) -> Result<Sentence, BadLine> {
    let body = line.strip_prefix(b"$").ok_or(BadLine::Form)?;
    let star = body.iter().rposition(|o| *o == b'*').ok_or(BadLine::NoChecksum)?;
    let (body, sum) = body.split_at_checked(star).ok_or(BadLine::Form)?;
    let sum = sum.get(1..).and_then(checksum).ok_or(BadLine::NoChecksum)?;
    if body.iter().fold(0, |x, o| x ^ o) != sum {
        return Err(BadLine::Checksum);
    }
    let body = str::from_utf8(body).map_err(|_| BadLine::Form)?;
    let (id, fields) = body.split_once(',').unwrap_or((body, ""));
    // Two letters say who talks (GP, GN, GL, ...), three what is said.
    match id.get(2..) {
        Some("RMC") if id.len() == 5 => rmc(fields),
        Some("ZDA") if id.len() == 5 => zda(fields),
        _ => Ok(Sentence::Other),
    }
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
fn rmc(fields: &str) -> Result<Sentence, BadLine> {
    let field = |n: usize| fields.split(',').nth(n - 1).unwrap_or_default();
    if field(2) != "A" || field(12) == "N" {
        return Ok(Sentence::RmcInvalid);
    }
    let (time, nanosecond) = time(field(1)).ok_or(BadLine::Field)?;
    let date = field(9);
    let two = |from: usize| number(date.get(from..from + 2)?);
    let date = || {
        let (day, month, year) = (two(0)?, two(2)?, two(4)?);
        // Two digits: GPS began in 1980.
        let year = i32::from(year) + if year >= 80 { 1900 } else { 2000 };
        (date.len() == 6).then_some((year, month, day))
    };
    let date = date().ok_or(BadLine::Field)?;
    UtcTime::new(date, time, nanosecond).map(Sentence::Rmc).ok_or(BadLine::Field)
}

/// 1 time, 2 day, 3 month, 4 year, 5-6 local zone.
fn zda(fields: &str) -> Result<Sentence, BadLine> {
    let field = |n: usize| fields.split(',').nth(n - 1).unwrap_or_default();
    if field(1).is_empty() || field(4).is_empty() {
        return Ok(Sentence::ZdaEmpty);
    }
    let (time, nanosecond) = time(field(1)).ok_or(BadLine::Field)?;
    let year = field(4);
    let year =
        (year.len() == 4 && year.bytes().all(|d| d.is_ascii_digit())).then(|| year.parse().ok()).flatten();
    let date = || Some((year?, number(field(3))?, number(field(2))?));
    let date = date().ok_or(BadLine::Field)?;
    UtcTime::new(date, time, nanosecond).map(Sentence::Zda).ok_or(BadLine::Field)
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

    fn parsed(body: &str) -> Result<Sentence, BadLine> {
        parse(sentence(body).trim_end().as_bytes())
    }

    fn at(date: (i32, u8, u8), time: (u8, u8, u8), nanosecond: u32) -> UtcTime {
        UtcTime::new(date, time, nanosecond).expect("a time that exists")
    }

    #[test]
    fn sentences_of_receivers() {
        let utc = at((2026, 11, 21), (5, 30, 1), 0);
        let rmc = "GNRMC,053001.00,A,4807.038,N,01131.000,E,022.4,084.4,211126,003.1,W,D";
        assert_eq!(parsed(rmc), Ok(Sentence::Rmc(utc)));
        assert_eq!(parsed("GPZDA,053001.00,21,11,2026,00,00"), Ok(Sentence::Zda(utc)));
        let old = "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A";
        assert_eq!(parse(old.as_bytes()), Ok(Sentence::Rmc(at((1994, 3, 23), (12, 35, 19), 0))));
        assert_eq!(parsed("GPRMC,,V,,,,,,,,,,N"), Ok(Sentence::RmcInvalid));
        assert_eq!(parsed("GPRMC,053001.00,A,,,,,,,211126,,,N"), Ok(Sentence::RmcInvalid));
        assert_eq!(parsed("GPZDA,,,,,,"), Ok(Sentence::ZdaEmpty));
        assert_eq!(parsed("GPGGA,053001.00,,,,,0,,,,,,,,"), Ok(Sentence::Other));
        let leap = at((2016, 12, 31), (23, 59, 60), 250_000_000);
        assert_eq!(parsed("GPRMC,235960.25,A,,,,,,,311216,,,A"), Ok(Sentence::Rmc(leap)));
    }

    #[test]
    fn damage_is_told() {
        assert_eq!(parse(b""), Err(BadLine::Form));
        assert_eq!(parse(b"01131.000,E,022.4*6A"), Err(BadLine::Form));
        assert_eq!(parse(b"$GPRMC,123519,A"), Err(BadLine::NoChecksum));
        assert_eq!(parse(b"$GPZDA,,,,,,*4"), Err(BadLine::NoChecksum));
        assert_eq!(parse(b"$GPZDA,,,,,,*49"), Err(BadLine::Checksum));
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
            assert_eq!(parsed(body), Err(BadLine::Field), "{body}");
        }
    }

    #[test]
    fn lines_are_put_together_from_pieces() {
        let mut lines = Lines::default();
        let mut got = Vec::new();
        for piece in [&b"cut off\r\n$A"[..], b"B", b"C\r", b"\n\n$D\n", &[b'x'; 300], b"\n$E\r\n$unfinished"]
        {
            lines.push(piece, |l| got.push(l.map(<[u8]>::to_vec)));
        }
        let line = |s: &str| Some(s.as_bytes().to_vec());
        assert_eq!(got, [line("cut off"), line("$ABC"), line("$D"), None, line("$E")]);
    }

    proptest! {
        #[test]
        fn any_line_is_survived(line in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = parse(&line);
        }

        #[test]
        fn any_fields_with_a_right_checksum_are_survived(
            id in "(GP|GN|\u{e9})(RMC|ZDA)", fields in "[0-9A-Z.,*+\u{e9}-]{0,80}",
        ) {
            let _ = parsed(&format!("{id},{fields}"));
        }

        #[test]
        fn any_octets_in_any_pieces_are_survived(pieces: Vec<Vec<u8>>) {
            let mut lines = Lines::default();
            for piece in pieces {
                lines.push(&piece, |l| { let _ = l.map(parse); });
            }
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
            let Ok(Sentence::Rmc(ours)) = parsed(&body) else { panic!("refused: {body}") };
            prop_assert_eq!(ours.to_string(), format!("{date}T{time}Z"));
        }
    }
}
