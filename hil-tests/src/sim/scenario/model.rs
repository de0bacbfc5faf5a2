//! What a scenario file says, once it has been read.

use core::time::Duration;
use std::path::PathBuf;

use ptp_wire::{ClockIdentity, TimeInterval};
use ptpd::engine::{DropCause, PortState};
use ptpd::host::Settings;

use super::super::{ClockSpec, Jitter, LinkSpec, NodeSpec};

/// A scenario without an error.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file, or what stands for it.
    pub path: PathBuf,
    /// One line for people.
    pub title: String,
    /// All that is random follows from it.
    pub seed: u64,
    /// How long it lasts.
    pub duration: Duration,
    /// True errors are written down so often.
    pub probe_interval: Duration,
    /// What must always hold is watched ([`Watch`](super::super::Watch)).
    pub watch: bool,
    /// Nodes, groups spread out.
    pub nodes: Vec<NodePlan>,
    /// Links.
    pub links: Vec<LinkPlan>,
    /// What happens, in order of time.
    pub schedule: Vec<Step>,
    /// What has to come out.
    pub expect: Vec<Expectation>,
}

/// A node of a scenario.
#[derive(Clone, Debug)]
pub struct NodePlan {
    /// Its name.
    pub name: String,
    /// The group it was written as, its name for a single node.
    pub group: String,
    /// What it is made of; offsets and frequencies `within` bounds are drawn by the run.
    pub spec: NodeSpec,
    /// The offset is drawn from this either way.
    pub offset_within: TimeInterval,
    /// The frequency is drawn from this either way, in ppb.
    pub frequency_within: f64,
    /// When it starts; `None`: only the schedule starts it.
    pub start: Option<Duration>,
    /// What its clock becomes without its reference.
    pub holdover: ClockSpec,
}

/// A link of a scenario.
#[derive(Clone, Debug)]
pub struct LinkPlan {
    /// Its name.
    pub name: String,
    /// Ends: a node's place among [`Scenario::nodes`] and the interface's name.
    pub ends: Vec<(usize, String)>,
    /// How frames travel.
    pub spec: LinkSpec,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub at: Duration,
    /// Again after this, so many times in all.
    pub repeat: Option<(Duration, u32)>,
    /// What.
    pub action: Action,
}

/// What happens. Nodes and links by their places.
#[derive(Clone, Debug)]
pub enum Action {
    /// The program ends without a farewell.
    Kill(Vec<usize>),
    /// The program ends as SIGTERM ends it: it takes its leave.
    Stop(Vec<usize>),
    /// The program starts.
    Start(Vec<usize>),
    /// Links lose carrier.
    Cut(Vec<usize>),
    /// Links have carrier again.
    Mend(Vec<usize>),
    /// Links keep their carrier and lose everything.
    Silence(Vec<usize>),
    /// Links pass frames again.
    Unsilence(Vec<usize>),
    /// Plugs are pulled: node and interface.
    Unplug(Vec<(usize, String)>),
    /// Plugs are put back.
    Plug(Vec<(usize, String)>),
    /// Somebody steps clocks.
    StepClock(Vec<usize>, TimeInterval),
    /// Oscillators jump, ppb.
    Disturb(Vec<usize>, f64),
    /// Clocks lose their reference, and are these from now on (or what the node says).
    LoseReference(Vec<usize>, Option<ClockSpec>),
    /// Clocks find it again, and are right.
    FindReference(Vec<usize>),
    /// The configuration file changes, and the daemon reads it.
    Reload(Vec<usize>, Box<Settings>),
    /// A management command, in pmc's words.
    Manage(Vec<usize>, String),
    /// Links change how frames travel.
    Change(Vec<usize>, LinkChange),
    /// A bridge loop: frames come round so many times.
    Loop(Vec<usize>, u32),
    /// Somebody means ill.
    Attack(Attack),
}

/// What changes about a link.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LinkChange {
    /// See [`LinkSpec`]; `None`: stays.
    pub delay: Option<TimeInterval>,
    /// As above.
    pub asymmetry: Option<TimeInterval>,
    /// As above.
    pub queue: Option<Jitter>,
    /// As above; `Some(None)`: as `queue`.
    pub queue_there: Option<Option<Jitter>>,
    /// As above.
    pub loss: Option<f64>,
    /// As above.
    pub duplicate: Option<f64>,
    /// As above.
    pub reorder: Option<f64>,
    /// As above.
    pub reorder_by: Option<TimeInterval>,
}

