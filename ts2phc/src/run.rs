//! The two loops: steering a clock, and checking what a receiver says.

use std::io::{self, Write};
use std::os::fd::AsFd;

use ptp_clock::{Clock, ClockError, Phc, realtime_now};
use ptp_daemon::{Interest, Notify, PollSet, RateLimit, Signals, monotonic_now};
use ptp_wire::TimePoint;
use tracing::{debug, info, warn};

use crate::discipline::Discipline;
use crate::feed::Feed;
use crate::leap::LeapTable;
use crate::nmea::Sentence;
use crate::time_of_day::TimeOfDay;

/// A pulse that is read later than this after it came is not used: its second would be in doubt.
const LATE: i64 = 900_000_000;
/// A warning that would repeat with every pulse comes once in this time, in ns.
const QUIET: u64 = 60_000_000_000;

#[derive(Clone, Copy, Debug)]
enum Key {
    Feed,
    Clock,
}

/// What steers a clock.
pub(crate) struct Steering {
    pub(crate) feed: Feed,
    pub(crate) time: TimeOfDay,
    pub(crate) leaps: LeapTable,
    pub(crate) clock: Phc,
    /// `/dev/ptpN`.
    pub(crate) clock_path: String,
    pub(crate) channel: u32,
    pub(crate) discipline: Discipline,
}

impl Steering {
    /// Runs until a signal says to stop.
    pub(crate) fn run(mut self, signals: Signals) -> Result<(), ClockError> {
        let mut poll = PollSet::new();
        let mut notify = Notify::from_env();
        let mut no_time = RateLimit::new(QUIET);
        let mut expired = RateLimit::new(3600 * 1_000_000_000);
        notify.ready();
        while !signals.stop() {
            self.feed.open_if_due();
            poll.clear();
            if let Some(source) = self.feed.source() {
                poll.add(source.as_fd(), Interest::READ, Key::Feed);
            }
            poll.add(self.clock.as_fd(), Interest::READ, Key::Clock);
            wait(&mut poll, self.feed.deadline());
            for ready in (0..poll.len()).filter_map(|i| poll.ready(i)).filter(|r| r.readable || r.priority) {
                match ready.key {
                    Key::Feed => self.sentences(&mut expired),
                    Key::Clock => self.pulse(&mut no_time)?,
                }
            }
            notify.alive(monotonic_now());
        }
        notify.stopping();
        info!("{}", self.feed.counts());
        let _ = self.clock.disable_extts(self.channel);
        Ok(())
    }

    fn sentences(&mut self, expired: &mut RateLimit) {
        let Self { feed, time, leaps, .. } = self;
        feed.read(|sentence| {
            let arrival = monotonic_now();
            // Of receivers that tell more than once a second, the full seconds name pulses.
            let Some(utc) = time.trusted(sentence, arrival).filter(|u| u.is_whole()) else { return };
            if leaps.is_expired(utc.unix()) && expired.allow(arrival).is_some() {
                warn!("the list of leap seconds has expired: get a new one, or say --utc-offset");
            }
            if let Some(tai) = utc.tai(leaps) {
                time.heard(tai, arrival);
            }
        });
    }

    fn pulse(&mut self, no_time: &mut RateLimit) -> Result<(), ClockError> {
        let Some(event) = self.clock.read_extts()? else { return Ok(()) };
        if event.channel != self.channel {
            return Ok(());
        }
        // How long ago by the clock itself, so that a program that was held up is not a second wrong.
        let age = (self.clock.now()? - event.time).nanos();
        let Some(age) = u64::try_from(age).ok().filter(|_| age < LATE) else {
            debug!("a pulse was read {age} ns after it came: dropped");
            return Ok(());
        };
        match self.time.of_pulse(monotonic_now().saturating_sub(age)) {
            Ok(tai) => self.steer(event.time, tai),
            Err(unknown) => {
                if no_time.allow(monotonic_now()).is_some() {
                    warn!("pulses of {} are not used: {unknown}", self.clock_path);
                }
                Ok(())
            }
        }
    }

    fn steer(&mut self, stamp: TimePoint, tai: TimePoint) -> Result<(), ClockError> {
        let c = self.discipline.pulse(&mut self.clock, stamp, tai)?;
        let (path, offset, state) = (&self.clock_path, c.offset.nanos(), c.state);
        info!("{path} offset {offset:10} {state} freq {:+7.0}", c.frequency_ppb);
        Ok(())
    }
}

/// Prints what a receiver says, to the end of a file, for `count` times, or until a signal. Says how many times came.
pub(crate) fn check(
    mut feed: Feed,
    leaps: Option<&LeapTable>,
    count: Option<u64>,
    signals: Signals,
) -> io::Result<u64> {
    let mut poll = PollSet::new();
    let mut out = io::stdout().lock();
    let mut failed = Ok(());
    let enough = |feed: &Feed| count.is_some_and(|c| feed.counts().times() >= c);
    while !signals.stop() && !feed.ended() && !enough(&feed) && failed.is_ok() {
        feed.open_if_due();
        poll.clear();
        if let Some(source) = feed.source() {
            poll.add(source.as_fd(), Interest::READ, Key::Feed);
        }
        wait(&mut poll, feed.deadline());
        if poll.ready(0).is_some_and(|r| r.readable || r.priority) {
            feed.read(|sentence| {
                failed = failed.as_ref().map_or(Ok(()), |()| print(&mut out, sentence, leaps))
            });
        }
    }
    writeln!(out, "{}", feed.counts())?;
    failed.map(|()| feed.counts().times())
}

fn print(out: &mut impl Write, sentence: Sentence, leaps: Option<&LeapTable>) -> io::Result<()> {
    let (kind, utc) = match sentence {
        Sentence::Rmc(utc) => ("RMC", utc),
        Sentence::Zda(utc) => ("ZDA", utc),
        Sentence::RmcInvalid => return writeln!(out, "no fix"),
        Sentence::ZdaEmpty | Sentence::Other => return Ok(()),
    };
    let late = (realtime_now() - TimePoint::from_nanos(utc.unix_nanos())).nanos_f64() * 1e-6;
    write!(out, "{utc} {kind} {late:+.1} ms by the system clock")?;
    if let Some(tai) = leaps.and_then(|l| utc.tai(l)) {
        write!(out, ", TAI {tai}")?;
    }
    writeln!(out)?;
    out.flush()
}

/// An error of poll comes from a lack of memory: what is ready is looked at again.
fn wait(poll: &mut PollSet<Key>, deadline: Option<u64>) {
    if let Err(e) = poll.wait(deadline) {
        warn!("waiting: {e}");
    }
}
