//! Series with the names and labels of OpenShift's exporter, for dashboards that are there already. What is not known is
//! absent: where that exporter has 999999 or a zero, there is nothing here.

use super::{Family, Kind, LastSample, Page, Unit, node_name};

const OF_CLOCK: &[&str] = &["from", "process", "node", "iface"];

macro_rules! families {
    ($($name:ident = ($base:literal, $labels:expr, $help:literal);)*) => {
        $(static $name: Family = Family::new($base, Unit::None, Kind::Gauge, $labels, $help);)*

        /// All of them, in the order of the documentation.
        pub const ALL: &[&Family] = &[$(&$name,)*];
    };
}

families! {
    OFFSET = ("openshift_ptp_offset_ns", OF_CLOCK, "Last offset in ns.");
    MAX_OFFSET = ("openshift_ptp_max_offset_ns", OF_CLOCK, "Largest magnitude of an offset in the last second, in ns.");
    FREQUENCY = ("openshift_ptp_frequency_adjustment_ns", OF_CLOCK, "Frequency adjustment in ppb.");
    DELAY = ("openshift_ptp_delay_ns", OF_CLOCK, "Delay of the path or of the reading in ns.");
    CLOCK_STATE = ("openshift_ptp_clock_state", &["process", "node", "iface"], "0 FREERUN, 1 LOCKED, 2 HOLDOVER.");
    CLASS = ("openshift_ptp_clock_class", &["process", "node", "config"], "clockClass of the grandmaster.");
    ROLE = ("openshift_ptp_interface_role", &["process", "node", "iface"], "0 PASSIVE, 1 SLAVE, 2 MASTER, 3 FAULTY, 4 UNKNOWN, 5 LISTENING.");
    STATUS = ("openshift_ptp_process_status", &["process", "node", "config"], "1: the process runs.");
    NMEA = ("openshift_ptp_nmea_status", &["process", "node", "iface"], "1: the receiver tells the time.");
    PPS = ("openshift_ptp_pps_status", &["process", "node", "iface"], "1: pulses come.");
}

/// A clock as that exporter sees it.
#[derive(Clone, Copy, Debug)]
pub struct OpenShiftClock<'a> {
    /// linuxptp's name of the program: ptp4l, phc2sys, ts2phc.
    pub process: &'static str,
    /// What it follows: master, phc.
    pub from: &'static str,
    /// CLOCK_REALTIME, or an interface.
    pub iface: &'a str,
    /// LOCKED, HOLDOVER or FREERUN.
    pub state: &'a str,
    /// The last sample, if it counts.
    pub last: Option<LastSample>,
    /// The largest magnitude of late, ns.
    pub largest_ns: f64,
    /// The adjustment in ppb; `None`: it is not steered.
    pub frequency_ppb: Option<f64>,
}

impl OpenShiftClock<'_> {
    /// Writes its series.
    pub fn write(&self, page: &mut Page) {
        let node = node_name();
        let (process, node, iface) =
            (("process", self.process), ("node", node.as_str()), ("iface", self.iface));
        let labels = &[("from", self.from), process, node, iface];
        page.family(&OFFSET).known(labels, self.last.map(|l| l.offset_ns));
        page.family(&MAX_OFFSET).known(labels, self.last.map(|_| self.largest_ns));
        page.family(&FREQUENCY).known(labels, self.frequency_ppb);
        page.family(&DELAY).known(labels, self.last.and_then(|l| l.delay_ns));
        let state = match self.state {
            "LOCKED" => 1.0,
            "HOLDOVER" => 2.0,
            _ => 0.0,
        };
        page.family(&CLOCK_STATE).gauge(&[process, node, iface], state);
    }
}

/// The process and its n-th configuration.
pub fn process(page: &mut Page, process: &'static str, n: usize, clock_class: Option<u8>) {
    let (node, config) = (node_name(), format!("{process}.{n}.config"));
    let labels = &[("process", process), ("node", node.as_str()), ("config", config.as_str())];
    page.family(&CLASS).known(labels, clock_class.map(f64::from));
    page.family(&STATUS).gauge(labels, 1.0);
}

/// A port's role, as the standard's portState.
pub fn role(page: &mut Page, process: &'static str, interface: &str, state: u8) {
    let node = node_name();
    let role = match state {
        7 => 0.0,
        9 => 1.0,
        6 => 2.0,
        2 => 3.0,
        4 => 5.0,
        _ => 4.0,
    };
    page.family(&ROLE).gauge(&[("process", process), ("node", &node), ("iface", interface)], role);
}

/// A receiver: it tells the time, and its pulses come.
pub fn receiver(page: &mut Page, process: &'static str, iface: &str, time: bool, pulses: bool) {
    let node = node_name();
    let labels = &[("process", process), ("node", node.as_str()), ("iface", iface)];
    page.family(&NMEA).gauge(labels, f64::from(u8::from(time)));
    page.family(&PPS).gauge(labels, f64::from(u8::from(pulses)));
}

/// The card's name, as a clock has none: the last digit of its port is an x.
pub fn alias(interface: &str) -> String {
    match interface.char_indices().next_back() {
        Some((at, last)) if last.is_ascii_digit() => {
            format!("{}x", interface.get(..at).unwrap_or_default())
        }
        _ => interface.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn cards_have_the_aliases_that_dashboards_know() {
        assert_eq!(super::alias("ens1f0"), "ens1fx");
        assert_eq!(super::alias("eth"), "eth");
        assert_eq!(super::alias(""), "");
    }
}
