//! ts2phc with witnesses: two clocks, a client of another grandmaster by PTP, and Debian's chronyd. One that lies is named and
//! changes nothing; a receiver that all contradict is not followed any more.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hil_tests::lab::{
    Instance, Lab, LabError, Process, Receiver, expect, experiment, field, find_program, our_program,
    run_command, skip,
};
use ptp_clock::{Clock, VirtualClock, VirtualOptions, observe};
use ptp_wire::TimeInterval;

const PATIENCE: Duration = Duration::from_secs(60);
const GNSS: &str = "/run/clock-gnss";
/// Far more than software stamps need on a busy machine.
const PTP_ERROR_NS: i64 = 5_000_000;

fn wrong(e: impl std::fmt::Display) -> LabError {
    LabError::Wrong(e.to_string())
}

/// Installed, or unpacked by hil-tests/setup.
fn chronyd() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let unpacked = program.ancestors().nth(3)?.join("peers/usr/sbin/chronyd");
    find_program("chronyd", "chrony").ok().or_else(|| Some(unpacked).filter(|p| p.is_file()))
}

/// A clock of the same truth as the receiver's.
fn true_clock(path: &str) -> Result<VirtualClock, LabError> {
    let of = VirtualClock::open_read_only(Path::new(GNSS)).map_err(wrong)?;
    let options = VirtualOptions { epoch: Some(of.epoch()), ..VirtualOptions::default() };
    VirtualClock::create(path, &options).map_err(wrong)
}

fn class(socket: &Path) -> Result<Option<u8>, LabError> {
    let (program, uds) = (our_program("pmc")?, socket.to_string_lossy().into_owned());
    let arguments = ["-u", "-b", "0", "-i", "/run/lab-pmc", "-s", &uds, "GET GRANDMASTER_SETTINGS_NP"];
    let text = run_command(&program.to_string_lossy(), &arguments)?;
    Ok(field(&text, "clockClass").and_then(|c| c.parse().ok()))
}

