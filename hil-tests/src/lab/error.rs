//! What can go wrong in the laboratory, with what to do about it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Why an experiment could not be built or did not come out.
#[derive(Debug)]
#[non_exhaustive]
pub enum LabError {
    /// This machine gives no network namespaces. Every way that was tried, with what it answered.
    NoNamespaces {
        /// The command and its answer.
        tried: Vec<(String, String)>,
        /// Switches of this kernel that are set against it, with the command that turns them.
        advice: Vec<String>,
    },
    /// A program that the experiment needs is not installed.
    Missing {
        /// Its name.
        program: String,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// A command failed.
    Command {
        /// The command line.
        line: String,
        /// What it wrote to standard error, or how it ended.
        answer: String,
    },
    /// A file or process could not be used.
    Io {
        /// What was being done.
        doing: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Something did not happen in time.
    Timeout {
        /// What was awaited.
        awaited: String,
        /// How long.
        waited: Duration,
        /// Where to look.
        log: Option<PathBuf>,
    },
    /// The experiment's result is not what it must be.
    Wrong(String),
}

impl LabError {
    /// For `map_err`: an input or output error, with what was being done.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNamespaces { tried, advice } => {
                writeln!(f, "this machine lets us make no network namespaces. Tried:")?;
                for (line, answer) in tried {
                    writeln!(f, "  {line}\n    {answer}")?;
                }
                writeln!(f, "What to do (one of these):")?;
                for (n, step) in advice.iter().enumerate() {
                    writeln!(f, "  {}. {step}", n + 1)?;
                }
                Ok(())
            }
            Self::Missing { program, package } => {
                write!(f, "the program `{program}` is not installed; on Debian: apt-get install {package}")
            }
            Self::Command { line, answer } => write!(f, "`{line}` failed: {answer}"),
            Self::Io { doing, source } => write!(f, "{doing}: {source}"),
            Self::Timeout { awaited, waited, log } => {
                write!(f, "waited {:.0} s in vain for {awaited}", waited.as_secs_f64())?;
                match log {
                    Some(log) => write!(f, "; see {}", log.display()),
                    None => Ok(()),
                }
            }
            Self::Wrong(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for LabError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
