//! A clock that pulses steer: from stamps to what is known of it.

use core::time::Duration;
use std::os::fd::BorrowedFd;

use ptp_clock::{
    Clock, ClockError, ClockName, Comparer, Comparison, CrossStamp, Edge, Method, PpsDevice, PulseClock,
    monotonic_raw_now,
};
use ptp_daemon::monotonic_now;
use ptp_servo::OscillatorModel;
use ptp_wire::{TimeInterval, TimePoint};
use tracing::{debug, info, warn};

use crate::discipline::{Correction, Discipline};
use crate::edges::{EdgeCounts, EdgeFilter, Verdict};
use crate::kernel_pulses::KernelPulses;
use crate::patience::patiently;
use crate::settings::{Settings, SinkSettings};
use crate::time_of_day::tick;

/// A pulse that is read later than this after it came is not used: its second would be in doubt.
const LATE: i64 = 900_000_000;
/// A clock that gains more than this on CLOCK_MONOTONIC_RAW was changed by somebody, ns and ppb.
const CHANGED_NS: f64 = 500_000.0;
const CHANGED_PPB: f64 = 1_000_000.0;

/// Pulses of a clock that tracks come within so much of their period, and within so much in any case, ns.
const NEAR: f64 = 1.0 / 32.0;
const NEAR_NS: f64 = 1e6;

/// The best of so many readings makes a comparison.
const READINGS: u32 = 5;

/// A pulse, stamped.
#[derive(Clone, Copy, Debug)]
pub struct Stamped {
    /// By the clock, with its correction.
    pub stamp: TimePoint,
    /// By CLOCK_MONOTONIC, as well as a program can, ns.
    pub came: u64,
}

/// A clock, its input and its servo.
pub struct Sink {
    settings: SinkSettings,
    /// `/dev/ptpN`, or the clock's name.
    pub path: String,
    clock: Box<dyn PulseClock>,
    pps: Option<KernelPulses>,
    edges: EdgeFilter,
    discipline: Discipline,
    period: Duration,
    rate: u32,
    /// Its time and CLOCK_MONOTONIC_RAW when last steered.
    before: Option<(TimePoint, u64)>,
    /// It follows its second well enough to know it.
    tracks: bool,
    /// When its second was last told by somebody.
    told: Option<u64>,
    /// When an edge last came about where the clock itself has a pulse.
    near: Option<u64>,
}

