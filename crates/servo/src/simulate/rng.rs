//! The only randomness of experiments: seeded, and made of basic arithmetic so that equal seeds give equal bits.

/// xoshiro256++, seeded by splitmix64.
#[derive(Clone, Debug)]
pub struct Rng {
    state: [u64; 4],
    /// The second of a pair of normal deviates.
    spare: Option<f64>,
}

impl Rng {
    /// A stream of its own for each (`seed`, `stream`, `index`): a new node or link does not move the numbers of another.
    pub fn new(seed: u64, stream: u64, index: u64) -> Self {
        let mut x =
            seed ^ stream.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ index.wrapping_mul(0xa076_1d64_78bd_642f);
        let mut next = || {
            x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        Self { state: [next(), next(), next(), next()], spare: None }
    }

    /// The stream with index `seed` of the seed 0: for experiments that need no index.
    pub fn stream(seed: u64, stream: u64) -> Self {
        Self::new(0, stream, seed)
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let t = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= t;
        *d = d.rotate_left(45);
        result
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [from, to).
    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }

    /// Uniform in 0..n; 0 if n is 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }

    /// True with probability `p`. Draws nothing when `p` is 0, so that a perfect link costs no numbers.
    pub fn chance(&mut self, p: f64) -> bool {
        p > 0.0 && self.unit() < p
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -ln(1.0 - self.unit())
    }

    /// Normal with mean 0 and deviation 1 (Marsaglia's polar method).
    pub fn normal(&mut self) -> f64 {
        if let Some(z) = self.spare.take() {
            return z;
        }
        loop {
            let (u, v) = (self.between(-1.0, 1.0), self.between(-1.0, 1.0));
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                let k = (-2.0 * ln(s) / s).sqrt();
                self.spare = Some(v * k);
                return u * k;
            }
        }
    }
}

/// Natural logarithm of a positive normal number, from basic operations only (the system's may differ by a bit).
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mut m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | (1023 << 52));
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        exponent += 1;
    }
    let s = (m - 1.0) / (m + 1.0);
    let s2 = s * s;
    let mut sum = 0.0;
    for k in (0..12).rev() {
        sum = sum * s2 + 1.0 / f64::from(2 * k + 1);
    }
    2.0 * s * sum + exponent as f64 * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_is_right_to_the_last_digits() {
        for x in [1e-300, 1e-9, 0.1, 0.5, 0.7, 0.999_999, 1.0, 1.3, 2.0, 1e9] {
            assert!((ln(x) - x.ln()).abs() <= 4.0 * f64::EPSILON * x.ln().abs().max(1.0), "{x}");
        }
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut r = Rng::new(1, 2, 3);
        let n = 200_000;
        let (mut normal, mut square, mut exponential) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            let z = r.normal();
            normal += z;
            square += z * z;
            exponential += r.exponential();
            assert!(r.below(7) < 7);
        }
        let n = f64::from(n);
        assert!(
            (normal / n).abs() < 0.01
                && (square / n - 1.0).abs() < 0.02
                && (exponential / n - 1.0).abs() < 0.02
        );
    }

    #[test]
    fn streams_differ_and_repeat() {
        let take = |mut r: Rng| [r.next_u64(), r.next_u64()];
        assert_eq!(take(Rng::new(1, 2, 3)), take(Rng::new(1, 2, 3)));
        for other in [Rng::new(2, 2, 3), Rng::new(1, 3, 3), Rng::new(1, 2, 4)] {
            assert_ne!(take(Rng::new(1, 2, 3)), take(other));
        }
    }
}
