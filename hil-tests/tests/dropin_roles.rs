//! Each of the twenty configurations that linuxptp ships a file for, written anew: `ptpd` called as `ptp4l` is started
//! with it, beside Debian's `ptp4l` as the fitting peer, and has to come to play the role.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hil_tests::lab::{Host, LINUXPTP, Lab, LabError, Process, experiment, find_program, our_program};

const PATIENCE: Duration = Duration::from_secs(150);

/// Who has to report offsets, and thereby shows that the role is played.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shown {
    /// Ours follows the peer.
    ByOurs,
    /// The peer follows ours.
    ByPeer,
    /// A third one follows the peer through ours, which has two ports.
    Behind,
}

struct Role {
    name: &'static str,
    /// Ours: what the file has. `PEER` is the peer's address.
    file: &'static str,
    /// The peer's file; Debian's 3.1.1 knows slaveOnly and masterOnly.
    peer: &'static str,
    shown: Shown,
}

const fn role(name: &'static str, file: &'static str, peer: &'static str, shown: Shown) -> Role {
    Role { name, file, peer, shown }
}

use Shown::{Behind, ByOurs, ByPeer};

/// Software stamps over veth are no 800 ns apart.
const GPTP: &str = "gmCapable 1\npriority2 248\ntransportSpecific 0x1\nptp_dst_mac 01:80:C2:00:00:0E\np2p_dst_mac 01:80:C2:00:00:0E\nnetwork_transport L2\ndelay_mechanism P2P\nfollow_up_info 1\npath_trace_enabled 1\nlogAnnounceInterval 0\nlogSyncInterval -3\nsyncReceiptTimeout 3\nneighborPropDelayThresh 10000000\nassume_two_step 1\n";

const ROLES: &[Role] = &[
    role("default", "priority1 128\nnetwork_transport UDPv4\nsummary_interval 0", "priority1 10", ByOurs),
    role(
        "e2e-ethernet",
        "network_transport L2\ndelay_mechanism E2E",
        "network_transport L2\npriority1 10",
        ByOurs,
    ),
    role(
        "p2p",
        "network_transport L2\ndelay_mechanism P2P",
        "network_transport L2\ndelay_mechanism P2P\npriority1 10",
        ByOurs,
    ),
    role("gptp", "GPTP\npriority1 248", "GPTP\npriority1 10", ByOurs),
    role(
        "automotive-master",
        "transportSpecific 1\nnetwork_transport L2\ndelay_mechanism P2P\nBMCA noop\nserverOnly 1\ninhibit_announce 1\nasCapable true",
        "transportSpecific 1\nnetwork_transport L2\ndelay_mechanism P2P\nBMCA noop\nslaveOnly 1\ninhibit_announce 1\nignore_source_id 1\nasCapable true",
        ByPeer,
    ),
    role(
        "automotive-slave",
        "transportSpecific 1\nnetwork_transport L2\ndelay_mechanism P2P\nBMCA noop\nclientOnly 1\ninhibit_announce 1\nignore_source_id 1\nmsg_interval_request 1\nasCapable true",
        "transportSpecific 1\nnetwork_transport L2\ndelay_mechanism P2P\nBMCA noop\nmasterOnly 1\ninhibit_announce 1\nasCapable true",
        ByOurs,
    ),
    role("enterprise", "hybrid_e2e 1\nlogSyncInterval 0", "hybrid_e2e 1\npriority1 10", ByOurs),
    role(
        "g8265-1",
        "dataset_comparison G.8275.x\nclientOnly 1\ndomainNumber 4\nhybrid_e2e 1\n[unicast_master_table]\ntable_id 1\nlogQueryInterval 0\nUDPv4 PEER\n[eth0]\nunicast_master_table 1",
        "dataset_comparison G.8275.x\ndomainNumber 4\nhybrid_e2e 1\nunicast_listen 1\ninhibit_multicast_service 1",
        ByOurs,
    ),
    role(
        "g8275-1",
        "dataset_comparison G.8275.x\nG.8275.portDS.localPriority 100\ndomainNumber 24\nnetwork_transport L2\nlogSyncInterval -4\nlogAnnounceInterval -3\nlogMinDelayReqInterval -4",
        "dataset_comparison G.8275.x\ndomainNumber 24\nnetwork_transport L2\nclockClass 6\nmasterOnly 1\nlogSyncInterval -4\nlogAnnounceInterval -3",
        ByOurs,
    ),
    role(
        "g8275-2",
        "dataset_comparison G.8275.x\ndomainNumber 44\nhybrid_e2e 1\nunicast_listen 1\nserverOnly 1",
        "dataset_comparison G.8275.x\nslaveOnly 1\ndomainNumber 44\nhybrid_e2e 1\n[unicast_master_table]\ntable_id 1\nlogQueryInterval 0\nUDPv4 OURS\n[eth0]\nunicast_master_table 1",
        ByPeer,
    ),
    role(
        "power-2011",
        "domainNumber 93\nnetwork_transport L2\ndelay_mechanism P2P\npower_profile.version 2011",
        "domainNumber 93\nnetwork_transport L2\ndelay_mechanism P2P\npriority1 10",
        ByOurs,
    ),
    role(
        "power-2017",
        "domainNumber 93\npriority1 10\nnetwork_transport L2\ndelay_mechanism P2P\npower_profile.version 2017",
        "domainNumber 93\nnetwork_transport L2\ndelay_mechanism P2P\nslaveOnly 1",
        ByPeer,
    ),
    role("e2e-transparent", "clock_type E2E_TC\nnetwork_transport L2", "network_transport L2", Behind),
    role(
        "p2p-transparent",
        "clock_type P2P_TC\ndelay_mechanism P2P\nnetwork_transport L2",
        "network_transport L2\ndelay_mechanism P2P",
        Behind,
    ),
    role(
        "unicast-client",
        "hybrid_e2e 1\n[unicast_master_table]\ntable_id 1\nlogQueryInterval 0\nUDPv4 PEER\n[eth0]\nunicast_master_table 1",
        "hybrid_e2e 1\nunicast_listen 1\ninhibit_multicast_service 1\npriority1 10",
        ByOurs,
    ),
    role(
        "unicast-server",
        "hybrid_e2e 1\nunicast_listen 1\ninhibit_multicast_service 1\npriority1 10",
        "hybrid_e2e 1\nslaveOnly 1\n[unicast_master_table]\ntable_id 1\nlogQueryInterval 0\nUDPv4 OURS\n[eth0]\nunicast_master_table 1",
        ByPeer,
    ),
    // A file for ts2phc has nothing for ptp4l: it runs as by default.
    role("ts2phc", "ts2phc.pulsewidth 100000000\nleapfile /usr/share/leap", "priority1 10", ByOurs),
    role("network-monitor", "net_sync_monitor 1\nhybrid_e2e 1", "hybrid_e2e 1\npriority1 10", ByOurs),
];

