//! SVG, drawn by hand: lines over time, bars, and curves on two logarithmic axes. Colours are the page's classes.

use std::fmt::Write as _;

use ptp_evidence::utc_text;

use super::analysis::Span;
use super::series::{Histogram, Series};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 74.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 26.0;

/// A scale from values to places.
struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    fn at(&self, value: f64) -> f64 {
        let share = (value - self.from) / (self.to - self.from);
        self.start + share.clamp(-0.01, 1.01) * (self.end - self.start)
    }
}

/// 1, 2 or 5 times a power of ten, so that about `count` fit.
fn step(range: f64, count: f64) -> f64 {
    let rough = (range / count).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(rough.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0].into_iter().find(|t| t * power >= rough).unwrap_or(10.0);
    times * power
}

fn open(height: f64, label: &str) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{label}\">\n")
}

/// What belongs behind the lines of a plot over time.
pub(super) struct Background<'a> {
    pub(super) span: Span,
    pub(super) gaps: &'a [Span],
    /// When, and whether it is a warning.
    pub(super) marks: &'a [(i64, bool)],
    /// Times are since a start.
    pub(super) relative: bool,
}

impl Background<'_> {
    fn scale(&self) -> Scale {
        let to = self.span.to.max(self.span.from + 1);
        Scale { from: 0.0, to: (to - self.span.from) as f64, start: LEFT, end: WIDTH - RIGHT }
    }

    fn x(&self, at: i64) -> f64 {
        self.scale().at(at.saturating_sub(self.span.from) as f64)
    }

    fn draw(&self, svg: &mut String, height: f64) {
        let (top, bottom) = (TOP, height - BOTTOM);
        for gap in self.gaps {
            let (a, b) = (self.x(gap.from), self.x(gap.to));
            let width = (b - a).max(1.0);
            let _ = writeln!(
                svg,
                "<rect class=\"gap\" x=\"{a:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
                bottom - top
            );
        }
        // As many marks as can be told apart.
        let mut last = f64::MIN;
        for (at, warns) in self.marks.iter().filter(|(at, _)| (self.span.from..=self.span.to).contains(at)) {
            let x = self.x(*at);
            if x - last < 1.5 {
                continue;
            }
            last = x;
            let class = if *warns { "warn" } else { "note" };
            let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{x:.1} {top}V{bottom:.1}\"/>");
        }
        self.times(svg, bottom);
    }

    fn times(&self, svg: &mut String, bottom: f64) {
        const SECONDS: [f64; 21] = [
            0.001, 0.01, 0.1, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
            7200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0, 604_800.0,
        ];
        let length = self.span.seconds();
        let every = SECONDS.into_iter().find(|s| length / s <= 9.0).unwrap_or(length / 8.0);
        let begin = self.span.from as f64 / 1e9;
        let mut at = (begin / every).ceil() * every;
        let mut day = String::new();
        while at <= begin + length {
            let ns = (at * 1e9) as i64;
            let x = self.x(ns);
            let text = if self.relative {
                format!("{at:.0} s")
            } else {
                let utc = utc_text(ns);
                let (date, time) = utc.split_at_checked(11).unwrap_or((&utc, ""));
                let time = time.get(..if every < 60.0 { 8 } else { 5 }).unwrap_or(time);
                let date = date.trim_end_matches('T');
                let text = if every >= 86_400.0 {
                    date.to_owned()
                } else if day.is_empty() || day == date {
                    time.to_owned()
                } else {
                    date.get(5..).unwrap_or(date).to_owned()
                };
                date.clone_into(&mut day);
                text
            };
            let _ = writeln!(svg, "<path class=\"tickmark\" d=\"M{x:.1} {bottom:.1}v4\"/>");
            let anchor = if x > WIDTH - 40.0 { "end" } else { "mid" };
            let _ = writeln!(
                svg,
                "<text class=\"tick {anchor}\" x=\"{x:.1}\" y=\"{:.1}\">{text}</text>",
                bottom + 17.0
            );
            at += every;
        }
    }
}

