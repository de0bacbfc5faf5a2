//! A GNSS receiver of the laboratory: sentences on a pseudo-terminal, and the pulses of a virtual clock.

use std::io::Write;
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
}

const END: u8 = u8::MAX;

/// A receiver. It talks until it is dropped: each second of the truth is told 150 ms later.
#[derive(Debug)]
pub struct Receiver {
    /// Its line.
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
        let pty = |e: nix::errno::Errno| LabError::Wrong(format!("no pseudo-terminal: {e}"));
        let line = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY).map_err(pty)?;
        grantpt(&line).map_err(pty)?;
        unlockpt(&line).map_err(pty)?;
        let device = ptsname_r(&line).map_err(pty)?;
        let says = Arc::new(AtomicU8::new(Says::Well as u8));
        let (path, mode) = (clock.to_owned(), Arc::clone(&says));
        let speaker = std::thread::spawn(move || talk(line, &path, &mode));
        let mut switch = clock.as_os_str().to_owned();
        switch.push(".pps");
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

fn talk(mut line: PtyMaster, clock: &Path, mode: &AtomicU8) {
    let Ok(clock) = VirtualClock::open_read_only(clock) else { return };
    let mut told = 0;
    loop {
        let mode = mode.load(Ordering::Relaxed);
        if mode == END {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
        let now = clock.truth_at(monotonic_raw_now()).nanos() - 150_000_000;
        let second = i64::try_from(now.div_euclid(1_000_000_000)).unwrap_or(0);
        if second != told {
            told = second;
            let _ = line.write_all(&words(second, mode));
        }
    }
}

fn sentence(body: &str) -> String {
    format!("${body}*{:02X}\r\n", body.bytes().fold(0, |x, o| x ^ o))
}

/// UBX-NAV-TIMELS: 18 s from satellites.
fn time_ls() -> Vec<u8> {
    let mut frame = vec![0xb5, 0x62, 0x01, 0x26, 24, 0];
    frame.extend([0; 24]);
    (frame[6 + 8], frame[6 + 9], frame[6 + 23]) = (2, 18, 3);
    let (a, b) = frame[2..].iter().fold((0u8, 0u8), |(a, b), o| {
        let a = a.wrapping_add(*o);
        (a, b.wrapping_add(a))
    });
    frame.extend([a, b]);
    frame
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
    let utc = tai - 37 + i64::from(mode == Says::SecondLate as u8);
    let (year, month, day) = civil(utc.div_euclid(86_400));
    let s = utc.rem_euclid(86_400);
    let (time, date) = (
        format!("{:02}{:02}{:02}.00", s / 3600, s / 60 % 60, s % 60),
        format!("{day:02}{month:02}{:02}", year % 100),
    );
    let rmc = sentence(&format!("GNRMC,{time},A,4807.038,N,01131.000,E,0.0,0.0,{date},,,A"));
    let gga = sentence(&format!("GNGGA,{time},4807.038,N,01131.000,E,1,09,0.9,545.4,M,46.9,M,,"));
    match mode {
        m if m == Says::Well as u8 || m == Says::SecondLate as u8 => {
            [rmc.as_bytes(), gga.as_bytes(), &time_ls()].concat()
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
