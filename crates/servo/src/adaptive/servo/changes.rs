//! What follows from a change that was found: the state is set right, and an operator told.

use super::super::config::AdaptiveEvent;
use super::super::jumps::Jump;
use super::super::kalman::{ASYMMETRY, DELAY, FREQUENCY, PHASE, STATES};
use super::super::moves::{Floor, Move, Way};
use super::super::start::row;
use super::Adaptive;

/// More moves than this within [`super::RESTLESS_SAMPLES`] are too many.
const RESTLESS: u32 = 6;

impl Adaptive {
    /// Where the clock is follows from the messages that show its jump; all else that is known holds.
    pub(super) fn take_jump(&mut self, jump: &Jump) {
        let Some(bank) = &mut self.bank else { return };
        let before = bank.belief().x;
        let mut variance = [[0.0; STATES]; STATES];
        variance[PHASE][PHASE] = jump.by * jump.by;
        variance[FREQUENCY][FREQUENCY] = jump.pace * jump.pace;
        bank.shift(&[0.0; STATES], &variance);
        for raw in self.watcher.last(jump.shown_by) {
            let h = row(raw, bank.time() - raw.time, self.config.measuring);
            bank.update(&h, raw.value, self.noises.of(raw.way), false);
        }
        let after = bank.belief().x;
        self.event = Some(if jump.is_frequency {
            AdaptiveEvent::FrequencyJumped { by: after[FREQUENCY] - before[FREQUENCY] }
        } else {
            self.jumps = self.jumps.wrapping_add(1);
            AdaptiveEvent::TimeJumped { by: after[PHASE] - before[PHASE] }
        });
        self.watcher.clear();
        self.moves.clear();
        self.let_go();
    }

    /// The floors that belong together are others than was thought, by this much, down and up: what was taken for the
    /// clock's error is the path's asymmetry, or the other way round. What messages are expected to bring is the same.
    pub(super) fn take_most(&mut self, down: f64, up: f64) {
        let Some(bank) = &mut self.bank else { return };
        let by = (down - up) / 2.0;
        let mut shift = [0.0; STATES];
        (shift[PHASE], shift[ASYMMETRY]) = (by, -by);
        bank.shift(&shift, &[[0.0; STATES]; STATES]);
        self.known.rebase(down, up);
        self.unexplained = bank.belief().x[ASYMMETRY];
        self.event = Some(AdaptiveEvent::WayChanged { by });
        self.jumps = self.jumps.wrapping_add(1);
        self.let_go();
    }

    /// A floor moved: path, asymmetry or time.
    pub(super) fn take_move(&mut self, found: Move) {
        let Some(bank) = &mut self.bank else { return };
        let before = bank.belief().x[ASYMMETRY].abs();
        let (mut by, mut variance) = ([0.0; STATES], [[0.0; STATES]; STATES]);
        let mut is_new = true;
        let event = match found {
            Move::Path(f) => {
                self.known.go(Way::Down, f.by);
                self.known.go(Way::Up, f.by);
                by[DELAY] = f.by;
                variance[DELAY][DELAY] = 4.0 * f.sigma * f.sigma;
                AdaptiveEvent::PathChanged { by: f.by }
            }
            Move::Time(f) => {
                by[PHASE] = f.by;
                variance[PHASE][PHASE] = 4.0 * f.sigma * f.sigma;
                self.jumps = self.jumps.wrapping_add(1);
                AdaptiveEvent::TimeJumped { by: f.by }
            }
            Move::Split(down, up) => {
                let mut one = |f: Option<Floor>, sign: f64| {
                    let f = f.unwrap_or(Floor { by: 0.0, sigma: 0.0 });
                    by[DELAY] += f.by / 2.0;
                    by[ASYMMETRY] += sign * f.by / 2.0;
                    let v = 4.0 * f.sigma * f.sigma / 4.0;
                    variance[DELAY][DELAY] += v;
                    variance[ASYMMETRY][ASYMMETRY] += v;
                    variance[DELAY][ASYMMETRY] += sign * v;
                    variance[ASYMMETRY][DELAY] += sign * v;
                    f.by
                };
                let (forward, backward) = (one(down, 1.0), one(up, -1.0));
                // Only what was known before is known exactly.
                is_new = [down, up].into_iter().flatten().any(|f| f.sigma > 0.0);
                for (way, floor) in [(Way::Down, down), (Way::Up, up)] {
                    if let Some(floor) = floor {
                        self.known.go(way, floor.by);
                    }
                }
                let total = bank.belief().x[ASYMMETRY] + by[ASYMMETRY];
                AdaptiveEvent::AsymmetryChanged { forward, backward, total }
            }
        };
        bank.shift(&by, &variance);
        let total = bank.belief().x[ASYMMETRY];
        self.unexplained = total;
        if matches!(found, Move::Time(_)) {
            self.let_go();
        }
        if is_new && total.abs() > before {
            self.moved += 1;
            self.since_move = 0;
        } else {
            self.moved = self.moved.saturating_sub(1);
        }
        let too_much = total.abs() > self.config.max_asymmetry.nanos_f64();
        self.event = Some(event);
        if too_much || self.moved > RESTLESS {
            self.start_over(false);
            self.event = Some(AdaptiveEvent::StartedOver);
        }
    }
}
