//! What experiments with another implementation share: clocks whose truth is known, and what is said of them.

use std::time::{Duration, Instant};

use ptp_clock::{Clock, VirtualClock, VirtualOptions};
use ptp_wire::TimeInterval;

use super::capture::{Capture, Dissection};
use super::error::LabError;
use super::network::Host;

/// Far more than software stamps need, far less than any clock is wrong at the start; ns.
pub const AGREEMENT_NS: f64 = 1e6;
/// What an instance announces unless told otherwise, ns.
pub const TAI_MINUS_UTC_NS: f64 = 37e9;
/// Within this long every state is reached, on any machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// An experiment's assertion.
///
/// # Errors
///
/// [`LabError::Wrong`] with what is said otherwise.
pub fn expect(truth: bool, otherwise: impl FnOnce() -> String) -> Result<(), LabError> {
    if truth { Ok(()) } else { Err(LabError::Wrong(otherwise())) }
}

fn wrong(error: impl std::fmt::Display) -> LabError {
    LabError::Wrong(error.to_string())
}

/// Where the virtual clock of a host is.
#[must_use]
pub fn clock_path(host: &Host) -> String {
    format!("/run/clock-{}", host.name())
}

/// A virtual clock that is `ms` ahead of CLOCK_REALTIME and gains `ppm`.
///
/// # Errors
///
/// [`LabError::Wrong`] where it cannot be made.
pub fn clock_of(host: &Host, ms: i64, ppm: f64) -> Result<VirtualClock, LabError> {
    let options = VirtualOptions {
        offset: TimeInterval::from_nanos(ms * 1_000_000),
        frequency_error_ppb: ppm * 1e3,
        ..VirtualOptions::default()
    };
    VirtualClock::create(clock_path(host), &options).map_err(wrong)
}

/// The virtual clock minus CLOCK_REALTIME, ns.
///
/// # Errors
///
/// [`LabError::Wrong`] where it cannot be read.
pub fn ahead_of_realtime(clock: &mut VirtualClock) -> Result<f64, LabError> {
    let stamp = Clock::cross_stamp(clock, 9).map_err(wrong)?;
    Ok((stamp.device - stamp.system).nanos_f64())
}

/// Waits until the clock agrees with CLOCK_REALTIME, ten times in a row over a second.
///
/// # Errors
///
/// [`LabError::Timeout`] with how far it is off.
pub fn wait_for_agreement(clock: &mut VirtualClock, who: &str) -> Result<(), LabError> {
    wait_until_true(|| ahead_of_realtime(clock), who)
}

/// Waits until an offset (ns) is within [`AGREEMENT_NS`] of none, ten times in a row over a second.
///
/// # Errors
///
/// [`LabError::Timeout`] with the last; whatever `offset` says.
pub fn wait_until_true(mut offset: impl FnMut() -> Result<f64, LabError>, who: &str) -> Result<(), LabError> {
    let start = Instant::now();
    let mut in_a_row = 0;
    let mut last = f64::NAN;
    while in_a_row < 10 {
        last = offset()?;
        in_a_row = if last.abs() < AGREEMENT_NS { in_a_row + 1 } else { 0 };
        if start.elapsed() > PATIENCE {
            let awaited = format!("{who} to agree with its master (its true offset is {last:.0} ns)");
            return Err(LabError::Timeout { awaited, waited: PATIENCE, log: None });
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("{who}: true offset {last:.0} ns");
    Ok(())
}

/// The address of an Ethernet interface, as `ip` writes it.
///
/// # Errors
///
/// It has none, or `ip` fails.
pub fn mac_of(host: &Host, interface: &str) -> Result<String, LabError> {
    let line = host.run("ip", "iproute2", &["-o", "link", "show", "dev", interface])?;
    let mac = line.split("link/ether ").nth(1).and_then(|rest| rest.split_whitespace().next());
    mac.map(str::to_owned).ok_or_else(|| LabError::Wrong(format!("no MAC address in `{line}`")))
}

/// What `host` sent through `interface` is dissected without a complaint, and holds these message types.
///
/// # Errors
///
/// [`LabError::Wrong`] with tshark's complaints, or the type that is missing.
pub fn examine(capture: Capture, host: &Host, interface: &str, types: &[usize]) -> Result<(), LabError> {
    let mac = mac_of(host, interface)?;
    let file = capture.stop()?;
    let seen = Dissection::read(&file, Some(&mac))?;
    expect(seen.complaints.is_empty(), || format!("tshark on {}: {:#?}", file.display(), seen.complaints))?;
    println!("{}: {} messages of ours dissected", host.name(), seen.total());
    for message_type in types {
        expect(seen.by_type.get(*message_type).is_some_and(|n| *n > 0), || {
            format!("{} never sent messageType {message_type}: {:?}", host.name(), seen.by_type)
        })?;
    }
    Ok(())
}
