//! What a run keeps of the MTA-STS policy.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Announced, Memory};
use crate::step::{Setup, mta_sts};
use crate::world::{Action, Facts, PolicyFacts, PolicyMode, PolicyText, TxtRrset};

/// The policy and its record as they were before the first change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundPolicy {
    /// The policy.
    pub policy: PolicyFacts,
    /// The TXT RRset at `_mta-sts`, where the provider's API has one.
    #[serde(default)]
    pub record: Option<TxtRrset>,
}

/// What a run keeps of the MTA-STS policy: what it found, and what it wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MtaStsMemory {
    /// As it was found: the way back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<FoundPolicy>,
    /// Whether it was ever seen enforced, so that it is enforced again in the end.
    pub enforced: bool,
    /// The policy that was written last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<PolicyText>,
    /// The texts that were handed over before that: one may still be served, or appear late.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<String>,
    /// The policy that a write whose answer never came would have made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempted: Option<PolicyText>,
    /// The TXT RRset that was written last, or may have been.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_record: Option<TxtRrset>,
    /// The policy that was served then: senders that see the new id early take that one, whatever is served by the time
    /// this program sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_for: Option<Announced>,
    /// The ids that were served, or were to be, when a policy was written last.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub written_under: BTreeSet<String>,
    /// The policy that was seen last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served: Option<Announced>,
}

impl MtaStsMemory {
    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the run wrote this policy, or may have.
    #[must_use]
    pub fn is_ours(&self, text: &str) -> bool {
        let last = [&self.written, &self.attempted].into_iter().flatten();
        let mut texts = last.map(|policy| &policy.text).chain(&self.earlier);
        texts.any(|ours| ours == text)
    }

    /// Whether a policy was written while this id was served: who sees it still may hold any of those that were served since
    /// it was given, and keeps it as long as it sees no other id (RFC 8461 section 3.1).
    #[must_use]
    pub fn is_untold(&self, id: Option<&str>) -> bool {
        id.is_some_and(|id| self.written_under.contains(id))
    }

    /// The policy for which the run wrote this id, as far as it did.
    pub(super) fn announced_by(&self, id: &str) -> Option<&Announced> {
        let written = self.written_record.as_ref()?.policy_id()?;
        self.written_for.as_ref().filter(|_| written == id)
    }

    fn wrote(&mut self, policy: PolicyText) {
        self.attempted = None;
        if self.written.as_ref() != Some(&policy)
            && let Some(before) = self.written.replace(policy)
            && !self.earlier.contains(&before.text)
        {
            self.earlier.push(before.text);
        }
    }
}

impl Memory {
    /// Takes in that a policy or its record was written, or may have been.
    pub(super) fn published(
        &mut self,
        action: &Action,
        answered: bool,
        setup: &Setup,
        now: Timestamp,
    ) {
        match action {
            Action::WritePolicy { after, .. } => {
                // Senders without a policy take it at once.
                let served = self.caches.policy.versions().iter();
                let ttl = served.map(|version| version.seen.ttl).max().unwrap_or(0);
                self.caches
                    .policy
                    .wrote(&after.policy(), ttl, now, &setup.timing);
                let kept = &mut self.mta_sts;
                let served = kept.served.iter().filter_map(|served| served.id.clone());
                let record = kept.written_record.as_ref().and_then(TxtRrset::policy_id);
                kept.written_under = served.chain(record.map(str::to_owned)).collect();
                if answered {
                    self.mta_sts.wrote(after.clone());
                } else {
                    self.mta_sts.attempted = Some(after.clone());
                }
            }
            Action::WriteTxt { name, after, .. } if *name == mta_sts::owner(&setup.domain) => {
                self.mta_sts.written_record.clone_from(after);
                self.mta_sts.written_for = self.mta_sts.served.clone();
            }
            _ => {}
        }
    }

    /// Takes in that nothing was written after all.
    pub(super) fn not_published(&mut self, action: &Action) {
        let kept = &mut self.mta_sts;
        match action {
            Action::WritePolicy { .. } => kept.attempted = None,
            Action::WriteTxt { after, .. } if kept.written_record == *after => {
                kept.written_record = None;
                kept.written_for = None;
            }
            _ => {}
        }
    }

    /// A policy whose write was never answered, and that does not show after the time it had for that, was lost (S6).
    fn lost_policy(&mut self, facts: &Facts, setup: &Setup) {
        let Some(since) = self.unknown.get(Action::WRITE_POLICY) else {
            return;
        };
        let settled = since
            .checked_add(setup.mta_sts.settle(setup))
            .unwrap_or(*since);
        let seen = match facts.policy_file.known() {
            Some(file) => Some((file, facts.policy_file.at())),
            None => facts
                .policy
                .known()
                .map(|policy| (&policy.body, facts.policy.at())),
        };
        if let Some((text, at)) = seen
            && at >= Some(settled)
            && let Some(attempted) = self.mta_sts.attempted.take_if(|a| a.text != *text)
        {
            self.unknown.remove(Action::WRITE_POLICY);
            self.caches.policy.not_coming(&attempted.policy());
            self.mta_sts.earlier.push(attempted.text);
        }
    }

    /// Takes in how the policy stands: what there is to go back to, and what became of a write.
    pub(super) fn absorb_published(&mut self, facts: &Facts, setup: &Setup) {
        let file = facts.policy_file.known();
        let record = (!facts.texts.is_empty())
            .then(|| mta_sts::owner(&setup.domain))
            .and_then(|owner| facts.texts.get(&owner))
            .and_then(|fact| fact.known());
        let kept = &mut self.mta_sts;
        if let Some(policy) = facts.policy.known() {
            kept.enforced |= policy.mode == PolicyMode::Enforce;
            let untouched = kept.written.is_none() && kept.attempted.is_none();
            if !self.way_back_kept || (kept.found.is_none() && untouched) {
                kept.found = Some(FoundPolicy {
                    policy: policy.clone(),
                    record: None,
                });
            }
            if let Some(attempted) = kept
                .attempted
                .take_if(|attempted| attempted.text == policy.body || Some(&attempted.text) == file)
            {
                kept.wrote(attempted);
                self.unknown.remove(Action::WRITE_POLICY);
            }
        }
        self.lost_policy(facts, setup);
        let kept = &mut self.mta_sts;
        if let (Some(found), Some(record)) = (&mut kept.found, record)
            && kept.written_record.is_none()
            && found.record.is_none()
        {
            found.record.clone_from(record);
        }
        if let Some(record) = record
            && record.is_some()
            && *record == kept.written_record
        {
            self.unknown.remove(Action::WRITE_POLICY_RECORD);
        }
    }
}
