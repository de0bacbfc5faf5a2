//! A clock that is busy is asked again: drivers answer EBUSY while another one reads the card.

use core::time::Duration;

use ptp_clock::ClockError;

/// So often, and after so long.
const TRIES: u32 = 8;
const AFTER: Duration = Duration::from_micros(100);

/// Asks a clock, again while it is busy. What it refused so it has not done.
///
/// # Errors
/// It is still busy, or gone.
pub(crate) fn patiently<T>(mut ask: impl FnMut() -> Result<T, ClockError>) -> Result<T, ClockError> {
    for _ in 1..TRIES {
        match ask() {
            Err(e) if e.is_transient() => std::thread::sleep(AFTER),
            answer => return answer,
        }
    }
    ask()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_clock_is_asked_again_and_one_that_is_gone_is_not() {
        let mut asked = 0;
        let found = patiently(|| {
            asked += 1;
            if asked < 4 { Err(ClockError::Busy { clock: "phc0".into() }) } else { Ok(asked) }
        });
        assert!(matches!(found, Ok(4)), "{found:?}");
        let mut asked = 0;
        let found: Result<(), _> = patiently(|| {
            asked += 1;
            Err(ClockError::Busy { clock: "phc0".into() })
        });
        assert!(found.is_err_and(|e| e.is_transient()));
        assert_eq!(asked, TRIES);
        let mut asked = 0;
        let found: Result<(), _> = patiently(|| {
            asked += 1;
            Err(ClockError::Name { name: "x".into() })
        });
        assert!(found.is_err_and(|e| !e.is_transient()));
        assert_eq!(asked, 1);
    }
}
