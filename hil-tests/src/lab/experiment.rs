//! Experiments as tests: each runs in a room of its own, so any number of them run side by side.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::error::LabError;
use super::network::{Lab, empty_dir};
use super::process::find_program;
use super::space;

/// A program that an experiment needs, and the Debian package that has it.
pub type Need = (&'static str, &'static str);

/// Debian's linuxptp.
pub const LINUXPTP: &[Need] = &[("ptp4l", "linuxptp"), ("pmc", "linuxptp"), ("phc2sys", "linuxptp")];

/// Capturing and dissecting.
pub const TSHARK: &[Need] = &[("tshark", "tshark"), ("dumpcap", "wireshark-common")];

/// Says that a test's means are not here, in the form that `make test` counts.
///
/// # Panics
///
/// With `CI=true` in the environment, where nothing may be skipped.
pub fn skip(why: &str) {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "CI=true allows no skipped test, and this one lacks its means: {why}"
    );
    println!("skipped: {}", why.trim().replace('\n', "; "));
}

/// Runs `body` as the test `name` in a room of its own; `name` is the test's name as `cargo test` prints it.
///
/// Outside, the test program runs itself again for this one test. In the room, `body` gets an empty network whose
/// logs go to `target/lab/<test program>/<name>/`.
///
/// # Panics
///
/// If the experiment fails; the message holds its error and where its logs are.
pub fn experiment(name: &str, needs: &[Need], body: impl FnOnce(&mut Lab) -> Result<(), LabError>) {
    if space::is_inside() {
        return run_inside(name, body);
    }
    let missing = needs.iter().find_map(|(program, package)| find_program(program, package).err());
    if let Some(error) = missing.or_else(|| space::probe().err()) {
        skip(&format!("{name}: {error}"));
        return;
    }
    empty_dir(&logs_dir(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    // Built, if need be, where cargo still has the network and the registry.
    binary_dir().unwrap_or_else(|error| panic!("{name}: {error}"));
    let result = space::reenter(["--exact", name, "--nocapture", "--test-threads=1"], |command| {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Ok(dir) = binary_dir() {
            command.env(BINARIES, dir);
        }
    });
    let (status, output) = result.unwrap_or_else(|error| panic!("{name}: {error}"));
    let told = String::from_utf8_lossy(&output.stdout);
    let report = report_of(&told, name);
    print!("{report}");
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(status.success(), "{name} failed in its room ({status}):\n{complained}");
    assert!(told.contains("1 passed"), "no test is called {name}");
}

/// What the body wrote, without what the test program in the room wrote about its one test.
fn report_of(told: &str, name: &str) -> String {
    let head = format!("test {name} ... ");
    let lines = told.lines().map(|line| line.strip_prefix(&head).unwrap_or(line));
    let own = ["running 1 test", "test result:", "failures:"];
    lines
        .filter(|line| !own.iter().any(|start| line.starts_with(start)))
        .filter(|line| !matches!(line.trim(), "" | "ok" | "FAILED") && line.trim() != name)
        .map(|line| format!("{line}\n"))
        .collect()
}

fn run_inside(name: &str, body: impl FnOnce(&mut Lab) -> Result<(), LabError>) {
    let dir = logs_dir(name);
    let result = space::settle(|| ()).and_then(|()| Lab::new(&dir)).and_then(|mut lab| body(&mut lab));
    if let Err(error) = result {
        panic!("{error}\nlogs: {}", dir.display());
    }
}

/// `target/lab/<this program>/<the test>`.
fn logs_dir(name: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let stem = program.file_stem().and_then(|stem| stem.to_str()).unwrap_or("experiment");
    // Cargo appends a hash of the build: interop_linuxptp-0123456789abcdef.
    let stem = stem.rsplit_once('-').map_or(stem, |(name, _)| name);
    target_dir().join("lab").join(stem).join(name.replace("::", "-"))
}

/// Where cargo puts what it builds: the directory above this program's profile directory.
fn target_dir() -> PathBuf {
    profile_dir().parent().map_or_else(std::env::temp_dir, Path::to_path_buf)
}

/// `target/debug` or `target/release`, from where this program stands.
fn profile_dir() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let dir = program.parent().unwrap_or(Path::new("."));
    if dir.ends_with("deps") { dir.parent().unwrap_or(dir).to_path_buf() } else { dir.to_path_buf() }
}

/// Names the directory with the binaries under test.
const BINARIES: &str = "ESCAPEMENT_BIN_DIR";

/// One of our own programs (`ptpd`, `pmc`, ...), as built in this program's profile, or from the
/// directory that the environment variable `ESCAPEMENT_BIN_DIR` names.
///
/// # Errors
///
/// [`LabError::Command`] if cargo could not build it.
pub fn our_program(name: &str) -> Result<PathBuf, LabError> {
    let file = binary_dir()?.join(name);
    if file.is_file() {
        return Ok(file);
    }
    Err(LabError::Wrong(format!("{} is not built: run `cargo build --workspace --bins`", file.display())))
}

/// Builds the daemons once, unless they are named by the environment: a test must not run yesterday's binary.
fn binary_dir() -> Result<PathBuf, LabError> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    if let Some(dir) = std::env::var_os(BINARIES) {
        return Ok(PathBuf::from(dir));
    }
    let result = BUILT.get_or_init(|| {
        let dir = profile_dir();
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["build", "--quiet", "-p", "ptpd", "-p", "pmc", "-p", "phc-sync"]);
        command.arg("--manifest-path").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"));
        if dir.ends_with("release") {
            command.arg("--release");
        }
        command.env("CARGO_TARGET_DIR", target_dir());
        let output =
            command.stdin(Stdio::null()).output().map_err(|error| format!("cargo build: {error}"))?;
        if output.status.success() {
            Ok(dir)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    });
    result
        .clone()
        .map_err(|answer| LabError::Command { line: "cargo build -p ptpd -p pmc".to_owned(), answer })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_hold_what_the_body_wrote() {
        let told =
            "\nrunning 1 test\ntest here ... first\nsecond\nok\n\ntest result: ok. 1 passed; 0 failed\n\n";
        assert_eq!(report_of(told, "here"), "first\nsecond\n");
        assert_eq!(report_of("\nrunning 1 test\ntest here ... FAILED\n\nfailures:\n    here\n", "here"), "");
    }
}
