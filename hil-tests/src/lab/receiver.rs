//! A GNSS receiver of the laboratory: sentences on a pseudo-terminal, and the pulses of a virtual clock.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use ptp_clock::{VirtualClock, VirtualOptions, monotonic_raw_now};
use ptp_wire::TimeInterval;

use super::error::LabError;

/// What it says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Says {
    /// The time, a fix, and TAI - UTC from satellites.
    Well,
    /// A time without a fix.
    NoFix,
    /// Nothing.
    Silent,
    /// Half a sentence, a wrong checksum, a date that does not exist, and noise.
    Garbage,
    /// As well, but a second too late.
    SecondLate,
    /// Octets as another speed makes them of sentences.
    Noise,
    /// The truth, and a megabyte a second of nonsense before it.
    Flood,
    /// The truth, 1024 weeks ago.
    Rollover,
    /// The first day of GPS, with a fix.
    Epoch,
    /// What was true half a minute ago.
    Old,
    /// The truth, and a leap second within two hours, which is no end of a month.
    Leap,
    /// The truth in UBX frames alone.
    Frames,
    /// Nobody holds the line's other end, and its device is gone.
    Unplugged,
}

const END: u8 = u8::MAX;

/// A receiver. It talks until it is dropped: each second of the truth is told 150 ms later.
#[derive(Debug)]
pub struct Receiver {
    /// Its line: a link to a pseudo-terminal, another one each time that it is plugged in.
    pub device: String,
    says: Arc<AtomicU8>,
    speaker: Option<JoinHandle<()>>,
    switch: PathBuf,
}

impl Receiver {
    /// Makes the clock that its pulses are wired to, so far off and with this frequency error, and turns it on. The truth is
    /// TAI by this machine's clock.
    ///
    /// # Errors
    ///
    /// [`LabError::Wrong`]: no clock, or no pseudo-terminal.
    pub fn start(clock: &Path, offset_ns: i64, frequency_error_ppb: f64) -> Result<Self, LabError> {
        let options = VirtualOptions {
            offset: TimeInterval::from_nanos(offset_ns),
            frequency_error_ppb,
            epoch: Some(VirtualOptions::epoch_now() + 37_000_000_000),
            ..VirtualOptions::default()
        };
        VirtualClock::create(clock, &options).map_err(|e| LabError::Wrong(e.to_string()))?;
        let mut device = clock.as_os_str().to_owned();
        device.push(".receiver");
        let device = PathBuf::from(device);
        let line = plug(&device)?;
        let says = Arc::new(AtomicU8::new(Says::Well as u8));
        let (path, mode, link) = (clock.to_owned(), Arc::clone(&says), device.clone());
        let speaker = std::thread::spawn(move || talk(line, &link, &path, &mode));
        let mut switch = clock.as_os_str().to_owned();
        switch.push(".pps");
        let device = device.to_string_lossy().into_owned();
        let this = Self { device, says, speaker: Some(speaker), switch: switch.into() };
        this.pulses(Some(0));
        Ok(this)
    }

    /// What it says from now on.
    pub fn says(&self, what: Says) {
        self.says.store(what as u8, Ordering::Relaxed);
    }

    /// Pulses so many ns late, or none.
    ///
    /// # Panics
    ///
    /// The clock's directory is gone.
    pub fn pulses(&self, late_ns: Option<i64>) {
        match late_ns {
            Some(ns) => {
                // Whoever reads in between must not find half of it.
                let new = self.switch.with_extension("new");
                std::fs::write(&new, ns.to_string()).expect("the directory is ours");
                std::fs::rename(&new, &self.switch).expect("the directory is ours");
            }
            None => drop(std::fs::remove_file(&self.switch)),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.says.store(END, Ordering::Relaxed);
        if let Some(speaker) = self.speaker.take() {
            let _ = speaker.join();
        }
    }
}

/// A new pseudo-terminal, and a link to it.
fn plug(link: &Path) -> Result<PtyMaster, LabError> {
    let pty = |e: nix::errno::Errno| LabError::Wrong(format!("no pseudo-terminal: {e}"));
    // What nobody reads must not hold up the one who speaks.
    let line = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK).map_err(pty)?;
    grantpt(&line).map_err(pty)?;
    unlockpt(&line).map_err(pty)?;
    let name = ptsname_r(&line).map_err(pty)?;
    let _ = std::fs::remove_file(link);
    symlink(name, link).map_err(LabError::io(format!("link {}", link.display())))?;
    Ok(line)
}

fn talk(line: PtyMaster, link: &Path, clock: &Path, mode: &AtomicU8) {
    let Ok(clock) = VirtualClock::open_read_only(clock) else { return };
    let (mut line, mut told, mut random) = (Some(line), 0, 1u64);
    loop {
        let mode = mode.load(Ordering::Relaxed);
        if mode == END {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
        if mode == Says::Unplugged as u8 {
            line = None;
            let _ = std::fs::remove_file(link);
            continue;
        }
        if line.is_none() {
            line = plug(link).ok();
        }
        let Some(line) = &mut line else { continue };
        // Another speed: 960 octets a second. A flood: 1 MB a second, in lines of any length.
        let octets =
            if mode == Says::Noise as u8 { 10 } else { 10_000 * usize::from(mode == Says::Flood as u8) };
        let mut nonsense = Vec::with_capacity(octets);
        for _ in 0..octets {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            nonsense.push((random >> 33) as u8);
        }
        let now = clock.truth_at(monotonic_raw_now()).nanos() - 150_000_000;
        let second = i64::try_from(now.div_euclid(1_000_000_000)).unwrap_or(0);
        if second != told {
            told = second;
            nonsense.extend(words(second, mode));
        }
        // What does not fit is lost, as on a line.
        let mut rest = nonsense.as_slice();
        for _ in 0..100 {
            match line.write(rest) {
                Ok(n) if n < rest.len() => rest = &rest[n..],
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_micros(100));
                }
                _ => break,
            }
        }
    }
}

