//! What is found out and prepared before the daemon runs: identity, stamps, clock, user.

use std::fmt;

use ptp_clock::{ClockError, ClockName};
use ptp_daemon::{Notify, PollSet, Signals, State, drop_privileges, give_to, monotonic_now};
use ptp_net::{Interface, Lower, NetError, Stamping};
use ptp_wire::ClockIdentity;
use ptpd::engine::{self, InstanceKind};
use tracing::{debug, info, warn};

use super::clock::phc_of;
use super::net_port::describe;
use ptpd::host::{LocalClock, PortClocks, Settings, Stamps};

/// Why the daemon does not start, or does not go on.
#[derive(Debug)]
pub(crate) enum RunError {
    Clock(ClockError),
    Net(NetError),
    Poll(std::io::Error),
    Setting(String),
    Clash(ptpd::host::Clash),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock(e) => e.fmt(f),
            Self::Net(e) => e.fmt(f),
            Self::Poll(e) => write!(f, "cannot wait for the sockets: {e}"),
            Self::Setting(text) => f.write_str(text),
            Self::Clash(e) => e.fmt(f),
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
pub(super) fn become_user(user: &str, all: &[Settings]) -> Result<(), RunError> {
    for socket in all.iter().flat_map(|s| [&s.read_write, &s.read_only]).flatten() {
        if let Err(e) = give_to(user, &socket.path) {
            debug!("{}: {e}", socket.path.display());
        }
    }
    let files = || all.iter().filter_map(|s| s.state_file.as_deref());
    // A directory that is there belongs to somebody: only one of our own making is given away.
    let logs = all.iter().filter_map(|s| s.evidence.as_ref()).map(|e| e.recorder.store.directory.as_path());
    for directory in files().filter_map(std::path::Path::parent).chain(logs) {
        if !directory.exists()
            && std::fs::create_dir_all(directory).is_ok()
            && let Err(e) = give_to(user, directory)
        {
            debug!("{}: {e}", directory.display());
        }
    }
    if drop_privileges(user).map_err(|e| RunError::Setting(e.to_string()))? {
        info!("runs as {user} from here on, with the capabilities for network and clock only");
        for file in files() {
            if let Err(e) = State::probe(file) {
                warn!("{e}: the frequency will not be kept for the next start; let {user} write there");
            }
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
            if settings.ready_when == ptp_config::ReadyWhen::Started {
                notify.ready();
            }
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

/// Hardware stamps only where every port has them, from clocks that may be different.
pub(super) fn choose_stamping(settings: &Settings) -> Result<Stamping, RunError> {
    let named = settings.networks.iter().map(|n| &n.clock).chain([&settings.clock]);
    Ok(match settings.stamps {
        Stamps::Software => Stamping::Software,
        Stamps::Hardware => Stamping::Hardware,
        Stamps::OneStep => Stamping::OneStep,
        Stamps::P2pOneStep => Stamping::P2pOneStep,
        Stamps::Auto => {
            for clock in named {
                match clock {
                    LocalClock::Named(ClockName::Phc(_)) => return Ok(Stamping::Hardware),
                    LocalClock::Named(_) => return Ok(Stamping::Software),
                    LocalClock::Auto => {}
                }
            }
            let mut phcs = settings.networks.iter().map(|n| phc_of(&n.interface));
            let first = phcs.next().flatten();
            let may_differ = settings.port_clocks != PortClocks::Same && !is_transparent(settings);
            let fits = first.is_some() && phcs.all(|p| p == first || (may_differ && p.is_some()));
            if fits { Stamping::Hardware } else { Stamping::Software }
        }
    })
}

pub(super) fn is_transparent(settings: &Settings) -> bool {
    matches!(settings.instance.kind, InstanceKind::TransparentE2e | InstanceKind::TransparentP2p)
}

/// The clocks behind the ports.
pub(super) struct Stamped {
    /// Of each port.
    pub(super) ports: Vec<ClockName>,
    /// The virtual clock to bind of each port whose stamps are told in one.
    pub(super) bound: Vec<Option<u32>>,
    /// Of members of bonds that may take over.
    pub(super) spare: Vec<ClockName>,
}

/// Finds the clock of each port's stamps.
pub(super) fn port_clocks(
    settings: &Settings,
    stamping: Stamping,
    main: &ClockName,
) -> Result<Stamped, RunError> {
    let mut all = Stamped { ports: Vec::new(), bound: Vec::new(), spare: Vec::new() };
    for network in &settings.networks {
        let card = if stamping.is_hardware() { phc_of(&network.interface) } else { None };
        let (clock, bound) = match (&network.clock, card, main) {
            (LocalClock::Named(ClockName::Phc(n)), card, _) => {
                (ClockName::Phc(*n), Some(*n).filter(|n| Some(*n) != card))
            }
            (LocalClock::Named(name), ..) => (name.clone(), None),
            (LocalClock::Auto, Some(card), ClockName::Phc(n)) if is_virtual_clock_of(*n, card) => {
                (main.clone(), Some(*n))
            }
            (LocalClock::Auto, Some(card), _) => (ClockName::Phc(card), None),
            // It is not there yet.
            (LocalClock::Auto, None, _) => (main.clone(), None),
        };
        all.ports.push(clock);
        all.bound.push(bound);
        if stamping.is_hardware() && bound.is_none() {
            let lower = Lower::query(&network.interface);
            let phcs = lower.spare.iter().filter_map(|m| Interface::query(m).ok()?.phc_index());
            all.spare.extend(phcs.map(ClockName::Phc));
        }
    }
    let other = all.ports.iter().find(|c| *c != main);
    if let Some(other) = other {
        let why = if is_transparent(settings) {
            "a transparent clock needs one clock for all ports: residence is told between two of them"
        } else if settings.port_clocks == PortClocks::Same {
            "`port_clocks: same` wants one clock for all ports; leave it out to have them kept together"
        } else if [main, other].contains(&&ClockName::System) {
            "the system clock cannot be kept with other ports' clocks; give all ports a `port_clock`"
        } else {
            return Ok(all);
        };
        return Err(RunError::Setting(format!("ports have stamps of {main} and of {other}: {why}")));
    }
    Ok(all)
}

/// `/dev/ptpN` is a virtual clock on the counter of the card's.
fn is_virtual_clock_of(n: u32, card: u32) -> bool {
    n != card && std::path::Path::new(&format!("/sys/class/ptp/ptp{card}/ptp{n}")).exists()
}

pub(super) fn clock_name(settings: &Settings, stamping: Stamping) -> Result<ClockName, RunError> {
    let first = settings.networks.first().map_or(&LocalClock::Auto, |n| &n.clock);
    let name = match if settings.clock == LocalClock::Auto { first } else { &settings.clock } {
        LocalClock::Named(name) => name.clone(),
        LocalClock::Auto if stamping == Stamping::Software => ClockName::System,
        LocalClock::Auto => {
            let phc = settings.networks.iter().find_map(|n| phc_of(&n.interface));
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
        }
    }
}
