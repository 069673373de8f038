//! The model as a world: what it shows, and what an action changes.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Effect, Model};
use crate::clock::Clock;
use crate::world::{
    Action, Fact, Facts, FeatureState, Instructions, Needs, Outcome, SigningFacts, World,
};

/// The same value, seen at `at`.
pub(super) fn seen_at<T: Clone>(fact: &Fact<T>, at: Timestamp) -> Fact<T> {
    match fact {
        Fact::Known { value, .. } => Fact::Known {
            value: value.clone(),
            at,
        },
        other => other.clone(),
    }
}

#[async_trait]
impl World for Model {
    async fn observe(&mut self, _needs: &Needs, facts: &mut Facts) {
        self.settle();
        let at = self.clock.now();
        let truth = &self.facts;
        *facts = Facts {
            zone: seen_at(&truth.zone, at),
            parent: seen_at(&truth.parent, at),
            chain: seen_at(&truth.chain, at),
            vantages: truth.vantages.clone(),
            hosts: truth
                .hosts
                .iter()
                .map(|(host, fact)| (host.clone(), seen_at(fact, at)))
                .collect(),
            policy: seen_at(&truth.policy, at),
            tenant: seen_at(&truth.tenant, at),
            exchange: seen_at(&truth.exchange, at),
            connectors: seen_at(&truth.connectors, at),
            ipv6: seen_at(&truth.ipv6, at),
            provider: seen_at(&truth.provider, at),
            verdict: self.verdict(at),
            freezes: seen_at(&truth.freezes, at),
            tls_reports: seen_at(&truth.tls_reports, at),
            policy_file: seen_at(&truth.policy_file, at),
            texts: truth
                .texts
                .iter()
                .map(|(name, fact)| (name.clone(), seen_at(fact, at)))
                .collect(),
            clock_jumped: None,
        };
    }

    async fn perform(&mut self, action: &Action) -> Outcome {
        self.touched = true;
        let mut mx_host = None;
        match action {
            Action::WriteMx { after, .. } => {
                self.later(self.estimates.visible, Effect::Mx(after.clone()));
            }
            Action::WritePolicy { after, .. } => {
                if let Fact::Known { value, .. } = &mut self.facts.policy_file {
                    value.clone_from(&after.text);
                }
                self.later(self.estimates.visible, Effect::Policy(after.clone()));
            }
            Action::WriteTxt { name, after, .. } => {
                if let Some(Fact::Known { value, .. }) = self.facts.texts.get_mut(name) {
                    value.clone_from(after);
                }
                let effect = Effect::Txt(name.clone(), after.clone());
                self.later(self.estimates.visible, effect);
            }
            Action::SignZone => {
                if let Fact::Known { value, .. } = &mut self.facts.provider {
                    value.signing = SigningFacts::Pending;
                }
                self.later(self.estimates.visible, Effect::Signed);
            }
            Action::PublishDs { ds } => {
                let ds = ds.iter().cloned().collect();
                self.later(self.delegation(), Effect::Delegated(ds));
            }
            Action::WithdrawDs { .. } => {
                self.later(
                    self.estimates.delegation,
                    Effect::Delegated(BTreeSet::new()),
                );
            }
            Action::UnsignZone => self.later(self.estimates.visible, Effect::Unsigned),
            Action::EnableDnssec => mx_host = Some(self.enable_dnssec()),
            Action::EnableDane => {
                if let Fact::Known { value, .. } = &mut self.facts.exchange {
                    value.dane = FeatureState::Enabled;
                }
                let host = self.new_host();
                self.later(self.estimates.tlsa, Effect::Tlsa(host));
            }
            Action::DisableDane => {
                if let Fact::Known { value, .. } = &mut self.facts.exchange {
                    value.dane = FeatureState::Disabled;
                }
                self.later(self.estimates.tlsa, Effect::NoTlsa);
            }
        }
        Outcome::Done {
            note: "in the model".to_owned(),
            mx_host,
        }
    }

    async fn asked(&mut self, instructions: &Instructions) {
        for action in &instructions.effects {
            let effect = match action {
                Action::SignZone => Effect::Signed,
                Action::WritePolicy { after, .. } => Effect::Policy(after.clone()),
                Action::WriteTxt { name, after, .. } => Effect::Txt(name.clone(), after.clone()),
                // Everything else is asked only after `perform`, which the model never hands to a person.
                _ => continue,
            };
            self.later(self.estimates.visible, effect);
        }
    }
}
