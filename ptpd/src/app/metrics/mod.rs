//! What `ptpd` tells of itself over HTTP: a snapshot of every instance once a second and at every change, and the page
//! that is made of it in the endpoint's thread (docs/metrics.md).

mod families;
mod page;
mod seen;
mod snapshot;

use ptp_daemon::give_to;
use ptp_daemon::http::{self, Endpoint, Listen, Listener};
use ptp_daemon::metrics::{Identity, Publisher};
use ptp_evidence::Health;
use ptpd::host::Settings;
use tracing::{debug, info, warn};

use super::instance::Instance;
use super::shared::Shared;
use super::start::RunError;
pub(super) use seen::Seen;
use snapshot::Snapshot;

/// The loop's side.
pub(super) struct Monitor {
    publisher: Publisher<Snapshot>,
    _endpoint: Endpoint,
}

impl Monitor {
    /// Opens the socket, before root is given up; `None`: nobody asked for one.
    pub(super) fn bind(all: &[Settings]) -> Result<Option<(Listener, http::Settings)>, RunError> {
        let Some(settings) = all.iter().find_map(|s| s.metrics.clone()) else { return Ok(None) };
        let listener = Listener::bind(&settings.listen).map_err(|e| {
            RunError::Setting(format!("metrics cannot listen on {}: {e}; `metrics.listen`", settings.listen))
        })?;
        if let (Listen::Unix(path), Some(user)) =
            (&settings.listen, all.first().and_then(|s| s.user.as_deref()))
            && let Err(e) = give_to(user, path)
        {
            debug!("{}: {e}", path.display());
        }
        Ok(Some((listener, settings)))
    }

    /// Starts the thread, after root is given up.
    pub(super) fn start(
        (listener, settings): (Listener, http::Settings),
        evidence: Option<Health>,
    ) -> Result<Self, RunError> {
        let publisher = Publisher::new(settings.events);
        let address = listener.address();
        if !address.is_local() {
            warn!("metrics on {address}: everybody who reaches this address can read them");
        }
        info!("metrics on {address}");
        let identity = Identity::new("ptpd", env!("CARGO_PKG_VERSION")).with_evidence(evidence);
        let endpoint = Endpoint::start(listener, settings, &publisher, identity)
            .map_err(|e| RunError::Setting(format!("no thread for metrics: {e}")))?;
        Ok(Self { publisher, _endpoint: endpoint })
    }

    /// Tells the state, if it is time or something changed.
    pub(super) fn run(&mut self, now: u64, instances: &mut [Instance], shared: &Shared) {
        for instance in instances.iter_mut() {
            if instance.seen.take_changed() {
                self.publisher.hurry();
            }
        }
        if self.publisher.is_due(now) {
            self.publisher.publish(now, |snapshot| snapshot.fill(now, instances, shared));
        }
    }
}
