//! ts2phc and ptpd as they die, hang and are started again, in each state of the reference: what is on the wire. Settings are
//! leased, so nobody announces for long what nobody watches any more.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use hil_tests::lab::{
    Announced, Announces, Host, Instance, Lab, LabError, Process, Receiver, expect, experiment, our_program,
};
use nix::sys::signal::Signal;
use ptp_wire::{Flags, SdoId};

const PATIENCE: Duration = Duration::from_secs(90);
const GNSS: &str = "/run/clock-gnss";

fn wrong(e: impl std::fmt::Display) -> LabError {
    LabError::Wrong(e.to_string())
}

fn ptpd(host: &Host) -> Result<Instance, LabError> {
    let yaml = format!(
        "priority1: 10\nclock_device: virtual:{GNSS}\nports:\n  - {{interface: eth0, transport: udp4, stamping: software, \
         log_announce_interval: -3}}\n"
    );
    let mut daemon = Instance::start_as(host, &our_program("ptpd")?, "gm", &yaml, 1, (0, SdoId::PTP))?;
    daemon.wait_until("MASTER", PATIENCE, |look| look.state() == Some("MASTER"))?;
    Ok(daemon)
}

/// A configuration whose holdover is within specification for so long, and free run after so long.
fn write(
    file: &Path,
    receiver: &Receiver,
    socket: &Path,
    in_spec_s: u32,
    out_of_spec_s: u32,
) -> Result<(), LabError> {
    let text = format!(
        "time: {}\nannounce: {}\nprofile: telecom\nin_spec: 1 ms\nin_spec_for: {in_spec_s} s\nout_of_spec: 1 s\n\
         out_of_spec_for: {out_of_spec_s} s\nclocks:\n  - clock: virtual:{GNSS}\n",
        receiver.device,
        socket.display()
    );
    std::fs::write(file, text).map_err(wrong)
}

struct Stage {
    gm: Host,
    receiver: Receiver,
    wire: Announces,
    file: std::path::PathBuf,
    daemon: Instance,
    number: u32,
}

impl Stage {
    fn ts2phc(&mut self) -> Result<Process, LabError> {
        self.number += 1;
        let label = format!("ts2phc-{}", self.number);
        self.gm.start(&label, &our_program("ts2phc")?, ["-f".as_ref(), self.file.as_os_str()])
    }

    /// What comes from now on.
    fn wait_for(&self, class: u8) -> Result<Announced, LabError> {
        self.wire.wait_for(class)
    }

    /// Someone was killed or hangs: until class 248 is on the wire, and nothing but the class before comes until then.
    fn withdrawn(&self, what: &str, before: u8, since: Instant) -> Result<(), LabError> {
        let told = self.wait_for(248)?;
        println!("{what}: class 248 on the wire after {:.2} s", (told.at - since).as_secs_f64());
        expect(told.before.iter().all(|c| *c == before), || format!("{what}: {:?}", told.before))?;
        let claims = [Flags::TIME_TRACEABLE, Flags::FREQUENCY_TRACEABLE, Flags::UTC_OFFSET_VALID];
        expect(claims.iter().all(|f| !told.flags.has(*f)), || format!("{what}: {:?}", told.flags))?;
        let after = self.wire.classes_for(Duration::from_secs(3));
        expect(after == [248], || format!("{what}: then {after:?}"))
    }

    /// ptpd is killed and started again: 248 until it is told this class, and nothing else.
    fn daemon_again(&mut self, class: u8) -> Result<(), LabError> {
        self.daemon.process.kill()?;
        self.wire.skip();
        self.daemon = ptpd(&self.gm)?;
        let begun = Instant::now();
        let told = self.wait_for(class)?;
        println!(
            "ptpd started again in class {class}: {:?}, then right, {:.2} s after it was a master",
            told.before,
            begun.elapsed().as_secs_f64()
        );
        expect(told.before.iter().all(|c| *c == 248), || format!("{:?} before class {class}", told.before))
    }
}

