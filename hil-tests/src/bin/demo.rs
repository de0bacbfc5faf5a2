//! `make demo`: watch clocks find one time. See `--help`.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use hil_tests::lab::demo::{Options, tell};
use hil_tests::lab::{LabError, is_inside, reenter, settle};

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
    if !is_inside() {
        return match reenter(std::env::args_os().skip(1), |_| ()) {
            Ok((status, _)) => ExitCode::from(status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1)),
            Err(error) => {
                eprintln!("escapement-demo: {error}");
                ExitCode::FAILURE
            }
        };
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("escapement-demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), LabError> {
    settle(|| println!("\ninterrupted: everything is being taken down"))?;
    let program = std::env::current_exe()
        .map_err(|source| LabError::Io { doing: "find this program".to_owned(), source })?;
    let beside = program.parent().map(PathBuf::from).unwrap_or_default();
    let ptpd = arguments.ptpd.clone().unwrap_or_else(|| beside.join("ptpd"));
    if !ptpd.is_file() {
        return Err(LabError::Wrong(format!("{} is not there: run `make build` first", ptpd.display())));
    }
    let dir = arguments
        .dir
        .clone()
        .unwrap_or_else(|| beside.parent().map_or_else(|| beside.clone(), |d| d.join("demo")));
    let options = Options {
        ptpd,
        dir,
        calm: arguments.calm.clamp(1.0, 3600.0),
        after: arguments.after.clamp(1.0, 3600.0),
        picture: arguments.picture.clone(),
    };
    let (report, summary) = tell(&options)?;
    println!("{summary}\nReport with the plots: {}", report.display());
    println!("Logs and configurations: {}", options.dir.display());
    Ok(())
}
