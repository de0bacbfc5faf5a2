//! The witnesses in the loop: asked once a second, heard with the first clock's pulses, and told of when they disagree.

use ptp_clock::ClockError;
use ptp_daemon::{Event, Severity, kind};
use ptp_servo::selection::Estimate;
use ptp_wire::ClockIdentity;
use tracing::{info, warn};

use super::Program;
use crate::grandmaster::LockState;
use crate::metrics::WitnessState;
use crate::observe::TS2PHC;
use crate::settings::Settings;
use crate::witness::{Doubt, DoubtConfig, Finding, Hearing, Standing, Witness};

/// Not heard more often than this, ns.
const ROUND: u64 = 900_000_000;
/// Without a pulse for so long there is nothing to compare with, ns.
const NO_PULSE: u64 = 2_500_000_000;

/// All of them.
pub(super) struct Witnesses {
    pub(super) all: Vec<Witness>,
    names: Vec<String>,
    doubt: Doubt,
    heard_at: u64,
    /// What was told of each, and of the receiver.
    told: Vec<Standing>,
    told_outvoted: bool,
}

impl Witnesses {
    /// None of them is asked yet.
    pub(super) fn open(settings: &Settings) -> Result<Self, String> {
        let all: Vec<Witness> = (0..)
            .zip(&settings.witnesses)
            .map(|(number, witness)| Witness::new(witness, number))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            names: all.iter().map(Witness::name).collect(),
            doubt: Doubt::new(settings.doubt, all.len()),
            heard_at: 0,
            told: vec![Standing::Silent; all.len()],
            told_outvoted: false,
            all,
        })
    }

    /// Other rules, by a reload.
    pub(super) fn configure(&mut self, doubt: DoubtConfig) {
        self.doubt.configure(doubt);
    }

    /// The clock was stepped.
    pub(super) fn forget(&mut self) {
        self.all.iter_mut().for_each(Witness::forget);
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        self.all.iter().map(Witness::next_deadline).min()
    }

    /// For metrics.
    pub(super) fn states(&self, now: u64) -> impl Iterator<Item = WitnessState> + '_ {
        let each = self.all.iter().zip(&self.names).zip(self.doubt.standings());
        each.map(move |((witness, name), standing)| WitnessState {
            name: name.clone(),
            said: witness.estimate(now).map(|e| (e.offset, e.radius)),
            standing,
        })
    }

    fn estimates(&self, now: u64) -> Vec<Option<Estimate>> {
        self.all.iter().map(|w| w.estimate(now)).collect()
    }
}

impl Program {
    /// A witness's answer has come.
    pub(super) fn witness_answers(&mut self, place: usize, now: u64) {
        let tai = Some(self.times.time_scale(now)).filter(|t| t.valid).map(|t| t.utc_offset);
        let own: Vec<ClockIdentity> = self.announcers.iter().filter_map(|a| a.identity()).collect();
        let (Some(witness), Some(steered)) = (self.witnesses.all.get_mut(place), self.sinks.first_mut())
        else {
            return;
        };
        witness.receive(&mut steered.sink, tai, &own, now);
    }

    /// Asks them, and notes who is silent while there are no pulses.
    pub(super) fn ask_witnesses(&mut self, now: u64) {
        let Some(steered) = self.sinks.first_mut() else { return };
        for witness in &mut self.witnesses.all {
            witness.tick(&mut steered.sink, now);
        }
        if self.witnesses.all.is_empty() || now.saturating_sub(self.witnesses.heard_at) < NO_PULSE {
            return;
        }
        let said = self.witnesses.estimates(now);
        let hearing = self.hearing(f64::NAN, &said);
        if let Finding::Outvoted(off_ns) = self.witnesses.doubt.without_pulse(&hearing) {
            self.grandmaster.witnesses(Some(off_ns), now);
        }
        self.lapse(&said, now);
        self.tell_witnesses(None, &said);
    }

