//! What single values cannot show: contradictions, and keys without an effect.

use std::collections::HashMap;
use std::path::Path;

use ptp_security::Database;

use crate::authentication;
use crate::build::Values;
use crate::diagnostics::{Diagnostic, Problem};
use crate::layers::{Layers, Origin, PortLayer, Setting};
use crate::load::COMMAND_LINE;
use crate::model::{ClockDevice, DelayMechanism, MasterAddress, Stamping};
use crate::source::Source;
use crate::table::{self, Need};
use ptp_wire::Transport;

/// Checks layers whose values are all good for themselves, or are defaults where they were not.
pub(crate) fn check(
    layers: &Layers,
    source: Option<&Source>,
    out: &mut Vec<Diagnostic>,
) -> Option<(Database, String)> {
    let mut checker = Checker { layers, source, out };
    let keys = checker.authentication();
    // A port that was refused already is not missing.
    if layers.ports.is_empty() {
        let named = checker.out.iter().any(|d| {
            d.key.as_deref().is_some_and(|k| k.starts_with("ports") || k == "interface")
                || d.text.starts_with("port")
        });
        if !named {
            let mut diagnostic = Diagnostic::new(Problem::Missing, "there is no port");
            diagnostic.file = source.map(|s| s.path.clone());
            let help = "write `ports:` and, below it, `  - interface: NAME`, or give `-i NAME`";
            checker.out.push(diagnostic.key("ports").help(help));
        }
    } else {
        checker.clock();
        checker.interfaces();
        checker.external();
        checker.ports();
    }
    checker.management();
    checker.effects();
    keys
}

