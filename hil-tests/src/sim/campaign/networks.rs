//! Networks and faults by chance, as scenario files.

use std::fmt::Write as _;

use super::super::Rng;

/// How long a network has to come to rest after the last fault.
const QUIET_S: u32 = 150;
/// Faults in each of the three rounds.
const FAULTS: usize = 6;

/// What kind of network a seed makes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Family {
    /// Ordinary, boundary and transparent clocks of the default profiles, loops, one- and two-step.
    Default,
    /// 802.1AS: end stations and relays.
    Gptp,
    /// G.8275.1: grandmasters of different classes, boundary clocks with holdover, clients.
    Telecom,
    /// Unicast servers, boundary clocks that are both, clients, transparent clocks between them.
    Unicast,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Default, Self::Gptp, Self::Telecom, Self::Unicast];

    /// The family of a seed: of eight, four are default, two gPTP, one telecom, one unicast.
    pub const fn of(seed: u64) -> Self {
        match seed % 8 {
            5 | 6 => Self::Gptp,
            3 => Self::Telecom,
            7 => Self::Unicast,
            _ => Self::Default,
        }
    }
}

/// A network in the making.
struct Plan {
    /// Who is connected with whom: nodes by their number; each end is the next interface of its node.
    links: Vec<Vec<usize>>,
    /// Interfaces of each node.
    ports: Vec<usize>,
    /// `links:`.
    wires: String,
    /// `nodes:`.
    nodes: String,
    /// What each node may be reloaded with.
    reloads: Vec<String>,
}

/// A random network with random faults, as a scenario file.
///
/// Up to eight nodes: a random tree of wires and segments, often with some links more, so that there are loops. Three rounds
/// of faults, each followed by a rest at the end of which everything has to be in order; before the second rest all is
/// mended.
pub fn scenario_text(seed: u64) -> String {
    let mut rng = Rng::new(seed, 77, 0);
    let family = Family::of(seed);
    let plan = match family {
        Family::Default => default(&mut rng),
        Family::Gptp => gptp(&mut rng),
        Family::Telecom => telecom(&mut rng),
        Family::Unicast => unicast(&mut rng),
    };
    let mut at = 0;
    let (mut faults, mut orders) = (String::new(), String::new());
    for round in 0..3 {
        for _ in 0..FAULTS {
            at += 1 + rng.below(20_000) as u32;
            fault(&mut rng, family, at, &plan, &mut faults);
        }
        at += 1_000;
        // Once everything is whole again, twice as it was left.
        if round == 1 {
            for action in ["start", "unsilence", "mend"] {
                let _ = writeln!(faults, "  - {{ at: {at} ms, {action}: all }}");
            }
        }
        // What lasts may last up to four seconds longer.
        at += QUIET_S * 1000 + 4_000;
        let _ = writeln!(orders, "  - {{ in_order: 20 us, at: {at} ms }}");
    }
    let Plan { mut nodes, wires, .. } = plan;
    // What is hunted here is the protocol. The adaptive servo takes ten times as long to calculate: it is in one of eight. What
    // a node reads when it reloads says so, too: else it would change its servo.
    if !(seed / 8).is_multiple_of(8) {
        for text in [&mut nodes, &mut faults] {
            *text = text.replace("servo: { step_threshold", "servo: { kind: pi, step_threshold");
        }
    }
    format!(
        "title: campaign, seed {seed}, {family:?}\nseed: {seed}\nduration: {at} ms\nwatch: true\nnodes:\n{nodes}links:\n{wires}schedule:\n{faults}expect:\n{orders}"
    )
}

/// A share of frames that are lost, doubled or overtaken.
fn roughness(rng: &mut Rng) -> &'static str {
    if rng.chance(0.5) { "1 %" } else { "0" }
}

/// A random tree, and `loops` links more of up to `most` ends.
fn tree(rng: &mut Rng, count: usize, loops: usize, most: usize) -> Vec<Vec<usize>> {
    let mut links: Vec<Vec<usize>> = (1..count).map(|i| vec![rng.below(i), i]).collect();
    for _ in 0..loops {
        let ends = if most > 2 { 2 + rng.below(most - 1) } else { 2 };
        let first = rng.below(count);
        let ends: Vec<usize> = (first..count.min(first + ends)).collect();
        if ends.len() > 1 {
            links.push(ends);
        }
    }
    links
}

