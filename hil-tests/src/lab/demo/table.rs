//! The live table: redrawn in place on a terminal, plain lines elsewhere.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

use super::record::{Record, human};

/// Where the table goes.
#[derive(Debug)]
pub struct Screen {
    terminal: bool,
    colour: bool,
    /// Lines of the table that stands on the terminal.
    drawn: usize,
    /// Events that were written.
    told: usize,
    /// When a table was last written to something that is no terminal, s.
    last_plain: f64,
}

/// Seconds between tables where they cannot be redrawn.
const PLAIN_EVERY: f64 = 10.0;

impl Default for Screen {
    fn default() -> Self {
        Self::new(std::io::stdout().is_terminal())
    }
}

impl Screen {
    /// A screen on standard output.
    #[must_use]
    pub fn new(terminal: bool) -> Self {
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { terminal, colour, drawn: 0, told: 0, last_plain: f64::NEG_INFINITY }
    }

    /// Shows the record as it stands: new events for good, then the table.
    pub fn show(&mut self, record: &Record, headline: &str) {
        let mut text = String::new();
        if self.terminal && self.drawn > 0 {
            // Up to where the table begins, and clear from there.
            let _ = write!(text, "\x1b[{}A\x1b[J", self.drawn);
        }
        for (at, what) in &record.events[self.told..] {
            let _ = writeln!(text, "{at:7.1} s  {what}");
        }
        self.told = record.events.len();
        let now = record.end();
        if self.terminal {
            let table = render(record, headline, self.colour);
            self.drawn = table.lines().count();
            text.push_str(&table);
        } else if now >= self.last_plain + PLAIN_EVERY {
            self.last_plain = now;
            text.push_str(&render(record, headline, false));
            text.push('\n');
        }
        let mut out = std::io::stdout().lock();
        // A reader that went away is no reason to stop the experiment.
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    }
}

fn render(record: &Record, headline: &str, colour: bool) -> String {
    let paint = |code: &str, text: String| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text };
    let mut table = String::new();
    let _ = writeln!(table, "{}", paint("1", format!("\n{:7.1} s  {headline}", record.end())));
    let heads = format!(
        "  {:<9}{:<16}{:<14}{:<10}{:>14}{:>14}{:>13}{:>15}",
        "host", "role", "state", "follows", "offset (own)", "offset (TRUE)", "path delay", "frequency"
    );
    let _ = writeln!(table, "{}", paint("2", heads));
    for (node, readings) in record.nodes.iter().zip(&record.readings) {
        let Some(r) = readings.last() else { continue };
        let ever = readings.iter().any(|r| r.state.is_some());
        let state = r.state.as_deref().unwrap_or(if ever { "gone" } else { "starting" });
        let code = match state {
            "SLAVE" => "32",
            "MASTER" => "36",
            "gone" => "31",
            _ => "33",
        };
        let reference = r.grandmaster.as_deref() == Some(node.name.as_str());
        let ns =
            |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| human(v).trim_end().to_owned());
        let own = if reference { "-".to_owned() } else { ns(r.estimated) };
        let truth = if reference { "reference".to_owned() } else { ns(r.truth) };
        let delay = if reference { None } else { r.path_delay };
        let _ = writeln!(
            table,
            "  {:<9}{:<16}{}{:<10}{:>14}{}{:>13}{:>15}",
            node.name,
            node.role,
            paint(code, format!("{state:<14}")),
            if reference { "itself" } else { r.grandmaster.as_deref().unwrap_or("-") },
            own,
            paint("1", format!("{truth:>14}")),
            delay.map_or_else(|| "-".to_owned(), |v| human(v).trim_start_matches('+').trim_end().to_owned()),
            r.frequency.map_or_else(|| "-".to_owned(), |ppb| format!("{:+.3} ppm", ppb / 1e3)),
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::record::{Node, Reading};
    use super::*;

    #[test]
    fn a_row_for_every_host_and_none_of_nothing() {
        let node =
            |name: &str| Node { name: name.into(), role: "client", phase_error: 0.0, oscillator_error: 0.0 };
        let mut record = Record::new(vec![node("gm"), node("client-1")], 0, 0);
        record.readings[0].push(Reading { state: None, ..Reading::default() });
        record.readings[1].push(Reading {
            at: 12.0,
            state: Some("SLAVE".into()),
            grandmaster: Some("gm".into()),
            estimated: Some(-532.0),
            truth: Some(1204.0),
            path_delay: Some(2500.0),
            frequency: Some(-31_000.0),
        });
        let text = render(&record, "hello", false);
        assert!(
            text.contains("-532 ns") && text.contains("+1.20 µs") && text.contains("-31.000 ppm"),
            "{text}"
        );
        assert!(text.contains("starting"), "{text}");
        assert!(!text.contains('\x1b'), "no colours unless asked");
        let widths: Vec<usize> = text.lines().skip(2).map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|w| *w == widths[0]), "{text}");
    }
}