struct Checker<'a> {
    layers: &'a Layers,
    source: Option<&'a Source>,
    out: &'a mut Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    fn values(&self) -> Values<'a> {
        Values::new(self.layers)
    }

    /// At a setting: its key if it is the key that is wrong here, else its value.
    fn at(&self, problem: Problem, message: String, setting: &Setting, at_key: bool) -> Diagnostic {
        match (&setting.origin, &setting.place, self.source) {
            (Origin::File { .. }, Some((key, value)), Some(source)) => {
                source.diagnose(problem, message, if at_key { key } else { value })
            }
            (Origin::CommandLine(option), ..) => {
                Diagnostic::new(problem, format!("{option}: {message}")).in_file(Path::new(COMMAND_LINE))
            }
            (_, _, Some(source)) => Diagnostic::new(problem, message).in_file(&source.path),
            _ => Diagnostic::new(problem, message),
        }
    }

    fn contradiction(&mut self, path: &str, setting: &Setting, message: String, help: &str) {
        let diagnostic = self.at(Problem::Contradiction, message, setting, false).key(path).help(help);
        self.out.push(diagnostic);
    }

    fn clock(&mut self) {
        let setting = self.layers.get("clock");
        let n = self.layers.ports.len();
        if self.values().text("clock") == "ordinary" && n > 1 {
            let message = format!("an ordinary clock has one port, not {n}");
            self.contradiction("clock", setting, message, "write `boundary`, or leave `clock` out");
        }
        if self.values().is_transparent() {
            self.transparent();
        }
        let (leap59, leap61) =
            (self.layers.get("time_properties.leap59"), self.values().bool("time_properties.leap61"));
        if self.values().bool("time_properties.leap59") && leap61 {
            let message = "a day cannot end both early and late".to_owned();
            self.contradiction("time_properties.leap59", leap59, message, "set `leap59` or `leap61`");
        }
    }

    /// A transparent clock's ports stand together.
    fn transparent(&mut self) {
        let setting = self.layers.get("clock");
        let kind = setting.text.as_str();
        let n = self.layers.ports.len();
        if n < 2 {
            let message = format!("a transparent clock has two ports at least, not {n}");
            self.contradiction("clock", setting, message, "name the other port, or leave `clock` out");
        }
        let wanted = if kind == "transparent-p2p" { "p2p" } else { "e2e" };
        let first = self.layers.ports.first().map(|port| self.values().port(port).transport());
        let mut told: Vec<*const Setting> = Vec::new();
        for (i, port) in self.layers.ports.iter().enumerate() {
            let v = self.values().port(port);
            let path = |name: &str| {
                if port.own.contains_key(name) { format!("ports[{i}].{name}") } else { name.into() }
            };
            let mechanism = v.setting("delay_mechanism");
            if mechanism.text != wanted && !told.contains(&std::ptr::from_ref(mechanism)) {
                told.push(mechanism);
                let message = format!("the ports of a `{kind}` clock have `delay_mechanism: {wanted}`");
                // Where it was not written, it is the clock's kind that asks for it.
                let (at, wrong) = match mechanism.origin.is_explicit() {
                    true => (path("delay_mechanism"), mechanism),
                    false => ("clock".to_owned(), setting),
                };
                self.contradiction(&at, wrong, message, "write that, or the other kind of `clock`");
            }
            if Some(v.transport()) != first {
                let message = "messages cannot pass to another transport".to_owned();
                let help = "give all ports of a transparent clock the same `transport`";
                self.contradiction(&path("transport"), v.setting("transport"), message, help);
            }
        }
    }

    /// Ports that are configured from outside.
    fn external(&mut self) {
        let setting = self.layers.get("external_port_configuration");
        if !self.values().bool("external_port_configuration") {
            return;
        }
        if self.values().bool("client_only") {
            let message = "a client-only clock chooses its server by itself".to_owned();
            let help = "leave `client_only` out, and say `desired_state: slave` of the port";
            return self.contradiction("external_port_configuration", setting, message, help);
        }
        let deaf = self.layers.ports.iter().find(|p| {
            let v = self.values().port(p);
            v.text("desired_state") == "slave" && v.bool("master_only")
        });
        if let Some(port) = deaf {
            let setting = self.layers.port(port, "desired_state");
            let message = "a `master_only` port never follows".to_owned();
            let help = "leave `master_only` out, or make another port the slave";
            self.contradiction("desired_state", setting, message, help);
        }
        let slaves = self.layers.ports.iter().filter(|p| {
            let v = self.values().port(p);
            v.text("desired_state") == "slave"
        });
        if let Some(port) = slaves.clone().nth(1) {
            let setting = self.layers.port(port, "desired_state");
            let message = format!("{} ports are to be slaves", slaves.count());
            let help = "one port can follow; say `master` or `passive` of the others";
            self.contradiction("desired_state", setting, message, help);
        }
    }

    /// Each port has the keys it names.
    fn authentication(&mut self) -> Option<(Database, String)> {
        let keys = match authentication::read(self.values()) {
            Ok(keys) => keys,
            Err(message) => {
                let setting = self.layers.get("authentication.key_file");
                let diagnostic = self.at(Problem::File, message, setting, false);
                self.out.push(diagnostic.key("authentication.key_file"));
                return None;
            }
        };
        let mut told: Vec<*const Setting> = Vec::new();
        for (i, port) in self.layers.ports.iter().enumerate() {
            let v = self.values().port(port);
            let Some((name, message, help)) = authentication::wrong(v, keys.as_ref()) else { continue };
            let setting = v.setting(name);
            if told.contains(&std::ptr::from_ref(setting)) {
                continue;
            }
            told.push(setting);
            let own = port.own.contains_key(name);
            let path = if own { format!("ports[{i}].{name}") } else { name.to_owned() };
            self.contradiction(&path, setting, message, help);
        }
        keys
    }

    fn interfaces(&mut self) {
        let mut first: HashMap<&str, usize> = HashMap::new();
        for (i, port) in self.layers.ports.iter().enumerate() {
            let Some(setting) = port.own.get("interface") else { continue };
            if let Some(before) = first.get(setting.text.as_str()) {
                let message = format!("port {} has this interface already", before + 1);
                self.contradiction(
                    &format!("ports[{i}].interface"),
                    setting,
                    message,
                    "give each port its own",
                );
            } else {
                first.insert(&setting.text, i);
            }
        }
    }

    fn ports(&mut self) {
        let device = self.values().clock_device();
        let device_setting = self.layers.get("clock_device");
        let client_only = self.values().bool("client_only");
        let mut told: Vec<*const Setting> = Vec::new();
        for (i, port) in self.layers.ports.iter().enumerate() {
            let v = self.values().port(port);
            let path = |name: &str| {
                if port.own.contains_key(name) { format!("ports[{i}].{name}") } else { name.into() }
            };
            let stamping = v.setting("stamping");
            let clash = match (v.stamping(), &device) {
                (
                    Stamping::Hardware | Stamping::OneStep | Stamping::P2pOneStep,
                    ClockDevice::System | ClockDevice::Virtual(_),
                ) => Some(format!("hardware stamps are not of the clock `{}`", device_setting.text)),
                (Stamping::Software, ClockDevice::Phc(_)) => {
                    Some(format!("software stamps are not of the clock `{}`", device_setting.text))
                }
                _ => None,
            };
            let own = v.setting("port_clock");
            let own_clash = match (v.stamping(), v.clock("port_clock")) {
                (
                    Stamping::Hardware | Stamping::OneStep | Stamping::P2pOneStep,
                    ClockDevice::System | ClockDevice::Virtual(_),
                ) => Some("hardware"),
                (Stamping::Software, ClockDevice::Phc(_)) => Some("software"),
                _ => None,
            };
            if let Some(kind) = own_clash.filter(|_| !told.contains(&std::ptr::from_ref(own))) {
                told.push(own);
                let message = format!("{kind} stamps are not of the clock `{}`", own.text);
                self.contradiction(&path("port_clock"), own, message, "leave `stamping` or `port_clock` out");
            }
            // What is said once for all ports is wrong once.
            if let Some(message) = clash.filter(|_| !told.contains(&std::ptr::from_ref(stamping))) {
                told.push(stamping);
                self.contradiction(
                    &path("stamping"),
                    stamping,
                    message,
                    "leave `stamping` or `clock_device` out",
                );
            }
            let hybrid = v.setting("hybrid_e2e");
            if v.bool("hybrid_e2e")
                && v.transport() == Transport::Ethernet
                && !told.contains(&std::ptr::from_ref(hybrid))
            {
                told.push(hybrid);
                let message = "`hybrid_e2e` is for UDP, and the transport is `ethernet`".to_owned();
                self.contradiction(
                    &path("hybrid_e2e"),
                    hybrid,
                    message,
                    "leave it out, or write `transport: udp4`",
                );
            }
            let masters = v.setting("unicast_masters");
            if !told.contains(&std::ptr::from_ref(masters))
                && let Some(message) = misplaced_master(v)
            {
                told.push(masters);
                let help = "name masters by addresses of the port's transport";
                self.contradiction(&path("unicast_masters"), masters, message, help);
            }
            let monitor = v.setting("monitor_address");
            if !told.contains(&std::ptr::from_ref(monitor))
                && v.monitor_address().is_some_and(|a| !reaches(v.transport(), a))
            {
                told.push(monitor);
                let message = format!("the monitor is not reached by `{}`", v.text("transport"));
                let help = "give an address of the port's transport, or `multicast`";
                self.contradiction(&path("monitor_address"), monitor, message, help);
            }
            let master_only = v.setting("master_only");
            if v.bool("master_only") && client_only && !told.contains(&std::ptr::from_ref(master_only)) {
                told.push(master_only);
                let message = "a client-only clock has no port that only serves".to_owned();
                self.contradiction(
                    &path("master_only"),
                    master_only,
                    message,
                    "leave `master_only` or `client_only` out",
                );
            }
        }
    }

    fn management(&mut self) {
        let v = self.values();
        let setting = self.layers.get("management.read_only_socket");
        let (both, read_only) =
            (v.text_or_off("management.socket"), v.text_or_off("management.read_only_socket"));
        if both.is_some() && both == read_only {
            let message = "both management sockets have this path".to_owned();
            self.contradiction("management.read_only_socket", setting, message, "give each its own");
        }
    }

    /// What a need depends on was refused, or may have been meant by an unknown key.
    fn is_doubtful(&self, need: Need) -> bool {
        let of = governor(need);
        self.out.iter().any(|d| {
            let is =
                |text: &Option<String>| text.as_deref().is_some_and(|t| t.rsplit('.').next() == Some(of));
            d.problem == Problem::UnknownProfile || is(&d.key) || is(&d.replacement)
        })
    }

    /// Keys written by hand must do something.
    fn effects(&mut self) {
        let mut found = Vec::new();
        for (path, setting) in &self.layers.shared {
            let Some(key) = table::find(path).filter(|_| setting.origin.is_explicit()) else { continue };
            let met = match table::PORT.key(path) {
                Some(_) if self.layers.ports.is_empty() => true,
                Some(_) => self.layers.ports.iter().any(|port| met(key.needs, self.layers, Some(port))),
                None => met(key.needs, self.layers, None),
            };
            if !met {
                found.push((path.clone(), key, setting));
            }
        }
        for (i, port) in self.layers.ports.iter().enumerate() {
            for (name, setting) in &port.own {
                let Some(key) = table::PORT.key(name) else { continue };
                if !met(key.needs, self.layers, Some(port)) {
                    found.push((format!("ports[{i}].{name}"), key, setting));
                }
            }
        }
        found.retain(|(_, key, _)| !self.is_doubtful(key.needs));
        for (path, key, setting) in found {
            self.no_effect(&path, key, setting);
        }
    }

    fn no_effect(&mut self, path: &str, key: &table::Key, setting: &Setting) {
        let message = format!("`{}` has no effect here", key.name);
        let diagnostic = self.at(Problem::NoEffect, message, setting, true).key(path);
        self.out.push(diagnostic.label(reason(key.needs)).help("leave it out"));
    }
}

