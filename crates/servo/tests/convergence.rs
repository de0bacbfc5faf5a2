//! The servo on a simulated clock: it converges, and whatever it is fed it stays within its bounds.

use proptest::prelude::*;
use ptp_servo::{PiConfig, Servo, ServoConfig, ServoState};
use ptp_wire::{TimeInterval, TimePoint};

/// A clock with an oscillator that is wrong, steered by a servo.
struct Simulation {
    servo: Servo,
    /// ns of true time.
    truth: f64,
    /// Clock minus truth in ns.
    error: f64,
    /// Of the oscillator, ppb.
    oscillator: f64,
    /// The correction in force, ppb.
    correction: f64,
}

impl Simulation {
    fn run(&mut self, interval: f64, samples: u32) -> ServoState {
        self.servo.set_interval(interval);
        let mut state = ServoState::Unlocked;
        for _ in 0..samples {
            let rate = (1.0 + self.oscillator * 1e-9) * (1.0 + self.correction * 1e-9);
            self.truth += interval * 1e9;
            self.error += interval * 1e9 * (rate - 1.0);
            let local = TimePoint::from_nanos((self.truth + self.error) as i128);
            let d = self.servo.sample(TimeInterval::from_nanos_f64(self.error), local, 1.0);
            assert!(d.frequency_ppb.is_finite());
            self.correction = d.frequency_ppb;
            self.error += d.step.map_or(0.0, TimeInterval::nanos_f64);
            state = d.state;
        }
        state
    }
}

fn simulation(pi: PiConfig, oscillator_ppm: f64, error_ns: f64, first_step: bool) -> Simulation {
    let first_step_threshold = first_step.then_some(TimeInterval::from_nanos(20_000));
    let config = ServoConfig { pi, first_step_threshold, ..ServoConfig::default() };
    let servo = Servo::new(config, 0.0);
    Simulation { servo, truth: 0.0, error: error_ns, oscillator: oscillator_ppm * 1e3, correction: 0.0 }
}

proptest! {
    #[test]
    fn converges(
        log_interval in -7i32..=4,
        ppm in -500.0..500.0f64,
        error in -1e9..1e9f64,
        which in 0..3,
    ) {
        let interval = 2f64.powi(log_interval);
        let pi = [PiConfig::hardware(), PiConfig::software(), PiConfig::local()][which as usize];
        let mut s = simulation(pi, ppm, error, true);
        // As long as the frequency estimate takes, and then a hundred corrections.
        let wait = ((0.016 / pi.gains(interval).integral).min(8.0) / interval).ceil() as u32;
        let state = s.run(interval, wait + 100);
        prop_assert_eq!(state, ServoState::Locked);
        // Stamps are cut to whole ns here, so the frequency is known to 1 ns over the wait or better.
        prop_assert!(s.error.abs() < 60.0, "offset {} ns", s.error);
    }

    #[test]
    fn converges_without_a_step(log_interval in -7i32..=4, ppm in -500.0..500.0f64, error in -1e7..1e7f64) {
        let interval = 2f64.powi(log_interval);
        let mut s = simulation(PiConfig::hardware(), ppm, error, false);
        s.run(interval, 100);
        let samples = (200.0 / interval) as u32;
        s.run(interval, samples.max(100));
        prop_assert!(s.error.abs() < 10.0, "offset {} ns", s.error);
        let rate = (1.0 + s.oscillator * 1e-9) * (1.0 + s.correction * 1e-9) - 1.0;
        prop_assert!(rate.abs() < 20e-9, "rate {rate}");
    }

    #[test]
    fn follows_a_change_of_the_oscillator(log_interval in -7i32..=4, ppm in -50.0..50.0f64, change in -10.0..10.0f64) {
        let interval = 2f64.powi(log_interval);
        let mut s = simulation(PiConfig::hardware(), ppm, 0.0, true);
        s.run(interval, 100);
        s.oscillator += change * 1e3;
        s.run(interval, ((200.0 / interval) as u32).max(100));
        prop_assert!(s.error.abs() < 10.0, "offset {} ns", s.error);
    }

    /// Any bits as input, any bits as configuration: a number within the limit comes out.
    #[test]
    fn is_bounded_whatever_comes(
        consts in prop::array::uniform8(any::<f64>()),
        max in any::<f64>(),
        initial in any::<f64>(),
        thresholds in prop::array::uniform3(any::<Option<i64>>()),
        samples in prop::collection::vec((any::<i64>(), any::<i128>(), any::<f64>(), any::<f64>(), 0..10u8), 1..60),
    ) {
        let [a, b, c, d, e, f, g, h] = consts;
        let pi = PiConfig {
            proportional_const: a,
            integral_const: b,
            proportional_scale: c,
            proportional_exponent: d,
            proportional_norm_max: e,
            integral_scale: f,
            integral_exponent: g,
            integral_norm_max: h,
        };
        let [first, step, stable] = thresholds.map(|t| t.map(TimeInterval));
        let config = ServoConfig {
            pi,
            first_step_threshold: first,
            step_threshold: step,
            max_frequency_ppb: max,
            offset_threshold: stable,
            num_offset_values: 2,
        };
        let limit = if max.is_nan() { 900e6 } else { max.clamp(0.0, 999_999_999.0) };
        let mut servo = Servo::new(config, initial);
        for (offset, local, weight, interval, what) in samples {
            match what {
                0 => servo.reset(),
                1 => servo.clock_stepped(TimeInterval(offset)),
                2 => servo.set_interval(interval),
                _ => {
                    let d = servo.sample(TimeInterval(offset), TimePoint::from_scaled(local), weight);
                    prop_assert!(d.frequency_ppb.abs() <= limit, "{} ppb", d.frequency_ppb);
                    prop_assert_eq!(d.step.is_some(), d.state == ServoState::Jump);
                    prop_assert_eq!(servo.state(), d.state);
                }
            }
        }
    }
}
