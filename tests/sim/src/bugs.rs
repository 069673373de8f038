//! Planted bugs: each lies to the engine about one thing, as a mistake in the engine would, and must be caught.
//!
//! They sit between the engine and this world, so the product knows nothing of them and pays nothing.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rollout::clock::Clock;
use rollout::engine::store::{IntentId, StoreError};
use rollout::engine::{Journal, Note, Signals};
use rollout::playbook::{Goal, PlannedStep};
use rollout::step::{Memory, Setup};
use rollout::world::{
    Action, Answer, Fact, Facts, Instructions, Needs, Outcome, PolicyMode, PolicyText, SmtpOutcome,
    TlsaFacts, World, ZoneFacts,
};
use serde_json::Value;

use crate::back::{Back, go_back};
use crate::crashes::{at_each_point, drawn, left_by, undisturbed};
use crate::journal::SimJournal;
use crate::oracle::Violation;
use crate::process::Between;
use crate::run::{How, go_on, walk};
use crate::scenario::Scenario;
use crate::world::{Shared, SimClock, SimWorld};

/// One planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bug {
    /// Its name.
    pub name: &'static str,
    /// What is wrong.
    pub about: &'static str,
    /// Seeds within which it has to be caught.
    pub budget: u64,
}

macro_rules! bugs {
    ($($name:literal $budget:literal $about:literal,)*) => {
        /// All of them.
        pub const BUGS: &[Bug] = &[$(Bug { name: $name, about: $about, budget: $budget },)*];
    };
}

bugs! {
    "new-ttl" 40 "the wait after a change is that of the TTL served now",
    "memory-forgets-caches" 10 "what caches hold is forgotten whenever a process ends",
    "trusts-the-api" 30 "a write counts as visible when the API took it",
    "first-server-speaks" 60 "the first server that answers speaks for all",
    "fastest-server-speaks" 80 "a change counts as visible when one server has it",
    "first-parent-speaks" 30 "one server of the parent speaks for all",
    "ds-too-early" 15 "the DS does not wait for unsigned answers to expire",
    "zone-ttl-ignored" 15 "only the TTL of the MX set counts for unsigned answers, and it is taken for small",
    "negative-ttl-ignored" 25 "a cached proof of no TLSA counts for nothing",
    "parent-negative-ignored" 10 "a cached proof of no DS counts for nothing",
    "floor-ignored" 300 "resolvers that raise small TTLs are forgotten",
    "legacy-retired-early" 10 "the legacy host may go when it is no longer listed",
    "claim-too-early" 10 "protection is claimed without the final proof",
    "blind-resend" 60 "an effect without an answer is made again at once",
    "unknown-is-none" 80 "an effect without an answer counts as not made",
    "no-compare-and-set" 100 "a record set is written whatever it is",
    "foreign-edit-overwritten" 30 "what a person wrote is taken for a server that lags, and overwritten",
    "lease-ignored" 50 "a process goes on after another one took over",
    "intent-after-effect" 10 "the intent is written down after the effect",
    "no-intent" 10 "no intent is written down at all",
    "no-outcome" 10 "no outcome is written down",
    "no-way-back" 10 "the way back is not written down",
    "memory-before-intent" 20 "a killed process forgets the effect that was under way",
    "mta-sts-ignored" 10 "no MTA-STS policy is ever seen",
    "wildcard-covers-all" 40 "a wildcard in a policy covers any number of labels",
    "rejecting-host-listed" 100 "a host that takes no mail yet counts as taking it",
    "tlsa-not-checked" 300 "certificates count as fitting",
    "id-before-policy" 60 "the record gets its new id before the policy is there",
    "policy-not-additive" 60 "the policy before the move names the new host in place of the old one",
    "old-host-out-too-early" 60 "the old host leaves the policy when it leaves the MX set",
    "could-not-tell-is-none" 300 "a policy that could not be read is none",
    "silent-server-passed-over" 400 "a server that does not answer counts for nothing",
    "clock-not-watched" 800 "a clock that was set is not noticed",
    "gates-ignored" 10 "nobody is asked at gates",
    "wrong-key" 20 "the DS names another key",
    "set-not-replaced-as-one" 20 "a record set is emptied before it is written anew",
    "order-ignored" 10 "the swap does not wait for what it needs",
    "new-host-guessed" 40 "the new host is added without being proven",
    "asked-forgotten" 100 "who was asked to do something is asked again by the next process",
    "told-forgotten" 60 "a registrar that took the DS is told again by the next process",
    "unsign-too-early" 40 "the zone is unsigned before the TTL of the DS is over",
    "withdrawal-trusted" 40 "the DS counts as gone when the registrar took its withdrawal",
    "first-parent-withdrawn" 40 "the DS counts as gone when one server of the parent has none",
    "ds-on-its-way-ignored" 40 "a DS that was told and is not served yet counts as none",
    "tlsa-forgotten" 200 "TLSA records count as forgotten when they are withdrawn",
    "original-ttl-forgotten" 40 "the original records come back without their TTL",
}

