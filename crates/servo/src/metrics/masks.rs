//! Limits of the ITU-T recommendations, as data. Only limits that were checked against a published source are here;
//! what a recommendation has besides (holdover, transients, several temperatures) is not.

use super::TimeError;

/// A piece of a mask over the observation interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// From this observation interval on, s.
    pub from_s: f64,
    /// Up to this one, s.
    pub to_s: f64,
    /// ns.
    pub constant_ns: f64,
    /// ns for each second of the interval.
    pub slope_ns_per_s: f64,
}

/// One limit; ns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// max|TE|, unfiltered.
    MaxTe(f64),
    /// max|TE_L|, behind the 0.1 Hz low-pass.
    MaxTeLow(f64),
    /// |cTE|.
    ConstantTe(f64),
    /// MTIE of dTE_L, at any interval.
    LowMtie(f64),
    /// TDEV of dTE_L, at any interval.
    LowTdev(f64),
    /// dTE_H, peak to peak.
    HighPeakToPeak(f64),
    /// MTIE.
    Mtie(&'static [Segment]),
    /// TDEV.
    Tdev(&'static [Segment]),
}

/// The limits of a kind of clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mask {
    /// As the recommendation calls it.
    pub name: &'static str,
    /// All of them have to be kept.
    pub limits: &'static [Limit],
}

/// How one limit was kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Which.
    pub limit: Limit,
    /// What was measured, ns.
    pub measured: f64,
    /// What is allowed there, ns.
    pub allowed: f64,
    /// At this observation interval, s, where there is one: the one with the least margin.
    pub at_s: Option<f64>,
}

impl Verdict {
    /// What is left, ns; negative: by how much it failed.
    pub fn margin(&self) -> f64 {
        self.allowed - self.measured
    }

    /// Was it kept?
    pub fn passed(&self) -> bool {
        self.measured <= self.allowed
    }
}

const fn flat(from_s: f64, to_s: f64, constant_ns: f64) -> Segment {
    Segment { from_s, to_s, constant_ns, slope_ns_per_s: 0.0 }
}

const fn slope(from_s: f64, to_s: f64, constant_ns: f64, slope_ns_per_s: f64) -> Segment {
    Segment { from_s, to_s, constant_ns, slope_ns_per_s }
}

impl Mask {
    /// Primary reference time clock, class A (G.8272).
    pub const G8272_A: Self = Self {
        name: "G.8272 PRTC-A",
        limits: &[
            Limit::MaxTe(100.0),
            Limit::Mtie(&[slope(0.1, 273.0, 25.0, 0.275), flat(273.0, 1e5, 100.0)]),
            Limit::Tdev(&[flat(0.1, 100.0, 3.0), slope(100.0, 1000.0, 0.0, 0.03), flat(1000.0, 1e5, 30.0)]),
        ],
    };
    /// Primary reference time clock, class B (G.8272).
    pub const G8272_B: Self = Self {
        name: "G.8272 PRTC-B",
        limits: &[
            Limit::MaxTe(40.0),
            Limit::Mtie(&[slope(0.1, 54.5, 25.0, 0.275), flat(54.5, 1e5, 40.0)]),
            Limit::Tdev(&[flat(0.1, 100.0, 1.0), slope(100.0, 500.0, 0.0, 0.01), flat(500.0, 1e5, 5.0)]),
        ],
    };
    /// Telecom boundary and slave clock, class A, constant temperature (G.8273.2 7.1).
    pub const G8273_2_A: Self = Self {
        name: "G.8273.2 T-BC/T-TSC A",
        limits: &[
            Limit::MaxTe(100.0),
            Limit::ConstantTe(50.0),
            Limit::LowMtie(40.0),
            Limit::LowTdev(4.0),
            Limit::HighPeakToPeak(70.0),
        ],
    };
    /// Class B.
    pub const G8273_2_B: Self = Self {
        name: "G.8273.2 T-BC/T-TSC B",
        limits: &[
            Limit::MaxTe(70.0),
            Limit::ConstantTe(20.0),
            Limit::LowMtie(40.0),
            Limit::LowTdev(4.0),
            Limit::HighPeakToPeak(70.0),
        ],
    };
    /// Class C.
    pub const G8273_2_C: Self = Self {
        name: "G.8273.2 T-BC/T-TSC C",
        limits: &[
            Limit::MaxTe(30.0),
            Limit::ConstantTe(10.0),
            Limit::LowMtie(10.0),
            Limit::LowTdev(2.0),
            Limit::HighPeakToPeak(30.0),
        ],
    };
    /// Class D.
    pub const G8273_2_D: Self = Self { name: "G.8273.2 T-BC/T-TSC D", limits: &[Limit::MaxTeLow(5.0)] };
    /// The network's limit at reference point C (G.8271.1).
    pub const G8271_1_C: Self = Self { name: "G.8271.1 point C", limits: &[Limit::MaxTe(1100.0)] };

    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::G8272_A,
        Self::G8272_B,
        Self::G8273_2_A,
        Self::G8273_2_B,
        Self::G8273_2_C,
        Self::G8273_2_D,
        Self::G8271_1_C,
    ];

    /// One verdict for each limit that something was measured for. Observation intervals outside a mask's range are left
    /// out, and so is what the filters have not settled for. How long has to be measured is the caller's to know (1000 s for G.8273.2).
    pub fn check(&self, measured: &TimeError) -> Vec<Verdict> {
        let verdict = |limit: Limit| {
            let one = |measured: f64, allowed: f64| Some(Verdict { limit, measured, allowed, at_s: None });
            match limit {
                Limit::MaxTe(allowed) => one(measured.max_abs(), allowed),
                Limit::MaxTeLow(_) | Limit::HighPeakToPeak(_) if !measured.is_settled() => None,
                Limit::MaxTeLow(allowed) => one(measured.max_abs_low(), allowed),
                Limit::ConstantTe(allowed) => one(measured.constant()?.abs(), allowed),
                Limit::HighPeakToPeak(allowed) => one(measured.dynamic_high(), allowed),
                Limit::LowMtie(allowed) => {
                    tightest(limit, measured.mtie_low(), &[flat(0.0, f64::MAX, allowed)])
                }
                Limit::LowTdev(allowed) => {
                    tightest(limit, measured.tdev_low(), &[flat(0.0, f64::MAX, allowed)])
                }
                Limit::Mtie(segments) => tightest(limit, measured.mtie(), segments),
                Limit::Tdev(segments) => tightest(limit, measured.tdev(), segments),
            }
        };
        if measured.count() == 0 {
            return Vec::new();
        }
        self.limits.iter().filter_map(|l| verdict(*l)).collect()
    }
}

