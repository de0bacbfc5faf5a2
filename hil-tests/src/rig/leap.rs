//! In the rig's guest: the kernel's clock through a leap second, as any program sees it. Only there: on another machine nothing is
//! set, and an error is told.

use std::error::Error;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use ptp_clock::{Clock, LeapSecond, SystemClock, monotonic_raw_now, realtime_now};
use ptp_wire::TimeInterval;

/// What only the guest has at its root.
const MODULE: &str = "/ptprig.ko";
const SECOND: i128 = 1_000_000_000;
/// Between two looks. A looking program keeps the guest's processor awake for a part of it.
const EVERY: Duration = Duration::from_millis(10);
/// What steering moves the clock in that time, and a tick that is late, are less; a leap second is more. ns.
const JUMP: i128 = 100_000_000;
/// CLOCK_TAI has no leap seconds; steering and readings one after another leave this, ns.
const TAI_TOLERANCE: i128 = 1_000_000;
/// Some ticks of the kernel, ns.
const TICKS: i128 = 20_000_000;
/// For how long it looks, s of CLOCK_MONOTONIC_RAW.
const PATIENCE: i128 = 15;

type Done = Result<(), Box<dyn Error>>;

fn only_in_the_guest() -> Done {
    if Path::new(MODULE).is_file() {
        Ok(())
    } else {
        Err("only the rig's guest may have its clock set".into())
    }
}

/// Somebody steps the guest's clock.
///
/// # Errors
/// This is no guest, or the kernel refuses.
pub(crate) fn step(ns: i64) -> Done {
    only_in_the_guest()?;
    Ok(SystemClock::new().step(TimeInterval::from_nanos(ns))?)
}

/// `insert`, `delete`: goes through the leap second that is about to come; `none`: the kernel knows of none any more;
/// `forget`: tells it so.
///
/// # Errors
/// It was not as it has to be; the text tells what was seen.
pub(crate) fn leap(what: &str) -> Done {
    only_in_the_guest()?;
    let mut system = SystemClock::new();
    let armed = system.leap()?;
    match what {
        "insert" => through(LeapSecond::Insert, armed),
        "delete" => through(LeapSecond::Delete, armed),
        "none" if armed == LeapSecond::None => Ok(()),
        "none" => Err(format!("the kernel is still told of a leap second: {armed:?}").into()),
        "forget" => {
            system.set_leap(LeapSecond::None)?;
            system.set_frequency(0.0)?;
            Ok(system.set_tai_offset(0)?)
        }
        other => Err(format!("{other}: insert, delete, none or forget").into()),
    }
}

#[derive(Clone, Copy)]
struct Look {
    raw: i128,
    real: i128,
    tai: i32,
}

/// `None`: a second has just begun. Until the next tick the kernel may tell the new TAI offset with the old second.
fn look(system: SystemClock) -> Result<Option<Look>, Box<dyn Error>> {
    let (raw, real) = (i128::from(monotonic_raw_now()), realtime_now().nanos());
    let tai = system.tai_offset()?;
    Ok((real % SECOND > TICKS && real % SECOND < SECOND - TICKS).then_some(Look { raw, real, tai }))
}

fn through(expected: LeapSecond, armed: LeapSecond) -> Done {
    if armed != expected {
        return Err(format!("the kernel is told of {armed:?}, not of {expected:?}").into());
    }
    let system = SystemClock::new();
    let wanted = match expected {
        LeapSecond::Insert => -SECOND,
        LeapSecond::Delete | LeapSecond::None => SECOND,
    };
    let (mut last, mut leaps, mut tai_off, mut begin) = (None, 0, 0i128, None);
    loop {
        sleep(EVERY);
        let Some(now) = look(system)? else { continue };
        let first = *begin.get_or_insert(now.raw);
        if let Some(Look { raw, real, tai }) = last.replace(now) {
            let jump = now.real - real - (now.raw - raw);
            let off = jump + i128::from(now.tai - tai) * SECOND;
            tai_off = tai_off.max(off.abs());
            if jump.abs() > JUMP {
                leaps += 1;
                println!(
                    "CLOCK_REALTIME jumped by {jump} ns at {} of UTC's day, TAI offset {tai} to {}, CLOCK_TAI by {off} ns",
                    seconds_of_day(real),
                    now.tai
                );
                if (jump - wanted).abs() > TAI_TOLERANCE || i128::from(now.tai - tai) * SECOND != -wanted {
                    return Err("that is not the leap second".into());
                }
            }
        }
        if now.raw - first > PATIENCE * SECOND {
            break;
        }
    }
    println!("{leaps} leap second, CLOCK_TAI never jumped by more than {tai_off} ns between looks");
    if leaps == 1 && tai_off < TAI_TOLERANCE { Ok(()) } else { Err("not one leap second".into()) }
}

fn seconds_of_day(ns: i128) -> String {
    let ms = ns / 1_000_000 % 86_400_000;
    format!("{}.{:03} s", ms / 1000, ms % 1000)
}
