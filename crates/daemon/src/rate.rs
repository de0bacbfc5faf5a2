/// Lets a message through at most once per interval and counts the others, so that trouble does not flood the log.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    interval_ns: u64,
    last: Option<u64>,
    suppressed: u64,
}

impl RateLimit {
    /// One message per `interval_ns`.
    pub const fn new(interval_ns: u64) -> Self {
        Self { interval_ns, last: None, suppressed: 0 }
    }

    /// `Some(n)`: say it now; `n` were held back since the last one. `None`: hold it back.
    pub fn allow(&mut self, now_ns: u64) -> Option<u64> {
        if self.last.is_some_and(|at| now_ns.saturating_sub(at) < self.interval_ns) {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(now_ns);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_per_interval_and_the_rest_counted() {
        let mut limit = RateLimit::new(10);
        assert_eq!(limit.allow(5), Some(0));
        assert_eq!(limit.allow(6), None);
        assert_eq!(limit.allow(14), None);
        assert_eq!(limit.allow(15), Some(2));
        assert_eq!(limit.allow(25), Some(0));
    }
}
