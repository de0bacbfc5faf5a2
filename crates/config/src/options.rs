//! Optional features of the standard: what they are told, and how it is written.

use std::path::PathBuf;

use ptp_wire::management::AcceptableMaster;
use ptp_wire::{LogInterval, PortIdentity, SynchronizationMetadata, TimeInterval};

use crate::kind::Refusal;
use crate::model::MasterAddress;
use crate::parse::parse_int;

/// Entries of an acceptable master table.
const MAX_ACCEPTABLE_MASTERS: usize = 64;
/// Alternate timescales, with keys from 0.
const MAX_TIME_OFFSETS: i64 = 16;
/// Octets of a displayName (1588-2019 16.3.3.8).
const MAX_NAME: usize = 10;

/// Optional features of an instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// defaultDS.externalPortConfigurationEnabled (1588-2019 17.6).
    pub external_port_configuration: bool,
    /// acceptableMasterTableDS (17.5), 64 entries at most, each port once.
    pub acceptable_masters: Vec<AcceptableMaster>,
    /// alternateTimescaleOffsetsDS (16.3), each key once.
    pub alternate_time_offsets: Vec<AlternateTimeOffset>,
    /// What becomes of synchronizationUncertain.
    pub synchronization_uncertain: SynchronizationUncertain,
    /// The socket that gets each measurement; `None`: nobody does.
    pub slave_event_monitor: Option<PathBuf>,
    /// Slave event monitoring messages of others are counted and kept.
    pub collect_slave_events: bool,
    /// performanceMonitoringDS.enable (annex J).
    pub performance_monitoring: bool,
    /// What this clock adds to ENHANCED_ACCURACY_METRICS (16.12); `None`: it does not take part.
    pub enhanced_accuracy: Option<EnhancedAccuracy>,
    /// What a grandmaster tells studio equipment (SMPTE ST 2059-2); `None`: nothing.
    pub smpte: Option<SynchronizationMetadata>,
}

/// Optional features of a port.
#[derive(Clone, Debug, PartialEq)]
pub struct PortOptions {
    /// externalPortConfigurationPortDS.desiredState (17.6.3).
    pub desired_state: DesiredState,
    /// acceptableMasterPortDS.enable (17.5.4).
    pub acceptable_master_table: bool,
    /// numberOfAlternateMasters (17.3.3.3); 0: this port never is one.
    pub alternate_masters: u8,
    /// transmitAlternateMulticastSync.
    pub alternate_multicast_sync: bool,
    /// logAlternateMulticastSyncInterval.
    pub log_alternate_multicast_sync_interval: LogInterval,
    /// NetSync monitors are answered so many times in a second at most; 0: never.
    pub net_sync_monitor_rate: u16,
    /// slaveMonitoringPortDS (16.11).
    pub monitor: SlaveMonitor,
}

/// What a port tells of what it measures (1588-2019 16.11).
#[derive(Clone, Debug, PartialEq)]
pub struct SlaveMonitor {
    /// SLAVE_RX_SYNC_TIMING_DATA is sent.
    pub rx_sync_timing: bool,
    /// SLAVE_RX_SYNC_COMPUTED_DATA is sent.
    pub rx_sync_computed: bool,
    /// SLAVE_TX_EVENT_TIMESTAMPS is sent.
    pub tx_event_timestamps: bool,
    /// Records in a message, 1..=32.
    pub records: u8,
    /// Every so many events one is recorded.
    pub every: u16,
    /// To whom; `None`: to the group. Never a name.
    pub address: Option<MasterAddress>,
}

/// externalPortConfigurationPortDS.desiredState.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DesiredState {
    /// MASTER.
    Master,
    /// PASSIVE.
    Passive,
    /// SLAVE.
    Slave,
}

/// What becomes of synchronizationUncertain (1588-2019 13.3.2.8).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SynchronizationUncertain {
    /// As it is.
    Auto,
    /// Always set.
    Always,
    /// Never set, as in 1588-2008.
    Never,
}

