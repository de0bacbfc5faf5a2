//! The course of the demonstration.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ptp_clock::{VirtualClock, VirtualOptions};
use ptp_wire::{ClockIdentity, TimeInterval};

use super::record::{Node, Reading, Record, human, human_size};
use super::report::{Setting, html, picture};
use super::table::Screen;
use crate::lab::error::LabError;
use crate::lab::network::{Host, Lab};
use crate::lab::process::Process;
use crate::lab::ptpd::{Instance, PtpdOptions};
use crate::lab::watch::{Look, Watcher, look_at, true_offset};

/// What can be chosen.
#[derive(Clone, Debug)]
pub struct Options {
    /// The daemon.
    pub ptpd: PathBuf,
    /// Where logs, configurations and the report go.
    pub dir: PathBuf,
    /// Seconds that all clocks are watched once the last one is SLAVE, before the grandmaster is killed.
    pub calm: f64,
    /// Seconds that they are watched after all followed the standby.
    pub after: f64,
    /// Where to write the picture of the result as well.
    pub picture: Option<PathBuf>,
}

/// A host of the cast: name, role, phase error in ns, oscillator error in ppb.
type Part = (&'static str, &'static str, f64, f64);

const CAST: [Part; 5] = [
    ("gm", "grandmaster", 0.0, 1_300.0),
    ("standby", "standby", 41e6, -7_900.0),
    ("boundary", "boundary clock", -730e6, 18_400.0),
    ("client-1", "client", 12e6, -31_000.0),
    ("client-2", "client", -3.2e9, 55_500.0),
];
const GM: usize = 0;
const STANDBY: usize = 1;

/// Nothing of the demonstration takes longer, or it has failed.
const PATIENCE: f64 = 60.0;
/// The table's beat.
const BEAT: Duration = Duration::from_millis(200);

struct Stage {
    hosts: Vec<Host>,
    clocks: Vec<VirtualClock>,
    daemons: Vec<Process>,
    watchers: Vec<Watcher>,
    identities: Vec<Option<ClockIdentity>>,
    record: Record,
    screen: Screen,
    start: Instant,
}

/// The story, told.
#[derive(Clone, Debug)]
pub struct Told {
    /// Everything that was seen.
    pub record: Record,
    /// The HTML file.
    pub report: PathBuf,
    /// What to print at the end.
    pub summary: String,
}

/// Tells the whole story, in the room.
///
/// # Errors
///
/// Whatever keeps the clocks from finding one time, with the daemons' last words.
pub fn tell(options: &Options) -> Result<Told, LabError> {
    let mut lab = Lab::new(&options.dir)?;
    let mut stage = Stage::build(&mut lab, options)?;
    let result = stage.play(options);
    let report = options.dir.join("report.html");
    let write = |path: &Path, text: String| {
        std::fs::write(path, text).map_err(LabError::io(format!("write {}", path.display())))
    };
    // A run that failed is worth looking at, too.
    write(&report, html(&stage.record, &setting(options)))?;
    if let Some(path) = &options.picture {
        write(path, picture(&stage.record))?;
    }
    result.map_err(|error| stage.autopsy(&error))?;
    Ok(Told { report, summary: summary(&stage.record), record: stage.record })
}

impl Stage {
    fn build(lab: &mut Lab, options: &Options) -> Result<Self, LabError> {
        let mut hosts = Vec::new();
        for (name, ..) in CAST {
            hosts.push(lab.host(name)?);
        }
        let [gm, standby, boundary, client_1, client_2] = &hosts[..] else {
            return Err(LabError::Wrong("the cast has five".to_owned()));
        };
        lab.switch("switch", &[(gm, "eth0"), (standby, "eth0"), (boundary, "eth0")])?;
        lab.link((boundary, "eth1"), (client_1, "eth0"))?;
        lab.link((boundary, "eth2"), (client_2, "eth0"))?;

        let epoch = VirtualOptions::epoch_now();
        let mut clocks = Vec::new();
        let mut nodes = Vec::new();
        for (index, (name, role, phase, ppb)) in CAST.into_iter().enumerate() {
            let path = clock_path(name);
            let clock = VirtualOptions {
                offset: TimeInterval::from_nanos_f64(phase),
                frequency_error_ppb: ppb,
                // A quartz that is no rock.
                wander: 2.0,
                seed: index as u64 + 1,
                epoch: Some(epoch),
                ..VirtualOptions::default()
            };
            let made = VirtualClock::create(&path, &clock);
            clocks.push(made.map_err(|error| LabError::Wrong(format!("{}: {error}", path.display())))?);
            nodes.push(Node { name: name.to_owned(), role, phase_error: phase, oscillator_error: ppb });
        }
        Self {
            identities: vec![None; hosts.len()],
            record: Record::new(nodes, GM, STANDBY),
            screen: Screen::default(),
            daemons: Vec::new(),
            watchers: Vec::new(),
            start: Instant::now(),
            hosts,
            clocks,
        }
        .with_daemons(options)
    }

