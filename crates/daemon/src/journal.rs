//! systemd's journal by its own protocol: a datagram of `NAME=value` lines, so that fields stay fields.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use crate::{Event, EventSink, Value};

/// Where journald listens.
pub const JOURNAL_SOCKET: &str = "/run/systemd/journal/socket";

/// Sends entries to journald.
///
/// ```
/// use ptp_daemon::{Event, Journal, kind};
///
/// let path = std::env::temp_dir().join(format!("journal-doc-{}", std::process::id()));
/// let journald = std::os::unix::net::UnixDatagram::bind(&path)?;
/// let mut journal = Journal::open(&path)?;
/// journal.event(&Event::new("ptpd", kind::PORT_STATE, "port 1").message("port 1 is SLAVE").field("port", 1));
/// let mut octets = [0; 1024];
/// let length = journald.recv(&mut octets)?;
/// let text = String::from_utf8_lossy(&octets[..length]);
/// assert!(text.starts_with("MESSAGE=port 1 is SLAVE\nPRIORITY=6\nSYSLOG_IDENTIFIER=ptpd\n"));
/// assert!(text.contains("\nESCAPEMENT_KIND=port-state\n") && text.ends_with("\nPTP_PORT=1\n"));
/// # std::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Journal {
    socket: UnixDatagram,
    path: PathBuf,
    octets: Vec<u8>,
    lost: u64,
}

impl Journal {
    /// To journald's socket, usually [`JOURNAL_SOCKET`]. It need not be there yet.
    ///
    /// # Errors
    /// There can be no socket.
    pub fn open(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, path: path.to_owned(), octets: Vec::new(), lost: 0 })
    }

    /// Entries that journald did not take: it was not there, or its queue was full.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// One event, with its fields as `PTP_...`.
    pub fn event(&mut self, event: &Event) {
        self.begin(&event.message, event.severity as u8, event.daemon);
        self.field("ESCAPEMENT_KIND", event.kind);
        self.field("ESCAPEMENT_SUBJECT", &event.subject);
        self.field("ESCAPEMENT_INSTANCE", &event.instance);
        self.field("ESCAPEMENT_STATE", if event.is_state { "1" } else { "0" });
        self.field("ESCAPEMENT_RUN", &format!("{:016x}", event.run));
        self.field("ESCAPEMENT_SEQUENCE", &event.sequence.to_string());
        for (name, value) in &event.fields {
            if *value != Value::None {
                self.field(&format!("PTP_{}", name.to_ascii_uppercase()), &value.to_string());
            }
        }
        self.send();
    }

    /// One line of the log, of one of its parts.
    pub fn line(&mut self, program: &str, priority: u8, part: &str, text: &str) {
        self.begin(text, priority, program);
        self.field("ESCAPEMENT_PART", part);
        self.send();
    }

    fn begin(&mut self, message: &str, priority: u8, program: &str) {
        self.octets.clear();
        self.field("MESSAGE", message);
        self.field("PRIORITY", &priority.to_string());
        self.field("SYSLOG_IDENTIFIER", program);
    }

    /// `NAME=value`; a value of several lines goes with its length. Nothing for an empty one.
    fn field(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        let good = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_';
        self.octets.extend(name.bytes().map(|c| if good(c) { c } else { b'_' }));
        if value.contains('\n') {
            self.octets.push(b'\n');
            self.octets.extend((value.len() as u64).to_le_bytes());
        } else {
            self.octets.push(b'=');
        }
        self.octets.extend(value.bytes());
        self.octets.push(b'\n');
    }

    fn send(&mut self) {
        if self.socket.send_to(&self.octets, &self.path).is_err() {
            self.lost = self.lost.saturating_add(1);
        }
    }
}

impl EventSink for Journal {
    fn take(&mut self, event: &Event, _: &str) {
        self.event(event);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{EventBus, Severity, kind};

    /// As journald reads it (systemd's documentation, "Native Journal Protocol").
    fn entry(mut octets: &[u8]) -> BTreeMap<String, String> {
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).expect("UTF-8");
        let mut fields = BTreeMap::new();
        while !octets.is_empty() {
            let end = octets.iter().position(|c| *c == b'\n').expect("a whole line");
            let (line, rest) = (&octets[..end], &octets[end + 1..]);
            if let Some(equals) = line.iter().position(|c| *c == b'=') {
                fields.insert(text(&line[..equals]), text(&line[equals + 1..]));
                octets = rest;
            } else {
                let length = u64::from_le_bytes(rest[..8].try_into().expect("eight octets")) as usize;
                fields.insert(text(line), text(&rest[8..8 + length]));
                assert_eq!(rest[8 + length], b'\n');
                octets = &rest[9 + length..];
            }
        }
        fields
    }

    #[test]
    fn journald_reads_the_fields() {
        let path = std::env::temp_dir().join(format!("escapement-journal-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let mut journal = Journal::open(&path).expect("a socket");
        journal.line("ptpd", 4, "servo", "nobody is there yet");
        assert_eq!(journal.lost(), 1);
        let journald = UnixDatagram::bind(&path).expect("bind");
        let mut bus = EventBus::new();
        bus.add(Box::new(journal));
        bus.publish(
            Event::state("ptpd", kind::SERVO, "phc0")
                .instance("a")
                .severity(Severity::Warning)
                .message("two\nlines")
                .field("offset_ns", -1.5)
                .field("state", "LOCKED")
                .field("none", None::<u8>)
                .field("locked", true),
        );
        let mut octets = [0; 2048];
        let length = journald.recv(&mut octets).expect("an entry");
        let found = entry(&octets[..length]);
        let run = format!("{:016x}", bus.run());
        let expected = [
            ("MESSAGE", "two\nlines"),
            ("PRIORITY", "4"),
            ("SYSLOG_IDENTIFIER", "ptpd"),
            ("ESCAPEMENT_KIND", "servo"),
            ("ESCAPEMENT_SUBJECT", "phc0"),
            ("ESCAPEMENT_INSTANCE", "a"),
            ("ESCAPEMENT_STATE", "1"),
            ("ESCAPEMENT_RUN", run.as_str()),
            ("ESCAPEMENT_SEQUENCE", "1"),
            ("PTP_OFFSET_NS", "-1.5"),
            ("PTP_STATE", "LOCKED"),
            ("PTP_LOCKED", "true"),
        ];
        let expected: BTreeMap<_, _> = expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        assert_eq!(found, expected);
        std::fs::remove_file(&path).expect("remove");
    }
}
