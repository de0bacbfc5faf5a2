//! Names of clocks that are the same after a restart of the machine.

use std::path::Path;

use crate::ClockName;

const CLASS: &str = "/sys/class/ptp";

impl ClockName {
    /// A name for what is kept of the clock. A PTP hardware clock's number depends on the order in which drivers were loaded: its
    /// name is that of the device it sits on and the driver's word for it, and where several such clocks sit there its place among
    /// them. Where the kernel does not tell (no `/sys`) it is the number all the same.
    pub fn lasting(&self) -> String {
        match self {
            Self::Phc(n) => phc(Path::new(CLASS), *n).unwrap_or_else(|| self.to_string()),
            other => other.to_string(),
        }
    }
}

fn phc(class: &Path, n: u32) -> Option<String> {
    let own = class.join(format!("ptp{n}"));
    let place = own.canonicalize().ok()?;
    let kind = std::fs::read_to_string(own.join("clock_name")).ok()?;
    let siblings = place.parent()?;
    // The device's directory; without one, clocks that are no device's are in one place.
    let device = if siblings.ends_with("ptp") { siblings.parent()? } else { siblings };
    let text = device.display().to_string();
    let text = text.split_once("/devices/").map_or(text.as_str(), |(_, device)| device);
    // A virtual clock sits on its physical one, whose number may change like its own.
    let text = text.split('/').filter(|part| number(part).is_none()).collect::<Vec<_>>().join("/");
    let mut all: Vec<u32> = std::fs::read_dir(siblings)
        .ok()?
        .filter_map(|entry| number(entry.ok()?.file_name().to_str()?))
        .collect();
    all.sort_unstable();
    let rank = all.iter().position(|m| *m == n).filter(|_| all.len() > 1);
    let rank = rank.map_or_else(String::new, |rank| format!(" {}", rank + 1));
    let depth = if siblings.ends_with("ptp") { "" } else { " virtual" };
    Some(format!("{} at {text}{depth}{rank}", kind.trim()))
}

/// `N` of `ptpN`.
fn number(name: &str) -> Option<u32> {
    name.strip_prefix("ptp")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_keeps_its_name_whatever_its_number() {
        let root = std::env::temp_dir().join(format!("ptp-clock-lasting-{}", std::process::id()));
        let class = root.join("class");
        let clock = |device: &str, n: u32, kind: &str| {
            let place = root.join("devices").join(device).join(format!("ptp{n}"));
            std::fs::create_dir_all(&place).expect("made");
            std::fs::write(place.join("clock_name"), format!("{kind}\n")).expect("written");
            std::fs::create_dir_all(&class).expect("made");
            let link = class.join(format!("ptp{n}"));
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(place, link).expect("linked");
        };
        clock("pci0000:00/0000:01:00.0/ptp", 0, "ice");
        clock("pci0000:00/0000:01:00.1/ptp", 1, "ice");
        let first = phc(&class, 0).expect("told");
        assert_eq!(first, "ice at pci0000:00/0000:01:00.0");
        assert_ne!(phc(&class, 1), Some(first.clone()));
        // The other way round after a restart.
        clock("pci0000:00/0000:01:00.0/ptp", 7, "ice");
        std::fs::remove_dir_all(root.join("devices/pci0000:00/0000:01:00.0/ptp/ptp0")).expect("ours");
        assert_eq!(phc(&class, 7), Some(first));
        // Two on one device, and virtual ones on a clock.
        clock("platform/eth/ptp", 4, "sja1105");
        clock("platform/eth/ptp", 5, "sja1105");
        assert_eq!(phc(&class, 5).as_deref(), Some("sja1105 at platform/eth 2"));
        clock("platform/eth/ptp/ptp4", 9, "ptp virt");
        clock("platform/eth/ptp/ptp4", 8, "ptp virt");
        assert_eq!(phc(&class, 8).as_deref(), Some("ptp virt at platform/eth/ptp virtual 1"));
        assert_eq!(phc(&class, 99), None);
        assert_eq!(ClockName::Phc(4_000_000_000).lasting(), "phc4000000000");
        assert_eq!(ClockName::System.lasting(), "system");
        std::fs::remove_dir_all(&root).expect("ours");
    }
}