fn deaths(lab: &mut Lab) -> Result<(), LabError> {
    let (gm, far) = (lab.host("gm")?, lab.host("far")?);
    lab.link((&gm, "eth0"), (&far, "eth0"))?;
    let receiver = Receiver::start(Path::new(GNSS), 3_000_000, 5_000.0)?;
    let wire = Announces::listen(&far, Ipv4Addr::new(10, 0, 1, 2))?;
    let daemon = ptpd(&gm)?;
    let file = lab.dir().join("ts2phc.yaml");
    write(&file, &receiver, &daemon.socket, 86_400, 604_800)?;
    let mut stage = Stage { gm, receiver, wire, file, daemon, number: 0 };

    // Killed while locked.
    let mut ts2phc = stage.ts2phc()?;
    stage.wait_for(6)?;
    stage.daemon_again(6)?;
    ts2phc.kill()?;
    stage.wire.skip();
    stage.withdrawn("SIGKILL while locked", 6, Instant::now())?;

    // It hangs, and goes on.
    let mut ts2phc = stage.ts2phc()?;
    stage.wait_for(6)?;
    ts2phc.signal(Signal::SIGSTOP)?;
    stage.wire.skip();
    stage.withdrawn("SIGSTOP while locked", 6, Instant::now())?;
    ts2phc.signal(Signal::SIGCONT)?;
    let back = stage.wait_for(6)?;
    println!("SIGCONT: {:?}, then 6", back.before);
    // ptpd hangs for longer than the lease: it may doubt for a moment, and is told.
    stage.daemon.process.signal(Signal::SIGSTOP)?;
    std::thread::sleep(Duration::from_secs(8));
    stage.wire.skip();
    stage.daemon.process.signal(Signal::SIGCONT)?;
    let hung = stage.wire.classes_for(Duration::from_secs(4));
    println!("ptpd hung for 8 s: {hung:?}");
    expect(hung.last() == Some(&6), || format!("after ptpd hung: {hung:?}"))?;

    // Holdover: within specification, then out of it, then nothing is known any more.
    stage.receiver.pulses(None);
    stage.wait_for(7)?;
    stage.daemon_again(7)?;
    ts2phc.kill()?;
    stage.wire.skip();
    stage.withdrawn("SIGKILL in holdover", 7, Instant::now())?;
    // Nobody tells a daemon that is started now anything: what was is not remembered.
    stage.daemon.process.kill()?;
    stage.wire.skip();
    stage.daemon = ptpd(&stage.gm)?;
    let alone = stage.wire.classes_for(Duration::from_secs(5));
    expect(alone == [248], || format!("ptpd alone: {alone:?}"))?;

    // A new ts2phc knows nothing of the time until pulses come.
    let mut ts2phc = stage.ts2phc()?;
    let begun = stage.wire.classes_for(Duration::from_secs(4));
    expect(begun == [248], || format!("without pulses: {begun:?}"))?;
    stage.receiver.pulses(Some(0));
    stage.wait_for(6)?;
    write(&stage.file, &stage.receiver, &stage.daemon.socket, 5, 86_400)?;
    ts2phc.signal(Signal::SIGHUP)?;
    ts2phc.wait_for_line("the reload", PATIENCE, |l| l.contains("configuration reloaded"))?;
    stage.receiver.pulses(None);
    stage.wait_for(7)?;
    let told = stage.wait_for(160)?;
    expect(told.before.iter().all(|c| *c == 7), || format!("{:?} before 160", told.before))?;
    stage.daemon_again(160)?;
    ts2phc.signal(Signal::SIGSTOP)?;
    stage.wire.skip();
    stage.withdrawn("SIGSTOP out of specification", 160, Instant::now())?;
    ts2phc.signal(Signal::SIGCONT)?;
    let back = stage.wait_for(160)?;
    expect(back.before.iter().all(|c| *c == 248), || format!("{:?} before 160", back.before))?;
    // Beyond all specification: free run, and it stays so over ptpd's restart.
    write(&stage.file, &stage.receiver, &stage.daemon.socket, 5, 6)?;
    ts2phc.signal(Signal::SIGHUP)?;
    stage.wait_for(248)?;
    stage.daemon.process.kill()?;
    stage.wire.skip();
    stage.daemon = ptpd(&stage.gm)?;
    let free = stage.wire.classes_for(Duration::from_secs(4));
    expect(free == [248], || format!("in free run: {free:?}"))?;
    stage.receiver.pulses(Some(0));
    stage.wait_for(6)?;
    // Killed with a word on its lips: the state file is not half written.
    ts2phc.kill()?;
    stage.wire.skip();
    stage.withdrawn("SIGKILL again", 6, Instant::now())
}

#[test]
fn nobody_announces_what_nobody_watches() {
    experiment("nobody_announces_what_nobody_watches", &[], deaths);
}
