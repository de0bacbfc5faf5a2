//! Warnings that repeat: told once, then counted.

use std::hash::{DefaultHasher, Hash, Hasher};

/// For so long a warning is not repeated, ns.
const QUIET_NS: u64 = 10_000_000_000;
/// Different warnings from one place in the program in that time; more are only counted.
const BURST: usize = 20;
/// Places that are remembered.
const PLACES: usize = 64;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Told {
    /// It is told.
    Now,
    /// It is counted.
    Later,
}

/// What has been said lately.
#[derive(Debug)]
pub(crate) struct Flood {
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    id: usize,
    since: u64,
    /// Told since then.
    said: Vec<u64>,
    held_back: u64,
    last: String,
}

impl Flood {
    pub(crate) const fn new() -> Self {
        Self { places: Vec::new() }
    }

    /// A line from a place in the program, at a time in ns.
    pub(crate) fn tell(&mut self, id: usize, text: &str, now_ns: u64) -> Told {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        let Some(place) = self.places.iter_mut().find(|p| p.id == id) else {
            // Without room for it, it is told.
            if self.places.len() < PLACES {
                let last = String::new();
                self.places.push(Place { id, since: now_ns, said: vec![hash], held_back: 0, last });
            }
            return Told::Now;
        };
        if place.held_back == 0 && now_ns.saturating_sub(place.since) >= QUIET_NS {
            place.since = now_ns;
            place.said.clear();
        }
        if place.said.len() < BURST && !place.said.contains(&hash) {
            place.said.push(hash);
            return Told::Now;
        }
        place.held_back += 1;
        text.clone_into(&mut place.last);
        Told::Later
    }

    /// Lines about what was held back, where its time is over.
    pub(crate) fn due(&mut self, now_ns: u64) -> Vec<String> {
        let mut lines = Vec::new();
        self.places.retain_mut(|place| {
            if now_ns.saturating_sub(place.since) < QUIET_NS {
                return true;
            }
            if place.held_back == 0 {
                return false;
            }
            lines.push(format!("{} more like it in 10 s: {}", place.held_back, place.last));
            place.held_back = 0;
            place.since = now_ns;
            // What goes on is known: it is only counted from now on, until there is silence for as long.
            true
        });
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn a_flood_is_one_line_and_a_count_each_ten_seconds() {
        let mut flood = Flood::new();
        let mut lines = Vec::new();
        for ms in 0..35_000 {
            let now = ms * 1_000_000;
            if flood.tell(1, "no stamp", now) == Told::Now {
                lines.push("no stamp".to_owned());
            }
            lines.extend(flood.due(now));
        }
        let counted = "10000 more like it in 10 s: no stamp";
        assert_eq!(lines, ["no stamp", counted, counted, counted]);
        lines.clear();
        // Silence: the rest is told, and then it is news again.
        for s in 35..60 {
            lines.extend(flood.due(s * S));
        }
        assert_eq!(lines, ["4999 more like it in 10 s: no stamp"]);
        assert_eq!(flood.tell(1, "no stamp", 60 * S), Told::Now);
    }

    #[test]
    fn different_lines_are_told_up_to_a_burst() {
        let mut flood = Flood::new();
        let told = |flood: &mut Flood, id, n: usize| {
            (0..n).filter(|i| flood.tell(id, &i.to_string(), 0) == Told::Now).count()
        };
        assert_eq!(told(&mut flood, 1, 5), 5);
        assert_eq!(told(&mut flood, 1, 100), BURST - 5);
        assert_eq!(told(&mut flood, 2, 3), 3);
        assert_eq!(flood.due(QUIET_NS), ["85 more like it in 10 s: 99"]);
        // Ever new places do not fill the memory.
        (10..1000).for_each(|id| assert_eq!(flood.tell(id, "x", 0), Told::Now));
        assert!(flood.places.len() <= PLACES);
    }
}
