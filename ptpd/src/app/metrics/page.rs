//! From an instance's snapshot to its series.

use ptp_daemon::metrics::Page;
use ptp_evidence::ClockState;
use ptp_wire::MessageType;
use ptpd::engine::{DropCause, PortState};

use super::families::*;
use super::snapshot::{InstanceState, Port};

const PORT_STATES: [PortState; 9] = [
    PortState::Initializing,
    PortState::Faulty,
    PortState::Disabled,
    PortState::Listening,
    PortState::PreMaster,
    PortState::Master,
    PortState::Passive,
    PortState::Uncalibrated,
    PortState::Slave,
];

fn yes(value: bool) -> f64 {
    f64::from(u8::from(value))
}

pub(super) fn write(page: &mut Page, s: &InstanceState) {
    let name = ("ptp_instance", if s.name.is_empty() { "default" } else { &s.name });
    let own = &[name];
    page.family(&INSTANCE_INFO).info(&[
        name,
        ("clock_identity", &s.identity.to_string()),
        ("domain", &s.domain.to_string()),
        ("sdo_id", &format!("{:03x}", s.sdo_id.get())),
        ("clock", &s.clock),
    ]);
    page.family(&CLOCK_STATE).state(own, ClockState::NAMES, s.state.name());
    page.family(&OFFSET).known(own, s.last.map(|l| l.offset_ns / 1e9));
    page.family(&OFFSET_AGE).known(own, s.last.map(|l| l.age_s(s.now)));
    page.family(&DELAY).known(own, s.last.and_then(|l| l.delay_ns).map(|ns| ns / 1e9));
    page.family(&OFFSETS).histogram(own, &s.samples.offsets);
    page.family(&BOUND).known(own, s.bound_ns.map(|ns| ns / 1e9));
    page.family(&HOLDOVER).known(own, s.holdover_s);
    if s.steers {
        page.family(&FREQUENCY).gauge(own, s.frequency_ppb / 1e9);
    }
    page.family(&STEPS).counter(own, s.samples.steps);
    grandmaster(page, s, name);
    for port in &s.ports {
        port_series(page, port, name);
    }
}

fn grandmaster(page: &mut Page, s: &InstanceState, name: (&'static str, &str)) {
    let (Some(parent), Some(time)) = (s.parent, s.time) else { return };
    let own = &[name];
    let quality = parent.grandmaster_clock_quality;
    page.family(&GRANDMASTER_INFO).info(&[
        name,
        ("grandmaster_identity", &parent.grandmaster_identity.to_string()),
        ("parent_port_identity", &parent.parent_port_identity.to_string()),
        ("time_source", time.time_source.name()),
    ]);
    page.family(&IS_GRANDMASTER).gauge(own, yes(s.is_grandmaster));
    page.family(&CLASS).gauge(own, quality.clock_class.into());
    page.family(&ACCURACY).gauge(own, quality.clock_accuracy.0.into());
    page.family(&VARIANCE).gauge(own, quality.offset_scaled_log_variance.into());
    page.family(&PRIORITY1).gauge(own, parent.grandmaster_priority1.into());
    page.family(&PRIORITY2).gauge(own, parent.grandmaster_priority2.into());
    page.family(&STEPS_REMOVED).gauge(own, s.steps_removed.into());
    let utc = time.current_utc_offset_valid.then_some(time.current_utc_offset);
    page.family(&UTC_OFFSET).known(own, utc.map(f64::from));
    for (of, value) in [("time", time.time_traceable), ("frequency", time.frequency_traceable)] {
        page.family(&TRACEABLE).gauge(&[name, ("of", of)], yes(value));
    }
    for (kind, value) in [("leap61", time.leap61), ("leap59", time.leap59)] {
        page.family(&LEAP).gauge(&[name, ("kind", kind)], yes(value));
    }
}

fn port_series(page: &mut Page, p: &Port, name: (&'static str, &str)) {
    let own = [name, ("port", p.number.as_str()), ("interface", p.interface.as_str())];
    let [a, b, c] = own;
    let (all, now) = (PORT_STATES.map(|s| s.to_string()), p.state.to_string());
    page.family(&PORT_INFO_STATE).state(&own, &all.each_ref().map(String::as_str), &now);
    page.family(&PORT_DELAY).known(&own, p.delay.map(|d| d.nanos_f64() / 1e9));
    for message in MessageType::ALL {
        let place = message as usize;
        let labels = [a, b, c, ("message", message.name())];
        page.family(&RECEIVED).counter(&labels, p.stats.rx.get(place).copied().unwrap_or(0));
        page.family(&SENT).counter(&labels, p.stats.tx.get(place).copied().unwrap_or(0));
    }
    for cause in DropCause::ALL {
        page.family(&DROPPED).counter(&[a, b, c, ("cause", cause.name())], p.stats.dropped(*cause));
    }
    let s = &p.stats.service;
    for (timer, count) in [
        ("announce", s.announce_timeout),
        ("sync", s.sync_timeout),
        ("delay", s.delay_timeout),
        ("unicast_service", s.unicast_service_timeout),
        ("unicast_request", s.unicast_request_timeout),
        ("master_announce", s.master_announce_timeout),
        ("master_sync", s.master_sync_timeout),
        ("qualification", s.qualification_timeout),
        ("sync_mismatch", s.sync_mismatch),
        ("follow_up_mismatch", s.followup_mismatch),
    ] {
        page.family(&TIMERS).counter(&[a, b, c, ("timer", timer)], count);
    }
    page.family(&STAMPS_LOST).counter(&own, p.stats.tx_stamps_lost);
    if let Some(s) = &p.sockets {
        for (event, count) in [
            ("stamp_stale", s.stamps_stale),
            ("stamp_late", s.stamps_lost),
            ("unstamped", s.unstamped),
            ("network_error", s.network_errors),
            ("not_ptp", s.dropped),
            ("send_error", s.send_errors),
        ] {
            page.family(&SOCKET).counter(&[a, b, c, ("event", event)], count);
        }
    }
    if let Some(s) = &p.server {
        page.family(&CLIENTS).gauge(&own, s.clients.into());
        page.family(&PROMISED).gauge(&own, s.promised_per_1000_s as f64 / 1000.0);
        page.family(&GRANTS).counter(&own, s.granted);
        for (cause, count) in [
            ("access", s.refused_access),
            ("clients", s.refused_clients),
            ("rate", s.refused_rate),
            ("state", s.refused_state),
            ("value", s.refused_value),
        ] {
            page.family(&REFUSALS).counter(&[a, b, c, ("cause", cause)], count);
        }
        page.family(&LATE).counter(&own, s.late);
    }
}
