//! What is told of the engine's events: one sentence for people, fields for programs.

use ptp_daemon::{Event as Told, Severity, kind};
use ptp_wire::PortNumber;
use ptpd::engine::{self, Event, MasterFailure, PortState};
use ptpd::host::Settings;
use tracing::debug;

/// The program, as events have it.
pub(super) const PTPD: &str = "ptpd";

/// Names of an instance's ports, as events have them.
pub(super) fn subject(port: PortNumber) -> String {
    format!("port {port}")
}

/// Which interface a port is on.
pub(super) fn interface(settings: &Settings, port: PortNumber) -> &str {
    let index = usize::from(port.0).wrapping_sub(1);
    settings.networks.get(index).map_or("?", |n| n.interface.as_str())
}

/// What to tell of an event; `None`: nothing.
pub(super) fn event(settings: &Settings, event: &Event) -> Option<Told> {
    let of = |port: PortNumber, kind| {
        Told::new(PTPD, kind, subject(port))
            .field("port", port.0)
            .field("interface", interface(settings, port))
    };
    let title = |port: PortNumber| format!("port {port} ({})", interface(settings, port));
    let plain = |kind, subject: &str| Told::new(PTPD, kind, subject);
    let told = match *event {
        Event::PortState { port, from, to, on } => state(of(port, kind::PORT_STATE))
            .severity(if to == PortState::Faulty { Severity::Warning } else { Severity::Info })
            .message(format!("{}: {from} to {to} on {on}", title(port)))
            .field("from", from.to_string())
            .field("state", to.to_string())
            .field("on", on),
        Event::Parent { own: true, .. } => {
            plain(kind::PARENT, "").message("this clock is the grandmaster").field("own", true)
        }
        Event::Parent { parent, grandmaster, .. } => plain(kind::PARENT, "")
            .message(format!("master is {parent}, grandmaster {grandmaster}"))
            .field("own", false)
            .field("parent", parent.to_string())
            .field("grandmaster", grandmaster.to_string()),
        Event::NewForeignMaster { port, source } => of(port, kind::NOTE)
            .message(format!("{}: new foreign master {source}", title(port)))
            .field("note", "new-foreign-master")
            .field("master", source.to_string()),
        Event::TransmitStampLost { port, message_type, total } => of(port, kind::NOTE)
            .severity(Severity::Warning)
            .message(format!(
                "{}: no transmit stamp for a {message_type}; one sample is lost ({total} so far)",
                title(port)
            ))
            .field("note", "transmit-stamp-lost")
            .field("message_type", message_type.to_string())
            .field("total", total),
        Event::MultiplePdelayResponders { port } => of(port, kind::NOTE)
            .severity(Severity::Warning)
            .message(format!(
                "{}: more than one peer answers; peer delay needs a link of two (a transparent or boundary clock \
                 in between)",
                title(port)
            ))
            .field("note", "several-peers"),
        Event::PeerDetected { port } => of(port, kind::NOTE)
            .message(format!("{}: peer detected, delay is measured by p2p from now on", title(port)))
            .field("note", "peer-detected"),
        Event::UnicastGranted { port, master, message_type, log_interval, duration } => {
            let mut told = state(of(port, kind::UNICAST))
                .message(format!(
                    "{}: {master} grants {message_type} each 2^{} s for {duration} s",
                    title(port),
                    log_interval.0
                ))
                .field("granted", true)
                .field("master", master.to_string())
                .field("message_type", message_type.to_string())
                .field("log_interval", log_interval.0)
                .field("duration_s", duration);
            told.subject = format!("{} {master} {message_type}", subject(port));
            told
        }
        Event::NotAuthentic { port, source, cause, total } => of(port, kind::AUTHENTICATION)
            .severity(Severity::Warning)
            .message(format!(
                "{}: refused a message of {source}: {} ({total} so far)",
                title(port),
                cause.name()
            ))
            .field("source", source.to_string())
            .field("cause", cause.name())
            .field("total", total),
        Event::GmTimeBase { indicator, phase_change, frequency_change } => {
            let ppb = (frequency_change.ratio() - 1.0) * 1e9;
            plain(kind::NOTE, "")
                .message(format!(
                    "the grandmaster announces another time base ({indicator}): {:+.0} ns, {ppb:+.1} ppb",
                    phase_change.nanos_f64()
                ))
                .field("note", "time-base")
                .field("indicator", indicator)
                .field("phase_change_ns", phase_change.nanos_f64())
                .field("frequency_change_ppb", ppb)
        }
        Event::MasterFailed { port, master, why } => {
            let (word, text) = match why {
                MasterFailure::NoAnnounce => ("no-announce", "no Announces from"),
                MasterFailure::NoSync => ("no-sync", "Announces, but no Syncs from"),
                MasterFailure::Unusable => ("unusable", "the servo does not lock to"),
            };
            of(port, kind::NOTE)
                .severity(Severity::Warning)
                .message(format!(
                    "{}: {text} {master}: for {} s it is taken only for want of another",
                    title(port),
                    settings.instance.wait_to_restore.as_secs()
                ))
                .field("note", "master-failed")
                .field("master", master.to_string())
                .field("why", word)
        }
        Event::UnicastRefused { port, master, message_type } => of(port, kind::UNICAST)
            .severity(Severity::Warning)
            .message(format!("{}: {master} refuses {message_type}; asked again later", title(port)))
            .field("granted", false)
            .field("master", master.to_string())
            .field("message_type", message_type.to_string()),
        Event::UnicastCancelled { port, master, message_type } => {
            let mut told = state(of(port, kind::UNICAST))
                .severity(Severity::Warning)
                .message(format!("{}: {master} ends {message_type}", title(port)))
                .field("granted", false)
                .field("master", master.to_string())
                .field("message_type", message_type.to_string());
            told.subject = format!("{} {master} {message_type}", subject(port));
            told
        }
        Event::UnicastClients { port, clients } => {
            let plural = if clients == 1 { "" } else { "s" };
            let mut told = state(of(port, kind::UNICAST))
                .message(format!("{}: serves {clients} unicast client{plural}", title(port)))
                .field("clients", clients);
            told.subject = format!("{} clients", subject(port));
            told
        }
        Event::UnicastRequestRefused { port, client, total } => of(port, kind::UNICAST)
            .severity(Severity::Warning)
            .message(format!("{}: refused unicast service to {client} ({total} refusals so far)", title(port)))
            .field("client", client.to_string())
            .field("refusals", total),
        Event::AsCapable { port, capable } => {
            let mut told = state(of(port, kind::PORT_STATE))
                .severity(Severity::Debug)
                .message(format!(
                    "{}: the neighbour can{} be synchronised with",
                    title(port),
                    if capable { "" } else { "not" }
                ))
                .field("as_capable", capable);
            told.subject = format!("{} asCapable", subject(port));
            told
        }
        Event::SlaveEvents { port, slave, source, tlv_type, records, worst_offset } => {
            match worst_offset {
                Some(offset) => debug!(
                    "{}: {slave} tells {records} offsets from {source}, the largest {} ns",
                    title(port),
                    offset.nanos()
                ),
                None => debug!("{}: {slave} sends {records} of {tlv_type} of {source}", title(port)),
            }
            return None;
        }
        Event::PerformanceRecord { samples: 0, .. } => plain(kind::NOTE, "")
            .message("the last 15 minutes: no offset was measured")
            .field("note", "performance")
            .field("samples", 0),
        Event::PerformanceRecord {
            samples,
            average,
            minimum,
            maximum,
            standard_deviation,
            mean_path_delay,
        } => {
            let delay = (mean_path_delay != engine::Statistic::INVALID).then_some(mean_path_delay);
            plain(kind::NOTE, "")
                .message(format!(
                    "the last 15 minutes: {samples} offsets, mean {} ns, {} to {} ns, deviation {} ns{}",
                    average.nanos(),
                    minimum.nanos(),
                    maximum.nanos(),
                    standard_deviation.nanos(),
                    delay.map_or_else(String::new, |d| format!(", path delay {} ns", d.nanos()))
                ))
                .field("note", "performance")
                .field("samples", samples)
                .field("average_ns", average.nanos_f64())
                .field("minimum_ns", minimum.nanos_f64())
                .field("maximum_ns", maximum.nanos_f64())
                .field("standard_deviation_ns", standard_deviation.nanos_f64())
                .field("mean_path_delay_ns", delay.map(|d| d.nanos_f64()))
        }
        Event::SynchronizationMetadata(m) => plain(kind::NOTE, "").field("note", "studio").message(format!(
            "studio: {}/{} frames a second, local time {} s from PTP time, next jump by {} s at {}, master {}",
            m.frame_rate_numerator,
            m.frame_rate_denominator,
            m.current_local_offset,
            m.jump_seconds,
            m.time_of_next_jump.get(),
            match m.master_locking_status {
                1 => "runs free",
                2 => "locks cold",
                3 => "locks warm",
                4 => "is locked",
                _ => "does not say how it is locked",
            }
        )),
        Event::ReloadNeedsRestart { setting } => plain(kind::CONFIGURATION, setting)
            .severity(Severity::Warning)
            .message(format!("a change of {setting} needs a restart"))
            .field("setting", setting)
            .field("applied", false),
        Event::GrandmasterLeaseEnded { clock_class } => plain(kind::NOTE, "")
            .severity(Severity::Warning)
            .message(format!(
                "the program that tells what the reference is worth is gone: its settings are taken back, clockClass \
                 {clock_class}"
            ))
            .field("note", "lease-ended")
            .field("clock_class", clock_class),
        Event::ManagementChange { id } => {
            let id = ptp_wire::management::ManagementId(id);
            plain(kind::CONFIGURATION, "")
                .message(format!("a management client changed {id}"))
                .field("management_id", id.to_string())
        }
        // What observation tells, or nobody wants to know.
        _ => return None,
    };
    Some(told.instance(&settings.name))
}

fn state(event: Told) -> Told {
    Told { is_state: true, ..event }
}

/// A port is faulty, or is not any more: an alarm comes or goes.
pub(super) fn alarm(settings: &Settings, event: &Event) -> Option<Told> {
    let Event::PortState { port, from, to, .. } = *event else { return None };
    let active = to == PortState::Faulty;
    if !active && from != PortState::Faulty {
        return None;
    }
    let (severity, text) =
        if active { (Severity::Error, "has a fault") } else { (Severity::Notice, "works again") };
    let alarm = Told::state(PTPD, kind::ALARM, format!("{} fault", subject(port)))
        .severity(severity)
        .message(format!("port {port} ({}) {text}", interface(settings, port)))
        .field("active", active)
        .field("port", port.0);
    Some(alarm.instance(&settings.name))
}
