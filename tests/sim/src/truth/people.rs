//! What people do: edit records, publish a policy, sign by hand, put right what stopped a run.

use super::{BACKUP, Event, PolicyText, Truth};
use crate::scenario::{MINUTE, SECOND};

/// The names of the hosts, by number.
pub const NAMES: [&str; 4] = [
    "contoso-com.mail.protection.outlook.com",
    "contoso-com2.mail.protection.outlook.com",
    "contoso-com.o-v1.mx.microsoft",
    "backup.example.net",
];

impl Truth {
    /// A person lists a host of their own.
    pub(super) fn person_edits(&mut self) {
        if self.foreign.is_some() || self.claimed.is_some() || !self.sick() {
            return;
        }
        let was = (self.primary.set, self.primary.ttl);
        let mut records = self.sets.get(was.0).to_vec();
        records.push((90, BACKUP));
        let now = (self.sets.id(records), was.1);
        self.write(now);
        self.foreign = Some((now, was));
        self.meddled = true;
    }

    /// A person changes the TTL alone. Not before the run wrote down what it saw: which TTL was served before that, nobody
    /// can tell it.
    pub(super) fn person_edits_ttl(&mut self) {
        if !self.remembered && self.sick() {
            self.later(5 * MINUTE, Event::PersonTtl);
            return;
        }
        if self.foreign.is_some() || self.claimed.is_some() || !self.sick() {
            return;
        }
        let ttl = self.rng.pick(&[120, 900, 7200]);
        self.meddled = true;
        let (now, first) = (self.now, self.requests.is_empty());
        self.oracle.say(now, || {
            format!("a person sets the TTL to {ttl} (before the first change: {first})")
        });
        let last = 3600.max(self.scenario.ttl_min);
        let is_last = |sent: &super::api::Sent| matches!(sent.request, super::Request::Mx { after, .. } if after.1 == last);
        if self
            .requests
            .iter()
            .any(|sent| is_last(sent) && sent.changed)
        {
            self.own_ttl = Some(ttl);
        }
        self.write((self.primary.set, ttl));
    }

    /// A person puts right what stopped the run, as far as it is theirs.
    pub fn put_right(&mut self) {
        if let Some((foreign, was)) = self.foreign.take()
            && (self.primary.set, self.primary.ttl) == foreign
        {
            self.write(was);
        }
        // Set right before the next process starts: that one sees no jump.
        self.clock_off = 0;
        self.clock_jumped = 0;
    }

    /// People who were asked to write an MX set, and did not yet, are told not to any more; who just did, undoes it.
    pub fn drop_asked(&mut self) {
        if !self.scenario.manual_provider {
            return;
        }
        for sent in &mut self.requests {
            if matches!(sent.request, super::Request::Mx { .. }) && sent.applied.is_none() {
                sent.lost = true;
            }
        }
        if (self.primary.set, self.primary.ttl) != self.original {
            self.write(self.original);
        }
    }

    /// The web server gets the policy that was asked for; the record follows.
    pub(super) fn publish_policy(&mut self, policy: u16) {
        self.policy_served = policy;
        self.policy_file = policy;
        let after = self.rng.range(SECOND, 30 * SECOND);
        self.later(after, Event::PolicyRecord);
    }

    /// Asked to publish a policy, or only a new id where the policy is there.
    pub fn ask_for_policy(&mut self, policy: Option<u16>) {
        if self.policy_under_way {
            return;
        }
        self.policy_under_way = true;
        self.measured.policy = self.now;
        let after = self
            .rng
            .range(self.scenario.people / 4, self.scenario.people);
        self.later(after, policy.map_or(Event::PolicyRecord, Event::Policy));
    }

    /// Asked to sign the zone.
    pub fn ask_for_signing(&mut self) {
        if self.signing.is_some()
            || self
                .requests
                .iter()
                .any(|sent| sent.request == super::Request::Sign)
        {
            return;
        }
        let after = self
            .rng
            .range(self.scenario.people / 4, self.scenario.people);
        let fate = super::Fate {
            applied: Some(self.now + after),
            answered: self.now,
            answer: super::Answer::ByHand,
        };
        self.send(super::Request::Sign, fate, false);
    }

    /// Whether a policy admits a host: a wildcard stands for one label.
    #[must_use]
    pub fn admits(&self, policy: &PolicyText, host: super::HostId) -> bool {
        let name = NAMES[usize::from(host)];
        policy
            .patterns
            .iter()
            .any(|pattern| match pattern.strip_prefix("*.") {
                Some(parent) => name.split_once('.').is_some_and(|(_, rest)| rest == parent),
                None => pattern == name,
            })
    }
}
