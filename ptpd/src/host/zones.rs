//! Alternate time offsets by time zones: what linuxptp's `tz2alt` tells a daemon from outside.

use tz::TimeZone;

use crate::engine::AlternateTimeOffset;

const DAY: i64 = 86_400;
/// A jump is looked for so far ahead: every zone that has any has one within a year.
const AHEAD_DAYS: i64 = 400;

/// A time zone's offset for one key.
#[derive(Debug)]
pub struct Zone {
    key: u8,
    zone: TimeZone,
}

impl Zone {
    /// By the octets of the zone's file (TZif, RFC 8536).
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(key: u8, octets: &[u8]) -> Result<Self, String> {
        let zone = TimeZone::from_tz_data(octets).map_err(|e| e.to_string())?;
        Ok(Self { key, zone })
    }

    /// UTC offset and abbreviation at an instant of UTC, seconds.
    fn at(&self, utc: i64) -> Option<(i32, &str)> {
        let kind = self.zone.find_local_time_type(utc).ok()?;
        Some((kind.ut_offset(), kind.time_zone_designation()))
    }

    /// The first second of another offset after `utc`.
    fn next_jump(&self, utc: i64) -> Option<i64> {
        let (now, _) = self.at(utc)?;
        let differs = |t: i64| self.at(t).is_some_and(|(offset, _)| offset != now);
        let mut late = (1..=AHEAD_DAYS).map(|day| utc.saturating_add(day * DAY)).find(|t| differs(*t))?;
        let mut early = late - DAY;
        while late - early > 1 {
            let middle = early + (late - early) / 2;
            if differs(middle) { late = middle } else { early = middle }
        }
        Some(late)
    }

    /// What to announce at `node` seconds of the node's time, which is ahead of UTC by `ahead`, and when that ends.
    fn announced(&self, node: i64, ahead: i32) -> Option<(AlternateTimeOffset, Option<i64>)> {
        let utc = node.checked_sub(ahead.into())?;
        let (offset, name) = self.at(utc)?;
        let jump = self.next_jump(utc);
        let after = jump.and_then(|at| self.at(at));
        let until = jump.map(|at| at + i64::from(ahead));
        Some((
            AlternateTimeOffset {
                key: self.key,
                enabled: true,
                current_offset: offset - ahead,
                jump_seconds: after.map_or(0, |(next, _)| next - offset),
                time_of_next_jump: until.and_then(|t| u64::try_from(t).ok()).unwrap_or(0),
                name: name.chars().take(10).collect(),
            },
            until,
        ))
    }
}

/// Those of an instance.
#[derive(Debug, Default)]
pub struct Zones {
    zones: Vec<Zone>,
    /// What was told holds from here to there, of the node's time, and while it is ahead of UTC by this.
    holds: Option<(i64, i64, i32)>,
    /// They have been told once: who disabled one since then meant it.
    begun: bool,
}

impl Zones {
    /// Nothing has been told of them yet.
    pub fn new(zones: Vec<Zone>) -> Self {
        Self { zones, holds: None, begun: false }
    }

    /// What is new at `node` seconds of the node's time, which is ahead of UTC by `ahead`, and whether to enable it.
    pub fn look(&mut self, node: i64, ahead: i32) -> Option<(Vec<AlternateTimeOffset>, bool)> {
        let holds = self.holds.is_some_and(|(from, to, at)| at == ahead && (from..to).contains(&node));
        if self.zones.is_empty() || holds {
            return None;
        }
        let all: Vec<_> = self.zones.iter().filter_map(|z| z.announced(node, ahead)).collect();
        let until = all.iter().filter_map(|(_, until)| *until).min();
        // Without a jump in sight it is looked for again in a month.
        let until = until.unwrap_or(i64::MAX).min(node.saturating_add(30 * DAY));
        self.holds = Some((node, until, ahead));
        let first = !std::mem::replace(&mut self.begun, true);
        Some((all.into_iter().map(|(offset, _)| offset).collect(), first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file without transitions, and a rule at its end.
    fn file(rule: &str) -> Vec<u8> {
        let mut octets = Vec::new();
        for _ in 0..2 {
            octets.extend_from_slice(b"TZif2");
            octets.extend_from_slice(&[0; 15]);
            for count in [0u32, 0, 0, 0, 1, 4] {
                octets.extend_from_slice(&count.to_be_bytes());
            }
            octets.extend_from_slice(&3600i32.to_be_bytes());
            octets.extend_from_slice(&[0, 0]);
            octets.extend_from_slice(b"CET\0");
        }
        octets.extend_from_slice(format!("\n{rule}\n").as_bytes());
        octets
    }

    #[test]
    fn summer_time_is_told_beforehand_and_held_to() {
        let zone = Zone::new(3, &file("CET-1CEST,M3.5.0,M10.5.0/3")).expect("a zone");
        let mut zones = Zones::new(vec![zone]);
        // 2026-01-01, and 2026-03-29 01:00 UTC; TAI is 37 s ahead.
        let (january, march) = (1_767_225_600 + 37, 1_774_746_000 + 37);
        let (told, first) = zones.look(january, 37).expect("it is new");
        let cet = AlternateTimeOffset {
            key: 3,
            enabled: true,
            current_offset: 3600 - 37,
            jump_seconds: 3600,
            time_of_next_jump: march as u64,
            name: "CET".into(),
        };
        assert_eq!((told.as_slice(), first), ([cet.clone()].as_slice(), true));
        assert_eq!(zones.look(january + 10, 37), None, "it still holds");
        // A leap second: all of it is one second on.
        let (told, _) = zones.look(january + 11, 38).expect("UTC is another one");
        assert_eq!((told[0].current_offset, told[0].time_of_next_jump), (3600 - 38, march as u64 + 1));
        zones.look(march - 1, 37);
        assert_eq!(zones.look(march - 1, 37), None);
        let (told, first) = zones.look(march, 37).expect("now it is summer");
        assert!(!first);
        assert_eq!(
            (told[0].name.as_str(), told[0].current_offset, told[0].jump_seconds),
            ("CEST", 7163, -3600)
        );
        // 2026-10-25 01:00 UTC.
        assert_eq!(told[0].time_of_next_jump, 1_792_890_000 + 37);
        // And somebody sets the clock back.
        assert_eq!(zones.look(january, 37).map(|(told, _)| told), Some(vec![cet]));
    }

    #[test]
    fn a_zone_without_summer_time_has_no_jump() {
        let mut zones = Zones::new(vec![Zone::new(0, &file("JST-9")).expect("a zone")]);
        let (told, _) = zones.look(1_767_225_637, 37).expect("it is new");
        assert_eq!((told[0].current_offset, told[0].jump_seconds, told[0].time_of_next_jump), (32_363, 0, 0));
        assert!(Zone::new(0, b"TZif2").is_err() && Zone::new(0, b"no zone at all").is_err());
    }

    #[test]
    fn the_systems_files_are_read() {
        let Ok(octets) = std::fs::read("/usr/share/zoneinfo/Europe/Berlin") else {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no tzdata");
            println!("skipped: no tzdata");
            return;
        };
        let mut zones = Zones::new(vec![Zone::new(0, &octets).expect("a zone")]);
        // Beyond the table of most such files: the summer of 2040.
        let (told, _) = zones.look(2_225_000_000, 37).expect("it is new");
        assert_eq!(
            (told[0].name.as_str(), told[0].current_offset, told[0].jump_seconds),
            ("CEST", 7163, -3600)
        );
    }
}
