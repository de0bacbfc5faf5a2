use super::Histogram;

/// The last of many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LastSample {
    /// When, ns of CLOCK_MONOTONIC.
    pub at: u64,
    /// The clock minus what it should show, ns.
    pub offset_ns: f64,
    /// Delay of the path or of the reading, ns; `None`: there is none.
    pub delay_ns: Option<f64>,
}

impl LastSample {
    /// How long ago it was, s.
    pub fn age_s(&self, now: u64) -> f64 {
        now.saturating_sub(self.at) as f64 / 1e9
    }
}

/// What was measured of one clock: plain numbers, for the loop to keep and to copy.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Samples {
    /// All magnitudes.
    pub offsets: Histogram,
    /// `None`: nothing was measured, or it does not count any more.
    pub last: Option<LastSample>,
    /// Times the clock was stepped.
    pub steps: u64,
    largest_ns: f64,
}

impl Samples {
    /// One more.
    pub fn measured(&mut self, sample: LastSample) {
        self.offsets.observe_ns(sample.offset_ns);
        self.largest_ns = self.largest_ns.max(sample.offset_ns.abs());
        self.last = Some(sample);
    }

    /// The clock was stepped, if so.
    pub fn stepped(&mut self, stepped: bool) {
        self.steps = self.steps.saturating_add(stepped.into());
    }

    /// The largest magnitude since this was last asked, ns.
    pub fn take_largest_ns(&mut self) -> f64 {
        std::mem::take(&mut self.largest_ns)
    }
}
