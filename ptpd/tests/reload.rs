//! What a reload applies, key by key: for each key of the table another value is found that is good, and what a running
//! daemon has after the reload is held against what it would have started with.

use std::path::Path;

use ptp_config::{Loaded, Overrides, Problem, diff, json_schema, load_octets};
use ptp_wire::ClockIdentity;
use ptpd::engine::{Engine, Event, Input, Instant, Output};
use ptpd::host;

/// Configurations in which different keys have an effect.
const CONTEXTS: &[&str] = &[
    "",
    "transport: udp6",
    "transport: ethernet",
    "delay_mechanism: p2p",
    "delay_mechanism: common_p2p",
    "clock: transparent-e2e",
    "best_master: g8275",
    "best_master: g8265",
    "best_master: static",
    "unicast_masters: [192.0.2.1]",
    "unicast_server: true",
    "unicast_server: true\nmulticast: false",
    "external_port_configuration: true",
    "alternate_masters: 2",
    "net_sync_monitor: true",
    "monitor_rx_sync_timing: true",
    "enhanced_accuracy: {enable: true}",
    "smpte: {enable: true}",
    "power_profile: 2017",
    "as_capable: auto\ndelay_mechanism: p2p",
    "gptp_capable: send\ndelay_mechanism: p2p",
    "msg_interval_request: true",
    "servo: {kind: pi}",
    "servo: {kind: ntp_shm}",
    "servo: {kind: chrony_sock}",
    "servo: {offset_threshold: 1us}",
    "evidence: {directory: /tmp/x}",
    "metrics: {listen: '127.0.0.1:9320'}",
    "events: {socket: /tmp/x}",
    "client_only: true",
    "servo: {transfer: limited}",
    "best_master: g8275\nholdover: {in_spec: 1h}",
    "best_master: g8275\nholdover: {in_spec: 2h, max_error: 1us}",
];

/// Keys that act elsewhere: in the log, and with a key file, which is read again with each reload (both: tests/daemon.rs).
const ELSEWHERE: &[&str] = &[
    "log.level",
    "log.parts",
    "spp",
    "active_key_id",
    "authentication.key_file",
    "authentication.insecure_file",
];

fn load(text: &str) -> Option<Loaded> {
    load_octets(Path::new("ptpd.yaml"), text.as_bytes(), &[], &Overrides::default()).ok()
}

/// Values that may be good for a key, from what its schema says.
fn candidates(schema: &serde_json::Value) -> Vec<String> {
    let mut all = Vec::new();
    let kinds =
        schema.get("anyOf").and_then(|a| a.as_array()).cloned().unwrap_or_else(|| vec![schema.clone()]);
    for kind in kinds {
        if let Some(words) = kind["enum"].as_array() {
            all.extend(words.iter().filter_map(|w| w.as_str()).map(str::to_owned));
        }
        for end in ["minimum", "maximum", "exclusiveMinimum"] {
            if let Some(n) = kind[end].as_f64() {
                all.extend([n, n + 1.0, n - 1.0, n / 2.0].map(|n| n.to_string()));
            }
        }
    }
    // Forms of the other kinds; what does not fit is refused.
    all.extend(
        [
            "true",
            "false",
            "1",
            "2",
            "3",
            "100",
            "10",
            "0x20",
            "1us",
            "5us",
            "1ms",
            "1s",
            "2s",
            "20s",
            "1h",
            "2h",
            "1ppm",
            "7ppm",
            "/tmp/reload",
            "'127.0.0.1:9399'",
            "0600",
            "off",
            "auto",
            "[192.0.2.7]",
            "[192.0.2.0/24]",
            "[001b19.fffe.000001-1]",
            "['1 Europe/Berlin']",
            "['1 X 3600']",
            "[servo=debug]",
            "00:1b:19:00:01:07",
            "001b19.fffe.000007",
            "224.0.1.130",
            "ff0e::182",
            "virtual:/tmp/reload",
            "phc3",
            "nobody",
            "192.0.2.9",
            "gnss",
            "text",
            "'a;b'",
            "'a;b;c'",
            "AB:CD:EF",
            "01:80:c2",
            "25",
            "30/1",
            "'2026-01-01'",
        ]
        .map(str::to_owned),
    );
    all
}

