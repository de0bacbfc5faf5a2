//! What is found out and prepared before the daemon runs: identity, stamps, clock, user.

use std::fmt;

use ptp_clock::{ClockError, ClockName};
use ptp_daemon::{Notify, PollSet, Signals, State, drop_privileges, give_to, monotonic_now};
use ptp_net::{Interface, NetError, Stamping};
use ptp_wire::ClockIdentity;
use ptpd::engine;
use tracing::{debug, info, warn};

use super::net_port::describe;
use ptpd::host::{LocalClock, Settings, Stamps};

/// Why the daemon does not start, or does not go on.
#[derive(Debug)]
pub(crate) enum RunError {
    Clock(ClockError),
    Net(NetError),
    Poll(std::io::Error),
    Setting(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock(e) => e.fmt(f),
            Self::Net(e) => e.fmt(f),
            Self::Poll(e) => write!(f, "cannot wait for the sockets: {e}"),
            Self::Setting(text) => f.write_str(text),
        }
    }
}

impl From<ClockError> for RunError {
    fn from(e: ClockError) -> Self {
        Self::Clock(e)
    }
}

impl From<NetError> for RunError {
    fn from(e: NetError) -> Self {
        Self::Net(e)
    }
}

/// Gives up root for this user, who gets what the daemon has made or will write.
pub(super) fn become_user(user: &str, settings: &Settings) -> Result<(), RunError> {
    let sockets = [&settings.read_write, &settings.read_only];
    for socket in sockets.into_iter().flatten() {
        if let Err(e) = give_to(user, &socket.path) {
            debug!("{}: {e}", socket.path.display());
        }
    }
    // A directory that is there belongs to somebody: only one of our own making is given away.
    if let Some(directory) = settings.state_file.as_deref().and_then(std::path::Path::parent)
        && !directory.exists()
        && std::fs::create_dir_all(directory).is_ok()
        && let Err(e) = give_to(user, directory)
    {
        debug!("{}: {e}", directory.display());
    }
    if drop_privileges(user).map_err(|e| RunError::Setting(e.to_string()))? {
        info!("runs as {user} from here on, with the capabilities for network and clock only");
        if let Some(Err(e)) = settings.state_file.as_deref().map(State::probe) {
            warn!("{e}: the frequency will not be kept for the next start; let {user} write there");
        }
    }
    Ok(())
}

/// The identity from the settings, or of the first port whose interface is there; waits for one, but not as ptp4l,
/// which ends where its first interface is missing.
pub(super) fn clock_identity(
    settings: &Settings,
    signals: Signals,
    notify: &mut Notify,
) -> Result<Option<ClockIdentity>, RunError> {
    if let Some(identity) = settings.clock_identity {
        return Ok(Some(identity));
    }
    if let Some(first) = settings.networks.first().filter(|_| settings.drop_in) {
        let interface = Interface::query(&first.interface)?;
        let none =
            || RunError::Setting(format!("{}: no address to make a clock identity of", first.interface));
        return interface.mac.map(ClockIdentity::from_mac).map(Some).ok_or_else(none);
    }
    let mut poll = PollSet::<()>::new();
    let mut said = false;
    loop {
        let mac = settings.networks.iter().find_map(|n| Interface::query(&n.interface).ok()?.mac);
        if let Some(mac) = mac {
            return Ok(Some(ClockIdentity::from_mac(mac)));
        }
        if !said {
            said = true;
            let names: Vec<_> = settings.networks.iter().map(|n| n.interface.as_str()).collect();
            let text = format!("{}: there is no such interface; waiting for it to appear", names.join(", "));
            warn!("{text}");
            notify.ready();
            notify.status(&text);
        }
        if signals.stop() {
            return Ok(None);
        }
        notify.alive(monotonic_now());
        // Half a second, or a signal.
        let _ = poll.wait(None);
    }
}

/// Hardware stamps only where every port has them, from one clock.
pub(super) fn choose_stamping(settings: &Settings) -> Result<Stamping, RunError> {
    let phc_of = |name: &str| Interface::query(name).ok().and_then(|i| i.stamping.phc_index);
    let mut phcs = settings.networks.iter().map(|n| phc_of(&n.interface));
    let first = phcs.next().flatten();
    let same = first.is_some() && phcs.all(|p| p == first);
    match settings.stamps {
        Stamps::Software => Ok(Stamping::Software),
        Stamps::Hardware => Ok(Stamping::Hardware),
        Stamps::OneStep => Ok(Stamping::OneStep),
        Stamps::P2pOneStep => Ok(Stamping::P2pOneStep),
        Stamps::Auto => Ok(match &settings.clock {
            LocalClock::Named(ClockName::Phc(_)) => Stamping::Hardware,
            LocalClock::Named(_) => Stamping::Software,
            LocalClock::Auto if same => Stamping::Hardware,
            LocalClock::Auto => Stamping::Software,
        }),
    }
}

pub(super) fn clock_name(settings: &Settings, stamping: Stamping) -> Result<ClockName, RunError> {
    let name = match &settings.clock {
        LocalClock::Named(name) => name.clone(),
        LocalClock::Auto if stamping == Stamping::Software => ClockName::System,
        LocalClock::Auto => {
            let phc = settings
                .networks
                .iter()
                .find_map(|n| Interface::query(&n.interface).ok()?.stamping.phc_index);
            match phc {
                Some(index) => ClockName::Phc(index),
                None => {
                    return Err(RunError::Setting(
                        "hardware stamps are asked for, but no port has a PTP hardware clock (`ethtool -T` shows it); \
                         use software stamps"
                            .into(),
                    ));
                }
            }
        }
    };
    match (&name, stamping) {
        (ClockName::Phc(_), Stamping::Software) => Err(RunError::Setting(format!(
            "{name} cannot be disciplined by software stamps: they are readings of the system clock"
        ))),
        (ClockName::System | ClockName::Virtual(_), stamping) if stamping.is_hardware() => {
            Err(RunError::Setting(format!(
                "{name} cannot be disciplined by hardware stamps: they are readings of the card's own clock"
            )))
        }
        _ => Ok(name),
    }
}

/// Fills in what only the running machine knows.
pub(super) fn prepare(
    settings: &mut Settings,
    identity: ClockIdentity,
    stamping: Stamping,
    name: &ClockName,
) {
    let stamping = match stamping {
        Stamping::Hardware => engine::Stamping::Hardware,
        Stamping::OneStep => engine::Stamping::OneStep,
        Stamping::P2pOneStep => engine::Stamping::P2pOneStep,
        Stamping::Software | Stamping::None => engine::Stamping::Software,
    };
    settings.settle(identity, stamping, name);
    for port in &mut settings.instance.ports {
        if let Ok(interface) = Interface::query(&port.interface) {
            describe(&interface, port);
            port.phc_index = match name {
                ClockName::Phc(n) => i32::try_from(*n).ok(),
                _ => None,
            };
        }
    }
}
