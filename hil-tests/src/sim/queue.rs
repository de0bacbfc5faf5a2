use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::Moment;

/// What will happen, soonest first; what happens at the same moment keeps the order it was put in.
#[derive(Debug)]
pub struct EventQueue<T> {
    heap: BinaryHeap<Entry<T>>,
    count: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Moment,
    order: u64,
    what: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, o: &Self) -> bool {
        self.cmp(o) == Ordering::Equal
    }
}
impl<T> Eq for Entry<T> {}
impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, o: &Self) -> Option<Ordering> {
        Some(self.cmp(o))
    }
}
impl<T> Ord for Entry<T> {
    fn cmp(&self, o: &Self) -> Ordering {
        // The heap gives its greatest: reversed.
        (o.at, o.order).cmp(&(self.at, self.order))
    }
}

impl<T> Default for EventQueue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), count: 0 }
    }
}

impl<T> EventQueue<T> {
    /// Plans `what` for `at`.
    pub fn push(&mut self, at: Moment, what: T) {
        self.heap.push(Entry { at, order: self.count, what });
        self.count += 1;
    }

    /// The next, if it happens at `end` or before.
    pub fn pop_until(&mut self, end: Moment) -> Option<(Moment, T)> {
        if self.heap.peek()?.at > end {
            return None;
        }
        self.heap.pop().map(|e| (e.at, e.what))
    }

    /// All that was ever planned.
    pub fn planned(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_keep_their_order() {
        let mut q = EventQueue::default();
        for (at, what) in [(5, 'c'), (1, 'a'), (5, 'd'), (3, 'b'), (5, 'e'), (9, 'z')] {
            q.push(Moment(at), what);
        }
        let out: String = std::iter::from_fn(|| q.pop_until(Moment(5))).map(|(_, c)| c).collect();
        assert_eq!(out, "abcde");
        assert_eq!(q.planned(), 6);
    }
}
