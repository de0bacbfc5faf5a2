//! Runs the published scenarios.

use ptp_servo::simulate::*;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let only = args.get(1).cloned().unwrap_or_default();
    let seeds: u64 = args.get(2).and_then(|s| s.parse().ok()).unwrap_or(3);
    let mut logs = 0.0;
    let mut n = 0.0;
    println!("{:14} {:>9} {:>9} {:>9} {:>8} {:>7} {:>7} {:>9} lock pi lr ad", "name", "pi", "linreg", "adaptive", "bound", "ratio", "/bound", "max");
    for s in published().iter().chain(&hostile()).filter(|s| s.name.contains(&only)) {
        let mut rms = [0.0f64; 3];
        let mut lock = [0.0f64; 3];
        let mut worst: f64 = 0.0;
        let mut worst_seed: f64 = 0.0;
        for seed in 1..=seeds {
            let make: [&dyn Fn(usize) -> Box<dyn Driver>; 3] = [
                &|_| Box::new(Classic::pi()),
                &|_| Box::new(Classic::linreg()),
                &|_| if s.hops > 1 { Box::new(AdaptiveDriver::boundary(ptp_servo::Transfer::Damped)) } else { Box::new(AdaptiveDriver::new()) },
            ];
            let mut outs = vec![];
            for (i, m) in make.iter().enumerate() {
                let o = run(s, seed, *m);
                let r = o.rms(s.judged_from_s, s.duration_s);
                rms[i] += r * r;
                if i == 2 { worst = worst.max(o.max(s.judged_from_s, s.duration_s)); worst_seed = worst_seed.max(r); }
                outs.push(o);
            }
            let best = outs[0].rms(s.judged_from_s, s.duration_s).min(outs[1].rms(s.judged_from_s, s.duration_s));
            for (i, o) in outs.iter().enumerate() { lock[i] += o.settled(4.0 * best, s.judged_from_s); }
        }
        let rms = rms.map(|r| (r / seeds as f64).sqrt());
        let lock = lock.map(|l| l / seeds as f64);
        let bound = kalman_bound(s);
        let ratio = rms[2] / rms[0].min(rms[1]);
        logs += ratio.ln();
        n += 1.0;
        println!("{:14} {:9.2} {:9.2} {:9.2} {:>8} {:7.3} {:>7} {:9.1} {:6.1} {:6.1} {:6.1} worst seed {:.1}", s.name, rms[0], rms[1], rms[2],
            bound.map_or("-".into(), |b| format!("{:.2}/{:.2}", b.estimate, b.steered)), ratio, bound.map_or("-".into(), |b| format!("{:.3}", rms[2] / b.estimate)), worst, lock[0], lock[1], lock[2], worst_seed);
    }
    println!("geometric mean {:.3}", (logs / n as f64).exp());
}
