//! README and quick start, tried: every command, between two hosts in namespaces, each on a virtual clock.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hil_tests::lab::{Host, Lab, LabError, Process, experiment, our_program, run_command};
use ptp_clock::{VirtualClock, VirtualOptions};
use ptp_wire::TimeInterval;

use crate::blocks::{Block, How, blocks};
use crate::install::{binaries, empty};
use crate::units::root;

const PATIENCE: Duration = Duration::from_secs(90);

fn wrong(e: impl std::fmt::Display) -> LabError {
    LabError::Wrong(e.to_string())
}

fn script(path: &Path, text: &str) -> Result<(), LabError> {
    std::fs::write(path, text).map_err(LabError::io(format!("write {}", path.display())))?;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, mode).map_err(LabError::io("make a script executable"))
}

/// A host with a root file system of its own where it matters: /etc, /var/lib, /run/escapement and /run/clockbound.
struct Desk {
    host: Host,
    dir: PathBuf,
    stays: Vec<Process>,
    /// What has been read of the log of the last one that stays.
    started: usize,
}

impl Desk {
    fn new(lab: &mut Lab, name: &str) -> Result<Self, LabError> {
        let host = lab.host(name)?;
        let dir = PathBuf::from(format!("/run/desks/{name}"));
        for part in ["etc/escapement", "lib", "run", "clockbound", "bin"] {
            std::fs::create_dir_all(dir.join(part)).map_err(LabError::io("make a desk"))?;
        }
        // `sudo` is for people; `ptpd` gets the host's virtual clock where it would take the machine's.
        script(&dir.join("bin/sudo"), "#!/bin/sh\nexec \"$@\"\n")?;
        let ptpd = our_program("ptpd")?;
        script(
            &dir.join("bin/ptpd"),
            &format!(
                "#!/bin/sh\ncase $1 in check|config) exec {0} \"$@\" ;; esac\nexec {0} \"$@\" --clock virtual:/run/clock-{name}\n",
                ptpd.display()
            ),
        )?;
        for program in ["pmc", "phc-sync", "ts2phc"] {
            std::os::unix::fs::symlink(our_program(program)?, dir.join("bin").join(program))
                .map_err(LabError::io("link a program"))?;
        }
        Ok(Self { host, dir, stays: Vec::new(), started: 0 })
    }

    /// The shell at this desk.
    fn shell(&self, text: &str) -> Command {
        let dir = self.dir.display();
        let mounts = format!(
            "mkdir -p /run/escapement /run/clockbound && mount --bind {dir}/run /run/escapement && mount --bind {dir}/clockbound /run/clockbound && \
             mount --bind {dir}/lib /var/lib && mount --bind {dir}/etc /etc && PATH={dir}/bin:$PATH && cd / && set -e\n{text}"
        );
        let mut command = self.host.command("unshare");
        command.args(["--mount", "sh", "-c", &mounts]);
        command.env("ESCAPEMENT_PROFILES", root().join("profiles"));
        command
    }

    fn run(&self, place: &str, text: &str) -> Result<(), LabError> {
        for line in text.lines().filter(|l| !l.trim().is_empty()) {
            let output = self.shell(line).output().map_err(LabError::io("start a shell"))?;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            println!("{place}: {}$ {line}: {} lines", self.host.name(), said.lines().count());
            if !output.status.success() {
                let complained = String::from_utf8_lossy(&output.stderr);
                return Err(wrong(format!("{place}: `{line}` ({}):\n{said}{complained}", output.status)));
            }
            if said.trim().is_empty() && !line.ends_with("--check") {
                return Err(wrong(format!("{place}: `{line}` says nothing")));
            }
        }
        Ok(())
    }

    fn start(&mut self, text: &str) -> Result<(), LabError> {
        self.started += 1;
        let label = format!("{}-{}", self.host.name(), self.started);
        let log = self.host.dir().join(format!("{label}.log"));
        // The shell makes place for the program, so that it gets the signals.
        let line = text.trim().trim_start_matches("sudo ");
        self.stays.push(Process::start(&label, self.shell(&format!("exec {line}")), log)?);
        Ok(())
    }

    fn said(&mut self, place: &str, text: &str) -> Result<(), LabError> {
        let Some(process) = self.stays.last_mut() else {
            return Err(wrong(format!("{place}: nothing runs")));
        };
        for line in text.lines() {
            process
                .wait_for_line(&format!("{place}: {line}"), PATIENCE, |l| l.contains(line))
                .map_err(|e| wrong(format!("{e}\n{}", process.last_words())))?;
        }
        Ok(())
    }
}

