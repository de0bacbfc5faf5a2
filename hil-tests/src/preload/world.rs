//! The world: programs, the network between them, and time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::wire::{self, Datagram, Place, Said, Wake};
use crate::lab::{LabError, Process};
use crate::sim::Rng;

/// Real time a program may take between two waits before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(30);
/// A program that waits this often without time going on turns in a circle.
const MAX_TURNS: u32 = 10_000;

/// How datagrams travel: `delay_ns`, and on top an exponential deviate of mean `jitter_ns`. Any may overtake another.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// ns.
    pub delay_ns: f64,
    /// ns.
    pub jitter_ns: f64,
}

/// A program to start, as node 1, 2, ... in the order of starting: its address is 10.0.0.n, its interface `eth0`, its
/// hardware clock `/dev/ptp0`.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its log is `<label>.log`.
    pub label: String,
    /// The file.
    pub file: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How far its clock is ahead at the start, ns.
    pub ahead_ns: f64,
    /// Its oscillator's error, ppb.
    pub oscillator_ppb: f64,
    /// Random walk of that error, ppb per square root of a second.
    pub wander_ppb: f64,
}

/// A program's number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Node(usize);

/// A clock's truth at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Since the beginning.
    pub at_ns: u64,
    /// Clock minus true time.
    pub ahead_ns: f64,
    /// The correction its program set, ppb.
    pub frequency_ppb: f64,
}

/// What a program did with its clock, and how much it said.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// At every wait.
    pub moments: Vec<Moment>,
    /// Datagrams sent.
    pub sent: u64,
    /// Waits.
    pub waits: u64,
}

#[derive(Debug)]
struct Running {
    process: Process,
    stream: UnixStream,
    bound: Vec<(u32, Place)>,
    deadline: Option<u64>,
    oscillator_ppb: f64,
    wander_ppb: f64,
    woken: u64,
    turns: u32,
    ended: bool,
    record: Record,
}

#[derive(Debug)]
struct Arrival {
    at: u64,
    order: u64,
    node: usize,
    datagram: Datagram,
}

impl PartialEq for Arrival {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Arrival {}

impl PartialOrd for Arrival {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Arrival {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// Programs in simulated time.
#[derive(Debug)]
pub struct World {
    dir: PathBuf,
    library: PathBuf,
    listener: UnixListener,
    network: Network,
    nodes: Vec<Running>,
    on_the_way: BinaryHeap<Reverse<Arrival>>,
    now: u64,
    sent: u64,
    rng: Rng,
}

impl World {
    /// An empty world; logs go to `dir`, which is there. `library` is what [`super::library`] made.
    ///
    /// # Errors
    /// [`LabError::Io`].
    pub fn new(dir: &Path, library: &Path, network: Network, seed: u64) -> Result<Self, LabError> {
        let path = dir.join("world");
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).map_err(LabError::io("bind the world's socket"))?;
        Ok(Self {
            dir: dir.to_owned(),
            library: library.to_owned(),
            listener,
            network,
            nodes: Vec::new(),
            on_the_way: BinaryHeap::new(),
            now: 0,
            sent: 0,
            rng: Rng::new(seed, 0, 0),
        })
    }

