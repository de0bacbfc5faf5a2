use std::fmt;
use std::io::IsTerminal;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::monotonic_now;

/// How a line begins.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogFormat {
    /// `ptpd[12345.678]: message`, with the level named where it is a warning or worse.
    #[default]
    Plain,
    /// The same without the time: journald adds its own.
    Journal,
}

/// Where logs go and how much.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The program's name.
    pub program: &'static str,
    /// Put into every line, if not empty.
    pub tag: String,
    /// The least severe level that is logged.
    pub level: tracing::Level,
    /// How a line begins.
    pub format: LogFormat,
    /// Standard output instead of standard error.
    pub stdout: bool,
}

impl LogOptions {
    /// Information and worse, to standard error.
    pub fn new(program: &'static str) -> Self {
        let format = if std::env::var_os("JOURNAL_STREAM").is_some() && !std::io::stderr().is_terminal() {
            LogFormat::Journal
        } else {
            LogFormat::Plain
        };
        Self { program, tag: String::new(), level: tracing::Level::INFO, format, stdout: false }
    }
}

/// Starts logging for the whole process. A second call changes nothing.
pub fn init_log(options: &LogOptions) {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::from_level(options.level))
        .event_format(Lines(options.clone()))
        .with_writer(Out { stdout: options.stdout })
        .finish();
    let _ = tracing::subscriber::set_global_default(subscriber);
}

#[derive(Clone, Copy, Debug)]
struct Out {
    stdout: bool,
}

impl<'a> MakeWriter<'a> for Out {
    type Writer = Box<dyn std::io::Write>;

    fn make_writer(&'a self) -> Self::Writer {
        if self.stdout { Box::new(std::io::stdout()) } else { Box::new(std::io::stderr()) }
    }
}

struct Lines(LogOptions);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut w: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let LogOptions { program, tag, format, .. } = &self.0;
        match format {
            LogFormat::Plain => {
                let ms = monotonic_now() / 1_000_000;
                write!(w, "{program}[{}.{:03}]: ", ms / 1000, ms % 1000)?;
            }
            LogFormat::Journal => {
                // journald reads the priority from the line's beginning.
                let priority = match *event.metadata().level() {
                    tracing::Level::ERROR => 3,
                    tracing::Level::WARN => 4,
                    tracing::Level::INFO => 6,
                    _ => 7,
                };
                write!(w, "<{priority}>")?;
            }
        }
        if !tag.is_empty() {
            write!(w, "[{tag}] ")?;
        }
        match *event.metadata().level() {
            tracing::Level::ERROR => w.write_str("error: ")?,
            tracing::Level::WARN => w.write_str("warning: ")?,
            _ => {}
        }
        let mut message = Message { w: &mut w, result: Ok(()) };
        event.record(&mut message);
        message.result?;
        writeln!(w)
    }
}

/// The message as it is, then other fields as `name=value`.
struct Message<'a, 'w> {
    w: &'a mut Writer<'w>,
    result: fmt::Result,
}

impl Visit for Message<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let next = if field.name() == "message" {
            write!(self.w, "{value:?}")
        } else {
            write!(self.w, " {}={value:?}", field.name())
        };
        self.result = self.result.and(next);
    }
}
