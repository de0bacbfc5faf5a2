//! Every call of an auxiliary clock against the truth. phc0 is there, and drifts from nothing; nobody steers anything.

use std::thread::sleep;
use std::time::Duration;

use ptp_clock::{AuxClock, Clock, ClockError, Comparer, CrossStamp, Method, Phc};
use ptp_wire::{TimeInterval, TimePoint};

use super::{Checked, error_ps, hold, knob};

/// The checks; the clock is enabled before, and set to the truth and enabled afterwards.
pub(super) fn check(number: u32) -> Checked {
    let mut clock = AuxClock::open(number)?;
    time_and_steps(number, &mut clock)?;
    println!("good: setting and steps");
    frequency(number, &mut clock)?;
    println!("good: frequency");
    pairs(number, &mut clock)?;
    println!("good: pairs with a PHC");
    gone_and_back(number, clock)?;
    println!("good: gone and back");
    let mut clock = AuxClock::open(number)?;
    clock.set(TimePoint::from_nanos(knob("truth")?))?;
    Ok(())
}

/// True error of the clock, ps.
fn error_of(number: u32) -> Result<i128, Box<dyn std::error::Error>> {
    knob(&format!("aux{number}_error_ps"))
}

fn time_and_steps(number: u32, clock: &mut AuxClock) -> Checked {
    let truth = knob("truth")?;
    clock.set(TimePoint::from_nanos(truth))?;
    let late = error_of(number)? / 1000;
    hold((-100_000_000..=0).contains(&late), || format!("set to the truth, it is {late} ns off"))?;
    clock.step(TimeInterval::from_nanos(i64::try_from(-late)?))?;
    let left = error_of(number)?;
    hold(left.abs() <= 2_000, || format!("{left} ps are left"))?;
    clock.step(TimeInterval::from_nanos(-1_000_012_345))?;
    let stepped = error_of(number)? - left;
    hold((stepped + 1_000_012_345_000).abs() <= 2_000, || {
        format!("a step back of 1.000012345 s became {stepped} ps")
    })?;
    clock.step(TimeInterval::from_nanos(1_000_012_345))?;
    let (before, shown, after) = (knob("truth")?, clock.now()?.nanos(), knob("truth")?);
    hold((before..=after).contains(&shown), || format!("it shows {shown} between {before} and {after}"))
}

/// 10 ppm for about a second are 10 us. The kernel's clocks run at rates in steps of about 0.1 ppm.
fn frequency(number: u32, clock: &mut AuxClock) -> Checked {
    clock.set_frequency(10_000.0)?;
    let (from, before) = (knob("truth")?, error_of(number)?);
    sleep(Duration::from_secs(1));
    let (to, after) = (knob("truth")?, error_of(number)?);
    let said = clock.frequency()?;
    clock.set_frequency(0.0)?;
    hold((said - 10_000.0).abs() < 0.1, || format!("it says {said} ppb"))?;
    let off = after - before - (to - from) / 100;
    hold(off.abs() < 200_000, || format!("{} ps in {} ns", after - before, to - from))?;
    for ppb in [500_000.0, -500_000.0, 0.0] {
        clock.set_frequency(ppb)?;
        let said = clock.frequency()?;
        hold((said - ppb).abs() < 0.1, || format!("set to {ppb} ppb, it says {said} ppb"))?;
    }
    let beyond = clock.set_frequency(500_001.0);
    hold(matches!(beyond, Err(ClockError::Frequency { .. })), || format!("{beyond:?}"))?;
    let phase = clock.adjust_phase(TimeInterval::from_nanos(1));
    hold(matches!(phase, Err(ClockError::Unsupported { .. })), || format!("{phase:?}"))
}

/// The PHC minus the auxiliary clock is what both true errors say, by every method.
fn pairs(number: u32, clock: &mut AuxClock) -> Checked {
    let mut phc = Phc::open(0)?;
    let id = clock.clock_id();
    let known = (error_ps(0)? - error_of(number)?) / 1000;
    let close = |name: &str, stamp: CrossStamp| {
        let off = stamp.device.nanos() - stamp.system.nanos() - known;
        let delay = stamp.delay.nanos();
        println!("{name}: {off} ns off, delay {delay} ns");
        hold(delay > 0 && off.abs() <= i128::from(delay) / 2 + 3, || {
            format!("{name}: {off} ns off, delay {delay} ns")
        })
    };
    close("precise", phc.precise_stamp_against(id, 5)?)?;
    close("extended", phc.extended_stamp_against(id, 5)?)?;
    for (name, first_is_clock) in [("sink", false), ("source", true)] {
        let (source, sink): (&mut dyn Clock, &mut dyn Clock) =
            if first_is_clock { (&mut *clock, &mut phc) } else { (&mut phc, &mut *clock) };
        let c = Comparer::new(5).compare(source, sink)?;
        let sign = if first_is_clock { 1 } else { -1 };
        let off = i128::from(c.offset().nanos()) - sign * known;
        hold(c.method == Method::CrossStamp && off.abs() <= i128::from(c.delay.nanos()) / 2 + 3, || {
            format!("as {name}: {off} ns off, {c:?}")
        })?;
    }
    Ok(())
}

fn gone_and_back(number: u32, mut clock: AuxClock) -> Checked {
    AuxClock::enable(number, false)?;
    let missing = |what: &str, e: Option<ClockError>| {
        hold(matches!(&e, Some(ClockError::NotEnabled { .. })), || {
            format!("{what} a clock that is gone: {e:?}")
        })
    };
    missing("reading", clock.now().err())?;
    missing("asking", clock.frequency().err())?;
    missing("steering", clock.set_frequency(1.0).err())?;
    missing("stepping", clock.step(TimeInterval::from_nanos(1)).err())?;
    missing("setting", clock.set(TimePoint::ZERO).err())?;
    missing("opening", AuxClock::open(number).err())?;
    let compared = Comparer::new(5).compare(&mut Phc::open(0)?, &mut clock);
    missing("comparing", compared.err())?;
    // Setting made it forget what it showed: a clock that was read before it went knows that it is another one now.
    AuxClock::enable(number, true)?;
    let mut clock = AuxClock::open(number)?;
    clock.set(TimePoint::from_nanos(knob("truth")?))?;
    clock.now()?;
    AuxClock::enable(number, false)?;
    AuxClock::enable(number, true)?;
    let anew = clock.now();
    hold(matches!(anew, Err(ClockError::BegunAnew { .. })), || format!("it has begun anew: {anew:?}"))
}
