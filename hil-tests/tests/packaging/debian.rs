//! The Debian package: made by cargo-deb, installed, upgraded, removed and purged in a Debian of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use hil_tests::lab::{find_program, run_command, skip};

use crate::install::{binaries, empty, files};
use crate::machine::debian;
use crate::units::root;

/// cargo-deb: where the setup put it, or in PATH.
pub(crate) fn cargo_deb() -> Option<PathBuf> {
    let own = root().join("target/tools/bin/cargo-deb");
    if own.exists() { Some(own) } else { find_program("cargo-deb", "").ok() }
}

/// The package, made once.
pub(crate) fn deb() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let make = || package(&empty("package"), &cargo_deb().expect("asked before"));
    MADE.get_or_init(make).clone()
}

/// Packs the binaries under test.
fn package(dir: &Path, cargo_deb: &Path) -> PathBuf {
    let deb = dir.join("escapement.deb");
    let built = binaries();
    let profile = if built.ends_with("release") { "release" } else { "dev" };
    let output = Command::new(cargo_deb)
        .args(["-p", "ptpd", "--no-build", "--fast", "--profile", profile, "--output"])
        .arg(&deb)
        .current_dir(root())
        .env("CARGO_TARGET_DIR", built.parent().expect("target"))
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    deb
}

/// In the Debian's root: what an administrator does, and what has to be so then. `ROOT` is that root seen from outside.
const LIFE: &str = r#"
set -eu
mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$WORK/upper,workdir=$WORK/work" "$WORK/root" 2>/dev/null || cp -a "$LOWER/." "$WORK/root/"
mount -t proc proc "$WORK/root/proc"
mount -t tmpfs tmpfs "$WORK/root/run"
mount -t tmpfs tmpfs "$WORK/root/tmp"
cp "$DEB" "$WORK/root/tmp/escapement.deb"
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$WORK/root" "$@"; }
here() { [ -e "$WORK/root/$1" ] || [ -L "$WORK/root/$1" ] || { echo "$2: /$1 is missing"; exit 1; }; }
gone() { { [ ! -e "$WORK/root/$1" ] && [ ! -L "$WORK/root/$1" ]; } || { echo "$2: /$1 is there"; exit 1; }; }
everything() {
    (cd "$WORK/root" && find . -xdev | LC_ALL=C sort) |
        grep -vE '^\./(tmp|run|proc|var/(lib/dpkg|log|cache)|var/lib/systemd/deb-systemd-helper-(enabled|masked)$)|^\./etc/systemd/system$|^\./var/lib/systemd$'
}
links='multi-user.target.wants escapement-synchronised.target.requires'
everything >"$WORK/before"

inside dpkg -i /tmp/escapement.deb
for program in ptpd phc-sync ts2phc pmc ptp4l phc2sys phc_ctl; do
    inside $program $([ $program = ts2phc ] && echo --version || echo -v) >"$WORK/version" 2>&1 ||
        inside $program --version >"$WORK/version"
    grep -q "$VERSION" "$WORK/version" || { echo "$program: $(cat "$WORK/version")"; exit 1; }
done
for name in hwstamp_ctl nsm; do here usr/sbin/$name installed; done
for page in '8 ptpd' '8 phc2sys' '8 hwstamp_ctl' '8 nsm' '5 ptpd.yaml' '5 escapement-bound'; do
    inside man -P cat $page | grep -q NAME || { echo "man $page says nothing"; exit 1; }
done
inside dpkg-query -W -f '${Conffiles}\n' escapement | grep -c /etc/escapement/ | grep -qx 3
inside ptpd check /etc/escapement/ptpd.yaml
inside phc-sync -f /etc/escapement/phc-sync.yaml --check
inside ts2phc -f /etc/escapement/ts2phc.yaml --check
for link in $links; do gone etc/systemd/system/$link/ptpd.service 'installed, not enabled'; done

systemctl --root "$WORK/root" enable ptpd.service phc-sync-wait.service 2>/dev/null
for link in $links; do here etc/systemd/system/$link/ptpd.service enabled; done
echo '# by the administrator' >>"$WORK/root/etc/escapement/ptpd.yaml"
inside dpkg -i /tmp/escapement.deb
grep -q administrator "$WORK/root/etc/escapement/ptpd.yaml"
for link in $links; do here etc/systemd/system/$link/ptpd.service upgraded; done

inside dpkg -r escapement
grep -q administrator "$WORK/root/etc/escapement/ptpd.yaml"
gone usr/sbin/ptpd removed
gone usr/lib/systemd/system/ptpd.service removed
[ "$(readlink "$WORK/root/etc/systemd/system/ptpd.service")" = /dev/null ] || { echo 'removed: not masked'; exit 1; }
inside dpkg -i /tmp/escapement.deb
gone etc/systemd/system/ptpd.service 'installed again: still masked'
for link in $links; do here etc/systemd/system/$link/ptpd.service 'installed again'; done

mkdir -p "$WORK/root/var/lib/escapement"
touch "$WORK/root/var/lib/escapement/ptpd.state"
inside dpkg -P escapement
everything >"$WORK/after"
diff "$WORK/before" "$WORK/after"
"#;

#[test]
fn a_package_comes_and_goes() {
    let lower = debian();
    if cargo_deb().is_none() {
        return skip("cargo-deb is missing: hil-tests/setup installs it");
    }
    if !lower.join("usr/bin/dpkg").exists() {
        return skip("there is no Debian in target/debian-root: hil-tests/setup makes one as root");
    }
    if !nix::unistd::geteuid().is_root() {
        return skip("packages are installed by root only");
    }
    let dir = empty("debian");
    let deb = deb();

    // The package has what `make install` installs, and its paperwork.
    let tree = empty("like-debian");
    let unpacked = empty("unpacked");
    run_command("dpkg-deb", &["-x", &deb.to_string_lossy(), &unpacked.to_string_lossy()]).expect("a package");
    let (destination, profile) =
        (format!("DESTDIR={}", tree.display()), format!("PROFILE_DIR={}", binaries().display()));
    let place = root();
    let make = ["-s", "-C", &place.to_string_lossy(), "install-files", "PREFIX=/usr", "LINUXPTP_NAMES=yes"];
    run_command("make", &[&make[..], &[&destination, &profile]].concat()).expect("it installs");
    let paperwork = ["copyright", "changelog.Debian"].map(|f| format!("usr/share/doc/escapement/{f}"));
    let packed: Vec<_> = files(&unpacked).into_iter().filter(|f| !paperwork.contains(f)).collect();
    let installed: Vec<_> = files(&tree).into_iter().collect();
    assert_eq!(packed, installed, "cargo-deb's assets (ptpd/Cargo.toml) and `make install` differ");

    for part in ["upper", "work", "root"] {
        std::fs::create_dir(dir.join(part)).expect("ours");
    }
    let output = Command::new("unshare")
        .args(["--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", LIFE])
        .env("LOWER", std::fs::canonicalize(&lower).expect("there"))
        .env("WORK", &dir)
        .env("DEB", &deb)
        .env("VERSION", env!("CARGO_PKG_VERSION"))
        .output()
        .expect("unshare runs");
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}:\n{said}\n{complained}", output.status);
}
