//! Clocks of scenario files: kinds with typical figures, each of which can be set anew.

use std::rc::Rc;

use ptp_config::Problem;
use ptp_config::document::{self, Content, Node};
use ptp_wire::TimeInterval;

use super::super::{ClockSpec, Jitter, Moment, Temperature};
use super::fields::scalar;
use super::read::Context;

/// What a scenario says of a clock.
pub(super) struct ClockPlan {
    pub(super) kind: ClockKind,
    pub(super) spec: ClockSpec,
    pub(super) temperature: Option<Temperature>,
    pub(super) offset_within: TimeInterval,
    pub(super) frequency_within: f64,
}

macro_rules! kinds {
    ($($variant:ident, $word:literal;)*) => {
        /// Kinds of clocks.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(super) enum ClockKind { $($variant,)* }
        const KINDS: &[ClockKind] = &[$(ClockKind::$variant,)*];
        const WORDS: &[&str] = &[$($word,)*];
    };
}

kinds! {
    Perfect, "perfect";
    Gnss, "gnss";
    Rubidium, "rubidium";
    Ocxo, "ocxo";
    Tcxo, "tcxo";
    Crystal, "crystal";
}

/// Typical figures. docs/rehearsing.md has them as a table.
fn typical(kind: ClockKind) -> ClockSpec {
    let nic = ClockSpec::nic(TimeInterval::ZERO, 0.0);
    let free = |white_ppb, flicker_ppb, wander_ppb, ppb_per_day: f64| ClockSpec {
        white_ppb,
        flicker_ppb,
        wander_ppb,
        drift_ppb_per_hour: ppb_per_day / 24.0,
        ..nic
    };
    match kind {
        ClockKind::Perfect => ClockSpec::PERFECT,
        ClockKind::Gnss => ClockSpec { wander_ppb: 0.0, stamp_noise: Jitter::Gaussian { sigma: 5.0 }, ..nic },
        ClockKind::Rubidium => free(0.01, 0.001, 0.000_01, 0.002),
        ClockKind::Ocxo => free(0.01, 0.005, 0.000_05, 0.5),
        ClockKind::Tcxo => free(0.1, 0.05, 0.005, 5.0),
        ClockKind::Crystal => nic,
    }
}

/// What a clock becomes that loses its reference.
pub(super) fn holdover_of(kind: ClockKind) -> ClockSpec {
    typical(match kind {
        ClockKind::Perfect | ClockKind::Gnss => ClockKind::Ocxo,
        other => other,
    })
}

/// Reads `clock:`; a crystal if there is none. `software`: stamps are the kernel's, some microseconds late.
pub(super) fn read(c: &mut Context<'_>, node: Option<&Node>, path: &str, software: bool) -> ClockPlan {
    let mut plan = ClockPlan {
        kind: ClockKind::Crystal,
        spec: typical(ClockKind::Crystal),
        temperature: None,
        offset_within: TimeInterval::ZERO,
        frequency_within: 0.0,
    };
    let stamps = |spec: &mut ClockSpec| {
        if software {
            spec.granularity = TimeInterval::from_nanos(1);
            spec.stamp_noise = Jitter::Gamma { shape: 3, mean: 1_000.0 };
        }
    };
    stamps(&mut plan.spec);
    let Some(node) = node else { return plan };
    if let Some(word) = scalar(node) {
        match WORDS.iter().position(|w| *w == word) {
            Some(i) => {
                plan.kind = KINDS[i];
                plan.spec = typical(KINDS[i]);
                stamps(&mut plan.spec);
            }
            None => {
                let message = format!("`{}` is no kind of clock", document::brief(word));
                let help = format!("the kinds are {}", document::list(WORDS));
                c.reader.wrong_help(Problem::WrongType, path, &node.place, message, help);
            }
        }
        return plan;
    }
    let Some(mut f) = c.reader.fields(node, path) else { return plan };
    let r = &mut c.reader;
    if let Some(i) = r.choice(&mut f, "kind", WORDS) {
        plan.kind = KINDS[i];
        plan.spec = typical(KINDS[i]);
        stamps(&mut plan.spec);
    }
    let s = &mut plan.spec;
    let interval = TimeInterval::from_nanos_f64;
    s.phase = r.interval(&mut f, "offset").unwrap_or(s.phase);
    plan.offset_within = r.nanos(&mut f, "offset_within").map_or(TimeInterval::ZERO, interval);
    s.frequency_ppb = r.frequency(&mut f, "frequency").unwrap_or(s.frequency_ppb);
    plan.frequency_within = r.frequency(&mut f, "frequency_within").map_or(0.0, f64::abs);
    s.white_ppb = r.frequency(&mut f, "white_frequency").map_or(s.white_ppb, f64::abs);
    s.flicker_ppb = r.frequency(&mut f, "flicker").map_or(s.flicker_ppb, f64::abs);
    s.wander_ppb = r.frequency(&mut f, "random_walk").map_or(s.wander_ppb, f64::abs);
    s.drift_ppb_per_hour = r.frequency(&mut f, "ageing_per_day").map_or(s.drift_ppb_per_hour, |v| v / 24.0);
    s.granularity = r.nanos(&mut f, "granularity").map_or(s.granularity, interval);
    if let Some(sigma) = r.nanos(&mut f, "stamp_noise") {
        s.stamp_noise = if sigma == 0.0 { Jitter::None } else { Jitter::Gaussian { sigma } };
    }
    let allowed = "1 ppm to 100000 ppm";
    s.max_adjustment_ppb = r
        .value(&mut f, "max_frequency", allowed, |t| document::frequency(t, 1e3, 1e8))
        .unwrap_or(s.max_adjustment_ppb);
    if let Some(node) = f.take("temperature") {
        plan.temperature = temperature(c, node, &f.inner("temperature"));
    }
    c.reader.finish(f);
    plan
}

fn temperature(c: &mut Context<'_>, node: &Node, path: &str) -> Option<Temperature> {
    let mut f = c.reader.fields(node, path)?;
    let ppb_per_kelvin = c.reader.frequency(&mut f, "per_kelvin");
    if ppb_per_kelvin.is_none() && !f.has("per_kelvin") {
        c.reader.missing(&f, "per_kelvin", "write what a kelvin does, such as `per_kelvin: 50 ppb`");
    }
    let items = c.reader.list(&mut f, "points");
    let mut points: Vec<(Moment, f64)> = Vec::new();
    for item in items {
        let pair = match &item.content {
            Content::List(pair) => pair.as_slice(),
            _ => &[],
        };
        let parsed = match pair {
            [at, celsius] => scalar(at)
                .and_then(|t| document::duration(t, "s").ok())
                .zip(scalar(celsius).and_then(|t| document::number(t, -273.0, 1000.0).ok())),
            _ => None,
        };
        match parsed.map(|(at, celsius)| (Moment(0) + at, celsius)) {
            Some(point) if points.last().is_none_or(|last| last.0 < point.0) => points.push(point),
            Some(_) => {
                c.reader.wrong(Problem::Contradiction, path, &item.place, "times have to rise");
            }
            None => {
                let message = "a point is a time and degrees Celsius";
                let help = "write `[600 s, 35]`";
                c.reader.wrong_help(Problem::WrongType, path, &item.place, message, help);
            }
        }
    }
    if points.is_empty() && !f.has("points") {
        c.reader.missing(&f, "points", "write `points: [[0 s, 20], [600 s, 35]]`");
    }
    c.reader.finish(f);
    Some(Temperature { ppb_per_kelvin: ppb_per_kelvin?, points: Rc::from(points) })
}
