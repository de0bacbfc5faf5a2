//! Authentication of messages (1588-2019 16.14), with immediate processing: what a port receives is verified before
//! anything else, what it sends is sealed by the [`Outbox`](super::outbox::Outbox), whoever made it.
//!
//! A message of a port with a security association passes in this order, and is counted where it stays:
//! its AUTHENTICATION TLV is there and is the last (`unauthenticated`), its SPP and keyID are known (`unknown_key`), its ICV
//! is right (`bad_icv`), and as Sync or Follow_Up of the master it is newer than the last one (`replayed`).

use core::time::Duration;

use ptp_security::{Rejected, SecurityAssociation};
use ptp_wire::{Message, MessageType, PortIdentity};

use super::instance::Instance;
use super::outbox::Seal;
use super::port::Port;
use super::{DropCause, Event, Instant, PortConfig};

/// How a port's messages are authenticated.
#[derive(Clone, Debug, PartialEq)]
pub struct Authentication {
    /// Its keys; all of them are accepted.
    pub association: SecurityAssociation,
    /// keyID of the key that is sent with; `None`: messages are sent without.
    pub active_key_id: Option<u32>,
}

impl PortConfig {
    pub(super) fn seal(&self) -> Option<Seal> {
        let Authentication { association, active_key_id } = self.authentication.as_ref()?;
        Some(Seal { association: association.clone(), key_id: (*active_key_id)? })
    }
}

impl From<Rejected> for DropCause {
    fn from(why: Rejected) -> Self {
        match why {
            Rejected::Missing => Self::Unauthenticated,
            Rejected::UnknownKey => Self::UnknownKey,
            Rejected::Icv => Self::BadIcv,
        }
    }
}

/// The last Sync and Follow_Up of a master that were taken.
///
/// 1588-2019 has no sequenceNo of its own, so sequenceId must do: it may be ahead of the last one by the association's
/// window, and by as many as could have been sent since. After a silence of the announce receipt timeout any number is
/// taken: a master that was started anew counts from anywhere.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReplayGuard {
    master: Option<PortIdentity>,
    sync: Option<Last>,
    follow_up: Option<Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    sequence_id: u16,
    at: Instant,
}

/// What a number is measured by.
#[derive(Clone, Copy, Debug)]
struct Measure {
    window: u16,
    interval: Duration,
    patience: Duration,
}

impl Last {
    fn admits(&self, sequence_id: u16, now: Instant, by: Measure) -> bool {
        let silence = now.since(self.at);
        if silence >= by.patience {
            return true;
        }
        let missed = silence.as_nanos() / by.interval.as_nanos().max(1);
        let allowed = u128::from(by.window).saturating_add(missed).min(32767);
        (1..=allowed).contains(&u128::from(sequence_id.wrapping_sub(self.sequence_id)))
    }
}

impl ReplayGuard {
    fn admits(
        &mut self,
        master: PortIdentity,
        message_type: MessageType,
        sequence_id: u16,
        now: Instant,
        by: Measure,
    ) -> bool {
        if self.master != Some(master) {
            *self = Self { master: Some(master), ..Self::default() };
        }
        let last = match message_type {
            MessageType::Sync => &mut self.sync,
            MessageType::FollowUp => &mut self.follow_up,
            _ => return true,
        };
        let admitted = last.is_none_or(|last| last.admits(sequence_id, now, by));
        if admitted {
            *last = Some(Last { sequence_id, at: now });
        }
        admitted
    }
}

impl Port {
    /// Whether a received message may count. Counts it if not.
    pub(super) fn authentic(&mut self, instance: &mut Instance, message: &Message<'_>) -> bool {
        let Some(Authentication { association, .. }) = &self.config.authentication else { return true };
        if let Err(why) = association.verify(message) {
            self.refuse(instance, message, why.into());
            return false;
        }
        let header = message.header();
        let master = instance.parent.parent_port_identity;
        let window = association.seqid_window;
        if window == 0 || !self.is_client() || header.source_port_identity != master {
            return true;
        }
        let by = Measure {
            window,
            interval: self.log_sync_interval.duration(),
            patience: self.config.log_announce_interval.duration()
                * u32::from(self.config.announce_receipt_timeout),
        };
        let admitted =
            self.replay_guard.admits(master, header.message_type, header.sequence_id, instance.now, by);
        if !admitted {
            self.refuse(instance, message, DropCause::Replayed);
        }
        admitted
    }

    fn refuse(&mut self, instance: &mut Instance, message: &Message<'_>, cause: DropCause) {
        self.stats.drop(cause);
        let total = self.stats.dropped(cause);
        if total.is_power_of_two() {
            let source = message.header().source_port_identity;
            instance.out.event(Event::NotAuthentic { port: self.number(), source, cause, total });
        }
    }
}

#[cfg(test)]
mod tests {
    use ptp_wire::ClockIdentity;

    use super::*;

    const BY: Measure =
        Measure { window: 3, interval: Duration::from_millis(125), patience: Duration::from_secs(6) };

    fn sync(guard: &mut ReplayGuard, sequence_id: u16, ms: u64) -> bool {
        let master = PortIdentity::new(ClockIdentity([1; 8]), 1);
        guard.admits(master, MessageType::Sync, sequence_id, Instant(ms * 1_000_000), BY)
    }

    #[test]
    fn a_number_comes_once_and_not_from_far_ahead() {
        let mut guard = ReplayGuard::default();
        assert!(sync(&mut guard, 65_530, 0));
        for back in 0..100u16 {
            assert!(!sync(&mut guard, 65_530 - back, 10), "{back}");
        }
        assert!(!sync(&mut guard, 65_534, 10));
        assert!(sync(&mut guard, 65_533, 10));
        // Over the end of the numbers.
        assert!(sync(&mut guard, 0, 100));
        assert!(!sync(&mut guard, 65_535, 100));
    }

    #[test]
    fn what_was_lost_may_be_missing_and_a_new_start_is_taken_after_a_silence() {
        let mut guard = ReplayGuard::default();
        assert!(sync(&mut guard, 100, 0));
        // A second without any: eight are missing.
        assert!(!sync(&mut guard, 112, 1000));
        assert!(sync(&mut guard, 111, 1000));
        assert!(!sync(&mut guard, 5, 6999));
        assert!(sync(&mut guard, 5, 7000));
    }

    #[test]
    fn sync_and_follow_up_count_apart_and_another_master_begins_anew() {
        let mut guard = ReplayGuard::default();
        assert!(sync(&mut guard, 100, 0));
        let [a, b] = [1, 2].map(|n| PortIdentity::new(ClockIdentity([n; 8]), 1));
        let follow_up =
            |guard: &mut ReplayGuard, m| guard.admits(m, MessageType::FollowUp, 100, Instant(1), BY);
        assert!(follow_up(&mut guard, a));
        assert!(!follow_up(&mut guard, a));
        assert!(follow_up(&mut guard, b));
        assert!(guard.admits(b, MessageType::Sync, 3, Instant(2), BY));
    }
}
