//! A world that says, or does, something else.

use async_trait::async_trait;
use rollout::world::{
    Action, Answer, Fact, Facts, Instructions, Needs, Outcome, PolicyMode, PolicyText, SmtpOutcome,
    TlsaFacts, World, ZoneFacts,
};

use crate::world::SimWorld;

/// A world that lies.
pub(super) struct LyingWorld {
    bug: &'static str,
    inner: SimWorld,
    /// The MX RRset that the API took last.
    written: Option<rollout::world::MxRrset>,
    /// The registrar took the withdrawal of the DS.
    withdrawn: bool,
    /// A policy that is kept back, and for how many looks after its id was written.
    held: Option<Action>,
    late: u32,
}

impl LyingWorld {
    pub(super) fn new(bug: &'static str, inner: SimWorld) -> Self {
        Self {
            bug,
            inner,
            written: None,
            withdrawn: false,
            held: None,
            late: 0,
        }
    }
}

#[async_trait]
impl World for LyingWorld {
    async fn observe(&mut self, needs: &Needs, facts: &mut Facts) {
        self.late = self.late.saturating_sub(1);
        if self.late == 0
            && self.announced()
            && let Some(held) = self.held.take()
        {
            self.inner.make_unseen(&held);
        }
        self.inner.observe(needs, facts).await;
        self.lie(facts);
    }

    async fn perform(&mut self, action: &Action) -> Outcome {
        let action = match (self.bug, action) {
            ("wrong-key", Action::PublishDs { .. }) => Action::PublishDs {
                ds: vec![rollout::kernel::KeyId::new("1 13 2 ff")],
            },
            ("set-not-replaced-as-one", Action::WriteMx { before, after }) => {
                let none = rollout::world::MxRrset {
                    set: rollout::kernel::MxSet::default(),
                    ttl: before.ttl,
                };
                let emptied = Action::WriteMx {
                    before: before.clone(),
                    after: none.clone(),
                };
                self.inner.perform(&emptied).await;
                Action::WriteMx {
                    before: none,
                    after: after.clone(),
                }
            }
            ("policy-not-additive", Action::WritePolicy { before, after }) => Action::WritePolicy {
                before: before.clone(),
                after: without_old_hosts(after),
            },
            (_, action) => action.clone(),
        };
        // Taken, and kept back until its id is there.
        if self.bug == "id-before-policy" && matches!(action, Action::WritePolicy { .. }) {
            self.held = Some(action);
            return Outcome::Done {
                note: "taken".to_owned(),
                mx_host: None,
            };
        }
        if matches!(self.bug, "no-compare-and-set" | "foreign-edit-overwritten") {
            self.inner.shared.lock().truth.unguarded = true;
        }
        let mut outcome = self.inner.perform(&action).await;
        if let Outcome::Unknown { why } = &outcome {
            match self.bug {
                "blind-resend" => outcome = self.inner.perform(&action).await,
                "unknown-is-none" => {
                    outcome = Outcome::Later {
                        why: why.clone(),
                        after: 1,
                    }
                }
                _ => {}
            }
        }
        self.withdrawn |= matches!(
            (&outcome, &action),
            (Outcome::Done { .. }, Action::WithdrawDs { .. })
        );
        if let (Outcome::Done { .. }, Action::WriteMx { after, .. }) = (&outcome, &action) {
            self.written = Some(after.clone());
            if self.bug == "old-host-out-too-early" {
                self.publish_too_early(after).await;
            }
        }
        if matches!(action, Action::WriteTxt { .. }) {
            // Late enough for senders that saw the id.
            self.late = 40;
        }
        outcome
    }

    async fn asked(&mut self, instructions: &Instructions) {
        self.inner.asked(instructions).await;
    }
}

/// A policy without the hosts that are there before a move.
fn without_old_hosts(policy: &PolicyText) -> PolicyText {
    let old = "mail.protection.outlook.com";
    let lines = policy.text.lines().filter(|line| !line.contains(old));
    PolicyText {
        text: lines.map(|line| format!("{line}\n")).collect(),
        patterns: policy
            .patterns
            .iter()
            .filter(|p| !p.contains(old))
            .cloned()
            .collect(),
        ..policy.clone()
    }
}

impl LyingWorld {
    /// Whether the id of a policy that is kept back was written.
    fn announced(&self) -> bool {
        self.held.is_some() && self.inner.shared.lock().truth.announced.len() > 1
    }

    /// The old hosts have left the MX set, and leave the policy in the same moment.
    async fn publish_too_early(&mut self, mx: &rollout::world::MxRrset) {
        if mx.set.len() > 1
            || mx
                .set
                .hosts()
                .any(|host| host.as_str().ends_with("outlook.com"))
        {
            return;
        }
        let mut facts = Facts::default();
        let needs = Needs {
            policy: true,
            ..Needs::default()
        };
        self.inner.observe(&needs, &mut facts).await;
        let Some(now) = facts.policy.known().filter(|now| !now.body.is_empty()) else {
            return;
        };
        let whole = PolicyText {
            text: now.body.clone(),
            mode: now.mode,
            patterns: now.patterns.clone(),
        };
        let early = Action::WritePolicy {
            before: now.body.clone(),
            after: without_old_hosts(&whole),
        };
        self.inner.make_unseen(&early);
    }

