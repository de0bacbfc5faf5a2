//! One estimator: phase, frequency, drift, path delay and path asymmetry.

/// Phase ns, frequency ns/s, drift ns/s^2, path delay ns, asymmetry ns (half of what the way down takes longer).
pub(super) const STATES: usize = 5;
pub(super) type Vector = [f64; STATES];
pub(super) type Matrix = [[f64; STATES]; STATES];

pub(super) const PHASE: usize = 0;
pub(super) const FREQUENCY: usize = 1;
pub(super) const DRIFT: usize = 2;
pub(super) const DELAY: usize = 3;
pub(super) const ASYMMETRY: usize = 4;

/// What changes by itself, as variances that grow per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Process {
    /// ns^2/s: white frequency noise.
    pub(super) phase: f64,
    /// (ns/s)^2/s: random walk of the frequency.
    pub(super) frequency: f64,
    /// (ns/s^2)^2/s: random walk of the drift.
    pub(super) drift: f64,
    /// ns^2/s.
    pub(super) delay: f64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Kalman {
    pub(super) x: Vector,
    pub(super) p: Matrix,
}

impl Kalman {
    /// Lets `t` seconds pass.
    pub(super) fn predict(&mut self, t: f64, q: &Process) {
        self.pass(t);
        self.stir(t, q);
    }

    /// Lets `t` seconds pass in which nothing changes by itself.
    pub(super) fn pass(&mut self, t: f64) {
        let x = &mut self.x;
        x[PHASE] += t * (x[FREQUENCY] + 0.5 * t * x[DRIFT]);
        x[FREQUENCY] += t * x[DRIFT];
        let p = &mut self.p;
        let half = 0.5 * t * t;
        // F P, then (F P) F'.
        let (frequency, drift) = (p[FREQUENCY], p[DRIFT]);
        for ((v, f), d) in p[PHASE].iter_mut().zip(&frequency).zip(&drift) {
            *v += t * f + half * d;
        }
        for (v, d) in p[FREQUENCY].iter_mut().zip(&drift) {
            *v += t * d;
        }
        for row in p.iter_mut() {
            row[PHASE] += t * row[FREQUENCY] + half * row[DRIFT];
            row[FREQUENCY] += t * row[DRIFT];
        }
    }

    /// Adds what changes by itself in `t` seconds.
    pub(super) fn stir(&mut self, t: f64, q: &Process) {
        let p = &mut self.p;
        let (t2, t3) = (t * t, t * t * t);
        p[PHASE][PHASE] += q.phase * t + q.frequency * t3 / 3.0 + q.drift * t3 * t2 / 20.0;
        let pf = q.frequency * t2 / 2.0 + q.drift * t2 * t2 / 8.0;
        p[PHASE][FREQUENCY] += pf;
        p[FREQUENCY][PHASE] += pf;
        p[FREQUENCY][FREQUENCY] += q.frequency * t + q.drift * t3 / 3.0;
        let pd = q.drift * t3 / 6.0;
        p[PHASE][DRIFT] += pd;
        p[DRIFT][PHASE] += pd;
        let fd = q.drift * t2 / 2.0;
        p[FREQUENCY][DRIFT] += fd;
        p[DRIFT][FREQUENCY] += fd;
        p[DRIFT][DRIFT] += q.drift * t;
        p[DELAY][DELAY] += q.delay * t;
    }

    /// No drift, and no doubt of that.
    pub(super) fn still(&mut self) {
        self.x[DRIFT] = 0.0;
        for i in 0..STATES {
            self.p[DRIFT][i] = 0.0;
            self.p[i][DRIFT] = 0.0;
        }
    }

    /// What a measurement that sees `h` should give, and the variance of that.
    pub(super) fn expect(&self, h: &Vector) -> (f64, f64) {
        let mean = dot(h, &self.x);
        let ph = self.times(h);
        (mean, dot(h, &ph).max(0.0))
    }

    fn times(&self, h: &Vector) -> Vector {
        let mut out = [0.0; STATES];
        for (o, row) in out.iter_mut().zip(&self.p) {
            *o = dot(row, h);
        }
        out
    }

    /// Takes what a measurement said: slope and negative curvature of its log density.
    pub(super) fn update(&mut self, h: &Vector, slope: f64, curvature: f64) {
        let ph = self.times(h);
        for (x, g) in self.x.iter_mut().zip(&ph) {
            *x += g * slope;
        }
        for (row, a) in self.p.iter_mut().zip(&ph) {
            for (p, b) in row.iter_mut().zip(&ph) {
                *p -= a * b * curvature;
            }
        }
        for i in 0..STATES {
            self.p[i][i] = self.p[i][i].max(0.0);
        }
    }
}

pub(super) fn dot(a: &Vector, b: &Vector) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_one_step_or_in_many_is_the_same() {
        let q = Process { phase: 0.1, frequency: 0.3, drift: 0.01, delay: 0.2 };
        let mut one = Kalman { x: [1.0, -2.0, 0.3, 4.0, 0.0], p: [[0.0; STATES]; STATES] };
        let mut many = one.clone();
        one.predict(10.0, &q);
        for _ in 0..1000 {
            many.predict(0.01, &q);
        }
        for (a, b) in one.x.iter().zip(&many.x) {
            assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()));
        }
        for (a, b) in one.p.iter().flatten().zip(many.p.iter().flatten()) {
            assert!((a - b).abs() < 1e-6 * (1.0 + b.abs()), "{a} is not {b}");
        }
    }

    #[test]
    fn a_normal_measurement_is_weighed_by_variance() {
        let mut k = Kalman::default();
        k.p[PHASE][PHASE] = 4.0;
        let h = [1.0, 0.0, 0.0, 0.0, 0.0];
        let (mean, s2) = k.expect(&h);
        let s = s2 + 12.0;
        k.update(&h, (8.0 - mean) / s, 1.0 / s);
        assert!((k.x[PHASE] - 2.0).abs() < 1e-12 && (k.p[PHASE][PHASE] - 3.0).abs() < 1e-12);
    }
}
