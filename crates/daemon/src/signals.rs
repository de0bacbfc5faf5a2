use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static STOP: AtomicBool = AtomicBool::new(false);
static RELOAD: AtomicBool = AtomicBool::new(false);

extern "C" fn note(signal: libc::c_int) {
    match signal {
        libc::SIGHUP => RELOAD.store(true, Ordering::Relaxed),
        _ => STOP.store(true, Ordering::Relaxed),
    }
}

/// SIGTERM, SIGINT and SIGQUIT stop; SIGHUP reloads; SIGPIPE is nothing. Handlers only set flags: `poll` returns with
/// EINTR, and the loop looks.
#[derive(Clone, Copy, Debug)]
pub struct Signals(());

impl Signals {
    /// Installs the handlers.
    ///
    /// # Errors
    /// The kernel refused, which it does not for these signals.
    pub fn install() -> io::Result<Self> {
        let action = SigAction::new(SigHandler::Handler(note), SaFlags::SA_RESTART, SigSet::empty());
        let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP] {
            // SAFETY: the handler only stores to an atomic, which is async-signal-safe.
            unsafe { sigaction(signal, &action) }?;
        }
        // SAFETY: ignoring a signal runs no code.
        unsafe { sigaction(Signal::SIGPIPE, &ignore) }?;
        Ok(Self(()))
    }

    /// Whether to stop. Stays so.
    pub fn stop(self) -> bool {
        STOP.load(Ordering::Relaxed)
    }

    /// Whether to reload, once per signal.
    pub fn take_reload(self) -> bool {
        RELOAD.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_set_their_flags() {
        let signals = Signals::install().expect("handlers");
        assert!(!signals.take_reload());
        nix::sys::signal::raise(Signal::SIGHUP).expect("raise");
        assert!(signals.take_reload());
        assert!(!signals.take_reload());
        assert!(!signals.stop());
        nix::sys::signal::raise(Signal::SIGTERM).expect("raise");
        assert!(signals.stop());
    }
}