    fn lie(&mut self, facts: &mut Facts) {
        if let Fact::Known { value, .. } = &mut facts.zone {
            self.lie_about_zone(value);
        }
        match self.bug {
            "first-parent-speaks" => {
                if let Fact::Known { value, .. } = &mut facts.parent
                    && let Some(any) = value
                        .servers
                        .iter()
                        .map(|s| s.ds.clone())
                        .find(|ds| ds.got().is_some_and(|(ds, _)| !ds.is_empty()))
                {
                    for server in &mut value.servers {
                        server.ds = any.clone();
                    }
                }
            }
            "withdrawal-trusted" | "first-parent-withdrawn" => {
                let Fact::Known { value, .. } = &mut facts.parent else {
                    return;
                };
                let has_none = |ds: &Answer<_>| {
                    ds.got()
                        .is_some_and(|(ds, _): (&std::collections::BTreeSet<_>, _)| ds.is_empty())
                };
                let lies = match self.bug {
                    "withdrawal-trusted" => self.withdrawn,
                    _ => value.servers.iter().any(|s| has_none(&s.ds)),
                };
                if lies {
                    for server in &mut value.servers {
                        server.ds = Answer::Got {
                            value: std::collections::BTreeSet::new(),
                            ttl: value.negative_ttl,
                        };
                    }
                }
            }
            "parent-negative-ignored" => {
                if let Fact::Known { value, .. } = &mut facts.parent {
                    for server in &mut value.servers {
                        if let Answer::Got { ttl, .. } = &mut server.ds {
                            *ttl = 0;
                        }
                    }
                }
            }
            "zone-ttl-ignored" => {
                if let Fact::Known { value, .. } = &mut facts.provider {
                    value.largest_ttl = Some(0);
                }
            }
            "id-before-policy" => {
                if let (Some(Action::WritePolicy { after, .. }), Fact::Known { value, .. }) =
                    (&self.held, &mut facts.policy)
                {
                    value.body.clone_from(&after.text);
                    value.mode = after.mode;
                    value.patterns.clone_from(&after.patterns);
                }
                if let (Some(Action::WritePolicy { after, .. }), Fact::Known { value, .. }) =
                    (&self.held, &mut facts.policy_file)
                {
                    value.clone_from(&after.text);
                }
            }
            "policy-not-additive" => {
                // It believes that it was.
                if let Fact::Known { value, .. } = &mut facts.policy
                    && !value.body.contains("outlook")
                    && value.mode == PolicyMode::Enforce
                {
                    value
                        .patterns
                        .insert("*.mail.protection.outlook.com".to_owned());
                }
            }
            "mta-sts-ignored" => {
                if let Fact::Known { value, .. } = &mut facts.policy {
                    value.mode = PolicyMode::None;
                }
            }
            "wildcard-covers-all" => {
                if let Fact::Known { value, .. } = &mut facts.policy
                    && value.patterns.contains("*.mx.microsoft")
                {
                    value.patterns.insert("*.o-v1.mx.microsoft".to_owned());
                }
            }
            "could-not-tell-is-none" => {
                // For as long as things fail, the policy's web server does.
                let fails = {
                    let sim = self.inner.shared.lock();
                    sim.truth.scenario.faults.deaf && sim.truth.sick()
                };
                if let (true, Fact::Known { value, .. }) = (fails, &mut facts.policy) {
                    value.mode = PolicyMode::None;
                }
            }
            _ => {}
        }
        for fact in facts.hosts.values_mut() {
            let Fact::Known { value, .. } = fact else {
                continue;
            };
            match self.bug {
                "tlsa-not-checked" => value
                    .addresses
                    .iter_mut()
                    .for_each(|a| a.tlsa_matches = Some(true)),
                "rejecting-host-listed" | "new-host-guessed" => {
                    for address in &mut value.addresses {
                        let closed = self.bug == "rejecting-host-listed";
                        if matches!(address.smtp, SmtpOutcome::Rejected { .. })
                            || closed && matches!(address.smtp, SmtpOutcome::Closed)
                        {
                            address.smtp = SmtpOutcome::Accepted { web_pki: true };
                        }
                    }
                }
                "negative-ttl-ignored" => {
                    if let TlsaFacts::Absent { negative_ttl } = &mut value.tlsa {
                        *negative_ttl = 0;
                    }
                }
                _ => {}
            }
        }
    }

    fn lie_about_zone(&mut self, zone: &mut ZoneFacts) {
        match self.bug {
            "trusts-the-api" | "foreign-edit-overwritten" => {
                let Some(written) = &self.written else { return };
                for server in &mut zone.servers {
                    server.mx = Answer::Got {
                        value: written.set.clone(),
                        ttl: written.ttl,
                    };
                }
            }
            "first-server-speaks" => {
                let Some(first) = zone.servers.iter().find(|s| s.mx.got().is_some()).cloned()
                else {
                    return;
                };
                for server in &mut zone.servers {
                    (server.mx, server.keys) = (first.mx.clone(), first.keys.clone());
                }
            }
            "fastest-server-speaks" => {
                let Some(written) = self.written.clone() else {
                    return;
                };
                let has = |answer: &Answer<_>| answer.got() == Some((&written.set, written.ttl));
                if let Some(first) = zone.servers.iter().find(|s| has(&s.mx)).cloned() {
                    for server in &mut zone.servers {
                        server.mx = first.mx.clone();
                    }
                }
            }
            "silent-server-passed-over" => zone.servers.retain(|s| s.mx.got().is_some()),
            "zone-ttl-ignored" => (zone.largest_ttl, zone.negative_ttl) = (0, 0),
            _ => {}
        }
    }
}