impl Plan {
    /// Wires between `count` nodes. `longest`: of their delays, in ns.
    fn new(rng: &mut Rng, links: Vec<Vec<usize>>, count: usize, longest: usize, rough: &str) -> Self {
        let mut ports = vec![0usize; count];
        let mut wires = String::new();
        for (i, ends) in links.iter().enumerate() {
            let _ = write!(wires, "  l{i}: {{ ends: [");
            for (k, node) in ends.iter().enumerate() {
                let _ = write!(wires, "{}'n{node}:eth{}'", if k > 0 { ", " } else { "" }, ports[*node]);
                ports[*node] += 1;
            }
            let delay = 100 + rng.below(longest);
            let _ = write!(
                wires,
                "], delay: {delay} ns, loss: {rough}, duplicate: {rough}, reorder: {rough}, reorder_by: 2 us"
            );
            if rng.chance(0.2) {
                let _ = write!(wires, ", queue: {{ model: gaussian, sigma: {} ns }}", 1 + rng.below(100));
            }
            wires.push_str(" }\n");
        }
        Self { links, ports, wires, nodes: String::new(), reloads: Vec::new() }
    }

    /// Adds a node with a configuration; `rest`: what else is said of it.
    fn node(&mut self, config: &str, reload: String, clock: &str, rest: &str) {
        let i = self.reloads.len();
        let _ = write!(self.nodes, "  n{i}:\n    config: {{ {config} }}\n    clock: {clock}\n{rest}");
        self.reloads.push(reload);
    }
}

/// `ports:` with this said of each interface.
fn interfaces(count: usize, of: impl Fn(usize) -> String) -> String {
    let mut text = String::from("ports: [");
    for p in 0..count {
        let _ = write!(text, "{}{{ interface: eth{p}{} }}", if p > 0 { ", " } else { "" }, of(p));
    }
    text + "]"
}

/// A clock that is wrong at the start.
fn wrong_clock(rng: &mut Rng) -> String {
    let kind = ["crystal", "crystal", "tcxo"][rng.below(3)];
    format!("{{ kind: {kind}, offset_within: 5 ms, frequency_within: 10 ppm }}")
}

/// One transport, delay mechanism and announce interval for all, everything else by chance; transparent clocks where there are
/// no loops.
fn default(rng: &mut Rng) -> Plan {
    let p2p = rng.chance(0.3);
    let path_trace = rng.chance(0.5);
    let two_domains = rng.chance(0.15);
    let rough = roughness(rng);
    let transport = ["ethernet", "ethernet", "udp4", "udp6"][rng.below(4)];
    let log_announce = rng.below(2);
    let log_sync = -(rng.below(4) as i32);
    let count = 2 + rng.below(7);
    let loops = rng.below(4);
    // Peer delay needs exactly one peer: segments are for E2E only.
    let links = tree(rng, count, loops, if p2p { 2 } else { 4 });
    let mut plan = Plan::new(rng, links, count, 2000, rough);
    // In a loop the messages of a transparent clock would go round for ever.
    let transparent = loops == 0 && !two_domains;
    let mechanism = if p2p { "p2p" } else { "e2e" };
    for i in 0..count {
        let ports = plan.ports[i];
        let client_only = ports == 1 && i > 0 && rng.chance(0.2);
        let is_transparent = transparent && ports > 1 && rng.chance(0.3);
        let one_step = !is_transparent && rng.chance(0.15);
        let config = |rng: &mut Rng| {
            let mut c = format!(
                "profile: default-{mechanism}, transport: {transport}, clock: transparent-{mechanism}"
            );
            if !is_transparent {
                c = format!(
                    "profile: default-{mechanism}, transport: {transport}, log_announce_interval: {log_announce}, log_sync_interval: {log_sync}, \
                 path_trace: {path_trace}, max_steps_removed: {}, priority1: {}, priority2: {}, servo: {{ step_threshold: 1ms }}",
                    // Without path trace the Announces of a dead grandmaster go round a loop until they have taken too many steps.
                    if path_trace { 255 } else { 12 },
                    [127, 128, 128, 129][rng.below(4)],
                    [128, 128, 127][rng.below(3)],
                );
                if client_only {
                    c.push_str(", client_only: true");
                }
                if two_domains && i % 3 == 2 {
                    c.push_str(", domain_number: 7");
                }
                if one_step {
                    c.push_str(if p2p { ", stamping: p2p1step" } else { ", stamping: onestep" });
                }
            }
            c + ", " + &interfaces(ports, |_| String::new())
        };
        let first = config(rng);
        let reload = config(rng);
        let clock = wrong_clock(rng);
        // A card may be one-step by itself: what the engine would send after it never leaves.
        let card = !one_step && !is_transparent && rng.chance(0.15);
        let host = if rough != "0" || card {
            format!("    host: {{ stamp_loss: {rough}, one_step: {card} }}\n")
        } else {
            String::new()
        };
        plan.node(&first, reload, &clock, &host);
    }
    plan
}

