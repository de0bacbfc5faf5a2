//! Our daemon in a host: its configuration, its process, its sockets.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ptp_wire::SdoId;

use super::error::LabError;
use super::network::Host;
use super::process::Process;
use super::watch::{Look, Watcher, wait_until};

/// What the experiments vary. Everything else is the default profile's.
#[derive(Clone, Debug)]
pub struct PtpdOptions {
    /// Its ports' interfaces; more than one makes a boundary clock.
    pub interfaces: Vec<String>,
    /// `auto`, `transparent-e2e` or `transparent-p2p`.
    pub clock: &'static str,
    /// `udp4`, `udp6` or `ethernet`.
    pub transport: &'static str,
    /// `e2e` or `p2p`.
    pub delay_mechanism: &'static str,
    /// The virtual clock it keeps; `None`: the system clock, which is only measured.
    pub virtual_clock: Option<PathBuf>,
    /// Never a master.
    pub client_only: bool,
    /// priority1.
    pub priority1: u8,
    /// servo.step_threshold: larger offsets are stepped away at any time; `None`: only at the start.
    pub step_threshold: Option<&'static str>,
    /// log2 of seconds.
    pub log_announce_interval: i8,
    /// log2 of seconds.
    pub log_sync_interval: i8,
    /// Lines at the top of the file: a profile, and what differs from it.
    pub more: &'static str,
    /// log2 of seconds; Delay_Req or Pdelay_Req.
    pub log_min_delay_req_interval: i8,
    /// Further lines of the file, before its ports.
    pub extra: String,
    /// Further keys of every port: `key: value`.
    pub port_extra: Vec<String>,
}

impl PtpdOptions {
    /// A lively instance on these interfaces: UDP/IPv4, E2E, free running on the system clock.
    #[must_use]
    pub fn new(interfaces: &[&str]) -> Self {
        Self {
            interfaces: interfaces.iter().map(|&name| name.to_owned()).collect(),
            clock: "auto",
            transport: "udp4",
            delay_mechanism: "e2e",
            virtual_clock: None,
            client_only: false,
            priority1: 128,
            step_threshold: None,
            log_announce_interval: -2,
            log_sync_interval: -3,
            more: "",
            log_min_delay_req_interval: -3,
            extra: String::new(),
            port_extra: Vec::new(),
        }
    }

    /// The same, keeping a virtual clock.
    #[must_use]
    pub fn on_virtual_clock(mut self, path: &Path) -> Self {
        self.virtual_clock = Some(path.to_owned());
        self
    }

    /// The configuration file.
    #[must_use]
    pub fn to_yaml(&self, host: &str, socket: &Path) -> String {
        let mut yaml = format!("# {host} of the laboratory\n");
        yaml.push_str(self.more);
        let _ = writeln!(yaml, "priority1: {}", self.priority1);
        if self.clock != "auto" {
            let _ = writeln!(yaml, "clock: {}", self.clock);
        }
        if self.client_only {
            yaml.push_str("client_only: true\n");
        }
        match &self.virtual_clock {
            Some(path) => {
                let _ = writeln!(yaml, "clock_device: virtual:{}", path.display());
            }
            // A transparent clock steers nothing anyway.
            None if self.clock != "auto" => yaml.push_str("clock_device: system\n"),
            None => yaml.push_str("clock_device: system\nfree_running: true\n"),
        }
        // An experiment starts from nothing.
        yaml.push_str("state_file: off\n");
        let _ = writeln!(yaml, "management:\n  socket: {}", socket.display());
        let _ = writeln!(yaml, "  read_only_socket: {}-ro", socket.display());
        if self.virtual_clock.is_some() && self.clock == "auto" {
            // Software stamps' own gains are for noisy networks: at 8 Sync/s they watch for 37 s before the first correction.
            yaml.push_str("servo:\n  proportional_scale: 0.5\n  integral_scale: 0.03\n");
            if let Some(threshold) = self.step_threshold {
                let _ = writeln!(yaml, "  step_threshold: {threshold}");
            }
        }
        yaml.push_str(&self.extra);
        yaml.push_str("ports:\n");
        for interface in &self.interfaces {
            let _ = writeln!(yaml, "  - interface: {interface}");
            for (key, value) in [
                ("transport", self.transport.to_owned()),
                ("stamping", "software".to_owned()),
                ("delay_mechanism", self.delay_mechanism.to_owned()),
                ("log_announce_interval", self.log_announce_interval.to_string()),
                ("log_sync_interval", self.log_sync_interval.to_string()),
                // A key that has no effect is an error.
                match self.delay_mechanism {
                    "p2p" => ("log_min_pdelay_req_interval", self.log_min_delay_req_interval.to_string()),
                    _ => ("log_min_delay_req_interval", self.log_min_delay_req_interval.to_string()),
                },
            ] {
                let _ = writeln!(yaml, "    {key}: {value}");
            }
            for line in &self.port_extra {
                let _ = writeln!(yaml, "    {line}");
            }
        }
        yaml
    }
}

