use std::fmt;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::reload;

use crate::flood::{Flood, Told};
use crate::json::Escaped;
use crate::{Journal, Severity, monotonic_now};

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
    /// To journald by its own protocol, with the level and the part as fields ([`LogOptions::journal`]).
    Native,
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
    /// Other levels of parts of the program: targets of tracing, or how they begin.
    pub parts: Vec<(&'static str, tracing::Level)>,
    /// journald's socket, for [`LogFormat::Native`].
    pub journal: Option<PathBuf>,
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
            parts: Vec::new(),
            journal: None,
            format,
            stdout: false,
            syslog: false,
            quiet: false,
            only_marked: false,
            no_reports: false,
        }
    }
}

/// Levels that can change while the program runs.
static LEVELS: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();
/// Where lines go that go to journald by its own protocol.
static JOURNAL: OnceLock<Mutex<Journal>> = OnceLock::new();
/// The target of the numbers of warnings that were held back.
const FLOODED: &str = "flood";
/// Warnings that repeat.
static FLOOD: Mutex<Flood> = Mutex::new(Flood::new());

/// Starts logging for the whole process. A second call changes nothing.
///
/// Warnings and errors that repeat are told once in ten seconds, with their number then ([`flush_log`]); not as linuxptp.
///
/// # Errors
/// There can be no socket to journald.
pub fn init_log(options: &LogOptions) -> std::io::Result<()> {
    let mut options = options.clone();
    if let Some(path) = &options.journal {
        let _ = JOURNAL.set(Mutex::new(Journal::open(path)?));
        options.format = LogFormat::Native;
    }
    let out = Out {
        program: options.program,
        stdout: options.stdout,
        quiet: options.quiet,
        split: options.format == LogFormat::Linuxptp,
        syslog: options.syslog,
        priority: libc::LOG_INFO,
        part: "",
        all: !options.only_marked || options.level >= Level::DEBUG,
        no_reports: options.no_reports,
    };
    let (levels, handle) = reload::Layer::new(targets(options.level, &options.parts));
    let lines = tracing_subscriber::fmt::layer().event_format(Lines(options)).with_writer(out);
    if tracing::subscriber::set_global_default(Registry::default().with(levels).with(lines)).is_ok() {
        let _ = LEVELS.set(handle);
    }
    Ok(())
}

/// Other levels from now on, as in [`LogOptions`].
pub fn set_log_levels(level: Level, parts: &[(&'static str, Level)]) {
    if let Some(handle) = LEVELS.get() {
        let _ = handle.reload(targets(level, parts));
    }
}

fn targets(level: Level, parts: &[(&'static str, Level)]) -> Targets {
    let level = LevelFilter::from_level(level);
    Targets::new().with_default(level).with_targets(parts.iter().map(|(t, l)| (*t, *l)))
}

/// Tells how many warnings have been held back, once their time is over. To be called now and then, at least each second.
pub fn flush_log(now_ns: u64) {
    let due = FLOOD.lock().map(|mut flood| flood.due(now_ns)).unwrap_or_default();
    for text in due {
        tracing::warn!(target: FLOODED, "{text}");
    }
}

macro_rules! log_event {
    ($event:expr, $part:expr, $($name:literal)*) => {
        match $part {
            $($name => match $event.severity {
                Severity::Error => log_event!(@ $event, $name, ERROR),
                Severity::Warning => log_event!(@ $event, $name, WARN),
                Severity::Notice | Severity::Info => log_event!(@ $event, $name, INFO),
                Severity::Debug => log_event!(@ $event, $name, DEBUG),
            },)*
            _ => {}
        }
    };
    (@ $event:expr, $name:literal, $level:ident) => {
        match JOURNAL.get() {
            Some(journal) => {
                if tracing::enabled!(target: $name, Level::$level) && let Ok(mut journal) = journal.lock() {
                    journal.event($event);
                }
            }
            None => tracing::event!(target: $name, Level::$level, "{}", $event.message),
        }
    };
}

/// Writes an event's message to the log, as of the part that its kind belongs to. To journald it goes with its fields.
pub fn log_event(event: &crate::Event) {
    if !event.message.is_empty() {
        log_event!(event, part_of(event.kind), "ports" "bmca" "servo" "unicast" "network" "clock" "management" "daemon");
    }
}

/// The parts that [`log_event`] knows, which are the targets of its lines.
pub const PARTS: [&str; 8] =
    ["ports", "bmca", "servo", "unicast", "network", "clock", "management", "daemon"];

/// Parts of other programs, which are the targets of lines, too.
const OTHER_PARTS: [&str; 5] = ["sources", "clocks", "pulses", "receiver", "announce"];

/// The part of a program that a kind of event belongs to, as `log.parts` has it.
pub fn part_of(kind: &str) -> &'static str {
    use crate::kind::*;
    match kind {
        PORT_STATE => "ports",
        PARENT | GRANDMASTER | CLOCK_CLASS | TIME_PROPERTIES => "bmca",
        SERVO | HOLDOVER | SOURCE => "servo",
        UNICAST => "unicast",
        AUTHENTICATION => "network",
        CONFIGURATION => "management",
        _ => "daemon",
    }
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
    program: &'static str,
    stdout: bool,
    quiet: bool,
    /// Warnings and worse to standard error.
    split: bool,
    /// Also there, which adds the program's name itself.
    syslog: bool,
    priority: libc::c_int,
    part: &'static str,
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
                out.syslog = false;
            }
        }
        Self { stdout, priority, part: part_of_target(meta.target()), ..out }
    }
}

