//! The TLVs of IEEE C37.238 on Announce: how inaccurate the time may be that a clock passes on.

use ptp_wire::{Organization, PowerProfile2011, PowerProfile2017, Tlv, TlvType, TlvValue};

use super::PowerSettings;

/// What the parent's TLV says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Power {
    Edition2011(PowerProfile2011),
    Edition2017(PowerProfile2017),
}

impl Power {
    /// The TLV of either edition, if there is one among these.
    pub(super) fn find<'a>(mut tlvs: impl Iterator<Item = Tlv<'a>>) -> Option<Self> {
        tlvs.find_map(|tlv| match TlvValue::parse(&tlv).ok()? {
            TlvValue::Organization(_, Organization::PowerProfile2011(tlv)) => Some(Self::Edition2011(tlv)),
            TlvValue::Organization(_, Organization::PowerProfile2017(tlv)) => Some(Self::Edition2017(tlv)),
            _ => None,
        })
    }

    /// What a port announces: its own settings while its clock is grandmaster (`parent` is `None`), else the parent's
    /// with this clock's inaccuracy added. What is unknown stays unknown, and so does all it is added to.
    pub(super) fn announced(
        settings: &PowerSettings,
        grandmaster: bool,
        parent: Option<&Self>,
    ) -> Option<Self> {
        let unknown = u32::MAX;
        let (own_2011, own_2017) = (settings.network_time_inaccuracy, settings.total_time_inaccuracy);
        let of_2011 = |grandmaster_id, grandmaster_time_inaccuracy, network_time_inaccuracy| {
            Self::Edition2011(PowerProfile2011 {
                grandmaster_id,
                grandmaster_time_inaccuracy,
                network_time_inaccuracy,
            })
        };
        let of_2017 = |grandmaster_id, total_time_inaccuracy| {
            Self::Edition2017(PowerProfile2017 { grandmaster_id, total_time_inaccuracy })
        };
        match (settings.version, parent.filter(|_| !grandmaster)) {
            (1, None) if grandmaster => {
                Some(of_2011(settings.grandmaster_id, settings.grandmaster_time_inaccuracy, own_2011))
            }
            (1, Some(Self::Edition2011(p))) => Some(of_2011(
                p.grandmaster_id,
                p.grandmaster_time_inaccuracy,
                p.network_time_inaccuracy.saturating_add(own_2011),
            )),
            // The editions divide the total differently; and of a parent that says nothing nothing is known.
            (1, Some(Self::Edition2017(p))) => Some(of_2011(p.grandmaster_id, unknown, unknown)),
            (1, None) => Some(of_2011(0, unknown, unknown)),
            (2, None) if grandmaster => Some(of_2017(settings.grandmaster_id, own_2017)),
            (2, Some(Self::Edition2017(p))) => {
                Some(of_2017(p.grandmaster_id, p.total_time_inaccuracy.saturating_add(own_2017)))
            }
            (2, Some(Self::Edition2011(p))) => {
                let total = p.grandmaster_time_inaccuracy.saturating_add(p.network_time_inaccuracy);
                Some(of_2017(p.grandmaster_id, total.saturating_add(own_2017)))
            }
            (2, None) => Some(of_2017(0, unknown)),
            _ => None,
        }
    }

    /// As a TLV.
    pub(super) fn value(self) -> TlvValue<'static> {
        let value = match self {
            Self::Edition2011(tlv) => Organization::PowerProfile2011(tlv),
            Self::Edition2017(tlv) => Organization::PowerProfile2017(tlv),
        };
        TlvValue::Organization(TlvType::ORGANIZATION_EXTENSION, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: PowerSettings = PowerSettings {
        version: 2,
        grandmaster_id: 7,
        grandmaster_time_inaccuracy: 100,
        network_time_inaccuracy: 50,
        total_time_inaccuracy: 30,
    };

    #[test]
    fn each_clock_adds_its_own_and_the_unknown_stays_unknown() {
        let at_grandmaster = Power::announced(&SETTINGS, true, None);
        let expected = |id, total| {
            Some(Power::Edition2017(PowerProfile2017 { grandmaster_id: id, total_time_inaccuracy: total }))
        };
        assert_eq!(at_grandmaster, expected(7, 30));
        let below = Power::announced(&SETTINGS, false, at_grandmaster.as_ref());
        assert_eq!(below, expected(7, 60));
        let vague = PowerSettings { total_time_inaccuracy: u32::MAX, ..SETTINGS };
        assert_eq!(Power::announced(&vague, false, below.as_ref()), expected(7, u32::MAX));
        assert_eq!(Power::announced(&SETTINGS, false, None), expected(0, u32::MAX));
        let older = Power::announced(&PowerSettings { version: 1, ..SETTINGS }, true, None);
        assert_eq!(Power::announced(&SETTINGS, false, older.as_ref()), expected(7, 180));
        assert_eq!(Power::announced(&PowerSettings { version: 0, ..SETTINGS }, true, None), None);
    }
}
