//! Clocks: PTP hardware clocks (`/dev/ptpN`), the system clock, and virtual clocks in shared memory.
//!
//! All are steered alike through [`Clock`]: read, set the frequency, step. [`open_clock`] opens one by its name:
//! `phc0` or `/dev/ptp0`, `system`, `virtual:PATH`. [`Comparer`] measures one clock against another by the best way
//! both have.
//!
//! ```
//! use ptp_clock::{Clock, VirtualClock, VirtualOptions};
//! use ptp_wire::TimeInterval;
//!
//! let path = std::env::temp_dir().join(format!("ptp-clock-doc-{}", std::process::id()));
//! // A clock that is 1 ms ahead and gains 30 us every second.
//! let options = VirtualOptions {
//!     offset: TimeInterval::from_nanos(1_000_000),
//!     frequency_error_ppb: 30_000.0,
//!     ..VirtualOptions::default()
//! };
//! let mut clock = VirtualClock::create(&path, &options)?;
//! clock.set_frequency(-30_000.0)?;
//! let error = clock.true_error()?;
//! clock.step(-error)?;
//! assert!(clock.true_error()?.abs() < TimeInterval::from_nanos(1_000_000));
//! # std::fs::remove_file(&path).unwrap();
//! # Ok::<(), ptp_clock::ClockError>(())
//! ```

mod aux;
mod clock;
mod compare;
mod error;
mod free_running;
mod lasting;
mod monotonic;
mod name;
mod phc;
mod pps;
mod pulses;
mod refclock;
mod shared;
mod system;
mod timex;
mod utc;
mod virtual_clock;

pub use aux::AuxClock;
pub use clock::{Clock, CrossStamp, Timescale};
pub use compare::{Comparer, Comparison, Method};
pub use error::{ClockError, Missing};
pub use free_running::FreeRunning;
pub use monotonic::{
    RealtimeReading, has_monotonic_raw, monotonic_coarse_now, monotonic_now, monotonic_raw_now, realtime_now,
};
pub use name::{ClockName, open_clock};
pub use phc::{
    CrossMethod, Edge, ExttsEvent, Perout, PeroutStart, Phc, PhcCapabilities, PinDescription, PinFunction,
    PreciseStamp,
};
pub use pps::{PpsDevice, Pulse};
pub use pulses::{Pin, PulseClock, VirtualPulses};
pub use refclock::{ChronySock, Chronyd, NtpShm, RefclockSample, SystemEstimate};
pub use shared::SharedWords;
pub use system::{LeapSecond, SystemClock};
pub use utc::{LeapMode, Utc, UtcKeeper, UtcProperties};
pub use virtual_clock::{Observation, VirtualClock, VirtualOptions, observe};
