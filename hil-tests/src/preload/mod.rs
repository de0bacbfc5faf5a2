//! Whole unmodified programs in simulated time: each is started with `preload/preload.c` before it, which stands between
//! it and the kernel, and talks to the [`World`] here.
//!
//! The world is conservative: exactly one program runs at a time. When all of them wait, time goes on to the next arrival
//! or deadline, and that program is woken. Same programs, same seed: same run.

mod wire;
mod world;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::{LabError, find_program};

pub use world::{Moment, Network, Node, Program, Record, World};

/// Compiles the library into `dir`.
///
/// # Errors
/// [`LabError::Missing`] without a C compiler, [`LabError::Command`] with what it says.
pub fn library(dir: &Path) -> Result<PathBuf, LabError> {
    let compiler = find_program("cc", "gcc")?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("preload/preload.c");
    let out = dir.join("preload.so");
    let line = format!("{} -o {} {}", compiler.display(), out.display(), source.display());
    let done = Command::new(&compiler)
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
        .args([&out, &source])
        .arg("-ldl")
        .output()
        .map_err(LabError::io("start the C compiler"))?;
    if done.status.success() {
        Ok(out)
    } else {
        Err(LabError::Command { line, answer: String::from_utf8_lossy(&done.stderr).into_owned() })
    }
}
