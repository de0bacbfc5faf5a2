//! Everything a receiver's line can do wrong, at the running program: counted, said, holdover where it has to be, and never a
//! jump of the clock.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use hil_tests::lab::{
    Announces, Host, Instance, Lab, LabError, Process, Receiver, Says, expect, experiment, find_program,
    our_program, scrape,
};
use nix::libc::linger;
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use ptp_clock::observe;
use ptp_wire::{Flags, SdoId};

const PATIENCE: Duration = Duration::from_secs(90);
const GNSS: &str = "/run/clock-gnss";
/// The clock is never further off, ns, once it was locked: holdover of some seconds after a learning of some seconds.
const NO_JUMP: i64 = 20_000;

fn wrong(e: impl std::fmt::Display) -> LabError {
    LabError::Wrong(e.to_string())
}

/// Looks at the true error all the while.
struct Watch {
    largest: Arc<AtomicI64>,
    end: Arc<AtomicBool>,
}

impl Watch {
    fn start() -> Self {
        let this = Self { largest: Arc::default(), end: Arc::default() };
        let (largest, end) = (Arc::clone(&this.largest), Arc::clone(&this.end));
        std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                if let Ok(seen) = observe(Path::new(GNSS)) {
                    largest.fetch_max(seen.true_error.nanos().saturating_abs(), Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        this
    }

    /// The largest since it was asked last.
    fn largest(&self) -> i64 {
        self.largest.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
    }
}

fn page() -> Result<String, LabError> {
    scrape(Path::new("/run/metrics"))
}

/// A series of this page.
fn value(series: &str) -> Result<f64, LabError> {
    let text = page()?;
    let found = text.lines().find_map(|l| l.strip_prefix(series)?.trim().parse().ok());
    found.ok_or_else(|| wrong(format!("no {series} in\n{text}")))
}

/// Waits until a series says so.
fn wait_for(series: &str, wanted: impl Fn(f64) -> bool) -> Result<f64, LabError> {
    let begun = Instant::now();
    loop {
        let now = value(series)?;
        if wanted(now) {
            return Ok(now);
        }
        expect(begun.elapsed() < PATIENCE, || format!("{series} is {now}"))?;
        std::thread::sleep(Duration::from_millis(200));
    }
}

struct Stage {
    gm: Host,
    wire: Announces,
    receiver: Receiver,
    _daemon: Instance,
    ts2phc: Process,
    watch: Watch,
}

impl Stage {
    fn new(lab: &mut Lab, time: Option<&str>, more: &str) -> Result<Self, LabError> {
        let (gm, far) = (lab.host("gm")?, lab.host("far")?);
        lab.link((&gm, "eth0"), (&far, "eth0"))?;
        let receiver = Receiver::start(Path::new(GNSS), 3_000_000, 5_000.0)?;
        let wire = Announces::listen(&far, Ipv4Addr::new(10, 0, 1, 2))?;
        let yaml = format!(
            "priority1: 10\nclock_device: virtual:{GNSS}\nports:\n  - {{interface: eth0, transport: udp4, stamping: software, \
             log_announce_interval: -3}}\n"
        );
        let mut daemon = Instance::start_as(&gm, &our_program("ptpd")?, "gm", &yaml, 1, (0, SdoId::PTP))?;
        daemon.wait_until("MASTER", PATIENCE, |look| look.state() == Some("MASTER"))?;
        // It expired in June 2020.
        let leaps = lab.dir().join("leaps");
        std::fs::write(&leaps, "#@\t3802291200\n2272060800\t10\n3692217600\t37\n").map_err(wrong)?;
        let file = lab.dir().join("ts2phc.yaml");
        let text = format!(
            "time: {}\nannounce: {}\nprofile: telecom\nsettle: 4\nin_spec: 100 us\nmetrics: {{listen: /run/metrics}}\n{more}\
             clocks:\n  - clock: virtual:{GNSS}\n",
            time.unwrap_or(&receiver.device),
            daemon.socket.display()
        );
        let text = text.replace("LEAPS", &leaps.to_string_lossy());
        std::fs::write(&file, text).map_err(wrong)?;
        let ts2phc = gm.start("ts2phc", &our_program("ts2phc")?, ["-f".as_ref(), file.as_os_str()])?;
        Ok(Self { gm, wire, receiver, _daemon: daemon, ts2phc, watch: Watch::start() })
    }

    fn locked(&self) -> Result<(), LabError> {
        self.wire.wait_for(6).map(drop)?;
        std::thread::sleep(Duration::from_secs(4));
        self.watch.largest();
        Ok(())
    }

    /// The clock did not jump meanwhile.
    fn steady(&self, what: &str) -> Result<(), LabError> {
        let largest = self.watch.largest();
        println!("{what}: at most {largest} ns off the truth");
        expect(largest < NO_JUMP, || format!("{what}: the clock was {largest} ns off"))
    }

    /// This trouble takes the class to 7, is in this state of the receiver's, and goes by.
    fn trouble(&mut self, what: Says, state: &str, line: &str) -> Result<(), LabError> {
        self.wire.skip();
        self.receiver.says(what);
        let told = self.wire.wait_for(7)?;
        expect(told.before.iter().all(|c| *c == 6), || format!("{what:?}: {:?} before 7", told.before))?;
        if !state.is_empty() {
            wait_for(&format!("ts2phc_reference_state{{state=\"{state}\"}}"), |v| v == 1.0)?;
        }
        if !line.is_empty() {
            self.ts2phc.wait_for_line(line, PATIENCE, |l| l.contains(line))?;
        }
        Ok(())
    }

    fn well(&mut self, what: &str) -> Result<(), LabError> {
        self.receiver.says(Says::Well);
        let told = self.wire.wait_for(6)?;
        expect(told.before.iter().all(|c| *c == 7), || format!("{what}: {:?} before 6", told.before))?;
        self.steady(what)
    }
}

fn bad_input(lab: &mut Lab) -> Result<(), LabError> {
    let mut stage = Stage::new(lab, None, "leap_file: LEAPS\n")?;
    let steps = (|| -> Result<(), LabError> {
        let s = &mut stage;
        s.locked()?;
        // Half sentences, wrong checksums, dates that do not exist, and nothing else.
        s.trouble(Says::Garbage, "silent", "the receiver is silent: it is not followed")?;
        for cause in ["no_sentence", "wrong_checksum", "wrong_field"] {
            wait_for(&format!("ts2phc_receiver_messages_total{{result=\"{cause}\"}}"), |n| n >= 3.0)?;
        }
        s.well("garbage")?;
        s.trouble(Says::Noise, "silent", "and no time came: is the speed (baud) right?")?;
        s.well("another speed")?;
        // The device is gone, and comes back.
        s.trouble(Says::Unplugged, "silent", "trying again every two seconds")?;
        wait_for("ts2phc_receiver_losses_total", |n| n >= 1.0)?;
        s.well("unplugged")?;
        // Pulses whose second nobody tells; then seconds without pulses.
        let before = value(&format!("ts2phc_pulses_total{{clock=\"virtual:{GNSS}\",result=\"no_time\"}}"))?;
        s.trouble(Says::Silent, "silent", "are not used: no valid time of day within five seconds")?;
        wait_for(&format!("ts2phc_pulses_total{{clock=\"virtual:{GNSS}\",result=\"no_time\"}}"), |n| {
            n > before
        })?;
        s.well("pulses without sentences")?;
        s.receiver.pulses(None);
        s.wire.wait_for(7)?;
        s.receiver.pulses(Some(0));
        s.well("sentences without pulses")?;
        wait_for(&format!("ts2phc_pulses_total{{clock=\"virtual:{GNSS}\",result=\"missing\"}}"), |n| {
            n >= 1.0
        })?;
        // A flood may drown the truth, and takes nobody along.
        s.wire.skip();
        let before = value("ts2phc_receiver_messages_total{result=\"no_sentence\"}")?;
        s.receiver.says(Says::Flood);
        let seen = s.wire.classes_for(Duration::from_secs(10));
        let after = value("ts2phc_receiver_messages_total{result=\"no_sentence\"}")?;
        println!("a flood: {seen:?}, {} words dropped", after - before);
        expect(seen.iter().all(|c| matches!(c, 6 | 7)) && after - before > 1_000.0, || {
            format!("a flood: {seen:?}, {} words", after - before)
        })?;
        s.receiver.says(Says::Well);
        if seen.last() != Some(&6) {
            s.wire.wait_for(6)?;
        }
        s.steady("a flood")?;
        // What does no harm: a rollover that the system clock undoes, a leap second that cannot be.
        std::thread::sleep(Duration::from_secs(2));
        s.wire.skip();
        s.receiver.says(Says::Rollover);
        let seen = s.wire.classes_for(Duration::from_secs(8));
        expect(seen == [6], || format!("a rollover: {seen:?}"))?;
        s.ts2phc.wait_for_line("the rollover", PATIENCE, |l| l.contains("1024 weeks early (a rollover)"))?;
        s.steady("a week rollover")?;
        s.receiver.says(Says::Leap);
        s.ts2phc.wait_for_line("the leap second", PATIENCE, |l| {
            l.contains("no month ends then, and it is not told")
        })?;
        for _ in 0..20 {
            if let Some((flags, a)) = s.wire.next() {
                let fine = !flags.has(Flags::LEAP61) && a.grandmaster_clock_quality.clock_class == 6;
                expect(fine, || format!("{flags:?} {a:?}"))?;
            }
        }
        s.steady("a leap second on any day")?;
        // A receiver that speaks UBX alone.
        s.receiver.says(Says::Frames);
        let seen = s.wire.classes_for(Duration::from_secs(10));
        expect(seen == [6], || format!("UBX alone: {seen:?}"))?;
        s.steady("UBX alone")?;
        // A date that nothing explains.
        s.trouble(
            Says::Epoch,
            "",
            "before this program was made, and not by whole turns of 1024 weeks: it is not used",
        )?;
        wait_for("ts2phc_receiver_impossible_dates_total", |n| n >= 3.0)?;
        s.well("the first day of GPS")?;
        // The time goes back; then it is off by one second; each is doubted for a minute.
        s.trouble(Says::Old, "time_jumped", "the receiver's time jumped by -")?;
        s.receiver.says(Says::SecondLate);
        let seen = s.wire.classes_for(Duration::from_secs(12));
        expect(seen == [7], || format!("a second late: {seen:?}"))?;
        s.well("back in time, and off by a second")?;
        s.ts2phc.stop(PATIENCE)?;
        s.wire.wait_for(248)?;
        let log = s.ts2phc.log();
        expect(log.contains("which has expired") || log.contains("s by the receiver"), || log.clone())?;
        println!("{}", log.lines().rev().take(3).collect::<Vec<_>>().join("\n"));
        Ok(())
    })();
    steps.map_err(|e| LabError::Wrong(format!("{e}\n{}", stage.ts2phc.log())))
}

#[test]
fn whatever_the_line_says_the_clock_does_not_jump() {
    experiment("whatever_the_line_says_the_clock_does_not_jump", &[], bad_input);
}

/// The receiver's line served by TCP: one connection at a time.
struct Relay {
    listener: TcpListener,
    device: String,
}

impl Relay {
    /// The next connection; the words of the line go there until `cut`, which resets it.
    fn serve(&self, cut: &AtomicBool) -> Result<(), LabError> {
        let (mut client, _): (TcpStream, _) = self.listener.accept().map_err(wrong)?;
        let mut line = std::fs::File::open(&self.device).map_err(wrong)?;
        let mut raw = tcgetattr(&line).map_err(wrong)?;
        cfmakeraw(&mut raw);
        tcsetattr(&line, SetArg::TCSANOW, &raw).map_err(wrong)?;
        let mut octets = [0; 512];
        while !cut.load(Ordering::Relaxed) {
            let n = line.read(&mut octets).map_err(wrong)?;
            if client.write_all(&octets[..n]).is_err() {
                break;
            }
        }
        // Closed so, it is a reset.
        setsockopt(&client, sockopt::Linger, &linger { l_onoff: 1, l_linger: 0 }).map_err(wrong)
    }
}

fn connections(lab: &mut Lab) -> Result<(), LabError> {
    let stage = Stage::new(lab, Some("tcp:127.0.0.1:7777"), "utc_offset: 37\n")?;
    let listener = stage.gm.within(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 7777))).map_err(wrong)?;
    let relay = Arc::new(Relay { listener, device: stage.receiver.device.clone() });
    let cut = Arc::new(AtomicBool::new(false));
    let begin = || {
        cut.store(false, Ordering::Relaxed);
        let (relay, cut) = (Arc::clone(&relay), Arc::clone(&cut));
        std::thread::spawn(move || relay.serve(&cut))
    };
    let steps = (|| -> Result<(), LabError> {
        let serving = begin();
        stage.locked()?;
        // A reset, and it is there again: two seconds without words are none.
        cut.store(true, Ordering::Relaxed);
        serving.join().map_err(|_| wrong("the relay"))??;
        let serving = begin();
        wait_for("ts2phc_receiver_losses_total", |n| n >= 1.0)?;
        let seen = stage.wire.classes_for(Duration::from_secs(8));
        println!("a reset: {seen:?}");
        expect(seen.last() == Some(&6), || format!("after a reset: {seen:?}"))?;
        stage.steady("a reset")?;
        // A reset, and nobody serves for a while.
        cut.store(true, Ordering::Relaxed);
        serving.join().map_err(|_| wrong("the relay"))??;
        stage.wire.wait_for(7)?;
        let _serving = begin();
        stage.wire.wait_for(6)?;
        stage.steady("a connection that was gone")?;
        cut.store(true, Ordering::Relaxed);
        Ok(())
    })();
    steps.map_err(|e| LabError::Wrong(format!("{e}\n{}", stage.ts2phc.log())))
}