    fn with_daemons(mut self, options: &Options) -> Result<Self, LabError> {
        let mut instances = Vec::new();
        for host in &self.hosts {
            let ports: &[&str] =
                if host.name() == "boundary" { &["eth0", "eth1", "eth2"] } else { &["eth0"] };
            let mut ptpd = PtpdOptions::new(ports).on_virtual_clock(&clock_path(host.name()));
            ptpd.priority1 = match host.name() {
                "gm" => 100,
                "standby" => 110,
                _ => 128,
            };
            ptpd.client_only = host.name().starts_with("client");
            // The boundary clock steps while clients already follow it: they must be free to follow that, too.
            ptpd.step_threshold = Some("100us");
            ptpd.log_sync_interval = -3;
            ptpd.log_announce_interval = 0;
            ptpd.log_min_delay_req_interval = -3;
            instances.push((host.clone(), ptpd));
        }
        self.start = Instant::now();
        for (host, ptpd) in instances {
            let instance = Instance::start(&host, &options.ptpd, &ptpd)?;
            self.watchers.push(instance.watcher());
            self.daemons.push(instance.process);
        }
        self.record.events.push((0.0, "five hosts, five ptpd, five clocks; all clocks wrong".to_owned()));
        Ok(self)
    }

    fn play(&mut self, options: &Options) -> Result<(), LabError> {
        let locked = self.run_until("waiting for every host to lock", PATIENCE, |record, _| {
            (0..record.nodes.len()).all(|i| i == GM || state(record, i) == Some("SLAVE"))
        })?;
        self.run_until("all locked; watching", options.calm + 1.0, |_, now| now >= locked + options.calm)?;

        self.measure_memory();
        let killed = self.now();
        self.record.killed_at = Some(killed);
        self.daemons[GM].kill()?;
        self.record.events.push((killed, "gm is killed (SIGKILL), as a power cut would".to_owned()));
        let standby = CAST[STANDBY].0;
        let followed =
            self.run_until("grandmaster killed; waiting for the standby", PATIENCE, |record, _| {
                (0..record.nodes.len()).filter(|i| *i != GM).all(|i| {
                    let wanted = if i == STANDBY { "MASTER" } else { "SLAVE" };
                    let last = record.readings[i].last();
                    state(record, i) == Some(wanted)
                        && last.and_then(|r| r.grandmaster.as_deref()) == Some(standby)
                })
            })?;
        self.run_until("all follow the standby; watching", options.after + 1.0, |_, now| {
            now >= followed + options.after
        })?;
        Ok(())
    }

    fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Looks and shows, beat by beat, until `done` says so; gives when that was.
    fn run_until(
        &mut self,
        headline: &str,
        patience: f64,
        done: impl Fn(&Record, f64) -> bool,
    ) -> Result<f64, LabError> {
        let begun = self.now();
        loop {
            let beat = Instant::now();
            self.look()?;
            self.screen.show(&self.record, headline);
            let now = self.now();
            if done(&self.record, now) {
                return Ok(now);
            }
            if now - begun > patience {
                return Err(LabError::Timeout {
                    awaited: headline.to_owned(),
                    waited: Duration::from_secs_f64(patience),
                    log: None,
                });
            }
            std::thread::sleep(BEAT.saturating_sub(beat.elapsed()));
        }
    }

    fn look(&mut self) -> Result<(), LabError> {
        for (index, daemon) in self.daemons.iter_mut().enumerate() {
            let killed = index == GM && self.record.killed_at.is_some();
            if let Some(status) = daemon.ended()
                && !killed
            {
                return Err(LabError::Wrong(format!("{} ended on its own: {status}", daemon.label())));
            }
        }
        let looks = look_at(&mut self.watchers, Duration::from_millis(120));
        let at = self.now();
        for (known, look) in self.identities.iter_mut().zip(&looks) {
            *known = look.identity.or(*known);
        }
        // The dead grandmaster's clock still ticks, and is the truth until the standby says that it reigns.
        let reigning = self.record.reigning(at);
        for (index, look) in looks.iter().enumerate() {
            let reading = self.reading(index, look, at, reigning)?;
            self.notice(index, &reading);
            self.record.readings[index].push(reading);
        }
        Ok(())
    }

