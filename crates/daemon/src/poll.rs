use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// A wait never lasts longer: a signal that comes between the look at its flag and the wait is noticed within this.
const LONGEST_WAIT_NS: u64 = 500_000_000;

/// CLOCK_MONOTONIC in ns.
pub fn monotonic_now() -> u64 {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `ts` is a valid timespec for the call to fill; CLOCK_MONOTONIC exists on every Linux.
    let _ = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut ts) };
    let seconds = u64::try_from(ts.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(ts.tv_nsec).unwrap_or(0))
}

/// What to wait for on a descriptor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Interest(i16);

impl Interest {
    /// Something to read.
    pub const READ: Self = Self(libc::POLLIN);
    /// Something to read, or in the error queue.
    pub const READ_AND_ERROR_QUEUE: Self = Self(libc::POLLIN | libc::POLLPRI);
    /// Something to read, or room for more to write.
    pub const READ_AND_WRITE: Self = Self(libc::POLLIN | libc::POLLOUT);
}

/// What a descriptor is ready for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ready<K> {
    /// As given to [`PollSet::add`].
    pub key: K,
    /// Something can be read.
    pub readable: bool,
    /// Something is in the error queue, or the descriptor has failed.
    pub priority: bool,
    /// There is room for more to write, if that was asked for.
    pub writable: bool,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wait {
    /// Descriptors are ready.
    Ready,
    /// The deadline came, or half a second passed.
    TimedOut,
    /// A signal came.
    Interrupted,
}

/// The descriptors of one `poll`, reused so that waiting allocates nothing. `K` names a descriptor.
#[derive(Debug)]
pub struct PollSet<K> {
    fds: Vec<libc::pollfd>,
    keys: Vec<K>,
    /// Deadlines finer than poll's milliseconds. `None` where the kernel (or a simulator) gives no timer.
    timer: Option<TimerFd>,
    armed: Option<u64>,
}

impl<K: Copy> Default for PollSet<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Copy> PollSet<K> {
    /// An empty set.
    pub fn new() -> Self {
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::empty()).ok();
        if let Some(timer) = &timer {
            use std::os::fd::AsFd;
            // SAFETY: the descriptor is open; F_SETFD takes an int and touches no memory.
            unsafe { libc::fcntl(timer.as_fd().as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
        }
        Self { fds: Vec::new(), keys: Vec::new(), timer, armed: None }
    }

    /// Forgets all descriptors.
    pub fn clear(&mut self) {
        self.fds.clear();
        self.keys.clear();
    }

    /// Adds a descriptor for the next wait. It has to stay open until then; a closed one is never ready.
    pub fn add(&mut self, fd: BorrowedFd<'_>, interest: Interest, key: K) {
        self.fds.push(libc::pollfd { fd: fd.as_raw_fd(), events: interest.0, revents: 0 });
        self.keys.push(key);
    }

    /// Waits until a descriptor is ready, `deadline` (ns of CLOCK_MONOTONIC) comes, a signal comes, or half a second
    /// has passed.
    ///
    /// # Errors
    /// The kernel is out of memory, or there are more descriptors than the process may have.
    pub fn wait(&mut self, deadline: Option<u64>) -> io::Result<Wait> {
        let now = monotonic_now();
        let longest = now.saturating_add(LONGEST_WAIT_NS);
        let wanted = deadline.unwrap_or(longest).min(longest);
        let left = wanted.saturating_sub(now);
        let mut timeout_ms = i32::try_from(left.div_ceil(1_000_000)).unwrap_or(i32::MAX);
        let count = self.fds.len();
        if left > 0
            && let Some(fd) = self.arm(wanted)
        {
            self.fds.push(libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
            // The timer wakes us; the timeout is only a safety net, so that a timer that does not work is no hang.
            timeout_ms = timeout_ms.saturating_add(1);
        }
        let length = self.fds.len() as libc::nfds_t;
        // SAFETY: `fds` holds exactly `length` initialised pollfd structures, exclusively borrowed for the call.
        let result = unsafe { libc::poll(self.fds.as_mut_ptr(), length, timeout_ms) };
        let error = io::Error::last_os_error();
        let timer_fired = self.fds.get(count).is_some_and(|p| p.revents != 0);
        self.fds.truncate(count);
        if timer_fired && let Some(timer) = &self.timer {
            self.armed = None;
            let _ = timer.wait();
        }
        match result {
            0 => Ok(Wait::TimedOut),
            n if n > 0 => Ok(if timer_fired && n == 1 { Wait::TimedOut } else { Wait::Ready }),
            _ if error.kind() == io::ErrorKind::Interrupted => {
                for p in &mut self.fds {
                    p.revents = 0;
                }
                Ok(Wait::Interrupted)
            }
            _ => Err(error),
        }
    }

    /// Sets the timer, if there is one, and gives its descriptor.
    fn arm(&mut self, deadline: u64) -> Option<i32> {
        use std::os::fd::AsFd;
        let timer = self.timer.as_ref()?;
        if self.armed != Some(deadline) {
            let at = TimeSpec::new(
                i64::try_from(deadline / 1_000_000_000).ok()?,
                i64::try_from(deadline % 1_000_000_000).ok()?,
            );
            timer.set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME).ok()?;
            self.armed = Some(deadline);
        }
        Some(timer.as_fd().as_raw_fd())
    }

    /// The descriptors that the last wait found ready, one by one.
    pub fn ready(&self, index: usize) -> Option<Ready<K>> {
        let (p, key) = (self.fds.get(index)?, self.keys.get(index)?);
        Some(Ready {
            key: *key,
            readable: p.revents & libc::POLLIN != 0,
            writable: p.revents & libc::POLLOUT != 0,
            priority: p.revents & (libc::POLLPRI | libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0,
        })
    }

    /// How many descriptors there are: the range of [`PollSet::ready`].
    pub fn len(&self) -> usize {
        self.fds.len()
    }

    /// There is no descriptor.
    pub fn is_empty(&self) -> bool {
        self.fds.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn ready_descriptors_are_named() {
        let (mut a, b) = UnixStream::pair().expect("socket pair");
        let mut set = PollSet::new();
        set.add(a.as_fd(), Interest::READ, 'a');
        set.add(b.as_fd(), Interest::READ_AND_ERROR_QUEUE, 'b');
        let soon = monotonic_now() + 2_000_000;
        assert_eq!(set.wait(Some(soon)).expect("poll"), Wait::TimedOut);
        assert!(monotonic_now() >= soon);
        a.write_all(b"x").expect("write");
        assert_eq!(set.wait(Some(monotonic_now() + 10_000_000_000)).expect("poll"), Wait::Ready);
        let ready: Vec<_> =
            (0..set.len()).filter_map(|i| set.ready(i)).filter(|r| r.readable).map(|r| r.key).collect();
        assert_eq!(ready, ['b']);
    }

    #[test]
    fn a_deadline_in_the_past_does_not_wait() {
        let mut set = PollSet::<()>::new();
        assert_eq!(set.wait(Some(0)).expect("poll"), Wait::TimedOut);
    }
}
