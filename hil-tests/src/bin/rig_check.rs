//! In the rig's guest: every call that a PTP hardware clock answers, by way of `ptp-clock`, against the module's truth.
//! The hardware is `load pairs=2 phc=0,1,1,2` with clocks that neither drift nor wander; phc1 is the device under test.
//! `leap` and `step` look at its kernel's clock, and set it; `auxiliary` does the same checks with an auxiliary clock.
#![forbid(unsafe_code)]

#[path = "../rig/auxiliary.rs"]
mod auxiliary;
#[path = "../rig/leap.rs"]
mod leap;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use ptp_clock::{Clock, ClockError, CrossMethod, Edge, ExttsEvent, Perout, PeroutStart, Phc, PinFunction};
use ptp_wire::{TimeInterval, TimePoint};

const RIG: &str = "/sys/kernel/debug/ptprig";
const SECOND: i128 = 1_000_000_000;
/// TAI - UTC.
const TAI_OFFSET: i128 = 37;

type Checked = Result<(), Box<dyn Error>>;
type Check = fn(&mut Phc) -> Checked;

const CHECKS: [(&str, Check); 9] = [
    ("capabilities", capabilities),
    ("cross stamps", cross_stamps),
    ("phase, steps, setting", phase_and_steps),
    ("frequency", frequency),
    ("pins", pins),
    ("periodic output to external stamps", output_to_input),
    ("pulse per second of the PHC", kernel_pulse),
    ("pulse per second of the receiver", receiver_pulse),
    ("busy", busy),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => return all_checks(),
        ["leap", what] => leap::leap(what),
        ["auxiliary", number] => number.parse().map_err(Into::into).and_then(auxiliary::check),
        ["step", ns] => ns.parse().map_err(Into::into).and_then(leap::step),
        _ => {
            Err("escapement-rig-check [leap insert|delete|none|forget] [step NANOSECONDS] [auxiliary NUMBER]"
                .into())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            println!("FAILED: {e}");
            ExitCode::FAILURE
        }
    }
}

fn all_checks() -> ExitCode {
    let mut failed = 0;
    for (name, check) in CHECKS {
        match Phc::open(1).map_err(Into::into).and_then(|mut phc| check(&mut phc)) {
            Ok(()) => println!("good: {name}"),
            Err(e) => {
                println!("FAILED: {name}: {e}");
                failed += 1;
            }
        }
    }
    println!("{} checks, {failed} failed", CHECKS.len());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// An error with this text unless it holds.
fn hold(holds: bool, text: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(text().into()) }
}

fn knob(file: &str) -> Result<i128, Box<dyn Error>> {
    Ok(fs::read_to_string(Path::new(RIG).join(file))?.trim().parse()?)
}

fn turn(file: &str, value: i64) -> Checked {
    Ok(fs::write(Path::new(RIG).join(file), value.to_string())?)
}

/// True error of a PHC, ps.
fn error_ps(phc: u32) -> Result<i128, Box<dyn Error>> {
    knob(&format!("phc{phc}/error_ps"))
}

fn capabilities(phc: &mut Phc) -> Checked {
    let c = phc.capabilities();
    hold(
        c.max_frequency_ppb == 1_000_000
            && (c.external_timestamp_channels, c.periodic_output_channels, c.pins) == (2, 2, 4)
            && c.pps
            && c.cross_timestamping
            && c.adjust_phase,
        || format!("{c:?}"),
    )
}

/// PHC minus system clock is what both true errors say, by every method.
fn cross_stamps(phc: &mut Phc) -> Checked {
    hold(phc.cross_method() == CrossMethod::Precise, || format!("{:?}", phc.cross_method()))?;
    let known = (error_ps(1)? - knob("system_error_ps")?) / 1000 + TAI_OFFSET * SECOND;
    let precise = phc.precise_stamp()?;
    let off = precise.device.nanos() - precise.realtime.nanos() - known;
    hold(off.abs() <= 2, || format!("precise: {off} ns off"))?;
    for (name, stamp) in [("extended", phc.extended_stamp(5)?), ("basic", phc.basic_stamp(5)?)] {
        let off = stamp.device.nanos() - stamp.system.nanos() - known;
        let within = i128::from(stamp.delay.nanos()) / 2 + 2;
        hold(stamp.delay >= TimeInterval::ZERO && off.abs() <= within, || {
            format!("{name}: {off} ns off, {within} allowed")
        })?;
    }
    Ok(())
}

