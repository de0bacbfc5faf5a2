//! gpsd's JSON objects: TPV (time and fix) and SKY (satellites). The rest is of no use here.

use serde_json::Value;

use crate::message::{Bad, Fix, Message, Position, TimeSource};
use crate::utc::UtcTime;

/// What to send after connecting: objects, and what the receiver itself says, octet for octet.
pub const WATCH: &str = "?WATCH={\"enable\":true,\"json\":true,\"raw\":2};\n";

/// The same, of one of its receivers, by the path of its device.
pub fn watch(device: &str) -> String {
    let wanted = serde_json::json!({ "enable": true, "json": true, "raw": 2, "device": device });
    format!("?WATCH={wanted};\n")
}

/// Tells what an object says: several things, in order.
pub(crate) fn parse(line: &[u8], mut each: impl FnMut(Message)) {
    let Ok(object) = serde_json::from_slice::<Value>(line) else { return each(Message::Bad(Bad::Form)) };
    match object.get("class").and_then(Value::as_str) {
        Some("TPV") => tpv(&object, each),
        Some("SKY") => match object.get("uSat").and_then(Value::as_u64) {
            Some(n) => each(Message::Fix {
                fix: if n == 0 { Fix::None } else { Fix::Time },
                satellites: Some(u32::try_from(n).unwrap_or(u32::MAX)),
                position: None,
            }),
            None => each(Message::Other),
        },
        Some(_) => each(Message::Other),
        None => each(Message::Bad(Bad::Form)),
    }
}

/// mode: 0 unknown, 1 no fix, 2 2D, 3 3D.
fn tpv(object: &Value, mut each: impl FnMut(Message)) {
    let fix = match object.get("mode").and_then(Value::as_u64) {
        Some(2) => Fix::Two,
        Some(3) => Fix::Three,
        _ => Fix::None,
    };
    let number = |name| object.get(name).and_then(Value::as_f64);
    let position = number("lat").zip(number("lon")).and_then(|(lat, lon)| Position::new(lat, lon));
    each(Message::Fix { fix, satellites: None, position });
    if fix == Fix::None {
        return each(Message::Time { source: TimeSource::Tpv, utc: None, fixed: Some(false) });
    }
    let Some(text) = object.get("time").and_then(Value::as_str) else { return };
    match iso8601(text) {
        Some(utc) => each(Message::Time { source: TimeSource::Tpv, utc: Some(utc), fixed: Some(true) }),
        None => each(Message::Bad(Bad::Field)),
    }
}

/// `2026-11-21T05:30:01.000Z`.
fn iso8601(text: &str) -> Option<UtcTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let digits = |s: &str, n: usize| {
        (s.len() == n && s.bytes().all(|d| d.is_ascii_digit()))
            .then_some(())
            .and_then(|()| s.parse::<u32>().ok())
    };
    let mut parts = date.split('-');
    let year = i32::try_from(digits(parts.next()?, 4)?).ok()?;
    let two = |s: &str| digits(s, 2).and_then(|n| u8::try_from(n).ok());
    let (month, day) = (two(parts.next()?)?, two(parts.next()?)?);
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut clock = whole.split(':');
    let (hour, minute, second) = (two(clock.next()?)?, two(clock.next()?)?, two(clock.next()?)?);
    if parts.next().is_some() || clock.next().is_some() || fraction.len() > 9 {
        return None;
    }
    let nanosecond = match fraction.len() {
        0 => 0,
        n => digits(fraction, n)?.checked_mul(10u32.pow(u32::try_from(9 - n).ok()?))?,
    };
    UtcTime::new((year, month, day), (hour, minute, second), nanosecond)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Vec<Message> {
        let mut all = Vec::new();
        parse(text.as_bytes(), |m| all.push(m));
        all
    }

    #[test]
    fn time_comes_with_a_fix_only() {
        let utc = UtcTime::new((2026, 11, 21), (5, 30, 1), 0);
        let time = Message::Time { source: TimeSource::Tpv, utc, fixed: Some(true) };
        let tpv = r#"{"class":"TPV","device":"/dev/ttyS0","mode":3,"time":"2026-11-21T05:30:01.000Z","leapseconds":18,"lat":48.1,"lon":11.5}"#;
        let position = Position::new(48.1, 11.5);
        assert_eq!(parsed(tpv), [Message::Fix { fix: Fix::Three, satellites: None, position }, time]);
        let none = parsed(r#"{"class":"TPV","mode":1,"time":"2026-11-21T05:30:01.000Z"}"#);
        assert_eq!(
            none.get(1),
            Some(&Message::Time { source: TimeSource::Tpv, utc: None, fixed: Some(false) })
        );
        let bad = parsed(r#"{"class":"TPV","mode":3,"time":"2026-02-30T05:30:01Z"}"#);
        assert_eq!(bad.get(1), Some(&Message::Bad(Bad::Field)));
        assert_eq!(parsed(r#"{"class":"VERSION","release":"3.22"}"#), [Message::Other]);
        assert_eq!(parsed("{\"class\":\"TPV\","), [Message::Bad(Bad::Form)]);
        let sky = Message::Fix { fix: Fix::Time, satellites: Some(7), position: None };
        assert_eq!(parsed(r#"{"class":"SKY","uSat":7,"nSat":12}"#), [sky]);
    }

    proptest! {
        #[test]
        fn any_time_is_survived(text in "[-0-9TZ:.\u{e9}]{0,30}") {
            let _ = iso8601(&text);
        }
    }
}
