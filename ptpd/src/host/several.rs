//! Several instances in one process: what they may share, and what they may not.

use std::fmt;

use crate::engine::Transport;

use super::settings::{LocalClock, Settings, Stamps};

/// Two instances that do not go together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Clash {
    /// The two, by name.
    pub between: [String; 2],
    /// What is wrong.
    pub what: ClashKind,
}

/// Why two instances do not go together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClashKind {
    /// They have one name: their files are called the same.
    Name,
    /// They would run as different users.
    User,
    /// Both have a port on this interface, in one domain.
    Domain {
        /// The interface.
        interface: String,
        /// The domain of both.
        domain: u8,
    },
    /// Their ports on this interface cannot share their sockets, since this setting differs.
    Sockets {
        /// The interface.
        interface: String,
        /// The key.
        setting: &'static str,
    },
    /// One of them is a transparent clock, which hears all that passes on this interface.
    Transparent {
        /// The interface.
        interface: String,
    },
    /// They share one management socket but not the other.
    HalfManagement,
    /// They share the management sockets, and their domain: nobody could ask one of them.
    Management {
        /// The domain of both.
        domain: u8,
    },
    /// Both are told to steer this clock.
    Clock {
        /// Its name.
        clock: String,
    },
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = &self.between;
        write!(f, "the instances {a} and {b} ")?;
        match &self.what {
            ClashKind::Name => f.write_str("have one name: call their files differently"),
            ClashKind::User => {
                f.write_str("have different users (`user`): one process has one; set it the same in both")
            }
            ClashKind::Domain { interface, domain } => write!(
                f,
                "both have a port on {interface} in domain {domain}: set another domain_number in one of them"
            ),
            ClashKind::Sockets { interface, setting } => write!(
                f,
                "share {interface}, so {setting} has to be the same in both (or one of them uses another transport)"
            ),
            ClashKind::Transparent { interface } => write!(
                f,
                "share {interface}, and one of them is a transparent clock: it takes all messages there; give it \
                 interfaces of its own"
            ),
            ClashKind::HalfManagement => f.write_str(
                "share one management socket, but not the other: let them share both (management.socket and \
                 management.read_only_socket) or none",
            ),
            ClashKind::Management { domain } => write!(
                f,
                "share their management sockets and domain {domain}, which has to tell them apart: give one of them \
                 sockets of its own (management.socket, management.read_only_socket)"
            ),
            ClashKind::Clock { clock } => write!(
                f,
                "are both told to steer {clock}: set `free_running: true` in one of them, or another clock_device"
            ),
        }
    }
}

impl std::error::Error for Clash {}

/// Prepares the settings of several instances to run together, and finds what cannot. An instance's frequency file
/// that is another's, too, gets the instance's name appended. A single instance stays as it is.
///
/// # Errors
/// The first pair that does not go together.
pub fn together(all: &mut [Settings]) -> Result<(), Clash> {
    if all.len() < 2 {
        return Ok(());
    }
    for i in 0..all.len() {
        let (before, rest) = all.split_at_mut(i);
        let Some(one) = rest.first_mut() else { continue };
        for other in before.iter() {
            if let Some(what) = clash(other, one) {
                return Err(Clash { between: [other.name.clone(), one.name.clone()], what });
            }
        }
        if one.state_file.is_some() && before.iter().any(|o| o.state_file == one.state_file) {
            let name = &one.name;
            one.state_file = one.state_file.take().map(|path| {
                let mut path = path.into_os_string();
                path.push(".");
                path.push(name);
                path.into()
            });
        }
    }
    Ok(())
}

/// Whether an instance changes its clock's time or frequency.
pub fn steers(s: &Settings) -> bool {
    let instance = &s.instance;
    !instance.free_running
        && !s.measures_only
        && s.refclock.is_none()
        && !instance.ports.iter().all(|p| p.master_only)
}