/// A transparent clock has two ports at least.
fn ports(context: &str) -> &'static str {
    match context.contains("transparent") {
        true => "ports: [{interface: eth0}, {interface: eth1}]\n",
        false => "ports:\n  - interface: eth0\n",
    }
}

/// A key written at its place, over a context that does not say it.
fn with(context: &str, section: &str, key: &str, value: &str) -> String {
    let ports = ports(context);
    if section.is_empty() {
        return format!("{context}\n{key}: {value}\n{ports}");
    }
    let opening = format!("{section}: {{");
    let (own, others): (Vec<&str>, Vec<&str>) = context.lines().partition(|l| l.starts_with(&opening));
    let others = others.join("\n");
    match own.first().and_then(|l| l.strip_prefix(&opening)).and_then(|rest| rest.strip_suffix('}')) {
        Some(rest) => {
            let rest: String = rest
                .split(", ")
                .filter(|p| !p.starts_with(&format!("{key}:")))
                .map(|p| format!("{p}, "))
                .collect();
            format!("{others}\n{section}: {{{rest}{key}: {value}}}\n{ports}")
        }
        None => format!("{context}\n{section}: {{{key}: {value}}}\n{ports}"),
    }
}

/// A value of the key's kind, whatever else stands against it.
fn is_of_its_kind(section: &str, key: &str, value: &str) -> bool {
    let text = with("", section, key, value);
    let read = load_octets(Path::new("ptpd.yaml"), text.as_bytes(), &[], &Overrides::default());
    let form = |problem| matches!(problem, Problem::WrongType | Problem::OutOfRange | Problem::Syntax);
    read.err().is_none_or(|wrong| wrong.as_slice().iter().all(|d| !form(d.problem)))
}

fn started(loaded: &Loaded) -> host::Settings {
    host::settings(&loaded.config).expect("one port")
}

fn engine(settings: &host::Settings) -> Engine {
    let mut config = settings.instance.clone();
    if config.clock_identity == ClockIdentity([0; 8]) {
        config.clock_identity = ClockIdentity::from_mac([2, 0, 0, 0, 0, 1]);
    }
    Engine::new(config, 1, Instant(0))
}

/// Takes one key through a reload. What is wrong with it, or that it changed nothing here.
fn reload(old: &Loaded, new: &Loaded, path: &str) -> Option<Result<bool, String>> {
    let changes = diff(old, new);
    let [change] = changes.as_slice() else { return None };
    assert_eq!(change.key, path);
    let taken = match old.taken_over(new) {
        Ok(taken) => taken,
        Err(e) => return Some(Err(format!("refused: {e}"))),
    };
    let text = |what: &dyn std::fmt::Debug| format!("{what:?}");
    if !change.is_live() {
        let same = text(&started(&taken)) == text(&started(old)) && diff(old, &taken).is_empty();
        return Some(if same {
            Ok(false)
        } else {
            Err("it needs a restart, and changes all the same".into())
        });
    }
    let mut wanted = started(new);
    let mut running = started(old);
    let mut machine = engine(&running);
    running.take_over(started(&taken));
    // How sockets are read is a matter of speed only, and decided when they are opened.
    for (network, own) in wanted.networks.iter_mut().zip(&running.networks) {
        network.batch = own.batch;
    }
    if text(&running) != text(&wanted) {
        return Some(Err("the daemon does not take it over".into()));
    }
    let mut told = wanted.instance.clone();
    told.clock_identity = machine.config().clock_identity;
    machine.handle(Instant(1), Input::Configure(&told));
    if text(machine.config()) != text(&told) {
        return Some(Err(format!("the engine has {:?}, not {told:?}", machine.config())));
    }
    while let Some(output) = machine.poll() {
        if let Output::Event(Event::ReloadNeedsRestart { setting }) = output {
            return Some(Err(format!("the engine says that {setting} needs a restart")));
        }
    }
    // Where the settings are the same, the key acts elsewhere: log levels, and keys of files.
    Some(Ok(text(&wanted) != text(&started(old))))
}

