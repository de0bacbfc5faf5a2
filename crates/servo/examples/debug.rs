use ptp_servo::simulate::*;
use ptp_servo::*;
use ptp_wire::*;
struct D(AdaptiveDriver, u64, u64);
impl Driver for D {
    fn forward(&mut self, v: TimeInterval, l: TimePoint) -> Option<Decision> {
        let d = self.0.forward(v, l);
        self.1 += 1;
        if self.1 % self.2 == 0 || self.1 < 12 {
            let e = self.0.0.estimate();
            println!("{:6} v {:12.2} x {:10.2} sx {:8.3} osc {:10.3} wander {:8.4} d {:10.2} a {:8.2} nf {:7.2} nb {:7.2} wf {:.3} wb {:.3} h {:.2} {:?} {:.3?}", self.1, v.nanos_f64(), e.offset_ns, e.sigma_ns, e.oscillator_ppb, e.wander_ppb, e.delay_ns, e.asymmetry_ns, e.forward_noise_ns, e.backward_noise_ns, e.forward_waiting, e.backward_waiting, e.health, d.unwrap().state, d.unwrap().frequency_ppb);
        }
        if let Some(e) = self.0.0.take_event() { println!("{} {e:?}", self.1); }
        d
    }
    fn backward(&mut self, v: TimeInterval, l: TimePoint) -> Option<Decision> {
        let d = self.0.backward(v, l);
        if let Some(e) = self.0.0.take_event() { println!("{} {e:?}", self.1); }
        d
    }
    fn master_changed(&mut self) { self.0.master_changed(); println!("{} master changed", self.1); }
    fn set_interval(&mut self, s: f64) { self.0.set_interval(s) }
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let s = published().into_iter().chain(hostile()).find(|s| s.name == a[1]).unwrap();
    let seed = a[2].parse().unwrap();
    let every: u64 = a[3].parse().unwrap();
    let o = run(&s, seed, &|h| if h == s.hops { Box::new(D(if s.hops > 1 { AdaptiveDriver::boundary(ptp_servo::Transfer::Damped) } else { AdaptiveDriver::new() }, 0, every)) } else { Box::new(AdaptiveDriver::boundary(ptp_servo::Transfer::Damped)) });
    let step = s.duration_s / 40.0;
    for i in 0..40 { let f = i as f64 * step; println!("{:8.1} rms {:9.2} max {:9.2}", f, o.rms(f, f + step), o.max(f, f + step)); }
}
