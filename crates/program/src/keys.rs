//! Keys that mean the same in the files of several programs.

use core::time::Duration;

use ptp_config::document::Refusal;
use ptp_config::program::Reading;
use ptp_daemon::{Outlets, http};
use ptp_evidence::EvidenceOptions;
use ptp_wire::TimeInterval;
use tracing::Level;

/// `log_level` and the like. `parts`: the targets of the lines of each part of the program.
pub fn outlets(r: &Reading, parts: &[(&'static str, &'static [&'static str])]) -> Outlets {
    let levels: Vec<(&str, Level)> =
        r.levels("log_parts").into_iter().map(|(part, level)| (part, Outlets::level(level.name()))).collect();
    Outlets {
        level: Some(Outlets::level(&r.text("log_level"))),
        parts: Outlets::targets(&levels, parts),
        journal: r.maybe_path("log_journal"),
        socket: r.maybe_path("events_socket"),
        socket_mode: r.int("events_socket_mode") as u32,
    }
}

/// `metrics`: metrics, health and events over HTTP. `None`: nobody asked for them, or the address is none, which is told.
pub fn metrics(r: &mut Reading) -> Option<http::Settings> {
    let (openshift_names, events) = (r.flag("metrics.openshift_names"), r.flag("metrics.events"));
    match r.maybe_text("metrics.listen")?.parse() {
        Ok(listen) => Some(http::Settings { listen, openshift_names, events }),
        Err(label) => {
            r.refuse("metrics.listen", Refusal { label, help: None, replacement: None });
            None
        }
    }
}

/// `evidence`. `None`: there is no log.
pub fn evidence(r: &Reading) -> Option<EvidenceOptions> {
    let time = |i: TimeInterval| Duration::from_nanos(u64::try_from(i.nanos()).unwrap_or(0));
    let options = EvidenceOptions {
        interval: time(r.interval("evidence.interval")),
        keep_days: u32::try_from(r.int("evidence.keep_days")).ok().filter(|d| *d > 0),
        sync: time(r.interval("evidence.sync")),
        anchor: r.maybe_interval("evidence.anchor").map(time),
        configuration: ptp_evidence::digest(r.file_text().as_bytes()).to_string(),
        ..EvidenceOptions::default()
    };
    r.maybe_path("evidence.directory").map(|directory| EvidenceOptions { directory, ..options })
}

/// The evidence log after a reload: what was there, of a configuration that is `new`.
pub fn evidence_taken_over(
    running: Option<&EvidenceOptions>,
    new: Option<&EvidenceOptions>,
) -> Option<EvidenceOptions> {
    let mut taken = running?.clone();
    if let Some(new) = new {
        taken.configuration.clone_from(&new.configuration);
    }
    Some(taken)
}
