//! All three daemons at work: a grandmaster whose clock follows pulses (`ts2phc`), a client, and the client's system clock,
//! which is a virtual one (`phc-sync`).

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use hil_tests::lab::{Host, Instance, Lab, LabError, PATIENCE, Process, PtpdOptions, expect, our_program};
use ptp_clock::{VirtualClock, VirtualOptions};
use ptp_wire::TimeInterval;

pub(crate) fn wrong(e: impl std::fmt::Display) -> LabError {
    LabError::Wrong(e.to_string())
}

/// Waits for a condition; `otherwise` says what was the case instead.
pub(crate) fn until(
    what: &str,
    mut done: impl FnMut() -> Result<bool, LabError>,
    otherwise: impl Fn() -> String,
) -> Result<(), LabError> {
    let begun = Instant::now();
    while !done()? {
        expect(begun.elapsed() < PATIENCE, || format!("not within a minute: {what}\n{}", otherwise()))?;
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// What `pmc` says, on both of its outputs, and its exit status.
pub(crate) fn pmc(words: &[&str]) -> Result<(String, i32), LabError> {
    let mut command = Command::new(our_program("pmc")?);
    command.args(words);
    output(command)
}

pub(crate) fn output(mut command: Command) -> Result<(String, i32), LabError> {
    let Output { stdout, stderr, status } = command.output().map_err(LabError::io("run pmc"))?;
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    Ok((text, status.code().unwrap_or(-1)))
}

/// What an endpoint at a UNIX socket answers to GET.
pub(crate) fn get(socket: &Path, path: &str) -> Result<String, LabError> {
    let mut stream = UnixStream::connect(socket).map_err(LabError::io("connect to the endpoint"))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(wrong)?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: lab\r\n\r\n").as_bytes()).map_err(wrong)?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(LabError::io("read the endpoint's answer"))?;
    Ok(text)
}

/// The value of a series on a page.
pub(crate) fn series(page: &str, name: &str) -> Option<f64> {
    page.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

/// A clock on the truth that all share.
fn clock(path: &str, epoch: i64, ahead_ns: i64, ppb: f64) -> Result<VirtualClock, LabError> {
    let options = VirtualOptions {
        epoch: Some(epoch),
        offset: TimeInterval::from_nanos(ahead_ns),
        frequency_error_ppb: ppb,
        ..VirtualOptions::default()
    };
    VirtualClock::create(path, &options).map_err(wrong)
}

/// The daemons by name: program, and where their sockets are.
pub(crate) const DAEMONS: [&str; 3] = ["ptpd", "phc-sync", "ts2phc"];

pub(crate) struct Stage {
    _gm: Instance,
    pub(crate) client: Instance,
    pub(crate) phc_sync: Process,
    pub(crate) ts2phc: Process,
    pub(crate) hosts: [Host; 2],
    clocks: [VirtualClock; 3],
    files: [String; 2],
    options: PtpdOptions,
}

/// Where a daemon's events are told.
pub(crate) fn events_of(daemon: &str) -> std::path::PathBuf {
    format!("/run/{daemon}-events").into()
}

/// Where a daemon's endpoint is.
pub(crate) fn endpoint_of(daemon: &str) -> std::path::PathBuf {
    format!("/run/{daemon}-http").into()
}

impl Stage {
    /// Starts all of them, and waits until the client's system clock is locked. `evidence`: the directory of all three.
    pub(crate) fn start(lab: &mut Lab, evidence: &str) -> Result<Self, LabError> {
        let hosts = [lab.host("gm")?, lab.host("client")?];
        let [gm, client] = &hosts;
        lab.link((gm, "eth0"), (client, "eth0"))?;
        let epoch = VirtualOptions::epoch_now() + 37_000_000_000;
        let clocks = [
            clock("/run/clock-gm", epoch, 2_000_000, 5_000.0)?,
            clock("/run/clock-client", epoch, 400_000, 12_000.0)?,
            clock("/run/clock-system", epoch, -37_300_000_000, -20_000.0)?,
        ];
        std::fs::write("/run/clock-gm.pps", "0").map_err(LabError::io("start the pulses"))?;
        let log = format!("evidence: {{directory: {evidence}, interval: 100 ms}}\n");
        let outlets = |daemon: &str| {
            let (events, endpoint) = (events_of(daemon), endpoint_of(daemon));
            format!(
                "events_socket: {}\nmetrics: {{listen: {}, openshift_names: true}}\n{log}",
                events.display(),
                endpoint.display()
            )
        };
        let files = [
            format!(
                "time: system\nutc_offset: 37\nclocks:\n  - clock: virtual:/run/clock-gm\nannounce: /run/ptpd-gm\n{}",
                outlets("ts2phc")
            ),
            format!(
                "instances:\n  - socket: /run/ptpd-client\n    clock: virtual:/run/clock-client\nsystem_clock: sink\n\
                 system_clock_device: virtual:/run/clock-system\nrate: 8\nstep_threshold: 100 ms\n{}",
                outlets("phc-sync")
            ),
        ];
        let mut options = PtpdOptions::new(&["eth0"]).on_virtual_clock(Path::new("/run/clock-gm"));
        options.priority1 = 10;
        // The pulses keep its clock.
        options.extra = String::new();
        let gm_ptpd = Instance::start(gm, &our_program("ptpd")?, &options)?;
        let ts2phc = run(gm, "ts2phc", &files[0])?;
        let mut options = PtpdOptions::new(&["eth0"]).on_virtual_clock(Path::new("/run/clock-client"));
        options.client_only = true;
        options.extra = format!(
            "events: {{socket: {}}}\nmetrics: {{listen: {}, openshift_names: true}}\n{log}",
            events_of("ptpd").display(),
            endpoint_of("ptpd").display()
        );
        let client_ptpd = Instance::start(client, &our_program("ptpd")?, &options)?;
        let phc_sync = run(client, "phc-sync", &files[1])?;
        let mut stage =
            Self { _gm: gm_ptpd, client: client_ptpd, phc_sync, ts2phc, hosts, clocks, files, options };
        stage.wait_for_time()?;
        Ok(stage)
    }

    /// All clocks show the truth, as their daemons say and as is so.
    pub(crate) fn wait_for_time(&mut self) -> Result<(), LabError> {
        let words = || {
            let page = |d: &&str| get(&endpoint_of(d), "/readyz").unwrap_or_else(|e| e.to_string());
            DAEMONS.iter().map(page).collect::<Vec<_>>().join("\n")
        };
        let ready =
            || Ok(DAEMONS.iter().all(|d| get(&endpoint_of(d), "/readyz").is_ok_and(|t| t.contains(" 200 "))));
        until("all daemons ready", ready, words)?;
        let mut clocks = self.clocks.each_mut();
        let mut errors = [f64::NAN; 3];
        until(
            "all clocks right",
            || {
                for (error, clock) in errors.iter_mut().zip(&mut clocks) {
                    *error = clock.true_error().map_err(wrong)?.nanos_f64();
                }
                let [gm, client, system] = errors;
                Ok(gm.abs() < 300e3 && client.abs() < 300e3 && (system + 37e9).abs() < 300e3)
            },
            String::new,
        )
        .map_err(|e| wrong(format!("{e}{errors:?}")))
    }

    /// Starts one of them anew.
    pub(crate) fn restart(&mut self, daemon: &str) -> Result<(), LabError> {
        let [gm, client] = &self.hosts;
        match daemon {
            "ptpd" => self.client = Instance::start(client, &our_program("ptpd")?, &self.options)?,
            "phc-sync" => self.phc_sync = run(client, "phc-sync", &self.files[1])?,
            _ => self.ts2phc = run(gm, "ts2phc", &self.files[0])?,
        }
        Ok(())
    }

    pub(crate) fn process(&mut self, daemon: &str) -> &mut Process {
        match daemon {
            "ptpd" => &mut self.client.process,
            "phc-sync" => &mut self.phc_sync,
            _ => &mut self.ts2phc,
        }
    }
}

fn run(host: &Host, daemon: &str, text: &str) -> Result<Process, LabError> {
    let file = host.dir().join(format!("{daemon}.yaml"));
    std::fs::write(&file, text).map_err(LabError::io("write a configuration"))?;
    host.start(daemon, &our_program(daemon)?, ["-f".as_ref(), file.as_os_str()])
}