impl Sink {
    /// Opens the clock and starts its stamps.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn open(
        settings: &SinkSettings,
        all: &Settings,
        model: Option<OscillatorModel>,
    ) -> Result<Self, String> {
        let name = clock_name(&settings.clock)?;
        let path = match &name {
            ClockName::Phc(n) => format!("/dev/ptp{n}"),
            other => other.to_string(),
        };
        let said = |e: ClockError| e.to_string();
        let mut clock = name.open_for_pulses(all.period()).map_err(said)?;
        let pps = match &settings.pps {
            Some(device) => {
                let device = PpsDevice::open_edge(device, settings.edge == Edge::Falling).map_err(said)?;
                Some(KernelPulses::new(device, READINGS))
            }
            None => {
                patiently(|| clock.start_pulses(settings.channel, settings.pin.as_ref(), settings.edge))
                    .map_err(said)?;
                None
            }
        };
        let interval = all.period().as_secs_f64();
        let discipline =
            Discipline::new(&mut *clock, all.servo, all.steering, interval, model).map_err(said)?;
        let both = (settings.edge == Edge::Both).then_some(all.width);
        Ok(Self {
            settings: settings.clone(),
            path,
            clock,
            pps,
            edges: EdgeFilter::new(all.period(), both),
            discipline,
            period: all.period(),
            rate: all.rate,
            before: None,
            tracks: false,
            told: None,
            near: None,
        })
    }

    /// The next pulse, if one has come; other edges are passed over.
    ///
    /// # Errors
    /// The clock is gone.
    pub fn next_pulse(&mut self) -> Result<Option<Stamped>, ClockError> {
        let stamp = match &mut self.pps {
            Some(pps) => match pps.next(&mut *self.clock)? {
                Some(stamp) => stamp,
                None => return Ok(None),
            },
            None => match self.clock.next_pulse()? {
                Some(event) if event.channel == self.settings.channel => event.time,
                _ => return Ok(None),
            },
        };
        // How long ago by the clock itself, so that a program that was held up is not a second wrong.
        let age = (patiently(|| self.clock.now())? - stamp).nanos();
        let came = monotonic_now().saturating_sub(u64::try_from(age).unwrap_or(0));
        let verdict = match self.is_noise(stamp, came) {
            true => self.edges.noise(),
            false => self.edges.edge(stamp),
        };
        match verdict {
            Verdict::Pulse { missing } if missing > 0 => {
                let s = if missing == 1 { "" } else { "s" };
                // Of faster ones the counts tell.
                match self.rate {
                    1 => info!(target: "pulses", "{}: {missing} pulse{s} did not come", self.path),
                    _ => debug!(target: "pulses", "{}: {missing} pulse{s} did not come", self.path),
                }
            }
            Verdict::Pulse { .. } => {}
            _ => return Ok(None),
        }
        if !(-1_000_000..LATE).contains(&age) {
            return Ok(None);
        }
        Ok(Some(Stamped { stamp: stamp + self.settings.correction, came }))
    }

    /// Whether an edge comes where there is no pulse, by a clock that tracks, and that has just seen pulses where they should be.
    /// When those cease, edges elsewhere are not passed over: they may be a receiver that has jumped.
    fn is_noise(&mut self, stamp: TimePoint, came: u64) -> bool {
        if !self.tracks || self.edges.is_both() {
            return false;
        }
        let own = stamp + self.settings.correction;
        let off = tick(own, self.rate).map_or(f64::INFINITY, |tick| (own - tick).nanos_f64().abs());
        if off <= (self.period.as_nanos() as f64 * NEAR).min(NEAR_NS) {
            self.near = Some(came);
            return false;
        }
        self.near.is_some_and(|at| came.saturating_sub(at) < nanos(self.period * 5 / 2))
    }

    /// The time that the clock itself holds a pulse to be, while it knows: it tracks, and was told less than `holdover` ago.
    pub fn own_time(&self, pulse: &Stamped, holdover: Duration) -> Option<TimePoint> {
        let told = self.told?;
        let known = self.tracks && pulse.came.saturating_sub(told) <= nanos(holdover);
        if known { tick(pulse.stamp, self.rate) } else { None }
    }

    fn clock_stepped(&mut self) {
        self.edges.clock_stepped();
        self.pps.iter_mut().for_each(KernelPulses::clock_stepped);
    }

    /// The offset that steering by this pulse would find, ns.
    pub fn offset(pulse: &Stamped, truth: TimePoint) -> f64 {
        (pulse.stamp - truth).nanos_f64()
    }

    /// Whether somebody else changed the clock since it was last looked at. It is learnt anew then.
    ///
    /// # Errors
    /// The clock is gone.
    pub fn was_changed(&mut self) -> Result<bool, ClockError> {
        let (now, raw) = (patiently(|| self.clock.now())?, monotonic_raw_now());
        let Some((then, then_raw)) = self.before.replace((now, raw)) else { return Ok(false) };
        let elapsed = raw.saturating_sub(then_raw) as f64;
        let gained = (now - then).nanos_f64() - elapsed;
        let changed = gained.abs() > CHANGED_NS + CHANGED_PPB * 1e-9 * elapsed;
        if changed {
            warn!(
                target: "clocks",
                "{} was changed by {gained:.0} ns, not by this program: look for another one that steers it (ptpd, \
                 ptp4l, phc-sync, phc2sys)",
                self.path
            );
            self.discipline.clock_changed(&mut *self.clock)?;
            self.clock_stepped();
            self.tracks = false;
        }
        Ok(changed)
    }

    /// Steers by a pulse whose time is known; `told`: by somebody, not by the clock itself.
    ///
    /// # Errors
    /// The clock is gone.
    pub fn steer(&mut self, pulse: &Stamped, truth: TimePoint, told: bool) -> Result<Correction, ClockError> {
        let found = self.discipline.pulse(&mut *self.clock, pulse.stamp, truth)?;
        if found.stepped {
            self.clock_stepped();
        }
        self.before = Some((patiently(|| self.clock.now())?, monotonic_raw_now()));
        if let Some(r) = self.discipline.take_returned() {
            let within = if r.error_ns.abs() <= r.bound_ns { "within" } else { "BEYOND" };
            info!(
                target: "clocks",
                "{}: after {:.0} s of holdover off by {:.0} ns, {within} the bound of {:.0} ns",
                self.path, r.after_s, r.error_ns, r.bound_ns
            );
        }
        self.tracks = found.state.is_locked()
            && found.offset.abs() < TimeInterval::from_nanos(100_000_000 / i64::from(self.rate));
        if told {
            self.told = Some(pulse.came);
        }
        Ok(found)
    }

    /// No pulse to follow. Gives the bound of the error, ns.
    ///
    /// # Errors
    /// The clock is gone.
    pub fn hold(&mut self) -> Result<f64, ClockError> {
        self.discipline.hold(&mut *self.clock)
    }

    /// What a reload may change: the delay of the cable, and thresholds. What was learnt stays.
    pub fn configure(&mut self, settings: &SinkSettings, all: &Settings) {
        self.settings.correction = settings.correction;
        self.discipline.configure(all.servo);
    }

    /// It runs on its own.
    pub const fn is_holding(&self) -> bool {
        self.discipline.is_holding()
    }

    /// What was learnt of its oscillator.
    pub const fn model(&self) -> &OscillatorModel {
        self.discipline.model()
    }

    /// What came on its input.
    pub const fn edges(&self) -> EdgeCounts {
        self.edges.counts()
    }

    /// To poll; `None`: ask every few milliseconds.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        if self.pps.is_some() { None } else { self.clock.pulse_fd() }
    }

    /// From pulse to pulse.
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// Somebody else steers it now, or did.
    ///
    /// # Errors
    /// The clock is gone.
    pub fn forget(&mut self) -> Result<(), ClockError> {
        (self.before, self.tracks, self.told, self.near) = (None, false, None, None);
        self.pps.iter_mut().for_each(KernelPulses::clock_stepped);
        self.discipline.clock_changed(&mut *self.clock)
    }

    /// The clock and the system clock at one instant.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn cross_stamp(&mut self) -> Result<CrossStamp, ClockError> {
        self.clock.cross_stamp(READINGS)
    }

    /// The clock and another one at one instant; the clock is the comparison's sink. Reading two cards in turn takes microseconds:
    /// where each stamps itself against the system clock better than that, those stamps are compared.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn compare(&mut self, other: &mut dyn Clock) -> Result<Comparison, ClockError> {
        let read = Comparer::new(READINGS).compare(other, &mut *self.clock)?;
        if read.method != Method::Sandwich {
            return Ok(read);
        }
        let (theirs, own) = match (other.cross_stamp(READINGS), self.clock.cross_stamp(READINGS)) {
            (Ok(theirs), Ok(own)) => (theirs, own),
            _ => return Ok(read),
        };
        let stamped = across(&theirs, &own);
        Ok(stamped.filter(|s| s.delay < read.delay).unwrap_or(read))
    }

    /// Ends its stamps, and says what came.
    pub fn close(&mut self) {
        info!(target: "clocks", "{}: {}", self.path, self.edges.counts());
        if self.pps.is_none() {
            let _ = self.clock.stop_pulses(self.settings.channel);
        }
    }
}