/// The bug of a name.
#[must_use]
pub fn bug(name: &str) -> Option<Bug> {
    BUGS.iter().find(|bug| bug.name == name).copied()
}

impl Bug {
    /// What the oracle says of it in the scenario of a seed.
    #[must_use]
    pub fn caught(self, seed: u64) -> Option<Violation> {
        let how = How {
            between: self.planted(),
            ..How::default()
        };
        if let Some(back) = self.way() {
            let (scenario, worlds) = left_by(seed);
            return drawn(seed, &worlds, 5).into_iter().find_map(|(_, left)| {
                let report = go_back(&scenario, &how, left, back)?;
                report.oracle.violations.into_iter().next()
            });
        }
        let scenario = Scenario::new(seed);
        if self.name != "memory-before-intent" {
            return walk(&scenario, &how).oracle.violations.into_iter().next();
        }
        // Shows only where a process is killed between an effect and its outcome.
        let scenario = undisturbed(seed);
        let (from, as_well) = (scenario.clone(), how.clone());
        let (_, found) = at_each_point(&scenario, &how, move |_, left| {
            let report = go_on(&from, &as_well, left);
            report.oracle.violations.into_iter().next()
        });
        found.into_iter().next()
    }

    /// The way back on which it shows, if it is one of these.
    fn way(self) -> Option<Back> {
        match self.name {
            "unsign-too-early"
            | "withdrawal-trusted"
            | "first-parent-withdrawn"
            | "ds-on-its-way-ignored" => Some(Back::Dnssec),
            "tlsa-forgotten" => Some(Back::Dane),
            "original-ttl-forgotten" => Some(Back::Mx),
            _ => None,
        }
    }

    /// It, to be put in between.
    #[must_use]
    pub fn planted(self) -> Arc<dyn Between> {
        Arc::new(Planted(self.name))
    }
}

/// A bug at work.
#[derive(Clone, Copy, Debug)]
struct Planted(&'static str);

impl Between for Planted {
    fn world(&self, world: SimWorld) -> Box<dyn World> {
        Box::new(LyingWorld {
            bug: self.0,
            inner: world,
            written: None,
            withdrawn: false,
            held: None,
            late: 0,
        })
    }
    fn journal(&self, journal: SimJournal) -> Box<dyn Journal> {
        Box::new(LyingJournal {
            bug: self.0,
            inner: journal,
            held: None,
            before: Memory::default(),
        })
    }
    fn clock(&self, clock: SimClock) -> Box<dyn Clock> {
        if self.0 == "clock-not-watched" {
            Box::new(Unwatched(clock))
        } else {
            Box::new(clock)
        }
    }
    fn setup(&self, mut setup: Setup) -> Setup {
        match self.0 {
            "floor-ignored" => setup.timing.resolver_floor = std::time::Duration::ZERO,
            "zone-ttl-ignored" => setup.zone_largest_ttl = 0,
            _ => {}
        }
        setup
    }
    fn steps(&self, mut steps: Vec<PlannedStep>) -> Vec<PlannedStep> {
        for step in &mut steps {
            match (self.0, step.goal) {
                ("gates-ignored", _) => step.gate = None,
                ("order-ignored", Goal::SwapMx { .. })
                | ("new-host-guessed", Goal::AddMx { .. }) => {
                    step.needs = vec!["enable-dnssec".to_owned()];
                }
                _ => {}
            }
        }
        match self.0 {
            "claim-too-early" => steps.retain(|step| step.goal != Goal::FinalProof),
            "original-ttl-forgotten" => steps.retain(|step| step.goal != Goal::RestoreTtl),
            _ => {}
        }
        steps
    }
    fn memory(&self, memory: Memory) -> Memory {
        match self.0 {
            "memory-forgets-caches" => forget(memory, |caches| *caches = Value::Null),
            "new-ttl" => forget(memory, shorten),
            "ds-too-early" => forget(memory, |caches| {
                served_alone(&mut caches["keys"]);
            }),
            "unsign-too-early" => forget(memory, |caches| served_alone(&mut caches["delegation"])),
            "tlsa-forgotten" => forget(memory, |caches| {
                if let Some(hosts) = caches["tlsa"].as_object_mut() {
                    hosts.values_mut().for_each(served_alone);
                }
            }),
            "asked-forgotten" => Memory {
                asked: Default::default(),
                ..memory
            },
            "told-forgotten" => {
                let mut memory = memory;
                memory.performed.remove("publish-ds");
                memory
            }
            "ds-on-its-way-ignored" => Memory {
                ds_told: None,
                ..memory
            },
            _ => memory,
        }
    }
    fn ends_at_waits(&self) -> bool {
        matches!(
            self.0,
            "memory-forgets-caches"
                | "new-ttl"
                | "ds-too-early"
                | "unsign-too-early"
                | "tlsa-forgotten"
                | "asked-forgotten"
                | "told-forgotten"
        )
    }
    fn retired_after(&self) -> Option<&'static str> {
        (self.0 == "legacy-retired-early").then_some("remove-mx")
    }
}

