//! Before `main`.
//!
//! Rust's runtime asks `poll()` about the three standard descriptors before `main`, without waiting. clknetsim takes a `poll()`
//! of a program that has neither socket nor timer for one that would never end, and ends the program. So a socket is open until
//! [`started`].

use std::sync::atomic::{AtomicI32, Ordering};

static SOCKET: AtomicI32 = AtomicI32::new(-1);

extern "C" fn open() {
    // SAFETY: takes numbers only. Without flags, which simulators do not know.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0) };
    if (0..=2).contains(&fd) {
        // A standard descriptor is missing: the runtime gives that to /dev/null.
        // SAFETY: `fd` was just opened and belongs to nobody else.
        unsafe { libc::close(fd) };
    } else {
        SOCKET.store(fd, Ordering::Relaxed);
    }
}

// SAFETY: functions in this section are called with (argc, argv, envp) before `main`, which a C function may ignore; `open`
// uses nothing of Rust's runtime, which is not there yet.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = open;

/// To be called first thing in `main`.
pub fn started() {
    let fd = SOCKET.swap(-1, Ordering::Relaxed);
    if fd >= 0 {
        // SAFETY: `open` made it, and the swap gives it to one caller.
        unsafe { libc::close(fd) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_there_until_main() {
        let fd = SOCKET.load(Ordering::Relaxed);
        let link = || std::fs::read_link(format!("/proc/self/fd/{fd}"));
        assert!(link().is_ok_and(|to| to.to_string_lossy().starts_with("socket:")), "{fd}: {:?}", link());
        started();
        assert_eq!(SOCKET.load(Ordering::Relaxed), -1);
        started();
    }
}
