//! What goes into the engine and what comes out.

use core::fmt;
use core::time::Duration;

use ptp_wire::management::ClockStatusNp;
use ptp_wire::{
    Address, ClockIdentity, Destination, LogInterval, MessageClass, MessageType, PortIdentity, PortNumber,
    RateOffset, SynchronizationMetadata, TimeInterval, TimePoint, TlvType,
};

use super::gptp::LinkDelay;
use super::{AlternateTimeOffset, Delay, DropCause, Envelope, InstanceConfig};

/// A time on the host's monotonic clock, in ns. Only differences matter.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Instant(pub u64);

impl Instant {
    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl core::ops::Add<Duration> for Instant {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// portDS.portState (1588-2019 table 20).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum PortState {
    /// 1.
    Initializing = 1,
    /// 2.
    Faulty = 2,
    /// 3.
    Disabled = 3,
    /// 4.
    Listening = 4,
    /// 5.
    PreMaster = 5,
    /// 6.
    Master = 6,
    /// 7.
    Passive = 7,
    /// 8.
    Uncalibrated = 8,
    /// 9.
    Slave = 9,
}

impl fmt::Display for PortState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Initializing => "INITIALIZING",
            Self::Faulty => "FAULTY",
            Self::Disabled => "DISABLED",
            Self::Listening => "LISTENING",
            Self::PreMaster => "PRE_MASTER",
            Self::Master => "MASTER",
            Self::Passive => "PASSIVE",
            Self::Uncalibrated => "UNCALIBRATED",
            Self::Slave => "SLAVE",
        })
    }
}

/// Names a transmission whose stamp the engine wants.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TxToken(pub u32);

/// What a management client on a UNIX socket may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// GET, SET and COMMAND.
    ReadWrite,
    /// GET.
    ReadOnly,
}

/// Why a port cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DownCause {
    /// The link, or the whole interface, is gone.
    Link,
    /// A socket failed.
    Fault,
}

/// What the servo makes of the samples.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ServoState {
    /// Not synchronised (any more): a SLAVE port goes back to UNCALIBRATED.
    Unlocked,
    /// Tracking: an UNCALIBRATED port becomes SLAVE.
    Locked,
}

