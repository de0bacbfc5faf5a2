//! IEEE 802.1AS between our daemons over veth: the common link delay service, and the automotive roles, from the shipped
//! profiles.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hil_tests::lab::{
    Host, Instance, Lab, LabError, PATIENCE, Watcher, ahead_of_realtime as ahead, expect, experiment,
    our_program, wait_until, wait_until_true,
};
use ptp_clock::{VirtualClock, VirtualOptions};
use ptp_wire::{SdoId, TimeInterval};

fn clock_path(host: &Host, name: &str) -> PathBuf {
    PathBuf::from(format!("/run/clock-{}-{name}", host.name()))
}

/// A virtual clock that is `ms` ahead of CLOCK_REALTIME and gains `ppm`.
fn clock(host: &Host, name: &str, ms: i64, ppm: f64) -> Result<VirtualClock, LabError> {
    let options = VirtualOptions {
        offset: TimeInterval::from_nanos(ms * 1_000_000),
        frequency_error_ppb: ppm * 1e3,
        ..VirtualOptions::default()
    };
    VirtualClock::create(clock_path(host, name), &options).map_err(|e| LabError::Wrong(e.to_string()))
}

/// Waits until two clocks agree, ten times in a row over a second.
fn agree(client: &mut VirtualClock, gm: &mut VirtualClock, who: &str) -> Result<(), LabError> {
    wait_until_true(|| Ok(ahead(client)? - ahead(gm)?), who)
}

/// Software stamps make long links.
const SOFTWARE: &str = "stamping: software\n";

fn two_hosts(lab: &mut Lab) -> Result<(Host, Host), LabError> {
    let (one, two) = (lab.host("one")?, lab.host("two")?);
    lab.link((&one, "eth0"), (&two, "eth0"))?;
    Ok((one, two))
}

fn stop(instance: &mut Instance) -> Result<(), LabError> {
    let status = instance.process.stop(Duration::from_secs(10))?;
    expect(status.success(), || format!("{} ended with {status}", instance.process.label()))
}

/// On each host one service, and two domains that live on it, each with a clock of its own.
#[test]
fn two_domains_on_one_common_service() {
    experiment("two_domains_on_one_common_service", &[], |lab| {
        let ptpd = our_program("ptpd")?;
        let (one, two) = two_hosts(lab)?;
        let mut clocks = Vec::new();
        let mut daemons = Vec::new();
        for (host, gm) in [(&one, true), (&two, false)] {
            clock(host, "cmlds", 0, 5.0)?;
            let service = format!(
                "profile: cmlds\nclock_device: virtual:{}\n{SOFTWARE}neighbor_prop_delay_thresh: 20ms\nports:\n  - interface: eth0\n    log_min_pdelay_req_interval: -3\n",
                clock_path(host, "cmlds").display()
            );
            let service = Instance::start_as(host, &ptpd, "cmlds", &service, 1, (0, SdoId::CMLDS))?;
            let socket = service.socket.clone();
            daemons.push(service);
            for domain in [0u8, 7] {
                let name = format!("domain{domain}");
                let ms = i64::from(domain) * 1000 + if gm { 250 } else { -400 };
                clocks.push(clock(host, &name, ms, if gm { 20.0 } else { -30.0 })?);
                let yaml = format!(
                    "profile: gptp\ndomain_number: {domain}\npriority1: {}\nclock_device: virtual:{}\n{SOFTWARE}delay_mechanism: common_p2p\nneighbor_prop_delay_thresh: 20ms\nlog_announce_interval: -2\nlog_min_pdelay_req_interval: -3\ncmlds_server_socket: {}\nports:\n  - interface: eth0\n",
                    if gm { 10 } else { 250 },
                    clock_path(host, &name).display(),
                    socket.display(),
                );
                daemons.push(Instance::start_as(host, &ptpd, &name, &yaml, 1, (domain, SdoId::GPTP))?);
            }
        }
        let [gm0, gm7, client0, client7] = &mut clocks[..] else { unreachable!("four were made") };
        for (i, state) in [(1, "MASTER"), (2, "MASTER"), (4, "SLAVE"), (5, "SLAVE")] {
            daemons[i].wait_until(state, PATIENCE, |l| l.state() == Some(state))?;
        }
        agree(client0, gm0, "domain 0")?;
        agree(client7, gm7, "domain 7")?;
        let told = daemons[4].process.log();
        expect(told.contains("tells of its links"), || format!("it never heard of the service:\n{told}"))?;
        // The service dies: after its last word may be missing no longer, no domain trusts the link.
        stop(&mut daemons[3])?;
        for i in [4, 5] {
            daemons[i].wait_until("LISTENING", PATIENCE, |l| l.state() == Some("LISTENING"))?;
        }
        // It comes back, and all is well again.
        let again = std::fs::read_to_string(two.dir().join("two-cmlds.yaml"))
            .map_err(LabError::io("read the service's file"))?;
        let body = again.split_once("state_file: off\n").map_or("", |(_, rest)| rest);
        daemons[3] = Instance::start_as(&two, &ptpd, "cmlds", body, 1, (0, SdoId::CMLDS))?;
        for i in [4, 5] {
            daemons[i].wait_until("SLAVE", PATIENCE, |l| l.state() == Some("SLAVE"))?;
        }
        for daemon in daemons.iter_mut().rev() {
            stop(daemon)?;
        }
        let left = Path::new("/run").read_dir().map_err(LabError::io("list /run"))?;
        let sockets = left.flatten().filter(|e| e.file_name().to_string_lossy().contains("-client-"));
        expect(sockets.count() == 0, || "own ends of sockets are left behind".to_owned())
    });
}

