//! A closed loop: oscillators, paths, messages and servos, with the true error written down.

use std::collections::BinaryHeap;

use ptp_wire::{TimeInterval, TimePoint};

use super::{Direction, Oscillator, Rng, SimClock, Stamps, clock::SECOND};
use crate::Decision;

/// What is to be disciplined with: told every two-way measurement, in the order in which a daemon would know them.
pub trait Driver {
    /// A Sync: receive stamp less transmit stamp, received at `local`.
    fn forward(&mut self, value: TimeInterval, local: TimePoint) -> Option<Decision>;
    /// A Delay_Resp: receive stamp (the master's) less transmit stamp (ours), sent at `local`.
    fn backward(&mut self, value: TimeInterval, local: TimePoint) -> Option<Decision>;
    /// The last decision was carried out; the clock reads `local`.
    fn carried_out(&mut self, _local: TimePoint) {}
    /// From now on another master is followed.
    fn master_changed(&mut self);
    /// Tells the interval between Syncs, s.
    fn set_interval(&mut self, seconds: f64);
    /// No Sync came for four intervals; the clock reads `local`.
    fn silent(&mut self, _local: TimePoint) -> Option<Decision> {
        None
    }
    /// What it holds to be true of its clock against the master at the last sample: the offset, its error bound (99 %) and
    /// the mean square of its innovations over what it expected; `None` while it does not know.
    fn says(&self) -> Option<(f64, f64, f64)> {
        None
    }
}

/// What a servo said of its clock at a Sync, beside the truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// When, s.
    pub at_s: f64,
    /// The true error against its own master, ns.
    pub error_ns: f64,
    /// That is below this with a probability of 99 %, ns: what was left to take back counts.
    pub bound_ns: f64,
    /// Mean square of the innovations over what was expected.
    pub health: f64,
}

/// Something happens to every hop of the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// Master to slave.
    Forward(Direction),
    /// Slave to master.
    Backward(Direction),
    /// Share of the messages that is lost.
    Loss(f64),
    /// The oscillators' frequency jumps, ppb.
    Disturb(f64),
    /// The grandmaster's time jumps, ns; nobody is told.
    Step(f64),
    /// Another grandmaster, wrong by this much against true time, behind another path; the servo is told.
    Failover(f64, Direction, Direction),
    /// Another interval of Sync and Delay_Req, s.
    Interval(f64),
}

/// One experiment's circumstances.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Short name.
    pub name: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// Length, s of true time.
    pub duration_s: f64,
    /// The error is judged from here on, s.
    pub judged_from_s: f64,
    /// The slaves' oscillators.
    pub oscillator: Oscillator,
    /// The slaves' error at the start, ns.
    pub error_ns: f64,
    /// Everybody's stamps.
    pub stamps: Stamps,
    /// Between Syncs, s.
    pub sync_s: f64,
    /// Between Delay_Reqs (mean; each is random), s.
    pub delay_s: f64,
    /// Master to slave.
    pub forward: Direction,
    /// Slave to master.
    pub backward: Direction,
    /// Share of the messages that is lost.
    pub loss: f64,
    /// Slaves in a row; the last one is judged.
    pub hops: usize,
    /// What happens when, s.
    pub events: Vec<(f64, Change)>,
    /// Stamps are the kernel's: PI has the gains for those.
    pub software: bool,
}

/// How it went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The judged (last) clock's error against its grandmaster, ns, at equal distances.
    pub errors: Vec<f32>,
    /// The same of the clocks before it, the one next to the grandmaster first; empty if there are none.
    pub before: Vec<Vec<f32>>,
    /// That distance, s.
    pub probe_s: f64,
    /// Steps the servo asked for.
    pub steps: u32,
    /// What the last clock's servo said at each Sync.
    pub said: Vec<Said>,
}

impl Outcome {
    /// Root of the mean square from one time to another, s; ns.
    pub fn rms(&self, from_s: f64, to_s: f64) -> f64 {
        self.rms_of(&self.errors, from_s, to_s)
    }

    /// The same for each clock in the row, the one next to the grandmaster first.
    pub fn rms_along(&self, from_s: f64, to_s: f64) -> Vec<f64> {
        self.before.iter().chain([&self.errors]).map(|e| self.rms_of(e, from_s, to_s)).collect()
    }

    fn rms_of(&self, errors: &[f32], from_s: f64, to_s: f64) -> f64 {
        let part = self.part(errors, from_s, to_s);
        let sum: f64 = part.iter().map(|e| f64::from(*e).powi(2)).sum();
        (sum / part.len().max(1) as f64).sqrt()
    }

    /// The largest from one time to another, s; ns.
    pub fn max(&self, from_s: f64, to_s: f64) -> f64 {
        self.part(&self.errors, from_s, to_s).iter().fold(0.0, |m, e| f64::from(e.abs()).max(m))
    }

    /// When the error last came within the limit (ns) before `until_s` and stayed there, s.
    pub fn settled(&self, limit: f64, until_s: f64) -> f64 {
        let part = self.part(&self.errors, 0.0, until_s);
        let last = part.iter().rposition(|e| f64::from(e.abs()) > limit);
        last.map_or(0.0, |i| (i + 1) as f64 * self.probe_s)
    }

