//! One case of the wire benchmark, so many times: what benches/instructions.sh counts the instructions of.
//!
//! `wire_cost parse-sync 1000`

use std::hint::black_box;
use std::process::ExitCode;

#[path = "../benches/cases/mod.rs"]
mod cases;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let case = arguments.next().unwrap_or_default();
    let times = arguments.next().and_then(|n| n.parse::<u32>().ok());
    let (Some((_, run)), Some(times)) = (cases::CASES.iter().find(|(name, _)| *name == case), times) else {
        let names: Vec<_> = cases::CASES.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: wire_cost CASE TIMES, CASE one of {}", names.join(", "));
        return ExitCode::FAILURE;
    };
    let messages = cases::Messages::new();
    let mut buf = [0; 128];
    for _ in 0..times {
        black_box(run(black_box(&messages), black_box(&mut buf)));
    }
    ExitCode::SUCCESS
}
