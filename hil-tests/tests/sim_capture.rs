//! What the simulated wires carry, seen by tshark: every frame is dissected without a complaint.

use core::time::Duration;
use std::process::Command;

use hil_tests::sim::{LinkSpec, NodeSpec, Simulation};

fn tshark(arguments: &[&str]) -> Option<String> {
    let out = match Command::new("tshark").args(arguments).output() {
        Ok(out) => out,
        Err(e) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "tshark is missing: {e}");
            println!("skipped: no tshark: {e}");
            return None;
        }
    };
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Some(String::from_utf8_lossy(&out.stdout).into_owned())
}

#[test]
fn tshark_reads_every_frame_of_a_network_in_turmoil() {
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    for p2p in [false, true] {
        let kind = |n: NodeSpec| {
            let n = n.with(|c| c.path_trace = true);
            if p2p { n.p2p() } else { n }
        };
        let mut sim = Simulation::new(1);
        let gm = sim.node(kind(NodeSpec::grandmaster("gm").off(0, 0.0)));
        let bc = sim.node(kind(NodeSpec::new("bc").off(100_000, 900.0)));
        let client = sim.node(kind(NodeSpec::new("client").off(-100_000, -900.0).one_step()));
        sim.link(&[gm, bc], LinkSpec::wire(400));
        let link = sim.link(&[bc, client], LinkSpec::wire(400).rough(0.05, 1_000_000));
        sim.capture(link);
        sim.run_for(Duration::from_secs(30));
        sim.kill(gm);
        sim.run_for(Duration::from_secs(30));
        sim.kill(bc);
        sim.run_for(Duration::from_secs(30));

        let capture = sim.captured(link).expect("asked for");
        let path = folder.join(format!("sim-capture-{p2p}.pcap"));
        let mut file = std::fs::File::create(&path).expect("the target directory can be written");
        capture.write(&mut file).expect("written");
        drop(file);
        let path = path.to_str().expect("a plain path");

        let Some(all) = tshark(&["-r", path, "-T", "fields", "-e", "ptp.v2.messagetype"]) else { return };
        assert_eq!(all.lines().count(), capture.messages().count());
        assert!(all.lines().all(|l| l.starts_with("0x")), "every frame is PTP");
        let types: std::collections::BTreeSet<&str> = all.lines().collect();
        let expected = if p2p { 6 } else { 5 };
        assert_eq!(types.len(), expected, "{types:?}");
        let complaints = ["-r", path, "-Y", "_ws.malformed || _ws.expert.severity >= 0x600000"];
        assert_eq!(tshark(&complaints).as_deref(), Some(""), "complaints");

        // The same with one TLV's length (or the last message) broken: tshark would have said so.
        let mut octets = std::fs::read(path).expect("just written");
        let announce = octets.windows(4).position(|w| w == [0x88, 0xf7, 0x0b, 0x12]).expect("an Announce");
        octets[announce + 2 + 64 + 3] = 0xff;
        std::fs::write(path, octets).expect("written");
        assert_ne!(tshark(&complaints).as_deref(), Some(""), "tshark complains of a broken one");
    }
}