/// In what a master has failed (packet timing signal fail of G.8265.1 and G.8275).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MasterFailure {
    /// PTSF-lossAnnounce.
    NoAnnounce,
    /// PTSF-lossSync.
    NoSync,
    /// PTSF-unusable: the servo did not lock to it.
    Unusable,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Time passed: timers that are due run. (Every other input runs them, too.)
    Tick,
    /// A frame was received on a network port.
    Frame {
        /// By this port.
        port: PortNumber,
        /// The PTP message, first octet of its header first; trailing octets are ignored.
        octets: &'a [u8],
        /// When it arrived, in the local clock's time; needed for event messages.
        stamp: Option<TimePoint>,
        /// Who sent it.
        source: Address,
    },
    /// A frame was received that may be for others: a transparent clock sends it on. Other clocks take it for their own.
    Transit {
        /// By this port.
        port: PortNumber,
        /// The PTP message, first octet of its header first; trailing octets are ignored.
        octets: &'a [u8],
        /// When it arrived, in the local clock's time; needed for event messages.
        stamp: Option<TimePoint>,
        /// From whom to whom.
        envelope: &'a Envelope,
    },
    /// The stamp of a transmission is here, or will never come. Any order, any time, or not at all.
    TransmitStamp {
        /// Of [`Output::Transmit`].
        token: TxToken,
        /// When it left, in the local clock's time; `None`: lost.
        stamp: Option<TimePoint>,
    },
    /// A port's sockets are open and its link is up.
    PortUp {
        /// Which.
        port: PortNumber,
    },
    /// The rate of a port's link became known, or changed. For [`PortConfig::interface_rate_tlv`](super::PortConfig).
    InterfaceRate {
        /// Which.
        port: PortNumber,
        /// `None`: unknown.
        bits_per_second: Option<u64>,
    },
    /// A port cannot be used.
    PortDown {
        /// Which.
        port: PortNumber,
        /// Why.
        cause: DownCause,
    },
    /// The local clock was stepped, by us or by someone else: stamps of before do not go with stamps of after.
    ClockStepped,
    /// The servo's word on the last sample.
    Servo(ServoState),
    /// How it stands with the clock, for management clients who ask (CLOCK_STATUS_NP).
    ClockStatus(ClockStatusNp),
    /// A management message arrived on a UNIX socket.
    LocalManagement {
        /// The message.
        octets: &'a [u8],
        /// Which socket.
        access: Access,
        /// The client, named by the caller; the reply and later events go to it.
        peer: u32,
    },
    /// The configuration changed. Applied as far as it can change live; [`Event::ReloadNeedsRestart`] names the rest.
    Configure(&'a InstanceConfig),
    /// The host name of a unicast master was resolved, again if it has changed.
    MasterAddress {
        /// The port with the table.
        port: PortNumber,
        /// Place in the table, from 0.
        index: usize,
        /// Where it is; `None`: nowhere any more.
        address: Option<Address>,
    },
    /// The common service (CMLDS) has measured a link, for ports with [`Delay::CommonP2p`](super::Delay).
    LinkDelay {
        /// The port on that link.
        port: PortNumber,
        /// What the service says.
        link: LinkDelay,
    },
    /// The source of the own clock's time changed: told to others while this is the grandmaster (802.1AS-2020 9.6.2).
    TimeBaseChanged {
        /// New phase minus old.
        phase: TimeInterval,
        /// New frequency over old.
        frequency: RateOffset,
    },
    /// What holds for an alternate timescale from now on (1588-2019 16.3), by its key. Announced while this is the
    /// grandmaster, unless a client has disabled it.
    AlternateTime {
        /// All of it but `enabled`.
        offset: &'a AlternateTimeOffset,
        /// Enables it, too.
        enable: bool,
    },
    /// The daemon ends: contracts are cancelled. Nothing else is to be expected of the engine after that.
    Stop,
    /// Whether the clock of a port's stamps is kept with the clock of the instance, for ports that have clocks of their
    /// own. While it is not, a MASTER port sends no Sync and answers no Delay_Req, and its Announces say
    /// synchronizationUncertain. All are, until something else is said.
    PortClock {
        /// Which.
        port: PortNumber,
        /// Its clock may be served.
        aligned: bool,
    },
    /// The host found a port's stamps or clock to be different from what was configured.
    PhcIndex {
        /// Which.
        port: PortNumber,
        /// /dev/ptpN.
        phc_index: Option<i32>,
    },
}

/// An offset from the master: what the servo lives on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The port it was measured on.
    pub port: PortNumber,
    /// The master.
    pub master: PortIdentity,
    /// t2: when Sync arrived, in the local clock's time.
    pub ingress: TimePoint,
    /// t1 with all corrections: when Sync left, in the master's time.
    pub origin: TimePoint,
    /// Local clock minus master (currentDS.offsetFromMaster).
    pub offset: TimeInterval,
    /// The filtered delay that was subtracted (currentDS.meanDelay, or the port's meanLinkDelay).
    pub mean_delay: TimeInterval,
    /// t2 - t1 - corrections, the delay not subtracted.
    pub forward: TimeInterval,
    /// The master's Sync interval.
    pub log_sync_interval: LogInterval,
    /// How the port knows its path delay.
    pub mechanism: Delay,
    /// How much it counts where samples are weighted ([`SampleMode`](super::SampleMode)): above 0, up to 1; otherwise 1.
    pub weight: f64,
}

/// A Sync before the path's delay is known: no offset yet, but a measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForwardSample {
    /// The port it was measured on.
    pub port: PortNumber,
    /// The master.
    pub master: PortIdentity,
    /// t2: when Sync arrived, in the local clock's time.
    pub ingress: TimePoint,
    /// t1 with all corrections: when Sync left, in the master's time.
    pub origin: TimePoint,
    /// t2 - t1 - corrections.
    pub forward: TimeInterval,
    /// The master's Sync interval.
    pub log_sync_interval: LogInterval,
    /// How the port is going to know its path delay.
    pub mechanism: Delay,
}

