//! The laboratory itself: rooms, cables, captures, and two of linuxptp's daemons to check the harness with.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use hil_tests::lab::{
    Capture, Dissection, LINUXPTP, Ptp4l, TSHARK, Watcher, expect, experiment, field, is_inside, probe,
    reenter, skip, their_pmc, wait_until,
};

#[test]
fn hosts_have_only_their_own_interfaces() {
    experiment("hosts_have_only_their_own_interfaces", &[], |lab| {
        let (a, b, c) = (lab.host("a")?, lab.host("b")?, lab.host("c")?);
        lab.link((&a, "eth0"), (&b, "eth0"))?;
        lab.switch("switch", &[(&a, "eth1"), (&b, "eth1"), (&c, "eth1")])?;
        let interfaces = a.run("ip", "iproute2", &["-o", "link"])?;
        expect(interfaces.contains("eth0") && interfaces.contains("eth1"), || interfaces.clone())?;
        expect(interfaces.lines().count() == 3, || format!("lo, eth0 and eth1, and not:\n{interfaces}"))?;
        let addresses = c.run("ip", "iproute2", &["-o", "address"])?;
        expect(addresses.contains("10.0.4.3/24"), || addresses.clone())
    });
}

/// A room whose maker is killed must go, with everything in it.
#[test]
fn a_room_ends_with_its_maker() {
    const NAME: &str = "a_room_ends_with_its_maker";
    const MINUTES: &str = "7323.25";
    if is_inside() {
        return experiment(NAME, &[], |lab| {
            let host = lab.host("a")?;
            let sleeper = host.start("sleep", std::path::Path::new("/bin/sleep"), [MINUTES])?;
            println!("sleeping");
            std::thread::sleep(Duration::from_secs(600));
            drop(sleeper);
            Ok(())
        });
    }
    if let Err(error) = probe() {
        return skip(&format!("{NAME}: {error}"));
    }
    // The room's lifeline is another process, which ends after five seconds.
    let mut maker = Command::new("sleep").arg("5").stdout(Stdio::piped()).spawn().expect("sleep runs");
    let lifeline = maker.stdout.take().expect("it is piped");
    let (status, output) = reenter(["--exact", NAME, "--nocapture", "--test-threads=1"], |command| {
        command.stdin(lifeline).stdout(Stdio::piped());
    })
    .expect("the room was made");
    maker.wait().expect("sleep ends");
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("sleeping"),
        "it got as far as starting something"
    );
    assert_eq!(status.code(), Some(130), "it was abandoned, and said so");
    let processes = std::fs::read_dir("/proc").expect("/proc is mounted").filter_map(Result::ok);
    let left = processes.filter(|entry| {
        std::fs::read(entry.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(MINUTES))
    });
    assert_eq!(left.count(), 0, "what it started is gone too");
}

/// The harness against itself: linuxptp with linuxptp, both on CLOCK_REALTIME, so that the true offset is nought.
#[test]
fn linuxptp_measures_linuxptp() {
    experiment("linuxptp_measures_linuxptp", &[LINUXPTP, TSHARK].concat(), |lab| {
        let (a, b) = (lab.host("a")?, lab.host("b")?);
        lab.link((&a, "eth0"), (&b, "eth0"))?;
        let capture = Capture::start(&b, "eth0", lab.dir())?;
        let mut server = Ptp4l::start(&a, &["eth0"], &["-4", "-E", "--priority1=10"])?;
        let mut client = Ptp4l::start(&b, &["eth0"], &["-4", "-E", "--slaveOnly=1"])?;
        server.wait_for_state(1, "MASTER", Duration::from_secs(60))?;
        let measured = client.wait_for_measured(5, Duration::from_secs(60))?;
        let best = measured.iter().map(|m| m.master_offset.abs()).min().unwrap_or(i64::MAX);
        expect(best < 1_000_000, || format!("one clock, and it is {best} ns from itself"))?;
        let text = their_pmc(&server.uds, &["GET PORT_DATA_SET"])?;
        expect(field(&text, "portState") == Some("MASTER"), || text.clone())?;
        let mut watcher = Watcher::new(Path::new(&client.uds), 1);
        let look = wait_until(
            &mut watcher,
            "a parent",
            Duration::from_secs(60),
            || Ok(()),
            |look| look.parent.is_some(),
        )?;
        expect(look.state() == Some("UNCALIBRATED") && look.steps_removed == Some(1), || {
            format!("{look:?}")
        })?;
        expect(look.grandmaster.is_some() && look.grandmaster != look.identity, || format!("{look:?}"))?;
        let dissection = Dissection::read(&capture.stop()?, None)?;
        expect(dissection.complaints.is_empty(), || format!("{:?}", dissection.complaints))?;
        expect(dissection.by_type[0] >= 20 && dissection.by_type[8] >= 20, || {
            format!("{:?}", dissection.by_type)
        })
    });
}