    fn part<'a>(&self, errors: &'a [f32], from_s: f64, to_s: f64) -> &'a [f32] {
        let at = |s: f64| ((s / self.probe_s).max(0.0) as usize).min(errors.len());
        errors.get(at(from_s)..at(to_s)).unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug)]
enum What {
    SyncOut(usize),
    SyncIn(usize, f64, i64),
    RequestOut(usize),
    RequestIn(usize, f64, i64, TimePoint),
    ResponseIn(usize, TimeInterval, TimePoint),
    Probe,
    Event(usize),
}

struct Entry(i64, u64, What);
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    /// The heap gives the largest first: the earliest.
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (other.0, other.1).cmp(&(self.0, self.1))
    }
}

struct Run<'a> {
    scenario: &'a Scenario,
    clocks: Vec<SimClock>,
    drivers: Vec<Box<dyn Driver>>,
    heap: BinaryHeap<Entry>,
    count: u64,
    now: i64,
    forward: Direction,
    backward: Direction,
    loss: f64,
    sync_s: f64,
    delay_s: f64,
    /// Per hop and purpose, so that one's draws do not move the other's.
    sync_rng: Vec<Rng>,
    request_rng: Vec<Rng>,
    /// Messages so far, per hop: from the master and to it. Another seed begins elsewhere in what was recorded.
    sent: Vec<[usize; 2]>,
    /// Per hop.
    errors: Vec<Vec<f32>>,
    steps: u32,
    /// When a Sync last came, per hop.
    heard: Vec<i64>,
    said: Vec<Said>,
}

fn units(seconds: f64) -> i64 {
    (seconds * SECOND as f64) as i64
}

/// Runs a scenario. `driver` makes one for each hop (1 is next to the grandmaster). The same seed gives the same
/// oscillators and the same network, whatever the servo does.
pub fn run(scenario: &Scenario, seed: u64, driver: &dyn Fn(usize) -> Box<dyn Driver>) -> Outcome {
    let hops = scenario.hops.max(1);
    let mut clocks = vec![SimClock::perfect()];
    for hop in 1..=hops {
        // Neighbours are not wrong in the same way.
        let sign = if hop % 2 == 0 { -1.0 } else { 1.0 };
        let oscillator =
            Oscillator { frequency_ppb: scenario.oscillator.frequency_ppb * sign, ..scenario.oscillator };
        clocks.push(SimClock::new(oscillator, scenario.error_ns * sign, seed, hop as u64));
    }
    let drivers: Vec<_> = (1..=hops).map(driver).collect();
    let stream = |purpose: u64| {
        (0..hops as u64).map(|hop| Rng::stream(seed, 1000 * purpose + hop)).collect::<Vec<_>>()
    };
    let probe_s = (scenario.sync_s * 0.37).clamp(0.02, 1.0);
    let mut run = Run {
        scenario,
        clocks,
        drivers,
        heap: BinaryHeap::new(),
        count: 0,
        now: 0,
        forward: scenario.forward,
        backward: scenario.backward,
        loss: scenario.loss,
        sync_s: scenario.sync_s,
        delay_s: scenario.delay_s,
        sync_rng: stream(1),
        request_rng: stream(2),
        sent: (0..hops).map(|hop| [(seed as usize).wrapping_mul(1009).wrapping_add(hop * 499); 2]).collect(),
        errors: vec![Vec::with_capacity((scenario.duration_s / probe_s) as usize + 1); hops],
        steps: 0,
        heard: vec![0; hops],
        said: Vec::new(),
    };
    run.schedule(probe_s, What::Probe);
    for hop in 0..hops {
        run.drivers[hop].set_interval(run.sync_s);
        let start = scenario.sync_s * run.sync_rng[hop].unit();
        run.schedule(start, What::SyncOut(hop));
        let start = scenario.delay_s * run.request_rng[hop].unit();
        run.schedule(start, What::RequestOut(hop));
    }
    for (i, (at, _)) in scenario.events.iter().enumerate() {
        run.schedule(*at, What::Event(i));
    }
    let end = units(scenario.duration_s);
    while let Some(Entry(at, _, what)) = run.heap.pop() {
        if at > end {
            break;
        }
        run.now = at;
        run.happen(what, probe_s);
    }
    let errors = run.errors.pop().unwrap_or_default();
    Outcome { errors, before: run.errors, probe_s, steps: run.steps, said: run.said }
}

