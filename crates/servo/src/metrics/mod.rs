//! How good a clock is, in the measures of the ITU-T and the IEEE: MTIE, TDEV, ADEV, max|TE|, cTE and dTE, and masks for
//! them.
//!
//! Time error goes in sample by sample at equal distances; all figures are ready at any time, and nothing is allocated
//! after construction. Missing samples are told ([`TimeError::gap`]): no observation interval spans them. [`mtie`], [`tdev`]
//! and [`adev`] do the same for a recorded series.
//!
//! ```
//! use ptp_servo::metrics::{Mask, TimeError};
//!
//! let mut measured = TimeError::new(1.0, 1000.0);
//! for i in 0..2000u32 {
//!     measured.push((f64::from(i % 7) - 3.0) / 4.0);
//! }
//! assert_eq!(measured.max_abs(), 0.75);
//! let verdicts = Mask::G8272_B.check(&measured);
//! assert!(verdicts.iter().all(|v| v.passed()));
//! ```

mod masks;
mod mtie;
mod stability;
mod time_error;

pub use masks::{Limit, Mask, Segment, Verdict};
pub use mtie::{MtieWindow, mtie};
pub use stability::{Deviations, adev, tdev};
pub use time_error::TimeError;
