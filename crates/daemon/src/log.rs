use std::fmt;
use std::io::IsTerminal;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::json::Escaped;
use crate::monotonic_now;

/// The target of events that matter to an operator without being trouble: syslog's notice, between information and warning.
pub const NOTICE: &str = "notice";
/// The target of what is reported all the time, as one line per sample.
pub const REPORT: &str = "report";

/// How a line begins.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogFormat {
    /// `ptpd[12345.678]: message`, with the level named where it is a warning or worse.
    #[default]
    Plain,
    /// The same without the time: journald adds its own.
    Journal,
    /// One JSON object per line: `{"time_ns":...,"level":"info","program":"ptpd","message":"..."}`, the time of
    /// CLOCK_MONOTONIC.
    Json,
    /// `ptp4l[12345.678]: message` as linuxptp writes it: no level is named. Worse than information goes to standard
    /// error even where the rest goes to standard output.
    Linuxptp,
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
    /// Also to syslog(3), without the program's name, which syslog adds.
    pub syslog: bool,
    /// Neither standard output nor standard error.
    pub quiet: bool,
    /// Information that has neither [`NOTICE`] nor [`REPORT`] for its target is told at [`tracing::Level::DEBUG`] only: linuxptp
    /// has no line for it.
    pub only_marked: bool,
    /// No [`REPORT`] either, as with linuxptp's level 5.
    pub no_reports: bool,
}

impl LogOptions {
    /// Information and worse, to standard error.
    pub fn new(program: &'static str) -> Self {
        let format = if std::env::var_os("JOURNAL_STREAM").is_some() && !std::io::stderr().is_terminal() {
            LogFormat::Journal
        } else {
            LogFormat::Plain
        };
        Self {
            program,
            tag: String::new(),
            level: tracing::Level::INFO,
            format,
            stdout: false,
            syslog: false,
            quiet: false,
            only_marked: false,
            no_reports: false,
        }
    }
}

/// Starts logging for the whole process. A second call changes nothing.
pub fn init_log(options: &LogOptions) {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::from_level(options.level))
        .event_format(Lines(options.clone()))
        .with_writer(Out {
            stdout: options.stdout,
            quiet: options.quiet,
            split: options.format == LogFormat::Linuxptp,
            syslog: options.syslog.then_some(options.program),
            priority: libc::LOG_INFO,
            all: !options.only_marked || options.level >= tracing::Level::DEBUG,
            no_reports: options.no_reports,
        })
        .finish();
    let _ = tracing::subscriber::set_global_default(subscriber);
}

thread_local! {
    /// What this thread works on at present.
    static CONTEXT: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

/// Names what the following lines of this thread are about, for programs that do the work of several: it stands before
/// the message as `NAME: `, in JSON as `"instance"`. The empty name ends it. Does not allocate once names were given.
pub fn log_context(name: &str) {
    CONTEXT.with_borrow_mut(|context| {
        context.clear();
        context.push_str(name);
    });
}

#[derive(Clone, Copy, Debug)]
struct Out {
    stdout: bool,
    quiet: bool,
    /// Warnings and worse to standard error.
    split: bool,
    /// The program's name at the beginning of each line, which syslog adds itself.
    syslog: Option<&'static str>,
    priority: libc::c_int,
    /// Information that linuxptp would not give, too.
    all: bool,
    no_reports: bool,
}

impl<'a> MakeWriter<'a> for Out {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }

    fn make_writer_for(&'a self, meta: &tracing::Metadata<'_>) -> Self {
        let mut priority = priority(*meta.level());
        let stdout = self.stdout && !(self.split && priority <= libc::LOG_WARNING);
        let mut out = *self;
        if priority == libc::LOG_INFO {
            let report = meta.target() == REPORT;
            if meta.target() == NOTICE {
                priority = libc::LOG_NOTICE;
            }
            let hidden = (!self.all && !report && meta.target() != NOTICE)
                || (self.no_reports && priority == libc::LOG_INFO);
            if hidden {
                out.quiet = true;
                out.syslog = None;
            }
        }
        Self { stdout, priority, ..out }
    }
}

impl std::io::Write for Out {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        if let Some(program) = self.syslog {
            let line = octets.strip_prefix(program.as_bytes()).unwrap_or(octets);
            // `[12.345] text`, as linuxptp writes to syslog.
            let colon = line.windows(3).position(|w| w == b"]: ").filter(|_| self.split);
            match colon.and_then(|at| line.split_at_checked(at + 1)) {
                Some((time, text)) => {
                    let text = text.strip_prefix(b":").unwrap_or(text);
                    syslog(self.priority, [time, text].concat().trim_ascii_end());
                }
                None => syslog(self.priority, line.trim_ascii_end()),
            }
        }
        match (self.quiet, self.stdout) {
            (true, _) => Ok(octets.len()),
            (_, true) => std::io::stdout().write(octets),
            _ => std::io::stderr().write(octets),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.stdout { std::io::stdout().flush() } else { std::io::stderr().flush() }
    }
}

/// syslog's number of a level.
fn priority(level: tracing::Level) -> libc::c_int {
    match level {
        tracing::Level::ERROR => libc::LOG_ERR,
        tracing::Level::WARN => libc::LOG_WARNING,
        tracing::Level::INFO => libc::LOG_INFO,
        _ => libc::LOG_DEBUG,
    }
}

/// One line to syslog(3). A line with a zero octet in it is cut there.
fn syslog(priority: libc::c_int, line: &[u8]) {
    let text: Vec<u8> = line.iter().copied().take_while(|o| *o != 0).collect();
    if let Ok(text) = std::ffi::CString::new(text) {
        // SAFETY: both are texts that end with a zero octet, and "%s" takes exactly one.
        unsafe { libc::syslog(priority, c"%s".as_ptr(), text.as_ptr()) };
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
        if *format == LogFormat::Json {
            let mut text = String::new();
            let mut message = Message { w: &mut Writer::new(&mut text), result: Ok(()) };
            event.record(&mut message);
            let level = event.metadata().level().as_str().to_ascii_lowercase();
            write!(w, r#"{{"time_ns":{},"level":"{level}","program":"{program}""#, monotonic_now())?;
            if !tag.is_empty() {
                write!(w, r#","tag":"{}""#, Escaped(tag))?;
            }
            CONTEXT.with_borrow(|context| match context.as_str() {
                "" => Ok(()),
                name => write!(w, r#","instance":"{}""#, Escaped(name)),
            })?;
            return writeln!(w, r#","message":"{}"}}"#, Escaped(&text));
        }
        match format {
            LogFormat::Plain | LogFormat::Linuxptp => {
                let ms = monotonic_now() / 1_000_000;
                write!(w, "{program}[{}.{:03}]: ", ms / 1000, ms % 1000)?;
            }
            LogFormat::Journal => {
                // journald reads the priority from the line's beginning.
                write!(w, "<{}>", priority(*event.metadata().level()))?;
            }
            LogFormat::Json => {}
        }
        if !tag.is_empty() {
            let level = priority(*event.metadata().level()).to_string();
            write!(w, "[{}] ", tag.replace("{level}", &level))?;
        }
        match *event.metadata().level() {
            _ if *format == LogFormat::Linuxptp => {}
            tracing::Level::ERROR => w.write_str("error: ")?,
            tracing::Level::WARN => w.write_str("warning: ")?,
            _ => {}
        }
        CONTEXT.with_borrow(|context| match context.as_str() {
            "" => Ok(()),
            name => write!(w, "{name}: "),
        })?;
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
