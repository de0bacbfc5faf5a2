//! The keys of the endpoint for monitoring.

use super::{Kind, Need, Section, key};

/// Metrics, health and events over HTTP.
pub(crate) const METRICS: Section = Section {
    name: "metrics",
    doc: "An HTTP endpoint for Prometheus and for probes: `/metrics`, `/healthz`, `/readyz` (docs/metrics.md). Of several instances of ptpd the first that has one counts for all.",
    keys: &[
        key(
            "listen",
            Kind::Listen,
            "off",
            "Where it listens: only on this host (127.0.0.1, ::1, a UNIX socket), unless a network is trusted. The usual ports: 9320 for ptpd, 9321 for phc-sync, 9322 for ts2phc.",
            "",
        ),
        key(
            "openshift_names",
            Kind::Bool,
            "false",
            "Series with the names of OpenShift's exporter (`openshift_ptp_offset_ns` and so on), too.",
            "",
        )
        .needs(Need::Metrics),
        key(
            "events",
            Kind::Bool,
            "false",
            "Subscriptions to state changes as CloudEvents, below `/ocloudNotifications/v2/` (O-RAN).",
            "",
        )
        .needs(Need::Metrics),
    ],
};
