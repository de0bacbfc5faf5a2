//! What the daemons tell a service manager: ready when synchronised, alive all the time, and a line on how it goes.

use std::path::Path;
use std::time::Duration;

use hil_tests::lab::{Host, LabError, Manager, Process, PtpdOptions, expect, experiment, our_program};
use ptp_clock::{VirtualClock, VirtualOptions};
use ptp_wire::TimeInterval;

const PATIENCE: Duration = Duration::from_secs(60);
const WATCHDOG: Duration = Duration::from_millis(300);

fn clock(path: &str, ahead: i64) -> Result<(), LabError> {
    let options = VirtualOptions { offset: TimeInterval::from_nanos(ahead), ..VirtualOptions::default() };
    VirtualClock::create(path, &options).map(drop).map_err(|e| LabError::Wrong(e.to_string()))
}

/// Starts a daemon with this configuration, as a service manager does.
fn start(host: &Host, program: &str, yaml: &str) -> Result<(Process, Manager), LabError> {
    let label = format!("{}-{program}", host.name());
    let file = host.dir().join(format!("{label}.yaml"));
    std::fs::write(&file, yaml).map_err(LabError::io("write a configuration"))?;
    let manager = Manager::new(Path::new(&format!("/run/manager-{label}")))?;
    let mut command = host.command(our_program(program)?);
    command.arg("-f").arg(&file);
    manager.watch(&mut command, WATCHDOG);
    let process = Process::start(&label, command, host.dir().join(format!("{label}.log")))?;
    Ok((process, manager))
}

/// The status that was told last before readiness, and first after it.
fn around(manager: &mut Manager) -> (String, String) {
    let heard = manager.heard();
    let at = heard.iter().position(|m| m == "READY=1").unwrap_or(heard.len());
    let status = |m: &&String| m.starts_with("STATUS=");
    let (before, after) = heard.split_at(at);
    let text = |m: Option<&String>| m.cloned().unwrap_or_default();
    (text(before.iter().rfind(status)), text(after.iter().find(status)))
}

#[test]
fn ready_is_synchronised() {
    experiment("readiness::ready_is_synchronised", &[], |lab| {
        let (gm, client) = (lab.host("gm")?, lab.host("client")?);
        lab.link((&gm, "eth0"), (&client, "eth0"))?;
        clock("/run/clock-gm", 0)?;
        clock("/run/clock-client", 400_000)?;
        clock("/run/clock-system", 5_000_000)?;
        let ptpd = |host: &Host, client_only: bool| {
            let clock = format!("/run/clock-{}", host.name());
            let mut options = PtpdOptions::new(&["eth0"]).on_virtual_clock(Path::new(&clock));
            options.client_only = client_only;
            let socket = format!("/run/ptpd-{}", host.name());
            start(host, "ptpd", &options.to_yaml(host.name(), Path::new(&socket)))
        };
        let (mut process, mut manager) = ptpd(&client, true)?;
        let (follower, mut following) = start(
            &client,
            "phc-sync",
            "instances:\n  - socket: /run/ptpd-client\n    clock: virtual:/run/clock-client\n\
             system_clock: sink\nsystem_clock_device: virtual:/run/clock-system\nrate: 8\n",
        )?;
        // Nobody to follow: alive, with a status, and not ready.
        let listening = |m: &mut Manager| m.heard().iter().any(|s| s == "STATUS=eth0 LISTENING");
        manager.wait_until("LISTENING", &process, PATIENCE, listening)?;
        manager.wait_until("three signs of life", &process, PATIENCE, |m| m.signs_of_life() >= 3)?;
        following.wait_until("three signs of life", &follower, PATIENCE, |m| m.signs_of_life() >= 3)?;
        expect(!manager.is_ready(), || format!("ready without a master: {manager:?}"))?;
        expect(!following.is_ready(), || format!("ready without a source: {following:?}"))?;
        let waits = following.heard().iter().any(|s| s.starts_with("STATUS=nothing to synchronise"));
        expect(waits, || format!("{following:?}"))?;

        // A grandmaster is ready when it serves.
        let (server, mut serving) = ptpd(&gm, false)?;
        serving.wait_until("a grandmaster's readiness", &server, PATIENCE, Manager::is_ready)?;
        let (before, after) = around(&mut serving);
        expect(before.contains("LISTENING"), || before.clone())?;
        expect(after == "STATUS=eth0 MASTER, clockClass 248", || after.clone())?;

        manager.wait_until("a client's readiness", &process, PATIENCE, Manager::is_ready)?;
        manager.wait_until("its status", &process, PATIENCE, |m| around(m).1.contains("SLAVE"))?;
        let (before, after) = around(&mut manager);
        expect(before == "STATUS=eth0 UNCALIBRATED", || before.clone())?;
        expect(after.starts_with("STATUS=eth0 SLAVE, grandmaster ") && after.contains(" offset "), || {
            after.clone()
        })?;
        following.wait_until("phc-sync's readiness", &follower, PATIENCE, Manager::is_ready)?;
        following.wait_until("its status", &follower, PATIENCE, |m| around(m).1.contains("locked"))?;
        let (_, after) = around(&mut following);
        expect(after.contains("ns, locked"), || after.clone())?;

        // Said once, still alive, and the end is told.
        let signs = manager.signs_of_life();
        manager.wait_until("more signs of life", &process, PATIENCE, |m| m.signs_of_life() > signs + 2)?;
        process.stop(PATIENCE)?;
        let heard = manager.heard();
        let ready = heard.iter().filter(|m| *m == "READY=1").count();
        expect(ready == 1 && heard.last().is_some_and(|m| m == "STOPPING=1"), || format!("{heard:?}"))
    });
}

#[test]
fn ready_when_started_waits_for_nobody() {
    experiment("readiness::ready_when_started_waits_for_nobody", &[], |lab| {
        let (a, b) = (lab.host("a")?, lab.host("b")?);
        lab.link((&a, "eth0"), (&b, "eth0"))?;
        clock("/run/clock-a", 0)?;
        let mut options = PtpdOptions::new(&["eth0"]).on_virtual_clock(Path::new("/run/clock-a"));
        options.client_only = true;
        options.extra = "ready_when: started\n".to_owned();
        let (process, mut manager) = start(&a, "ptpd", &options.to_yaml("a", Path::new("/run/ptpd-a")))?;
        manager.wait_until("readiness", &process, PATIENCE, Manager::is_ready)?;
        let (follower, mut following) = start(
            &a,
            "phc-sync",
            "instances: [/run/nobody]\nsystem_clock: untouched\nready_when: started\n",
        )?;
        following.wait_until("readiness", &follower, PATIENCE, Manager::is_ready)
    });
}
