//! From texts to values, one function for each form.

use crate::kind::{Refusal, Value};
use crate::words::{brief, nearest};

/// Units of time in picoseconds.
const UNITS: &[(&str, i128)] = &[
    ("ps", 1),
    ("ns", 1_000),
    ("us", 1_000_000),
    ("µs", 1_000_000),
    ("μs", 1_000_000),
    ("ms", 1_000_000_000),
    ("s", 1_000_000_000_000),
    ("min", 60_000_000_000_000),
    ("h", 3_600_000_000_000_000),
];

pub(crate) fn choose(words: &[&str], text: &str) -> Result<Value, Refusal> {
    if words.contains(&text) {
        return Ok(Value::Text(text.to_owned()));
    }
    let also = match text.to_ascii_lowercase().as_str() {
        "udpv4" | "udp" | "ipv4" => "udp4",
        "udpv6" | "ipv6" => "udp6",
        "l2" | "ieee802.3" | "eth" => "ethernet",
        "oc" => "ordinary",
        "bc" => "boundary",
        "hw" => "hardware",
        "sw" => "software",
        "warning" => "warn",
        "gps" => "gnss",
        _ => text,
    };
    let refusal = Refusal::new("not one of the words");
    Err(match words.iter().find(|w| **w == also).copied().or_else(|| nearest(text, words.iter().copied())) {
        Some(word) => refusal.write(word),
        None => refusal,
    })
}

pub(crate) fn boolean_hint(text: &str) -> Refusal {
    let refusal = Refusal::new("not a boolean");
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "1" | "true" | "y" => refusal.write("true"),
        "no" | "off" | "0" | "false" | "n" => refusal.write("false"),
        _ => refusal,
    }
}

pub(crate) fn parse_int(text: &str) -> Result<i64, Refusal> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.strip_prefix("0x") {
        Some(rest) => (16, rest),
        None => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        let refusal = Refusal::new("not a whole number");
        let unit = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let has_unit = unit.len() < text.len() && unit.parse::<i64>().is_ok();
        return Err(if has_unit { refusal.write(unit) } else { refusal });
    }
    if radix == 10 && digits.len() > 1 && digits.starts_with('0') {
        // Octal in YAML 1.1 and in C, decimal in YAML 1.2: nobody should have to know.
        return Err(Refusal::new("starts with a zero").write(match digits.trim_start_matches('0') {
            "" => "0".to_owned(),
            rest => format!("{}{rest}", if sign < 0 { "-" } else { "" }),
        }));
    }
    i64::from_str_radix(digits, radix).map(|v| sign * v).map_err(|_| Refusal::out_of_range())
}

pub(crate) fn plain_number(text: &str) -> Option<f64> {
    let looks = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    text.parse::<f64>().ok().filter(|v| looks && v.is_finite())
}

