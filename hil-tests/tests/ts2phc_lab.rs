//! ts2phc as it runs: a virtual clock with pulses, a receiver on a pseudo-terminal, and a real ptpd that is told.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use hil_tests::lab::{Instance, LabError, PtpdOptions, expect, experiment, field, our_program, run_command};
use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use ptp_clock::{VirtualClock, VirtualOptions, monotonic_raw_now, observe};
use ptp_wire::TimeInterval;

const WELL: u8 = 0;
const NO_FIX: u8 = 1;
const SILENT: u8 = 2;
const GARBAGE: u8 = 3;

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

/// What the receiver says of a TAI second.
fn words(tai: i64, mode: u8) -> Vec<u8> {
    let utc = tai - 37;
    let (year, month, day) = civil(utc.div_euclid(86_400));
    let s = utc.rem_euclid(86_400);
    let (time, date) = (
        format!("{:02}{:02}{:02}.00", s / 3600, s / 60 % 60, s % 60),
        format!("{day:02}{month:02}{:02}", year % 100),
    );
    match mode {
        WELL => [
            sentence(&format!("GNRMC,{time},A,4807.038,N,01131.000,E,0.0,0.0,{date},,,A")).as_bytes(),
            sentence(&format!("GNGGA,{time},4807.038,N,01131.000,E,1,09,0.9,545.4,M,46.9,M,,")).as_bytes(),
            &time_ls(),
        ]
        .concat(),
        NO_FIX => sentence(&format!("GNRMC,{time},V,,,,,,,{date},,,N")).into_bytes(),
        GARBAGE => {
            let rmc = sentence(&format!("GNRMC,{time},A,4807.038,N,01131.000,E,0.0,0.0,{date},,,A"));
            // Half a sentence, a wrong checksum, a date that does not exist, and noise.
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

/// Talks until the other end is gone: each second of the truth is told 150 ms later.
fn talk(mut line: PtyMaster, clock: &Path, mode: &AtomicU8) {
    let Ok(clock) = VirtualClock::open_read_only(clock) else { return };
    let mut told = 0;
    while mode.load(Ordering::Relaxed) != u8::MAX {
        std::thread::sleep(Duration::from_millis(10));
        let now = clock.truth_at(monotonic_raw_now()).nanos() - 150_000_000;
        let second = i64::try_from(now.div_euclid(1_000_000_000)).unwrap_or(0);
        if second != told {
            told = second;
            let _ = line.write_all(&words(second, mode.load(Ordering::Relaxed)));
        }
    }
}

fn class(instance: &Instance) -> Result<Option<u8>, LabError> {
    let (program, uds) = (our_program("pmc")?, instance.socket.to_string_lossy().into_owned());
    let arguments = ["-u", "-b", "0", "-i", "/run/lab-pmc", "-s", &uds, "GET GRANDMASTER_SETTINGS_NP"];
    let text = run_command(&program.to_string_lossy(), &arguments)?;
    Ok(field(&text, "clockClass").and_then(|c| c.parse().ok()))
}

fn wait_for_class(instance: &Instance, wanted: u8, seconds: u64) -> Result<Duration, LabError> {
    let begun = Instant::now();
    loop {
        let now = class(instance)?;
        if now == Some(wanted) {
            return Ok(begun.elapsed());
        }
        let late = begun.elapsed() > Duration::from_secs(seconds);
        expect(!late, || format!("clockClass is {now:?} after {seconds} s, not {wanted}"))?;
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn error_ns(clock: &Path) -> Result<f64, LabError> {
    let seen = observe(clock).map_err(|e| LabError::Wrong(e.to_string()))?;
    Ok(seen.true_error.nanos_f64())
}

#[test]
fn the_daemon_announces_what_its_reference_is_worth() {
    experiment("the_daemon_announces_what_its_reference_is_worth", &[], |lab| {
        let (gm, beside) = (lab.host("gm")?, lab.host("beside")?);
        lab.link((&gm, "eth0"), (&beside, "eth0"))?;
        let clock = Path::new("/run/clock-gnss");
        let options = VirtualOptions {
            offset: TimeInterval::from_nanos(3_000_000),
            frequency_error_ppb: 5_000.0,
            epoch: Some(VirtualOptions::epoch_now() + 37_000_000_000),
            ..VirtualOptions::default()
        };
        VirtualClock::create(clock, &options).map_err(|e| LabError::Wrong(e.to_string()))?;
        let pulses = Path::new("/run/clock-gnss.pps");
        let sky = |on: bool| match on {
            true => std::fs::write(pulses, "0").expect("/run is ours"),
            false => std::fs::remove_file(pulses).expect("it was there"),
        };
        sky(true);
        let line = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY).expect("pseudo-terminals exist");
        grantpt(&line).expect("granted");
        unlockpt(&line).expect("unlocked");
        let device = ptsname_r(&line).expect("it has a name");
        let mode = Arc::new(AtomicU8::new(WELL));
        let speaker = {
            let mode = Arc::clone(&mode);
            std::thread::spawn(move || talk(line, clock, &mode))
        };

        let options = PtpdOptions::new(&["eth0"]).on_virtual_clock(clock);
        let mut daemon = Instance::start(&gm, &our_program("ptpd")?, &options)?;
        daemon.wait_until("MASTER", Duration::from_secs(60), |look| look.state() == Some("MASTER"))?;
        let socket = daemon.socket.to_string_lossy().into_owned();
        let name = format!("virtual:{}", clock.display());
        let program = our_program("ts2phc")?;
        let arguments = ["-c", &name, "--nmea", &device, "--announce", &socket, "--profile", "telecom"];
        let mut ts2phc = gm.start("ts2phc", &program, arguments)?;

        let steps = (|| -> Result<(), LabError> {
            wait_for_class(&daemon, 6, 90)?;
            let error = error_ns(clock)?;
            expect(error.abs() < 2_000.0, || format!("locked, and {error} ns off"))?;
            // The pulses cease, and come back.
            sky(false);
            wait_for_class(&daemon, 7, 10)?;
            sky(true);
            wait_for_class(&daemon, 6, 60)?;
            // The receiver loses its fix, falls silent, talks nonsense; each time it comes back.
            for trouble in [NO_FIX, SILENT, GARBAGE] {
                mode.store(trouble, Ordering::Relaxed);
                wait_for_class(&daemon, 7, 20)?;
                mode.store(WELL, Ordering::Relaxed);
                wait_for_class(&daemon, 6, 60)?;
            }
            let error = error_ns(clock)?;
            expect(error.abs() < 2_000.0, || format!("after all that {error} ns off"))?;
            // Pulses that jump by 50 us are not followed.
            std::fs::write(pulses, "50000").expect("/run is ours");
            wait_for_class(&daemon, 7, 10)?;
            std::thread::sleep(Duration::from_secs(3));
            let error = error_ns(clock)?;
            expect(error.abs() < 2_000.0, || format!("a false pulse pulled it by {error} ns"))?;
            std::fs::write(pulses, "0").expect("/run is ours");
            wait_for_class(&daemon, 6, 60)?;
            // The daemon is started again: it is told again.
            daemon.process.kill()?;
            daemon = Instance::start(&gm, &our_program("ptpd")?, &options)?;
            daemon.wait_until("MASTER", Duration::from_secs(60), |look| look.state() == Some("MASTER"))?;
            wait_for_class(&daemon, 6, 20)?;
            // ts2phc dies: what it said is withdrawn.
            let _ = ts2phc.kill()?;
            wait_for_class(&daemon, 248, 20)?;
            let log = ts2phc.log();
            expect(log.contains("TAI - UTC is 37 s by the receiver"), || log.clone())?;
            expect(log.contains("within the bound"), || log.clone())
        })();
        mode.store(u8::MAX, Ordering::Relaxed);
        let _ = speaker.join();
        steps.map_err(|e| LabError::Wrong(format!("{e}\n{}", ts2phc.log())))
    });
}