#[test]
fn a_connection_that_breaks_is_made_again() {
    experiment("a_connection_that_breaks_is_made_again", &[], connections);
}

fn gpsd(lab: &mut Lab) -> Result<(), LabError> {
    // It has a second receiver, which is a second late.
    let source = format!("gpsd:127.0.0.1:{GNSS}.receiver");
    let mut stage = Stage::new(lab, Some(&source), "utc_offset: 37\n")?;
    let other = Receiver::start(Path::new("/run/clock-other"), 0, 0.0)?;
    other.says(Says::SecondLate);
    let program = find_program("gpsd", "gpsd")?;
    let start = |stage: &Stage, label: &str| {
        stage.gm.start(label, &program, ["-N", "-n", "-b", &stage.receiver.device, &other.device])
    };
    let mut daemon = start(&stage, "gpsd")?;
    let steps = (|| -> Result<(), LabError> {
        stage.locked()?;
        daemon.kill()?;
        stage.wire.wait_for(7)?;
        wait_for("ts2phc_receiver_losses_total", |n| n >= 1.0)?;
        daemon = start(&stage, "gpsd-again")?;
        stage.well("gpsd started again")
    })();
    let _ = daemon.stop(Duration::from_secs(5));
    steps.map_err(|e| LabError::Wrong(format!("{e}\n{}", stage.ts2phc.log())))
}

#[test]
fn gpsd_that_is_started_again_is_found_again() {
    experiment("gpsd_that_is_started_again_is_found_again", &[("gpsd", "gpsd")], gpsd);
}
