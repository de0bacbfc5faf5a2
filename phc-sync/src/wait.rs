//! `phc-sync wait`: for the order of start-up.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ptp_bound::{DEFAULT_PATH, Page, Status};
use ptp_config::document;
use ptp_daemon::{PollSet, Signals, monotonic_now};
use ptp_wire::TimeInterval;

/// Between looks, ns.
const LOOK_NS: u64 = 50_000_000;

/// As typed.
#[derive(Debug, Parser)]
#[command(
    name = "phc-sync wait",
    version,
    about = "Waits until the system clock is known to be right within a bound",
    long_about = "Waits until the system clock is known to be right within a bound.\n\nphc-sync writes the bound where it runs with \
                  error_bound_page. Exit code 0: it is; 1: it was not in time; 2: mistakes."
)]
pub(crate) struct WaitOptions {
    /// The largest error, such as 1us
    #[arg(long, value_name = "TIME", value_parser = within)]
    within: TimeInterval,

    /// No longer than this; without it for ever
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    timeout: Option<std::time::Duration>,

    /// The page
    #[arg(long, value_name = "PATH", default_value = DEFAULT_PATH)]
    page: PathBuf,

    /// Say nothing
    #[arg(short = 'q')]
    quiet: bool,
}

fn within(text: &str) -> Result<TimeInterval, String> {
    document::interval(text, 1, 86_400_000_000_000, "us").map_err(|r| r.label)
}

fn timeout(text: &str) -> Result<std::time::Duration, String> {
    document::duration(text, "s").map_err(|r| r.label)
}

/// Waits.
pub(crate) fn main(arguments: &[String]) -> ExitCode {
    let options = WaitOptions::parse_from(arguments);
    let Ok(signals) = Signals::install() else { return ExitCode::FAILURE };
    let mut poll = PollSet::<()>::new();
    let begin = monotonic_now();
    let end = options.timeout.map(|t| begin.saturating_add(u64::try_from(t.as_nanos()).unwrap_or(u64::MAX)));
    let mut page = None;
    loop {
        if page.is_none() {
            page = Page::open(&options.page).ok();
        }
        let word = match page.as_ref().map(Page::now) {
            Some(Ok(now)) if now.status == Status::Synchronized && now.bound() <= options.within => {
                if !options.quiet {
                    println!("within {:.0} ns", now.bound().nanos_f64());
                }
                return ExitCode::SUCCESS;
            }
            Some(Ok(now)) => match now.status {
                Status::Synchronized => format!("within {:.0} ns only", now.bound().nanos_f64()),
                status => format!("the clock's status is {status:?}"),
            },
            Some(Err(e)) => e.to_string(),
            None => format!(
                "there is no page {}: does phc-sync run with error_bound_page?",
                options.page.display()
            ),
        };
        let now = monotonic_now();
        if signals.stop() || end.is_some_and(|end| now >= end) {
            if !options.quiet {
                eprintln!("not in time: {word}");
            }
            return ExitCode::FAILURE;
        }
        let next = now.saturating_add(LOOK_NS);
        if poll.wait(Some(end.map_or(next, |end| next.min(end)))).is_err() {
            return ExitCode::FAILURE;
        }
    }
}
