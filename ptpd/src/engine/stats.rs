use ptp_wire::management::PortServiceStatsNp;
use ptp_wire::{MessageType, WireError};

macro_rules! drop_causes {
    ($($variant:ident, $name:literal, $doc:literal;)*) => {
        /// Why a received message was dropped.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[repr(usize)]
        #[non_exhaustive]
        pub enum DropCause {
            $(#[doc = $doc] $variant,)*
        }

        impl DropCause {
            /// All causes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// A name for metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

drop_causes! {
    Malformed, "malformed", "Not a PTP message, or one whose lengths or values do not fit.";
    Version, "version", "versionPTP is not 2.";
    Domain, "domain", "Another domain.";
    SdoId, "sdo_id", "Another sdoId.";
    Own, "own", "Our own message came back.";
    PortDown, "port_down", "The port is INITIALIZING, FAULTY or DISABLED.";
    NotMaster, "not_master", "Sync, Follow_Up or Delay_Resp from someone who is not our master.";
    Unexpected, "unexpected", "A message that nothing here waits for.";
    MissingStamp, "missing_stamp", "An event message without a receive stamp.";
    Mechanism, "mechanism", "A message of the delay mechanism this port does not use.";
    Announce, "announce_not_qualified", "An Announce that may not count (steps removed, path trace).";
    NotCapable, "not_as_capable", "Announce, Sync or Follow_Up of a neighbour that is not asCapable.";
    Doubled, "doubled", "A Sync of the master whose sequenceId is that of the one before.";
    NoInformation, "no_follow_up_information", "A Follow_Up without the information that is required.";
    NoRoom, "no_room", "A foreign master beyond the room there is.";
    NotGranted, "not_granted", "Unicast negotiation, or a unicast Announce or Sync, that nobody here asked for or admits.";
    Unmatched, "unmatched", "A half of a pair whose other half did not pass through this transparent clock, or not in time.";
    Looped, "looped", "A message that passed through this transparent clock before: links make a circle, or the network doubles messages.";
    Blocked, "blocked", "A message that came in by a port of a transparent clock that its spanning tree does not use.";
    NoLinkDelay, "no_link_delay", "A Sync that came over a link whose delay a P2P transparent clock has not measured.";
    MasterOnly, "master_only", "An Announce on a master-only port.";
    NotAcceptable, "not_acceptable", "An Announce of a sender that is not in the acceptable master table.";
    Alternate, "alternate_master", "A message of an alternate master: it is kept, but nobody follows it.";
    Unauthenticated, "unauthenticated", "A message without AUTHENTICATION TLV on a port that needs it.";
    UnknownKey, "unknown_key", "A message with a security parameters pointer or keyID that is not known here.";
    BadIcv, "bad_icv", "A message whose integrity check value is wrong.";
    Replayed, "replayed", "An authentic Sync or Follow_Up of the master that is not newer than the last one, or far ahead of it.";
    RateLimit, "rate_limit", "A NetSync monitor's request beyond the rate that is answered.";
}

impl From<WireError> for DropCause {
    fn from(e: WireError) -> Self {
        match e {
            WireError::Version => Self::Version,
            _ => Self::Malformed,
        }
    }
}

/// What a port counts. All counters wrap only after centuries.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PortStats {
    /// Received, by messageType.
    pub rx: [u64; 16],
    /// Sent, by messageType.
    pub tx: [u64; 16],
    /// Dropped, by [`DropCause`].
    pub dropped: [u64; DropCause::ALL.len()],
    /// PORT_SERVICE_STATS_NP; the port identity is filled in when it is asked for.
    pub service: PortServiceStatsNp,
    /// Transmit stamps that never came.
    pub tx_stamps_lost: u64,
}

impl PortStats {
    pub(super) fn received(&mut self, t: MessageType) {
        self.rx[t as usize] += 1;
    }

    pub(super) fn sent(&mut self, t: MessageType) {
        self.tx[t as usize] += 1;
    }

    pub(super) fn drop(&mut self, cause: DropCause) {
        self.dropped[cause as usize] += 1;
    }

    /// How many were dropped for `cause`.
    pub fn dropped(&self, cause: DropCause) -> u64 {
        self.dropped[cause as usize]
    }
}