/// Another timescale that is announced (1588-2019 16.3).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AlternateTimeOffset {
    /// keyField, 0..=15.
    pub key: u8,
    /// displayName, 1 to 10 octets; empty with a zone.
    pub name: String,
    /// A time zone (`Europe/Berlin`) that says name, offset and jumps; these are empty then.
    pub zone: Option<String>,
    /// currentOffset in seconds.
    pub current_offset: i32,
    /// jumpSeconds; 0: no jump is known.
    pub jump_seconds: i32,
    /// timeOfNextJump in seconds of PTP time, below 2^48.
    pub time_of_next_jump: u64,
}

/// What a clock adds to ENHANCED_ACCURACY_METRICS (1588-2019 16.12): the greatest error in time, and the variance in s^2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnhancedAccuracy {
    /// Of the clock as grandmaster.
    pub gm: (TimeInterval, f64),
    /// While it recovers from a change.
    pub transient: (TimeInterval, f64),
    /// Of its noise.
    pub dynamic: (TimeInterval, f64),
    /// Of its own latencies.
    pub static_instance: (TimeInterval, f64),
    /// Of the link to its master.
    pub static_medium: (TimeInterval, f64),
}

/// `PORT` or `PORT PRIORITY1`, for each; each port once.
pub(crate) fn parse_acceptable_masters<'a>(
    items: impl Iterator<Item = &'a str>,
) -> Result<Vec<AcceptableMaster>, Refusal> {
    let mut all: Vec<AcceptableMaster> = Vec::new();
    for item in items {
        let mut words = item.split_ascii_whitespace();
        let (Some(port), priority, None) = (words.next(), words.next(), words.next()) else {
            return Err(Refusal::new("neither a port nor a port and its priority1"));
        };
        let port_identity: PortIdentity = port
            .parse()
            .map_err(|_| Refusal::new(format!("`{}` is not a port", crate::words::brief(port))))?;
        let alternate_priority1 = match priority {
            None => 0,
            Some(text) => match parse_int(text).ok().and_then(|n| u8::try_from(n).ok()) {
                Some(n) => n,
                None => return Err(Refusal::new("the priority1 is not 0 to 255")),
            },
        };
        if all.iter().any(|m| m.port_identity == port_identity) {
            return Err(Refusal::new("a port stands here twice"));
        }
        if all.len() == MAX_ACCEPTABLE_MASTERS {
            return Err(Refusal::new("more than 64 ports"));
        }
        all.push(AcceptableMaster { port_identity, alternate_priority1 });
    }
    Ok(all)
}

/// The name of a time zone's file below the system's directory of them.
fn is_zone(word: &str) -> bool {
    let part = |part: &str| {
        let letters = part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+'));
        letters && !part.is_empty()
    };
    let begins = word.starts_with(|c: char| c.is_ascii_alphabetic());
    (3..=64).contains(&word.len()) && begins && word.split('/').all(part)
}

