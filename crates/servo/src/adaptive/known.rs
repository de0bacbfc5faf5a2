//! Where floors have been. Paths change between few ways: what returns to one of them is set right by what was known of it,
//! so that not every change adds an error of its own, and is no jump of the clock.

use super::moves::Way;

/// So many floors are remembered for each direction.
const KEPT: usize = 4;

/// One direction's floors, ns, against the one at the beginning.
#[derive(Clone, Copy, Debug, Default)]
struct Places {
    now: f64,
    /// Where it began is always known.
    base: f64,
    /// The last used first.
    known: [Option<f64>; KEPT],
}

impl Places {
    fn others(&self) -> impl Iterator<Item = f64> + '_ {
        let now = self.now;
        self.known.iter().flatten().copied().chain([self.base]).filter(move |k| *k != now)
    }

    fn go(&mut self, by: f64) {
        let to = self.now + by;
        for place in [self.now, to] {
            let at = self.known.iter().position(|k| *k == Some(place)).unwrap_or(KEPT - 1);
            self.known[..=at].rotate_right(1);
            self.known[0] = Some(place);
        }
        self.now = to;
    }
}

/// Both directions' floors.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    down: Places,
    up: Places,
}

impl Known {
    fn of(&self, way: Way) -> &Places {
        match way {
            Way::Down => &self.down,
            Way::Up => &self.up,
        }
    }

    /// The way to the known floor, ns, if a move by about this much goes to one.
    pub(super) fn back(&self, way: Way, by: f64, within: f64) -> Option<f64> {
        let places = self.of(way);
        places
            .others()
            .map(|k| k - places.now)
            .filter(|k| (k - by).abs() <= within)
            .min_by(|a, b| (a - by).abs().total_cmp(&(b - by).abs()))
    }

    /// Where a direction's floor is, ns, against the one at the beginning.
    pub(super) fn now(&self, way: Way) -> f64 {
        self.of(way).now
    }

    /// Another floor is the one at the beginning.
    pub(super) fn rebase(&mut self, down: f64, up: f64) {
        for (places, by) in [(&mut self.down, down), (&mut self.up, up)] {
            places.now -= by;
            places.known.iter_mut().flatten().for_each(|k| *k -= by);
            places.base -= by;
        }
    }

    /// A floor moved by this much.
    pub(super) fn go(&mut self, way: Way, by: f64) {
        match way {
            Way::Down => self.down.go(by),
            Way::Up => self.up.go(by),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_returns_is_known_and_adds_no_error() {
        let mut known = Known::default();
        assert_eq!(known.back(Way::Down, 3_000.0, 100.0), None);
        known.go(Way::Down, 3_000.0);
        assert_eq!(known.back(Way::Down, -3_080.0, 100.0), Some(-3_000.0));
        assert_eq!(known.back(Way::Down, -3_180.0, 100.0), None);
        assert_eq!(known.back(Way::Up, -3_000.0, 100.0), None);
        known.go(Way::Down, -3_000.0);
        assert_eq!(known.back(Way::Down, 2_950.0, 100.0), Some(3_000.0));
        // The nearest one, and the last few.
        for to in [3_000.0, 50.0, 10_000.0, 10_000.0, 10_000.0, 10_000.0] {
            known.go(Way::Down, to);
        }
        assert_eq!(known.back(Way::Down, -10_030.0, 100.0), Some(-10_000.0));
        assert_eq!(known.back(Way::Down, -40_040.0, 100.0), None);
        assert_eq!(known.back(Way::Down, -43_040.0, 100.0), Some(-43_050.0));
    }
}