/// Master and client as their profiles have them, with the stamps of this machine.
#[test]
fn the_automotive_roles_from_their_profiles() {
    experiment("the_automotive_roles_from_their_profiles", &[], |lab| {
        let ptpd = our_program("ptpd")?;
        let (one, two) = two_hosts(lab)?;
        let mut gm_clock = clock(&one, "gm", 250, 20.0)?;
        let mut client_clock = clock(&two, "client", -400, -30.0)?;
        let yaml = |profile: &str, host: &Host, name: &str| {
            let device = clock_path(host, name);
            format!(
                "profile: {profile}\nclock_device: virtual:{}\n{SOFTWARE}ports:\n  - interface: eth0\n",
                device.display()
            )
        };
        let gm = yaml("automotive-master", &one, "gm");
        let client = yaml("automotive-client", &two, "client");
        // The client first: it does not mind.
        let mut client = Instance::start_as(&two, &ptpd, "client", &client, 1, (0, SdoId::GPTP))?;
        let mut gm = Instance::start_as(&one, &ptpd, "gm", &gm, 1, (0, SdoId::GPTP))?;
        gm.wait_until("MASTER", PATIENCE, |l| l.state() == Some("MASTER"))?;
        client.wait_until("SLAVE", PATIENCE, |l| l.state() == Some("SLAVE") && l.steps_removed == Some(1))?;
        agree(&mut client_clock, &mut gm_clock, "the client")?;
        for instance in [&mut client, &mut gm] {
            stop(instance)?;
        }
        Ok(())
    });
}

/// The same in one process on each host: the instances share the port's sockets, and the service tells the others itself.
#[test]
fn two_domains_and_their_service_in_one_process() {
    experiment("two_domains_and_their_service_in_one_process", &[], |lab| {
        let ptpd = our_program("ptpd")?;
        let (one, two) = two_hosts(lab)?;
        let mut clocks = Vec::new();
        let mut processes = Vec::new();
        let mut watchers = Vec::new();
        for (host, gm) in [(&one, true), (&two, false)] {
            let mut files = Vec::new();
            clock(host, "cmlds", 0, 5.0)?;
            let mut write = |name: &str, addressing: (u8, SdoId), yaml: &str| {
                let socket = PathBuf::from(format!("/run/{}-{name}", host.name()));
                let file = host.dir().join(format!("{}-{name}.yaml", host.name()));
                let head = format!(
                    "management:\n  socket: {0}\n  read_only_socket: {0}-ro\nstate_file: off\nclock_device: virtual:{1}\n{SOFTWARE}neighbor_prop_delay_thresh: 20ms\nlog_min_pdelay_req_interval: -3\n",
                    socket.display(),
                    clock_path(host, name).display()
                );
                std::fs::write(&file, format!("{head}{yaml}ports:\n  - interface: eth0\n"))
                    .map_err(LabError::io("write a configuration"))?;
                files.extend(["-f".into(), file.into_os_string()]);
                watchers.push(Watcher::new(&socket, 1).asking(addressing.0, addressing.1));
                Ok::<_, LabError>(())
            };
            write("cmlds", (0, SdoId::CMLDS), "profile: cmlds\n")?;
            for domain in [0u8, 7] {
                let name = format!("domain{domain}");
                let ms = i64::from(domain) * 1000 + if gm { 250 } else { -400 };
                clocks.push(clock(host, &name, ms, if gm { 20.0 } else { -30.0 })?);
                let priority1 = if gm { 10 } else { 250 };
                let yaml = format!(
                    "profile: gptp\ndomain_number: {domain}\npriority1: {priority1}\ndelay_mechanism: common_p2p\nlog_announce_interval: -2\n"
                );
                write(&name, (domain, SdoId::GPTP), &yaml)?;
            }
            processes.push(host.start("ptpd", &ptpd, &files)?);
        }
        for (i, state) in [(1, "MASTER"), (2, "MASTER"), (4, "SLAVE"), (5, "SLAVE")] {
            let process = &mut processes[i / 3];
            let label = process.label().to_owned();
            let alive = || match process.ended() {
                Some(status) => Err(LabError::Wrong(format!("{label} ended ({status})"))),
                None => Ok(()),
            };
            wait_until(&mut watchers[i], state, PATIENCE, alive, |l| l.state() == Some(state))?;
        }
        let [gm0, gm7, client0, client7] = &mut clocks[..] else { unreachable!("four were made") };
        agree(client0, gm0, "domain 0")?;
        agree(client7, gm7, "domain 7")?;
        for process in &mut processes {
            let status = process.stop(Duration::from_secs(10))?;
            expect(status.success(), || {
                format!("{} ended with {status}\n{}", process.label(), process.log())
            })?;
        }
        Ok(())
    });
}