fn allowed(segments: &[Segment], at: f64) -> Option<f64> {
    let s = segments.iter().find(|s| (s.from_s..=s.to_s).contains(&at))?;
    Some(s.constant_ns + s.slope_ns_per_s * at)
}

/// Where the least margin is.
fn tightest(limit: Limit, points: impl Iterator<Item = (f64, f64)>, segments: &[Segment]) -> Option<Verdict> {
    points
        .filter_map(|(at, measured)| {
            Some(Verdict { limit, measured, allowed: allowed(segments, at)?, at_s: Some(at) })
        })
        .min_by(|a, b| a.margin().total_cmp(&b.margin()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_join_where_segments_meet() {
        for mask in Mask::ALL {
            for limit in mask.limits {
                let (Limit::Mtie(segments) | Limit::Tdev(segments)) = limit else { continue };
                for pair in segments.windows(2) {
                    let at = pair[0].to_s;
                    assert_eq!(at, pair[1].from_s);
                    let (a, b) = (pair[0], pair[1]);
                    let a = a.constant_ns + a.slope_ns_per_s * at;
                    let b = b.constant_ns + b.slope_ns_per_s * at;
                    assert!((a - b).abs() < 0.1, "{}: {a} {b} at {at}", mask.name);
                }
            }
        }
    }

    #[test]
    fn what_the_filters_have_not_seen_is_no_verdict() {
        let mut t = TimeError::new(1.0, 10.0);
        (0..5).for_each(|_| t.push(3.0));
        assert!(Mask::G8273_2_D.check(&t).is_empty() && Mask::G8273_2_C.check(&t).len() == 2);
        (0..20).for_each(|_| t.push(3.0));
        assert_eq!((Mask::G8273_2_D.check(&t).len(), Mask::G8273_2_C.check(&t).len()), (1, 5));
    }

    #[test]
    fn a_verdict_names_the_tightest_interval() {
        // 1 ns/s for 60 s: MTIE 0.275 t + 25 is met up to 34 s.
        let mut t = TimeError::new(1.0, 50.0);
        for i in 0..60 {
            t.push(f64::from(i));
        }
        let verdicts = Mask::G8272_A.check(&t);
        let mtie = verdicts.iter().find(|v| matches!(v.limit, Limit::Mtie(_))).expect("a verdict");
        assert!(!mtie.passed());
        assert_eq!((mtie.at_s, mtie.measured), (Some(50.0), 50.0));
        assert!((mtie.margin() + 11.25).abs() < 1e-9);
        let te = verdicts.iter().find(|v| matches!(v.limit, Limit::MaxTe(_))).expect("a verdict");
        assert!(te.passed() && te.margin() == 41.0);
        assert!(Mask::G8272_A.check(&TimeError::new(1.0, 10.0)).is_empty());
    }

    #[test]
    fn classes_are_told_apart() {
        // 15 ns of constant error: class B, not C.
        let mut t = TimeError::new(0.25, 1000.0);
        for i in 0..4400u32 {
            t.push(15.0 + f64::from(i % 3));
        }
        let passes = |m: Mask| m.check(&t).iter().all(Verdict::passed);
        assert!(
            passes(Mask::G8273_2_A)
                && passes(Mask::G8273_2_B)
                && !passes(Mask::G8273_2_C)
                && !passes(Mask::G8273_2_D)
        );
        assert!(passes(Mask::G8271_1_C));
    }
}
