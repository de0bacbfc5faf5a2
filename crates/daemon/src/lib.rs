//! What every daemon of Escapement does alike: waiting for descriptors and deadlines, signals, logs, events, readiness messages
//! and state files. No PTP knowledge.
//!
//! One thread, plain `poll`: the release binaries run under LD_PRELOAD simulators of clocks and networks (docs/simulators.md).
//!
//! ```
//! use ptp_daemon::{PollSet, Wait};
//!
//! let mut set = PollSet::<u32>::new();
//! set.clear();
//! // Nothing to watch, a deadline 1 ms away: the time is up.
//! let now = ptp_daemon::monotonic_now();
//! assert!(matches!(set.wait(Some(now + 1_000_000)), Ok(Wait::TimedOut)));
//! ```

mod bus;
mod event;
mod evidence;
mod flood;
pub mod http;
mod journal;
mod json;
mod log;
pub mod metrics;
mod notifications;
mod notify;
mod outlets;
mod poll;
mod privilege;
mod rate;
mod signals;
mod start;
mod state;
mod subscribers;

pub use bus::{EventBus, EventSink};
pub use event::{EVENT_VERSION, Event, Severity, Utc, Value, kind, utc_now};
pub use evidence::{EvidenceAlarm, EvidenceSink};
pub use journal::{JOURNAL_SOCKET, Journal};
pub use log::{
    LogFormat, LogOptions, NOTICE, PARTS, REPORT, flush_log, init_log, log_context, log_event, part_of,
    set_log_levels,
};
pub use notify::Notify;
pub use outlets::Outlets;
pub use poll::{Interest, PollSet, Ready, Wait, monotonic_now};
pub use privilege::{PrivilegeError, drop_privileges, give_to};
pub use rate::RateLimit;
pub use signals::Signals;
pub use start::started;
pub use state::{State, StateError};
pub use subscribers::ListenError;
