//! Scenarios that nobody chose: everything an [`Experiment`](super::run) knows, drawn at random, so that a servo cannot be
//! fitted to them.

use core::fmt::Write;

use super::{Change, Direction, Oscillator, Queue, Rng, Scenario, Stamps};

/// At most so many Syncs on the way to the last clock, over all hops.
const MESSAGES: f64 = 24_000.0;

/// Between `from` and `to`, each order of magnitude as likely.
fn scale(rng: &mut Rng, from: f64, to: f64) -> f64 {
    (from.ln() + rng.unit() * (to / from).ln()).exp()
}

fn queue(rng: &mut Rng, mean_ns: f64) -> Queue {
    match rng.below(4) {
        0 => Queue::Exponential { p: rng.between(0.02, 1.0), mean_ns },
        1 => Queue::Uniform { p: rng.between(0.02, 1.0), up_to_ns: 2.0 * mean_ns },
        2 => {
            let shape = 1 + rng.below(5) as u32;
            Queue::Gamma { shape, mean_ns: mean_ns / f64::from(shape) }
        }
        _ => {
            let shape = rng.between(1.6, 5.0);
            Queue::HeavyTail { shape, scale_ns: mean_ns * (shape - 1.0) }
        }
    }
}

/// Both directions have the same length: another one cannot be known.
fn directions(rng: &mut Rng) -> [Direction; 2] {
    let still = Direction::still(scale(rng, 100.0, 2e7));
    let mut both = [still; 2];
    if rng.chance(0.5) {
        let noise = |rng: &mut Rng| scale(rng, 1.0, 5000.0).min(still.delay_ns / 8.0);
        let noise_ns = noise(rng);
        both.iter_mut().for_each(|d| d.noise_ns = noise_ns);
        if rng.chance(0.4) {
            both[1].noise_ns = noise(rng);
        }
    }
    if rng.chance(0.6) {
        let mean = scale(rng, 30.0, 1e5);
        let one = queue(rng, mean);
        let kind = rng.below(5);
        if kind > 0 {
            both[0].queue = one;
        }
        match kind {
            0 => both[1].queue = one,
            1 => {}
            2 => {
                let other = mean * scale(rng, 0.1, 10.0);
                both[1].queue = queue(rng, other);
            }
            _ => both[1].queue = one,
        }
    }
    both
}

/// The oscillator of this number; always the same one.
pub fn random_oscillator(number: u64) -> Oscillator {
    oscillator(&mut Rng::new(number, 73, 0))
}

fn oscillator(rng: &mut Rng) -> Oscillator {
    let most = if rng.chance(0.2) { 500_000.0 } else { 20_000.0 };
    let mut o = Oscillator::crystal(rng.between(-most, most));
    o.wander_ppb = scale(rng, 1e-3, 10.0);
    if rng.chance(0.3) {
        o.ageing_ppb_per_day = rng.between(-200.0, 200.0);
    }
    if rng.chance(0.3) {
        o.swing_ppb = scale(rng, 1.0, 300.0);
        o.swing_period_s = scale(rng, 200.0, 10_000.0);
    }
    o
}

/// Draws from its own stream: how many numbers one thing takes moves nothing else.
fn events(rng: &mut Rng, s: &Scenario) -> Vec<(f64, Change)> {
    let mut all = Vec::new();
    let when = |rng: &mut Rng, from: f64, to: f64| {
        s.judged_from_s + rng.between(from, to) * (s.duration_s - s.judged_from_s)
    };
    let (mut down, mut up) = (s.forward, s.backward);
    let longer =
        |rng: &mut Rng, d: Direction| Direction { delay_ns: d.delay_ns + scale(rng, 20.0, 2e4), ..d };
    for _ in 0..rng.below(3) {
        match rng.below(12) {
            0..=2 => {
                // A load that comes and goes, in one direction or in both.
                let (from, to) = (when(rng, 0.05, 0.5), when(rng, 0.55, 0.95));
                let mean = scale(rng, 300.0, 5e4);
                let ways = rng.below(3);
                if ways != 1 {
                    let queue = queue(rng, mean);
                    all.push((from, Change::Forward(Direction { queue, ..down })));
                    all.push((to, Change::Forward(down)));
                }
                if ways != 0 {
                    let mean = mean * scale(rng, 0.2, 5.0);
                    let queue = queue(rng, mean);
                    all.push((from, Change::Backward(Direction { queue, ..up })));
                    all.push((to, Change::Backward(up)));
                }
                // A path that changes during the load would be taken back at its end.
                return all;
            }
            3 => {
                down = longer(rng, down);
                all.push((when(rng, 0.2, 0.8), Change::Forward(down)));
                return all;
            }
            4 => {
                up = longer(rng, up);
                all.push((when(rng, 0.2, 0.8), Change::Backward(up)));
                return all;
            }
            5 => {
                let (at, by) = (when(rng, 0.2, 0.8), scale(rng, 20.0, 2e4));
                all.push((at, Change::Forward(Direction { delay_ns: down.delay_ns + by, ..down })));
                all.push((at, Change::Backward(Direction { delay_ns: up.delay_ns + by, ..up })));
                return all;
            }
            6 => {
                all.push((when(rng, 0.05, 0.5), Change::Loss(rng.between(0.2, 0.9))));
                all.push((when(rng, 0.55, 0.95), Change::Loss(s.loss)));
            }
            7 | 8 => {
                let sign = if rng.chance(0.5) { 1.0 } else { -1.0 };
                all.push((when(rng, 0.1, 0.8), Change::Disturb(sign * scale(rng, 5.0, 5_000.0))));
            }
            9 => {
                let sign = if rng.chance(0.5) { 1.0 } else { -1.0 };
                all.push((when(rng, 0.1, 0.8), Change::Step(sign * scale(rng, 30.0, 1e7))));
            }
            10 => {
                let [forward, backward] = directions(rng);
                let bias = rng.between(-500.0, 500.0);
                all.push((when(rng, 0.1, 0.8), Change::Failover(bias, forward, backward)));
                return all;
            }
            _ => {
                let by = 2f64.powi(rng.below(5) as i32 - 2);
                all.push((when(rng, 0.2, 0.8), Change::Interval((s.sync_s * by).max(1.0 / 128.0))));
            }
        }
    }
    all
}

