//! Which time a pulse marks, from whomever that is known.

use std::os::fd::{AsFd, BorrowedFd};

use ptp_clock::{Clock, SystemClock, realtime_now};
use ptp_daemon::{RateLimit, monotonic_now};
use ptp_gnss::{Condition, Counts, Era, LeapError, LeapTable, Message, Receiver, UtcTime};
use ptp_wire::{TimeInterval, TimePoint};
use tracing::{info, warn};

use crate::feed::Feed;
use crate::grandmaster::{Leap, TimeScale};
use crate::settings::{Leaps, Settings, TimeFrom};
use crate::sink::clock_name;
use crate::time_of_day::{TimeOfDay, Unknown, tick};

const HOUR: u64 = 3_600_000_000_000;
/// A leap second is told this long before the end of its day, s.
const LEAP_NOTICE: i64 = 43_200;

enum From {
    Receiver { feed: Box<Feed>, receiver: Box<Receiver>, time: Box<TimeOfDay> },
    System,
    Clock(Box<dyn Clock>),
}

/// The source of time of day, and of TAI - UTC.
pub struct Times {
    from: From,
    leaps: Option<LeapTable>,
    rate: u32,
    expired: RateLimit,
    no_tai: RateLimit,
    condition: Condition,
    disturbed: bool,
    /// TAI - UTC as it was last used, and the Unix second then.
    used: Option<(i32, i64)>,
    by_receiver: bool,
    /// Where the table comes from, and when it is looked at again if it has expired.
    leaps_from: Leaps,
    look_at: u64,
    contradicted: RateLimit,
    era: EraWatch,
}

/// Dates that cannot be.
struct EraWatch {
    /// linuxptp's program believes every date.
    on: bool,
    said: RateLimit,
    turned: bool,
    impossible: u64,
}

impl EraWatch {
    /// The message with a date that can be; `None`: it cannot be.
    fn judge(&mut self, message: Message, now: u64) -> Option<Message> {
        let Message::Time { source, utc: Some(utc), fixed } = message else { return Some(message) };
        if !self.on {
            return Some(message);
        }
        let system = i64::try_from(realtime_now().nanos().div_euclid(1_000_000_000)).unwrap_or(0);
        let era = Era::of(&utc, system);
        match era {
            Era::Possible => Some(message),
            Era::Turned(_, right) => {
                if !std::mem::replace(&mut self.turned, true) {
                    warn!(target: "receiver", "the receiver says {utc}, {era}: that is used");
                }
                Some(Message::Time { source, utc: Some(right), fixed })
            }
            Era::Impossible => {
                self.impossible += 1;
                if self.said.allow(now).is_some() {
                    warn!(target: "receiver", "the receiver says {utc}, {era}: it is not used");
                }
                // Whether there is a fix is true all the same.
                fixed.map(|_| Message::Time { source, utc: None, fixed })
            }
        }
    }
}

/// The table that the settings name.
///
/// # Errors
/// It cannot be read, or is none.
pub fn leap_table(leaps: &Leaps) -> Result<LeapTable, LeapError> {
    match leaps {
        Leaps::Fixed(offset) => Ok(LeapTable::fixed(*offset)),
        Leaps::File(path) => LeapTable::read(path),
        Leaps::System => LeapTable::system(),
    }
}