/// A running `ptpd`.
#[derive(Debug)]
pub struct Instance {
    /// Its process and log.
    pub process: Process,
    /// Its read-write management socket.
    pub socket: PathBuf,
    ports: usize,
    /// domainNumber and sdoId of its management.
    addressing: (u8, SdoId),
}

impl Instance {
    /// Starts one of several daemons in `host`, with this configuration but for its management sockets. `addressing`:
    /// its domainNumber and sdoId.
    ///
    /// # Errors
    ///
    /// [`LabError::Io`].
    pub fn start_as(
        host: &Host,
        program: &Path,
        name: &str,
        yaml: &str,
        ports: usize,
        addressing: (u8, SdoId),
    ) -> Result<Self, LabError> {
        let socket = PathBuf::from(format!("/run/{}-{name}", host.name()));
        let file = host.dir().join(format!("{}-{name}.yaml", host.name()));
        let sockets = format!("management:\n  socket: {0}\n  read_only_socket: {0}-ro\n", socket.display());
        std::fs::write(&file, format!("{sockets}state_file: off\n{yaml}"))
            .map_err(LabError::io(format!("write {}", file.display())))?;
        let process = host.start(&format!("ptpd-{name}"), program, ["-f".as_ref(), file.as_os_str()])?;
        Ok(Self { process, socket, ports, addressing })
    }

    /// Starts the daemon `program` in `host`. Its configuration is kept beside its log, as `<host>-ptpd.yaml`.
    ///
    /// # Errors
    ///
    /// [`LabError::Io`].
    pub fn start(host: &Host, program: &Path, options: &PtpdOptions) -> Result<Self, LabError> {
        let socket = PathBuf::from(format!("/run/ptpd-{}", host.name()));
        let file = host.dir().join(format!("{}-ptpd.yaml", host.name()));
        std::fs::write(&file, options.to_yaml(host.name(), &socket))
            .map_err(LabError::io(format!("write {}", file.display())))?;
        let arguments = ["-f".as_ref(), file.as_os_str()];
        let process = host.start("ptpd", program, arguments)?;
        Ok(Self { process, socket, ports: options.interfaces.len(), addressing: (0, SdoId::PTP) })
    }

    /// Waits until what it says of itself pleases `wanted`.
    ///
    /// # Errors
    ///
    /// [`LabError::Wrong`] with its last words, if it ends before or the time runs out.
    pub fn wait_until(
        &mut self,
        awaited: &str,
        limit: Duration,
        wanted: impl Fn(&Look) -> bool,
    ) -> Result<Look, LabError> {
        let mut watcher = self.watcher();
        let process = &mut self.process;
        let label = process.label().to_owned();
        let alive = || match process.ended() {
            Some(status) => Err(LabError::Wrong(format!("{label} ended ({status})"))),
            None => Ok(()),
        };
        wait_until(&mut watcher, &format!("{awaited} from {label}"), limit, alive, wanted)
            .map_err(|error| LabError::Wrong(format!("{error}\n{}", self.process.last_words())))
    }

    /// Someone who looks at it.
    #[must_use]
    pub fn watcher(&self) -> Watcher {
        Watcher::new(&self.socket, self.ports).asking(self.addressing.0, self.addressing.1)
    }
}
