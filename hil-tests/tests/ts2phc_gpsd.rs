//! Debian's gpsd between a receiver's recorded words and ts2phc.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hil_tests::lab::{LabError, experiment, find_program, our_program};
use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};

/// A receiver's second, with the time left open: RMC, GGA, GSA as a u-blox M8 says them.
fn second(number: u32) -> String {
    let time = format!("0530{:02}.00", number % 60);
    let date = "211126";
    [
        format!("GNRMC,{time},A,4807.03800,N,01131.00000,E,0.004,,{date},,,A"),
        format!("GNGGA,{time},4807.03800,N,01131.00000,E,1,09,0.90,545.4,M,46.9,M,,"),
        "GNGSA,A,3,04,05,09,12,24,,,,,,,,2.50,1.30,2.10".to_owned(),
        "GPGSV,2,1,05,04,40,083,46,05,17,308,41,09,07,344,39,12,22,228,45".to_owned(),
        "GPGSV,2,2,05,24,60,120,47".to_owned(),
    ]
    .map(|body| format!("${body}*{:02X}\r\n", body.bytes().fold(0, |x, o| x ^ o)))
    .concat()
}

#[test]
fn gpsd_tells_the_time() {
    experiment("gpsd_tells_the_time", &[("gpsd", "gpsd")], |lab| {
        let host = lab.host("gnss")?;
        let mut line = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY).expect("pseudo-terminals exist");
        grantpt(&line).expect("granted");
        unlockpt(&line).expect("unlocked");
        let device = ptsname_r(&line).expect("it has a name");
        let on = Arc::new(AtomicBool::new(true));
        let speaker = {
            let on = Arc::clone(&on);
            std::thread::spawn(move || {
                for number in 0.. {
                    if !on.load(Ordering::Relaxed) || line.write_all(second(number).as_bytes()).is_err() {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(500));
                }
            })
        };
        // -n: it listens to the receiver before anybody asks. Its port is 2947, on this namespace's loopback.
        let mut gpsd = host.start("gpsd", &find_program("gpsd", "gpsd")?, ["-N", "-n", "-b", &device])?;
        let arguments = ["--nmea", "gpsd:127.0.0.1", "--check-nmea", "--count", "5", "--utc-offset", "37"];
        let mut ts2phc = host.start("ts2phc", &our_program("ts2phc")?, arguments)?;
        let told = ts2phc.wait_for_line("TPV", Duration::from_secs(60), |line| line.contains(" TPV "));
        let counts =
            ts2phc.wait_for_line("the counts", Duration::from_secs(60), |line| line.contains(" times, "));
        on.store(false, Ordering::Relaxed);
        let _ = gpsd.stop(Duration::from_secs(5));
        let _ = speaker.join();
        let (told, counts) = (told?, counts?);
        let right = told.contains("2026-11-21T05:30:") && told.contains("TAI 17952390");
        if !right || !counts.contains("0 wrong time") {
            return Err(LabError::Wrong(format!("{told}\n{counts}\n{}", gpsd.log())));
        }
        Ok(())
    });
}