impl Times {
    /// Opens what is needed. A table that cannot be read stops only where nothing else can tell TAI - UTC.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn new(settings: &Settings) -> Result<Self, String> {
        let leaps = match (leap_table(&settings.leaps), &settings.time) {
            (Ok(table), _) => Some(table),
            (Err(e), TimeFrom::Receiver(_)) if settings.leaps == Leaps::System => {
                warn!(target: "receiver", "{e}; TAI - UTC is known only if the receiver tells it (UBX-NAV-TIMELS or TIMEGPS)");
                None
            }
            (Err(_), TimeFrom::Clock(_)) => None,
            (Err(e), _) => return Err(format!("{e}; give TAI - UTC by --leap-file or --utc-offset")),
        };
        let from = match &settings.time {
            TimeFrom::Receiver(name) => From::Receiver {
                feed: Box::new(Feed::new(name.clone(), settings.baud)),
                receiver: Box::new(Receiver::new(settings.limits)),
                time: Box::new(TimeOfDay::new(settings.names, settings.rate, settings.sentence_delay)),
            },
            TimeFrom::System => From::System,
            TimeFrom::Clock(name) => {
                From::Clock(clock_name(name)?.open_read_only().map_err(|e| e.to_string())?)
            }
        };
        Ok(Self {
            from,
            leaps,
            rate: settings.rate,
            expired: RateLimit::new(HOUR),
            no_tai: RateLimit::new(60_000_000_000),
            condition: Condition::Silent,
            disturbed: false,
            used: None,
            by_receiver: false,
            leaps_from: settings.leaps.clone(),
            look_at: 0,
            contradicted: RateLimit::new(HOUR),
            era: EraWatch {
                on: !settings.linuxptp,
                said: RateLimit::new(60_000_000_000),
                turned: false,
                impossible: 0,
            },
        })
    }

    /// Reads the table of leap seconds again. One that cannot be read leaves the one before in force.
    pub fn read_leaps(&mut self) {
        if matches!(self.leaps_from, Leaps::Fixed(_)) {
            return;
        }
        match leap_table(&self.leaps_from) {
            Ok(table) if self.leaps.as_ref() != Some(&table) => {
                info!(target: "receiver", "the table of leap seconds {table} is a new one");
                self.leaps = Some(table);
                self.expired = RateLimit::new(HOUR);
            }
            Ok(_) => {}
            Err(e) => warn!(target: "receiver", "{e}; the table of leap seconds stays as it was"),
        }
    }

    /// One that has expired may have been replaced: it is looked at once an hour.
    fn look_at_leaps(&mut self, now: u64) {
        let expired = |unix: i64| self.leaps.as_ref().is_some_and(|t| t.is_expired(unix));
        if now >= self.look_at && self.used.is_some_and(|(_, unix)| expired(unix)) {
            self.look_at = now.saturating_add(HOUR);
            self.read_leaps();
        }
    }

    /// What a reload may change: what stands in the table of leap seconds, from when on the receiver is doubted, and how sentences are read.
    pub fn configure(&mut self, settings: &Settings) {
        self.read_leaps();
        if let From::Receiver { receiver, time, .. } = &mut self.from {
            receiver.set_limits(settings.limits);
            time.configure(settings.names, settings.sentence_delay);
        }
    }

    /// Opens the receiver's line again if it is time to.
    pub fn open_if_due(&mut self) {
        self.look_at_leaps(monotonic_now());
        if let From::Receiver { feed, .. } = &mut self.from {
            feed.open_if_due();
        }
    }

    /// To poll.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.from {
            From::Receiver { feed, .. } => feed.source().map(AsFd::as_fd),
            _ => None,
        }
    }

    /// When to come back.
    pub fn deadline(&self) -> Option<u64> {
        match &self.from {
            From::Receiver { feed, .. } => feed.deadline(),
            _ => None,
        }
    }

    /// Reads what the receiver says.
    pub fn read(&mut self) {
        let From::Receiver { feed, receiver, time } = &mut self.from else { return };
        let (leaps, used, by_receiver) = (&self.leaps, &mut self.used, &mut self.by_receiver);
        let (expired, no_tai) = (&mut self.expired, &mut self.no_tai);
        let (contradicted, era) = (&mut self.contradicted, &mut self.era);
        feed.read(|message| {
            let arrival = monotonic_now();
            let Some(message) = era.judge(message, arrival) else { return };
            // Of receivers that tell more than once a second, the full seconds name pulses.
            let Some(utc) = receiver.hear(&message, arrival).filter(|u| u.is_whole()) else { return };
            let own = receiver.tai_offset();
            if own.is_none()
                && let Some(table) = leaps
                && table.is_expired(utc.unix())
                && expired.allow(arrival).is_some()
            {
                warn!(
                    target: "receiver",
                    "TAI - UTC is taken from {table}, which has expired: get a new one, or say --utc-offset"
                );
            }
            let Some(tai) = receiver.tai(&utc, leaps.as_ref()) else {
                if no_tai.allow(arrival).is_some() {
                    warn!(target: "receiver", "TAI - UTC is not known: the receiver has not told it, and there is no table");
                }
                return;
            };
            let mut offset = i32::try_from((tai.nanos() - utc.unix_nanos()) / 1_000_000_000).unwrap_or(0);
            // A receiver that counts leap seconds wrong tells UTC wrong by as much: its TAI is right, and UTC is as the table has it.
            if own.is_some()
                && let Some(table) = leaps.as_ref().filter(|t| t.promises(utc.unix()))
                && let Some(promised) = table.tai_offset(utc.unix()).filter(|p| *p != offset)
            {
                if contradicted.allow(arrival).is_some() {
                    warn!(
                        target: "receiver",
                        "TAI - UTC is {offset} s by the receiver, and {promised} s by {table}, which is in force: that is told"
                    );
                }
                offset = promised;
            }
            if used.map(|(o, _)| o) != Some(offset) || *by_receiver != own.is_some() {
                match (own, leaps) {
                    (None, Some(table)) => info!(target: "receiver", "TAI - UTC is {offset} s by {table}"),
                    _ => info!(target: "receiver", "TAI - UTC is {offset} s by the receiver"),
                }
            }
            (*used, *by_receiver) = (Some((offset, utc.unix())), own.is_some());
            time.heard(tai, arrival);
        });
        if receiver.condition(monotonic_now()) == Condition::NoFix {
            time.forget();
        }
    }

    /// Whether the source is to be followed; says changes.
    pub fn condition(&mut self, now: u64) -> Condition {
        let condition = match &self.from {
            From::Receiver { receiver, .. } => {
                let disturbed = receiver.is_disturbed();
                if disturbed && !self.disturbed {
                    warn!(target: "receiver", "the receiver hears interference");
                }
                self.disturbed = disturbed;
                receiver.condition(now)
            }
            _ => Condition::Good,
        };
        if condition.is_good() != self.condition.is_good() {
            if condition.is_good() {
                info!(target: "receiver", "{condition}")
            } else {
                warn!(target: "receiver", "{condition}: it is not followed")
            }
        }
        self.condition = condition;
        condition
    }

    /// The time of a pulse that came then (CLOCK_MONOTONIC, ns).
    ///
    /// # Errors
    /// Why it is not known.
    pub fn of_pulse(&mut self, came: u64) -> Result<TimePoint, Unknown> {
        let ago = |now: TimePoint| {
            let age = monotonic_now().saturating_sub(came);
            now - TimeInterval::from_nanos(i64::try_from(age).unwrap_or(i64::MAX))
        };
        match &mut self.from {
            From::Receiver { time, .. } => time.of_pulse(came),
            From::System => {
                let utc = ago(realtime_now());
                let unix = i64::try_from(utc.nanos().div_euclid(1_000_000_000)).unwrap_or(0);
                let kernel = SystemClock::new().tai_offset().ok().filter(|o| *o > 0);
                let offset =
                    kernel.or_else(|| self.leaps.as_ref()?.tai_offset(unix)).ok_or(Unknown::NoTime)?;
                if kernel.is_none()
                    && let Some(table) = &self.leaps
                    && table.is_expired(unix)
                    && self.expired.allow(came).is_some()
                {
                    warn!(
                        target: "receiver",
                        "TAI - UTC is taken from {table}, which has expired: get a new one, or say --utc-offset"
                    );
                }
                self.used = Some((offset, unix));
                tick(utc + TimeInterval::from_nanos(i64::from(offset) * 1_000_000_000), self.rate)
                    .ok_or(Unknown::OffTick)
            }
            From::Clock(clock) => {
                tick(ago(clock.now().map_err(|_| Unknown::NoTime)?), self.rate).ok_or(Unknown::OffTick)
            }
        }
    }

    /// What the receiver says the pulse that came at `came` lacks.
    pub fn quantisation(&self, came: u64) -> TimeInterval {
        match &self.from {
            From::Receiver { receiver, .. } => receiver.quantisation(came).unwrap_or(TimeInterval::ZERO),
            _ => TimeInterval::ZERO,
        }
    }

    /// What is known of UTC.
    pub fn time_scale(&mut self, now: u64) -> TimeScale {
        let Some((offset, unix)) = self.used else { return TimeScale::default() };
        let table = self.leaps.as_ref();
        let by_table = table
            .and_then(|t| t.next_change(unix))
            .map(|(at, by)| if at - unix <= LEAP_NOTICE { by } else { 0 });
        let (by_receiver, left) = match &self.from {
            From::Receiver { receiver, .. } => {
                (receiver.leap_within(LEAP_NOTICE, now), receiver.seconds_to_leap(now).unwrap_or(0))
            }
            _ => (None, 0),
        };
        let (by, refused) = match by_receiver {
            // A table that is in force for that day knows better, and leap seconds come at the end of a month only.
            Some(by) if table.is_some_and(|t| t.promises(unix + LEAP_NOTICE)) => {
                let promised = by_table.unwrap_or(0);
                (promised, by != promised)
            }
            Some(by) if by != 0 && !ends_a_month(unix + left) => (0, true),
            Some(by) => (by, false),
            None => (by_table.unwrap_or(0), false),
        };
        if refused && self.contradicted.allow(now).is_some() {
            let against = match table {
                Some(t) if t.promises(unix + LEAP_NOTICE) => {
                    format!("{t}, which is in force, says otherwise")
                }
                _ => "no month ends then".to_owned(),
            };
            warn!(
                target: "receiver",
                "the receiver announces a change of UTC by {} s in {left} s: {against}, and it is not told",
                by_receiver.unwrap_or(0)
            );
        }
        let leap = match by {
            1 => Leap::Insert,
            -1 => Leap::Delete,
            _ => Leap::None,
        };
        TimeScale { utc_offset: i16::try_from(offset).unwrap_or(0), valid: true, leap }
    }

    /// What came from the receiver, how often it was lost, and how many of its times were of dates that cannot be; `None`: there
    /// is no receiver.
    pub fn heard(&self) -> Option<(Counts, u64, u64)> {
        match &self.from {
            From::Receiver { feed, .. } => Some((feed.counts(), feed.losses(), self.era.impossible)),
            _ => None,
        }
    }

    /// Says what came.
    pub fn close(&self) {
        if let From::Receiver { feed, .. } = &self.from {
            info!(target: "receiver", "{}", feed.counts());
        }
    }
}

/// Whether a month ends within a few seconds of a Unix second.
fn ends_a_month(unix: i64) -> bool {
    let midnight = (unix + 43_200).div_euclid(86_400) * 86_400;
    (unix - midnight).abs() <= 5
        && UtcTime::from_unix(midnight, 0).is_some_and(|t| t.to_string().get(8..10) == Some("01"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_end() {
        // The end of 2016, which had a leap second, and half a day before.
        assert!(
            ends_a_month(1_483_228_800)
                && ends_a_month(1_483_228_799)
                && !ends_a_month(1_483_228_800 - 43_200)
        );
        assert!(!ends_a_month(1_483_228_800 + 86_400));
    }
}
