//! Enhanced accuracy metrics (1588-2019 16.12): each clock of a path adds its share of the error to Announce.
//!
//! | Clock | its Announces carry |
//! |---|---|
//! | grandmaster | its own, no hops |
//! | boundary | the parent's and its share, one bcHop more |
//! | transparent | those that pass keep what they carry, with its share and one tcHop more |

use ptp_wire::{EnhancedAccuracyMetrics, TimeInterval, TlvIter, TlvType};

use super::super::Engine;
use super::super::instance::Instance;

/// Where the TLVs of an Announce begin (13.5.1).
const ANNOUNCE_TLVS: usize = 64;
/// tlvType and lengthField.
const TLV_HEADER: usize = 4;

/// What this clock adds. Maxima add up along the path, and so do variances, of independent errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// maxGmInaccuracy: of this clock as grandmaster.
    pub max_gm_inaccuracy: TimeInterval,
    /// varGmInaccuracy in s^2.
    pub var_gm_inaccuracy: f64,
    /// maxTransientInaccuracy: while it recovers from a change of the path.
    pub max_transient_inaccuracy: TimeInterval,
    /// varTransientInaccuracy in s^2.
    pub var_transient_inaccuracy: f64,
    /// maxDynamicInaccuracy: noise of this clock.
    pub max_dynamic_inaccuracy: TimeInterval,
    /// varDynamicInaccuracy in s^2.
    pub var_dynamic_inaccuracy: f64,
    /// maxStaticInstanceInaccuracy: what this clock's own latencies are uncertain by.
    pub max_static_instance_inaccuracy: TimeInterval,
    /// varStaticInstanceInaccuracy in s^2.
    pub var_static_instance_inaccuracy: f64,
    /// maxStaticMediumInaccuracy: what the asymmetry of the link to the master is uncertain by.
    pub max_static_medium_inaccuracy: TimeInterval,
    /// varStaticMediumInaccuracy in s^2.
    pub var_static_medium_inaccuracy: f64,
}

impl Default for Accuracy {
    /// Nothing.
    fn default() -> Self {
        Self {
            max_gm_inaccuracy: TimeInterval::ZERO,
            var_gm_inaccuracy: 0.0,
            max_transient_inaccuracy: TimeInterval::ZERO,
            var_transient_inaccuracy: 0.0,
            max_dynamic_inaccuracy: TimeInterval::ZERO,
            var_dynamic_inaccuracy: 0.0,
            max_static_instance_inaccuracy: TimeInterval::ZERO,
            var_static_instance_inaccuracy: 0.0,
            max_static_medium_inaccuracy: TimeInterval::ZERO,
            var_static_medium_inaccuracy: 0.0,
        }
    }
}

impl Accuracy {
    /// What a grandmaster announces.
    fn of_grandmaster(&self) -> EnhancedAccuracyMetrics {
        EnhancedAccuracyMetrics {
            bc_hop_count: 0,
            tc_hop_count: 0,
            max_gm_inaccuracy: self.max_gm_inaccuracy,
            var_gm_inaccuracy: self.var_gm_inaccuracy,
            max_transient_inaccuracy: self.max_transient_inaccuracy,
            var_transient_inaccuracy: self.var_transient_inaccuracy,
            max_dynamic_inaccuracy: self.max_dynamic_inaccuracy,
            var_dynamic_inaccuracy: self.var_dynamic_inaccuracy,
            max_static_instance_inaccuracy: self.max_static_instance_inaccuracy,
            var_static_instance_inaccuracy: self.var_static_instance_inaccuracy,
            max_static_medium_inaccuracy: TimeInterval::ZERO,
            var_static_medium_inaccuracy: 0.0,
        }
    }