    /// Starts a program and lets it run to its first wait.
    ///
    /// # Errors
    /// [`LabError::Io`]; [`LabError::Wrong`] with its last words if it ends before it waits.
    pub fn start(&mut self, program: &Program) -> Result<Node, LabError> {
        let number = self.nodes.len() + 1;
        let mut command = Command::new(&program.file);
        command
            .args(&program.arguments)
            .env("LD_PRELOAD", &self.library)
            .env("PRELOAD_SOCKET", self.dir.join("world"))
            .env("PRELOAD_NODE", number.to_string())
            .env("PRELOAD_AHEAD_NS", program.ahead_ns.to_string())
            .env_remove("NOTIFY_SOCKET")
            .env_remove("JOURNAL_STREAM");
        let log = self.dir.join(format!("{}.log", program.label));
        let mut process = Process::start(&program.label, command, log)?;
        let mut stream = accept(&self.listener, &mut process)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(LabError::io("set a time limit"))?;
        wire::hello(&mut stream).map_err(LabError::io(format!("hear from {}", program.label)))?;
        self.nodes.push(Running {
            process,
            stream,
            bound: Vec::new(),
            deadline: None,
            oscillator_ppb: program.oscillator_ppb,
            wander_ppb: program.wander_ppb,
            woken: self.now,
            turns: 0,
            ended: false,
            record: Record::default(),
        });
        let node = Node(number - 1);
        self.listen(node.0)?;
        if self.nodes[node.0].ended {
            let process = &mut self.nodes[node.0].process;
            let status = process.ended();
            return Err(LabError::Wrong(format!(
                "{} ended ({status:?}):\n{}",
                program.label,
                process.last_words()
            )));
        }
        Ok(node)
    }

    /// ns since the beginning.
    #[must_use]
    pub const fn now(&self) -> u64 {
        self.now
    }

    /// Lets time go on by so many seconds.
    ///
    /// # Errors
    /// [`LabError::Wrong`] if a program ends, hangs or turns in a circle.
    pub fn run(&mut self, seconds: f64) -> Result<(), LabError> {
        let end = self.now + (seconds * 1e9) as u64;
        loop {
            let due = (0..self.nodes.len()).filter(|i| !self.nodes[*i].ended);
            let due = due.filter_map(|i| self.nodes[i].deadline.map(|at| (at, i))).min();
            let arrival = self.on_the_way.peek().map(|Reverse(a)| a.at);
            let next = due.map(|(at, _)| at).into_iter().chain(arrival).min();
            let Some(next) = next.filter(|at| *at <= end) else {
                self.now = end;
                return Ok(());
            };
            self.now = self.now.max(next);
            let (node, why) = match (arrival, due) {
                (Some(at), _) if at == next => match self.on_the_way.pop() {
                    Some(Reverse(a)) => (a.node, Wake::Packet(a.datagram)),
                    None => continue,
                },
                (_, Some((_, node))) => (node, Wake::Time),
                _ => continue,
            };
            if self.nodes[node].ended {
                continue;
            }
            self.wake(node, &why)?;
            if self.nodes[node].ended {
                let process = &mut self.nodes[node].process;
                return Err(LabError::Wrong(format!("{} ended:\n{}", process.label(), process.last_words())));
            }
        }
    }

