//! Hand-written SVG: lines over time, on a logarithmic or linear axis. Colours are CSS classes of the report.

use std::fmt::Write as _;

use super::record::human_size;

/// A line of a plot.
#[derive(Clone, Debug)]
pub struct Series {
    /// CSS class that colours it: `s0`, `s1`, ...
    pub class: String,
    /// What it is.
    pub name: String,
    /// (s, ns), in order of time. NaN breaks the line.
    pub points: Vec<(f64, f64)>,
    /// Drawn thin, behind the others.
    pub faint: bool,
}

/// The vertical axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Axis {
    /// Sizes from 10^low to 10^high ns; what is below lies on the bottom.
    Log {
        /// Exponent at the bottom.
        low: i32,
        /// Exponent at the top.
        high: i32,
    },
    /// Offsets from -limit to +limit ns.
    Linear {
        /// ns.
        limit: f64,
    },
}

/// A plot.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Seconds at the left and right edge.
    pub span: (f64, f64),
    /// The vertical axis.
    pub axis: Axis,
    /// Lines.
    pub series: Vec<Series>,
    /// Vertical marks: when, and what.
    pub marks: Vec<(f64, String)>,
}

const WIDTH: f64 = 920.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 96.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 40.0;

impl Plot {
    fn x(&self, at: f64) -> f64 {
        let (from, to) = self.span;
        LEFT + (at - from) / (to - from).max(1e-9) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, ns: f64) -> f64 {
        let share = match self.axis {
            Axis::Log { low, high } => {
                let exponent = ns.abs().max(f64::MIN_POSITIVE).log10();
                (exponent - f64::from(low)) / f64::from((high - low).max(1))
            }
            Axis::Linear { limit } => (ns / limit + 1.0) / 2.0,
        };
        HEIGHT - BOTTOM - share.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    }

    fn is_outside(&self, ns: f64) -> bool {
        matches!(self.axis, Axis::Linear { limit } if ns.abs() > limit) || !ns.is_finite()
    }

