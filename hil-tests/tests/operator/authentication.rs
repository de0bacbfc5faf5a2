//! `pmc` over a network whose messages are authenticated (docs/authentication.md).

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hil_tests::lab::{
    Capture, Host, Instance, Lab, LabError, PATIENCE, TSHARK, expect, experiment, our_program, run_command,
};
use ptp_wire::SdoId;

use super::stage::{get, output, series, until};

/// Each interface with its transport and `pmc`'s option for it.
const NETWORKS: [(&str, &str, &str); 3] =
    [("eth0", "udp4", "-4"), ("eth1", "udp6", "-6"), ("eth2", "ethernet", "-2")];

fn keys(host: &Host, name: &str, lines: &str) -> Result<String, LabError> {
    let path = host.dir().join(name);
    std::fs::write(&path, format!("[security_association]\n{lines}\n"))
        .map_err(LabError::io("write keys"))?;
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&path, mode).map_err(LabError::io("close the keys"))?;
    Ok(path.display().to_string())
}

fn daemon(host: &Host, name: &str, keys: Option<&str>, active: u8) -> Result<Instance, LabError> {
    let mut yaml = format!(
        "clock_device: system\nfree_running: true\npriority1: 77\nmetrics: {{listen: /run/http-{name}}}\n"
    );
    let mut own = String::new();
    if let Some(keys) = keys {
        yaml += &format!("authentication: {{key_file: {keys}}}\n");
        own = format!(", spp: 7, active_key_id: {active}");
    }
    yaml += "ports:\n";
    for (interface, transport, _) in NETWORKS {
        yaml += &format!("  - {{interface: {interface}, transport: {transport}, stamping: software{own}}}\n");
    }
    let program = our_program("ptpd")?;
    let mut instance = Instance::start_as(host, &program, name, &yaml, NETWORKS.len(), (0, SdoId::PTP))?;
    instance.wait_until("MASTER", PATIENCE, |look| look.state() == Some("MASTER"))?;
    Ok(instance)
}

fn ask(
    host: &Host,
    (interface, _, option): (&str, &str, &str),
    more: &[&str],
) -> Result<(String, i32), LabError> {
    let mut command = host.command(our_program("pmc")?);
    command.args([option, "-i", interface, "-b", "0"]).args(more).arg("GET PRIORITY1");
    output(command)
}

/// The octets of all captured frames, each a line of hexadecimal digits.
fn frames(file: &Path) -> Result<Vec<String>, LabError> {
    let name = file.display().to_string();
    let filter = "ptp.v2.messagetype == 0xd";
    let text = run_command("tshark", &["-n", "-r", &name, "-Y", filter, "-T", "json", "-x"])?;
    let frames: Vec<serde_json::Value> =
        serde_json::from_str(&text).map_err(|e| LabError::Wrong(format!("tshark: {e}")))?;
    let raw = |f: &serde_json::Value| f["_source"]["layers"]["frame_raw"][0].as_str().map(str::to_owned);
    Ok(frames.iter().filter_map(raw).collect())
}