    /// What the parent announces, and this clock's share.
    fn added_to(&self, p: &EnhancedAccuracyMetrics) -> EnhancedAccuracyMetrics {
        EnhancedAccuracyMetrics {
            bc_hop_count: p.bc_hop_count.saturating_add(1),
            tc_hop_count: p.tc_hop_count,
            max_gm_inaccuracy: p.max_gm_inaccuracy,
            var_gm_inaccuracy: p.var_gm_inaccuracy,
            max_transient_inaccuracy: p.max_transient_inaccuracy + self.max_transient_inaccuracy,
            var_transient_inaccuracy: p.var_transient_inaccuracy + self.var_transient_inaccuracy,
            max_dynamic_inaccuracy: p.max_dynamic_inaccuracy + self.max_dynamic_inaccuracy,
            var_dynamic_inaccuracy: p.var_dynamic_inaccuracy + self.var_dynamic_inaccuracy,
            max_static_instance_inaccuracy: p.max_static_instance_inaccuracy
                + self.max_static_instance_inaccuracy,
            var_static_instance_inaccuracy: p.var_static_instance_inaccuracy
                + self.var_static_instance_inaccuracy,
            max_static_medium_inaccuracy: p.max_static_medium_inaccuracy + self.max_static_medium_inaccuracy,
            var_static_medium_inaccuracy: p.var_static_medium_inaccuracy + self.var_static_medium_inaccuracy,
        }
    }

    /// What came with an Announce that passes a transparent clock, and this clock's share.
    fn added_in_passing(&self, p: &EnhancedAccuracyMetrics) -> EnhancedAccuracyMetrics {
        EnhancedAccuracyMetrics {
            bc_hop_count: p.bc_hop_count,
            tc_hop_count: p.tc_hop_count.saturating_add(1),
            ..self.added_to(p)
        }
    }

    /// Adds a transparent clock's share to the metrics of an Announce in its octets. Without metrics it stays as it is:
    /// what is unknown cannot be added to.
    pub(in super::super) fn add_in_passing(&self, announce: &mut [u8]) {
        let mut at = ANNOUNCE_TLVS;
        while let Some([type_0, type_1, len_0, len_1]) =
            announce.get(at..).and_then(|rest| rest.first_chunk::<TLV_HEADER>()).copied()
        {
            let value = at + TLV_HEADER;
            let end = value + usize::from(u16::from_be_bytes([len_0, len_1]));
            if TlvType(u16::from_be_bytes([type_0, type_1])) == TlvType::ENHANCED_ACCURACY_METRICS {
                let Some(octets) = announce.get_mut(value..end) else { return };
                if let Ok(metrics) = EnhancedAccuracyMetrics::parse(octets) {
                    // Cannot fail: it is as long as the one that was read.
                    let _ = self.added_in_passing(&metrics).emit(octets);
                }
                return;
            }
            at = end;
        }
    }
}

impl Instance {
    fn parent_accuracy(&self) -> Option<EnhancedAccuracyMetrics> {
        let tlv = TlvIter::new(&self.forward).find(|t| t.tlv_type == TlvType::ENHANCED_ACCURACY_METRICS)?;
        EnhancedAccuracyMetrics::parse(tlv.value).ok()
    }

    /// What this clock's Announces carry. Nothing where a parent tells nothing: what is unknown cannot be added to.
    pub(super) fn accuracy_to_announce(&self) -> Option<EnhancedAccuracyMetrics> {
        let own = self.config.options.accuracy?;
        if self.is_grandmaster() {
            return Some(own.of_grandmaster());
        }
        self.parent_accuracy().map(|parent| own.added_to(&parent))
    }
}

impl Engine {
    /// The enhanced accuracy metrics of this clock's time: its own while grandmaster; else the parent's, with this clock's
    /// share added if it has one. `None` if they are not known.
    pub fn accuracy(&self) -> Option<EnhancedAccuracyMetrics> {
        self.instance.accuracy_to_announce().or_else(|| self.instance.parent_accuracy())
    }
}

#[cfg(test)]
mod tests {
    use ptp_wire::{
        Announce, Body, ClockIdentity, ClockQuality, Header, Message, MessageType, TimeSource, Timestamp,
        TlvValue, Writer,
    };

    use super::*;

