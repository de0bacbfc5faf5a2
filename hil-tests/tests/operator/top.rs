//! `pmc top` in a real terminal (tmux), on real daemons.

use std::process::Command;
use std::time::Duration;

use hil_tests::lab::{
    Instance, Lab, LabError, Need, PATIENCE, PtpdOptions, clock_of, clock_path, expect, experiment,
    our_program,
};

use super::stage::{output, until};

const TMUX: &[Need] = &[("tmux", "tmux")];

/// A terminal of its own.
struct Terminal;

fn tmux(words: &[&str]) -> Result<String, LabError> {
    let mut command = Command::new("tmux");
    command.env("TMUX_TMPDIR", "/run").env("TERM", "screen").env("LC_ALL", "C.UTF-8");
    command.args(["-u", "-L", "lab", "-f", "/dev/null"]).args(words);
    let (text, status) = output(command)?;
    expect(status == 0, || format!("tmux {words:?}: {text}"))?;
    Ok(text)
}

impl Terminal {
    fn start(width: &str, height: &str, program: &str) -> Result<Self, LabError> {
        // It stays when the program ends, so that its last words can be read.
        let line = format!("{program}; echo ended with $?; sleep 600");
        tmux(&["new-session", "-d", "-x", width, "-y", height, &line])?;
        Ok(Self)
    }

    fn screen(&self) -> Result<String, LabError> {
        tmux(&["capture-pane", "-p"])
    }

    /// Waits until all of these are on the screen, and none of the others.
    fn shows(&self, parts: &[&str], not: &[&str]) -> Result<String, LabError> {
        let mut screen = String::new();
        until(
            &format!("{parts:?} on the screen"),
            || {
                screen = self.screen()?;
                Ok(parts.iter().all(|p| screen.contains(p)) && !not.iter().any(|p| screen.contains(p)))
            },
            || self.screen().unwrap_or_default(),
        )?;
        Ok(screen)
    }

    fn press(&self, key: &str) -> Result<(), LabError> {
        tmux(&["send-keys", key]).map(drop)
    }

    fn resize(&self, width: u16, height: u16) -> Result<(), LabError> {
        tmux(&["resize-window", "-x", &width.to_string(), "-y", &height.to_string()]).map(drop)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = tmux(&["kill-server"]);
    }
}

fn screens(lab: &mut Lab) -> Result<(), LabError> {
    let (gm, client) = (lab.host("gm")?, lab.host("client")?);
    lab.link((&gm, "eth0"), (&client, "eth0"))?;
    let _clocks = (clock_of(&gm, 0, 0.0)?, clock_of(&client, 300, 20.0)?);
    let on = |host| PtpdOptions::new(&["eth0"]).on_virtual_clock(clock_path(host).as_ref());
    let ptpd = our_program("ptpd")?;
    let gm_options = PtpdOptions { priority1: 10, more: "clock_class: 6\n", ..on(&gm) };
    let _gm = Instance::start(&gm, &ptpd, &gm_options)?;
    let options = PtpdOptions { client_only: true, ..on(&client) };
    let mut daemon = Instance::start(&client, &ptpd, &options)?;
    daemon.wait_until("to be SLAVE", PATIENCE, |look| look.state() == Some("SLAVE"))?;
    let pmc = our_program("pmc")?;
    let program = format!("{} -s {} top --interval 0.2", pmc.display(), daemon.socket.display());
    let terminal = Terminal::start("80", "24", &format!("NO_COLOR=1 {program}"))?;
    let all = [
        "SLAVE on port 1 (eth0)",
        "servo locked  error bound ",
        "frequency ",
        "class 6",
        "offset from master",
        "mean path delay",
        "rms ",
        "Sync/s",
        " q  quit ",
        " c  clear",
    ];
    // A curve has been drawn, too.
    let screen = terminal.shows(&all, &[])?;
    let lines = screen.lines().count();
    expect(lines <= 24 && screen.lines().all(|l| l.chars().count() <= 80), || screen.clone())?;
    until(
        "a curve",
        || Ok(terminal.screen()?.contains(['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'])),
        || terminal.screen().unwrap_or_default(),
    )?;
    println!("{}", terminal.screen()?);
    // Without colours: no sequence sets any.
    let raw = tmux(&["capture-pane", "-p", "-e"])?;
    let coloured = raw.split('\u{1b}').skip(1).filter_map(|s| s.strip_prefix('[')?.split_once('m'));
    for (codes, _) in coloured {
        let colour = |c: &str| {
            matches!(c.len(), 2 | 3)
                && c.starts_with(['3', '4', '9', '1'])
                && c != "39"
                && c != "49"
                && c != "1"
        };
        expect(!codes.split(';').any(colour), || format!("a colour, {codes:?}, with NO_COLOR"))?;
    }
    terminal.press("2")?;
    terminal.shows(&["counters", "rx_Sync", "per second"], &[])?;
    terminal.press("3")?;
    terminal.shows(&["masters heard", "BEST"], &[])?;
    // Any size, the smallest ones, too.
    for (width, height) in [(1, 1), (2, 40), (200, 1), (7, 3), (33, 9), (120, 40)] {
        terminal.resize(width, height)?;
        std::thread::sleep(Duration::from_millis(120));
    }
    terminal.press("1")?;
    let screen = terminal.shows(&all, &[])?;
    expect(screen.lines().any(|l| l.chars().count() > 100), || {
        format!("120 columns are not used:\n{screen}")
    })?;
    // The daemon goes, and that is said; it comes back, and so does the view.
    daemon.process.kill()?;
    terminal.shows(&["NO ANSWER"], &["ended with"])?;
    let mut daemon = Instance::start(&client, &ptpd, &options)?;
    daemon.wait_until("to be SLAVE", PATIENCE, |look| look.state() == Some("SLAVE"))?;
    terminal.shows(&["SLAVE on port 1 (eth0)", "servo locked"], &["NO ANSWER", "ended with"])?;
    terminal.press("q")?;
    terminal.shows(&["ended with 0"], &[])?;
    drop(terminal);

    // In no terminal, or in one that cannot be drawn on, it says so.
    let mut nowhere = Command::new(&pmc);
    nowhere.args(["-s".as_ref(), daemon.socket.as_os_str(), "top".as_ref()]);
    let (text, status) = output(nowhere)?;
    expect(status == 2 && text.contains("--print") && text.lines().count() == 1, || {
        format!("{status}: {text}")
    })?;
    let terminal = Terminal::start("80", "24", &format!("TERM=dumb {program}"))?;
    terminal.shows(&["no terminal to draw on", "ended with 2"], &[])?;
    drop(terminal);
    daemon.process.stop(PATIENCE).map(drop)
}

#[test]
fn the_whole_screen_in_any_terminal() {
    experiment("top::the_whole_screen_in_any_terminal", TMUX, screens);
}
