//! How fast the grandmaster's second is against ours (1588-2019 10.1): a slope over the Syncs that pass, kept for each
//! domain, so that residence times can be told in the grandmaster's seconds.

use core::time::Duration;

use ptp_wire::{Header, PortIdentity, PortNumber, SdoId, TimeInterval, TimePoint, Timestamp};

use super::super::Instant;
use super::super::sync::{Matched, SyncMatcher, SyncPair};

/// Domains that have a rate; the one silent for longest makes place for a new one.
const DOMAINS: usize = 8;
/// Pairs in the slope.
const PAIRS: usize = 32;
/// A slope of fewer says nothing.
const MIN_PAIRS: usize = 4;
/// Nor does one over less time, ns.
const MIN_SPAN_NS: f64 = 1e9;
/// No clock that is worth following is farther off: 1000 ppm.
const MAX_DEVIATION: f64 = 1e-3;
/// How much two stamps may contradict the rate because of their own noise, ns.
const STAMP_NOISE_NS: f64 = 1e6;
/// A master that is silent for this long is not followed any more.
const SILENCE: Duration = Duration::from_secs(4);

/// A ring of pairs and the slope through them.
#[derive(Clone, Debug)]
struct Slope {
    /// Grandmaster's time and ours.
    pairs: [(TimePoint, TimePoint); PAIRS],
    length: usize,
    next: usize,
    ratio: Option<f64>,
}

impl Slope {
    const fn new() -> Self {
        Self { pairs: [(TimePoint::ZERO, TimePoint::ZERO); PAIRS], length: 0, next: 0, ratio: None }
    }

    /// Forgets the pairs; the rate that was known is still the best there is.
    fn restart(&mut self) {
        self.length = 0;
        self.next = 0;
    }

    fn push(&mut self, origin: TimePoint, ingress: TimePoint) {
        if self.length > 0 {
            let (last_origin, last_ingress) = self.pairs[(self.next + PAIRS - 1) % PAIRS];
            let ours = (ingress - last_ingress).nanos_f64();
            let theirs = (origin - last_origin).nanos_f64();
            let plausible = (theirs - ours).abs() <= ours * MAX_DEVIATION + STAMP_NOISE_NS;
            if ours <= 0.0 {
                return; // A repetition, or a clock that was set back without a word: no slope.
            }
            if !plausible {
                self.restart(); // One of the two clocks was stepped.
            }
        }
        self.pairs[self.next] = (origin, ingress);
        self.next = (self.next + 1) % PAIRS;
        self.length = (self.length + 1).min(PAIRS);
        if let Some(ratio) = self.fit() {
            self.ratio = Some(ratio);
        }
    }

    /// Least squares of (theirs - ours) over ours: the difference is small, so nothing is lost in the sums.
    fn fit(&self) -> Option<f64> {
        let pairs = self.pairs.get(..self.length)?;
        let oldest = if self.length < PAIRS { 0 } else { self.next };
        let (first_origin, first_ingress) = *pairs.get(oldest)?;
        let points = pairs.iter().map(|(origin, ingress)| {
            let ours = (*ingress - first_ingress).nanos_f64();
            (ours, (*origin - first_origin).nanos_f64() - ours)
        });
        let n = self.length as f64;
        let (mean_x, mean_y) =
            points.clone().fold((0.0, 0.0), |(x, y), (ours, ahead)| (x + ours / n, y + ahead / n));
        let (mut xx, mut xy, mut span) = (0.0, 0.0, 0.0f64);
        for (ours, ahead) in points {
            xx += (ours - mean_x) * (ours - mean_x);
            xy += (ours - mean_x) * (ahead - mean_y);
            span = span.max(ours);
        }
        if self.length < MIN_PAIRS || span < MIN_SPAN_NS || xx <= 0.0 {
            return None;
        }
        let deviation = xy / xx;
        (deviation.abs() <= MAX_DEVIATION).then_some(1.0 + deviation)
    }
}

/// One domain's master as this clock sees it.
#[derive(Clone, Debug)]
struct Follower {
    domain: (SdoId, u8),
    source: PortIdentity,
    port: PortNumber,
    seen: Instant,
    matcher: SyncMatcher,
    slope: Slope,
}