fn wait_for_class(socket: &Path, wanted: u8) -> Result<(), LabError> {
    let begun = Instant::now();
    loop {
        let now = class(socket)?;
        if now == Some(wanted) {
            return Ok(());
        }
        expect(begun.elapsed() < PATIENCE, || format!("clockClass is {now:?}, not {wanted}"))?;
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn wait_for(process: &mut Process, line: &str) -> Result<(), LabError> {
    process.wait_for_line(line, PATIENCE, |l| l.contains(line)).map(drop)
}

/// chronyd that says the machine's own clock is right, and can touch no clock.
fn start_chronyd(lab: &Lab, program: &Path, host: &hil_tests::lab::Host) -> Result<Process, LabError> {
    std::fs::create_dir_all("/run/chrony").map_err(wrong)?;
    std::fs::set_permissions("/run/chrony", std::fs::Permissions::from_mode(0o750)).map_err(wrong)?;
    let file = lab.dir().join("chrony.conf");
    let text = "local stratum 3\nport 0\ncmdport 0\nbindcmdaddress /run/chrony/chronyd.sock\n\
                pidfile /run/chronyd.pid\nuser root\n";
    std::fs::write(&file, text).map_err(wrong)?;
    let file = file.to_string_lossy().into_owned();
    let program = program.to_string_lossy().into_owned();
    let rights =
        ["--bounding-set", "-sys_time", "--inh-caps", "-sys_time", &program, "-x", "-d", "-f", &file];
    host.start("chronyd", &find_program("setpriv", "util-linux")?, rights)
}

fn witnesses(lab: &mut Lab, chronyd: &Path) -> Result<(), LabError> {
    let (gm, peer, out) = (lab.host("gm")?, lab.host("peer")?, lab.host("out")?);
    lab.link((&gm, "eth0"), (&peer, "eth0"))?;
    lab.link((&gm, "eth1"), (&out, "eth0"))?;
    let receiver = Receiver::start(Path::new(GNSS), 3_000_000, 5_000.0)?;
    let mut first = true_clock("/run/clock-w1")?;
    let _second = true_clock("/run/clock-w2")?;
    let mut master = true_clock("/run/clock-peer")?;
    let _chronyd = start_chronyd(lab, chronyd, &gm)?;

    // Who is told.
    let sdo = ptp_wire::SdoId::PTP;
    let told = format!(
        "clock_device: virtual:{GNSS}\nports:\n  - {{interface: eth1, transport: udp4, stamping: software}}\n"
    );
    let mut told = Instance::start_as(&gm, &our_program("ptpd")?, "told", &told, 1, (0, sdo))?;
    told.wait_until("MASTER", PATIENCE, |look| look.state() == Some("MASTER"))?;
    // Another grandmaster in another domain, and a client of it here that only measures the clock.
    let port = "  - {interface: eth0, transport: udp4, stamping: software, log_announce_interval: -2, \
                log_sync_interval: -3, log_min_delay_req_interval: -3}\n";
    let yaml = format!(
        "domain_number: 7\nclock_class: 6\nclock_accuracy: 0x21\npriority1: 10\nclock_device: virtual:/run/clock-peer\nports:\n{port}"
    );
    let _server = Instance::start_as(&peer, &our_program("ptpd")?, "peer", &yaml, 1, (7, sdo))?;
    let yaml = format!(
        "domain_number: 7\nclient_only: true\nfree_running: true\nclock_device: virtual:{GNSS}\nports:\n{port}"
    );
    let client = Instance::start_as(&gm, &our_program("ptpd")?, "listens", &yaml, 1, (7, sdo))?;

    let file = lab.dir().join("ts2phc.yaml");
    let text = format!(
        "time: {}\nannounce: {}\nprofile: telecom\nevents_socket: /run/events\nagree_within: 150 us\nlock_within: 100 us\n\
         disagree_for: 3 s\nagree_for: 5 s\nwitnesses:\n  - {{clock: 'virtual:/run/clock-w1', error: 20 us}}\n  \
         - {{clock: 'virtual:/run/clock-w2', error: 20 us}}\n  - {{ptp: {}, domain_number: 7, error: {PTP_ERROR_NS} ns}}\n  \
         - {{ntp: /run/chrony/chronyd.sock, error: 50 ms}}\nclocks:\n  - clock: virtual:{GNSS}\n",
        receiver.device,
        told.socket.display(),
        client.socket.display(),
    );
    std::fs::write(&file, text).map_err(wrong)?;
    let arguments = ["-f".as_ref(), file.as_os_str()];
    let mut ts2phc = gm.start("ts2phc", &our_program("ts2phc")?, arguments)?;
    let ptp = format!("ptp:{}", client.socket.display());

    let steps = (|| -> Result<(), LabError> {
        wait_for_class(&told.socket, 6)?;
        for witness in [
            "clock:virtual:/run/clock-w1",
            "clock:virtual:/run/clock-w2",
            &ptp,
            "ntp:/run/chrony/chronyd.sock",
        ] {
            wait_for(&mut ts2phc, &format!("{witness} agrees"))?;
        }
        // One clock lies by 90 us, the peer's grandmaster by 20 ms: each is named, and the class stays.
        first.step(TimeInterval::from_nanos(90_000)).map_err(wrong)?;
        wait_for(&mut ts2phc, "clock:virtual:/run/clock-w1 disagrees: the receiver is ")?;
        first.step(TimeInterval::from_nanos(-90_000)).map_err(wrong)?;
        master.step(TimeInterval::from_nanos(20_000_000)).map_err(wrong)?;
        wait_for(&mut ts2phc, &format!("{ptp} disagrees: the receiver is -"))?;
        master.step(TimeInterval::from_nanos(-20_000_000)).map_err(wrong)?;
        expect(class(&told.socket)? == Some(6) && !ts2phc.log().contains("outvoted"), || {
            "a liar alone took the grandmaster down".to_owned()
        })?;
        // The receiver is led away by 120 us: less than the clock's own prediction objects to.
        let mut events = UnixStream::connect("/run/events").map_err(wrong)?;
        receiver.pulses(Some(120_000));
        wait_for(&mut ts2phc, "the receiver is outvoted, and not followed: ")?;
        let outvoted = ts2phc.log().lines().rev().find(|l| l.contains("outvoted")).map(str::to_owned);
        // As far as it has followed, the clock is off by the witnesses' word, and its class says so.
        let (mut told_class, limit) = (class(&told.socket)?, Instant::now() + PATIENCE);
        while told_class == Some(6) {
            expect(Instant::now() < limit, || "class 6 is still told".to_owned())?;
            std::thread::sleep(Duration::from_millis(100));
            told_class = class(&told.socket)?;
        }
        let error = observe(Path::new(GNSS)).map_err(wrong)?.true_error.nanos_f64();
        println!("class {told_class:?}, {error:.0} ns off the truth: {}", outvoted.unwrap_or_default());
        let honest = match told_class {
            // The witnesses are within 20 us.
            Some(7) => error.abs() < 22_000.0,
            Some(160) => error.abs() < 150_000.0,
            _ => false,
        };
        expect(honest, || format!("class {told_class:?} and {error} ns off"))?;
        // It comes back: agreement for a while, then lock.
        receiver.pulses(Some(0));
        wait_for(&mut ts2phc, "the receiver is believed again")?;
        wait_for_class(&told.socket, 6)?;
        // Subscribers heard all of that.
        events.set_read_timeout(Some(Duration::from_millis(200))).map_err(wrong)?;
        let (mut heard, limit) = (String::new(), Instant::now() + PATIENCE);
        while !(heard.contains("is outvoted") && heard.contains("believed again")) {
            expect(Instant::now() < limit, || format!("events: {heard}"))?;
            let mut octets = [0; 4096];
            let n = events.read(&mut octets).unwrap_or(0);
            heard.push_str(&String::from_utf8_lossy(&octets[..n]));
        }
        expect(heard.contains("\"witness\":\"clock:virtual:/run/clock-w1\""), || heard.clone())?;
        expect(heard.contains("\"standing\":\"disagrees\""), || heard)?;
        ts2phc.stop(PATIENCE).map(drop)
    })();
    steps.map_err(|e| LabError::Wrong(format!("{e}\n{}", ts2phc.log())))
}

#[test]
fn liars_are_outvoted_the_receiver_too() {
    let Some(chronyd) = chronyd() else {
        return skip("liars_are_outvoted_the_receiver_too: no chronyd: run hil-tests/setup");
    };
    experiment("liars_are_outvoted_the_receiver_too", &[], |lab| witnesses(lab, &chronyd));
}
