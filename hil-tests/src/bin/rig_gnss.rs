//! In the rig's guest: a GNSS receiver's sentences on a pseudo terminal, 150 ms after each true second.
//! They come from the module's truth and heed its knobs `gnss/on` (no fix), `gnss/second_error` and `gnss/sentence_jitter`.
//! With `--gpsd PORT` instead: serves the sentences of the gpsd of this host on this TCP port, as `gpspipe -r` prints them.
#![forbid(unsafe_code)]

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use nix::pty::openpty;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};

const RIG: &str = "/sys/kernel/debug/ptprig";
const LATE_NS: i64 = 150_000_000;
const SECOND: i64 = 1_000_000_000;
/// TAI - UTC.
const TAI_OFFSET: i64 = 37;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("--gpsd"), Some(port)) => serve(port.parse().map_err(io::Error::other)?),
        (Some(link), None) => send(link),
        _ => Err(io::Error::other("usage: escapement-rig-gnss LINK | --gpsd PORT")),
    }
}

/// gpsd's own port.
const GPSD: u16 = 2947;

fn serve(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    loop {
        let (client, _) = listener.accept()?;
        // It is told again when it comes again.
        if let Err(e) = pass(client) {
            eprintln!("{e}");
        }
    }
}

fn pass(mut client: TcpStream) -> io::Result<()> {
    let mut gpsd = TcpStream::connect((Ipv4Addr::LOCALHOST, GPSD))?;
    gpsd.write_all(b"?WATCH={\"enable\":true,\"json\":false,\"nmea\":true,\"raw\":1};\n")?;
    for line in BufReader::new(gpsd).lines() {
        let line = line?;
        // The rest are gpsd's own reports.
        if line.starts_with('$') {
            client.write_all(format!("{line}\r\n").as_bytes())?;
        }
    }
    Ok(())
}

fn send(link: &str) -> io::Result<()> {
    let pty = openpty(None, None)?;
    let mut attributes = tcgetattr(&pty.slave)?;
    cfmakeraw(&mut attributes);
    tcsetattr(&pty.slave, SetArg::TCSANOW, &attributes)?;
    let name = fs::read_link(format!("/proc/self/fd/{}", pty.slave.as_raw_fd()))?;
    symlink(name, link)?;
    let mut master = fs::File::from(pty.master);
    let mut random = 1u64;
    loop {
        let tai = number("truth")?;
        // Knuth's: its upper bits are as good as any dice.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let jitter = u64::try_from(number("gnss/sentence_jitter")?).unwrap_or(0);
        let late = i64::try_from((random >> 33).checked_rem(jitter).unwrap_or(0)).unwrap_or(0);
        let next = (tai - LATE_NS).div_euclid(SECOND) * SECOND + SECOND + LATE_NS + late;
        std::thread::sleep(Duration::from_nanos(u64::try_from(next - tai).unwrap_or_default()));
        let on = fs::read_to_string(Path::new(RIG).join("gnss/on"))?.trim() == "Y";
        let utc = (number("truth")? - LATE_NS + SECOND / 2).div_euclid(SECOND) - TAI_OFFSET
            + number("gnss/second_error")?;
        master.write_all(sentence(utc, on).as_bytes())?;
    }
}

fn number(file: &str) -> io::Result<i64> {
    fs::read_to_string(Path::new(RIG).join(file))?.trim().parse().map_err(io::Error::other)
}

/// RMC of this Unix second.
fn sentence(unix: i64, valid: bool) -> String {
    let (day, second) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
    let (year, month, mday) = civil(day);
    let body = format!(
        "GPRMC,{:02}{:02}{:02}.00,{},4807.038,N,01131.000,E,0.0,0.0,{mday:02}{month:02}{:02},,,{}",
        second / 3600,
        second / 60 % 60,
        second % 60,
        if valid { 'A' } else { 'V' },
        year % 100,
        if valid { 'A' } else { 'N' },
    );
    let sum = body.bytes().fold(0, |sum, octet| sum ^ octet);
    format!("${body}*{sum:02X}\r\n")
}

/// Year, month and day of a number of days since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(20_512), (2026, 2, 28));
        let text = sentence(1_772_323_200, true);
        assert!(text.starts_with("$GPRMC,000000.00,A,") && text.contains(",010326,,,A*"), "{text}");
    }
}