fn clash(a: &Settings, b: &Settings) -> Option<ClashKind> {
    if a.name == b.name {
        return Some(ClashKind::Name);
    }
    if a.user != b.user {
        return Some(ClashKind::User);
    }
    let domain = a.instance.domain_number;
    // A sender of 2008 does not know the minor octet.
    let same_domain =
        domain == b.instance.domain_number && a.instance.sdo_id.major() == b.instance.sdo_id.major();
    for x in &a.networks {
        for y in b.networks.iter().filter(|y| y.interface == x.interface) {
            let interface = x.interface.clone();
            if same_domain {
                return Some(ClashKind::Domain { interface, domain });
            }
            if x.relay || y.relay {
                return Some(ClashKind::Transparent { interface });
            }
            // Each packet socket hears everything; of UDP sockets with one address only one hears what is unicast.
            if !x.meets(y) || x.transport == Transport::Ethernet {
                continue;
            }
            if let Some(setting) = x.differs(y) {
                return Some(ClashKind::Sockets { interface, setting });
            }
            if a.stamps != b.stamps && a.stamps != Stamps::Auto && b.stamps != Stamps::Auto {
                return Some(ClashKind::Sockets { interface, setting: "stamping" });
            }
        }
    }
    let paths = |s: &Settings| [&s.read_write, &s.read_only].map(|a| a.as_ref().map(|a| a.path.clone()));
    if paths(a) == paths(b) {
        if same_domain && paths(a) != [None, None] {
            return Some(ClashKind::Management { domain });
        }
    } else if paths(a).iter().flatten().any(|p| paths(b).iter().flatten().any(|q| p == q)) {
        return Some(ClashKind::HalfManagement);
    }
    if let (LocalClock::Named(x), LocalClock::Named(y)) = (&a.clock, &b.clock)
        && x == y
        && [a, b].iter().all(|s| s.told_to_steer && steers(s))
    {
        return Some(ClashKind::Clock { clock: x.to_string() });
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Settings of a file with this name.
    fn settings(name: &str, text: &str) -> Settings {
        let path = format!("{name}.yaml");
        let loaded = ptp_config::load_octets(Path::new(&path), text.as_bytes(), &[], &Default::default());
        let loaded = loaded.expect("a good configuration");
        let mut settings = crate::host::settings(&loaded.config).expect("ports that fit");
        settings.name = name.to_owned();
        settings.told_to_steer = loaded.says("free_running");
        settings
    }

    fn of(a: &str, b: &str) -> Option<ClashKind> {
        together(&mut [settings("a", a), settings("b", b)]).err().map(|c| {
            assert!(c.to_string().starts_with("the instances a and b "), "{c}");
            c.what
        })
    }

    const A: &str = "domain_number: 0\nports: [{ interface: eth0 }]\n";
    const B: &str = "domain_number: 1\nports: [{ interface: eth0 }]\n";

    #[test]
    fn domains_share_ports_sockets_and_management() {
        assert_eq!(of(A, B), None);
        let mut both = [settings("a", A), settings("b", B)];
        together(&mut both).expect("they go together");
        let [a, b] = both;
        assert!(a.networks[0].shares(&b.networks[0]));
        assert_eq!(b.state_file.as_deref(), Some(Path::new("/var/lib/escapement/ptpd.state.b")));
        assert_eq!(a.state_file.as_deref(), Some(Path::new("/var/lib/escapement/ptpd.state")));
        // One domain on two interfaces: two instances, with management sockets of their own.
        let other =
            "management: { socket: /run/b, read_only_socket: /run/b-ro }\nports: [{ interface: eth1 }]\n";
        assert_eq!(of(A, other), None);
    }

    #[test]
    fn what_does_not_go_together_is_told() {
        let interface = || "eth0".to_owned();
        assert_eq!(of(A, A), Some(ClashKind::Domain { interface: interface(), domain: 0 }));
        assert_eq!(
            of(A, "ports: [{ interface: eth1 }]\n"),
            Some(ClashKind::Management { domain: 0 }),
            "nobody could tell them apart"
        );
        assert_eq!(of(A, &format!("user: ptp\n{B}")), Some(ClashKind::User));
        let ttl = "domain_number: 1\nports: [{ interface: eth0, udp_ttl: 5 }]\n";
        assert_eq!(of(A, ttl), Some(ClashKind::Sockets { interface: interface(), setting: "udp_ttl" }));
        let ethernet = "domain_number: 1\nports: [{ interface: eth0, transport: ethernet }]\n";
        assert_eq!(of(A, ethernet), None, "another transport has sockets of its own");
        let half = format!("management: {{ read_only_socket: /run/b-ro }}\n{B}");
        assert_eq!(of(A, &half), Some(ClashKind::HalfManagement));
        let transparent =
            "clock: transparent-e2e\ndomain_number: 1\nports: [{ interface: eth0 }, { interface: eth1 }]\n";
        assert_eq!(of(A, transparent), Some(ClashKind::Transparent { interface: interface() }));
        let steer = |text: &str| format!("clock_device: system\nfree_running: false\n{text}");
        assert_eq!(of(&steer(A), &steer(B)), Some(ClashKind::Clock { clock: "system".into() }));
        assert_eq!(of(&steer(A), B), None);
        let twice = together(&mut [settings("a", A), settings("a", B)]).expect_err("one name");
        assert_eq!(twice.what, ClashKind::Name);
    }
}