/// The rates of all domains.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    followers: Vec<Follower>,
}

impl Rates {
    pub(super) fn new() -> Self {
        Self { followers: Vec::with_capacity(DOMAINS) }
    }

    /// Our clock was stepped: pairs of before and after do not go together.
    pub(super) fn clock_stepped(&mut self) {
        for follower in &mut self.followers {
            follower.matcher.clear();
            follower.slope.restart();
        }
    }

    /// The grandmaster's seconds per second of ours; 1 while it is not known.
    pub(super) fn ratio(&self, sdo_id: SdoId, domain_number: u8) -> f64 {
        self.known(sdo_id, domain_number).unwrap_or(1.0)
    }

    /// The same, if it is known.
    pub(super) fn known(&self, sdo_id: SdoId, domain_number: u8) -> Option<f64> {
        self.followers.iter().find(|f| f.domain == (sdo_id, domain_number)).and_then(|f| f.slope.ratio)
    }

    /// The follower of the domain if it follows this sender on this port. One that has gone silent is left for it.
    fn follower(&mut self, now: Instant, header: &Header, port: PortNumber) -> Option<&mut Follower> {
        let domain = (header.sdo_id, header.domain_number);
        let source = header.source_port_identity;
        let new = || Follower {
            domain,
            source,
            port,
            seen: now,
            matcher: SyncMatcher::default(),
            slope: Slope::new(),
        };
        let place = match self.followers.iter().position(|f| f.domain == domain) {
            Some(place) => place,
            None if self.followers.len() < DOMAINS => {
                self.followers.push(new());
                self.followers.len() - 1
            }
            None => {
                let (place, oldest) = self.followers.iter_mut().enumerate().min_by_key(|(_, f)| f.seen)?;
                if now.since(oldest.seen) < SILENCE {
                    return None;
                }
                *oldest = new();
                place
            }
        };
        let follower = self.followers.get_mut(place)?;
        if (follower.source, follower.port) != (source, port) {
            if now.since(follower.seen) < SILENCE {
                return None;
            }
            let ratio = follower.slope.ratio;
            *follower = new();
            follower.slope.ratio = ratio;
        }
        follower.seen = now;
        Some(follower)
    }

    /// A Sync passes. `ingress`: when it came; `two_step`: its time is in a Follow_Up.
    pub(super) fn sync(
        &mut self,
        now: Instant,
        port: PortNumber,
        header: &Header,
        origin: Timestamp,
        ingress: TimePoint,
        two_step: bool,
    ) {
        let Some(follower) = self.follower(now, header, port) else { return };
        if !two_step {
            return follower.slope.push(TimePoint::from(origin) + header.correction, ingress);
        }
        let interval = header.log_message_interval;
        let matched =
            follower.matcher.two_step_sync(header.sequence_id, ingress, header.correction, interval);
        follower.take(matched);
    }

    /// A Follow_Up passes.
    pub(super) fn follow_up(&mut self, now: Instant, port: PortNumber, header: &Header, origin: Timestamp) {
        let Some(follower) = self.follower(now, header, port) else { return };
        let matched = follower.matcher.follow_up(header.sequence_id, origin, header.correction, None);
        follower.take(matched);
    }
}

impl Follower {
    fn take(&mut self, matched: Matched) {
        if let Matched::Pair(SyncPair { origin, ingress, .. }) = matched {
            self.slope.push(origin, ingress);
        }
    }
}

/// A time of our clock in the grandmaster's seconds.
pub(super) fn scaled(time: TimeInterval, ratio: f64) -> TimeInterval {
    time + TimeInterval((time.0 as f64 * (ratio - 1.0)) as i64)
}

#[cfg(test)]
mod tests {
    use ptp_wire::{ClockIdentity, Flags, MessageType};

    use super::*;

    const PORT: PortNumber = PortNumber(1);
    const SECOND: u64 = 1_000_000_000;
    const EPOCH: i128 = 1_700_000_000_000_000_000;

    fn header(clock: u8, sequence_id: u16) -> Header {
        let mut header = Header::new(MessageType::Sync);
        header.flags = Flags::TWO_STEP;
        header.source_port_identity = PortIdentity::new(ClockIdentity([clock; 8]), 1);
        header.sequence_id = sequence_id;
        header
    }

