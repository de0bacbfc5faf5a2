use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, sendto, socket};

/// Tells the service manager how it goes (sd_notify(3)). Does nothing where nobody asked for it.
#[derive(Debug, Default)]
pub struct Notify {
    target: Option<(OwnedFd, UnixAddr)>,
    /// Half of the watchdog's time, in ns.
    watchdog_ns: Option<u64>,
    last_alive: u64,
    is_ready: bool,
    /// The status that was told last.
    said: String,
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
        Self { target, watchdog_ns, last_alive: 0, is_ready: false, said: String::new() }
    }

    /// Somebody listens.
    pub fn enabled(&self) -> bool {
        self.target.is_some()
    }

    /// `READY=1`: the service does what it is for. Only the first call says it: a service manager knows no way back.
    pub fn ready(&mut self) {
        if !self.is_ready {
            self.is_ready = true;
            self.send("READY=1");
        }
    }

    /// Whether [`Self::ready`] was called.
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// `STOPPING=1`.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// One line for `systemctl status`; nothing is sent while it stays the same.
    pub fn status(&mut self, text: &str) {
        if self.enabled() && self.said != text {
            text.clone_into(&mut self.said);
            // A line break would begin another field.
            self.send(&format!("STATUS={}", text.replace(['\n', '\r'], " ")));
        }
    }

    /// When [`Self::alive`] has to be called at the latest, on [`monotonic_now`](crate::monotonic_now)'s time line; `None`:
    /// nobody waits for it.
    pub fn next_deadline(&self) -> Option<u64> {
        self.watchdog_ns.map(|interval| self.last_alive.saturating_add(interval))
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

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{bind, recv};

    /// A service manager's socket, and what talks to it.
    fn pair(name: &str, watchdog_ns: Option<u64>) -> (OwnedFd, Notify) {
        let name = format!("escapement-notify-{name}-{}", std::process::id());
        let address = UnixAddr::new_abstract(name.as_bytes()).expect("a short name");
        let open =
            || socket(AddressFamily::Unix, SockType::Datagram, SockFlag::empty(), None).expect("a socket");
        let manager = open();
        bind(manager.as_raw_fd(), &address).expect("nobody else has this name");
        (manager, Notify { target: Some((open(), address)), watchdog_ns, ..Notify::default() })
    }

    fn heard(manager: &OwnedFd) -> Vec<String> {
        let mut all = Vec::new();
        let mut octets = [0; 256];
        while let Ok(n) = recv(manager.as_raw_fd(), &mut octets, MsgFlags::MSG_DONTWAIT) {
            all.push(String::from_utf8_lossy(&octets[..n]).into_owned());
        }
        all
    }

    #[test]
    fn readiness_is_told_once_and_the_status_when_it_changes() {
        let (manager, mut notify) = pair("once", None);
        assert!(!notify.is_ready());
        for _ in 0..3 {
            notify.status("port 1 is LISTENING");
            notify.ready();
        }
        notify.status("port 1\nREADY=1");
        notify.stopping();
        let wanted = ["STATUS=port 1 is LISTENING", "READY=1", "STATUS=port 1 READY=1", "STOPPING=1"];
        assert_eq!(heard(&manager), wanted);
        assert!(notify.is_ready() && notify.next_deadline().is_none());
    }

    #[test]
    fn the_watchdog_is_fed_twice_in_its_time() {
        let (manager, mut notify) = pair("watchdog", Some(500));
        for now in (0..=2_000).step_by(100) {
            assert!(notify.next_deadline().is_some_and(|at| at + 500 > now));
            notify.alive(now);
        }
        assert_eq!(heard(&manager), ["WATCHDOG=1"; 4]);
    }

    #[test]
    fn without_a_manager_nothing_happens() {
        let mut notify = Notify::default();
        notify.status("alone");
        notify.alive(u64::MAX);
        notify.ready();
        assert!(!notify.enabled() && notify.is_ready());
    }
}