/// An address is one of this transport.
fn reaches(transport: Transport, address: &MasterAddress) -> bool {
    match address {
        MasterAddress::Ipv4(_) => transport == Transport::UdpIpv4,
        MasterAddress::Ipv6(_) => transport == Transport::UdpIpv6,
        MasterAddress::Ethernet(_) => transport == Transport::Ethernet,
        MasterAddress::Name(_) => transport != Transport::Ethernet,
    }
}

/// What is wrong with a port's unicast masters.
fn misplaced_master(v: Values<'_>) -> Option<String> {
    let masters = v.unicast_masters();
    let transport = v.transport();
    if masters.iter().any(|m| !reaches(transport, &m.address)) {
        return Some(format!("a unicast master is not reached by `{}`", v.text("transport")));
    }
    let twice =
        masters.iter().enumerate().any(|(i, m)| masters.iter().take(i).any(|o| o.address == m.address));
    twice.then(|| "a unicast master stands here twice".to_owned())
}

/// The key has an effect, on a port or at all.
pub(crate) fn met(need: Need, layers: &Layers, port: Option<&PortLayer>) -> bool {
    let values = Values::new(layers);
    let port = port.map(|p| values.port(p));
    let transport = |of: &[Transport]| port.is_none_or(|v| of.contains(&v.transport()));
    let delay = |of: &[DelayMechanism]| port.is_none_or(|v| of.contains(&v.delay_mechanism()));
    let transparent = values.is_transparent();
    let steered = !values.bool("free_running") && !transparent;
    match need {
        Need::Nothing => true,
        Need::Udp => transport(&[Transport::UdpIpv4, Transport::UdpIpv6]),
        Need::Udp4 => transport(&[Transport::UdpIpv4]),
        Need::Udp6 => transport(&[Transport::UdpIpv6]),
        Need::Ethernet => transport(&[Transport::Ethernet]),
        Need::E2e => delay(&[DelayMechanism::E2e, DelayMechanism::Auto]),
        Need::CommonP2p => delay(&[DelayMechanism::CommonP2p]),
        Need::PeerDelay => delay(&[DelayMechanism::P2p, DelayMechanism::CommonP2p, DelayMechanism::Auto]),
        Need::Delay => port.is_none_or(|v| v.delay_mechanism() != DelayMechanism::None),
        Need::Static => values.text("best_master") == "static",
        Need::AsCapable => port.is_none_or(|v| v.text("as_capable") == "auto"),
        Need::GptpCapable => port.is_none_or(|v| v.text("gptp_capable") != "unused"),
        Need::IntervalRequest => port.is_none_or(|v| v.bool("msg_interval_request")),
        Need::Transparent => transparent,
        Need::Steered => steered,
        Need::Adaptive => steered && values.servo_kind() == "adaptive",
        Need::Pi => steered && values.servo_kind() == "pi",
        Need::NtpShm => steered && values.text("servo.kind") == "ntp_shm",
        Need::ChronySock => steered && values.text("servo.kind") == "chrony_sock",
        Need::OffsetThreshold => steered && values.interval("servo.offset_threshold").is_some(),
        Need::Server => !values.bool("client_only") && !transparent,
        Need::Client => port.is_none_or(|v| !v.bool("master_only")) && !transparent,
        Need::G8275 => values.text("best_master") == "g8275",
        Need::G8265 => values.text("best_master") == "g8265",
        Need::Telecom => matches!(values.text("best_master"), "g8265" | "g8275"),
        Need::Power => port.is_none_or(|v| v.text("power_profile") != "none"),
        Need::UnicastClient => port.is_none_or(|v| !v.unicast_masters().is_empty()),
        Need::UnicastServer => port.is_none_or(|v| v.bool("unicast_server") && !values.bool("client_only")),
        Need::External => values.bool("external_port_configuration"),
        Need::AlternateMaster => port.is_none_or(Values::alternates) && !values.bool("client_only"),
        Need::NetSyncMonitor => port.is_none_or(|v| v.bool("net_sync_monitor")),
        Need::SlaveMonitor => port.is_none_or(Values::monitors),
        Need::Accuracy => values.bool("enhanced_accuracy.enable"),
        Need::Evidence => values.path("evidence.directory").is_some(),
        Need::KeyFile => values.path("authentication.key_file").is_some(),
        Need::Spp => port.is_none_or(|v| v.spp().is_some()),
        Need::Smpte => values.bool("smpte.enable"),
        Need::Socket => values.text_or_off("management.socket").is_some(),
        Need::ReadOnlySocket => values.text_or_off("management.read_only_socket").is_some(),
        Need::EventSocket => values.text_or_off("events.socket").is_some(),
        Need::Metrics => values.text_or_off("metrics.listen").is_some(),
        Need::Is(key, words, _) => words.contains(&layers.get(key).text.as_str()),
        Need::IsNot(key, word, _) => layers.get(key).text != word,
    }
}