/// A measurement of the path's other direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DelaySample {
    /// The port it was measured on.
    pub port: PortNumber,
    /// [`Delay::E2e`] or [`Delay::P2p`].
    pub mechanism: Delay,
    /// t3: when the request left, in the local clock's time.
    pub egress: TimePoint,
    /// E2E: t4 - t3 - corrections. P2P: zero.
    pub backward: TimeInterval,
    /// The unfiltered delay.
    pub delay: TimeInterval,
}

/// Something an operator or another program wants to know.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A port changed its state.
    PortState {
        /// Which.
        port: PortNumber,
        /// Before.
        from: PortState,
        /// After.
        to: PortState,
        /// The event of the state machine, in the standard's words (`ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES`).
        on: &'static str,
    },
    /// The parent or the grandmaster changed.
    Parent {
        /// parentDS.parentPortIdentity.
        parent: PortIdentity,
        /// parentDS.grandmasterIdentity.
        grandmaster: ClockIdentity,
        /// The instance itself is the grandmaster.
        own: bool,
        /// timePropertiesDS.ptpTimescale of the new parent.
        ptp_timescale: bool,
    },
    /// announceReceiptTimeout passed without an Announce; a state decision follows (9.2.6.12).
    AnnounceTimeout {
        /// On this port.
        port: PortNumber,
    },
    /// A foreign master was seen for the first time.
    NewForeignMaster {
        /// By this port.
        port: PortNumber,
        /// Who.
        source: PortIdentity,
    },
    /// A transmit stamp did not come; one sample is lost. Rate-limited.
    TransmitStampLost {
        /// By this port.
        port: PortNumber,
        /// Of this message.
        message_type: MessageType,
        /// So far on this port.
        total: u64,
    },
    /// More than one peer answers Pdelay_Req on this link.
    MultiplePdelayResponders {
        /// Which.
        port: PortNumber,
    },
    /// A message was refused by what its security association says. Told each time the number of that cause has doubled.
    NotAuthentic {
        /// By this port.
        port: PortNumber,
        /// Who says that it sent the last of them.
        source: PortIdentity,
        /// What is wrong with it.
        cause: DropCause,
        /// How many so far for that cause.
        total: u64,
    },
    /// The port found out that its link's delay is measured by peers: it is P2P from now on
    /// ([`PortConfig::delay_auto`](super::PortConfig)).
    PeerDetected {
        /// Which.
        port: PortNumber,
    },
    /// A unicast master granted what it had not granted before.
    UnicastGranted {
        /// The client's port.
        port: PortNumber,
        /// The master.
        master: Address,
        /// What it sends from now on.
        message_type: MessageType,
        /// How often.
        log_interval: LogInterval,
        /// For how long, in seconds.
        duration: u32,
    },
    /// A master has failed: for [`InstanceConfig::wait_to_restore`] it is taken only for want of another.
    MasterFailed {
        /// The client's port.
        port: PortNumber,
        /// The master.
        master: PortIdentity,
        /// In what.
        why: MasterFailure,
    },
    /// A unicast master refused. Rate-limited.
    UnicastRefused {
        /// The client's port.
        port: PortNumber,
        /// The master.
        master: Address,
        /// What it does not send.
        message_type: MessageType,
    },
    /// A unicast master took back what it had granted.
    UnicastCancelled {
        /// The client's port.
        port: PortNumber,
        /// The master.
        master: Address,
        /// What it does not send any more.
        message_type: MessageType,
    },
    /// The number of unicast clients has doubled.
    UnicastClients {
        /// The server's port.
        port: PortNumber,
        /// How many there are.
        clients: u32,
    },
    /// A request of a unicast client was refused. Told each time the number has doubled.
    UnicastRequestRefused {
        /// The server's port.
        port: PortNumber,
        /// The last of them.
        client: Address,
        /// How many so far.
        total: u64,
    },
    /// asCapable of a port changed (802.1AS-2020 10.2.5.1).
    AsCapable {
        /// Which.
        port: PortNumber,
        /// Its neighbour can be synchronised with.
        capable: bool,
    },
    /// A port of the common link delay service (sdoId 0x200) has news of its link, for
    /// [`Input::LinkDelay`] of the other instances on it.
    LinkDelay {
        /// Which.
        port: PortNumber,
        /// What is known now.
        link: LinkDelay,
    },
    /// The grandmaster's source of time changed (802.1AS-2020 9.2.2.3).
    GmTimeBase {
        /// gmTimeBaseIndicator.
        indicator: u16,
        /// lastGmPhaseChange: new minus old.
        phase_change: TimeInterval,
        /// scaledLastGmFreqChange: new over old.
        frequency_change: RateOffset,
    },
    /// The master's synchronization metadata (SMPTE ST 2059-2) came for the first time, or changed.
    SynchronizationMetadata(SynchronizationMetadata),
    /// currentUtcOffset or the leap flags changed.
    TimeProperties,
    /// A slave event monitoring message came (1588-2019 16.11); one event for each TLV in it.
    SlaveEvents {
        /// By this port.
        port: PortNumber,
        /// From this slave.
        slave: PortIdentity,
        /// sourcePortIdentity of the TLV: the slave's master, or the slave itself for what it sent.
        source: PortIdentity,
        /// What it tells of.
        tlv_type: TlvType,
        /// Records in it.
        records: u16,
        /// The largest offset in it, if it tells offsets.
        worst_offset: Option<TimeInterval>,
    },
    /// A record of 15 minutes is complete (1588-2019 annex J). Intervals are `TimeInterval(i64::MAX)` without samples.
    PerformanceRecord {
        /// Offsets measured.
        samples: u64,
        /// Their average.
        average: TimeInterval,
        /// The smallest.
        minimum: TimeInterval,
        /// The largest.
        maximum: TimeInterval,
        /// Their standard deviation.
        standard_deviation: TimeInterval,
        /// The average path delay of E2E ports.
        mean_path_delay: TimeInterval,
    },
    /// A setting that cannot change live has changed.
    ReloadNeedsRestart {
        /// Its name.
        setting: &'static str,
    },
    /// The client that set the grandmaster's settings has not renewed its lease: they are taken back.
    GrandmasterLeaseEnded {
        /// clockClass from now on.
        clock_class: u8,
    },
    /// A client changed something by SET or COMMAND.
    ManagementChange {
        /// The management ID.
        id: u16,
    },
}

/// What to do.
#[derive(Clone, Copy, Debug)]
pub enum Output<'a> {
    /// Send a frame.
    Transmit {
        /// From this port.
        port: PortNumber,
        /// By this socket.
        class: MessageClass,
        /// To there.
        destination: Destination,
        /// The message.
        octets: &'a [u8],
        /// Wants its stamp, under this token.
        stamp: Option<TxToken>,
    },
    /// Send a frame on that passed through a transparent clock.
    Transit {
        /// From this port.
        port: PortNumber,
        /// By this socket.
        class: MessageClass,
        /// As it was addressed when it came in.
        envelope: Envelope,
        /// The message.
        octets: &'a [u8],
        /// Wants its stamp, under this token.
        stamp: Option<TxToken>,
    },
    /// Send a management message to a UNIX client.
    LocalReply {
        /// As it came in [`Input::LocalManagement`].
        peer: u32,
        /// The message.
        octets: &'a [u8],
    },
    /// Give it to the servo.
    Sample(Sample),
    /// For servos that use both directions.
    Delay(DelaySample),
    /// A Sync that makes no [`Output::Sample`] yet.
    Forward(ForwardSample),
    /// Tell it.
    Event(Event),
}