/// The scenario of this number; always the same one.
pub fn random(number: u64) -> Scenario {
    let mut rng = Rng::new(number, 71, 0);
    let sync_s = 2f64.powi(rng.below(15) as i32 - 7);
    let delay_s = if rng.chance(0.5) { sync_s } else { sync_s * scale(&mut rng, 0.25, 16.0) };
    let granularity_ns = if rng.chance(0.2) { 0.0 } else { scale(&mut rng, 1.0, 1000.0).round() };
    let noise_ns = if rng.chance(0.5) { 0.0 } else { scale(&mut rng, 0.3, 100.0) };
    let [forward, backward] = directions(&mut rng);
    let loss = if rng.chance(0.7) { 0.0 } else { rng.between(0.0, 0.5) };
    let hops = if rng.chance(0.8) { 1 } else { 2 + rng.below(7) };
    let least = (2000.0 * sync_s).max(600.0).max(600.0 * delay_s);
    let duration_s = least.min(MESSAGES * sync_s / hops as f64).max(300.0 * sync_s.max(delay_s));
    let mut s = Scenario {
        name: "random",
        about: "everything drawn at random",
        duration_s,
        judged_from_s: duration_s * 0.3,
        oscillator: oscillator(&mut rng),
        error_ns: scale(&mut rng, 100.0, 1e9) * if rng.chance(0.5) { 1.0 } else { -1.0 },
        stamps: Stamps { granularity_ns, noise_ns },
        sync_s,
        delay_s,
        forward,
        backward,
        loss,
        hops,
        events: vec![],
        software: granularity_ns == 0.0 && forward.noise_ns > 200.0,
    };
    s.events = events(&mut Rng::new(number, 72, 0), &s);
    s
}

/// In one line, for people.
pub fn describe(s: &Scenario) -> String {
    let way = |d: &Direction| {
        let queue = match d.queue {
            Queue::None => String::new(),
            Queue::Exponential { p, mean_ns } => format!(" exp {p:.2} of {mean_ns:.0}"),
            Queue::Uniform { p, up_to_ns } => format!(" uniform {p:.2} of {up_to_ns:.0}"),
            Queue::Gamma { shape, mean_ns } => format!(" gamma {shape} of {mean_ns:.0}"),
            Queue::HeavyTail { shape, scale_ns } => format!(" tail {shape:.1} of {scale_ns:.0}"),
            Queue::Recorded(waits) => format!(" recorded {}", waits.len()),
        };
        format!("{:.0}+-{:.0}{queue}", d.delay_ns, d.noise_ns)
    };
    let o = &s.oscillator;
    let mut out = format!(
        "{}/s, requests {:.3}/s, stamps {:.0}+-{:.1}, down {}, up {}, loss {:.2}, hops {}, start {:.0} ns {:.0} ppb, wander {:.3}",
        1.0 / s.sync_s,
        1.0 / s.delay_s,
        s.stamps.granularity_ns,
        s.stamps.noise_ns,
        way(&s.forward),
        way(&s.backward),
        s.loss,
        s.hops,
        s.error_ns,
        o.frequency_ppb,
        o.wander_ppb
    );
    if o.ageing_ppb_per_day != 0.0 {
        let _ = write!(out, ", ageing {:.0} ppb/day", o.ageing_ppb_per_day);
    }
    if o.swing_ppb != 0.0 {
        let _ = write!(out, ", swing {:.0} ppb in {:.0} s", o.swing_ppb, o.swing_period_s);
    }
    for (at, change) in &s.events {
        let what = match change {
            Change::Forward(d) => format!("down {}", way(d)),
            Change::Backward(d) => format!("up {}", way(d)),
            Change::Loss(p) => format!("loss {p:.2}"),
            Change::Disturb(ppb) => format!("frequency jumps {ppb:.0} ppb"),
            Change::Step(ns) => format!("master jumps {ns:.0}"),
            Change::Failover(bias, d, u) => format!("master {bias:.0} off, down {}, up {}", way(d), way(u)),
            Change::Interval(s) => format!("{}/s", 1.0 / s),
        };
        let _ = write!(out, "; {at:.0} s: {what}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_gives_the_same_scenario_and_all_kinds_come() {
        assert_eq!(random(7), random(7));
        let all: Vec<Scenario> = (0..400).map(random).collect();
        let share = |f: &dyn Fn(&Scenario) -> bool| all.iter().filter(|s| f(s)).count();
        assert!((60..110).contains(&share(&|s| s.hops > 1)));
        assert!(share(&|s| s.events.is_empty()) > 80 && share(&|s| !s.events.is_empty()) > 150);
        assert!(share(&|s| s.sync_s > 100.0) > 10 && share(&|s| s.sync_s < 0.01) > 10);
        for s in &all {
            assert!(
                s.judged_from_s > 80.0 * s.sync_s && s.duration_s > 2.0 * s.judged_from_s,
                "{}",
                describe(s)
            );
            assert!(s.events.iter().all(|(at, _)| (s.judged_from_s..s.duration_s).contains(at)));
        }
    }
}
