//! The laboratory: real daemons on small networks of network namespaces.
//!
//! A program enters a room of its own ([`reenter`], [`experiment`]), builds hosts and cables there ([`Lab`]), runs
//! programs in the hosts ([`Host::start`]) and looks at what they say: logs, captures, management sockets, and the true error of
//! the virtual clocks. When the program ends, by success, panic, Ctrl-C or a kill, the kernel takes everything away.
//!
//! ```no_run
//! use hil_tests::lab::{LabError, experiment};
//!
//! fn two_hosts_see_each_other() {
//!     experiment("two_hosts_see_each_other", &[("ping", "iputils-ping")], |lab| {
//!         let (a, b) = (lab.host("a")?, lab.host("b")?);
//!         lab.link((&a, "eth0"), (&b, "eth0"))?;
//!         a.run("ping", "iputils-ping", &["-c", "1", "10.0.1.2"]).map(|_| ())
//!     });
//! }
//! ```

mod agreement;
mod announces;
mod capture;
mod crowd;
pub mod demo;
mod error;
mod experiment;
mod flood;
mod linuxptp;
mod manager;
mod network;
mod process;
mod ptpd;
mod receiver;
mod scrape;
mod space;
mod watch;

pub use agreement::{
    AGREEMENT_NS, PATIENCE, TAI_MINUS_UTC_NS, ahead_of_realtime, clock_of, clock_path, examine, expect,
    mac_of, wait_for_agreement, wait_until_true,
};
pub use announces::{Announced, Announces};
pub use capture::{Capture, Dissection};
pub use crowd::{CrowdOptions, CrowdReport, run_crowd};
pub use error::LabError;
pub use experiment::{LINUXPTP, Need, TSHARK, experiment, our_program, skip};
pub use flood::{FloodOptions, flood};
pub use linuxptp::{Measured, Ptp4l, field, their_pmc};
pub use manager::Manager;
pub use network::{Host, Lab, empty_dir};
pub use process::{Process, find_program, run_command};
pub use ptpd::{Instance, PtpdOptions};
pub use receiver::{Receiver, Says};
pub use scrape::scrape;
pub use space::{is_inside, probe, reenter, settle};
pub use watch::{Look, Watcher, look_at, true_offset, wait_until};