/// Two clocks by what each was when the system clock showed something, shortly after each other. `None`: not shortly, or the
/// system clock was stepped in between.
fn across(source: &CrossStamp, sink: &CrossStamp) -> Option<Comparison> {
    let between = sink.system - source.system;
    let near = between.abs() < TimeInterval::from_nanos(1_000_000);
    // The rates of the three differ by less than a thousandth.
    let drift = TimeInterval::from_nanos_f64(between.nanos_f64().abs() * 1e-3);
    near.then(|| Comparison {
        source: source.device + between,
        sink: sink.device,
        delay: source.delay + sink.delay + drift,
        method: Method::CrossStamp,
    })
}

/// A clock's own name, or the interface that it stamps for.
///
/// # Errors
/// There is no such interface, or it has no clock.
pub fn clock_name(name: &str) -> Result<ClockName, String> {
    match name.parse() {
        Ok(ClockName::System) => {
            Err(format!("{name} has no input for pulses: give phcN, /dev/ptpN or a network interface"))
        }
        Ok(clock) => Ok(clock),
        Err(_) => {
            let interface = ptp_net::Interface::query(name).map_err(|e| e.to_string())?;
            interface
                .phc_index()
                .map(ClockName::Phc)
                .ok_or_else(|| format!("{name} has no PTP hardware clock (`ethtool -T {name}`)"))
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_compared_by_their_stamps_of_the_system_clock() {
        let at = TimePoint::from_nanos;
        let stamp = |device: i128, system: i128, delay: i64| CrossStamp {
            device: at(device),
            system: at(system),
            delay: TimeInterval::from_nanos(delay),
        };
        let found =
            across(&stamp(5_000_000, 1_000_000, 300), &stamp(5_030_250, 1_030_000, 500)).expect("near");
        assert_eq!(found.offset(), TimeInterval::from_nanos(250));
        assert_eq!(found.delay, TimeInterval::from_nanos(830), "both, and what 30 us may drift");
        assert!(across(&stamp(0, 0, 1), &stamp(0, 2_000_000, 1)).is_none(), "stepped in between");
    }
}