/// The key a need depends on.
const fn governor(need: Need) -> &'static str {
    match need {
        Need::Nothing => "",
        Need::Udp | Need::Udp4 | Need::Udp6 | Need::Ethernet => "transport",
        Need::E2e | Need::CommonP2p | Need::PeerDelay | Need::Delay => "delay_mechanism",
        Need::Static => "best_master",
        Need::AsCapable => "as_capable",
        Need::GptpCapable => "gptp_capable",
        Need::IntervalRequest => "msg_interval_request",
        Need::Transparent => "clock",
        Need::Steered => "free_running",
        Need::Adaptive | Need::Pi | Need::NtpShm | Need::ChronySock => "servo.kind",
        Need::OffsetThreshold => "servo.offset_threshold",
        Need::Server => "client_only",
        Need::Client => "master_only",
        Need::G8275 | Need::G8265 | Need::Telecom => "best_master",
        Need::Power => "power_profile",
        Need::UnicastClient => "unicast_masters",
        Need::UnicastServer => "unicast_server",
        Need::External => "external_port_configuration",
        Need::AlternateMaster => "alternate_masters",
        Need::NetSyncMonitor => "net_sync_monitor",
        Need::SlaveMonitor => "monitor_rx_sync_timing",
        Need::Accuracy | Need::Smpte => "enable",
        Need::Evidence => "directory",
        Need::KeyFile => "key_file",
        Need::Spp => "spp",
        Need::Socket => "socket",
        Need::ReadOnlySocket => "read_only_socket",
        Need::EventSocket => "events.socket",
        Need::Metrics => "listen",
        Need::Is(key, ..) | Need::IsNot(key, ..) => key,
    }
}