/// What a label counts in: from which size on, in how much of the value's own unit, and its name.
pub(super) type Units = &'static [(f64, &'static str)];
/// ns.
pub(super) const TIME: Units = &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"), (1e-3, "ps")];
/// ppb.
pub(super) const FREQUENCY: Units = &[(1.0, "ppb")];
/// Per cent.
const SHARE: Units = &[(1.0, "%")];

/// A label with as many places as tell it from its neighbours; `size`: the largest value of the axis.
fn tick(value: f64, every: f64, size: f64, units: Units) -> String {
    let (divisor, name) =
        units.iter().find(|(d, _)| size >= *d).or(units.last()).copied().unwrap_or((1.0, ""));
    let places = (-(every / divisor).log10()).ceil().clamp(0.0, 9.0) as usize;
    // No minus before zero.
    format!("{:.places$} {name}", value / divisor + 0.0).replace('-', "\u{2212}")
}

fn values(svg: &mut String, scale: &Scale, units: Units, count: f64) {
    let every = step(scale.to - scale.from, count);
    let size = scale.to.abs().max(scale.from.abs());
    let mut i = (scale.from / every).ceil();
    while i * every <= scale.to {
        let (value, y) = (i * every, scale.at(i * every));
        let class = if i == 0.0 { "zero" } else { "grid" };
        let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{LEFT} {y:.1}H{:.1}\"/>", WIDTH - RIGHT);
        let _ = writeln!(
            svg,
            "<text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            tick(value, every, size, units)
        );
        i += 1.0;
    }
}

/// A quantity over time: its extremes as a band, its mean as a line. `quantiles`: what the scale shows at least; what
/// lies farther out reaches the edge. `None`: there is nothing to draw.
pub(super) fn over_time(
    label: &str,
    series: &Series,
    class: &str,
    background: &Background<'_>,
    shown: Option<(f64, f64)>,
    units: Units,
) -> Option<String> {
    let height = 210.0;
    let (low, high) = shown.or_else(|| series.extremes())?;
    let size = high.abs().max(low.abs());
    // What does not change lies in the middle.
    let room = if high - low < size * 1e-3 { (size * 0.05).max(1e-3) } else { (high - low) * 0.06 };
    let y = Scale { from: low - room, to: high + room, start: height - BOTTOM, end: TOP };
    let mut svg = open(height, label);
    let _ = writeln!(
        svg,
        "<clipPath id=\"c\"><rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/></clipPath>",
        WIDTH - LEFT - RIGHT,
        height - TOP - BOTTOM
    );
    background.draw(&mut svg, height);
    values(&mut svg, &y, units, 5.0);
    let buckets = series.buckets();
    // A gap breaks the line; so does what is far longer than usual between two points.
    let distance = buckets.windows(2).filter_map(|w| Some(w.get(1)?.from.saturating_sub(w.first()?.to)));
    let mut distances: Vec<i64> = distance.collect();
    distances.sort_unstable();
    let usual = distances.get(distances.len() / 2).copied().unwrap_or(0);
    let most = usual.saturating_mul(4).max(background.span.to.saturating_sub(background.span.from) / 400);
    let (mut line, mut band) = (String::new(), String::new());
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    for bucket in buckets {
        let broken = piece.last().is_some_and(|b: &&super::series::Bucket| {
            background.gaps.iter().any(|g| g.from < bucket.from && g.to > b.to)
                || bucket.from.saturating_sub(b.to) > most
        });
        if broken {
            pieces.push(std::mem::take(&mut piece));
        }
        piece.push(bucket);
    }
    pieces.push(piece);
    for piece in pieces.iter().filter(|p| !p.is_empty()) {
        let x = |b: &super::series::Bucket| background.x(b.from.midpoint(b.to));
        for (i, b) in piece.iter().enumerate() {
            let _ = write!(line, "{}{:.1} {:.1}", if i == 0 { 'M' } else { 'L' }, x(b), y.at(b.mean()));
            let _ = write!(band, "{}{:.1} {:.1}", if i == 0 { 'M' } else { 'L' }, x(b), y.at(b.max));
        }
        for b in piece.iter().rev() {
            let _ = write!(band, "L{:.1} {:.1}", x(b), y.at(b.min));
        }
        band.push('Z');
    }
    let _ = writeln!(svg, "<path class=\"band {class}\" clip-path=\"url(#c)\" d=\"{band}\"/>");
    let _ = writeln!(svg, "<path class=\"line {class}\" clip-path=\"url(#c)\" d=\"{line}\"/>");
    svg.push_str("</svg>\n");
    Some(svg)
}

