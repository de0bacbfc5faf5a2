//! `make demo`: watch clocks find one time. See `--help`.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use hil_tests::lab::demo::{Options, tell};
use hil_tests::lab::{LabError, empty_dir, is_inside, reenter, settle};

/// Runs a grandmaster, a standby, a boundary clock and two clients in network namespaces of their own, each on a virtual clock
/// with its own error; shows how they find one time, kills the grandmaster, and shows how the standby takes over.
/// Needs no root where unprivileged user namespaces work.
#[derive(Debug, Parser)]
#[command(name = "escapement-demo", version)]
struct Arguments {
    /// Seconds that the locked clocks are watched before the grandmaster is killed
    #[arg(long, default_value_t = 25.0, value_name = "SECONDS")]
    calm: f64,
    /// Seconds that they are watched after the takeover
    #[arg(long, default_value_t = 20.0, value_name = "SECONDS")]
    after: f64,
    /// Where logs, configurations and the report go; emptied first [default: demo/ beside the build]
    #[arg(long, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,
    /// Write the plot to this SVG file as well
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// The daemon to run [default: the ptpd beside this program]
    #[arg(long, value_name = "FILE")]
    ptpd: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = if is_inside() { run(&arguments).map(|()| ExitCode::SUCCESS) } else { enter(&arguments) };
    result.unwrap_or_else(|error| {
        eprintln!("escapement-demo: {error}");
        ExitCode::FAILURE
    })
}

/// Outside: checks what can be checked, and runs this program again in a room of its own.
fn enter(arguments: &Arguments) -> Result<ExitCode, LabError> {
    let options = arguments.options()?;
    if !options.ptpd.is_file() {
        return Err(LabError::Wrong(format!(
            "{} is not there: run `make build` first",
            options.ptpd.display()
        )));
    }
    empty_dir(&options.dir)?;
    let (status, _) = reenter(std::env::args_os().skip(1), |_| ())?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// In the room.
fn run(arguments: &Arguments) -> Result<(), LabError> {
    settle(|| println!("\ninterrupted: everything is being taken down"))?;
    let options = arguments.options()?;
    let told = tell(&options)?;
    println!("{}\nReport with the plots: {}", told.summary, told.report.display());
    println!("Logs and configurations: {}", options.dir.display());
    Ok(())
}

impl Arguments {
    fn options(&self) -> Result<Options, LabError> {
        let program = std::env::current_exe()
            .map_err(|source| LabError::Io { doing: "find this program".to_owned(), source })?;
        let beside = program.parent().map(PathBuf::from).unwrap_or_default();
        let default_dir = || beside.parent().unwrap_or(&beside).join("demo");
        Ok(Options {
            ptpd: self.ptpd.clone().unwrap_or_else(|| beside.join("ptpd")),
            dir: self.dir.clone().unwrap_or_else(default_dir),
            calm: self.calm.clamp(1.0, 3600.0),
            after: self.after.clamp(1.0, 3600.0),
            picture: self.picture.clone(),
        })
    }
}