/// Why a key has no effect where its need is not met.
pub(crate) const fn reason(need: Need) -> &'static str {
    match need {
        Need::Nothing => "",
        Need::Udp => "`transport` is not `udp4` or `udp6`",
        Need::Udp4 => "`transport` is not `udp4`",
        Need::Udp6 => "`transport` is not `udp6`",
        Need::Ethernet => "`transport` is not `ethernet`",
        Need::E2e => "`delay_mechanism` is not `e2e`",
        Need::CommonP2p => "`delay_mechanism` is not `common_p2p`",
        Need::PeerDelay => "`delay_mechanism` is not `p2p` or `common_p2p`",
        Need::Delay => "`delay_mechanism` is `none`",
        Need::Static => "`best_master` is not `static`",
        Need::AsCapable => "`as_capable` is not `auto`",
        Need::GptpCapable => "`gptp_capable` is `unused`",
        Need::IntervalRequest => "`msg_interval_request` is `false`",
        Need::Transparent => "`clock` is not `transparent-e2e` or `transparent-p2p`",
        Need::Steered => "`free_running` is `true` or the clock is transparent",
        Need::Adaptive => "`servo.kind` is not `adaptive`",
        Need::Pi => "`servo.kind` is not `pi`",
        Need::NtpShm => "`servo.kind` is not `ntp_shm`",
        Need::ChronySock => "`servo.kind` is not `chrony_sock`",
        Need::OffsetThreshold => "`servo.offset_threshold` is `off`",
        Need::Server => "`client_only` is `true` or the clock is transparent",
        Need::Client => "`master_only` is `true` or the clock is transparent",
        Need::G8275 => "`best_master` is not `g8275`",
        Need::G8265 => "`best_master` is not `g8265`",
        Need::Telecom => "`best_master` is not `g8265` or `g8275`",
        Need::Power => "`power_profile` is `none`",
        Need::UnicastClient => "`unicast_masters` is `off`",
        Need::UnicastServer => "`unicast_server` is `false`",
        Need::External => "`external_port_configuration` is `false`",
        Need::AlternateMaster => "`alternate_masters` is `0`",
        Need::NetSyncMonitor => "`net_sync_monitor` is `false`",
        Need::SlaveMonitor => "no `monitor_` key is `true`",
        Need::Accuracy => "`enhanced_accuracy.enable` is `false`",
        Need::Evidence => "`evidence.directory` is `off`",
        Need::KeyFile => "`authentication.key_file` is `off`",
        Need::Spp => "`spp` is `-1`",
        Need::Smpte => "`smpte.enable` is `false`",
        Need::Socket => "`management.socket` is `off`",
        Need::ReadOnlySocket => "`management.read_only_socket` is `off`",
        Need::EventSocket => "`events.socket` is `off`",
        Need::Metrics => "`metrics.listen` is `off`",
        Need::Is(.., why) | Need::IsNot(.., why) => why,
    }
}
