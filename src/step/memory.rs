//! What a run keeps because it cannot be observed again.

mod absorb;
mod mta_sts;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kernel::{Actors, Caches, Host, Policy, Timing};
use crate::world::{Action, Instructions, MxRrset, Outcome, PastedAnswers};

use super::{Next, Setup, Stage, WaitFor};

pub(super) use absorb::{graph_differs, silent};
pub use mta_sts::{FoundPolicy, MtaStsMemory};

/// The suffix of every MX host with DNSSEC at Exchange Online.
pub(super) const NEW_ZONE: &str = "mx.microsoft";

/// The name of [`Action::WriteMx`] in [`Memory::unknown`].
const WRITE_MX: &str = "write-mx";

/// Effects of the way there that may still show and would undo the way back, or that it makes as well: one whose outcome
/// is unknown still is.
const KEPT_FOR_THE_WAY_BACK: [&str; 5] = [
    WRITE_MX,
    "sign-zone",
    "enable-dane",
    Action::WRITE_POLICY,
    Action::WRITE_POLICY_RECORD,
];

/// A person's consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who, as far as it is known.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// An MTA-STS policy and the id under which senders know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The policy.
    pub policy: Policy,
    /// The id of the `_mta-sts` record.
    pub id: Option<String>,
    /// The policy's whole text; empty where an earlier version of this program kept none.
    #[serde(default)]
    pub body: String,
}

/// What a run keeps: what records were and until when they can be cached, what a cmdlet answered, what a
/// person approved. Everything else is observed again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Versions caches may hold.
    pub caches: Caches,
    /// How each mail host behaved when it was asked last.
    pub actors: Actors,
    /// The MX RRset as it was found: the way back.
    pub original: Option<MxRrset>,
    /// What the MX RRset is known to be: as found, as we wrote it, or as a person wrote it on the way.
    pub expected: Option<MxRrset>,
    /// What it was before that; servers that lag still serve it.
    pub previous: Option<MxRrset>,
    /// What a write whose answer never came would have made of it: no surprise when it is seen, also on the way back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempted: Option<MxRrset>,
    /// Whether every server was seen serving what is expected: from then on, all of them serving what was
    /// before is no lag but somebody's change.
    pub expected_seen: bool,
    /// The MX host that Exchange Online assigned.
    pub new_host: Option<Host>,
    /// The MTA-STS policy that the id record announces: as it was first seen under that id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced: Option<Announced>,
    /// The MTA-STS policy as it was found, and what was written of it since.
    #[serde(skip_serializing_if = "MtaStsMemory::is_empty")]
    pub mta_sts: MtaStsMemory,
    /// What a person pasted of the cmdlets' output.
    #[serde(skip_serializing_if = "PastedAnswers::is_empty")]
    pub pasted: PastedAnswers,
    /// Approvals by gate.
    pub approvals: BTreeMap<String, Approval>,
    /// What a person was asked to do, by step.
    pub asked: BTreeMap<String, Instructions>,
    /// When they were asked, by step.
    pub asked_at: BTreeMap<String, Timestamp>,
    /// Effects whose outcome is unknown, by action name.
    pub unknown: BTreeMap<String, Timestamp>,
    /// Effects that were answered with success, by action name.
    pub performed: BTreeMap<String, Timestamp>,
    /// Steps that must not act before an instant, because a service asked for patience.
    pub not_before: BTreeMap<String, Timestamp>,
    /// What the service said when it asked for patience, by step.
    pub patience_why: BTreeMap<String, String>,
    /// Whether what is needed to go back is in the journal.
    pub way_back_kept: bool,
    /// When somebody was told to bring a DS to the parent, until all of its servers serve one: it may still appear.
    pub ds_told: Option<Timestamp>,
    /// Whether this is the way back, which ends in [`original`](Self::original).
    pub restoring: bool,
    /// Since when a step has been waiting for others to do or to serve something.
    pub expected_since: BTreeMap<String, Timestamp>,
    /// Since when a mail host has been away: its name gone, without address, silent, or refusing the domain.
    pub away_since: BTreeMap<Host, Timestamp>,
    /// Since when a step has seen what it wants to see, without interruption.
    pub good_since: BTreeMap<String, Timestamp>,
    /// Since when each step that was good is known to lose mail, until it is good again.
    pub turned_bad: BTreeMap<String, Timestamp>,
}

