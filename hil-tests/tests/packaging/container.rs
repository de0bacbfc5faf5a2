//! The containers of the DaemonSet: each program with exactly the capabilities that the manifest gives it, and without each.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hil_tests::lab::{Host, LabError, Process, experiment, our_program};
use ptp_clock::{VirtualClock, VirtualOptions};
use serde_yaml::Value;

use crate::units::root;

const PATIENCE: Duration = Duration::from_secs(60);

/// What the manifest adds to nothing for a container, as setpriv names it.
fn capabilities(container: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("packaging/kubernetes/daemonset.yaml")).expect("there");
    let set = text
        .split("\n---\n")
        .filter_map(|d| serde_yaml::from_str::<Value>(d).ok())
        .find(|d| d["kind"] == "DaemonSet")
        .expect("a DaemonSet");
    let containers = set["spec"]["template"]["spec"]["containers"].as_sequence().expect("containers").clone();
    let context =
        containers.iter().find(|c| c["name"] == container).expect("it is there")["securityContext"].clone();
    assert_eq!(context["capabilities"]["drop"], serde_yaml::from_str::<Value>("[ALL]").expect("a list"));
    assert_eq!(context["allowPrivilegeEscalation"], false);
    let added = context["capabilities"]["add"].as_sequence().expect("a list");
    added.iter().map(|c| c.as_str().expect("a name").to_lowercase()).collect()
}

/// The program as a container's only process: root with nothing but these capabilities, and no way to more.
fn contained(host: &Host, program: &Path, capabilities: &[&str]) -> Command {
    let set = ["-all".to_owned()].into_iter().chain(capabilities.iter().map(|c| format!("+{c}")));
    let set = set.collect::<Vec<_>>().join(",");
    let mut command = host.command("setpriv");
    command
        .arg("--no-new-privs")
        .arg(format!("--bounding-set={set}"))
        .arg(format!("--inh-caps={set}"))
        .arg("--")
        .arg(program);
    command
}

/// Runs it until it says this.
fn says(host: &Host, label: &str, command: Command, words: &str) -> Result<(), LabError> {
    let mut process = Process::start(label, command, host.dir().join(format!("{label}.log")))?;
    let heard = process.wait_for_line(words, PATIENCE, |line| line.contains(words));
    heard.map_err(|e| LabError::Wrong(format!("{label}: {e}\n{}", process.log())))?;
    process.kill().map(drop)
}

#[test]
fn the_daemonsets_capabilities_are_enough_and_needed() {
    experiment(
        "container::the_daemonsets_capabilities_are_enough_and_needed",
        &[("setpriv", "util-linux")],
        |lab| {
            let (node, beside) = (lab.host("node")?, lab.host("beside")?);
            lab.link((&node, "eth0"), (&beside, "eth0"))?;
            let (ptpd, phc_sync) = (our_program("ptpd")?, our_program("phc-sync")?);
            let given = capabilities("ptpd");
            let given: Vec<&str> = given.iter().map(String::as_str).collect();
            assert_eq!(given, ["net_bind_service", "net_admin", "net_raw"]);
            let start = |label: &str, profile: &str, capabilities: &[&str], words: &str| {
                let file = node.dir().join(format!("{label}.yaml"));
                let text = format!(
                    "profile: {profile}\nclient_only: true\nstate_file: off\nclock_device: virtual:/run/clock-{label}\n\
                     management:\n  socket: /run/{label}\nports:\n  - interface: eth0\n"
                );
                std::fs::write(&file, text).map_err(LabError::io("write a configuration"))?;
                let mut command = contained(&node, &ptpd, capabilities);
                command.arg("-f").arg(&file).env("ESCAPEMENT_PROFILES", root().join("profiles"));
                says(&node, label, command, words)
            };
            for profile in ["g8275-1", "default-e2e"] {
                start(&format!("all-{profile}"), profile, &given, "INITIALIZING to LISTENING")?;
            }
            // What setting hardware stamps needs, only a card can show; the others are named by what lacks them.
            let without = |c: &str| given.iter().copied().filter(|g| *g != c).collect::<Vec<_>>();
            start("no-raw", "g8275-1", &without("net_raw"), "needs CAP_NET_RAW")?;
            start("no-bind", "default-e2e", &without("net_bind_service"), "needs CAP_NET_BIND_SERVICE")?;

            assert_eq!(capabilities("phc-sync"), ["sys_time"]);
            let clock = "/run/clock-source";
            VirtualClock::create(clock, &VirtualOptions::default())
                .map_err(|e| LabError::Wrong(e.to_string()))?;
            let mut command = contained(&node, &phc_sync, &[]);
            command.args(["-s", &format!("virtual:{clock}"), "-c", "system", "-O", "0"]);
            says(&node, "no-time", command, "CAP_SYS_TIME")
        },
    );
}
