//! `phc-sync`: keeps one clock of this machine in step with another. See docs/phc-sync.md.
#![forbid(unsafe_code)]

mod options;
mod sync;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use ptp_clock::{ClockError, Comparer};
use ptp_daemon::{LogOptions, Notify, PollSet, RateLimit, Signals, init_log, monotonic_now};
use tracing::{Level, error, info, warn};

use options::Options;
use sync::{Manner, Sink};

fn main() -> ExitCode {
    let options = Options::parse();
    init_log(&LogOptions {
        tag: options.tag.clone(),
        level: match options.level {
            0..=3 => Level::ERROR,
            4 => Level::WARN,
            5..=6 => Level::INFO,
            _ => Level::DEBUG,
        },
        stdout: options.stdout,
        ..LogOptions::new("phc-sync")
    });
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            error!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let (source_name, sink_names) = options.clocks()?;
    let manner = Manner {
        wanted: options.wanted_offset()?,
        interval: 1.0 / options.rate,
        free_running: options.free_running,
        summary: options.summary,
    };
    let signals = Signals::install()?;
    let mut notify = Notify::from_env();
    let comparer = Comparer::new(options.readings);
    let mut source = source_name.open_read_only()?;
    let mut sinks = Vec::with_capacity(sink_names.len());
    for name in &sink_names {
        let clock = if options.free_running { name.open_read_only()? } else { name.open()? };
        sinks.push(Sink::new(clock, |max| options.servo(max), manner)?);
    }
    info!(
        "{} after {source_name}",
        sink_names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    );
    notify.ready();

    // The rate is checked to be 0.001..=1000 Hz.
    let period = (manner.interval * 1e9) as u64;
    let mut busy = RateLimit::new(60_000_000_000);
    let mut poll = PollSet::<()>::new();
    let mut next = monotonic_now();
    while !signals.stop() {
        let now = monotonic_now();
        notify.alive(now);
        if now < next {
            poll.wait(Some(next))?;
            continue;
        }
        for sink in &mut sinks {
            match sink.update(source.as_mut(), &comparer) {
                Ok(()) => {}
                Err(e @ ClockError::Busy { .. }) => {
                    if let Some(more) = busy.allow(now) {
                        warn!("{e} (left out, and {more} times before)");
                    }
                }
                Err(e) => return Err(e.into()),
            }
        }
        // After a long sleep not all that was missed.
        next = next.saturating_add(period).max(now);
    }
    notify.stopping();
    info!("stopped; the clocks run on with their last frequency");
    Ok(())
}