/// End stations and relays of 802.1AS-2020; wires only, and short ones.
fn gptp(rng: &mut Rng) -> Plan {
    let rough = roughness(rng);
    let count = 2 + rng.below(6);
    let loops = rng.below(3);
    let links = tree(rng, count, loops, 2);
    let mut plan = Plan::new(rng, links, count, 500, rough);
    for i in 0..count {
        let ports = plan.ports[i];
        let config = |rng: &mut Rng| {
            format!(
                "profile: gptp, log_sync_interval: -2, sync_receipt_timeout: {}, relay: {}, priority1: {}, priority2: {}, servo: {{ step_threshold: 1ms }}, {}",
                // Of a hundred Syncs and Follow_Ups one is lost each: three in a row are, now and then.
                if rough == "0" { 3 } else { 8 },
                ports > 1,
                [246, 247, 248, 248][rng.below(4)],
                [248, 248, 247][rng.below(3)],
                interfaces(ports, |_| String::new())
            )
        };
        let (first, reload) = (config(rng), config(rng));
        let clock = wrong_clock(rng);
        plan.node(&first, reload, &clock, "");
    }
    plan
}

/// A tree or ring of boundary clocks with holdover; grandmasters, each of its own class, and clients at its ends.
fn telecom(rng: &mut Rng) -> Plan {
    let rough = roughness(rng);
    let middle = 1 + rng.below(4);
    let grandmasters = 1 + rng.below(2);
    let clients = 1 + rng.below(2);
    let count = middle + grandmasters + clients;
    let loops = rng.below(2);
    let mut links = tree(rng, middle, loops, 2);
    links.extend((middle..count).map(|i| vec![rng.below(middle), i]));
    let mut plan = Plan::new(rng, links, count, 2000, rough);
    let (in_spec, out_of_spec) = (5 + rng.below(30), 40 + rng.below(30));
    for i in 0..count {
        let common = "profile: g8275-1, log_sync_interval: -2, log_min_delay_req_interval: -2, sync_receipt_timeout: 0, log_announce_interval: -1, \
                      max_steps_removed: 12, servo: { step_threshold: 1ms }";
        let ports = interfaces(plan.ports[i], |_| String::new());
        let (kind, clock) = match i.checked_sub(middle) {
            None => (
                format!("holdover: {{ in_spec: {in_spec}s, out_of_spec: {out_of_spec}s }}"),
                wrong_clock(rng),
            ),
            Some(n) if n < grandmasters => {
                (format!("clock_class: {}, clock_accuracy: 0x21", 6 + n), "gnss".to_owned())
            }
            Some(_) => ("client_only: true".to_owned(), wrong_clock(rng)),
        };
        let config = format!("{common}, {kind}, {ports}");
        let reload = match i.checked_sub(middle) {
            Some(n) if n < grandmasters => {
                format!(
                    "{common}, clock_class: {}, clock_accuracy: 0x21, {ports}",
                    [6 + n, 8 + n][rng.below(2)]
                )
            }
            _ => config.clone(),
        };
        plan.node(&config, reload, &clock, "");
    }
    plan
}