    /// A Sync each second from `from` on; our clock is faster than theirs by `ppb`, and wrong by up to `noise`.
    fn listen(rates: &mut Rates, clock: u8, from: u64, count: u64, ppb: f64, noise: f64) {
        for i in from..from + count {
            let now = Instant(i * SECOND);
            let ours =
                i as f64 * SECOND as f64 * (1.0 + ppb * 1e-9) + noise * ((i * 7 % 5) as f64 - 2.0) / 2.0;
            let ingress = TimePoint::from_nanos(EPOCH) + TimeInterval::from_nanos_f64(ours);
            let (origin, _) = TimePoint::from_nanos(EPOCH + i128::from(i * SECOND)).split();
            let h = header(clock, i as u16);
            rates.sync(now, PORT, &h, Timestamp::ZERO, ingress, true);
            rates.follow_up(now, PORT, &h, origin);
        }
    }

    #[test]
    fn the_slope_is_the_ratio_of_the_clocks() {
        let mut rates = Rates::new();
        listen(&mut rates, 1, 0, 3, 50_000.0, 0.0);
        assert_eq!(rates.known(SdoId::PTP, 0), None, "three say nothing yet");
        listen(&mut rates, 1, 3, 60, 50_000.0, 0.0);
        let ratio = rates.ratio(SdoId::PTP, 0);
        assert!((ratio - 1.0 / 1.00005).abs() < 1e-12, "{ratio}");
        assert_eq!(rates.ratio(SdoId::PTP, 1), 1.0, "of another domain nothing is known");
        let residence = scaled(TimeInterval::from_nanos(1_000_000), ratio);
        assert!((residence.nanos_f64() - 999_950.002_5).abs() < 0.001, "{residence}");
    }

    #[test]
    fn noise_of_software_stamps_is_averaged() {
        let mut rates = Rates::new();
        listen(&mut rates, 1, 0, 40, -20_000.0, 20_000.0);
        let ratio = rates.ratio(SdoId::PTP, 0);
        assert!((ratio - 1.0 - 20e-6).abs() < 0.5e-6, "{ratio}");
    }

    #[test]
    fn a_second_master_is_not_listened_to_until_the_first_is_silent() {
        let mut rates = Rates::new();
        listen(&mut rates, 1, 0, 10, 1000.0, 0.0);
        listen(&mut rates, 2, 10, 3, 900_000.0, 0.0);
        assert!((rates.ratio(SdoId::PTP, 0) - 1.0 + 1e-6).abs() < 1e-9);
        listen(&mut rates, 2, 20, 10, 30_000.0, 0.0);
        assert!((rates.ratio(SdoId::PTP, 0) - 1.0 + 30e-6).abs() < 1e-9);
    }

    #[test]
    fn a_step_starts_over_but_keeps_the_rate() {
        let mut rates = Rates::new();
        listen(&mut rates, 1, 0, 10, 1000.0, 0.0);
        let before = rates.ratio(SdoId::PTP, 0);
        rates.clock_stepped();
        assert_eq!(rates.ratio(SdoId::PTP, 0), before);
        // The master jumps by an hour: what is between is no slope.
        let h = header(1, 999);
        let later = TimePoint::from_nanos(EPOCH + 3_600_000_000_000);
        rates.sync(Instant(11 * SECOND), PORT, &h, later.split().0, TimePoint::from_nanos(EPOCH), false);
        let ingress = TimePoint::from_nanos(EPOCH + 1_000_000_000);
        rates.sync(Instant(12 * SECOND), PORT, &h, Timestamp::ZERO, ingress, false);
        assert_eq!(rates.ratio(SdoId::PTP, 0), before);
    }

    #[test]
    fn no_number_of_domains_costs_more_memory() {
        let mut rates = Rates::new();
        for domain in 0..=255u8 {
            let mut h = header(1, 1);
            h.domain_number = domain;
            rates.sync(Instant(0), PORT, &h, Timestamp::ZERO, TimePoint::ZERO, false);
        }
        assert_eq!(rates.followers.len(), DOMAINS);
    }
}