    /// Sends a program SIGTERM and lets it end; it does so without time going on by more than two seconds.
    ///
    /// # Errors
    /// [`LabError::Wrong`] if it does not end.
    pub fn stop(&mut self, node: Node) -> Result<ExitStatus, LabError> {
        self.nodes[node.0].process.signal(Signal::SIGTERM)?;
        self.wake(node.0, &Wake::Interrupted)?;
        let until = self.now + 2_000_000_000;
        while !self.nodes[node.0].ended {
            let Some(deadline) = self.nodes[node.0].deadline.filter(|d| *d <= until) else {
                return Err(LabError::Wrong(format!("{} does not end", self.nodes[node.0].process.label())));
            };
            self.now = self.now.max(deadline);
            self.wake(node.0, &Wake::Time)?;
        }
        let process = &mut self.nodes[node.0].process;
        for _ in 0..200 {
            if let Some(status) = process.ended() {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(LabError::Wrong(format!("{} said goodbye and stays", process.label())))
    }

    /// What is known of a program's clock.
    #[must_use]
    pub fn record(&self, node: Node) -> &Record {
        &self.nodes[node.0].record
    }

    /// A program's log so far.
    #[must_use]
    pub fn log(&self, node: Node) -> String {
        self.nodes[node.0].process.log()
    }

    fn wake(&mut self, node: usize, why: &Wake) -> Result<(), LabError> {
        let n = &mut self.nodes[node];
        let passed = (self.now - n.woken) as f64 * 1e-9;
        if passed > 0.0 {
            n.turns = 0;
            n.oscillator_ppb += n.wander_ppb * passed.sqrt() * self.rng.normal();
            n.woken = self.now;
        }
        n.turns += 1;
        if n.turns > MAX_TURNS {
            return Err(LabError::Wrong(format!("{} turns in a circle", n.process.label())));
        }
        let oscillator = n.oscillator_ppb;
        wire::wake(&mut n.stream, self.now, oscillator, why)
            .map_err(LabError::io(format!("wake {}", n.process.label())))?;
        self.listen(node)
    }

    /// Hears a program until it waits, or ends.
    fn listen(&mut self, node: usize) -> Result<(), LabError> {
        loop {
            let n = &mut self.nodes[node];
            match wire::hear(&mut n.stream) {
                Ok(Said::Wait { deadline, ahead, frequency }) => {
                    n.deadline = deadline;
                    n.record.waits += 1;
                    n.record.moments.push(Moment {
                        at_ns: self.now,
                        ahead_ns: ahead,
                        frequency_ppb: frequency,
                    });
                    return Ok(());
                }
                Ok(Said::Bind { fd, at }) => n.bound.push((fd, at)),
                Ok(Said::Close { fd }) => n.bound.retain(|(f, _)| *f != fd),
                Ok(Said::Send { to, from_port, from_path, octets }) => {
                    n.record.sent += 1;
                    let from = match to {
                        Place::Udp { .. } => Place::Udp { address: address_of(node), port: from_port },
                        Place::Local(_) => Place::Local(from_path),
                    };
                    self.send(node, to, from, &octets);
                }
                Err(e)
                    if matches!(e.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) =>
                {
                    n.ended = true;
                    return Ok(());
                }
                Err(e) => {
                    return Err(LabError::Wrong(format!("{}: {e}", n.process.label())));
                }
            }
        }
    }

    fn send(&mut self, sender: usize, to: Place, from: Place, octets: &[u8]) {
        for node in 0..self.nodes.len() {
            for i in 0..self.nodes[node].bound.len() {
                let (fd, at) = self.nodes[node].bound[i];
                let travels = match (to, at) {
                    (Place::Udp { address, port }, Place::Udp { port: bound, .. }) => {
                        let group = address >> 28 == 0xe;
                        port == bound && node != sender && (group || address == address_of(node))
                    }
                    (Place::Local(to), Place::Local(at)) if to == at => {
                        // On one machine: at once.
                        self.arrive(self.now, node, Datagram { fd, from, octets: octets.to_vec() });
                        return;
                    }
                    _ => false,
                };
                if travels {
                    let Network { delay_ns, jitter_ns } = self.network;
                    let delay = delay_ns + jitter_ns * self.rng.exponential();
                    let at = self.now + delay.max(0.0) as u64;
                    self.arrive(at, node, Datagram { fd, from, octets: octets.to_vec() });
                }
            }
        }
    }

    fn arrive(&mut self, at: u64, node: usize, datagram: Datagram) {
        self.sent += 1;
        self.on_the_way.push(Reverse(Arrival { at, order: self.sent, node, datagram }));
    }
}

const fn address_of(node: usize) -> u32 {
    0x0a00_0001 + node as u32
}

fn accept(listener: &UnixListener, process: &mut Process) -> Result<UnixStream, LabError> {
    listener.set_nonblocking(true).map_err(LabError::io("listen"))?;
    for _ in 0..1500 {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).map_err(LabError::io("listen"))?;
                return Ok(stream);
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                if let Some(status) = process.ended() {
                    let words = process.last_words();
                    return Err(LabError::Wrong(format!("{} ended ({status}):\n{words}", process.label())));
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(e) => return Err(LabError::Io { doing: "listen".to_owned(), source: e }),
        }
    }
    Err(LabError::Wrong(format!("{} does not come: is it linked statically?", process.label())))
}
