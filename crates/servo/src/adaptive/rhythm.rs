//! When messages come, and so how long a decision will stand.

use super::moves::Way;

/// Up to this share of lost Syncs the next one is counted on.
const FEW: f64 = 0.1;
/// A message that is due is not waited for in less than this share of the interval.
const SLACK: f64 = 0.05;
/// However reliable messages are: that one does not come. In the beginning, and at least.
const UNSURE: f64 = 0.01;
const NEVER_SURE: f64 = 0.002;
/// The share of missing Syncs is a mean of so many.
const MISSING_MEMORY: f64 = 256.0;
/// The error that is left at the end of a wait costs so much more of the next one's (the controller's Riccati equation for
/// equal distances: 1 / (2 sqrt 3)).
const TO_GO: f64 = 0.289;
/// Intervals between Delay_Reqs are averaged over so many.
const MEMORY: f64 = 16.0;

/// Learns how regularly messages come; all times on the oscillator, in s.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rhythm {
    /// What was agreed on between Syncs.
    interval: f64,
    /// Mean of the last distances between Syncs.
    gap: f64,
    /// Share of Syncs that are missing.
    missing: f64,
    last_down: Option<f64>,
    last_up: Option<f64>,
    /// When the last that came "up" was known here: its time is that of the request.
    answered: Option<f64>,
    /// Mean distance of what comes "up"; `None` before there were two.
    up_gap: Option<f64>,
}

/// Mean, mean square and mean cube of a time.
type Moments = [f64; 3];

fn exactly(t: f64) -> Moments {
    [t, t * t, t * t * t]
}

/// Of the earlier of `t` and something that comes at any time from now to `latest`, each as likely.
fn earlier(t: f64, latest: f64) -> Moments {
    let (top, after) = (t.min(latest), (1.0 - t / latest).max(0.0));
    let [m1, m2, m3] = exactly(top);
    let over = top / latest;
    [m1 * over / 2.0 + after * t, m2 * over / 3.0 + after * t * t, m3 * over / 4.0 + after * t * t * t]
}

impl Rhythm {
    pub(super) fn new() -> Self {
        Self {
            interval: 1.0,
            gap: 1.0,
            missing: UNSURE,
            last_down: None,
            last_up: None,
            answered: None,
            up_gap: None,
        }
    }

    pub(super) fn interval(&self) -> f64 {
        self.interval
    }

    /// Between messages of a direction, s: as agreed on, or as learnt.
    pub(super) fn interval_of(&self, way: Way) -> f64 {
        match way {
            Way::Down => self.interval,
            Way::Up => self.up_gap.unwrap_or(self.interval),
        }
    }

    /// Another interval between Syncs, s.
    pub(super) fn set_interval(&mut self, seconds: f64) {
        self.interval = seconds;
        self.gap = seconds;
        self.missing = self.missing.max(UNSURE);
        self.up_gap = None;
    }

    /// The oscillator's time begins anew.
    pub(super) fn restart(&mut self) {
        (self.last_down, self.last_up, self.answered) = (None, None, None);
    }

    /// One came.
    pub(super) fn came(&mut self, way: Way, time: f64) {
        let last = if way == Way::Down { &mut self.last_down } else { &mut self.last_up };
        let Some(last) = last.replace(time) else { return };
        match way {
            Way::Down => {
                let gap = (time - last).clamp(0.0, 100.0 * self.interval);
                self.gap += (gap - self.gap) / 8.0;
                let missed = if gap > 1.5 * self.interval { 1.0 } else { 0.0 };
                self.missing += (missed - self.missing) / MISSING_MEMORY;
            }
            Way::Up => {
                let gap = (time - last).clamp(1e-3 * self.interval, 1000.0 * self.interval);
                let mean = self.up_gap.get_or_insert(gap);
                *mean += (gap - *mean) / MEMORY;
            }
        }
    }

    /// What came "up" last was known then, or later.
    pub(super) fn answered(&mut self, time: f64) {
        self.answered = Some(self.answered.map_or(time, |t| t.max(time)));
    }