/// Tries a page.
fn walk(lab: &mut Lab, page: &str) -> Result<(), LabError> {
    let mut desks = BTreeMap::new();
    for (name, ahead) in [("server", 0), ("client", 300_000)] {
        desks.insert(name.to_owned(), Desk::new(lab, name)?);
        let options = VirtualOptions { offset: TimeInterval::from_nanos(ahead), ..VirtualOptions::default() };
        VirtualClock::create(format!("/run/clock-{name}"), &options).map_err(wrong)?;
    }
    let [client, server] = ["client", "server"].map(|n| &desks[n].host);
    lab.link((server, "eth0"), (client, "eth0"))?;
    for block in blocks(&root().join(page)) {
        let place = format!("{page}:{}", block.line);
        let missing = |name: &str| wrong(format!("{place}: there is no {name}"));
        match &block.how {
            How::Run(name) => desks.get(name).ok_or_else(|| missing(name))?.run(&place, &block.text)?,
            How::Stays(name) => desks.get_mut(name).ok_or_else(|| missing(name))?.start(&block.text)?,
            How::Said(name) => desks.get_mut(name).ok_or_else(|| missing(name))?.said(&place, &block.text)?,
            How::Stopped(name) => desks
                .get_mut(name)
                .ok_or_else(|| missing(name))?
                .stays
                .drain(..)
                .try_for_each(|mut p| p.stop(PATIENCE).map(drop))?,
            How::File { path, host } => {
                let desk = desks.get(host).ok_or_else(|| missing(host))?;
                let path = path.strip_prefix("/etc/").ok_or_else(|| missing(path))?;
                std::fs::write(desk.dir.join("etc").join(path), &block.text)
                    .map_err(LabError::io("write a file"))?;
            }
            // Outside of the room.
            How::Here | How::By(_) => {}
            How::Until(_) | How::Needs(_) => {
                return Err(wrong(format!("{place}: {:?} is for booted machines", block.how)));
            }
            How::Unsaid => return Err(wrong(format!("{place}: nobody says how this is tried"))),
        }
    }
    Ok(())
}

#[test]
fn the_quick_start_works() {
    experiment("walk::the_quick_start_works", &[("ethtool", "ethtool")], |lab| {
        walk(lab, "docs/quickstart.md")
    });
}

#[test]
fn the_readme_works() {
    experiment("walk::the_readme_works", &[], |lab| walk(lab, "README.md"));
}

/// Those of the commands that build and install: by make itself, into a directory of ours, with what is built already.
#[test]
fn building_and_installing_as_written_works() {
    let tree = empty("as-written");
    let tools = empty("as-written-tools");
    // It was built by the tests; here counts that it is asked for what exists.
    script(
        &tools.join("cargo"),
        "#!/bin/sh\n[ \"$1 $2\" = 'build --release' ] || exit 1\nshift 2\nfor p; do case $p in -p|--bins) ;; *) [ -d \"$p\" ] || exit 1 ;; esac; done\n",
    )
    .expect("ours");
    script(&tools.join("sudo"), "#!/bin/sh\nexec \"$@\"\n").expect("ours");
    let mut done = 0;
    for page in ["README.md", "docs/quickstart.md"] {
        for block in blocks(&root().join(page)) {
            match &block.how {
                How::Here => {
                    let output = Command::new("sh")
                        .args(["-e", "-c", &block.text])
                        .current_dir(root())
                        .env(
                            "PATH",
                            format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default()),
                        )
                        .env("CARGO", tools.join("cargo"))
                        .env("DESTDIR", &tree)
                        .env("PROFILE_DIR", binaries())
                        .output()
                        .expect("sh runs");
                    let said = String::from_utf8_lossy(&output.stderr);
                    assert!(output.status.success(), "{page}:{}: {said}", block.line);
                    done += 1;
                }
                How::By(file) => {
                    let test = std::fs::read_to_string(root().join(file)).expect("the test is there");
                    assert!(test.contains("#[test]") && test.contains("lab::demo"), "{page}: {file}");
                    done += 1;
                }
                _ => {}
            }
        }
    }
    assert!(done >= 3, "only {done} blocks");
    let said = run_command(&tree.join("usr/local/sbin/ptpd").to_string_lossy(), &["--version"]);
    assert!(said.expect("it is installed").contains(env!("CARGO_PKG_VERSION")));
}

/// No command escapes the walk by another form.
#[test]
fn every_command_block_is_tried() {
    for page in ["README.md", "docs/quickstart.md"] {
        let all = blocks(&root().join(page));
        let commands = all.iter().filter(|b| b.language == "sh").count();
        assert!(commands >= 3, "{page}: only {commands} blocks of commands");
        for Block { line, language, how, .. } in &all {
            assert!(*how != How::Unsaid, "{page}:{line}: a block that nothing is said about");
            let is_command = matches!(how, How::Run(_) | How::Stays(_) | How::Here | How::By(_));
            assert_eq!(is_command, language == "sh", "{page}:{line}: {how:?} in {language:?}");
        }
        let text = std::fs::read_to_string(root().join(page)).expect("there");
        let mut fenced = false;
        for (number, line) in (1..).zip(text.lines()) {
            fenced ^= line.starts_with("```");
            assert!(fenced || !line.starts_with("    "), "{page}:{number}: an indented block: use a fence");
        }
    }
}
