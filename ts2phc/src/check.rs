//! What a receiver says, printed.

use std::io::{self, Write};
use std::os::fd::AsFd;

use ptp_clock::realtime_now;
use ptp_daemon::{Interest, PollSet, Signals};
use ptp_gnss::{LeapTable, Message};
use ptp_wire::TimePoint;
use tracing::warn;

use crate::feed::Feed;

/// Prints what a receiver says, to the end of a file, for `count` times, or until a signal. Says how many times came.
///
/// # Errors
/// It cannot be printed.
pub fn check(
    mut feed: Feed,
    leaps: Option<&LeapTable>,
    count: Option<u64>,
    signals: Signals,
) -> io::Result<u64> {
    let mut poll = PollSet::new();
    let mut out = io::stdout().lock();
    let mut failed = Ok(());
    let enough = |feed: &Feed| count.is_some_and(|c| feed.counts().times >= c);
    while !signals.stop() && !feed.ended() && !enough(&feed) && failed.is_ok() {
        feed.open_if_due();
        poll.clear();
        if let Some(source) = feed.source() {
            poll.add(source.as_fd(), Interest::READ, ());
        }
        if let Err(e) = poll.wait(feed.deadline()) {
            warn!("waiting: {e}");
        }
        if poll.ready(0).is_some_and(|r| r.readable || r.priority) {
            feed.read(|message| {
                failed = failed.as_ref().map_or(Ok(()), |()| print(&mut out, &message, leaps))
            });
        }
    }
    writeln!(out, "{}", feed.counts())?;
    failed.map(|()| feed.counts().times)
}

fn print(out: &mut impl Write, message: &Message, leaps: Option<&LeapTable>) -> io::Result<()> {
    match *message {
        Message::Time { utc: None, fixed: Some(false), .. } => writeln!(out, "no fix"),
        Message::Time { source, utc: Some(utc), .. } => {
            let late = (realtime_now() - TimePoint::from_nanos(utc.unix_nanos())).nanos_f64() * 1e-6;
            write!(out, "{utc} {} {late:+.1} ms by the system clock", source.name())?;
            if let Some(tai) = leaps.and_then(|l| utc.tai(l)) {
                write!(out, ", TAI {tai}")?;
            }
            writeln!(out)?;
            out.flush()
        }
        Message::LeapSecond(leap) => match leap.tai_offset {
            Some(offset) => writeln!(out, "TAI - UTC is {offset} s by the receiver"),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}