/// Digits with at most one point: the number times 10^12, as an integer. Twelve digits after the point count.
fn decimal(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits_only = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 15
        || fraction.len() > 12
        || !digits_only(whole)
        || !digits_only(fraction)
    {
        return None;
    }
    if digits.ends_with('.') {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let fraction: i128 = format!("{fraction:0<12}").parse().ok()?;
    let value = whole * 1_000_000_000_000 + fraction;
    Some(if negative { -value } else { value })
}

/// Splits `1.5ms` before its unit.
fn split_unit(text: &str) -> (&str, &str) {
    let at = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    (number.trim_end(), unit.trim_start())
}

/// In picoseconds.
pub(crate) fn parse_duration(text: &str, hint: &str) -> Result<i128, Refusal> {
    let (number, unit) = split_unit(text);
    let Some(value) = decimal(number) else {
        return Err(Refusal::new(if plain_number(text).is_some() {
            "has no unit"
        } else {
            "not a length of time"
        }));
    };
    if unit.is_empty() {
        return match value {
            0 => Ok(0),
            _ => Err(Refusal::new("has no unit").write(format!("{number}{hint}"))),
        };
    }
    match UNITS.iter().find(|(name, _)| *name == unit) {
        // Up to 10^27 * 3.6 * 10^15, more than an i128 holds.
        Some((_, ps)) => {
            value.checked_mul(*ps).map(|v| v / 1_000_000_000_000).ok_or_else(Refusal::out_of_range)
        }
        None => {
            let names = UNITS.iter().map(|(name, _)| *name).filter(|n| n.is_ascii());
            let near = match unit.to_ascii_lowercase().as_str() {
                "sec" | "secs" | "second" | "seconds" => Some("s"),
                "usec" | "microseconds" => Some("us"),
                "nsec" | "nanoseconds" => Some("ns"),
                "msec" | "milliseconds" => Some("ms"),
                "m" | "minutes" => Some("min"),
                lower => names.clone().find(|n| *n == lower),
            };
            let refusal = Refusal::new(format!("`{}` is not a unit of time", brief(unit)));
            Err(match near {
                Some(unit) => refusal.write(format!("{number}{unit}")),
                None => Refusal { help: Some("units are ps, ns, us, ms, s, min and h".into()), ..refusal },
            })
        }
    }
}

/// In ppb.
pub(crate) fn parse_frequency(text: &str) -> Result<f64, Refusal> {
    let (number, unit) = split_unit(text);
    let Some(value) = plain_number(number) else {
        return Err(Refusal::new("not a frequency"));
    };
    match unit {
        "ppb" => Ok(value),
        "ppm" => Ok(value * 1000.0),
        "" => Err(Refusal::new("has no unit").write(format!("{number}ppb"))),
        _ => Err(Refusal {
            help: Some("units are ppb and ppm".into()),
            ..Refusal::new("not a unit of frequency")
        }),
    }
}

pub(crate) fn parse_path(text: &str, max: usize) -> Result<String, Refusal> {
    if !text.starts_with('/') {
        Err(Refusal::new("does not start at the root"))
    } else if text.len() > max {
        Err(Refusal::new(format!("{} octets long", text.len())))
    } else if text.ends_with('/') {
        Err(Refusal::new("names a directory"))
    } else if text.chars().any(char::is_control) {
        Err(Refusal::new("has a control character in it"))
    } else {
        Ok(text.to_owned())
    }
}

pub(crate) fn parse_mode(text: &str, quoted: bool) -> Result<Value, Refusal> {
    let digits = text.strip_prefix("0o").or_else(|| text.strip_prefix('0')).unwrap_or(text);
    let octal = !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
    match i64::from_str_radix(digits, 8) {
        Ok(mode) if octal && mode <= 0o777 && (quoted || text.starts_with('0')) => Ok(Value::Int(mode)),
        Ok(mode) if octal && mode <= 0o777 => {
            Err(Refusal::new("octal or decimal?").write(format!("0{mode:03o}")))
        }
        _ if text == "0" => Ok(Value::Int(0)),
        _ => Err(Refusal::new("not an octal mode")),
    }
}

pub(crate) fn parse_octets(text: &str, n: usize) -> Result<Vec<u8>, Refusal> {
    let refusal = || Refusal::new(format!("not {n} octets"));
    if text.len() > 3 * n {
        return Err(refusal());
    }
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    if digits.len() != 2 * n || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(refusal());
    }
    let number = u64::from_str_radix(&digits, 16).map_err(|_| refusal())?;
    number.to_be_bytes().get(8usize.saturating_sub(n)..).map(<[u8]>::to_vec).ok_or_else(refusal)
}

pub(crate) fn parse_interface(text: &str) -> Result<Value, Refusal> {
    if text.is_empty() || matches!(text, "." | "..") {
        Err(Refusal::new("not a name"))
    } else if text.len() > 15 {
        Err(Refusal::new(format!("{} octets long", text.len())))
    } else if text.chars().any(|c| c == '/' || c == ':' || c.is_whitespace() || c.is_control()) {
        Err(Refusal::new("has a character in it that no interface's name has"))
    } else {
        Ok(Value::Text(text.to_owned()))
    }
}

pub(crate) fn parse_clock_device(text: &str) -> Result<Value, Refusal> {
    let ok = |s: String| Ok(Value::Text(s));
    let number =
        |s: &str| s.parse::<u32>().ok().filter(|_| s.len() <= 6 && s.bytes().all(|b| b.is_ascii_digit()));
    if matches!(text, "auto" | "system") {
        return ok(text.to_owned());
    }
    if let Some(n) = text.strip_prefix("phc").or_else(|| text.strip_prefix("/dev/ptp")).and_then(number) {
        return ok(format!("phc{n}"));
    }
    if let Some(path) = text.strip_prefix("virtual:") {
        return parse_path(path.trim_start(), 4000).map(|p| Value::Text(format!("virtual:{p}")));
    }
    let refusal = Refusal::new("not a clock");
    Err(match text {
        "CLOCK_REALTIME" | "realtime" | "sys" => refusal.write("system"),
        _ if number(text.strip_prefix("ptp").unwrap_or("")).is_some() => {
            refusal.write(text.replacen("ptp", "phc", 1))
        }
        _ => match nearest(text, ["auto", "system"]) {
            Some(word) => refusal.write(word),
            None => refusal,
        },
    })
}