fn authenticated(lab: &mut Lab) -> Result<(), LabError> {
    let (gm, ops) = (lab.host("gm")?, lab.host("ops")?);
    for (interface, ..) in NETWORKS {
        lab.link((&gm, interface), (&ops, interface))?;
    }
    let first = "1 SHA256-128 HEX:00112233445566778899aabbccddeeff";
    let right = keys(&ops, "right", &format!("spp 7\n{first}"))?;
    let wrong = keys(&ops, "wrong", "spp 7\n1 SHA256-128 HEX:ffffffffffffffffffffffffffffffff")?;
    let strange = keys(&ops, "strange", "spp 7\n9 AES128 HEX:00112233445566778899aabbccddeeff")?;
    let both =
        keys(&gm, "both", &format!("spp 7\n{first}\n2 AES256 ASCII:0123456789abcdef0123456789abcdef"))?;
    let with = |file: &str, key: &str| {
        ["--sa_file", file, "--spp", "7", "--active_key_id", key].map(str::to_owned).to_vec()
    };
    let asked =
        |network, words: &[String]| ask(&ops, network, &words.iter().map(String::as_str).collect::<Vec<_>>());

    // The daemon seals with key 1, and knows 2.
    let mut sealed = daemon(&gm, "sealed", Some(&both), 1)?;
    let page = || get(Path::new("/run/http-sealed"), "/metrics");
    let dropped = |port: usize, interface: &str, cause: &str| -> Result<f64, LabError> {
        let name = format!(
            "ptp_port_messages_dropped_total{{ptp_instance=\"sealed\",port=\"{port}\",interface=\"{interface}\",cause=\"{cause}\"}}"
        );
        let page = page()?;
        let plain = name.replace("ptp_instance=\"sealed\"", "ptp_instance=\"default\"");
        series(&page, &name)
            .or_else(|| series(&page, &plain))
            .ok_or_else(|| LabError::Wrong(format!("no {name}\n{page}")))
    };
    let capture = Capture::start(&ops, "eth0", lab.dir())?;
    for (place, network) in NETWORKS.into_iter().enumerate() {
        let (port, interface) = (place + 1, network.0);
        let (text, status) = asked(network, &with(&right, "1"))?;
        expect(status == 0 && text.contains("priority1") && text.contains("77"), || {
            format!("{interface}: the right key: {status}\n{text}\n{}", sealed.process.log())
        })?;
        for (who, words, cause, said) in [
            ("nobody", Vec::new(), "unauthenticated", "--sa_file and --spp"),
            ("a liar", with(&wrong, "1"), "bad_icv", "key 1 of spp 7"),
            ("a stranger", with(&strange, "9"), "unknown_key", "key 9 of spp 7"),
        ] {
            // Silence takes its time: all of them over one network, one over each.
            if place > 0 && cause != "bad_icv" {
                continue;
            }
            let before = dropped(port, interface, cause)?;
            let (text, status) = asked(network, &words)?;
            expect(status == 3 && text.contains("no answer") && text.contains(said), || {
                format!("{interface}: {who} ends with {status}: {text}")
            })?;
            until(
                &format!("{interface}: {cause} counted"),
                || Ok(dropped(port, interface, cause)? >= before + 1.0),
                || sealed.process.log(),
            )?;
        }
    }
    // The tools say the same.
    let mut command = ops.command(our_program("pmc")?);
    command.args([
        "-4",
        "-i",
        "eth0",
        "--json",
        "--sa_file",
        &right,
        "--spp",
        "7",
        "--active_key_id",
        "1",
        "explain",
    ]);
    let (text, status) = output(command)?;
    expect(status == 0 && text.contains("grandmaster"), || format!("explain: {status}: {text}"))?;
    sealed.process.wait_for_line("the refusals in the log", PATIENCE, |l| l.contains("bad_icv"))?;

    // On the wire: the question and the answer end in an AUTHENTICATION TLV of spp 7 and key 1 (0x8009, 22 octets).
    let all = frames(&capture.stop()?)?;
    let tlv = "8009001607".to_owned() + "00" + "00000001";
    let ends = |f: &&String| f.len() > 52 && f.get(f.len() - 52..).is_some_and(|end| end.starts_with(&tlv));
    let count = all.iter().filter(ends).count();
    expect(count >= 3, || format!("{count} frames of {} end in the TLV: {all:#?}", all.len()))?;

    // It seals with what pmc does not know: the answer comes, and is refused.
    sealed.process.stop(PATIENCE)?;
    let mut other = daemon(&gm, "other", Some(&both), 2)?;
    let (text, status) = asked(NETWORKS[0], &with(&right, "1"))?;
    expect(status == 8 && text.contains("1 with an unknown key") && text.contains("--allow_unauth"), || {
        format!("an answer with another key: {status}: {text}")
    })?;
    other.process.stop(PATIENCE)?;
    // It seals nothing.
    let mut plain = daemon(&gm, "plain", None, 0)?;
    for network in NETWORKS {
        let (text, status) = asked(network, &with(&right, "1"))?;
        expect(status == 8 && text.contains("1 without AUTHENTICATION TLV"), || {
            format!("an answer without: {status}: {text}")
        })?;
        let mut words = with(&right, "1");
        words.extend(["--allow_unauth".to_owned(), "1".to_owned()]);
        let (text, status) = asked(network, &words)?;
        expect(status == 0 && text.contains("77"), || format!("without, and allowed: {status}: {text}"))?;
    }
    plain.process.stop(PATIENCE).map(drop)
}

#[test]
fn pmc_asks_over_an_authenticated_network() {
    experiment("authentication::pmc_asks_over_an_authenticated_network", TSHARK, authenticated);
}
