//! Hosts, links and bridges: a small network out of network namespaces and veth pairs.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sched::{CloneFlags, setns};

use super::error::LabError;
use super::process::{Process, find_program, run_command};

/// An experiment's network. It lives in the room ([`super::reenter`]) and goes with it.
#[derive(Debug)]
pub struct Lab {
    dir: PathBuf,
    links: u8,
    names: Vec<String>,
}

/// A host: a network namespace. Cheap to copy about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Host {
    name: String,
    dir: PathBuf,
}

/// Makes `dir`, empty. To be called outside the room: root in a user namespace has no rights over other people's
/// directories, root outside has.
///
/// # Errors
///
/// [`LabError::Io`].
pub fn empty_dir(dir: &Path) -> Result<(), LabError> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(LabError::Io { doing: format!("empty {}", dir.display()), source: error });
        }
        _ => (),
    }
    std::fs::create_dir_all(dir).map_err(LabError::io(format!("create {}", dir.display())))
}

impl Lab {
    /// An empty network; logs and captures go to `dir`, which is made unless it is there (see [`empty_dir`]).
    ///
    /// # Errors
    ///
    /// [`LabError::Io`]; [`LabError::Wrong`] outside a room, where it would change this machine's network.
    pub fn new(dir: &Path) -> Result<Self, LabError> {
        if !super::space::is_inside() {
            return Err(LabError::Wrong("a network is only built inside a namespace of its own".to_owned()));
        }
        std::fs::create_dir_all(dir).map_err(LabError::io(format!("create {}", dir.display())))?;
        Ok(Self { dir: dir.to_owned(), links: 0, names: Vec::new() })
    }

    /// Where logs and captures go.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A new host with its loopback up.
    ///
    /// # Errors
    ///
    /// [`LabError::Command`].
    pub fn host(&mut self, name: &str) -> Result<Host, LabError> {
        run_command("ip", &["netns", "add", name])?;
        run_command("ip", &["-n", name, "link", "set", "lo", "up"])?;
        self.names.push(name.to_owned());
        Ok(Host { name: name.to_owned(), dir: self.dir.clone() })
    }

    /// Connects two hosts by a cable with an interface at each end, both up. The n-th link is the network
    /// `10.0.n.0/24`: its first end is host 1, its second end host 2. IPv6 has link-local addresses.
    ///
    /// # Errors
    ///
    /// [`LabError::Command`].
    pub fn link(&mut self, a: (&Host, &str), b: (&Host, &str)) -> Result<(), LabError> {
        self.cable(a, b)?;
        for (end, (host, interface)) in [(1, a), (2, b)] {
            let address = format!("10.0.{}.{end}/24", self.links);
            run_command("ip", &["-n", &host.name, "address", "add", &address, "dev", interface])?;
        }
        Ok(())
    }

    /// A switch: a host of its own with a bridge, and a cable to each end. The n-th link's network is shared
    /// by all ends, numbered from 1.
    ///
    /// # Errors
    ///
    /// [`LabError::Command`].
    pub fn switch(&mut self, name: &str, ends: &[(&Host, &str)]) -> Result<Host, LabError> {
        let switch = self.host(name)?;
        // Multicast must reach every port: PTP's groups are never joined by a querier here.
        run_command(
            "ip",
            &["-n", name, "link", "add", "br0", "type", "bridge", "stp_state", "0", "mcast_snooping", "0"],
        )?;
        run_command("ip", &["-n", name, "link", "set", "br0", "up"])?;
        for (number, end) in ends.iter().enumerate() {
            let port = format!("port{}", number + 1);
            self.cable((&switch, &port), *end)?;
            run_command("ip", &["-n", name, "link", "set", &port, "master", "br0"])?;
        }
        for (number, (host, interface)) in ends.iter().enumerate() {
            let address = format!("10.0.{}.{}/24", self.links, number + 1);
            run_command("ip", &["-n", &host.name, "address", "add", &address, "dev", interface])?;
        }
        Ok(switch)
    }

    fn cable(&mut self, a: (&Host, &str), b: (&Host, &str)) -> Result<(), LabError> {
        self.links =
            self.links.checked_add(1).ok_or_else(|| LabError::Wrong("256 links are too many".to_owned()))?;
        run_command(
            "ip",
            &[
                "link", "add", a.1, "netns", &a.0.name, "type", "veth", "peer", "name", b.1, "netns",
                &b.0.name,
            ],
        )?;
        for (host, interface) in [a, b] {
            // Duplicate address detection would hold IPv6 back for two seconds.
            let switch = format!("net.ipv6.conf.{interface}.accept_dad");
            let path = format!("/proc/sys/{}", switch.replace('.', "/"));
            let script = format!("echo 0 > {path}");
            let _ = host.command("sh").args(["-c", &script]).stderr(std::process::Stdio::null()).status();
            run_command("ip", &["-n", &host.name, "link", "set", interface, "up"])?;
        }
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = run_command("ip", &["netns", "delete", name]);
        }
    }
}

impl Host {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where logs and captures of its experiment go.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A command that will run in this host's network.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.name)).arg("--").arg(program);
        command
    }

    /// Starts a program in this host's network; its outputs go to `<host>-<label>.log`.
    ///
    /// # Errors
    ///
    /// [`LabError::Io`].
    pub fn start<S: AsRef<std::ffi::OsStr>>(
        &self,
        label: &str,
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<Process, LabError> {
        let mut command = self.command(program);
        command.args(arguments);
        let label = format!("{}-{label}", self.name);
        let log = self.dir.join(format!("{label}.log"));
        Process::start(&label, command, log)
    }

    /// Runs a program of this machine in this host's network to its end and gives what it wrote to standard output.
    ///
    /// # Errors
    ///
    /// [`LabError::Missing`], [`LabError::Command`].
    pub fn run(&self, program: &str, package: &'static str, arguments: &[&str]) -> Result<String, LabError> {
        let file = find_program(program, package)?;
        let net = format!("--net=/run/netns/{}", self.name);
        let file = file.to_string_lossy();
        let mut all = vec![net.as_str(), "--", &file];
        all.extend_from_slice(arguments);
        run_command("nsenter", &all)
    }

    /// Does something in this host's network: a socket that is opened there stays there.
    ///
    /// # Errors
    ///
    /// [`LabError::Wrong`] with what it failed of.
    pub fn within<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, LabError> {
        let wrong = |e: std::io::Error| LabError::Wrong(format!("in {}: {e}", self.name));
        let space = std::fs::File::open(format!("/run/netns/{}", self.name)).map_err(wrong)?;
        let thread = std::thread::spawn(move || {
            setns(space, CloneFlags::CLONE_NEWNET).map_err(std::io::Error::from)?;
            work()
        });
        thread.join().map_err(|_| LabError::Wrong("the thread died".to_owned()))?.map_err(wrong)
    }

    /// Takes an interface up or down.
    ///
    /// # Errors
    ///
    /// [`LabError::Command`].
    pub fn set_link(&self, interface: &str, up: bool) -> Result<(), LabError> {
        let state = if up { "up" } else { "down" };
        run_command("ip", &["-n", &self.name, "link", "set", interface, state]).map(|_| ())
    }
}