/// What Debian's 3.1.1 does not have yet: ours on both sides.
const AMONG_OURS: &[Role] = &[role(
    "authentication",
    "network_transport L2\nsa_file DIR/sa.cfg\nspp 7\nactive_key_id 1",
    "network_transport L2\nsa_file DIR/sa.cfg\nspp 7\nactive_key_id 1\npriority1 10",
    ByOurs,
)];

/// Needs a service beside it, of which `lab_gptp.rs` has two kinds: without it, it starts and listens.
const COMMON_DELAY: &str = "transportSpecific 1\nnetwork_transport L2\ndelay_mechanism COMMON_P2P\nfollow_up_info 1\n\
    cmlds.server_address /run/no-service\ncmlds.client_address /run/common-client";

const KEYS: &str = "[security_association]\nspp 7\n1 SHA256-128 HEX:00112233445566778899aabbccddeeff\n";

struct Played {
    role: &'static Role,
    ours: Process,
    /// The peer, and behind a transparent clock the client.
    others: Vec<Process>,
}

fn write(lab: &Path, name: &str, text: &str, peer: &str, ours: &str) -> Result<PathBuf, LabError> {
    let dir = lab.display().to_string();
    let text = text.replace("GPTP\n", GPTP).replace("PEER", peer).replace("OURS", ours).replace("DIR", &dir);
    let file = lab.join(format!("{name}.cfg"));
    std::fs::write(&file, format!("[global]\n{text}\n")).map_err(LabError::io("write a file"))?;
    Ok(file)
}

fn start(host: &Host, program: &Path, file: &Path, ports: &[&str]) -> Result<Process, LabError> {
    let file = file.to_string_lossy();
    let uds = format!("--uds_address=/run/{}", host.name());
    let mut all =
        vec!["-S", "-m", "-q", "--free_running=1", "--summary_interval=-4", uds.as_str(), "-f", &file];
    let read_only = format!("--uds_ro_address=/run/{}-ro", host.name());
    // Debian's 3.1.1 has one socket.
    if !program.starts_with("/usr/sbin") {
        all.push(&read_only);
    }
    for port in ports {
        all.extend(["-i", port]);
    }
    host.start("ptp4l", program, all)
}

