//! What to do, however it was said: by options, by a file, or by phc2sys's options.

pub(crate) use ptp_clock::LeapMode;
use std::path::PathBuf;

use ptp_clock::ClockName;
use ptp_evidence::EvidenceOptions;
use ptp_servo::ServoKind;
use ptp_wire::TimeInterval;

/// The most PTP instances that are followed.
pub(crate) const MAX_INSTANCES: usize = 16;
/// The most clocks that are steered.
pub(crate) const MAX_SINKS: usize = 128;
/// Where `ptpd` and `ptp4l` serve management messages.
pub(crate) const DEFAULT_SOCKET: &str = "/var/run/ptp/ptp4l";

/// A PTP instance that is followed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Instance {
    /// Its management socket.
    pub(crate) socket: PathBuf,
    pub(crate) domain_number: u8,
    /// transportSpecific, 1 for gPTP.
    pub(crate) major_sdo_id: u8,
    /// Instead of the clocks of its ports: for instances on virtual clocks, and whose clock cannot be found out.
    pub(crate) clock: Option<ClockName>,
    /// Clocks that follow it alone.
    pub(crate) sinks: Vec<ClockName>,
}

/// What part the system clock has in automatic mode.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum SystemRole {
    /// It is left alone.
    #[default]
    None,
    /// It is steered (`-r`).
    Sink,
    /// It is steered, or is the source where no port is a slave (`-rr`).
    SinkOrSource,
}

/// Where measurements go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Output {
    /// To a servo that steers the clock.
    Servo(ServoKind),
    /// No clock is steered: an NTP daemon reads this unit of shared memory.
    NtpShm(u32),
    /// No clock is steered: chronyd is told here.
    ChronySock(PathBuf),
}

impl Output {
    /// An NTP daemon steers the clock.
    pub(crate) const fn is_refclock(&self) -> bool {
        matches!(self, Self::NtpShm(_) | Self::ChronySock(_))
    }
}

/// How the clocks that are steered get their source.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Selection {
    /// The first that is good.
    #[default]
    Priority,
    /// What the majority agrees on.
    Intersection,
}

/// A further time source for [`Selection::Intersection`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ExtraSource {
    pub(crate) kind: ExtraKind,
    /// Its error is below this.
    pub(crate) error: TimeInterval,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExtraKind {
    /// A clock that somebody else keeps right (TAI for a PHC).
    Clock(ClockName),
    /// `/dev/ppsN`: the system clock's fraction of a second.
    Pps(String),
    /// chronyd's estimate, over its command socket or UDP port.
    Chronyd(String),
}