fn phase_and_steps(phc: &mut Phc) -> Checked {
    let before = error_ps(1)?;
    phc.adjust_phase(TimeInterval::from_nanos(12_345))?;
    let phase = error_ps(1)? - before;
    hold(phase == 12_345_000, || format!("a phase of 12345 ns became {phase} ps"))?;
    phc.step(TimeInterval::from_nanos(-1_000_012_345))?;
    let step = error_ps(1)? - before;
    hold(step == -1_000_000_000_000, || format!("a step of 1 s back became {step} ps"))?;
    // Setting takes as long as a program takes: less than a tenth of a second in any guest.
    let truth = knob("truth")?;
    phc.set(TimePoint::from_nanos(truth))?;
    let late = error_ps(1)? / 1000;
    hold((-100_000_000..=0).contains(&late), || format!("set to the truth, it is {late} ns off"))?;
    phc.step(TimeInterval::from_nanos(i64::try_from(-late)?))?;
    let left = error_ps(1)?;
    hold(left.abs() <= 1000, || format!("{left} ps are left"))
}

/// 10 ppm for about a second are 10 us.
fn frequency(phc: &mut Phc) -> Checked {
    phc.set_frequency(10_000.0)?;
    let (from, before) = (knob("truth")?, error_ps(1)?);
    sleep(Duration::from_secs(1));
    let (to, after) = (knob("truth")?, error_ps(1)?);
    let said = phc.frequency()?;
    phc.set_frequency(0.0)?;
    hold((said - 10_000.0).abs() < 0.1, || format!("it says {said} ppb"))?;
    let off = after - before - (to - from) / 100;
    // The two readings of each end lie up to 100 us apart: 1 ns at this rate.
    hold(off.abs() < 2000, || format!("{} ps in {} ns", after - before, to - from))?;
    let beyond = phc.set_frequency(1_000_001.0);
    hold(matches!(beyond, Err(ClockError::Frequency { .. })), || format!("{beyond:?}"))
}

fn pins(phc: &mut Phc) -> Checked {
    let names: Vec<String> = phc.pins()?.into_iter().map(|pin| pin.name).collect();
    hold(names == ["SDP0", "SDP1", "SDP2", "SDP3"], || format!("{names:?}"))?;
    phc.set_pin(3, PinFunction::ExternalTimestamp, 1)?;
    let (new, old) = (phc.pin(3)?, phc.pin(1)?);
    hold(
        (new.function, new.channel, old.function) == (PinFunction::ExternalTimestamp, 1, PinFunction::None),
        || format!("{new:?} {old:?}"),
    )?;
    phc.set_pin(3, PinFunction::PeriodicOutput, 1)?;
    // Now no pin leads to the input.
    let refused = phc.enable_extts(1, Edge::Rising);
    hold(matches!(refused, Err(ClockError::Busy { .. })), || format!("{refused:?}"))?;
    phc.set_pin(1, PinFunction::ExternalTimestamp, 1)?;
    let refused = phc.set_pin(0, PinFunction::PhySync, 0);
    hold(refused.is_err(), || format!("{refused:?}"))
}

/// phc0's output is wired to phc1's input: each stamp is what phc1 shows at a whole second of phc0.
fn output_to_input(phc: &mut Phc) -> Checked {
    let mut source = Phc::open(0)?;
    turn("phc1/extts0", 0)?;
    phc.step(TimeInterval::from_nanos(2_345))?;
    phc.enable_extts(0, Edge::Rising)?;
    let start = source.now()?.nanos().div_euclid(SECOND) * SECOND + 2 * SECOND;
    let period = Duration::from_millis(250);
    let output = Perout { period, start: PeroutStart::At(TimePoint::from_nanos(start)), width: None };
    source.enable_perout(0, &output)?;
    let mut stamps = Vec::new();
    while stamps.len() < 8 {
        stamps.push(event(phc)?);
    }
    source.disable_perout(0)?;
    let ahead = (error_ps(1)? - error_ps(0)?) / 1000;
    for (k, stamp) in stamps.iter().enumerate() {
        let edge = start + i128::try_from(k)? * 250_000_000;
        let off = stamp.time.nanos() - edge - ahead;
        hold(stamp.channel == 0 && off.abs() <= 1, || format!("edge {k}: {off} ns off, {stamp:?}"))?;
    }
    // What was on its way has come by now.
    sleep(Duration::from_millis(300));
    while waiting(phc)? {
        phc.read_extts()?;
    }
    sleep(Duration::from_secs(1));
    hold(!waiting(phc)?, || "edges come after the output was switched off".to_owned())?;
    phc.disable_extts(0)?;
    turn("phc1/extts0", -1)?;
    phc.step(TimeInterval::from_nanos(-2_345))?;
    Ok(())
}