fn sentence(body: &str) -> String {
    format!("${body}*{:02X}\r\n", body.bytes().fold(0, |x, o| x ^ o))
}

/// UBX-NAV-TIMELS: 18 s from satellites.
fn time_ls(leap_in: Option<i32>) -> Vec<u8> {
    let mut frame = vec![0xb5, 0x62, 0x01, 0x26, 24, 0];
    frame.extend([0; 24]);
    (frame[6 + 8], frame[6 + 9], frame[6 + 23]) = (2, 18, 3);
    if let Some(seconds) = leap_in {
        (frame[6 + 10], frame[6 + 11]) = (2, 1);
        frame[6 + 12..6 + 16].copy_from_slice(&seconds.to_le_bytes());
    }
    summed(frame)
}

/// With its checksum.
fn summed(mut frame: Vec<u8>) -> Vec<u8> {
    let (a, b) = frame[2..].iter().fold((0u8, 0u8), |(a, b), o| {
        let a = a.wrapping_add(*o);
        (a, b.wrapping_add(a))
    });
    frame.extend([a, b]);
    frame
}

/// UBX-NAV-PVT: a time, and a fix of nine satellites.
fn pvt(date: (i64, i64, i64), second: i64) -> Vec<u8> {
    let small = |v: i64| u8::try_from(v).unwrap_or(0);
    let mut frame = vec![0xb5, 0x62, 0x01, 0x07, 92, 0];
    let mut body = vec![0u8; 92];
    body[4..6].copy_from_slice(&u16::try_from(date.0).unwrap_or(0).to_le_bytes());
    (body[6], body[7], body[11]) = (small(date.1), small(date.2), 7);
    (body[8], body[9], body[10]) = (small(second / 3600), small(second / 60 % 60), small(second % 60));
    body[16..20].copy_from_slice(&(-150i32).to_le_bytes());
    (body[20], body[21], body[23]) = (3, 1, 9);
    body[24..28].copy_from_slice(&115_166_667i32.to_le_bytes());
    body[28..32].copy_from_slice(&481_173_000i32.to_le_bytes());
    frame.extend(body);
    summed(frame)
}

/// Year, month, day of days since 1970 (until 2099).
fn civil(mut days: i64) -> (i64, i64, i64) {
    let mut year = 1970;
    loop {
        let leap = year % 4 == 0;
        let length = if leap { 366 } else { 365 };
        if days < length {
            let months = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            for (month, length) in (1..).zip(months) {
                if days < length {
                    return (year, month, days + 1);
                }
                days -= length;
            }
        }
        days -= length;
        year += 1;
    }
}

/// What is said of a TAI second.
fn words(tai: i64, mode: u8) -> Vec<u8> {
    let is = |says: Says| mode == says as u8;
    let utc = match tai - 37 {
        utc if is(Says::SecondLate) => utc + 1,
        utc if is(Says::Rollover) => utc - 1024 * 7 * 86_400,
        utc if is(Says::Epoch) => 315_964_800 + utc.rem_euclid(86_400),
        utc if is(Says::Old) => utc - 30,
        utc => utc,
    };
    let (year, month, day) = civil(utc.div_euclid(86_400));
    let s = utc.rem_euclid(86_400);
    let (time, date) = (
        format!("{:02}{:02}{:02}.00", s / 3600, s / 60 % 60, s % 60),
        format!("{day:02}{month:02}{:02}", year % 100),
    );
    let rmc = sentence(&format!("GNRMC,{time},A,4807.038,N,01131.000,E,0.0,0.0,{date},,,A"));
    let gga = sentence(&format!("GNGGA,{time},4807.038,N,01131.000,E,1,09,0.9,545.4,M,46.9,M,,"));
    match mode {
        m if m == Says::Frames as u8 => [pvt((year, month, day), s), time_ls(None)].concat(),
        m if [Says::Silent, Says::NoFix, Says::Garbage, Says::Noise, Says::Unplugged]
            .iter()
            .all(|s| m != *s as u8) =>
        {
            // Neither of the two hours' ends is a midnight.
            let hour = if (1..23).contains(&(s / 3600)) { 3600 } else { 7200 };
            let leap = is(Says::Leap).then_some(hour);
            [rmc.as_bytes(), gga.as_bytes(), &time_ls(leap)].concat()
        }
        m if m == Says::NoFix as u8 => sentence(&format!("GNRMC,{time},V,,,,,,,{date},,,N")).into_bytes(),
        m if m == Says::Garbage as u8 => {
            let half = rmc.as_bytes().get(..30).unwrap_or_default().to_vec();
            let wrong = rmc.replace(",A,4807", ",A,4808");
            let no_date = sentence(&format!("GNRMC,{time},A,,,,,,,310226,,,A"));
            [
                half,
                b"\r\n".to_vec(),
                wrong.into_bytes(),
                no_date.into_bytes(),
                vec![0xb5, 0x62, 0xff, 0xfe, 0x80],
            ]
            .concat()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        let said = String::from_utf8_lossy(&words(1_795_239_037, Says::Well as u8)).into_owned();
        assert!(said.starts_with("$GNRMC,053000.00,A,") && said.contains(",211126,,,A*"), "{said}");
        assert!(String::from_utf8_lossy(&words(1_795_239_037, Says::SecondLate as u8)).contains("053001.00"));
    }
}