/// How often values came.
pub(super) fn bars(label: &str, histogram: &Histogram, units: Units) -> Option<String> {
    let (height, count) = (200.0, 61);
    let (low, high) = (histogram.quantile(0.001)?, histogram.quantile(0.999)?);
    let every = step((high - low).max(0.1), 61.0);
    let middle = (low + high) / 2.0;
    let from = (middle / every).round() * every - every * count as f64 / 2.0;
    let to = from + every * count as f64;
    let shares = histogram.bars(from, to, count);
    let most = shares.iter().copied().fold(0.0, f64::max).max(1e-9);
    let x = Scale { from, to, start: LEFT, end: WIDTH - RIGHT };
    let y = Scale { from: 0.0, to: most * 100.0, start: height - BOTTOM, end: TOP };
    let mut svg = open(height, label);
    values(&mut svg, &y, SHARE, 4.0);
    let bottom = y.at(0.0);
    let width = (WIDTH - LEFT - RIGHT) / count as f64;
    for (i, share) in shares.iter().enumerate().filter(|(_, s)| **s > 0.0) {
        let top = y.at(share * 100.0);
        let _ = writeln!(
            svg,
            "<rect class=\"bar\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            x.at(from + i as f64 * every) + 0.5,
            width - 1.0,
            bottom - top
        );
    }
    let apart = step(to - from, 9.0);
    let mut i = (from / apart).ceil();
    while i * apart <= to {
        let place = x.at(i * apart);
        let _ = writeln!(
            svg,
            "<path class=\"tickmark\" d=\"M{place:.1} {bottom:.1}v4\"/><text class=\"tick mid\" x=\"{place:.1}\" y=\"{:.1}\">{}</text>",
            bottom + 17.0,
            tick(i * apart, apart, to.abs().max(from.abs()), units)
        );
        i += 1.0;
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

/// A line of [`curves`].
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) class: &'static str,
    /// (s, ns).
    pub(super) points: Vec<(f64, f64)>,
}