/// Everything.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// As phc2sys: its log lines and its habits.
    pub(crate) drop_in: bool,
    pub(crate) automatic: bool,
    pub(crate) instances: Vec<Instance>,
    pub(crate) system_role: SystemRole,
    /// What is meant by the system clock.
    pub(crate) system_clock: ClockName,
    pub(crate) source: Option<ClockName>,
    /// In automatic mode clocks beside those of the ports.
    pub(crate) sinks: Vec<ClockName>,
    pub(crate) pps: Option<String>,
    /// Sink minus source as it shall be; `None`: by the timescales.
    pub(crate) offset: Option<TimeInterval>,
    /// Waits for a PTP instance with a port that is MASTER or SLAVE, and takes the UTC offset from it.
    pub(crate) wait: bool,
    pub(crate) rate: f64,
    pub(crate) readings: u32,
    pub(crate) output: Output,
    pub(crate) proportional: f64,
    pub(crate) integral: f64,
    /// Seconds; 0: never.
    pub(crate) step: f64,
    pub(crate) first_step: f64,
    /// ppb; 0: off.
    pub(crate) sanity: f64,
    pub(crate) max_frequency: f64,
    pub(crate) summary: u32,
    pub(crate) leap: LeapMode,
    /// Seconds.
    pub(crate) smear_window: f64,
    pub(crate) free_running: bool,
    pub(crate) selection: Selection,
    pub(crate) extra_sources: Vec<ExtraSource>,
    /// How fast a change of sources is followed, ppb.
    pub(crate) max_slew: f64,
    /// The error of a PTP source on top of what it says of itself.
    pub(crate) source_error: TimeInterval,
    pub(crate) bound_page: Option<PathBuf>,
    /// What is recorded so that it can be proved later.
    pub(crate) evidence: Option<EvidenceOptions>,
    /// chronyd's sockets, one for each instance: the system clock is measured against all, and nothing is steered.
    pub(crate) fan_out: Vec<PathBuf>,
    /// Where what is learnt of the clocks is kept over a restart.
    pub(crate) state: Option<PathBuf>,
    /// Beyond this bound a clock without a source is not in holdover any more, ns.
    pub(crate) holdover_limit_ns: f64,
    /// The service manager is told that the program is ready when it runs, not when its clocks are synchronised.
    pub(crate) ready_when_started: bool,
    /// How fast the clock may drift between measurements, ppb.
    pub(crate) max_drift: u32,
    /// Where lines and events go.
    pub(crate) outlets: ptp_daemon::Outlets,
    /// The endpoint for monitoring; `None`: there is none.
    pub(crate) metrics: Option<ptp_daemon::http::Settings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            drop_in: false,
            automatic: false,
            instances: Vec::new(),
            system_role: SystemRole::None,
            system_clock: ClockName::System,
            source: None,
            sinks: Vec::new(),
            pps: None,
            offset: None,
            wait: false,
            rate: 1.0,
            readings: 5,
            output: Output::Servo(ServoKind::Pi),
            proportional: 0.7,
            integral: 0.3,
            step: 0.0,
            first_step: 0.000_02,
            sanity: 200_000_000.0,
            max_frequency: 900_000_000.0,
            summary: 0,
            leap: LeapMode::Kernel,
            smear_window: 86_400.0,
            free_running: false,
            selection: Selection::Priority,
            extra_sources: Vec::new(),
            max_slew: 10_000.0,
            source_error: TimeInterval::from_nanos(1_000),
            bound_page: None,
            evidence: None,
            fan_out: Vec::new(),
            state: None,
            holdover_limit_ns: 1e6,
            ready_when_started: false,
            max_drift: 5_000,
            outlets: ptp_daemon::Outlets::default(),
            metrics: None,
        }
    }
}

/// What is wrong with it as a whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum SettingsError {
    /// Automatic and manual mode at once.
    Mixed,
    /// Neither `-a` nor a source.
    NoSource,
    SameClock(ClockName),
    TwiceTheSink(ClockName),
    /// One offset cannot be right for a sink on UTC and one on TAI.
    TwoTimescales(ClockName, ClockName),
    /// UTC and PTP time differ, and nobody said by how much.
    OffsetMissing,
    /// Pulses are stamped by the system clock, and so can steer nothing else.
    PpsSink,
    /// NTP daemons know no other clock.
    RefclockSink,
    TooMany(&'static str, usize),
    /// A majority needs several.
    TooFewSources,
}

impl std::fmt::Display for SettingsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mixed => f.write_str(
                "autoconfiguration cannot be mixed with manual config options: either -a, or -s, -c, -d and -O",
            ),
            Self::NoSource => {
                f.write_str("autoconfiguration (-a) or a source clock (-s CLOCK, -d PULSES) must be selected")
            }
            Self::SameClock(name) => write!(f, "{name} is the source: it cannot be steered by itself (-s, -c)"),
            Self::TwiceTheSink(name) => write!(f, "{name} is given twice (-c)"),
            Self::TwoTimescales(utc, tai) => write!(
                f,
                "{utc} keeps UTC and {tai} keeps TAI: one offset (-O) puts one of them wrong by the leap seconds. Use -w or -a, \
                 by which each gets its own, or one phc-sync for each"
            ),
            Self::OffsetMissing => f.write_str(
                "time offset must be specified using -w or -O: the system clock keeps UTC, PTP clocks keep TAI. -w asks the PTP \
                 instance; -O says how much the sink is ahead of the source (-O -37 for the system clock after a PHC, -O 37 \
                 the other way round, -O 0 if both keep the same time)",
            ),
            Self::PpsSink => f.write_str(
                "cannot use a pps device unless the one sink is CLOCK_REALTIME: the kernel stamps pulses with it (-d, -c)",
            ),
            Self::RefclockSink => f.write_str(
                "an NTP daemon takes measurements of CLOCK_REALTIME only: make that the one sink (-c, -E)",
            ),
            Self::TooMany(what, max) => write!(f, "too many {what}: at most {max}"),
            Self::TooFewSources => f.write_str(
                "selection by intersection needs three sources or more to tell a false one: add instances or sources",
            ),
        }
    }
}

