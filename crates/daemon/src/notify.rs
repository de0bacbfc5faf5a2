use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, sendto, socket};

/// Tells the service manager how it goes (sd_notify(3)). Does nothing where nobody asked for it.
#[derive(Debug, Default)]
pub struct Notify {
    target: Option<(OwnedFd, UnixAddr)>,
    /// Half of the watchdog's time, in ns.
    watchdog_ns: Option<u64>,
    last_alive: u64,
}

impl Notify {
    /// From `NOTIFY_SOCKET` and `WATCHDOG_USEC`.
    pub fn from_env() -> Self {
        let target = std::env::var("NOTIFY_SOCKET").ok().and_then(|path| {
            let address = match path.strip_prefix('@') {
                Some(name) => UnixAddr::new_abstract(name.as_bytes()).ok()?,
                None => UnixAddr::new(path.as_str()).ok()?,
            };
            // No type flags: simulators refuse them. Nothing is executed from here that could inherit it.
            let fd = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::empty(), None).ok()?;
            Some((fd, address))
        });
        let watchdog_ns = std::env::var("WATCHDOG_USEC")
            .ok()
            .and_then(|v| v.parse::<u64>().ok())
            .map(|us| us.saturating_mul(500))
            .filter(|_| target.is_some());
        Self { target, watchdog_ns, last_alive: 0 }
    }

    /// Somebody listens.
    pub fn enabled(&self) -> bool {
        self.target.is_some()
    }

    /// `READY=1`: the service does what it is for.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// `STOPPING=1`.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// One line for `systemctl status`.
    pub fn status(&self, text: &str) {
        if self.enabled() {
            self.send(&format!("STATUS={text}"));
        }
    }

    /// `WATCHDOG=1`, as often as it is needed.
    pub fn alive(&mut self, now_ns: u64) {
        if let Some(interval) = self.watchdog_ns
            && now_ns.saturating_sub(self.last_alive) >= interval
        {
            self.last_alive = now_ns;
            self.send("WATCHDOG=1");
        }
    }

    fn send(&self, text: &str) {
        if let Some((fd, address)) = &self.target {
            let _ = sendto(fd.as_raw_fd(), text.as_bytes(), address, MsgFlags::MSG_DONTWAIT);
        }
    }
}