/// Curves over the observation interval, both axes logarithmic; the first one is measured, the others are limits.
pub(super) fn curves(label: &str, all: &[Curve]) -> Option<String> {
    let height = 270.0;
    let points = || all.iter().flat_map(|c| &c.points).filter(|(t, v)| *t > 0.0 && *v > 0.0);
    let measured = all.first()?.points.iter().filter(|(t, v)| *t > 0.0 && *v > 0.0);
    let (first, last) =
        (measured.clone().map(|p| p.0).reduce(f64::min)?, measured.map(|p| p.0).reduce(f64::max)?);
    let low = points().map(|p| p.1).reduce(f64::min)?.log10().floor();
    let high = points().map(|p| p.1).reduce(f64::max)?.log10() - 1e-9;
    let high = high.ceil().max(low + 1.0);
    let x = Scale {
        from: first.log10(),
        to: last.log10().max(first.log10() + 0.5),
        start: LEFT,
        end: WIDTH - 190.0,
    };
    let y = Scale { from: low, to: high, start: height - BOTTOM, end: TOP };
    let mut svg = open(height, label);
    let mut e = low;
    while e <= high {
        let at = y.at(e);
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{:.1}\"/>", x.end);
        let text = super::human(10f64.powf(e));
        let _ = writeln!(
            svg,
            "<text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
            LEFT - 6.0,
            at + 4.0
        );
        e += 1.0;
    }
    let mut e = x.from.floor();
    while e <= x.to + 1e-9 {
        for times in [1.0, 2.0, 5.0] {
            let seconds = times * 10f64.powf(e);
            if (x.from - 1e-9..=x.to + 1e-9).contains(&seconds.log10()) {
                let at = x.at(seconds.log10());
                let _ = writeln!(svg, "<path class=\"grid\" d=\"M{at:.1} {TOP}V{:.1}\"/>", height - BOTTOM);
                let _ = writeln!(
                    svg,
                    "<text class=\"tick mid\" x=\"{at:.1}\" y=\"{:.1}\">{} s</text>",
                    height - BOTTOM + 17.0,
                    super::short(seconds)
                );
            }
        }
        e += 1.0;
    }
    for (row, curve) in all.iter().enumerate() {
        let inside =
            curve.points.iter().filter(|(t, v)| *v > 0.0 && *t >= first * 0.999 && *t <= last * 1.001);
        let path: Vec<String> =
            inside.map(|(t, v)| format!("{:.1} {:.1}", x.at(t.log10()), y.at(v.log10()))).collect();
        if path.is_empty() {
            continue;
        }
        let _ = writeln!(svg, "<path class=\"curve {}\" d=\"M{}\"/>", curve.class, path.join("L"));
        if row == 0 {
            for point in &path {
                let (cx, cy) = point.split_once(' ').unwrap_or((point, "0"));
                let _ = writeln!(svg, "<circle class=\"dot\" cx=\"{cx}\" cy=\"{cy}\" r=\"2.5\"/>");
            }
        }
        let at = TOP + 14.0 + 18.0 * row as f64;
        let left = x.end + 12.0;
        let _ = writeln!(svg, "<path class=\"curve {}\" d=\"M{left:.1} {:.1}h22\"/>", curve.class, at - 4.0);
        let _ = writeln!(
            svg,
            "<text class=\"legend\" x=\"{:.1}\" y=\"{at:.1}\">{}</text>",
            left + 28.0,
            curve.name
        );
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (range, count, want) in [(10.0, 5.0, 2.0), (0.37, 5.0, 0.1), (1e6, 7.0, 2e5), (55.0, 5.0, 20.0)] {
            assert!((step(range, count) - want).abs() < want * 1e-9, "{range} {}", step(range, count));
        }
    }

    #[test]
    fn labels_tell_neighbours_apart() {
        assert_eq!(tick(-12_320.0, 20.0, 12_400.0, FREQUENCY), "−12320 ppb");
        assert_eq!(tick(2_340.0, 20.0, 2_360.0, TIME), "2.34 µs");
        assert_eq!(tick(-0.0, 20.0, 30.0, TIME), "0 ns");
        assert_eq!(tick(255.5, 0.5, 260.0, TIME), "255.5 ns");
    }

    #[test]
    fn nothing_is_drawn_of_nothing_and_no_place_is_no_number() {
        let span = Span { from: 0, to: 0 };
        let background = Background { span, gaps: &[], marks: &[(0, true)], relative: false };
        assert_eq!(over_time("x", &Series::default(), "s", &background, None, TIME), None);
        assert_eq!(bars("x", &Histogram::default(), TIME), None);
        assert_eq!(curves("x", &[]), None);
        let mut series = Series::default();
        series.push(0, [1.0, 1.0, 1.0]);
        let mut histogram = Histogram::default();
        histogram.push(0.0);
        let one = Curve { name: "m".into(), class: "c", points: vec![(1.0, 0.0), (2.0, 3.0)] };
        let all = [
            over_time("x", &series, "s", &background, None, TIME),
            bars("x", &histogram, TIME),
            curves("x", &[one]),
        ];
        for svg in all {
            let svg = svg.expect("something");
            assert!(!svg.contains("NaN") && !svg.contains("inf") && svg.ends_with("</svg>\n"), "{svg}");
        }
    }
}
