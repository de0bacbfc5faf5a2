//! The demonstration: a grandmaster, a standby, a boundary clock and two clients, each on a clock of its own that starts
//! wrong and runs wrong. They find one time; the grandmaster is killed; the standby takes over.

mod plot;
mod record;
mod report;
mod story;
mod table;

pub use plot::{Axis, Plot, Series};
pub use record::{Node, Outcome, Reading, Record, Spread, human, human_size};
pub use report::{Setting, html, picture, plots};
pub use story::{Options, Told, tell};
pub use table::Screen;
