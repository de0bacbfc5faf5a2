//! Debian machines, booted by their own systemd in namespaces: two of them on a cable are where units are tried for real.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use hil_tests::lab::find_program;

use crate::install::empty;
use crate::units::root;

/// Long enough for two slow cores that do much else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

const MACHINE: &str = include_str!("machine.sh");

/// What machines are made of: `hil-tests/setup` makes it.
pub(crate) fn debian() -> PathBuf {
    root().join("target/debian-root")
}

/// Why there can be no machine here.
pub(crate) fn obstacle() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("a machine is booted by root only".to_owned());
    }
    for (program, package) in
        [("unshare", "util-linux"), ("nsenter", "util-linux"), ("setpriv", "util-linux"), ("ip", "iproute2")]
    {
        if let Err(e) = find_program(program, package) {
            return Some(e.to_string());
        }
    }
    if !debian().join("lib/systemd/systemd").exists() {
        return Some(
            "there is no Debian in target/debian-root: hil-tests/setup makes one as root".to_owned(),
        );
    }
    if own_group().is_none() {
        return Some("there are no control groups of version 2".to_owned());
    }
    None
}

/// The directory of this process's control group of version 2.
fn own_group() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let mount =
        mounts.lines().map(|l| l.split(' ').collect::<Vec<_>>()).find(|w| w.get(2) == Some(&"cgroup2"))?;
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|l| l.strip_prefix("0::/"))?;
    Some(Path::new(mount.get(1)?).join(own))
}

/// A booted machine; it ends with this value.
pub(crate) struct Machine {
    name: String,
    process: Child,
    /// Its process 1, as this machine numbers it.
    init: u32,
    group: PathBuf,
}

impl Machine {
    /// Boots one, and waits until it is up.
    pub(crate) fn boot(name: &str) -> Self {
        let work = empty(&format!("machine-{name}"));
        let group =
            own_group().expect("asked before").join(format!("escapement-{name}-{}", std::process::id()));
        fs::create_dir(&group).unwrap_or_else(|e| panic!("{}: {e}", group.display()));
        let log = fs::File::create(work.join("log")).expect("ours");
        let process = Command::new("setpriv")
            // Whatever ends this test ends the machine.
            .args(["--pdeathsig", "KILL", "unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork"])
            .args(["--kill-child", "sh", "-c", MACHINE])
            .env("LOWER", fs::canonicalize(debian()).expect("asked before"))
            .env("WORK", &work)
            .env("CGROUP", &group)
            .env("NAME", name)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("setpriv runs");
        let mut machine = Self { name: name.to_owned(), init: 0, process, group };
        let children = format!("/proc/{0}/task/{0}/children", machine.process.id());
        let begun = Instant::now();
        loop {
            let said = || fs::read_to_string(work.join("log")).unwrap_or_default();
            let ended = machine.process.try_wait().expect("ours");
            assert!(ended.is_none(), "machine {name} ended ({ended:?}): {}", said());
            assert!(begun.elapsed() < PATIENCE, "machine {name} does not boot: {}", said());
            let child = fs::read_to_string(&children).unwrap_or_default();
            machine.init = child.split_whitespace().next().and_then(|p| p.parse().ok()).unwrap_or(0);
            if machine.is_systemd() && machine.asks("systemctl is-active multi-user.target") {
                return machine;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn is_systemd(&self) -> bool {
        self.init != 0
            && fs::read_to_string(format!("/proc/{}/comm", self.init))
                .is_ok_and(|name| name.trim() == "systemd")
    }

    /// A shell in the machine, as root.
    fn shell(&self, text: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["-t", &self.init.to_string(), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"])
            .args(["setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time", "--"])
            .args(["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "SYSTEMD_PAGER=cat"])
            .args(["DEBIAN_FRONTEND=noninteractive", "sh", "-ec", text])
            .stdin(Stdio::null());
        command
    }

    /// What a command says and how it ends.
    pub(crate) fn tries(&self, text: &str) -> Output {
        self.shell(text).output().expect("nsenter runs")
    }

    /// Whether a command succeeds.
    pub(crate) fn asks(&self, text: &str) -> bool {
        self.tries(text).status.success()
    }

    /// What a command says, which has to succeed.
    pub(crate) fn run(&self, text: &str) -> String {
        let output = self.tries(text);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{}# {text} ({}):\n{said}{complained}\n{}",
            self.name,
            output.status,
            self.log()
        );
        said
    }

    /// A property of a unit.
    pub(crate) fn property(&self, unit: &str, name: &str) -> String {
        self.run(&format!("systemctl show -P {name} {unit}")).trim().to_owned()
    }

    /// Waits until a unit's property pleases.
    pub(crate) fn wait_for(&self, unit: &str, name: &str, pleases: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let now = self.property(unit, name);
            if pleases(&now) {
                return now;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{}: {name} of {unit} is still {now:?}\n{}",
                self.name,
                self.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A path of the machine, as seen from here.
    pub(crate) fn outside(&self, path: &str) -> PathBuf {
        assert!(path.starts_with('/'), "{path}");
        PathBuf::from(format!("/proc/{}/root{path}", self.init))
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let file = self.outside(path);
        fs::create_dir_all(file.parent().expect("a file")).expect("in memory");
        fs::write(&file, text).unwrap_or_else(|e| panic!("{}: {path}: {e}", self.name));
    }

    /// Copies a file of ours to it.
    pub(crate) fn take(&self, file: &Path, path: &str) {
        fs::copy(file, self.outside(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    }

    /// The last lines of its journal.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&self.tries("journalctl -n 60 --no-pager -o short-monotonic").stdout)
            .into_owned()
    }

    /// A cable from this one's `eth0` to the other's.
    pub(crate) fn connect(&self, other: &Self) {
        let line = format!("ip link add eth0 type veth peer name eth0 netns {}", other.init);
        let output = Command::new("nsenter")
            .args(["-t", &self.init.to_string(), "-n", "sh", "-c", &line])
            .output()
            .expect("nsenter runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for (machine, address) in [(self, "10.9.0.1/24"), (other, "10.9.0.2/24")] {
            machine.run(&format!("ip address add {address} dev eth0; ip link set eth0 up"));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let begun = Instant::now();
        // The groups are empty when the kernel has ended the processes.
        while !removed(&self.group) && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Removes a control group and those below.
fn removed(group: &Path) -> bool {
    let below = fs::read_dir(group).into_iter().flatten().flatten();
    for directory in below.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())) {
        removed(&directory.path());
    }
    fs::remove_dir(group).is_ok()
}