impl std::error::Error for SettingsError {}

impl Settings {
    /// The instances, or the usual one.
    pub(crate) fn instances_or_default(&self) -> Vec<Instance> {
        if self.instances.is_empty() {
            return vec![Instance {
                socket: DEFAULT_SOCKET.into(),
                domain_number: 0,
                major_sdo_id: 0,
                clock: None,
                sinks: Vec::new(),
            }];
        }
        self.instances.clone()
    }

    /// NTP daemons steer the clocks.
    pub(crate) fn feeds_ntp(&self) -> bool {
        self.output.is_refclock() || !self.fan_out.is_empty()
    }

    /// It is the system clock, or stands for it, and so keeps UTC. Auxiliary clocks keep TAI.
    pub(crate) fn is_system(&self, name: &ClockName) -> bool {
        *name == ClockName::System || *name == self.system_clock && !matches!(name, ClockName::Auxiliary(_))
    }

    /// Sinks as they are meant: the system clock where none was named.
    pub(crate) fn manual_sinks(&self) -> Vec<ClockName> {
        if self.sinks.is_empty() && !self.automatic {
            return vec![self.system_clock.clone()];
        }
        self.sinks.clone()
    }

    /// Whether it fits together.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if self.instances.len() > MAX_INSTANCES {
            return Err(SettingsError::TooMany("PTP instances (-z)", MAX_INSTANCES));
        }
        let further = self.instances.iter().map(|i| i.sinks.len()).sum::<usize>();
        if self.sinks.len() + further > MAX_SINKS {
            return Err(SettingsError::TooMany("sinks (-c)", MAX_SINKS));
        }
        if self.selection == Selection::Intersection {
            let sources = self.extra_sources.len() + self.instances_or_default().len();
            if sources < 3 {
                return Err(SettingsError::TooFewSources);
            }
        }
        if self.automatic {
            let manual =
                self.source.is_some() || self.pps.is_some() || !self.sinks.is_empty() && self.drop_in;
            // phc2sys takes -w with -a, and it means nothing there.
            if manual || self.offset.is_some() && self.drop_in {
                return Err(SettingsError::Mixed);
            }
            return self.check_further();
        }
        if self.source.is_none() && self.pps.is_none() {
            return Err(SettingsError::NoSource);
        }
        self.check_manual()
    }

    /// Sinks in automatic mode: each follows one thing.
    fn check_further(&self) -> Result<(), SettingsError> {
        let mut sinks: Vec<&ClockName> = self.sinks.iter().collect();
        sinks.extend(self.instances.iter().flat_map(|i| &i.sinks));
        if self.system_role != SystemRole::None {
            sinks.push(&self.system_clock);
        }
        if self.output.is_refclock() && sinks.iter().any(|s| **s != ClockName::System) {
            return Err(SettingsError::RefclockSink);
        }
        let twice = sinks.iter().enumerate().find(|(i, sink)| sinks.iter().take(*i).any(|s| s == *sink));
        twice.map_or(Ok(()), |(_, sink)| Err(SettingsError::TwiceTheSink((*sink).clone())))
    }

    fn check_manual(&self) -> Result<(), SettingsError> {
        let sinks = self.manual_sinks();
        let system_only = sinks.len() == 1 && sinks.iter().all(|s| *s == ClockName::System);
        if self.pps.is_some() && !system_only {
            return Err(SettingsError::PpsSink);
        }
        if self.output.is_refclock() && !system_only {
            return Err(SettingsError::RefclockSink);
        }
        for (i, sink) in sinks.iter().enumerate() {
            if self.source.as_ref() == Some(sink) {
                return Err(SettingsError::SameClock(sink.clone()));
            }
            if sinks.iter().take(i).any(|s| s == sink) {
                return Err(SettingsError::TwiceTheSink(sink.clone()));
            }
        }
        let utc = sinks.iter().find(|s| self.is_system(s));
        let tai = sinks.iter().find(|s| !self.is_system(s));
        // phc2sys has its reasons; virtual clocks keep what they are given.
        if let (Some(utc), Some(tai @ (ClockName::Phc(_) | ClockName::Auxiliary(_)))) = (utc, tai)
            && !self.drop_in
            && self.offset.is_some_and(|offset| offset != TimeInterval::ZERO)
        {
            return Err(SettingsError::TwoTimescales(utc.clone(), tai.clone()));
        }
        // Pulses alone know no seconds, and so no offset.
        let Some(source) = &self.source else { return Ok(()) };
        let differs = self.is_system(source) || sinks.iter().any(|s| self.is_system(s));
        if self.offset.is_none() && !self.wait && differs {
            return Err(SettingsError::OffsetMissing);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manual(source: &str, sinks: &[&str]) -> Settings {
        Settings {
            source: Some(source.parse().expect("a clock")),
            sinks: sinks.iter().map(|s| s.parse().expect("a clock")).collect(),
            ..Settings::default()
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert_eq!(Settings::default().check(), Err(SettingsError::NoSource));
        assert_eq!(manual("phc0", &["phc0"]).check(), Err(SettingsError::SameClock(ClockName::Phc(0))));
        assert_eq!(
            manual("phc0", &["phc1", "phc1"]).check(),
            Err(SettingsError::TwiceTheSink(ClockName::Phc(1)))
        );
        assert_eq!(manual("phc0", &["system"]).check(), Err(SettingsError::OffsetMissing));
        // The system clock is the sink where none is named.
        assert_eq!(manual("phc0", &[]).check(), Err(SettingsError::OffsetMissing));
        let waiting = Settings { wait: true, ..manual("phc0", &[]) };
        assert_eq!(waiting.check(), Ok(()));
        assert_eq!(manual("phc0", &["phc1"]).check(), Ok(()));
        assert_eq!(manual("phc0", &["CLOCK_AUX1"]).check(), Ok(()));
        let auxiliary = Settings { system_clock: ClockName::Auxiliary(1), ..Settings::default() };
        assert!(auxiliary.is_system(&ClockName::System) && !auxiliary.is_system(&ClockName::Auxiliary(1)));
        let pulses = Settings { pps: Some("/dev/pps0".into()), ..Settings::default() };
        assert_eq!(pulses.check(), Ok(()));
        assert_eq!(
            Settings { sinks: vec![ClockName::Phc(0)], ..pulses }.check(),
            Err(SettingsError::PpsSink)
        );
        let shm = Settings { output: Output::NtpShm(0), ..manual("phc0", &["phc1"]) };
        assert_eq!(shm.check(), Err(SettingsError::RefclockSink));
        let automatic = Settings { automatic: true, ..Settings::default() };
        assert_eq!(automatic.check(), Ok(()));
        let mixed = Settings { automatic: true, ..manual("phc0", &[]) };
        assert_eq!(mixed.check(), Err(SettingsError::Mixed));
        // Further clocks beside the system clock; each has one source.
        let aux = |n| ClockName::Auxiliary(n);
        let instance = |sinks| Instance { sinks, ..automatic.instances_or_default().remove(0) };
        let further = |sinks, of| Settings {
            sinks,
            instances: vec![instance(of)],
            system_role: SystemRole::Sink,
            ..automatic.clone()
        };
        assert_eq!(further(vec![aux(0)], vec![aux(1)]).check(), Ok(()));
        assert_eq!(further(vec![aux(0)], vec![aux(0)]).check(), Err(SettingsError::TwiceTheSink(aux(0))));
        let twice = further(vec![ClockName::System], Vec::new());
        assert_eq!(twice.check(), Err(SettingsError::TwiceTheSink(ClockName::System)));
        let as_phc2sys = Settings { drop_in: true, ..further(vec![aux(0)], Vec::new()) };
        assert_eq!(as_phc2sys.check(), Err(SettingsError::Mixed));
        let feeding = Settings { output: Output::NtpShm(0), ..further(vec![aux(0)], Vec::new()) };
        assert_eq!(feeding.check(), Err(SettingsError::RefclockSink));
        // -37 s is right for one of them.
        let offset = Some(TimeInterval::from_nanos(-37_000_000_000));
        let both = Settings { offset, ..manual("phc0", &["system", "CLOCK_AUX1"]) };
        assert_eq!(both.check(), Err(SettingsError::TwoTimescales(ClockName::System, aux(1))));
        assert_eq!(Settings { drop_in: true, ..both }.check(), Ok(()));
        let few = Settings { selection: Selection::Intersection, ..automatic };
        assert_eq!(few.check(), Err(SettingsError::TooFewSources));
    }
}