impl std::io::Write for Out {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        if let Some(journal) = JOURNAL.get() {
            if let Ok(mut journal) = journal.lock() {
                let text = String::from_utf8_lossy(octets.trim_ascii_end());
                journal.line(self.program, self.priority as u8, self.part, &text);
            }
            return Ok(octets.len());
        }
        if self.syslog {
            let line = octets.strip_prefix(self.program.as_bytes()).unwrap_or(octets);
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
        let mut text = String::new();
        if *format == LogFormat::Json || is_watched(event, *format) {
            let mut message = Message { w: &mut Writer::new(&mut text), result: Ok(()) };
            event.record(&mut message);
            message.result?;
        }
        if is_watched(event, *format)
            && let Ok(mut flood) = FLOOD.lock()
        {
            let context =
                CONTEXT.with_borrow(|c| if c.is_empty() { String::new() } else { format!("{c}: ") });
            let place = std::ptr::from_ref(event.metadata()) as usize;
            if flood.tell(place, &format!("{context}{text}"), monotonic_now()) == Told::Later {
                return Ok(());
            }
        }
        if *format == LogFormat::Json {
            let level = event.metadata().level().as_str().to_ascii_lowercase();
            write!(w, r#"{{"time_ns":{},"level":"{level}","program":"{program}""#, monotonic_now())?;
            if !tag.is_empty() {
                write!(w, r#","tag":"{}""#, Escaped(tag))?;
            }
            match part_of_target(event.metadata().target()) {
                "" => {}
                part => write!(w, r#","part":"{part}""#)?,
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
            LogFormat::Native | LogFormat::Json => {}
        }
        if !tag.is_empty() {
            let level = priority(*event.metadata().level()).to_string();
            let tag = tag.replace("{level}", &level);
            // linuxptp's has no brackets but those that somebody put there.
            match format {
                LogFormat::Linuxptp => write!(w, "{tag} ")?,
                _ => write!(w, "[{tag}] ")?,
            }
        }
        match *event.metadata().level() {
            _ if matches!(format, LogFormat::Linuxptp | LogFormat::Native) => {}
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

/// Repetitions of it are held back. What linuxptp repeats is repeated in its place, too.
fn is_watched(event: &Event<'_>, format: LogFormat) -> bool {
    let meta = event.metadata();
    *meta.level() <= Level::WARN && format != LogFormat::Linuxptp && meta.target() != FLOODED
}

/// The part that a target is; nothing for a module.
fn part_of_target(target: &str) -> &'static str {
    if target == REPORT {
        return "servo";
    }
    PARTS.iter().chain(&OTHER_PARTS).find(|part| **part == target).copied().unwrap_or_default()
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
