//! ts2phc as it runs: a virtual clock with pulses, a receiver on a pseudo-terminal, and a real ptpd that is told.

use std::path::Path;
use std::time::{Duration, Instant};

use hil_tests::lab::{
    Instance, LabError, PtpdOptions, Receiver, Says, expect, experiment, field, our_program, run_command,
};
use ptp_clock::observe;

fn class(instance: &Instance) -> Result<Option<u8>, LabError> {
    let (program, uds) = (our_program("pmc")?, instance.socket.to_string_lossy().into_owned());
    let arguments = ["-u", "-b", "0", "-i", "/run/lab-pmc", "-s", &uds, "GET GRANDMASTER_SETTINGS_NP"];
    let text = run_command(&program.to_string_lossy(), &arguments)?;
    Ok(field(&text, "clockClass").and_then(|c| c.parse().ok()))
}

fn wait_for_class(instance: &Instance, wanted: u8, seconds: u64) -> Result<Duration, LabError> {
    let begun = Instant::now();
    loop {
        // A busy machine's daemon may answer too late: it is asked again.
        let now = class(instance).unwrap_or_default();
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
        let receiver = Receiver::start(clock, 3_000_000, 5_000.0)?;

        let options = PtpdOptions::new(&["eth0"]).on_virtual_clock(clock);
        let mut daemon = Instance::start(&gm, &our_program("ptpd")?, &options)?;
        daemon.wait_until("MASTER", Duration::from_secs(60), |look| look.state() == Some("MASTER"))?;
        let socket = daemon.socket.to_string_lossy().into_owned();
        let name = format!("virtual:{}", clock.display());
        let program = our_program("ts2phc")?;
        let arguments =
            ["-c", &name, "--nmea", &receiver.device, "--announce", &socket, "--profile", "telecom"];
        let mut ts2phc = gm.start("ts2phc", &program, arguments)?;

        let steps = (|| -> Result<(), LabError> {
            wait_for_class(&daemon, 6, 90)?;
            let error = error_ns(clock)?;
            expect(error.abs() < 2_000.0, || format!("locked, and {error} ns off"))?;
            // The pulses cease, and come back.
            receiver.pulses(None);
            wait_for_class(&daemon, 7, 10)?;
            receiver.pulses(Some(0));
            wait_for_class(&daemon, 6, 60)?;
            // The receiver loses its fix, falls silent, talks nonsense; each time it comes back.
            for trouble in [Says::NoFix, Says::Silent, Says::Garbage] {
                receiver.says(trouble);
                wait_for_class(&daemon, 7, 20)?;
                receiver.says(Says::Well);
                wait_for_class(&daemon, 6, 60)?;
            }
            let error = error_ns(clock)?;
            expect(error.abs() < 2_000.0, || format!("after all that {error} ns off"))?;
            // Pulses that jump by 50 us are not followed.
            receiver.pulses(Some(50_000));
            wait_for_class(&daemon, 7, 10)?;
            std::thread::sleep(Duration::from_secs(3));
            let error = error_ns(clock)?;
            expect(error.abs() < 2_000.0, || format!("a false pulse pulled it by {error} ns"))?;
            receiver.pulses(Some(0));
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
        steps.map_err(|e| LabError::Wrong(format!("{e}\n{}", ts2phc.log())))
    });
}
