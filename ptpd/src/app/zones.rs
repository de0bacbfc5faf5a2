//! Time zones of an instance: read from the system's files, told to the engine.

use std::path::Path;

use ptpd::engine::{Input, Instant};
use ptpd::host::{Zone, Zones};
use tracing::{info, warn};

use super::clock::HostClock;
use super::instance::Instance;

/// Where the system has them.
const DIRECTORY: &str = "/usr/share/zoneinfo";

/// Reads the files of time zones; one that cannot be read is said, and not announced.
pub(super) fn read_zones(zones: &[(u8, String)]) -> Zones {
    let read = |(key, name): &(u8, String)| {
        let path = Path::new(DIRECTORY).join(name);
        let octets = std::fs::read(&path).map_err(|e| e.to_string());
        octets
            .and_then(|octets| Zone::new(*key, &octets))
            .inspect_err(|e| {
                warn!("{}: {e}: time zone {name} is not announced (is tzdata installed?)", path.display())
            })
            .ok()
    };
    Zones::new(zones.iter().filter_map(read).collect())
}

impl Instance {
    /// Tells what the time zones say now; once a second is enough.
    pub(super) fn keep_zones(&mut self, now: u64, clocks: &mut [HostClock]) {
        if now < self.next_zones || self.settings.zones.is_empty() {
            return;
        }
        self.next_zones = now + 1_000_000_000;
        let Some(clock) = clocks.get_mut(self.clock) else { return };
        let Ok(node) = clock.clock().now() else { return };
        let Ok(node) = i64::try_from(node.nanos() / 1_000_000_000) else { return };
        let properties = self.engine.config().time_properties;
        let ahead = if properties.ptp_timescale { properties.current_utc_offset.into() } else { 0 };
        let Some((told, enable)) = self.zones.look(node, ahead) else { return };
        for offset in &told {
            info!(
                "time zone {} (key {}): {} s, then {:+} s at {} s",
                offset.name, offset.key, offset.current_offset, offset.jump_seconds, offset.time_of_next_jump
            );
            self.engine.handle(Instant(now), Input::AlternateTime { offset, enable });
        }
    }
}
