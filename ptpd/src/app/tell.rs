//! What is told of events: one line a human understands.

use ptp_wire::PortNumber;
use ptpd::engine::{self, Event, MasterFailure};
use ptpd::host::Settings;
use tracing::{debug, info, warn};

/// One line a human understands.
pub(super) fn tell(settings: &Settings, event: &Event) {
    let interface = |port: PortNumber| {
        let index = usize::from(port.0).wrapping_sub(1);
        settings.networks.get(index).map_or("?", |n| n.interface.as_str())
    };
    match *event {
        Event::PortState { port, from, to, on } => {
            info!("port {port} ({}): {from} to {to} on {on}", interface(port));
        }
        Event::Parent { own: true, .. } => info!("this clock is the grandmaster"),
        Event::Parent { parent, grandmaster, .. } => info!("master is {parent}, grandmaster {grandmaster}"),
        Event::NewForeignMaster { port, source } => {
            info!("port {port} ({}): new foreign master {source}", interface(port));
        }
        Event::TransmitStampLost { port, message_type, total } => warn!(
            "port {port} ({}): no transmit stamp for a {message_type}; one sample is lost ({total} so far)",
            interface(port)
        ),
        Event::MultiplePdelayResponders { port } => warn!(
            "port {port} ({}): more than one peer answers; peer delay needs a link of two (a transparent or \
             boundary clock in between)",
            interface(port)
        ),
        Event::NotAuthentic { port, source, cause, total } => warn!(
            "port {port} ({}): refused a message of {source}: {} ({total} so far)",
            interface(port),
            cause.name()
        ),
        Event::GmTimeBase { indicator, phase_change, frequency_change } => info!(
            "the grandmaster announces another time base ({indicator}): {:+.0} ns, {:+.1} ppb",
            phase_change.nanos_f64(),
            (frequency_change.ratio() - 1.0) * 1e9
        ),
        Event::PeerDetected { port } => {
            info!("port {port} ({}): peer detected, delay is measured by p2p from now on", interface(port));
        }
        Event::UnicastGranted { port, master, message_type, log_interval, duration } => info!(
            "port {port} ({}): {master} grants {message_type} each 2^{} s for {duration} s",
            interface(port),
            log_interval.0
        ),
        Event::MasterFailed { port, master, why } => warn!(
            "port {port} ({}): {} {master}: for {} s it is taken only for want of another",
            interface(port),
            match why {
                MasterFailure::NoAnnounce => "no Announces from",
                MasterFailure::NoSync => "Announces, but no Syncs from",
                MasterFailure::Unusable => "the servo does not lock to",
            },
            settings.instance.wait_to_restore.as_secs()
        ),
        Event::UnicastRefused { port, master, message_type } => {
            warn!("port {port} ({}): {master} refuses {message_type}; asked again later", interface(port));
        }
        Event::UnicastCancelled { port, master, message_type } => {
            warn!("port {port} ({}): {master} ends {message_type}", interface(port));
        }
        Event::UnicastClients { port, clients } => {
            info!("port {port} ({}): serves {clients} unicast client{}", interface(port), plural(clients));
        }
        Event::UnicastRequestRefused { port, client, total } => warn!(
            "port {port} ({}): refused unicast service to {client} ({total} refusals so far)",
            interface(port)
        ),
        Event::SlaveEvents { port, slave, source, tlv_type, records, worst_offset } => match worst_offset {
            Some(offset) => debug!(
                "port {port} ({}): {slave} tells {records} offsets from {source}, the largest {} ns",
                interface(port),
                offset.nanos()
            ),
            None => {
                debug!(
                    "port {port} ({}): {slave} sends {records} of {tlv_type} of {source}",
                    interface(port)
                );
            }
        },
        Event::PerformanceRecord { samples: 0, .. } => info!("the last 15 minutes: no offset was measured"),
        Event::PerformanceRecord {
            samples,
            average,
            minimum,
            maximum,
            standard_deviation,
            mean_path_delay,
        } => info!(
            "the last 15 minutes: {samples} offsets, mean {} ns, {} to {} ns, deviation {} ns{}",
            average.nanos(),
            minimum.nanos(),
            maximum.nanos(),
            standard_deviation.nanos(),
            if mean_path_delay == engine::Statistic::INVALID {
                String::new()
            } else {
                format!(", path delay {} ns", mean_path_delay.nanos())
            }
        ),
        Event::SynchronizationMetadata(m) => info!(
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
        ),
        Event::TimeProperties => info!("time properties changed"),
        Event::ReloadNeedsRestart { setting } => warn!("a change of {setting} needs a restart"),
        Event::GrandmasterLeaseEnded { clock_class } => warn!(
            "the program that tells what the reference is worth is gone: its settings are taken back, clockClass {clock_class}"
        ),
        Event::ManagementChange { id } => {
            info!("a management client changed {}", ptp_wire::management::ManagementId(id))
        }
        _ => {}
    }
}

fn plural(n: u32) -> &'static str {
    if n == 1 { "" } else { "s" }
}