    const SHARE: Accuracy = Accuracy {
        max_gm_inaccuracy: TimeInterval::from_nanos(1),
        var_gm_inaccuracy: 0.5,
        max_transient_inaccuracy: TimeInterval::from_nanos(2),
        var_transient_inaccuracy: 1.0,
        max_dynamic_inaccuracy: TimeInterval::from_nanos(3),
        var_dynamic_inaccuracy: 2.0,
        max_static_instance_inaccuracy: TimeInterval::from_nanos(4),
        var_static_instance_inaccuracy: 3.0,
        max_static_medium_inaccuracy: TimeInterval::from_nanos(5),
        var_static_medium_inaccuracy: 4.0,
    };

    /// An Announce with a TLV before the metrics, and one behind.
    fn announce(metrics: Option<EnhancedAccuracyMetrics>) -> Vec<u8> {
        let mut buf = [0; 256];
        let body = Body::Announce(Announce {
            origin_timestamp: Timestamp::ZERO,
            current_utc_offset: 37,
            grandmaster_priority1: 128,
            grandmaster_clock_quality: ClockQuality::DEFAULT,
            grandmaster_priority2: 128,
            grandmaster_identity: ClockIdentity::ZERO,
            steps_removed: 0,
            time_source: TimeSource::GNSS,
        });
        let mut w = Writer::new(&mut buf, &Header::new(MessageType::Announce), &body).unwrap();
        w.tlv(TlvType::PATH_TRACE, &[7; 16]).unwrap();
        if let Some(metrics) = metrics {
            w.tlv_value(&TlvValue::EnhancedAccuracyMetrics(metrics)).unwrap();
        }
        w.tlv(TlvType::PAD, &[0; 6]).unwrap();
        let len = w.finish();
        buf[..len].to_vec()
    }

    #[test]
    fn a_transparent_clock_adds_all_but_the_grandmasters_part_and_nothing_else_changes() {
        let before = SHARE.of_grandmaster();
        let mut octets = announce(Some(before));
        SHARE.add_in_passing(&mut octets);
        let after = SHARE.added_in_passing(&before);
        assert_eq!(octets, announce(Some(after)));
        assert_eq!((after.bc_hop_count, after.tc_hop_count), (0, 1));
        let ns = TimeInterval::from_nanos;
        assert_eq!((after.max_gm_inaccuracy, after.var_gm_inaccuracy), (ns(1), 0.5));
        assert_eq!((after.max_transient_inaccuracy, after.var_transient_inaccuracy), (ns(4), 2.0));
        assert_eq!((after.max_dynamic_inaccuracy, after.var_dynamic_inaccuracy), (ns(6), 4.0));
        assert_eq!(
            (after.max_static_instance_inaccuracy, after.var_static_instance_inaccuracy),
            (ns(8), 6.0)
        );
        // The link to the grandmaster is the first of the path.
        assert_eq!((after.max_static_medium_inaccuracy, after.var_static_medium_inaccuracy), (ns(5), 4.0));
        let untold = announce(None);
        let mut octets = untold.clone();
        SHARE.add_in_passing(&mut octets);
        assert_eq!(octets, untold);
    }

    #[test]
    fn broken_announces_do_no_harm() {
        let whole = announce(Some(SHARE.of_grandmaster()));
        for len in 0..whole.len() {
            let mut cut = whole[..len].to_vec();
            SHARE.add_in_passing(&mut cut);
            assert_eq!(cut.len(), len);
        }
        for at in 64..whole.len() {
            for mask in [1, 0x80, 0xff] {
                let mut flipped = whole.clone();
                flipped[at] ^= mask;
                SHARE.add_in_passing(&mut flipped);
                // As far as it could be read before, it can be still.
                assert_eq!(Message::parse(&flipped).is_ok(), {
                    let mut as_it_came = whole.clone();
                    as_it_came[at] ^= mask;
                    Message::parse(&as_it_came).is_ok()
                });
            }
        }
        // Counters stay at their end.
        let many = EnhancedAccuracyMetrics { tc_hop_count: 255, ..SHARE.of_grandmaster() };
        assert_eq!(SHARE.added_in_passing(&many).tc_hop_count, 255);
    }
}
