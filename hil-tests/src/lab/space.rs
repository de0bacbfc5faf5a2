//! The room an experiment runs in: a network, mount and process namespace of its own.
//!
//! A program enters by running itself again under util-linux's `unshare`. In the room it is process 1:
//! when it ends, however it ends, the kernel ends every process it started and takes every interface away.
//! Where unprivileged user namespaces work, no privilege is needed and none is held: not even root's processes
//! can touch this machine's clock or interfaces from there. As root without user namespaces, plain namespaces serve, and
//! `CAP_SYS_TIME` is given up first.

use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use super::error::LabError;

/// Set in the room to the name of the way that led there.
const MARK: &str = "ESCAPEMENT_LAB";

/// A way into a room.
struct Way {
    name: &'static str,
    needs_root: bool,
    prefix: &'static [&'static str],
}

/// The ways, best first.
const WAYS: &[Way] = &[
    Way {
        name: "user namespace",
        needs_root: false,
        prefix: &[
            "unshare",
            "--user",
            "--map-root-user",
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--",
        ],
    },
    // Inside containers that mask parts of /proc a fresh one may not be mounted.
    Way {
        name: "user namespace without /proc",
        needs_root: false,
        prefix: &[
            "unshare",
            "--user",
            "--map-root-user",
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--",
        ],
    },
    Way {
        name: "root",
        needs_root: true,
        prefix: &[
            "unshare",
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--",
            "setpriv",
            "--bounding-set=-sys_time",
            "--inh-caps=-sys_time",
            "--",
        ],
    },
];

/// What a room must allow: a private /run, named network namespaces, and a veth pair between two of them.
const PROBE: &str = "mount -t tmpfs lab /run && mkdir -p /run/netns && ip netns add a && ip netns add b \
    && ip link add eth0 netns a type veth peer name eth0 netns b && ip -n a link set eth0 up";

/// True in the room.
#[must_use]
pub fn is_inside() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Finds the first way that works; the answer is kept for the life of the process.
///
/// # Errors
///
/// [`LabError::Missing`] without util-linux or iproute2, [`LabError::NoNamespaces`] where the kernel refuses.
pub fn probe() -> Result<(), LabError> {
    way().map(|_| ())
}

fn way() -> Result<&'static Way, LabError> {
    static FOUND: OnceLock<Option<&'static Way>> = OnceLock::new();
    if let Some(Some(way)) = FOUND.get() {
        return Ok(way);
    }
    for (program, package) in [("unshare", "util-linux"), ("nsenter", "util-linux"), ("ip", "iproute2")] {
        super::process::find_program(program, package)?;
    }
    let mut tried = Vec::new();
    let root = nix::unistd::geteuid().is_root();
    for way in WAYS.iter().filter(|way| root || !way.needs_root) {
        let line = format!("{} sh -c '...'", way.prefix.join(" "));
        match command(way, "sh").args(["-c", PROBE]).stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => {
                let _ = FOUND.set(Some(way));
                return Ok(way);
            }
            Ok(output) => {
                tried.push((line, String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")))
            }
            Err(error) => tried.push((line, error.to_string())),
        }
    }
    Err(LabError::NoNamespaces { tried, advice: advice(root) })
}

fn command(way: &Way, program: &str) -> Command {
    let mut command = Command::new(way.prefix[0]);
    command.args(&way.prefix[1..]).arg(program);
    // Debian keeps ip, ptp4l and pmc where an ordinary user's PATH does not look.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/local/sbin:/usr/sbin:/sbin")).env(MARK, way.name);
    command
}

/// The kernel's switches that keep user namespaces from ordinary users, and how each is turned.
fn advice(root: bool) -> Vec<String> {
    let read = |path: &str| std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let mut steps = Vec::new();
    if read("/proc/sys/kernel/unprivileged_userns_clone").as_deref() == Some("0") {
        steps.push(
            "unprivileged user namespaces are switched off (Debian's switch): \
             sudo sysctl kernel.unprivileged_userns_clone=1"
                .to_owned(),
        );
    }
    if read("/proc/sys/user/max_user_namespaces").as_deref() == Some("0") {
        steps.push("no user namespace may be made: sudo sysctl user.max_user_namespaces=15000".to_owned());
    }
    if read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").as_deref() == Some("1") {
        steps.push(
            "AppArmor keeps user namespaces from programs it has no profile for (Ubuntu 23.10 and later): \
             sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
                .to_owned(),
        );
    }
    if root {
        steps.push(
            "in a container: start it with --privileged, or with --cap-add SYS_ADMIN --cap-add NET_ADMIN \
             --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
                .to_owned(),
        );
    } else {
        steps.push("or run the same command as root: plain network namespaces serve then".to_owned());
    }
    steps
}

/// Runs this very program again, in a room. Returns when it ends. Its standard input is a pipe that only tells it
/// that we are still here: if we are killed, it ends too.
///
/// # Errors
///
/// As [`probe`]; [`LabError::Io`] if the program cannot be started.
pub fn reenter<S: AsRef<std::ffi::OsStr>>(
    arguments: impl IntoIterator<Item = S>,
    adjust: impl FnOnce(&mut Command),
) -> Result<(ExitStatus, std::process::Output), LabError> {
    let program = std::env::current_exe().map_err(LabError::io("find this program"))?;
    let mut command = command(way()?, &program.to_string_lossy());
    command.args(arguments).stdin(Stdio::piped());
    adjust(&mut command);
    let mut child = command.spawn().map_err(LabError::io("start unshare"))?;
    let lifeline = child.stdin.take();
    let output = child.wait_with_output().map_err(LabError::io("wait for unshare"))?;
    drop(lifeline);
    Ok((output.status, output))
}

/// To be called first thing in the room: ends the room when the process outside is gone, and gives the room
/// a private `/run`.
///
/// # Errors
///
/// [`LabError::Command`] if `/run` cannot be mounted.
pub fn settle(on_abandoned: impl FnOnce() + Send + 'static) -> Result<(), LabError> {
    super::process::run_command("mount", &["-t", "tmpfs", "-o", "mode=0755", "lab", "/run"])?;
    std::fs::create_dir_all("/run/netns").map_err(LabError::io("create /run/netns"))?;
    std::thread::Builder::new()
        .name("lifeline".to_owned())
        .spawn(move || {
            let mut sink = [0; 64];
            let mut stdin = std::io::stdin();
            while !matches!(stdin.read(&mut sink), Ok(0) | Err(_)) {}
            on_abandoned();
            std::process::exit(130);
        })
        .map_err(LabError::io("start the lifeline thread"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_says_what_to_do() {
        let error = LabError::NoNamespaces {
            tried: vec![("unshare".into(), "Operation not permitted".into())],
            advice: advice(false),
        };
        let text = error.to_string();
        assert!(text.contains("Operation not permitted") && text.contains("as root"), "{text}");
    }
}
