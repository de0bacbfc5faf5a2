//! A witness as it is asked: what the clock is off by its word.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use ptp_clock::{Chronyd, Clock};
use ptp_management::{Client, ClientConfig, ClientError, Request, Uds};
use ptp_servo::selection::Estimate;
use ptp_wire::management::{ManagementId, Payload, TimeStatusNp};
use ptp_wire::{ClockIdentity, ClockQuality, TimeInterval};

use super::{WitnessKind, WitnessSettings};
use crate::grandmaster::bound_of_accuracy;
use crate::sink::{Sink, clock_name};

/// From question to question, ns.
const INTERVAL: u64 = 1_000_000_000;
/// An answer, or a Sync, older than this says nothing, ns.
const STALE: u64 = 5_000_000_000;
/// Grandmasters of higher classes do not claim to know the time.
const WORST_CLASS: u8 = 127;

enum Way {
    Ntp(Box<Chronyd>),
    Ptp(Box<Ptp>),
    Clock,
}

/// A PTP daemon.
struct Ptp {
    socket: std::path::PathBuf,
    config: ClientConfig,
    number: usize,
    client: Option<Client<Uds>>,
    quality: Option<ClockQuality>,
    /// The last Sync that it told of, and when that was new.
    sync: Option<(i64, u64)>,
}

/// Somebody with an opinion.
pub struct Witness {
    settings: WitnessSettings,
    way: Way,
    other: Option<Box<dyn Clock>>,
    ask_at: u64,
    latest: Option<(u64, Estimate)>,
}

impl Witness {
    /// Nothing is asked yet. `number` tells the witnesses of one process apart.
    ///
    /// # Errors
    /// A clock's name is none.
    pub fn new(settings: &WitnessSettings, number: usize) -> Result<Self, String> {
        let way = match &settings.kind {
            WitnessKind::Ntp(address) => {
                Way::Ntp(Box::new(Chronyd::new(address, &format!("ts2phc.{number}"))))
            }
            WitnessKind::Ptp(socket) => {
                let config = ClientConfig {
                    domain_number: settings.domain_number,
                    boundary_hops: 0,
                    ..ClientConfig::default()
                };
                let socket = socket.clone();
                Way::Ptp(Box::new(Ptp { socket, config, number, client: None, quality: None, sync: None }))
            }
            WitnessKind::Clock(_) => Way::Clock,
        };
        if let Some(name) = clock_of(settings) {
            clock_name(name)?;
        }
        Ok(Self { settings: settings.clone(), way, other: None, ask_at: 0, latest: None })
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.settings.name()
    }

    /// To poll.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.way {
            Way::Ntp(chronyd) => chronyd.fd(),
            Way::Ptp(ptp) => ptp.client.as_ref().map(AsFd::as_fd),
            Way::Clock => None,
        }
    }

    /// When to call [`Witness::tick`].
    pub const fn next_deadline(&self) -> u64 {
        self.ask_at
    }

    /// What it said of the clock, not long ago.
    pub fn estimate(&self, now: u64) -> Option<Estimate> {
        self.latest.filter(|(at, _)| now.saturating_sub(*at) < STALE).map(|(_, e)| e)
    }

    /// The clock was stepped: what was said does not hold any more.
    pub const fn forget(&mut self) {
        self.latest = None;
    }

    /// Asks if it is time to.
    pub fn tick(&mut self, sink: &mut Sink, now: u64) {
        if now < self.ask_at {
            return;
        }
        self.ask_at = now.saturating_add(INTERVAL);
        match &mut self.way {
            Way::Ntp(chronyd) => chronyd.question(),
            Way::Ptp(ptp) => ptp.ask(),
            Way::Clock => {
                let error_ns = self.settings.error_ns;
                self.latest = self.against_other(sink).map(|(offset, half)| {
                    (now, Estimate { offset: offset.nanos_f64(), radius: error_ns + half })
                });
            }
        }
    }

    /// Takes what has come. `tai_offset`: TAI - UTC as it is used, if it is known; `own`: those who are told what time it is.
    pub fn receive(&mut self, sink: &mut Sink, tai_offset: Option<i16>, own: &[ClockIdentity], now: u64) {
        let error_ns = self.settings.error_ns;
        match &mut self.way {
            Way::Ntp(chronyd) => {
                let (Some(said), Some(tai)) = (chronyd.answer(now), tai_offset) else { return };
                let Ok(pair) = sink.cross_stamp() else { return };
                let utc = pair.system - TimeInterval::from_nanos_f64(said.offset);
                let truth = utc + TimeInterval::from_nanos(i64::from(tai) * 1_000_000_000);
                let radius = said.radius + error_ns + pair.delay.nanos_f64() / 2.0;
                let offset = (pair.device - truth).nanos_f64();
                self.latest = Some((now, Estimate { offset, radius }));
            }
            Way::Ptp(ptp) => {
                let Some((offset_ns, radius)) = ptp.receive(own, now) else { return };
                let Some((between, half)) = self.against_other(sink) else { return };
                let offset = between.nanos_f64() + offset_ns;
                self.latest = Some((now, Estimate { offset, radius: radius + error_ns + half }));
            }
            Way::Clock => {}
        }
    }

    /// The clock minus the witness's, and half of what the comparison took, ns. Nothing if both are one.
    fn against_other(&mut self, sink: &mut Sink) -> Option<(TimeInterval, f64)> {
        let Some(name) = clock_of(&self.settings) else { return Some((TimeInterval::ZERO, 0.0)) };
        if self.other.is_none() {
            self.other = clock_name(name).ok()?.open_read_only().ok();
        }
        let compared = sink.compare(&mut **self.other.as_mut()?);
        match compared {
            Ok(c) => Some((c.offset(), c.delay.nanos_f64() / 2.0)),
            Err(_) => {
                // Perhaps it was taken away; it is opened again the next time.
                self.other = None;
                None
            }
        }
    }
}

