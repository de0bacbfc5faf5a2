use ptp_servo::simulate::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let base = published().into_iter().find(|s| s.name == a[1]).unwrap();
    let bw: f64 = a[2].parse().unwrap();
    let seeds: u64 = a[3].parse().unwrap();
    for h in 1..=10 {
        let s = Scenario { hops: h, judged_from_s: 400.0, ..base.clone() };
        let mut m = 0.0;
        let mut w: f64 = 0.0;
        for seed in 1..=seeds { let o = run(&s, seed, &|_| if bw > 0.0 { Box::new(AdaptiveDriver::boundary(if bw > 50.0 { ptp_servo::Transfer::Damped } else { ptp_servo::Transfer::Limited { bandwidth_hz: bw } })) } else { Box::new(AdaptiveDriver::new()) });
            let r = o.rms(400.0, s.duration_s); m += r * r; w = w.max(r); }
        println!("{h} {:.3} {w:.3}", (m / seeds as f64).sqrt());
    }
}
