//! `pmc top`: a clock on the whole screen.

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use clap::Args;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ptp_daemon::Signals;
use ptp_wire::management::ManagementId;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Sparkline, Table};
use serde_json::Value as Json;

use super::explain::{accuracy_words, class_meaning};
use super::view::{View, look_at_one};
use super::watch::seconds;
use super::{Opener, ToolError};

/// Options of `pmc top`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Seconds between looks
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    interval: f64,
    /// Print so many screens to the standard output, without colours, and end
    #[arg(long, value_name = "N")]
    print: Option<u32>,
}

/// Samples kept for the curves.
const HISTORY: usize = 512;

/// What the lower half shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Page {
    Ports,
    Counters,
    Masters,
}

/// What is on the screen.
struct Screen {
    whom: String,
    view: Option<View>,
    before: Option<View>,
    trouble: Option<String>,
    offsets: VecDeque<f64>,
    delays: VecDeque<f64>,
    page: Page,
    paused: bool,
    interval: Duration,
    /// Between the last two views.
    elapsed: f64,
    looked: Instant,
    ingress: Option<i64>,
}

impl Screen {
    fn new(whom: String, interval: Duration) -> Self {
        Self {
            whom,
            view: None,
            before: None,
            trouble: None,
            offsets: VecDeque::new(),
            delays: VecDeque::new(),
            page: Page::Ports,
            paused: false,
            interval,
            elapsed: interval.as_secs_f64(),
            looked: Instant::now(),
            ingress: None,
        }
    }

    fn take(&mut self, view: View) {
        let push = |list: &mut VecDeque<f64>, value: Option<f64>| {
            if let Some(value) = value {
                if list.len() == HISTORY {
                    list.pop_front();
                }
                list.push_back(value);
            }
        };
        // A measurement counts once, however often we look.
        let ingress = view.get(ManagementId::TIME_STATUS_NP, "ingress_time").and_then(Json::as_i64);
        let fresh = ingress.is_none() || ingress != self.ingress;
        self.ingress = ingress;
        if fresh && !view.is_grandmaster() {
            push(&mut self.offsets, view.number(ManagementId::CURRENT_DATA_SET, "offsetFromMaster"));
            push(&mut self.delays, view.number(ManagementId::CURRENT_DATA_SET, "meanPathDelay"));
        }
        self.elapsed = self.looked.elapsed().as_secs_f64().max(1e-3);
        self.looked = Instant::now();
        self.trouble = None;
        self.before = self.view.replace(view);
    }

    fn alarms(&self) -> Vec<(Color, String)> {
        let mut all = Vec::new();
        if let Some(trouble) = &self.trouble {
            all.push((Color::Red, format!("NO ANSWER: {trouble}")));
        }
        let Some(view) = &self.view else { return all };
        for &port in view.ports.keys() {
            if matches!(view.state(port), "FAULTY") {
                all.push((Color::Red, format!("port {} is FAULTY", view.port_name(port))));
            }
        }
        let flag = |name| view.get(ManagementId::TIME_PROPERTIES_DATA_SET, name) == Some(&Json::Bool(true));
        let class = view.number(ManagementId::PARENT_DATA_SET, "grandmasterClockClass").unwrap_or(0.0);
        if class >= 248.0 {
            all.push((Color::Yellow, "the grandmaster knows of no reference".to_owned()));
        } else if !matches!(class as u8, 6 | 13) {
            all.push((Color::Yellow, format!("grandmaster: {}", class_meaning(class as u64))));
        }
        if !flag("currentUtcOffsetValid") {
            all.push((Color::Yellow, "currentUtcOffset is not valid".to_owned()));
        }
        if flag("leap61") || flag("leap59") {
            all.push((Color::Yellow, "a leap second is announced".to_owned()));
        }
        if !view.is_grandmaster() && !view.ports.keys().any(|p| view.state(*p) == "SLAVE") {
            all.push((Color::Red, "not synchronised: no port is SLAVE".to_owned()));
        }
        all
    }