    /// A pulse of the first clock came, which is off the receiver's second by this, ns: what do the witnesses say?
    pub(super) fn hear_witnesses(&mut self, offset_ns: f64, now: u64) -> Result<(), ClockError> {
        if self.witnesses.all.is_empty() || now.saturating_sub(self.witnesses.heard_at) < ROUND {
            return Ok(());
        }
        self.witnesses.heard_at = now;
        let said = self.witnesses.estimates(now);
        let hearing = self.hearing(offset_ns, &said);
        let receiver = hearing.receiver;
        match self.witnesses.doubt.hear(&hearing, now) {
            Finding::Believed => self.grandmaster.witnesses(None, now),
            Finding::Outvoted(off_ns) => self.grandmaster.witnesses(Some(off_ns), now),
            Finding::ClockWrong => {
                warn!(
                    "the witnesses confirm the receiver: the clock itself was changed, or runs off; it is learnt anew"
                );
                if let Some(steered) = self.sinks.first_mut() {
                    steered.sink.forget()?;
                }
                self.grandmaster.clock_lost(now);
            }
        }
        self.lapse(&said, now);
        self.tell_witnesses(Some(&receiver), &said);
        Ok(())
    }

    fn hearing<'a>(&self, offset_ns: f64, witnesses: &'a [Option<Estimate>]) -> Hearing<'a> {
        Hearing::of(&self.grandmaster, offset_ns, witnesses)
    }

    /// Where nobody speaks and nothing is known, the receiver is all there is.
    fn lapse(&mut self, said: &[Option<Estimate>], now: u64) {
        let nothing = said.iter().all(Option::is_none) && self.grandmaster.state() == LockState::FreeRun;
        if nothing && self.witnesses.doubt.is_outvoted() {
            self.witnesses.doubt.lapse();
            self.grandmaster.witnesses(None, now);
        }
    }

    /// Log and events: who disagrees, and by how much.
    fn tell_witnesses(&mut self, receiver: Option<&Estimate>, said: &[Option<Estimate>]) {
        let witnesses = &mut self.witnesses;
        // The receiver minus the witness.
        let against = |word: &Option<Estimate>| Some(word.as_ref()?.offset - receiver?.offset);
        for (i, standing) in witnesses.doubt.standings().enumerate() {
            let (Some(told), Some(name)) = (witnesses.told.get_mut(i), witnesses.names.get(i)) else {
                continue;
            };
            if std::mem::replace(told, standing) == standing {
                continue;
            }
            let word = said.get(i).copied().flatten();
            let (difference, bound) = (against(&word), word.map(|w| w.radius));
            let text = match (standing, difference, bound) {
                (Standing::Silent, ..) => format!("{name} says nothing any more"),
                (Standing::Disagrees, Some(difference), Some(bound)) => format!(
                    "{name} disagrees: the receiver is {difference:+.0} ns from its time, which is within {bound:.0} ns"
                ),
                (Standing::Disagrees, ..) => format!("{name} disagrees with the receiver"),
                (Standing::Agrees, ..) => format!("{name} agrees with the receiver"),
            };
            let severity = if standing == Standing::Agrees { Severity::Info } else { Severity::Warning };
            if standing == Standing::Agrees {
                info!("{text}")
            } else {
                warn!("{text}")
            }
            let event = Event::state(TS2PHC, kind::SOURCE, name).severity(severity).message(text);
            let event = event.field("witness", name.as_str()).field("standing", standing.word());
            let event = event.field("difference_ns", difference).field("error_bound_ns", bound);
            self.events.publish(event);
        }
        let outvoted = witnesses.doubt.is_outvoted();
        if std::mem::replace(&mut witnesses.told_outvoted, outvoted) == outvoted {
            return;
        }
        let each = witnesses.names.iter().zip(said);
        let words: Vec<String> =
            each.filter_map(|(name, word)| Some(format!("{name} {:+.0} ns", against(word)?))).collect();
        let (severity, text) = if outvoted {
            let words = words.join(", ");
            (Severity::Warning, format!("the receiver is outvoted, and not followed: from {words}"))
        } else {
            (Severity::Notice, "the receiver is believed again".to_owned())
        };
        if outvoted {
            warn!("{text}")
        } else {
            info!("{text}")
        }
        let event = Event::state(TS2PHC, kind::ALARM, "receiver").severity(severity).message(text);
        self.events.publish(event.field("active", outvoted));
    }
}
