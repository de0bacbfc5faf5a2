//! Real daemons, software stamps, one network: what PI and the adaptive servo make of the same master at the same time.

use std::path::Path;
use std::time::{Duration, Instant};

use hil_tests::lab::{Host, Instance, Lab, LabError, PtpdOptions, experiment, our_program, true_offset};
use ptp_clock::{VirtualClock, VirtualOptions};
use ptp_wire::TimeInterval;

fn clock(host: &Host, us: i64, ppm: f64) -> Result<(VirtualClock, String), LabError> {
    let options = VirtualOptions {
        offset: TimeInterval::from_nanos(us * 1_000),
        frequency_error_ppb: ppm * 1e3,
        ..VirtualOptions::default()
    };
    let path = format!("/run/clock-{}", host.name());
    let clock = VirtualClock::create(&path, &options).map_err(|e| LabError::Wrong(e.to_string()))?;
    Ok((clock, path))
}

/// Medians of the clocks' true errors without their signs, and root mean squares, ns: pi, then adaptive. The bridge hands a
/// multicast to one receiver after the other, so that their paths are not equally symmetric: `pi_first` at its ports.
fn side_by_side(lab: &mut Lab, pi_first: bool) -> Result<[(f64, f64); 2], LabError> {
    let ptpd = our_program("ptpd")?;
    let name = |host: &str| format!("{host}-{}", if pi_first { "a" } else { "b" });
    let hosts = [lab.host(&name("gm"))?, lab.host(&name("pi"))?, lab.host(&name("adaptive"))?];
    let [gm_host, pi_host, adaptive_host] = &hosts;
    let (second, third) = if pi_first { (pi_host, adaptive_host) } else { (adaptive_host, pi_host) };
    let ends = [(gm_host, "eth0"), (second, "eth0"), (third, "eth0")];
    let _switch = lab.switch(&name("switch"), &ends)?;
    let (mut gm_clock, gm_path) = clock(gm_host, 0, 0.0)?;
    let (mut pi_clock, pi_path) = clock(pi_host, 700, 25.0)?;
    let (mut adaptive_clock, adaptive_path) = clock(adaptive_host, 700, 25.0)?;
    let options = |path: &str| PtpdOptions::new(&["eth0"]).on_virtual_clock(Path::new(path));
    let _gm = Instance::start(gm_host, &ptpd, &PtpdOptions { priority1: 10, ..options(&gm_path) })?;
    let mut clients = Vec::new();
    for (host, path, pi) in [(pi_host, &pi_path, true), (adaptive_host, &adaptive_path, false)] {
        let options = PtpdOptions { client_only: true, pi, ..options(path) };
        let mut client = Instance::start(host, &ptpd, &options)?;
        client.wait_until("a client to be SLAVE", Duration::from_secs(90), |look| {
            look.state() == Some("SLAVE")
        })?;
        clients.push(client);
    }
    std::thread::sleep(Duration::from_secs(20));
    let mut errors = [Vec::new(), Vec::new()];
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(30) {
        for (clock, errors) in [&mut pi_clock, &mut adaptive_clock].into_iter().zip(&mut errors) {
            errors.push(true_offset(clock, &mut gm_clock)?.abs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(errors.map(|mut e| {
        e.sort_by(f64::total_cmp);
        let square = e.iter().map(|e| e * e).sum::<f64>() / e.len().max(1) as f64;
        (e.get(e.len() / 2).copied().unwrap_or(f64::MAX), square.sqrt())
    }))
}

#[test]
fn the_adaptive_servo_can_live_on_software_stamps() {
    experiment("the_adaptive_servo_can_live_on_software_stamps", &[], |lab| {
        let mut squares = [0.0; 2];
        for pi_first in [true, false] {
            let [pi, adaptive] = side_by_side(lab, pi_first)?;
            println!("{} first:", if pi_first { "pi" } else { "adaptive" });
            println!("pi: median {:.0} ns, RMS {:.0} ns", pi.0, pi.1);
            println!("adaptive: median {:.0} ns, RMS {:.0} ns", adaptive.0, adaptive.1);
            for (sum, (_, rms)) in squares.iter_mut().zip([pi, adaptive]) {
                *sum += rms * rms / 2.0;
            }
        }
        // This machine's delays are what they are: only that neither is lost beside the other is asked.
        let [pi, adaptive] = squares.map(f64::sqrt);
        if adaptive > 2.0 * pi + 3_000.0 {
            return Err(LabError::Wrong(format!("adaptive {adaptive:.0} ns beside PI {pi:.0} ns")));
        }
        Ok(())
    });
}
