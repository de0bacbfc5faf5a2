//! The stamps that are awaited.

use std::collections::VecDeque;

/// Enough of a message to tell it from the others: its whole header, and of longer ones the end.
const TAIL: usize = 96;

#[derive(Clone, Copy, Debug)]
struct Slot {
    token: u64,
    deadline: u64,
    id: u64,
    tail: [u8; TAIL],
    length: usize,
}

/// A bounded table, in the order of sending.
#[derive(Debug)]
pub(crate) struct Pending {
    /// In the order of sending, and of their deadlines.
    slots: VecDeque<Slot>,
    given_up: VecDeque<u64>,
    capacity: usize,
    /// Of the last one.
    latest: u64,
}

impl Pending {
    /// For 1 to 16384 at a time; allocates once.
    pub(crate) fn new(capacity: u16) -> Self {
        let capacity = usize::from(capacity).clamp(1, 16384);
        Self {
            slots: VecDeque::with_capacity(capacity),
            given_up: VecDeque::with_capacity(capacity),
            capacity,
            latest: 0,
        }
    }

    /// Awaits the stamp of `message` (as it will be looped back), which is known by `id`: the kernel's number and the socket. A deadline before
    /// that of an earlier one counts as that one's.
    pub(crate) fn insert(&mut self, token: u64, deadline: u64, id: u64, message: &[u8]) {
        if self.slots.len() >= self.capacity
            && let Some(oldest) = self.slots.pop_front()
        {
            self.give_up(oldest.token);
        }
        let end = message.last_chunk::<TAIL>().map_or(message, |c| c.as_slice());
        if self.slots.is_empty() {
            self.latest = 0;
        }
        self.latest = self.latest.max(deadline);
        let deadline = self.latest;
        let mut slot = Slot { token, deadline, id, tail: [0; TAIL], length: end.len() };
        for (to, from) in slot.tail.iter_mut().zip(end) {
            *to = *from;
        }
        self.slots.push_back(slot);
    }

    /// The token of `id`.
    pub(crate) fn take_id(&mut self, id: u64) -> Option<u64> {
        let at = self.slots.iter().position(|s| s.id == id)?;
        self.slots.remove(at).map(|s| s.token)
    }

    /// The token of a frame that was looped back; of two equal messages, the first.
    pub(crate) fn take_frame(&mut self, frame: &[u8]) -> Option<u64> {
        let at = self.slots.iter().position(|s| {
            // An empty message is never sent, and would be the end of everything.
            s.tail.get(..s.length).is_some_and(|tail| !tail.is_empty() && frame.ends_with(tail))
        })?;
        self.slots.remove(at).map(|s| s.token)
    }

    /// Gives all up: their numbers mean nothing any more.
    pub(crate) fn give_up_all(&mut self) {
        while let Some(slot) = self.slots.pop_front() {
            self.give_up(slot.token);
        }
    }

    /// Gives one up that has no place here.
    pub(crate) fn give_up(&mut self, token: u64) {
        // A caller who never asks loses the oldest.
        if self.given_up.len() >= self.capacity {
            self.given_up.pop_front();
        }
        self.given_up.push_back(token);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(crate) fn next_deadline(&self) -> Option<u64> {
        if self.given_up.is_empty() { self.slots.front().map(|s| s.deadline) } else { Some(0) }
    }

    pub(crate) fn expire(&mut self, now: u64) -> Option<u64> {
        if let Some(token) = self.given_up.pop_front() {
            return Some(token);
        }
        if self.slots.front()?.deadline > now {
            return None;
        }
        self.slots.pop_front().map(|s| s.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_matched_in_any_order() {
        let mut p = Pending::new(8);
        for i in 0..5 {
            p.insert(100 + i, 10, i, &[i as u8; 44]);
        }
        assert_eq!(p.take_id(3), Some(103));
        assert_eq!(p.take_id(3), None);
        assert_eq!(p.take_id(0), Some(100));
        assert_eq!(p.take_id(4), Some(104));
    }

    #[test]
    fn frames_are_matched_by_their_end() {
        let mut p = Pending::new(8);
        p.insert(1, 10, 0, &[1; 44]);
        p.insert(2, 10, 1, &[2; 300]);
        let mut frame = vec![9; 42];
        frame.extend([2; 300]);
        assert_eq!(p.take_frame(&frame), Some(2));
        assert_eq!(p.take_frame(&frame), None);
        assert_eq!(p.take_frame(&[1; 20]), None);
        assert_eq!(p.take_frame(&[]), None);
        assert_eq!(p.take_frame(&[1; 44]), Some(1));
    }

    #[test]
    fn lost_ones_expire_and_the_oldest_make_place() {
        let mut p = Pending::new(2);
        assert_eq!((p.next_deadline(), p.expire(u64::MAX)), (None, None));
        p.insert(1, 20, 0, &[1]);
        // A deadline before the first's counts as the first's.
        p.insert(2, 10, 1, &[2]);
        assert_eq!(p.next_deadline(), Some(20));
        assert_eq!(p.expire(19), None);
        assert_eq!(p.expire(20), Some(1));
        assert_eq!(p.take_id(1), Some(2));
        assert_eq!(p.next_deadline(), None);
        p.insert(1, 30, 0, &[1]);
        p.insert(3, 40, 2, &[3]);
        p.insert(4, 50, 3, &[4]);
        assert_eq!(p.next_deadline(), Some(0));
        assert_eq!(p.expire(0), Some(1));
        assert_eq!(p.expire(0), None);
        p.give_up_all();
        assert_eq!([p.expire(0), p.expire(0), p.expire(0)], [Some(3), Some(4), None]);
    }

    #[test]
    fn a_caller_who_never_asks_costs_no_memory() {
        let mut p = Pending::new(4);
        for i in 0..1000 {
            p.insert(i, 0, i, &[0]);
        }
        assert_eq!(std::iter::from_fn(|| p.expire(u64::MAX)).count(), 8);
    }
}
