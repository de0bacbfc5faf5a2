//! The clock on its own: learnt while it follows something, predicted when that is lost, checked when it is back.

use ptp_servo::{Adaptive, Holdover, OscillatorModel, OscillatorSample, Prediction};
use tracing::{info, warn};

/// The first line about the bound comes after this long, ns; each next one after twice as long.
const FIRST_LINE_NS: u64 = 60_000_000_000;
/// The frequency is brought up to date as often as this, ns.
const STEERING_NS: u64 = 1_000_000_000;
/// An oscillator observed for less than this is not worth keeping for a restart, s.
const WORTH_KEEPING_S: f64 = 60.0;

/// A holdover that goes on.
#[derive(Clone, Debug)]
struct Running {
    prediction: Prediction,
    since: u64,
    next_steering: u64,
    next_line: u64,
}

/// A holdover that ended, and how good the prediction was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Returned {
    /// How long it was, s.
    pub after_s: f64,
    /// How far off the clock was, ns.
    pub error_ns: f64,
    /// How far off it could have been with 99 %, ns.
    pub bound_ns: f64,
    /// The error was within the bound.
    pub within: bool,
}

/// Learns and predicts one clock's oscillator.
#[derive(Clone, Debug)]
pub struct Holding {
    holdover: Holdover,
    running: Option<Running>,
}

impl Holding {
    /// With what was known before a restart, or nothing.
    pub fn new(model: Option<OscillatorModel>) -> Self {
        Self { holdover: Holdover::new(model), running: None }
    }

    /// What to keep for a restart; `None`: it was not observed for long enough.
    pub fn model(&self) -> Option<OscillatorModel> {
        let model = *self.holdover.model();
        (model.observed_s >= WORTH_KEEPING_S).then_some(model)
    }

    /// What the servo knows of the oscillator, with every sample while it is locked.
    pub fn learn(&mut self, oscillator: &OscillatorSample) {
        self.holdover.learn(oscillator);
    }

    /// There is nothing to follow since `since_ns`: gives the frequency to hold, ppb. `left_ns`: what of the last offset nobody
    /// takes back any more. `None`: too little is known for a prediction.
    pub fn begin(&mut self, since_ns: u64, name: &str, servo: &Adaptive, left_ns: f64) -> Option<f64> {
        let now = servo.estimate();
        let sigma_ns = (now.bound_ns / 2.58).hypot(left_ns);
        let known = *self.holdover.model();
        let (prediction, learnt) = match servo.oscillator() {
            Some(oscillator) => {
                // What is known right now, not at the last time that something was learnt.
                self.holdover.learn(&oscillator);
                (self.holdover.begin(sigma_ns), "")
            }
            // Locked too briefly to have learnt it: what was known before the restart holds.
            None if known.observed_s > 0.0 && sigma_ns > 0.0 => {
                let model = if now.oscillator_sigma_ppb < known.frequency_sigma_ppb {
                    OscillatorModel {
                        frequency_ppb: now.oscillator_ppb,
                        frequency_sigma_ppb: now.oscillator_sigma_ppb,
                        ..known
                    }
                } else {
                    known
                };
                (Holdover::new(Some(model)).begin(sigma_ns), " (by what is kept of it)")
            }
            None => return None,
        };
        let frequency = prediction.frequency_ppb(0.0);
        info!(
            target: "servo",
            "{name} in holdover at {frequency:+.3} ppb{learnt}; 99 % within {:.0} ns after a minute, {:.0} ns after an hour",
            prediction.bound_ns(60.0),
            prediction.bound_ns(3600.0),
        );
        self.running = Some(Running {
            prediction,
            since: since_ns,
            next_steering: since_ns.saturating_add(STEERING_NS),
            next_line: since_ns.saturating_add(FIRST_LINE_NS),
        });
        Some(frequency)
    }

    /// What to steer by from now on, if that is due; ppb.
    pub fn due(&mut self, now_ns: u64, name: &str) -> Option<f64> {
        let running = self.running.as_mut().filter(|r| now_ns >= r.next_steering)?;
        running.next_steering = now_ns.saturating_add(STEERING_NS);
        let for_ns = now_ns.saturating_sub(running.since);
        let t = for_ns as f64 * 1e-9;
        if now_ns >= running.next_line {
            running.next_line = now_ns.saturating_add(for_ns);
            let bound = running.prediction.bound_ns(t);
            info!(target: "servo", "{name} in holdover for {t:.0} s, 99 % within {bound:.0} ns");
        }
        Some(running.prediction.frequency_ppb(t))
    }

    /// 99 % of the errors are below this by now, ns; `None`: there is no holdover.
    pub fn bound_ns(&self, now_ns: u64) -> Option<f64> {
        let running = self.running.as_ref()?;
        Some(running.prediction.bound_ns(now_ns.saturating_sub(running.since) as f64 * 1e-9))
    }