    /// The `<svg>` element.
    #[must_use]
    pub fn to_svg(&self, title: &str) -> String {
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\" xmlns=\"http://www.w3.org/2000/svg\">\n"
        );
        self.draw_axes(&mut svg);
        for (row, (at, what)) in self.marks.iter().enumerate() {
            let x = self.x(*at);
            // Neighbours stand below each other, and what is far right reads to its left.
            let y = TOP + 11.0 + 13.0 * (row % 4) as f64;
            let (anchor, text_x) =
                if x > WIDTH * 0.7 { (" text-anchor=\"end\"", x - 5.0) } else { ("", x + 5.0) };
            let _ = writeln!(
                svg,
                "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>",
                HEIGHT - BOTTOM
            );
            let _ = writeln!(
                svg,
                "<text class=\"marktext\"{anchor} x=\"{text_x:.1}\" y=\"{y:.1}\">{what}</text>"
            );
        }
        for series in self.series.iter().filter(|s| s.faint).chain(self.series.iter().filter(|s| !s.faint)) {
            let faint = if series.faint { " faint" } else { "" };
            let path = self.path(&series.points);
            let _ = writeln!(
                svg,
                "<path class=\"line {}{faint}\" d=\"{path}\"><title>{}</title></path>",
                series.class, series.name
            );
        }
        self.draw_labels(&mut svg);
        svg.push_str("</svg>\n");
        svg
    }

    fn draw_axes(&self, svg: &mut String) {
        let ticks: Vec<(f64, String)> = match self.axis {
            Axis::Log { low, high } => (low..=high)
                .map(|e| 10f64.powi(e))
                .map(|ns| (ns, human_size(ns).replace(".00", "")))
                .collect(),
            Axis::Linear { limit } => (-2..=2)
                .map(|n| f64::from(n) * limit / 2.0)
                .map(|ns| {
                    (
                        ns,
                        if ns == 0.0 {
                            "0".to_owned()
                        } else {
                            super::record::human(ns).trim_end().replace(".00", "")
                        },
                    )
                })
                .collect(),
        };
        for (ns, text) in ticks {
            let y = self.y(ns);
            let class = if ns == 0.0 { "zero" } else { "grid" };
            let _ = writeln!(
                svg,
                "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
                WIDTH - RIGHT
            );
            let _ = writeln!(
                svg,
                "<text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
                LEFT - 8.0,
                y + 4.0
            );
        }
        let (from, to) = self.span;
        let step =
            [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21_600.0]
                .into_iter()
                .find(|step| (to - from) / step <= 10.0)
                .unwrap_or(86_400.0);
        let mut at = (from / step).ceil() * step;
        while at <= to {
            let _ = writeln!(
                svg,
                "<text class=\"tick mid\" x=\"{:.1}\" y=\"{:.1}\">{at:.0}</text>",
                self.x(at),
                HEIGHT - BOTTOM + 18.0
            );
            at += step;
        }
        let middle = LEFT + (WIDTH - LEFT - RIGHT) / 2.0;
        let _ = writeln!(
            svg,
            "<text class=\"tick mid\" x=\"{middle:.1}\" y=\"{:.1}\">seconds since start</text>",
            HEIGHT - 6.0
        );
    }

    fn path(&self, points: &[(f64, f64)]) -> String {
        let mut path = String::new();
        let mut pen_down = false;
        for &(at, ns) in points.iter().filter(|(at, _)| *at >= self.span.0 && *at <= self.span.1) {
            if self.is_outside(ns) {
                pen_down = false;
                continue;
            }
            let _ = write!(path, "{}{:.1} {:.1}", if pen_down { "L" } else { "M" }, self.x(at), self.y(ns));
            pen_down = true;
        }
        path
    }

    /// Names at the right end of the lines, pushed apart so that they can be read.
    fn draw_labels(&self, svg: &mut String) {
        const APART: f64 = 15.0;
        let mut labels: Vec<(f64, &Series)> = self
            .series
            .iter()
            .filter(|series| !series.faint)
            .filter_map(|series| {
                let seen = series.points.iter().rev().filter(|p| !self.is_outside(p.1));
                let mut heights: Vec<f64> = seen.take(12).map(|p| self.y(p.1)).collect();
                heights.sort_by(f64::total_cmp);
                heights.get(heights.len() / 2).map(|y| (*y, series))
            })
            .collect();
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut previous = TOP - APART;
        for label in &mut labels {
            label.0 = label.0.max(previous + APART);
            previous = label.0;
        }
        let mut next = HEIGHT - BOTTOM + APART;
        for label in labels.iter_mut().rev() {
            label.0 = label.0.min(next - APART);
            next = label.0;
        }
        for (y, series) in labels {
            let x = WIDTH - RIGHT + 8.0;
            let _ =
                writeln!(svg, "<circle class=\"dot {}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>", series.class);
            let _ = writeln!(
                svg,
                "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x + 9.0,
                y + 4.0,
                series.name
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(axis: Axis, points: Vec<(f64, f64)>) -> Plot {
        let series = Series { class: "s0".into(), name: "client".into(), points, faint: false };
        Plot { span: (0.0, 10.0), axis, series: vec![series], marks: vec![(5.0, "killed".into())] }
    }

    #[test]
    fn larger_is_higher_and_stays_on_paper() {
        let log = plot(Axis::Log { low: 1, high: 9 }, vec![]);
        assert!(log.y(1e8) < log.y(1e3));
        assert!(log.y(1e12) >= TOP && log.y(0.0) <= HEIGHT - BOTTOM);
        let linear = plot(Axis::Linear { limit: 100.0 }, vec![]);
        assert!(linear.y(50.0) < linear.y(-50.0));
    }

    #[test]
    fn lines_break_where_nothing_was_seen() {
        let p = plot(
            Axis::Linear { limit: 100.0 },
            vec![(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 4.0), (4.0, 500.0)],
        );
        let path = p.path(&p.series[0].points);
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
        let svg = p.to_svg("offsets");
        assert!(!svg.contains("NaN") && svg.contains("killed"), "{svg}");
    }
}
