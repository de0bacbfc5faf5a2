//! The units are good, and hardened as far as docs/systemd.md says.

use std::path::{Path, PathBuf};
use std::process::Command;

use hil_tests::lab::{find_program, skip};

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn units() -> Vec<PathBuf> {
    let dir = std::fs::read_dir(root().join("packaging/systemd")).expect("units are in the repository");
    let mut all: Vec<_> = dir.map(|e| e.expect("readable").path()).collect();
    all.sort();
    assert!(all.len() >= 6, "{all:?}");
    all
}

/// The exposure that `systemd-analyze security` finds, in tenths: 0 is nothing, 100 everything. docs/systemd.md has the same.
pub(crate) const EXPOSURE: &[(&str, u32)] = &[
    ("ptpd.service", 35),
    ("ptpd@.service", 35),
    ("phc-sync.service", 32),
    ("phc-sync-wait.service", 11),
    ("ts2phc.service", 27),
];

#[test]
fn units_are_hardened() {
    if let Err(e) = find_program("systemd-analyze", "systemd") {
        return skip(&e.to_string());
    }
    let page = std::fs::read_to_string(root().join("docs/systemd.md")).expect("it is in the repository");
    for unit in units().iter().filter(|u| u.extension().is_some_and(|e| e == "service")) {
        let name = unit.file_name().expect("a file").to_string_lossy().into_owned();
        let output = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager"])
            .arg(unit)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().rfind(|l| l.contains("Overall exposure level")).unwrap_or_default();
        let mut words = line.split(": ").nth(1).unwrap_or_default().split(' ');
        let found: f64 =
            words.next().and_then(|w| w.parse().ok()).unwrap_or_else(|| panic!("{name}: {text}"));
        let (_, most) =
            EXPOSURE.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("{name}: no bound"));
        let most = f64::from(*most) / 10.0;
        assert!(found <= most, "{name}: {found} is more than {most}:\n{text}");
        assert!(page.contains(&format!("| `{name}` | {most:.1} |")), "docs/systemd.md: {name} {most:.1}");
    }
}

/// Directives that exist, values that are values, programs that are there: in an installed tree.
pub(crate) fn verify(tree: &Path) {
    if let Err(e) = find_program("systemd-analyze", "systemd") {
        return skip(&e.to_string());
    }
    for unit in units() {
        let name = unit.file_name().expect("a file").to_string_lossy().into_owned();
        let name = name.replace("@.", "@one.");
        let output = Command::new("systemd-analyze")
            .args(["verify", "--man=no", "--recursive-errors=no"])
            .arg(format!("--root={}", tree.display()))
            .arg(&name)
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.trim().is_empty(), "{name} ({}):\n{text}", output.status);
    }
}

#[test]
fn no_service_holds_up_the_boot() {
    for unit in units().iter().filter(|u| u.extension().is_some_and(|e| e == "service")) {
        let text = std::fs::read_to_string(unit).expect("readable");
        // Ready may be never: multi-user.target must not be ordered after it.
        for line in [
            "DefaultDependencies=no",
            "TimeoutStartSec=infinity",
            "Before=",
            "RequiredBy=escapement-synchronised.target",
        ] {
            assert!(text.contains(line), "{}: {line} is missing", unit.display());
        }
        let waits = text.contains("Type=notify\n") && text.contains("WatchdogSec=");
        assert!(waits || text.contains("Type=oneshot\n"), "{}", unit.display());
    }
}