    /// There is something to follow again. `error`: what the clock was off by the first sample, and what that sample's own
    /// error may be, ns; `None`: it is another master, or nobody knows. Gives how good the prediction was, where that shows.
    pub fn end(&mut self, now_ns: u64, name: &str, error: Option<(f64, f64)>) -> Option<Returned> {
        let running = self.running.take()?;
        let t = now_ns.saturating_sub(running.since) as f64 * 1e-9;
        let Some((error, own)) = error else {
            info!(target: "servo", "{name} ends its holdover of {t:.0} s with another master");
            return None;
        };
        let bound = running.prediction.bound_ns(t);
        let left = (error.abs() - own).max(0.0);
        let within = self.holdover.returned(&running.prediction, t, left);
        if within {
            info!(
                target: "servo",
                "{name} was {error:+.0} ns off after {t:.0} s of holdover, within the bound of {bound:.0} ns"
            );
        } else {
            warn!(
                target: "servo",
                "{name} was {error:+.0} ns off after {t:.0} s of holdover, out of the bound of {bound:.0} ns"
            );
        }
        Some(Returned { after_s: t, error_ns: error, bound_ns: bound, within })
    }

    /// Somebody else changed the clock: the prediction does not hold any more.
    pub fn void(&mut self) {
        self.running = None;
    }

    /// For how long there has been a holdover, s.
    pub fn running_s(&self, now_ns: u64) -> Option<f64> {
        Some(now_ns.saturating_sub(self.running.as_ref()?.since) as f64 * 1e-9)
    }

    /// There is a holdover.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }
}

#[cfg(test)]
mod tests {
    use ptp_servo::AdaptiveConfig;
    use ptp_wire::{TimeInterval, TimePoint};

    use super::*;

    /// A clock 2 ppm fast, disciplined for ten minutes.
    fn learnt() -> (Adaptive, Holding) {
        let mut servo = Adaptive::new(AdaptiveConfig::default(), 0.0);
        let mut holding = Holding::new(None);
        let (mut error, mut ppb) = (0.0, 0.0);
        for i in 1..600i64 {
            error += 2000.0 + ppb;
            let local = TimePoint::from_nanos(i128::from(i) * 1_000_000_000);
            // Stamps of 8 ns.
            let noise = ((i * 7919) % 9 - 4) as f64;
            servo.forward(TimeInterval::from_nanos_f64(700.0 + error + noise), local);
            ppb = servo.backward(TimeInterval::from_nanos_f64(700.0 - error - noise), local).frequency_ppb;
            if let Some(oscillator) = servo.oscillator() {
                holding.learn(&oscillator);
            }
        }
        (servo, holding)
    }

    #[test]
    fn after_a_restart_what_is_kept_gives_a_bound_at_once() {
        let (_, before) = learnt();
        let kept = before.model().expect("it is worth keeping").aged(60.0);
        // A few samples only: not enough to know the oscillator.
        let mut servo = Adaptive::new(AdaptiveConfig::default(), -2000.0);
        for i in 1..12i64 {
            let local = TimePoint::from_nanos(i128::from(i) * 1_000_000_000);
            let noise = ((i * 7919) % 9 - 4) as f64;
            servo.forward(TimeInterval::from_nanos_f64(700.0 + noise), local);
            servo.backward(TimeInterval::from_nanos_f64(700.0 - noise), local);
        }
        assert!(servo.oscillator().is_none());
        assert_eq!(Holding::new(None).begin(0, "clock", &servo, 0.0), None);
        let mut holding = Holding::new(Some(kept));
        let frequency = holding.begin(0, "clock", &servo, 0.0).expect("it is kept");
        assert!((frequency + 2000.0).abs() < 1.0, "{frequency}");
        let bound = holding.bound_ns(60_000_000_000).expect("a bound");
        assert!(bound > 0.0 && bound < 5_000.0, "{bound}");
    }

    #[test]
    fn a_holdover_predicts_is_bounded_and_is_checked() {
        let (servo, mut holding) = learnt();
        assert!(holding.model().is_some() && !holding.is_running() && holding.bound_ns(0).is_none());
        let second = 1_000_000_000;
        let frequency = holding.begin(5 * second, "clock", &servo, 0.0).expect("it is learnt");
        assert!((frequency + 2000.0).abs() < 1.0, "{frequency}");
        assert_eq!(holding.due(5 * second, "clock"), None);
        assert!((holding.due(66 * second, "clock").expect("due") + 2000.0).abs() < 1.0);
        assert_eq!(holding.due(66 * second, "clock"), None);
        let (soon, late) = (holding.bound_ns(6 * second), holding.bound_ns(605 * second));
        let (soon, late) = (soon.expect("a bound"), late.expect("a bound"));
        assert!(soon > 0.0 && late > soon && late < 50_000.0, "{soon} {late}");
        // Back within the bound; then far out of it; then with another master, which proves nothing.
        let returned =
            holding.end(605 * second, "clock", Some((late / 2.0, 1.0))).expect("it was in holdover");
        assert_eq!((returned.after_s, returned.error_ns, returned.bound_ns), (600.0, late / 2.0, late));
        assert!(returned.within && holding.end(606 * second, "clock", Some((0.0, 1.0))).is_none());
        assert!(!holding.is_running());
        holding.begin(700 * second, "clock", &servo, 0.0);
        assert!(holding.end(800 * second, "clock", Some((-1e9, 1.0))).is_some_and(|r| !r.within));
        holding.begin(900 * second, "clock", &servo, 0.0);
        holding.end(950 * second, "clock", None);
        let model = holding.model().expect("learnt");
        assert_eq!((model.returns, model.returns_within), (2, 1));
    }
}
