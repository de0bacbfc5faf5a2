//! The clock on its own: learnt while there is a master, predicted when there is none, checked when one is back.

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

/// Learns and predicts one clock's oscillator.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    holdover: Holdover,
    running: Option<Running>,
}

impl Holding {
    pub(super) fn new(model: Option<OscillatorModel>) -> Self {
        Self { holdover: Holdover::new(model), running: None }
    }

    /// What to keep for a restart.
    pub(super) fn model(&self) -> Option<OscillatorModel> {
        let model = *self.holdover.model();
        (model.observed_s >= WORTH_KEEPING_S).then_some(model)
    }

    pub(super) fn learn(&mut self, oscillator: &OscillatorSample) {
        self.holdover.learn(oscillator);
    }

    /// The master is gone: gives the frequency to hold, ppb.
    pub(super) fn begin(&mut self, now_ns: u64, name: &str, servo: &Adaptive) -> Option<f64> {
        let oscillator = servo.oscillator()?;
        // What is known right now, not at the last time that something was learnt.
        self.holdover.learn(&oscillator);
        let prediction = self.holdover.begin(servo.estimate().bound_ns / 2.58);
        let frequency = prediction.frequency_ppb(0.0);
        info!(
            "{name} in holdover at {frequency:+.3} ppb; 99 % within {:.0} ns after a minute, {:.0} ns after an hour",
            prediction.bound_ns(60.0),
            prediction.bound_ns(3600.0),
        );
        self.running = Some(Running {
            prediction,
            since: now_ns,
            next_steering: now_ns.saturating_add(STEERING_NS),
            next_line: now_ns.saturating_add(FIRST_LINE_NS),
        });
        Some(frequency)
    }

    /// What to steer by from now on, if that is due; ppb.
    pub(super) fn due(&mut self, now_ns: u64, name: &str) -> Option<f64> {
        let running = self.running.as_mut().filter(|r| now_ns >= r.next_steering)?;
        running.next_steering = now_ns.saturating_add(STEERING_NS);
        let for_ns = now_ns.saturating_sub(running.since);
        let t = for_ns as f64 * 1e-9;
        if now_ns >= running.next_line {
            running.next_line = now_ns.saturating_add(for_ns);
            info!("{name} in holdover for {t:.0} s, 99 % within {:.0} ns", running.prediction.bound_ns(t));
        }
        Some(running.prediction.frequency_ppb(t))
    }

    /// 99 % of the errors are below this by now, ns; `None`: there is no holdover.
    pub(super) fn bound_ns(&self, now_ns: u64) -> Option<f64> {
        let running = self.running.as_ref()?;
        Some(running.prediction.bound_ns(now_ns.saturating_sub(running.since) as f64 * 1e-9))
    }

    /// There is a master again. `error`: what the clock was off by the first sample, and what that sample's own error may
    /// be, ns; `None`: it is another master, or nobody knows.
    pub(super) fn end(&mut self, now_ns: u64, name: &str, error: Option<(f64, f64)>) {
        let Some(running) = self.running.take() else { return };
        let t = now_ns.saturating_sub(running.since) as f64 * 1e-9;
        let Some((error, own)) = error else {
            info!("{name} ends its holdover of {t:.0} s with another master");
            return;
        };
        let bound = running.prediction.bound_ns(t);
        let left = (error.abs() - own).max(0.0);
        if self.holdover.returned(&running.prediction, t, left) {
            info!(
                "{name} was {error:+.0} ns off after {t:.0} s of holdover, within the bound of {bound:.0} ns"
            );
        } else {
            warn!(
                "{name} was {error:+.0} ns off after {t:.0} s of holdover, out of the bound of {bound:.0} ns"
            );
        }
    }

    /// There is a holdover.
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }
}