    /// Of a counter, per second.
    fn rate(&self, port: u16, set: ManagementId, field: &str) -> Option<f64> {
        let now = self.view.as_ref()?.of_port(port, set, field)?.as_f64()?;
        let before = self.before.as_ref()?.of_port(port, set, field)?.as_f64()?;
        (now >= before).then_some((now - before) / self.elapsed)
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        let alarms = self.alarms();
        let alarm_lines = u16::try_from(alarms.len().clamp(1, 4)).unwrap_or(1);
        let [head, curves, lower, alarm, keys] = Layout::vertical([
            Constraint::Length(6),
            Constraint::Length(7),
            Constraint::Min(5),
            Constraint::Length(alarm_lines),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        self.draw_head(frame, head);
        self.draw_curves(frame, curves);
        match self.page {
            Page::Ports => self.draw_ports(frame, lower),
            Page::Counters => self.draw_counters(frame, lower),
            Page::Masters => self.draw_masters(frame, lower),
        }
        let lines: Vec<Line<'_>> = if alarms.is_empty() {
            vec![Line::styled(" no alarm", Style::new().fg(Color::Green))]
        } else {
            alarms
                .into_iter()
                .take(4)
                .map(|(colour, text)| {
                    Line::styled(format!(" ! {text}"), Style::new().fg(colour).add_modifier(Modifier::BOLD))
                })
                .collect()
        };
        frame.render_widget(Paragraph::new(lines), alarm);
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let mut spans = Vec::new();
        for (key, what) in [
            ("q", "quit"),
            ("p", if self.paused { "go on" } else { "pause" }),
            ("1", "ports"),
            ("2", "counters"),
            ("3", "masters"),
            ("+ -", "interval"),
            ("c", "clear"),
        ] {
            spans.push(Span::styled(format!(" {key} "), bold.bg(Color::DarkGray)));
            spans.push(Span::raw(format!(" {what} ")));
        }
        frame.render_widget(Paragraph::new(Line::from(spans)), keys);
    }

    fn draw_head(&self, frame: &mut Frame<'_>, area: Rect) {
        let state = if self.paused {
            "paused".to_owned()
        } else {
            format!("every {:.2} s", self.interval.as_secs_f64())
        };
        let block = Block::bordered()
            .title(format!(" {} ", self.whom))
            .title_top(Line::from(format!(" {state} ")).right_aligned());
        let Some(view) = &self.view else {
            frame.render_widget(Paragraph::new("nothing known yet").block(block), area);
            return;
        };
        let p = ManagementId::PARENT_DATA_SET;
        let number = |set, field| view.number(set, field).unwrap_or(0.0);
        let port = view.ports.keys().find(|p| matches!(view.state(**p), "SLAVE" | "UNCALIBRATED"));
        let role = match port {
            _ if view.is_grandmaster() => Span::styled("GRANDMASTER", Style::new().fg(Color::Green)),
            Some(port) => {
                let state = view.state(*port).to_owned();
                let colour = if state == "SLAVE" { Color::Green } else { Color::Yellow };
                Span::styled(format!("{state} on port {}", view.port_name(*port)), Style::new().fg(colour))
            }
            None => Span::styled("no master", Style::new().fg(Color::Red)),
        };
        let domain = number(ManagementId::DEFAULT_DATA_SET, "domainNumber");
        let lines = vec![
            Line::from(vec![Span::raw(format!("clock {}  domain {domain}  ", view.identity)), role]),
            Line::raw(format!(
                "grandmaster {}  class {}  {}  steps {}",
                view.text(p, "grandmasterIdentity"),
                number(p, "grandmasterClockClass"),
                match accuracy_words(number(p, "grandmasterClockAccuracy") as u64) {
                    words if words == "unknown" => "accuracy unknown".to_owned(),
                    words => words,
                },
                number(ManagementId::CURRENT_DATA_SET, "stepsRemoved"),
            )),
            Line::raw(format!(
                "parent {}  priorities {}/{}  UTC offset {}",
                view.text(p, "parentPortIdentity"),
                number(p, "grandmasterPriority1"),
                number(p, "grandmasterPriority2"),
                number(ManagementId::TIME_PROPERTIES_DATA_SET, "currentUtcOffset"),
            )),
            status_line(view),
        ];
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }

    fn draw_curves(&self, frame: &mut Frame<'_>, area: Rect) {
        let [left, right] =
            Layout::horizontal([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(area);
        curve(frame, left, "offset from master", &self.offsets, true);
        curve(frame, right, "mean path delay", &self.delays, false);
    }

    fn draw_ports(&self, frame: &mut Frame<'_>, area: Rect) {
        let block = Block::bordered().title(" ports ");
        let Some(view) = &self.view else { return frame.render_widget(block, area) };
        let stats = ManagementId::PORT_STATS_NP;
        let rows = view.ports.keys().map(|&port| {
            let state = view.state(port);
            let colour = match state {
                "SLAVE" | "MASTER" => Color::Green,
                "FAULTY" => Color::Red,
                "PASSIVE" => Color::Blue,
                _ => Color::Yellow,
            };
            let sum = |way: &str| {
                let names = ["Sync", "Announce", "Delay_Req", "Delay_Resp", "Pdelay_Req"];
                names
                    .map(|n| self.rate(port, stats, &format!("{way}_{n}")).map_or("-".to_owned(), per_second))
            };
            let (rx, tx) = (sum("rx"), sum("tx"));
            let mechanism = match view
                .of_port(port, ManagementId::PORT_DATA_SET, "delayMechanism")
                .and_then(Json::as_u64)
            {
                Some(1) => "E2E",
                Some(2) => "P2P",
                Some(3) => "CMLDS",
                _ => "-",
            };
            let stamps = view.port_text(port, ManagementId::PORT_PROPERTIES_NP, "timestamping");
            Row::new(vec![
                Cell::from(view.port_name(port)),
                Cell::from(Span::styled(state.to_owned(), Style::new().fg(colour))),
                Cell::from(mechanism),
                Cell::from(stamps.chars().take(8).collect::<String>()),
                Cell::from(format!("{}/{}", rx[0], tx[0])),
                Cell::from(format!("{}/{}", rx[1], tx[1])),
                Cell::from(format!("{}/{}", rx[2], tx[2])),
                Cell::from(format!("{}/{}", rx[3], tx[3])),
            ])
        });
        let widths = [
            Constraint::Min(10),
            Constraint::Length(12),
            Constraint::Length(5),
            Constraint::Length(8),
            Constraint::Length(8),
            Constraint::Length(8),
            Constraint::Length(9),
            Constraint::Length(9),
        ];
        let header = ["port", "state", "delay", "stamps", "Sync/s", "Ann/s", "Req/s", "Resp/s"];
        let header = Row::new(header).style(Style::new().add_modifier(Modifier::BOLD));
        let title = block.title(Line::from(" received/sent per second ").right_aligned());
        frame.render_widget(Table::new(rows, widths).header(header).block(title), area);
    }

    /// Counters that moved since the last look come first, and stand out.
    fn draw_counters(&self, frame: &mut Frame<'_>, area: Rect) {
        let block = Block::bordered().title(" counters ");
        let Some(view) = &self.view else { return frame.render_widget(block, area) };
        let mut all = Vec::new();
        for &port in view.ports.keys() {
            for set in [ManagementId::PORT_SERVICE_STATS_NP, ManagementId::PORT_STATS_NP] {
                let Some(fields) = set.name().and_then(|n| view.ports.get(&port)?.get(n)) else { continue };
                for (name, value) in fields {
                    let Some(value) = value.as_u64().filter(|v| *v > 0) else { continue };
                    let rate = self.rate(port, set, name).unwrap_or(0.0);
                    all.push((
                        set == ManagementId::PORT_STATS_NP,
                        rate <= 0.0,
                        port,
                        name.clone(),
                        value,
                        rate,
                    ));
                }
            }
        }
        // Service counters are the news; messages are the rule.
        all.sort_by(|a, b| (a.0, a.1, a.2, &a.3).cmp(&(b.0, b.1, b.2, &b.3)));
        let rows = all.into_iter().map(|(_, still, port, name, value, rate)| {
            let style = if still { Style::new() } else { Style::new().add_modifier(Modifier::BOLD) };
            let rate = if rate > 0.0 { format!("{rate:.1}") } else { String::new() };
            Row::new(vec![view.port_name(port), name, value.to_string(), rate]).style(style)
        });
        let widths =
            [Constraint::Length(12), Constraint::Min(28), Constraint::Length(14), Constraint::Length(12)];
        let header = Row::new(["port", "counter", "total", "per second"])
            .style(Style::new().add_modifier(Modifier::BOLD));
        frame.render_widget(Table::new(rows, widths).header(header).block(block), area);
    }

    fn draw_masters(&self, frame: &mut Frame<'_>, area: Rect) {
        let block = Block::bordered().title(" masters heard ");
        let Some(view) = &self.view else { return frame.render_widget(block, area) };
        let mut rows = Vec::new();
        for &port in view.ports.keys() {
            let heard =
                view.of_port(port, ManagementId::FOREIGN_MASTERS_NP, "heard").and_then(Json::as_array);
            for row in heard.into_iter().flatten() {
                let text = |field: &str| match row.get(field) {
                    Some(Json::String(s)) => s.clone(),
                    Some(other) => other.to_string(),
                    None => "?".to_owned(),
                };
                let colour = match text("standing").as_str() {
                    "BEST" => Color::Green,
                    "WORSE" => Color::Reset,
                    _ => Color::Yellow,
                };
                let why = match text("standing").as_str() {
                    "WORSE" => text("decidedBy"),
                    other => other.to_owned(),
                };
                rows.push(
                    Row::new(vec![
                        view.port_name(port),
                        text("portIdentity"),
                        text("clockClass"),
                        text("priority1"),
                        text("priority2"),
                        text("stepsRemoved"),
                        why,
                    ])
                    .style(Style::new().fg(colour)),
                );
            }
        }
        if rows.is_empty() {
            let text = "None, or the daemon does not tell (ptp4l does not).";
            return frame.render_widget(Paragraph::new(text).block(block), area);
        }
        let widths = [
            Constraint::Length(10),
            Constraint::Length(22),
            Constraint::Length(5),
            Constraint::Length(3),
            Constraint::Length(3),
            Constraint::Length(5),
            Constraint::Min(14),
        ];
        let header = Row::new(["port", "sender", "class", "p1", "p2", "steps", "verdict"]);
        let header = header.style(Style::new().add_modifier(Modifier::BOLD));
        frame.render_widget(Table::new(rows, widths).header(header).block(block), area);
    }
}

/// Whole numbers as such, what is rare with a digit after the point.
fn per_second(rate: f64) -> String {
    if rate < 9.95 && rate > 0.0 && (rate - rate.round()).abs() > 0.05 {
        format!("{rate:.1}")
    } else {
        format!("{rate:.0}")
    }
}

/// ns with a unit that keeps it short.
fn short(ns: f64) -> String {
    let of = |value: f64, unit: &str| {
        let digits = if value.abs() < 10.0 { 2 } else { usize::from(value.abs() < 100.0) };
        format!("{value:.digits$} {unit}")
    };
    match ns.abs() {
        x if x < 1e3 => of(ns, "ns"),
        x if x < 1e6 => of(ns / 1e3, "us"),
        x if x < 1e9 => of(ns / 1e6, "ms"),
        _ => of(ns / 1e9, "s"),
    }
}

/// A curve with its last value, its extremes and its RMS or mean. `signed`: as distance from zero.
fn curve(frame: &mut Frame<'_>, area: Rect, title: &str, values: &VecDeque<f64>, signed: bool) {
    let block = Block::bordered().title(format!(" {title} "));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let [line, graph] = Layout::vertical([Constraint::Length(2), Constraint::Min(1)]).areas(inner);
    let Some(last) = values.back() else {
        frame.render_widget(Paragraph::new("nothing measured"), line);
        return;
    };
    let n = values.len() as f64;
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
    let figure = if signed {
        format!("rms {}", short((values.iter().map(|v| v * v).sum::<f64>() / n).sqrt()))
    } else {
        format!("mean {}", short(values.iter().sum::<f64>() / n))
    };
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let lines = vec![
        Line::from(vec![Span::styled(short(*last), bold), Span::raw(format!("  {figure}"))]),
        Line::raw(if signed {
            format!("min {}  max {}  n {}", short(low), short(high), values.len())
        } else {
            format!("min {}  max {}", short(low), short(high))
        }),
    ];
    frame.render_widget(Paragraph::new(lines), line);
    let width = usize::from(graph.width);
    let shown: Vec<f64> = values.iter().skip(values.len().saturating_sub(width)).copied().collect();
    let value = |v: &f64| if signed { v.abs() } else { v - low };
    let top = shown.iter().map(value).fold(0.0, f64::max).max(1.0);
    let bars: Vec<u64> = shown.iter().map(|v| (value(v) / top * 1000.0) as u64).collect();
    frame
        .render_widget(Sparkline::default().data(&bars).max(1000).style(Style::new().fg(Color::Cyan)), graph);
}

pub(super) fn run(opener: &Opener<'_>, arguments: &Arguments, signals: Signals) -> Result<u8, ToolError> {
    let mut client = opener.open()?;
    let mut screen = Screen::new(opener.whom(), Duration::from_secs_f64(arguments.interval));
    screen.take(look_at_one(&mut client, opener)?);
    if let Some(times) = arguments.print {
        for n in 0..times {
            if n > 0 {
                std::thread::sleep(screen.interval);
                screen.take(look_at_one(&mut client, opener)?);
            }
            print!("{}", picture(&screen, 80, 24));
        }
        return Ok(0);
    }
    if !std::io::stdout().is_terminal() || std::env::var("TERM").is_ok_and(|t| t == "dumb") {
        return Err(ToolError::Usage(
            "there is no terminal to draw on: run it in one (not with TERM=dumb), or give --print 1 for a screen as text"
                .to_owned(),
        ));
    }
    let mut terminal = ratatui::try_init()?;
    let done = show(&mut terminal, &mut screen, opener, client, signals);
    ratatui::restore();
    done.map(|()| 0)
}

/// How it stands with the clock, and how far off it may be.
fn status_line(view: &View) -> Line<'static> {
    let set = ManagementId::CLOCK_STATUS_NP;
    let Some(state) = view.get(set, "clockState").and_then(Json::as_str) else {
        return Line::raw("servo: this daemon does not tell (ptp4l never does)");
    };
    let colour = match state {
        "locked" | "grandmaster" => Color::Green,
        "free" => Color::Red,
        _ => Color::Yellow,
    };
    let mut text = match view.number(set, "errorBound") {
        Some(bound) => format!("  error bound {}", short(bound)),
        None => "  error bound unknown".to_owned(),
    };
    if let Some(ppb) = view.number(set, "frequency_ppb") {
        text += &format!("  frequency {ppb:+.1} ppb");
    }
    match (state, view.number(set, "holdoverSeconds"), view.number(set, "steps")) {
        ("holdover", Some(s), _) => text += &format!("  for {s:.0} s"),
        (_, _, Some(steps)) => text += &format!("  steps {steps}"),
        _ => {}
    }
    let state = Span::styled(state.to_owned(), Style::new().fg(colour).add_modifier(Modifier::BOLD));
    Line::from(vec![Span::raw("servo "), state, Span::raw(text)])
}

/// The screen as text.
fn picture(screen: &Screen, width: u16, height: u16) -> String {
    let mut terminal = match ratatui::Terminal::new(ratatui::backend::TestBackend::new(width, height)) {
        Ok(terminal) => terminal,
        Err(e) => match e {},
    };
    let drawn = terminal.draw(|frame| screen.draw(frame));
    let Ok(drawn) = drawn;
    let mut text = String::new();
    for row in drawn.buffer.content().chunks(usize::from(width.max(1))) {
        let line: String = row.iter().map(|cell| cell.symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn show(
    terminal: &mut ratatui::DefaultTerminal,
    screen: &mut Screen,
    opener: &Opener<'_>,
    mut client: super::Connection,
    signals: Signals,
) -> Result<(), ToolError> {
    let mut next = Instant::now() + screen.interval;
    loop {
        terminal.draw(|frame| screen.draw(frame))?;
        let wait = next.saturating_duration_since(Instant::now()).min(Duration::from_millis(250));
        match await_key(wait)? {
            Keyboard::Gone => return Ok(()),
            Keyboard::Quiet => {}
            Keyboard::Typed(keys) => {
                if !keys_of(&keys).all(|key| obey(screen, key)) {
                    return Ok(());
                }
            }
        }
        // SIGHUP: the terminal is gone.
        if signals.stop() || signals.take_reload() {
            return Ok(());
        }
        if Instant::now() < next {
            continue;
        }
        next = Instant::now() + screen.interval;
        if screen.paused {
            continue;
        }
        match look_at_one(&mut client, opener) {
            Ok(view) => screen.take(view),
            Err(e) => {
                screen.trouble = Some(e.to_string());
                // Its socket may be a new one by now.
                if let Ok(fresh) = opener.open() {
                    client = fresh;
                }
            }
        }
    }
}

/// What became of the wait for a key.
enum Keyboard {
    Quiet,
    /// What the terminal sent.
    Typed(Vec<u8>),
    /// The terminal was closed: whoever asks it for keys would never come back.
    Gone,
}

/// Without crossterm's reader of events: it asks the kernel for changes only, and one that it drops, as beside a new size of the
/// terminal, leaves a key unread until the next. A new size is seen with each drawing.
fn await_key(wait: Duration) -> std::io::Result<Keyboard> {
    let stdin = std::io::stdin();
    let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    let ms = PollTimeout::try_from(wait.as_millis().min(1000)).unwrap_or(PollTimeout::ZERO);
    match poll(&mut fds, ms) {
        // A signal: a new size of the terminal, perhaps.
        Err(Errno::EINTR) => return Ok(Keyboard::Quiet),
        Err(e) => return Err(e.into()),
        Ok(_) => {}
    }
    let [polled] = fds;
    Ok(match polled.revents() {
        Some(r) if r.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL) => {
            Keyboard::Gone
        }
        Some(r) if r.contains(PollFlags::POLLIN) => {
            let mut octets = [0; 256];
            match nix::unistd::read(&stdin, &mut octets) {
                Ok(0) => Keyboard::Gone,
                Ok(n) => Keyboard::Typed(octets.get(..n).unwrap_or_default().to_vec()),
                Err(Errno::EINTR | Errno::EAGAIN) => Keyboard::Quiet,
                Err(e) => return Err(e.into()),
            }
        }
        _ => Keyboard::Quiet,
    })
}

const ESCAPE: u8 = 0x1b;

/// The keys among what the terminal sent. Escape is one only where nothing follows it: arrows and the like begin with it.
fn keys_of(octets: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let plain = octets.iter().position(|o| *o == ESCAPE).filter(|at| at + 1 < octets.len());
    octets.get(..plain.unwrap_or(octets.len())).unwrap_or_default().iter().copied()
}

/// False to end.
fn obey(screen: &mut Screen, key: u8) -> bool {
    let step = |d: Duration, factor: f64| {
        d.mul_f64(factor).clamp(Duration::from_millis(100), Duration::from_secs(60))
    };
    match key {
        // 3: the control key with c.
        b'q' | ESCAPE | 3 => return false,
        b'p' => screen.paused = !screen.paused,
        b'1' => screen.page = Page::Ports,
        b'2' => screen.page = Page::Counters,
        b'3' => screen.page = Page::Masters,
        b'\t' => {
            screen.page = match screen.page {
                Page::Ports => Page::Counters,
                Page::Counters => Page::Masters,
                Page::Masters => Page::Ports,
            }
        }
        b'+' => screen.interval = step(screen.interval, 0.5),
        b'-' => screen.interval = step(screen.interval, 2.0),
        b'c' => {
            screen.offsets.clear();
            screen.delays.clear();
        }
        _ => {}
    }
    true
}

#[cfg(test)]
mod tests;