/// `KEY NAME OFFSET`, `KEY NAME OFFSET JUMP TIME` or `KEY ZONE`, for each; each key once.
pub(crate) fn parse_time_offsets<'a>(
    items: impl Iterator<Item = &'a str>,
) -> Result<Vec<AlternateTimeOffset>, Refusal> {
    let mut all: Vec<AlternateTimeOffset> = Vec::new();
    for item in items {
        let words: Vec<&str> = item.split_ascii_whitespace().take(6).collect();
        let (zone, words) = match words[..] {
            [key, zone] if is_zone(zone) => (Some(zone.to_owned()), vec![key, "", "0"]),
            _ => (None, words),
        };
        let (key, name, offset, jump, time) = match words[..] {
            [key, name, offset] => (key, name, offset, "0", "0"),
            [key, name, offset, jump, time] => (key, name, offset, jump, time),
            _ => {
                return Err(Refusal::new("not `KEY NAME OFFSET`, `KEY NAME OFFSET JUMP TIME` or `KEY ZONE`"));
            }
        };
        let number = |text: &str, what: &str| {
            parse_int(text.strip_prefix('+').unwrap_or(text))
                .map_err(|_| Refusal::new(format!("{what} is not a whole number")))
        };
        let seconds = |text: &str, what: &str| {
            let value = number(text, what)?;
            i32::try_from(value).map_err(|_| Refusal::new(format!("{what} is out of range")))
        };
        let key = number(key, "the key")?;
        if !(0..MAX_TIME_OFFSETS).contains(&key) {
            return Err(Refusal::new("the key is not 0 to 15"));
        }
        let key = u8::try_from(key).map_err(|_| Refusal::out_of_range())?;
        if all.iter().any(|o| o.key == key) {
            return Err(Refusal::new("a key stands here twice"));
        }
        if name.len() > MAX_NAME {
            return Err(Refusal::new(format!("a name of {} octets, more than {MAX_NAME}", name.len())));
        }
        let time = u64::try_from(number(time, "the time of the jump")?).ok().filter(|t| *t < 1 << 48);
        all.push(AlternateTimeOffset {
            key,
            name: name.to_owned(),
            zone,
            current_offset: seconds(offset, "the offset")?,
            jump_seconds: seconds(jump, "the jump")?,
            time_of_next_jump: time.ok_or_else(|| Refusal::new("the time of the jump is out of range"))?,
        });
    }
    all.sort_by_key(|o| o.key);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_offsets_are_read_and_bad_ones_refused() {
        let read = |text: &'static str| parse_time_offsets(text.split(','));
        let all = read("3 PST -28800 +3600 1805000000,0 CET 3600").unwrap();
        assert_eq!(
            all.iter().map(|o| (o.key, o.name.as_str(), o.current_offset)).collect::<Vec<_>>(),
            [(0, "CET", 3600), (3, "PST", -28800)]
        );
        assert_eq!((all[1].jump_seconds, all[1].time_of_next_jump), (3600, 1_805_000_000));
        assert_eq!(read("0 UTC,1 PST8PDT").unwrap()[1].zone.as_deref(), Some("PST8PDT"));
        let zones = read("1 Europe/Berlin,0 America/Argentina/Buenos_Aires").unwrap();
        assert_eq!(
            zones.iter().map(|o| (o.key, o.zone.as_deref())).collect::<Vec<_>>(),
            [(0, Some("America/Argentina/Buenos_Aires")), (1, Some("Europe/Berlin"))]
        );
        for bad in [
            "",
            "1",
            "1 x",
            "1 /etc/passwd",
            "1 Europe/../../x",
            "1 Europe/",
            "1 Europe/Berlin 0,1 Europe/Berlin",
            "1 x y",
            "1 x 0 1",
            "1 x 0 1 2 3",
            "16 x 0",
            "-1 x 0",
            "1 x 0,1 y 0",
            "1 elevenchars 0",
            "1 x 3000000000",
            "1 x 0 0 -1",
            "1 x 0 0 281474976710656",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn acceptable_masters_are_read_and_bad_ones_refused() {
        let read = |text: &'static str| parse_acceptable_masters(text.split(',').map(str::trim));
        let all = read("001b19.fffe.000001-1, 001b19.fffe.000002-2 10").unwrap();
        assert_eq!(all.iter().map(|m| m.alternate_priority1).collect::<Vec<_>>(), [0, 10]);
        assert_eq!(all[1].port_identity.port_number.0, 2);
        for bad in [
            "",
            "x",
            "001b19.fffe.000001-1 256",
            "001b19.fffe.000001-1 1 1",
            "001b19.fffe.000001-1,001b19.fffe.000001-1 3",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let many: String = (1..=65).map(|n| format!("001b19.fffe.000001-{n},")).collect();
        assert!(parse_acceptable_masters(many.trim_end_matches(',').split(',')).is_err());
    }
}