fn play(lab: &mut Lab, link: &mut u8, role: &'static Role, programs: [&Path; 2]) -> Result<Played, LabError> {
    let [ours_program, theirs] = programs;
    // Names of namespaces and sockets stay short.
    let ours = lab.host(role.name)?;
    let peer = lab.host(&format!("{}-p", role.name))?;
    lab.link((&ours, "eth0"), (&peer, "eth0"))?;
    *link += 1;
    let (our_address, peer_address) = (format!("10.0.{link}.1"), format!("10.0.{link}.2"));
    let dir = lab.dir().to_owned();
    let file = write(&dir, role.name, role.file, &peer_address, &our_address)?;
    let peer_text = match role.shown {
        Behind => format!("priority1 10\n{}", role.peer),
        _ => role.peer.to_owned(),
    };
    let peer_file = write(&dir, &format!("{}-p", role.name), &peer_text, &peer_address, &our_address)?;
    let mut others = vec![start(&peer, theirs, &peer_file, &["eth0"])?];
    let mut ports = vec!["eth0"];
    if role.shown == Behind {
        let client = lab.host(&format!("{}-c", role.name))?;
        lab.link((&ours, "eth1"), (&client, "eth0"))?;
        *link += 1;
        let text = format!("slaveOnly 1\n{}", role.peer);
        let file = write(&dir, &format!("{}-c", role.name), &text, &peer_address, &our_address)?;
        others.push(start(&client, theirs, &file, &["eth0"])?);
        ports.push("eth1");
    }
    let ours = start(&ours, ours_program, &file, &ports)?;
    Ok(Played { role, ours, others })
}

#[test]
fn every_role_is_played() {
    experiment("every_role_is_played", LINUXPTP, |lab| {
        assert_eq!(ROLES.len() + AMONG_OURS.len() + 1, 20);
        let theirs = find_program("ptp4l", "linuxptp")?;
        let ours = lab.dir().join("ptp4l");
        let _ = std::fs::remove_file(&ours);
        std::os::unix::fs::symlink(our_program("ptpd")?, &ours).map_err(LabError::io("link ptp4l"))?;
        let mut link = 0;
        let mut played = Vec::new();
        for role in ROLES {
            played.push(play(lab, &mut link, role, [&ours, &theirs])?);
        }
        std::fs::write(lab.dir().join("sa.cfg"), KEYS).map_err(LabError::io("write the keys"))?;
        for role in AMONG_OURS {
            played.push(play(lab, &mut link, role, [&ours, &ours])?);
        }
        let mut wrong = Vec::new();
        let begun = Instant::now();
        for p in &mut played {
            let who = match p.role.shown {
                ByOurs => &mut p.ours,
                ByPeer => &mut p.others[0],
                Behind => &mut p.others[1],
            };
            let left = PATIENCE.saturating_sub(begun.elapsed()).max(Duration::from_millis(100));
            // Three values: one alone could be the first Sync's.
            let name = p.role.name;
            let seen = loop {
                let reports =
                    who.log().lines().filter(|l| l.contains("master offset") || l.contains("rms")).count();
                if reports >= 3 || who.ended().is_some() || begun.elapsed() > left {
                    break reports;
                }
                std::thread::sleep(Duration::from_millis(100));
            };
            if seen < 3 || p.ours.ended().is_some() {
                let others: Vec<_> = p.others.iter().map(Process::last_words).collect();
                wrong.push(format!(
                    "{name}:\nours: {}\nothers: {}",
                    p.ours.last_words(),
                    others.join("\n--\n")
                ));
            } else {
                println!("{name}: after {:.0} s", begun.elapsed().as_secs_f64());
            }
        }
        let (alone, other) = (lab.host("common-delay")?, lab.host("common-delay-p")?);
        lab.link((&alone, "eth0"), (&other, "eth0"))?;
        let file = write(lab.dir(), "common-delay", COMMON_DELAY, "", "")?;
        let mut process = start(&alone, &ours, &file, &["eth0"])?;
        process.wait_for_line("its start", Duration::from_secs(10), |l| {
            l.contains("INITIALIZING to LISTENING on INIT_COMPLETE") && !l.contains("port 0")
        })?;
        if wrong.is_empty() { Ok(()) } else { Err(LabError::Wrong(wrong.join("\n\n"))) }
    });
}