impl Run<'_> {
    fn schedule(&mut self, after_s: f64, what: What) {
        self.count += 1;
        self.heap.push(Entry(self.now + units(after_s), self.count, what));
    }

    /// What the clock shows now, as a daemon would get it in a stamp.
    fn stamp(&mut self, node: usize, hop: usize, sync: bool) -> f64 {
        let clock = &mut self.clocks[node];
        clock.advance(self.now);
        let rng = if sync { &mut self.sync_rng[hop] } else { &mut self.request_rng[hop] };
        clock.stamp(self.scenario.stamps, rng)
    }

    fn local(&self, error_ns: f64) -> TimePoint {
        // 2^-10 ns to 2^-16 ns, and the epoch somewhere in 2023.
        let truth = (i128::from(self.now) << 6) + (1_700_000_000_000_000_000 << 16);
        TimePoint::from_scaled(truth + (error_ns * 65536.0) as i128)
    }

    fn happen(&mut self, what: What, probe_s: f64) {
        match what {
            What::SyncOut(hop) => {
                let sent = self.stamp(hop, hop, true);
                let way = self.forward.draw(self.sent[hop][0], &mut self.sync_rng[hop]);
                self.sent[hop][0] = self.sent[hop][0].wrapping_add(1);
                let lost = self.sync_rng[hop].unit() < self.loss;
                let jitter = self.sync_rng[hop].between(0.95, 1.05);
                if !lost {
                    self.schedule(way * 1e-9, What::SyncIn(hop, sent, self.now));
                }
                self.schedule(self.sync_s * jitter, What::SyncOut(hop));
                if self.now - self.heard[hop] > units(4.0 * self.sync_s) {
                    self.clocks[hop + 1].advance(self.now);
                    let local = self.local(self.clocks[hop + 1].error());
                    let decision = self.drivers[hop].silent(local);
                    self.apply(hop, decision);
                }
            }
            What::SyncIn(hop, sent, at) => {
                let received = self.stamp(hop + 1, hop, true);
                self.heard[hop] = self.now;
                let value = (self.now - at) as f64 / 1024.0 + received - sent;
                let local = self.local(received);
                let decision = self.drivers[hop].forward(TimeInterval::from_nanos_f64(value), local);
                if hop + 1 == self.drivers.len()
                    && decision.is_some_and(|d| d.step.is_none())
                    && let Some((offset, bound_ns, health)) = self.drivers[hop].says()
                {
                    let truth = self.clocks[hop + 1].error() - self.clocks[hop].error();
                    let at_s = self.now as f64 / SECOND as f64;
                    self.said.push(Said { at_s, error_ns: truth, bound_ns: offset.abs() + bound_ns, health });
                }
                self.apply(hop, decision);
            }
            What::RequestOut(hop) => {
                let sent = self.stamp(hop + 1, hop, false);
                let local = self.local(sent);
                let way = self.backward.draw(self.sent[hop][1], &mut self.request_rng[hop]);
                self.sent[hop][1] = self.sent[hop][1].wrapping_add(1);
                let lost = self.request_rng[hop].unit() < self.loss;
                let jitter = self.request_rng[hop].between(0.1, 1.9);
                if !lost {
                    self.schedule(way * 1e-9, What::RequestIn(hop, sent, self.now, local));
                }
                self.schedule(self.delay_s * jitter, What::RequestOut(hop));
            }
            What::RequestIn(hop, sent, at, local) => {
                let received = self.stamp(hop, hop, false);
                let value = (self.now - at) as f64 / 1024.0 + received - sent;
                let back = self.forward.delay_ns * 1e-9;
                self.schedule(back, What::ResponseIn(hop, TimeInterval::from_nanos_f64(value), local));
            }
            What::ResponseIn(hop, value, local) => {
                let decision = self.drivers[hop].backward(value, local);
                self.apply(hop, decision);
            }
            What::Probe => {
                let now = self.now;
                for clock in &mut self.clocks {
                    clock.advance(now);
                }
                let master = self.clocks.first().map_or(0.0, SimClock::error);
                for (errors, clock) in self.errors.iter_mut().zip(self.clocks.iter().skip(1)) {
                    errors.push((clock.error() - master) as f32);
                }
                self.schedule(probe_s, What::Probe);
            }
            What::Event(i) => self.change(self.scenario.events[i].1),
        }
    }

    fn apply(&mut self, hop: usize, decision: Option<Decision>) {
        let Some(decision) = decision else { return };
        let now = self.now;
        let clock = &mut self.clocks[hop + 1];
        clock.advance(now);
        clock.steer(decision.frequency_ppb);
        if let Some(by) = decision.step {
            clock.step(by.nanos_f64());
            self.steps += 1;
        }
        let local = self.local(self.clocks[hop + 1].error());
        self.drivers[hop].carried_out(local);
    }

    fn change(&mut self, change: Change) {
        let now = self.now;
        for clock in &mut self.clocks {
            clock.advance(now);
        }
        match change {
            Change::Forward(d) => self.forward = d,
            Change::Backward(d) => self.backward = d,
            Change::Loss(p) => self.loss = p,
            Change::Disturb(ppb) => self.clocks.iter_mut().skip(1).for_each(|c| c.disturb(ppb)),
            Change::Step(ns) => self.clocks[0].step(ns),
            Change::Failover(bias, forward, backward) => {
                let old = self.clocks[0].error();
                self.clocks[0].step(bias - old);
                (self.forward, self.backward) = (forward, backward);
                self.drivers[0].master_changed();
            }
            Change::Interval(seconds) => {
                self.delay_s *= seconds / self.sync_s;
                self.sync_s = seconds;
                self.drivers.iter_mut().for_each(|d| d.set_interval(seconds));
            }
        }
    }
}