impl Memory {
    /// Takes in what came of an action of `step`.
    pub fn record(
        &mut self,
        step: &str,
        action: &Action,
        outcome: &Outcome,
        setup: &Setup,
        now: Timestamp,
    ) {
        let name = action.name().to_owned();
        let refused = matches!(outcome, Outcome::Refused { .. } | Outcome::Conflict { .. });
        if matches!(action, Action::PublishDs { .. }) && !refused {
            self.ds_told = Some(now);
        }
        match outcome {
            Outcome::Done { mx_host, .. } => {
                self.unknown.remove(&name);
                self.performed.insert(name, now);
                if let Some(host) = mx_host {
                    self.new_host = Some(host.clone());
                }
                if let Action::WriteMx { after, .. } = action {
                    self.wrote(after, &setup.timing, now);
                }
                self.published(action, true, setup, now);
            }
            Outcome::Asked { instructions } => {
                if let Action::WriteMx { after, .. } = action {
                    self.attempted = Some(after.clone());
                }
                self.unknown.remove(&name);
                self.asked.insert(step.to_owned(), instructions.clone());
                self.asked_at.entry(step.to_owned()).or_insert(now);
                // The person may do it at any moment from now on.
                if let Action::WriteMx { after, .. } = action {
                    self.caches
                        .mx
                        .wrote(&after.set, after.ttl, now, &setup.timing);
                }
            }
            Outcome::Unknown { .. } => {
                self.unknown.insert(name, now);
                // What this step once asked of a person is not what it does now.
                self.asked.remove(step);
                if let Action::WriteMx { after, .. } = action {
                    self.caches
                        .mx
                        .wrote(&after.set, after.ttl, now, &setup.timing);
                    self.attempted = Some(after.clone());
                }
                self.published(action, false, setup, now);
            }
            Outcome::Later { why, after } => {
                self.patience_why.insert(step.to_owned(), why.clone());
                // At least a second: a service that is not ready is never asked in a tight loop.
                let until = now
                    .checked_add(std::time::Duration::from_secs((*after).max(1)))
                    .unwrap_or(now);
                self.not_before.insert(step.to_owned(), until);
            }
            Outcome::Conflict { .. } | Outcome::Refused { .. } => {
                self.unknown.remove(&name);
                self.not_published(action);
            }
        }
    }

    fn wrote(&mut self, after: &MxRrset, timing: &Timing, now: Timestamp) {
        self.caches.mx.wrote(&after.set, after.ttl, now, timing);
        self.previous = self.expected.replace(after.clone());
        self.expected_seen = false;
        self.attempted = None;
    }

    /// What a process takes up that goes on with a run. A run that has changed nothing yet begins from what is there now:
    /// an MX RRset that it found and that stopped it may have been put right since.
    #[must_use]
    pub fn taken_up(mut self) -> Self {
        if !self.way_back_kept {
            (self.original, self.expected, self.previous) = (None, None, None);
            self.mta_sts.found = None;
            self.expected_seen = false;
        }
        self
    }

    /// What a way back starts from: what records were and what caches may hold. What people agreed to and what services were
    /// told was for the way there.
    #[must_use]
    pub fn for_the_way_back(self) -> Self {
        Self {
            caches: self.caches,
            actors: self.actors,
            original: self.original,
            expected: self.expected,
            previous: self.previous,
            attempted: self.attempted,
            expected_seen: self.expected_seen,
            new_host: self.new_host,
            pasted: self.pasted,
            announced: self.announced,
            mta_sts: self.mta_sts,
            unknown: self
                .unknown
                .into_iter()
                .filter(|(name, _)| KEPT_FOR_THE_WAY_BACK.contains(&name.as_str()))
                .collect(),
            way_back_kept: self.way_back_kept,
            restoring: true,
            ds_told: self.ds_told,
            away_since: self.away_since,
            ..Self::default()
        }
    }

    /// Whether the set was moved on since the way back had brought the original records: by a write that was still under way,
    /// or by a person who did only now what the run had asked for.
    #[must_use]
    pub fn was_moved_on(&self) -> bool {
        let differs = |original: &MxRrset| {
            let expected = self.expected.as_ref();
            expected.is_some_and(|expected| expected.set != original.set)
        };
        self.original.as_ref().is_some_and(differs)
    }

    /// Takes in how a step stands now: soaking, or known to lose mail, or neither.
    pub fn stands(&mut self, step: &str, next: &Next, now: Timestamp) {
        match next {
            Next::Wait(wait) if wait.kind == WaitFor::Soak => {
                self.good_since.entry(step.to_owned()).or_insert(now);
                self.turned_bad.remove(step);
            }
            Next::Done(_) => {
                self.turned_bad.remove(step);
            }
            other => {
                let was_good = self.good_since.remove(step).is_some();
                if was_good && other.loses_mail() {
                    self.turned_bad.insert(step.to_owned(), now);
                }
            }
        }
    }

    /// Every host that a cached MX set may name, the new one, and on the way back those that it leads to, whose caches may
    /// have forgotten them long since.
    pub fn hosts(&self, now: Timestamp) -> impl Iterator<Item = &Host> + use<'_> {
        let original = self.original.as_ref().filter(|_| self.restoring);
        self.caches
            .mx
            .possible(now)
            .flat_map(|version| version.value.hosts())
            .chain(&self.new_host)
            .chain(original.into_iter().flat_map(|mx| mx.set.hosts()))
            .filter(|host| !host.as_str().is_empty())
    }

    /// The same, each once.
    #[must_use]
    pub fn set_of_hosts(&self, now: Timestamp) -> BTreeSet<Host> {
        let mut hosts = BTreeSet::new();
        for host in self.hosts(now) {
            // Most versions name the same two.
            if !hosts.contains(host) {
                hosts.insert(host.clone());
            }
        }
        hosts
    }

    /// The stage of a set, as far as the run knows the hosts.
    #[must_use]
    pub fn stage_of(&self, set: &crate::kernel::MxSet) -> Option<Stage> {
        Stage::of(set, &self.original.as_ref()?.set, self.new_host.as_ref())
    }
}
