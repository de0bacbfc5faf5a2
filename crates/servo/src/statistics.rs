//! Summary lines: many samples told in one.

use core::fmt;

use ptp_wire::TimeInterval;

/// Gathers offsets, frequencies and delays for one summary line.
#[derive(Clone, Copy, Debug, Default)]
pub struct OffsetStatistics {
    count: u32,
    square_sum: f64,
    max: f64,
    frequency: Running,
    delay: Running,
}

impl OffsetStatistics {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a sample: the offset, the frequency that was applied in ppb, and the delay where one is known.
    pub fn push(&mut self, offset: TimeInterval, frequency_ppb: f64, delay: Option<TimeInterval>) {
        let offset = offset.nanos_f64();
        self.count = self.count.saturating_add(1);
        self.square_sum += offset * offset;
        self.max = self.max.max(offset.abs());
        self.frequency.push(frequency_ppb);
        if let Some(delay) = delay {
            self.delay.push(delay.nanos_f64());
        }
    }

    /// Samples since the start or the last [`OffsetStatistics::reset`].
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// What they come to; `None` without any.
    pub fn summary(&self) -> Option<Summary> {
        (self.count > 0).then(|| Summary {
            count: self.count,
            rms: (self.square_sum / f64::from(self.count)).sqrt(),
            max: self.max,
            frequency_mean: self.frequency.mean,
            frequency_deviation: self.frequency.deviation(),
            delay: (self.delay.count > 0).then(|| (self.delay.mean, self.delay.deviation())),
        })
    }

    /// Forgets all.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Many samples in one; lengths in ns, frequencies in ppb.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// How many.
    pub count: u32,
    /// Root of the mean square of the offsets.
    pub rms: f64,
    /// The largest offset without its sign.
    pub max: f64,
    /// The mean of the frequencies.
    pub frequency_mean: f64,
    /// Their standard deviation.
    pub frequency_deviation: f64,
    /// Mean and standard deviation of the delays, if there were any.
    pub delay: Option<(f64, f64)>,
}

/// The line that scripts parse: `rms .. max .. freq .. +/- .. delay .. +/- ..`.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "rms {:4.0} max {:4.0} freq {:+6.0} +/- {:3.0}",
            self.rms, self.max, self.frequency_mean, self.frequency_deviation
        )?;
        if let Some((mean, deviation)) = self.delay {
            write!(f, " delay {mean:5.0} +/- {deviation:3.0}")?;
        }
        Ok(())
    }
}

/// Mean and variance in one pass, by Welford's update.
#[derive(Clone, Copy, Debug, Default)]
struct Running {
    count: u32,
    mean: f64,
    squares: f64,
}

impl Running {
    fn push(&mut self, v: f64) {
        self.count = self.count.saturating_add(1);
        let d = v - self.mean;
        self.mean += d / f64::from(self.count);
        self.squares += d * (v - self.mean);
    }

    /// Of the sample (n - 1); zero for one value.
    fn deviation(&self) -> f64 {
        if self.count < 2 { 0.0 } else { (self.squares / f64::from(self.count - 1)).max(0.0).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_the_one_scripts_parse() {
        let mut s = OffsetStatistics::new();
        assert_eq!(s.summary(), None);
        for (offset, frequency, delay) in [(3, -1000.0, 500), (-4, -1010.0, 510), (0, -990.0, 490)] {
            s.push(TimeInterval::from_nanos(offset), frequency, Some(TimeInterval::from_nanos(delay)));
        }
        assert_eq!(s.count(), 3);
        let line = s.summary().expect("three samples").to_string();
        assert_eq!(line, "rms    3 max    4 freq  -1000 +/-  10 delay   500 +/-  10");
        s.reset();
        s.push(TimeInterval::from_nanos(-7), 2.0, None);
        assert_eq!(s.summary().expect("one sample").to_string(), "rms    7 max    7 freq     +2 +/-   0");
    }

    #[test]
    fn deviation_survives_a_large_mean() {
        let mut r = Running::default();
        for v in [1e15 + 1.0, 1e15 + 2.0, 1e15 + 3.0] {
            r.push(v);
        }
        assert!((r.deviation() - 1.0).abs() < 1e-6, "{}", r.deviation());
    }
}
