//! Looks at daemons through their management sockets, many at a time, and at the virtual clocks behind them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ptp_clock::VirtualClock;
use ptp_management::{Client, ClientConfig, Request, Uds};
use ptp_wire::management::{ManagementId, Payload, port_state_name};
use ptp_wire::{ClockIdentity, PortIdentity, SdoId};

use super::error::LabError;

/// What a daemon said about itself. Fields stay `None` where it did not answer in time.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Look {
    /// defaultDS.clockIdentity.
    pub identity: Option<ClockIdentity>,
    /// Port states by number, in words.
    pub ports: BTreeMap<u16, &'static str>,
    /// offsetFromMaster in 2^-16 ns.
    pub offset_from_master: Option<i64>,
    /// meanDelay in 2^-16 ns.
    pub mean_delay: Option<i64>,
    /// parentDS.grandmasterIdentity.
    pub grandmaster: Option<ClockIdentity>,
    /// parentDS.parentPortIdentity.
    pub parent: Option<PortIdentity>,
    /// currentDS.stepsRemoved.
    pub steps_removed: Option<u16>,
}

impl Look {
    /// The state that tells most about the instance: SLAVE or on the way there, else the first port's.
    #[must_use]
    pub fn state(&self) -> Option<&'static str> {
        ["SLAVE", "UNCALIBRATED"]
            .into_iter()
            .find(|state| self.ports.values().any(|s| s == state))
            .or_else(|| self.ports.values().next().copied())
    }
}

/// A watcher of one daemon.
#[derive(Debug)]
pub struct Watcher {
    socket: PathBuf,
    own: PathBuf,
    ports: usize,
    addressing: ClientConfig,
    client: Option<Client<Uds>>,
}

const QUESTIONS: [ManagementId; 4] = [
    ManagementId::DEFAULT_DATA_SET,
    ManagementId::CURRENT_DATA_SET,
    ManagementId::PARENT_DATA_SET,
    ManagementId::PORT_DATA_SET,
];

impl Watcher {
    /// Of the daemon whose management socket is, or will be, at `socket`; it has `ports` ports.
    #[must_use]
    pub fn new(socket: &Path, ports: usize) -> Self {
        let name = socket.to_string_lossy().replace('/', "-");
        let own = Path::new("/run").join(format!("watch{name}-{}", std::process::id()));
        // No hops: the question is for this daemon, not for those it could pass it on to.
        let addressing = ClientConfig { boundary_hops: 0, ..ClientConfig::default() };
        Self { socket: socket.to_owned(), own, ports, addressing, client: None }
    }

    /// Asks with this domainNumber and sdoId: an instance of IEEE 802.1AS hears only [`SdoId::GPTP`].
    #[must_use]
    pub fn asking(mut self, domain_number: u8, sdo_id: SdoId) -> Self {
        self.addressing = ClientConfig { domain_number, sdo_id, ..self.addressing };
        self
    }

    /// Sends all questions; false if nobody listens.
    fn ask(&mut self) -> bool {
        if self.client.is_none() {
            let config = self.addressing;
            self.client =
                Uds::connect(&self.socket, Some(&self.own)).ok().map(|uds| Client::new(uds, config));
        }
        let Some(client) = &mut self.client else { return false };
        // Answers to earlier questions that came too late.
        while matches!(client.receive(), Ok(Some(_))) {}
        QUESTIONS.iter().all(|id| client.send(&Request::get(*id)).is_ok())
    }

    /// Takes what has been answered; true when all is there.
    fn take(&mut self, look: &mut Look) -> bool {
        let Some(client) = &mut self.client else { return true };
        while let Ok(Some(reply)) = client.receive() {
            match reply.payload() {
                Ok(Payload::DefaultDataSet(ds)) => look.identity = Some(ds.clock_identity),
                Ok(Payload::CurrentDataSet(ds)) => {
                    look.offset_from_master = Some(ds.offset_from_master.0);
                    look.mean_delay = Some(ds.mean_path_delay.0);
                    look.steps_removed = Some(ds.steps_removed);
                }
                Ok(Payload::ParentDataSet(ds)) => {
                    look.grandmaster = Some(ds.grandmaster_identity);
                    look.parent = Some(ds.parent_port_identity);
                }
                Ok(Payload::PortDataSet(ds)) => {
                    let name = port_state_name(ds.port_state).unwrap_or("?");
                    look.ports.insert(ds.port_identity.port_number.0, name);
                }
                _ => (),
            }
        }
        look.identity.is_some()
            && look.offset_from_master.is_some()
            && look.grandmaster.is_some()
            && look.ports.len() >= self.ports
    }
}

/// Looks at all of them at once; waits for answers no longer than `window`.
pub fn look_at(watchers: &mut [Watcher], window: Duration) -> Vec<Look> {
    let mut looks = vec![Look::default(); watchers.len()];
    let mut open: Vec<usize> = (0..watchers.len()).collect();
    open.retain(|&i| watchers[i].ask());
    let start = Instant::now();
    loop {
        open.retain(|&i| !watchers[i].take(&mut looks[i]));
        if open.is_empty() || start.elapsed() > window {
            return looks;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Looks at one daemon until `wanted` is pleased. `alive` is asked before each look, to end a wait that is in vain.
///
/// # Errors
///
/// [`LabError::Timeout`] with the last look; whatever `alive` says.
pub fn wait_until(
    watcher: &mut Watcher,
    awaited: &str,
    limit: Duration,
    mut alive: impl FnMut() -> Result<(), LabError>,
    wanted: impl Fn(&Look) -> bool,
) -> Result<Look, LabError> {
    let start = Instant::now();
    loop {
        alive()?;
        let look =
            look_at(std::slice::from_mut(watcher), Duration::from_millis(200)).pop().unwrap_or_default();
        if wanted(&look) {
            return Ok(look);
        }
        if start.elapsed() > limit {
            return Err(LabError::Timeout {
                awaited: format!("{awaited}; last seen: {look:?}"),
                waited: limit,
                log: None,
            });
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// How far clock `a` is ahead of clock `b` at this moment, ns. The truth, not a measurement: both are functions of one
/// counter.
///
/// # Errors
///
/// [`LabError::Wrong`] if a clock's file is damaged.
pub fn true_offset(a: &mut VirtualClock, b: &mut VirtualClock) -> Result<f64, LabError> {
    let raw = ptp_clock::monotonic_raw_now();
    let error = |clock: &mut VirtualClock| {
        clock.true_error_at(raw).map_err(|error| LabError::Wrong(format!("virtual clock: {error}")))
    };
    Ok((error(a)? - error(b)?).nanos_f64())
}
