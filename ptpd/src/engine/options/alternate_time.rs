//! Alternate time offsets (1588-2019 16.3): the grandmaster tells what time it is elsewhere.

use ptp_wire::management::PtpText;
use ptp_wire::{AlternateTimeOffsetIndicator, Seconds48, TlvIter, TlvType, TlvValue};

use super::super::Engine;

/// Alternate timescales of a clock. Keys are below this number.
pub const MAX_TIME_OFFSETS: u8 = 16;
/// Octets of a displayName (16.3.3.8).
const MAX_NAME: usize = 10;

/// A name that fits a displayName.
pub(in super::super) fn valid_name(name: &str) -> bool {
    name.len() <= MAX_NAME
}

/// One alternate timescale.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AlternateTimeOffset {
    /// keyField, below [`MAX_TIME_OFFSETS`].
    pub key: u8,
    /// It is announced.
    pub enabled: bool,
    /// currentOffset: alternate time minus the node's time, in seconds.
    pub current_offset: i32,
    /// jumpSeconds: the size of the next jump in seconds; 0: none is known.
    pub jump_seconds: i32,
    /// timeOfNextJump: seconds of the node's time, below 2^48. Who sets the jump also sets what holds after it.
    pub time_of_next_jump: u64,
    /// displayName, at most 10 octets.
    pub name: String,
}

impl AlternateTimeOffset {
    /// A timescale that nothing is known of.
    pub fn new(key: u8) -> Self {
        Self { key, ..Self::default() }
    }

    /// As Announce carries it.
    pub(super) fn indicator(&self) -> AlternateTimeOffsetIndicator<'_> {
        const LAST: u64 = (1 << 48) - 1;
        AlternateTimeOffsetIndicator {
            key_field: self.key,
            current_offset: self.current_offset,
            jump_seconds: self.jump_seconds,
            time_of_next_jump: Seconds48::new(self.time_of_next_jump.min(LAST)).unwrap_or_default(),
            display_name: PtpText::from_text(&self.name),
        }
    }
}

impl Engine {
    /// The offset of this key; one that was never set is disabled and zero. `None` for a key that cannot be.
    pub(in super::super) fn time_offset(&self, key: u8) -> Option<AlternateTimeOffset> {
        let known = self.instance.config.options.alternate_time_offsets.iter().find(|o| o.key == key);
        match known {
            Some(offset) => Some(offset.clone()),
            None => (key < MAX_TIME_OFFSETS).then(|| AlternateTimeOffset::new(key)),
        }
    }

    /// Changes the offset of this key, or of all keys in use for 0xFF. False for a key that cannot be.
    pub(in super::super) fn set_time_offset(
        &mut self,
        key: u8,
        change: impl Fn(&mut AlternateTimeOffset),
    ) -> bool {
        let offsets = &mut self.instance.config.options.alternate_time_offsets;
        if key == 0xff {
            offsets.iter_mut().for_each(change);
            return true;
        }
        if key >= MAX_TIME_OFFSETS {
            return false;
        }
        if let Some(known) = offsets.iter_mut().find(|o| o.key == key) {
            change(known);
        } else {
            let mut new = AlternateTimeOffset::new(key);
            change(&mut new);
            offsets.push(new);
            offsets.sort_by_key(|o| o.key);
        }
        true
    }

    /// The alternate timescales of the grandmaster: its own while this clock is grandmaster, else those of the parent's
    /// Announce.
    pub fn alternate_time_offsets(&self) -> Vec<AlternateTimeOffset> {
        if self.is_grandmaster() {
            let own = self.instance.config.options.alternate_time_offsets.iter();
            return own.filter(|o| o.enabled).cloned().collect();
        }
        TlvIter::new(&self.instance.forward)
            .filter(|tlv| tlv.tlv_type == TlvType::ALTERNATE_TIME_OFFSET_INDICATOR)
            .filter_map(|tlv| match tlv.decode() {
                Ok(TlvValue::AlternateTimeOffsetIndicator(i)) => Some(AlternateTimeOffset {
                    key: i.key_field,
                    enabled: true,
                    current_offset: i.current_offset,
                    jump_seconds: i.jump_seconds,
                    time_of_next_jump: i.time_of_next_jump.get(),
                    name: i.display_name.as_str().unwrap_or_default().to_owned(),
                }),
                _ => None,
            })
            .collect()
    }
}