fn waiting(phc: &Phc) -> Result<bool, Box<dyn Error>> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    Ok(poll(&mut [PollFd::new(phc.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO)? > 0)
}

/// The next external stamp, within 5 s.
fn event(phc: &mut Phc) -> Result<ExttsEvent, Box<dyn Error>> {
    for _ in 0..500 {
        if waiting(phc)?
            && let Some(event) = phc.read_extts()?
        {
            return Ok(event);
        }
        sleep(Duration::from_millis(10));
    }
    Err("no edge within 5 s".into())
}

/// The directory of the kernel's pulse source of this name.
fn pulse_source(named: &str) -> Result<PathBuf, Box<dyn Error>> {
    for entry in fs::read_dir("/sys/class/pps")?.flatten() {
        if fs::read_to_string(entry.path().join("name")).is_ok_and(|name| name.trim() == named) {
            return Ok(entry.path());
        }
    }
    Err(format!("the kernel has no pulse source {named}").into())
}

/// The last pulse: CLOCK_REALTIME in ns, and its number.
fn pulse(source: &Path) -> Result<(i128, u64), Box<dyn Error>> {
    let text = fs::read_to_string(source.join("assert"))?;
    let (time, number) = text.trim().split_once('#').ok_or("no number")?;
    let (s, ns) = time.split_once('.').ok_or("no point")?;
    Ok((s.parse::<i128>()? * SECOND + ns.parse::<i128>()?, number.parse()?))
}

/// Pulses come once a second, this long after CLOCK_REALTIME's whole second.
fn pulses_at(source: &Path, after_ns: i128) -> Checked {
    let (_, first) = pulse(source)?;
    sleep(Duration::from_secs(3));
    let (time, last) = pulse(source)?;
    hold((2..=4).contains(&(last - first)), || format!("{} pulses in 3 s", last - first))?;
    let off = (time - after_ns + SECOND / 2).rem_euclid(SECOND) - SECOND / 2;
    hold(off.abs() <= 2, || format!("the pulse is {off} ns from its place"))
}

fn kernel_pulse(phc: &mut Phc) -> Checked {
    phc.step(TimeInterval::from_nanos(7_000))?;
    phc.enable_pps(true)?;
    let ahead = (knob("system_error_ps")? - error_ps(1)?) / 1000;
    let result = pulses_at(&pulse_source("ptp1")?, ahead);
    phc.enable_pps(false)?;
    phc.step(TimeInterval::from_nanos(-7_000))?;
    result
}

fn receiver_pulse(_: &mut Phc) -> Checked {
    let source = pulse_source("ptprig-gnss")?;
    pulses_at(&source, knob("system_error_ps")? / 1000)?;
    // Without sky no pulses.
    fs::write(Path::new(RIG).join("gnss/on"), "0")?;
    sleep(Duration::from_secs(1));
    let (_, before) = pulse(&source)?;
    sleep(Duration::from_secs(3));
    let (_, after) = pulse(&source)?;
    fs::write(Path::new(RIG).join("gnss/on"), "1")?;
    hold(after == before, || format!("{} pulses without sky", after - before))
}

fn busy(phc: &mut Phc) -> Checked {
    turn("phc1/busy_count", 2)?;
    let first = phc.now();
    let second = phc.set_frequency(0.0);
    hold(matches!((&first, &second), (Err(ClockError::Busy { .. }), Err(ClockError::Busy { .. }))), || {
        format!("{first:?} {second:?}")
    })?;
    phc.now()?;
    Ok(())
}