/// Changes what a memory holds of caches.
fn forget(memory: Memory, change: impl FnOnce(&mut Value)) -> Memory {
    let Ok(mut value) = serde_json::to_value(&memory) else {
        return memory;
    };
    change(&mut value["caches"]);
    if value["caches"].is_null() {
        value["caches"] =
            serde_json::to_value(rollout::kernel::Caches::default()).unwrap_or_default();
    }
    serde_json::from_value(value).unwrap_or(memory)
}

/// What is no longer served is taken to be in no cache.
fn served_alone(history: &mut Value) {
    if let Some(versions) = history["versions"].as_array_mut() {
        versions.retain(|version| version["served"] != Value::Null);
    }
}

/// What was served under a larger TTL is taken to end as soon as what is served now.
fn shorten(caches: &mut Value) {
    let Some(versions) = caches["mx"]["versions"].as_array_mut() else {
        return;
    };
    let served = |version: &Value| version["served"].as_u64();
    let now = versions.iter().filter_map(served).min();
    versions.retain(|version| served(version).is_some() || now.is_none());
    for version in versions {
        version["cached_until"] = Value::Null;
    }
}

/// A clock whose jumps nobody notices.
#[derive(Clone, Debug)]
struct Unwatched(SimClock);

#[async_trait]
impl Clock for Unwatched {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
    async fn sleep_until(&self, until: Timestamp) {
        self.0.sleep_until(until).await;
    }
    fn jumped(&self) -> Option<SignedDuration> {
        None
    }
}

/// A journal that leaves out or misplaces.
struct LyingJournal {
    bug: &'static str,
    inner: SimJournal,
    /// An intent that was held back: when, step, action, memory.
    held: Option<(Timestamp, String, Action, Memory)>,
    /// The memory written last.
    before: Memory,
}

#[async_trait]
impl Journal for LyingJournal {
    async fn intent(
        &mut self,
        at: Timestamp,
        step: &str,
        action: &Action,
        facts: &Facts,
        memory: &Memory,
    ) -> Result<IntentId, StoreError> {
        match self.bug {
            "no-intent" => Ok(IntentId::new()),
            "intent-after-effect" => {
                self.held = Some((at, step.to_owned(), action.clone(), memory.clone()));
                Ok(IntentId::new())
            }
            "memory-before-intent" => {
                let before = self.before.clone();
                self.inner.intent(at, step, action, facts, &before).await
            }
            _ => self.inner.intent(at, step, action, facts, memory).await,
        }
    }

    async fn outcome(
        &mut self,
        at: Timestamp,
        intent: IntentId,
        step: &str,
        outcome: &Outcome,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        let intent = match self.held.take() {
            Some((at, step, action, memory)) => {
                self.inner
                    .intent(at, &step, &action, &Facts::default(), &memory)
                    .await?
            }
            None => intent,
        };
        if self.bug == "no-outcome" || self.bug == "no-intent" {
            return Ok(());
        }
        self.inner.outcome(at, intent, step, outcome, memory).await
    }

    async fn note(
        &mut self,
        at: Timestamp,
        mut notes: Vec<Note>,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        if self.bug == "memory-before-intent" {
            self.before = memory.clone();
        }
        if self.bug == "no-way-back" {
            notes.retain(|note| !matches!(note, Note::WayBack(_)));
        }
        if self.bug == "lease-ignored" {
            let current = self.inner.shared.lock().log.fence;
            let own = std::mem::replace(&mut self.inner.fence, current);
            let written = self.inner.note(at, notes, memory).await;
            self.inner.fence = own;
            relabel(&self.inner.shared, own);
            return written;
        }
        self.inner.note(at, notes, memory).await
    }

    async fn signals(&mut self) -> Result<Signals, StoreError> {
        self.inner.signals().await
    }
}

/// The line written last is that of this process, whatever fence it showed.
fn relabel(shared: &Shared, own: u32) {
    if let Some(line) = shared.lock().log.lines.last_mut() {
        line.1 = own;
    }
}

/// A world that lies.
struct LyingWorld {
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
                ds: vec![rollout::kernel::KeyId("1 13 2 ff".to_owned())],
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