    fn reading(&mut self, index: usize, look: &Look, at: f64, reigning: usize) -> Result<Reading, LabError> {
        let truth = if index == reigning {
            0.0
        } else {
            let [own, reference] = self
                .clocks
                .get_disjoint_mut([index, reigning])
                .map_err(|_| LabError::Wrong("two clocks are needed to compare".to_owned()))?;
            true_offset(own, reference)?
        };
        let frequency = self.clocks[index].observation().ok().map(|seen| seen.frequency_ppb);
        let name_of = |identity: ClockIdentity| {
            let index = self.identities.iter().position(|known| *known == Some(identity))?;
            Some(self.record.nodes[index].name.clone())
        };
        let scaled = |value: Option<i64>| value.map(|v| TimeInterval(v).nanos_f64());
        Ok(Reading {
            at,
            state: look.state().map(str::to_owned),
            grandmaster: look.grandmaster.and_then(name_of),
            estimated: scaled(look.offset_from_master),
            truth: Some(truth),
            path_delay: scaled(look.mean_delay),
            frequency,
        })
    }

    /// Tells what changed.
    fn notice(&mut self, index: usize, new: &Reading) {
        let name = &self.record.nodes[index].name;
        let old = self.record.readings[index].last();
        let old_state = old.and_then(|r| r.state.as_deref());
        let (Some(state), follows) = (new.state.as_deref(), new.grandmaster.as_deref().unwrap_or("nobody"))
        else {
            return;
        };
        let truth = new.truth.map(|ns| human(ns).trim_end().to_owned()).unwrap_or_default();
        let what = if old_state != Some(state) {
            match state {
                "SLAVE" => format!("{name} is SLAVE, follows {follows}, true offset {truth}"),
                "MASTER" if follows == name => format!("{name} reigns as grandmaster"),
                _ => format!("{name} is {state}"),
            }
        } else if state == "SLAVE" && old.is_some_and(|r| r.grandmaster != new.grandmaster) {
            format!("{name} now follows {follows}, true offset {truth}")
        } else {
            return;
        };
        self.record.events.push((new.at, what));
    }

    fn measure_memory(&mut self) {
        for (memory, daemon) in self.record.memory.iter_mut().zip(&self.daemons) {
            let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap_or_default();
            *memory = status
                .lines()
                .find_map(|line| line.strip_prefix("VmRSS:"))
                .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok());
        }
    }

    fn autopsy(&self, error: &LabError) -> LabError {
        let mut text = format!("{error}\n");
        for daemon in &self.daemons {
            text.push_str(&format!("\n-- {} --\n{}\n", daemon.log_path().display(), daemon.last_words()));
        }
        LabError::Wrong(text)
    }
}

fn clock_path(name: &str) -> PathBuf {
    Path::new("/run").join(format!("clock-{name}"))
}

fn state(record: &Record, index: usize) -> Option<&str> {
    record.readings[index].last()?.state.as_deref()
}

fn setting(options: &Options) -> Setting {
    let say = |program: &str, arguments: &[&str]| {
        crate::lab::process::run_command(program, arguments)
            .map(|text| text.trim().to_owned())
            .unwrap_or_default()
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let version = say(&options.ptpd.to_string_lossy(), &["--version"]);
    Setting {
        machine: format!("{}, {processors} processors", say("uname", &["-srm"])),
        version: if version.is_empty() { "ptpd".to_owned() } else { version },
        date: say("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
    }
}

/// The end of the story in a few lines.
fn summary(record: &Record) -> String {
    let mut text = format!(
        "\n  {:<9}{:>13}{:>24}{:>11}{:>26}{:>20}\n",
        "host", "SLAVE after", "true offset: median", "95 %", "followed standby after", "true offset: 95 %"
    );
    for (index, node) in record.nodes.iter().enumerate() {
        let outcome = record.outcome(index);
        let seconds = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |s| format!("{s:.1} s"));
        let size = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), human_size);
        text.push_str(&format!(
            "  {:<9}{:>13}{:>24}{:>11}{:>26}{:>20}\n",
            node.name,
            seconds(outcome.slave_after),
            size(outcome.before.map(|s| s.median)),
            size(outcome.before.map(|s| s.p95)),
            seconds(outcome.took_over),
            size(outcome.after.map(|s| s.p95)),
        ));
    }
    text
}