/// Two networks: servers, some clients and the boundary clocks' first ports on one, the second ports and more clients on the
/// other; or one network, with a transparent clock between servers and clients.
fn unicast(rng: &mut Rng) -> Plan {
    let rough = roughness(rng);
    let servers = 1 + rng.below(3);
    let boundaries = rng.below(3);
    let clients = 1 + rng.below(3);
    let transparent = boundaries == 0 && rng.chance(0.5);
    let count = servers + boundaries + clients + usize::from(transparent);
    let near: Vec<usize> = (0..servers + boundaries).collect();
    let is_client = |i: &usize| (servers + boundaries..servers + boundaries + clients).contains(i);
    // Clients behind the boundary clocks, or behind the transparent one.
    let behind: Vec<bool> = (0..count).map(|_| boundaries > 0 && rng.chance(0.6)).collect();
    let mut first = near.clone();
    let mut second: Vec<usize> = (servers..servers + boundaries).collect();
    if transparent {
        first.push(count - 1);
        second.push(count - 1);
        second.extend((0..count).filter(is_client));
    } else {
        first.extend((0..count).filter(|i| is_client(i) && !behind[*i]));
        second.extend((0..count).filter(|i| is_client(i) && behind[*i]));
    }
    let links: Vec<Vec<usize>> = [first, second].into_iter().filter(|ends| ends.len() > 1).collect();
    let mut plan = Plan::new(rng, links, count, 2000, rough);
    let log_sync = -(rng.below(4) as i32);
    let duration = [10, 60, 300][rng.below(3)];
    let address = |net: usize, node: usize| format!("10.77.{net}.{}", node + 1);
    let masters = |net: usize, of: std::ops::Range<usize>| {
        let list: Vec<String> = of.map(|n| address(net, n)).collect();
        format!("unicast_masters: [{}], unicast_request_duration: {duration}s", list.join(", "))
    };
    for (i, &behind) in behind.iter().enumerate() {
        let common = format!(
            "transport: udp4, log_announce_interval: 0, log_sync_interval: {log_sync}, servo: {{ step_threshold: 1ms }}"
        );
        let ports = plan.ports[i];
        let serves = "unicast_server: true, multicast: false";
        let (config, reload, clock, addresses) = if i < servers {
            let with = |rng: &mut Rng| {
                format!(
                    "{common}, clock_class: 6, priority1: {}, priority2: {}, {serves}, {}",
                    [127, 128, 128][rng.below(3)],
                    100 + i,
                    interfaces(ports, |_| String::new())
                )
            };
            let (a, mut b) = (with(rng), with(rng));
            if rng.chance(0.3) {
                b = format!("unicast_drain: true, {b}");
            }
            (a, b, "gnss".to_owned(), format!("eth0: {}", address(0, i)))
        } else if i < servers + boundaries {
            let ports = interfaces(ports, |p| match p {
                0 => format!(", multicast: false, {}", masters(0, 0..servers)),
                _ => format!(", master_only: true, {serves}"),
            });
            let c = format!("{common}, priority1: 128, priority2: {}, {ports}", 100 + i);
            let at = format!("eth0: {}, eth1: {}", address(0, i), address(1, i));
            (
                c.clone(),
                c,
                wrong_clock(rng),
                if plan.ports[i] > 1 { at } else { format!("eth0: {}", address(0, i)) },
            )
        } else if is_client(&i) {
            let of = if behind && !transparent {
                masters(1, servers..servers + boundaries)
            } else {
                masters(0, 0..servers)
            };
            let net = usize::from(behind && !transparent);
            let c = format!("{common}, client_only: true, {of}, {}", interfaces(ports, |_| String::new()));
            (c.clone(), c, wrong_clock(rng), format!("eth0: {}", address(net, i)))
        } else {
            let c =
                format!("transport: udp4, clock: transparent-e2e, {}", interfaces(ports, |_| String::new()));
            let at = format!("eth0: {}, eth1: {}", address(0, i), address(1, i));
            (c.clone(), c, wrong_clock(rng), at)
        };
        plan.node(&config, reload, &clock, &format!("    addresses: {{ {addresses} }}\n"));
    }
    plan
}

fn fault(rng: &mut Rng, family: Family, at: u32, plan: &Plan, out: &mut String) {
    let node = rng.below(plan.reloads.len());
    let link = rng.below(plan.links.len());
    let _ = write!(out, "  - {{ at: {at} ms, ");
    let _ = match rng.below(14) {
        0 | 1 => write!(out, "kill: n{node}"),
        2 => write!(out, "stop: n{node}"),
        3..=5 => write!(out, "start: n{node}"),
        6 => write!(out, "cut: l{link}"),
        7 => write!(out, "mend: l{link}"),
        8 => write!(out, "silence: l{link}"),
        9 => write!(out, "unsilence: l{link}"),
        10 => write!(out, "flap: l{link}, for: 300 ms, every: 1 s, times: 3"),
        11 if family != Family::Telecom => {
            write!(out, "manage: n{node}, command: SET PRIORITY1 {}", 126 + rng.below(4))
        }
        11 | 12 => write!(out, "reload: n{node}, config: {{ {} }}", plan.reloads[node]),
        _ => {
            let kinds = [
                "truncated",
                "oversized",
                "mis_domained",
                "garbage",
                "forged_management",
                "forged_signaling",
            ];
            // Requests for other intervals and for service are obeyed where the profile says so: not in these.
            let most = if family == Family::Gptp { 5 } else { 6 };
            let kind = kinds[rng.below(most)];
            write!(out, "attack: {kind}, on: l{link}, for: 3 s, rate: {}", 1 + rng.below(50))
        }
    };
    out.push_str(" }\n");
}