fn clock_of(settings: &WitnessSettings) -> Option<&str> {
    match &settings.kind {
        WitnessKind::Clock(name) => Some(name),
        _ => settings.clock.as_deref(),
    }
}

impl Ptp {
    fn ask(&mut self) {
        if self.client.is_none() {
            let name = format!("ts2phc.{}.w{}", std::process::id(), self.number);
            let own = self.socket.with_file_name(&name);
            let uds = Uds::connect(&self.socket, Some(&own))
                .or_else(|_| Uds::connect(&self.socket, Some(&Path::new("/tmp").join(&name))));
            self.client = uds.ok().map(|uds| Client::new(uds, self.config));
        }
        let Some(client) = &mut self.client else { return };
        for id in [ManagementId::PARENT_DATA_SET, ManagementId::TIME_STATUS_NP] {
            match client.send(&Request::get(id)) {
                Ok(_) | Err(ClientError::Busy) => {}
                // It is looked for again in a second.
                Err(_) => return self.lose(),
            }
        }
    }

    fn lose(&mut self) {
        (self.client, self.quality, self.sync) = (None, None, None);
    }

    /// Its clock minus its grandmaster, and what that one knows of itself, ns.
    fn receive(&mut self, own: &[ClockIdentity], now: u64) -> Option<(f64, f64)> {
        let mut found = None;
        for _ in 0..8 {
            let reply = match self.client.as_mut()?.receive() {
                Ok(Some(reply)) => reply,
                Ok(None) => break,
                Err(_) => {
                    self.lose();
                    return None;
                }
            };
            match reply.payload() {
                Ok(Payload::ParentDataSet(parent)) => self.quality = Some(parent.grandmaster_clock_quality),
                Ok(Payload::TimeStatusNp(status)) => found = self.judge(&status, own, now),
                _ => {}
            }
        }
        found
    }

    fn judge(&mut self, status: &TimeStatusNp, own: &[ClockIdentity], now: u64) -> Option<(f64, f64)> {
        // One that follows this very clock says nothing new.
        if !status.gm_present || own.contains(&status.gm_identity) {
            self.sync = None;
            return None;
        }
        if self.sync.is_none_or(|(ingress, _)| ingress != status.ingress_time) {
            self.sync = Some((status.ingress_time, now));
        }
        let fresh = self.sync.is_some_and(|(_, at)| now.saturating_sub(at) < STALE);
        let quality = self.quality.filter(|q| q.clock_class <= WORST_CLASS)?;
        let own_error = bound_of_accuracy(quality.clock_accuracy).unwrap_or(0.0);
        (fresh && status.ingress_time != 0).then_some((status.master_offset as f64, own_error))
    }
}
