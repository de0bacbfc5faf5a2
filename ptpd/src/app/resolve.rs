//! Host names of unicast masters: looked up by a thread of their own, since the C library's resolver may wait for many
//! seconds, and again each minute, since names move.
//!
//! The thread exists only where a configuration has names; it takes no part in the protocol.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use ptp_wire::PortNumber;
use ptpd::engine::{Address, InstanceConfig, MasterAddress, Transport};
use tracing::{info, warn};

/// Between two lookups of a name.
const REPEAT_NS: u64 = 60_000_000_000;
/// While an answer is awaited, it is looked for this often.
const WAIT_NS: u64 = 20_000_000;

/// A name of one port's table.
#[derive(Debug)]
struct Entry {
    port: PortNumber,
    index: usize,
    name: String,
    transport: Transport,
    now_at: Option<Address>,
    /// When it is looked up again; `None`: it is being looked up.
    due: Option<u64>,
    said: bool,
}

struct Job {
    entry: usize,
    name: String,
}

/// What a lookup gave.
type Answer = (usize, Result<Vec<IpAddr>, String>);

/// All names of a configuration.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    entries: Vec<Entry>,
    thread: Option<(Sender<Job>, Receiver<Answer>)>,
}

impl Resolver {
    /// Takes note of the names there are; nothing is looked up yet.
    pub(crate) fn new(config: &InstanceConfig) -> Self {
        let mut entries = Vec::new();
        for (port, number) in config.ports.iter().zip(1..) {
            let masters = port.unicast_client.iter().flat_map(|c| &c.masters).enumerate();
            entries.extend(masters.filter_map(|(index, master)| match &master.address {
                MasterAddress::Named(name) => Some(Entry {
                    port: PortNumber(number),
                    index,
                    name: name.clone(),
                    transport: port.transport,
                    now_at: None,
                    due: Some(0),
                    said: false,
                }),
                MasterAddress::Known(_) => None,
            }));
        }
        Self { entries, thread: None }
    }

    /// When to call [`Resolver::run`] at the latest.
    pub(crate) fn next_deadline(&self, now: u64) -> Option<u64> {
        self.entries.iter().map(|e| e.due.unwrap_or(now + WAIT_NS)).min()
    }

    /// Asks for what is due and takes one answer that changes something.
    pub(crate) fn run(&mut self, now: u64) -> Option<(PortNumber, usize, Option<Address>)> {
        if self.entries.is_empty() {
            return None;
        }
        let (jobs, answers) = self.thread.get_or_insert_with(start);
        for (i, entry) in self.entries.iter_mut().enumerate() {
            if entry.due.is_some_and(|at| at <= now) {
                let sent = jobs.send(Job { entry: i, name: entry.name.clone() });
                entry.due = sent.is_err().then_some(now + REPEAT_NS);
            }
        }
        loop {
            match answers.try_recv() {
                Ok((i, answer)) => {
                    let Some(entry) = self.entries.get_mut(i) else { continue };
                    entry.due = Some(now + REPEAT_NS);
                    if let Some(address) = entry.take(answer) {
                        return Some((entry.port, entry.index, Some(address)));
                    }
                }
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => {
                    self.thread = None;
                    return None;
                }
            }
        }
    }
}

impl Entry {
    /// The address to use from now on, if it is another one. A name that cannot be looked up any more keeps its last.
    fn take(&mut self, answer: Result<Vec<IpAddr>, String>) -> Option<Address> {
        let found: Vec<_> = match answer {
            Ok(found) => found
                .into_iter()
                .filter_map(|a| match (a, self.transport) {
                    (IpAddr::V4(a), Transport::UdpIpv4) => Some(Address::Ipv4(a)),
                    (IpAddr::V6(a), Transport::UdpIpv6) => Some(Address::Ipv6(a)),
                    _ => None,
                })
                .collect(),
            Err(e) => {
                if !std::mem::replace(&mut self.said, true) {
                    warn!("unicast master {}: {e}; tried again each minute", self.name);
                }
                return None;
            }
        };
        let Some(first) = found.first().copied() else {
            if !std::mem::replace(&mut self.said, true) {
                warn!(
                    "unicast master {} has no address of the port's transport; tried again each minute",
                    self.name
                );
            }
            return None;
        };
        self.said = false;
        // Of several, the one that is in use stays.
        if self.now_at.is_some_and(|a| found.contains(&a)) {
            return None;
        }
        info!("unicast master {} is {first}", self.name);
        self.now_at = Some(first);
        Some(first)
    }
}

fn start() -> (Sender<Job>, Receiver<Answer>) {
    let (to, jobs) = channel::<Job>();
    let (answers, from) = channel();
    std::thread::spawn(move || {
        // Ends with the daemon's end of either channel.
        for job in jobs {
            let answer = (job.name.as_str(), 0)
                .to_socket_addrs()
                .map(|found| found.map(|a| a.ip()).collect())
                .map_err(|e| e.to_string());
            if answers.send((job.entry, answer)).is_err() {
                return;
            }
        }
    });
    (to, from)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use ptp_wire::{ClockIdentity, LogInterval};
    use ptpd::engine::{PortConfig, UnicastClientConfig, UnicastMaster};

    use super::*;

    fn resolver(names: &[&str]) -> Resolver {
        let mut port = PortConfig::new("eth0");
        port.unicast_client = Some(UnicastClientConfig {
            masters: names
                .iter()
                .map(|n| UnicastMaster { address: MasterAddress::Named((*n).into()), local_priority: 128 })
                .collect(),
            duration: 60,
            log_query_interval: LogInterval(0),
        });
        Resolver::new(&InstanceConfig::new(ClockIdentity::ZERO, vec![port]))
    }

    #[test]
    fn localhost_is_found_and_told_once() {
        let mut r = resolver(&["localhost"]);
        let mut found = None;
        for now in 0..500 {
            found = r.run(now);
            if found.is_some() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(found, Some((PortNumber(1), 0, Some(Address::Ipv4(Ipv4Addr::LOCALHOST)))));
        assert!(r.next_deadline(0) >= Some(REPEAT_NS));
        assert_eq!(r.run(1000), None);
    }

    #[test]
    fn of_several_addresses_the_one_in_use_stays() {
        let mut r = resolver(&["gm"]);
        let [entry] = &mut r.entries[..] else { panic!("one name") };
        let ip = |n| IpAddr::V4(Ipv4Addr::new(192, 0, 2, n));
        assert_eq!(entry.take(Ok(vec!["::1".parse().expect("an address")])), None);
        assert_eq!(entry.take(Ok(vec![ip(1), ip(2)])), Some(Address::Ipv4(Ipv4Addr::new(192, 0, 2, 1))));
        assert_eq!(entry.take(Ok(vec![ip(2), ip(1)])), None);
        assert_eq!(entry.take(Err("no server".into())), None);
        assert_eq!(entry.take(Ok(vec![ip(3)])), Some(Address::Ipv4(Ipv4Addr::new(192, 0, 2, 3))));
    }
}