#[test]
fn every_key_is_applied_by_a_reload_or_needs_a_restart() {
    let schema = json_schema();
    let top = schema["properties"].as_object().expect("keys");
    let mut keys: Vec<(String, String, &serde_json::Value)> = Vec::new();
    for (name, of) in top {
        match of["properties"].as_object() {
            Some(section) => keys.extend(section.iter().map(|(key, of)| (name.clone(), key.clone(), of))),
            None if ["ports", "profile", "conformance"].contains(&name.as_str()) => {}
            None => keys.push((String::new(), name.clone(), of)),
        }
    }
    let of = |context: &&'static str| Some((*context, load(&format!("{context}\n{}", ports(context)))?));
    let contexts: Vec<(&str, Loaded)> = CONTEXTS.iter().filter_map(of).collect();
    assert_eq!(contexts.len(), CONTEXTS.len(), "a context is no configuration");
    let mut elsewhere = 0;
    let (mut applied, mut restart, mut idle, mut missing, mut wrong) =
        (0, 0, Vec::new(), Vec::new(), Vec::new());
    for (section, key, of) in &keys {
        let path = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
        if ELSEWHERE.contains(&path.as_str()) {
            elsewhere += 1;
            continue;
        }
        let mut seen = None;
        let mut values = candidates(of);
        values.retain(|value| is_of_its_kind(section, key, value));
        'found: for (context, old) in &contexts {
            if section.is_empty() && context.lines().any(|l| l.starts_with(&format!("{key}:"))) {
                continue;
            }
            for value in &values {
                let Some(new) = load(&with(context, section, key, value)) else { continue };
                match reload(old, &new, &path) {
                    // One that shows is looked for, where there can be one.
                    Some(Ok(false)) if ptp_config::is_live(&path) => seen = Some(Ok(false)),
                    None => {}
                    Some(other) => {
                        seen = Some(other);
                        break 'found;
                    }
                }
            }
        }
        match seen {
            Some(Ok(true)) => applied += 1,
            Some(Ok(false)) if ptp_config::is_live(&path) => idle.push(path),
            Some(Ok(false)) => restart += 1,
            Some(Err(e)) => wrong.push(format!("{path}: {e}")),
            None => missing.push(path),
        }
    }
    println!("{applied} keys are applied, {restart} need a restart");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(idle, Vec::<String>::new());
    assert_eq!(missing, Vec::<String>::new());
    assert_eq!(elsewhere, ELSEWHERE.len(), "one of them is no key");
    assert!(applied > 100 && restart > 30, "{applied}, {restart}");
}

#[test]
fn ports_that_come_or_go_need_a_restart_and_the_others_are_configured() {
    let old = load("ports: [{interface: eth0}, {interface: eth1}]\n").expect("good");
    let new = load(
        "priority1: 7\nports: [{interface: eth2}, {interface: eth1, log_sync_interval: -3, transport: ethernet}]\n",
    );
    let new = new.expect("good");
    let changes = diff(&old, &new);
    let named: Vec<String> = changes.iter().filter(|c| !c.is_live()).map(ToString::to_string).collect();
    assert_eq!(named, ["eth0: port removed", "eth1: transport from udp4 to ethernet", "eth2: port added"]);
    let taken = old.taken_over(&new).expect("it fits");
    let ports: Vec<_> =
        taken.config.ports.iter().map(|p| (p.interface.as_str(), p.log_sync_interval.0)).collect();
    assert_eq!((taken.config.priority1, ports), (7, vec![("eth0", 0), ("eth1", -3)]));
    assert_eq!(taken.config.ports[1].transport, old.config.ports[1].transport);
}