impl LinkChange {
    /// Changes it.
    pub fn apply(&self, spec: &mut LinkSpec) {
        spec.delay = self.delay.unwrap_or(spec.delay);
        spec.asymmetry = self.asymmetry.unwrap_or(spec.asymmetry);
        spec.jitter = self.queue.unwrap_or(spec.jitter);
        spec.jitter_there = self.queue_there.unwrap_or(spec.jitter_there);
        spec.loss = self.loss.unwrap_or(spec.loss);
        spec.duplicate = self.duplicate.unwrap_or(spec.duplicate);
        spec.reorder = self.reorder.unwrap_or(spec.reorder);
        spec.reorder_by = self.reorder_by.unwrap_or(spec.reorder_by);
    }
}

/// Who sends what nobody should.
#[derive(Clone, Debug, PartialEq)]
pub struct Attack {
    /// What.
    pub kind: AttackKind,
    /// On this link.
    pub link: usize,
    /// For so long.
    pub lasts: Duration,
    /// Messages a second.
    pub rate: f64,
    /// Under the identity of this node's interface; `None`: strangers.
    pub pose: Option<(usize, String)>,
    /// How many strangers.
    pub sources: u32,
    /// grandmasterPriority1 of forged Announces.
    pub priority1: u8,
    /// How much forged times lie.
    pub offset: TimeInterval,
    /// Instead of the victims' domain.
    pub domain: Option<u8>,
}

macro_rules! attacks {
    ($($variant:ident, $word:literal, $doc:literal;)*) => {
        /// Kinds of attacks.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum AttackKind {
            $(#[doc = $doc] $variant,)*
        }

        impl AttackKind {
            /// All, in the order of their words.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// Their names in scenario files.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// Its name in scenario files.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

attacks! {
    Announce, "forged_announce", "Announces of a clock that is better than all (priority1).";
    Sync, "forged_sync", "One-step Syncs with a time that lies by `offset`.";
    DelayResp, "forged_delay_resp", "An answer to every Delay_Req that is overheard, lying by `offset`.";
    PdelayReq, "forged_pdelay_req", "Pdelay_Req.";
    PdelayResp, "forged_pdelay_resp", "An answer to every Pdelay_Req that is overheard, lying by `offset`.";
    Signaling, "forged_signaling", "Requests for unicast service and for message intervals, absurd ones among them.";
    Management, "forged_management", "SET and COMMAND from the network.";
    Replay, "replay", "Messages that were overheard some time ago.";
    Truncated, "truncated", "Messages that were overheard, cut short.";
    Oversized, "oversized", "Messages that were overheard, filled up to 1500 octets with TLVs, under the attacker's own name.";
    MisDomained, "mis_domained", "Messages that were overheard, in another domain.";
    Mutated, "mutated", "Messages that were overheard, with octets changed.";
    Garbage, "garbage", "Random octets.";
}

/// When an expectation holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct When {
    /// From here.
    pub from: Duration,
    /// Up to here.
    pub to: Duration,
}

/// What has to come out.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// The line it stands in.
    pub line: usize,
    /// As it is shown.
    pub text: String,
    /// Whom it is about; all nodes of a scenario if it is not about nodes.
    pub of: Vec<usize>,
    /// When.
    pub when: When,
    /// What.
    pub what: Expected,
}

/// What is expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// They hold this node to be grandmaster.
    Grandmaster(usize),
    /// parentDS.grandmasterIdentity is this.
    GrandmasterIdentity(ClockIdentity),
    /// grandmasterClockQuality.clockClass.
    ClockClass(u8),
    /// currentDS.stepsRemoved.
    StepsRemoved(u16),
    /// A port is in one of these states.
    Port(Vec<(usize, String)>, Vec<PortState>),
    /// A port is never in one of these states.
    Never(Vec<(usize, String)>, Vec<PortState>),
    /// The true error stays below this, in ns, against true time or a node's clock.
    ErrorBelow(f64, Option<usize>),
    /// The true error grows above this, in ns: to show what an attack or a fault does.
    ErrorAbove(f64),
    /// They are SLAVE before `to`.
    Locked,
    /// Their clocks are stepped no more often than this in the whole run.
    StepsAtMost(u64),
    /// Messages dropped on a port for a reason in the whole run: at least, at most.
    Dropped(Vec<(usize, String)>, DropCause, u64, u64),
    /// One grandmaster for all that are connected, one MASTER on each link, everyone within this of it (ns).
    InOrder(f64),
}