    /// The time over which an offset is best taken back, if that is decided now: the least mean square error until the next
    /// decision and after it, when that comes being known only roughly. A Sync is due after its interval; what comes "up"
    /// comes at random, up to twice its mean interval after the last (IEEE 1588-2019, 9.5.11.2). `two_way`: it brings a
    /// decision.
    pub(super) fn wait(&self, way: Way, now: f64, two_way: bool) -> f64 {
        let lost = 1.0 - (self.interval / self.gap).min(1.0);
        if lost > FEW {
            // When the next one comes nobody knows: better too slow than too far.
            return self.gap * (0.8 + 0.7 * lost);
        }
        let interval = self.interval.min(self.gap);
        let since = self.last_down.map_or(0.0, |t| now - t);
        // One that is overdue by more than messages vary was lost: the next one, then.
        let due = if way == Way::Down { 1.0 } else { (since / interval - 2.0 * SLACK).ceil().max(1.0) };
        let sync = if way == Way::Down { interval } else { (due * interval - since).max(SLACK * interval) };
        let doubt = (self.missing.max(NEVER_SURE) * due).min(1.0);
        let mut certain = exactly(sync);
        let later = exactly(sync + interval);
        certain.iter_mut().zip(later).for_each(|(m, l)| *m += doubt * (l - *m));
        let mean = self.up_gap.filter(|_| two_way);
        let latest = mean.zip(self.answered).map(|(gap, last)| 2.0 * gap - (now - last).max(0.0));
        let moments = match latest.filter(|t| *t > 0.0) {
            None => certain,
            Some(latest) => {
                let mut m = earlier(sync, latest);
                m.iter_mut().zip(certain).for_each(|(m, c)| *m += doubt * (c - *m));
                m
            }
        };
        let distance = mean.map_or(interval, |gap| 1.0 / (1.0 / interval + 1.0 / gap));
        let rest = 2.0 * TO_GO * distance;
        let [m1, m2, m3] = moments;
        ((2.0 / 3.0 * m3 + rest * m2) / (m2 + rest * m1)).max(0.01 * SLACK * interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_earlier_one() {
        for (t, latest) in [(1.0, 0.4), (0.4, 1.0), (1.0, 1.0)] {
            let n = 100_000;
            let mut sums = [0.0; 3];
            for i in 0..n {
                let x = f64::min(t, latest * (f64::from(i) + 0.5) / f64::from(n));
                sums.iter_mut().zip(exactly(x)).for_each(|(s, x)| *s += x / f64::from(n));
            }
            for (have, want) in earlier(t, latest).iter().zip(sums) {
                assert!((have - want).abs() < 1e-6, "{t} {latest}: {have} {want}");
            }
        }
    }

    #[test]
    fn regular_syncs_alone_are_met_and_requests_shorten_the_wait() {
        let mut r = Rhythm::new();
        r.set_interval(0.5);
        for i in 0..100 {
            r.came(Way::Down, 0.5 * f64::from(i));
        }
        let now = 0.5 * 99.0;
        // The optimum for equal distances: 0.789 of them.
        let alone = r.wait(Way::Down, now, false);
        assert!((alone / 0.5 - 0.789).abs() < 0.02, "{alone}");
        for i in 0..100 {
            r.came(Way::Up, 0.5 * f64::from(i) + 0.2);
            r.answered(0.5 * f64::from(i) + 0.2);
        }
        let with = r.wait(Way::Down, now, true);
        assert!(with < 0.9 * alone && with > 0.1 * alone, "{with} {alone}");
        // Shortly before a Sync is due there is little time, but never none.
        let late = r.wait(Way::Up, now + 0.499, true);
        assert!(late < 0.2 && late > 0.01, "{late}");
        // However long answers take: the next one is as far as the last.
        r.answered(now + 0.2);
        let answered = r.wait(Way::Up, now + 0.2, true);
        assert!(answered > 0.2, "{answered}");
        // Requests that stopped are not waited for.
        assert!((r.wait(Way::Down, now + 100.0, true) / 0.5 - 0.75).abs() < 0.06);
    }

    #[test]
    fn many_lost_ones_make_it_slow() {
        let mut r = Rhythm::new();
        let mut time = 0.0;
        for i in 0..200 {
            time += if i % 3 == 0 { 3.0 } else { 1.0 };
            r.came(Way::Down, time);
        }
        assert!(r.wait(Way::Down, time, true) > 1.5);
    }
}
