use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Where commands come from: the command line, or the standard input.
pub(crate) struct Input {
    lines: VecDeque<String>,
    stdin: Option<io::Stdin>,
    partial: Vec<u8>,
}

impl Input {
    /// From the command line; without commands there, from the standard input.
    pub(crate) fn new(commands: &[String]) -> Self {
        let stdin = commands.is_empty().then(io::stdin);
        Self { lines: commands.iter().cloned().collect(), stdin, partial: Vec::new() }
    }

    /// The next line that is there already.
    pub(crate) fn next(&mut self) -> Option<String> {
        self.lines.pop_front()
    }

    /// More lines may come.
    pub(crate) fn is_open(&self) -> bool {
        self.stdin.is_some()
    }

    /// To be polled while it is open.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.stdin.as_ref().map(|s| s.as_fd())
    }

    /// Reads what is waiting; blocks if nothing is.
    pub(crate) fn read(&mut self) -> io::Result<()> {
        let Some(stdin) = &self.stdin else { return Ok(()) };
        let mut buf = [0; 4096];
        // Not through the standard library's buffer: what it held back, poll would not tell of.
        let len = match nix::unistd::read(stdin, &mut buf) {
            Err(nix::errno::Errno::EINTR) => return Ok(()),
            other => other?,
        };
        self.partial.extend_from_slice(buf.get(..len).unwrap_or(&[]));
        while let Some(end) = self.partial.iter().position(|c| *c == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            self.lines.push_back(String::from_utf8_lossy(&line).into_owned());
        }
        if len == 0 {
            self.stdin = None;
            if !self.partial.is_empty() {
                self.lines.push_back(String::from_utf8_lossy(&self.partial).into_owned());
            }
        }
        Ok(())
    }
}
