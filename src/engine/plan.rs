//! A plan: the loop walked on the model, and what it came to, step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::clock::VirtualClock;
use super::journal::NoJournal;
use super::walk::{Ending, Observer, Options, Pending, Walk};
use crate::kernel::{Host, LowerBound, Policy};
use crate::playbook::{Expect, Goal, PlannedStep};
use crate::step::{Approval, Finding, Memory, Next, Question, Setup, Severity, Stage, Wait};
use crate::world::{
    Action, Answer, Estimates, Fact, Facts, Instructions, Model, Outcome, PolicyMode, TlsaFacts,
};

/// The schema version of a saved plan; raised when its meaning changes.
pub const PLAN_SCHEMA: u32 = 1;

/// What a run would do, decided on one observation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// See [`PLAN_SCHEMA`].
    pub schema: u32,
    /// The domain.
    pub domain: String,
    /// The playbook's name.
    pub playbook: String,
    /// When the world was observed.
    pub at: Timestamp,
    /// What the plan rests on, one observed thing a line; a saved plan is refused when one of them changed.
    pub observed: BTreeMap<String, String>,
    /// SHA-256 over `observed`, in hexadecimal.
    pub digest: String,
    /// Findings, the gravest first; blockers mean that nothing would be done.
    pub findings: Vec<Finding>,
    /// Every step.
    pub steps: Vec<PlanStep>,
    /// The steps that decide the total, first to last.
    pub critical_path: Vec<String>,
    /// From start to end, with the usual times of others and without waiting for people.
    pub total: Option<Duration>,
    /// The least possible time.
    pub least: Duration,
}

/// What the run would do for one step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanStep {
    /// Its id in the playbook.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Whether it is there already.
    pub done_already: bool,
    /// How the goal was, or will be, seen.
    pub how: Option<String>,
    /// The gate before its effect.
    pub gate: Option<String>,
    /// Effects in order.
    pub effects: Vec<PlanEffect>,
    /// Things that a person does.
    pub by_hand: Vec<Instructions>,
    /// Waits in order.
    pub waits: Vec<PlanWait>,
    /// When it starts, from the beginning of the run.
    pub starts: Duration,
    /// When it is done; `None` when the plan ends before.
    pub ends: Option<Duration>,
    /// How long a way back from here takes to reach every sender; `None` where there is nothing to undo.
    pub way_back: Option<Duration>,
    /// The steps it needs.
    pub needs: Vec<String>,
}

/// One effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanEffect {
    /// When, from the beginning.
    pub at: Duration,
    /// What.
    pub action: Action,
}

/// One wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanWait {
    /// When it begins, from the beginning of the run.
    pub from: Duration,
    /// How long.
    pub takes: Duration,
    /// Why.
    pub wait: Wait,
}

impl Plan {
    /// Whether findings forbid the run.
    #[must_use]
    pub fn blocked(&self) -> bool {
        self.findings.iter().any(Finding::stops)
    }

    /// Whether something could not be told, and nothing else stands in the way.
    #[must_use]
    pub fn could_not_tell(&self) -> bool {
        self.blocked()
            && self
                .findings
                .iter()
                .filter(|f| f.stops())
                .all(|f| f.severity == Severity::CouldNotTell)
    }

    /// Whether the run would change anything.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.steps
            .iter()
            .any(|s| !s.effects.is_empty() || !s.by_hand.is_empty())
    }

    /// What is no longer as this plan saw it.
    #[must_use]
    pub fn differences(&self, now: &BTreeMap<String, String>) -> Vec<String> {
        let names: BTreeSet<_> = self.observed.keys().chain(now.keys()).collect();
        names
            .into_iter()
            .filter_map(|name| match (self.observed.get(name), now.get(name)) {
                (Some(then), Some(now)) if then == now => None,
                (Some(then), Some(now)) => Some(format!("{name}: was {then}, is {now}")),
                (Some(then), None) => Some(format!("{name}: was {then}, is gone")),
                (None, Some(now)) => Some(format!("{name}: is {now}, was not there")),
                (None, None) => None,
            })
            .collect()
    }
}

/// Makes a plan from what was observed.
///
/// `memory` is that of a run in progress, or a fresh one. The model asks nobody: gates count as passed,
/// what a person does by hand as done after the usual time.
pub async fn plan(
    domain: &str,
    playbook: &str,
    steps: &[PlannedStep],
    setup: &Setup,
    seed: &Facts,
    memory: &Memory,
    estimates: Estimates,
    now: Timestamp,
) -> Plan {
    let clock = VirtualClock::new(now);
    let mut model = Model::new(seed.clone(), clock.clone(), estimates);
    let mut memory = memory.clone();
    for step in steps {
        if let Some(gate) = &step.gate {
            let approval = Approval {
                by: "the plan".to_owned(),
                at: now,
            };
            memory
                .approvals
                .entry(gate.name.clone())
                .or_insert(approval);
        }
    }
    let mut minutes = Minutes::new(now, steps);
    let (_keep, stop) = watch::channel(false);
    let ending = Walk {
        world: &mut model,
        journal: &mut NoJournal,
        observer: &mut minutes,
        clock: &clock,
        steps,
        setup,
        options: Options {
            poll: Duration::from_secs(10).min(estimates.visible.max(Duration::from_millis(100))),
            listen: None,
            looks: Some(20_000),
            ..Options::default()
        },
        stop,
        facts: seed.clone(),
        memory: memory.clone(),
        open: BTreeMap::new(),
    }
    .run()
    .await;
    let finished = matches!(ending, Ok(Ending::Done));
    debug_assert!(
        !matches!(&ending, Ok(Ending::NotYet { pending, .. }) if pending.is_empty()),
        "a step acts again and again without an effect"
    );
    let mut findings = minutes.findings;
    if let Ok(Ending::NotYet { pending, .. }) = &ending {
        for (step, pending) in pending {
            findings.push(endless(step, pending));
        }
    }
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    findings.dedup();
    let mut steps_planned = minutes.steps;
    way_back(&mut steps_planned, setup, &estimates);
    let observed = essentials(seed);
    let total = finished.then(|| {
        steps_planned
            .iter()
            .filter_map(|s| s.ends)
            .max()
            .unwrap_or_default()
    });
    Plan {
        schema: PLAN_SCHEMA,
        domain: domain.to_owned(),
        playbook: playbook.to_owned(),
        at: now,
        digest: digest(&observed),
        observed,
        findings,
        critical_path: critical_path(&steps_planned),
        least: lower_bound(steps, setup, seed, &memory, estimates).total(),
        steps: steps_planned,
        total,
    }
}

/// A step that never ends in the model would never end in the world.
fn endless(step: &str, pending: &Pending) -> Finding {
    let what = match pending {
        Pending::Wait(wait) => wait.why.join("; "),
        Pending::Ask(Question::ByHand { instructions }) => instructions.summary.clone(),
        Pending::Ask(Question::Approve { gate, .. }) => format!("gate {gate}"),
        Pending::Blocked { findings } => findings
            .iter()
            .map(|f| f.what.as_str())
            .collect::<Vec<_>>()
            .join("; "),
    };
    Finding::blocker(
        "plan.endless",
        format!("step {step} would never be done: {what}"),
        "as things are, nothing the run does brings it about",
        "mend what it names, then plan again",
    )
}

/// What a plan rests on, as lines that can be compared.
#[must_use]
pub fn essentials(facts: &Facts) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    if let Some(zone) = facts.zone.known() {
        for server in &zone.servers {
            let mx = match &server.mx {
                Answer::Got { value, ttl } => format!("{value} (TTL {ttl} s)"),
                Answer::Failed { why } => format!("no answer: {why}"),
            };
            lines.insert(format!("MX at {}", server.server), mx);
            if let Answer::Got { value, .. } = &server.keys {
                let keys = match value {
                    crate::kernel::ZoneKeys::Unsigned => "unsigned".to_owned(),
                    crate::kernel::ZoneKeys::Signed(keys) => join(keys),
                };
                lines.insert(format!("keys at {}", server.server), keys);
            }
        }
    }
    if let Some(parent) = facts.parent.known() {
        for server in &parent.servers {
            if let Answer::Got { value, .. } = &server.ds {
                let ds = if value.is_empty() {
                    "none".to_owned()
                } else {
                    join(value)
                };
                lines.insert(format!("DS at {}", server.server), ds);
            }
        }
    }
    if let Some(policy) = facts.policy.known()
        && policy.mode != PolicyMode::None
    {
        let patterns: Vec<_> = policy.patterns.iter().map(String::as_str).collect();
        let line = format!("{:?} {}", policy.mode, patterns.join(", "));
        lines.insert("MTA-STS policy".to_owned(), line.to_lowercase());
    }
    if let Some(exchange) = facts.exchange.known()
        && !exchange.manual
    {
        let state = format!("DNSSEC {:?}, DANE {:?}", exchange.dnssec, exchange.dane);
        lines.insert("Exchange Online".to_owned(), state);
    }
    lines
}

fn join(keys: &BTreeSet<crate::kernel::KeyId>) -> String {
    keys.iter()
        .map(|key| key.0.as_str())
        .collect::<Vec<_>>()
        .join("; ")
}

/// SHA-256 over the lines, in hexadecimal.
#[must_use]
pub fn digest(lines: &BTreeMap<String, String>) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (name, value) in lines {
        // Lengths keep two different lists from giving the same text.
        let _ = write!(text, "{}:{name}{}:{value}", name.len(), value.len());
    }
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// From the last step back through the need that ended last.
fn critical_path(steps: &[PlanStep]) -> Vec<String> {
    let mut path = Vec::new();
    let mut current = steps
        .iter()
        .filter(|s| s.ends.is_some())
        .max_by_key(|s| s.ends);
    while let Some(step) = current {
        if !step.done_already {
            path.push(step.id.clone());
        }
        current = steps
            .iter()
            .filter(|s| step.needs.contains(&s.id))
            .max_by_key(|s| s.ends);
    }
    path.reverse();
    path
}

/// From each change on: how long until every sender follows a way back.
fn way_back(steps: &mut [PlanStep], setup: &Setup, estimates: &Estimates) {
    for step in steps {
        step.way_back = step
            .effects
            .iter()
            .filter_map(|effect| match &effect.action {
                Action::WriteMx { before, after } => {
                    let named = before.set != after.set;
                    let ttl = if named {
                        after.ttl
                    } else {
                        before.ttl.max(after.ttl)
                    };
                    Some(estimates.visible + setup.timing.lifetime(ttl))
                }
                Action::PublishDs { .. } => {
                    // The parent's DS TTL is not known before it is there; a day is what registries use.
                    Some(estimates.delegation + setup.timing.lifetime(86_400))
                }
                _ => None,
            })
            .max();
    }
}

/// What the least possible time is computed from.
#[must_use]
pub fn lower_bound(
    steps: &[PlannedStep],
    setup: &Setup,
    facts: &Facts,
    memory: &Memory,
    estimates: Estimates,
) -> LowerBound {
    let found = facts.zone.known().and_then(|zone| zone.agreed_mx());
    let mut ttl = found.as_ref().map_or(0, |mx| mx.ttl);
    let mut bound = LowerBound {
        visible: estimates.visible,
        ..LowerBound::default()
    };
    for step in steps {
        match step.goal {
            Goal::LowerTtl { ttl: wanted, .. } => ttl = ttl.min(wanted),
            Goal::VerifyMx {
                expect: Expect::Added,
                soak,
            } => bound.soak_added += soak,
            Goal::VerifyMx {
                expect: Expect::Swapped,
                soak,
            } => bound.soak_swapped += soak,
            _ => {}
        }
    }
    bound.found_lifetime = setup.timing.lifetime(found.as_ref().map_or(0, |mx| mx.ttl));
    bound.lowered_lifetime = setup.timing.lifetime(ttl);
    let stage = found.as_ref().and_then(|mx| {
        memory
            .stage_of(&mx.set)
            .or(Stage::of(&mx.set, &mx.set, new_host(facts).as_ref()))
    });
    bound.mx_steps_done = match stage {
        None | Some(Stage::Original) => 0,
        Some(Stage::Added) => 1,
        Some(Stage::Swapped) => 2,
        Some(Stage::Removed) => 3,
    };
    let host = memory.new_host.clone().or_else(|| new_host(facts));
    if host.is_none() {
        bound.enable = estimates.cmdlet;
    }
    let tlsa = host
        .as_ref()
        .and_then(|host| facts.host(host))
        .map(|h| &h.tlsa);
    if !matches!(tlsa, Some(TlsaFacts::Records { .. })) {
        bound.tlsa_published = estimates.tlsa;
        let negative = u32::try_from(estimates.negative_ttl.as_secs()).unwrap_or(u32::MAX);
        bound.tlsa_negative = setup.timing.lifetime(match tlsa {
            Some(TlsaFacts::Absent { negative_ttl }) => *negative_ttl,
            _ => negative,
        });
    }
    if let Some(policy) = facts.policy.known()
        && policy.mode == PolicyMode::Enforce
        && !host.is_some_and(|h| Policy::Enforced(policy.patterns.clone()).admits(&h))
    {
        let ttl = if setup.strict_mta_sts {
            policy.max_age
        } else {
            policy.record_ttl
        };
        bound.policy = bound.enable + estimates.visible + setup.timing.lifetime(ttl);
    }
    bound.delegation = delegation(setup, facts, estimates);
    bound
}

fn new_host(facts: &Facts) -> Option<Host> {
    facts.exchange.known()?.expected_mx.clone()
}

/// Signing, expiry of unsigned answers, the DS, and its parent's negative TTL.
fn delegation(setup: &Setup, facts: &Facts, estimates: Estimates) -> Duration {
    if matches!(
        &facts.chain,
        Fact::Known {
            value: crate::world::Chain::Secure,
            ..
        }
    ) {
        return Duration::ZERO;
    }
    let negative = facts.parent.known().map_or(0, |p| p.negative_ttl);
    let from_ds = estimates.delegation + setup.timing.lifetime(negative);
    let Some(zone) = facts.zone.known() else {
        return from_ds;
    };
    if matches!(zone.agreed_keys(), Some(crate::kernel::ZoneKeys::Signed(_))) {
        return from_ds;
    }
    let largest = facts
        .provider
        .known()
        .and_then(|p| p.largest_ttl)
        .unwrap_or(setup.zone_largest_ttl)
        .max(zone.largest_ttl)
        .max(zone.negative_ttl);
    estimates.visible + setup.timing.lifetime(largest) + from_ds
}

/// Takes the minutes of a walk on the model.
struct Minutes {
    start: Timestamp,
    steps: Vec<PlanStep>,
    findings: Vec<Finding>,
    open: BTreeMap<String, (Timestamp, Wait)>,
}

impl Minutes {
    fn new(start: Timestamp, steps: &[PlannedStep]) -> Self {
        let steps = steps
            .iter()
            .map(|step| PlanStep {
                id: step.id.clone(),
                kind: step.goal.kind().name().to_owned(),
                gate: step.gate.as_ref().map(|gate| gate.name.clone()),
                needs: step.needs.clone(),
                ..PlanStep::default()
            })
            .collect();
        Self {
            start,
            steps,
            findings: Vec::new(),
            open: BTreeMap::new(),
        }
    }

    fn since_start(&self, at: Timestamp) -> Duration {
        between(self.start, at)
    }

    fn close_wait(&mut self, id: &str, at: Timestamp) {
        if let Some((from, wait)) = self.open.remove(id)
            && at > from
        {
            let wait = PlanWait {
                from: self.since_start(from),
                takes: between(from, at),
                wait,
            };
            if let Some(step) = self.steps.iter_mut().find(|s| s.id == id) {
                step.waits.push(wait);
            }
        }
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from).max(SignedDuration::ZERO)).unwrap_or_default()
}

impl Observer for Minutes {
    fn step(&mut self, at: Timestamp, step: &PlannedStep, next: &Next) {
        // Waiting on for the same thing is one wait, though its wording may change.
        let same = match (self.open.get(&step.id), next) {
            (Some((_, old)), Next::Wait(new)) => old.kind == new.kind && old.until == new.until,
            _ => false,
        };
        if !same {
            self.close_wait(&step.id, at);
        }
        let elapsed = self.since_start(at);
        let Some(planned) = self.steps.iter_mut().find(|s| s.id == step.id) else {
            return;
        };
        if planned.how.is_none() && planned.effects.is_empty() && planned.waits.is_empty() {
            planned.starts = planned.starts.max(elapsed);
        }
        match next {
            Next::Done(how) => {
                planned.done_already = elapsed.is_zero()
                    && planned.effects.is_empty()
                    && planned.by_hand.is_empty()
                    && planned.waits.is_empty();
                planned.how = Some(how.clone());
                planned.ends = Some(elapsed);
            }
            Next::Wait(wait) if !same => {
                self.open.insert(step.id.clone(), (at, wait.clone()));
            }
            Next::Ask(Question::ByHand { instructions }) => {
                planned.by_hand.push(instructions.clone());
            }
            Next::Blocked(findings) => self.findings.extend(findings.iter().cloned()),
            _ => {}
        }
    }

    fn acting(&mut self, at: Timestamp, step: &PlannedStep, action: &Action) {
        let effect = PlanEffect {
            at: self.since_start(at),
            action: action.clone(),
        };
        if let Some(planned) = self.steps.iter_mut().find(|s| s.id == step.id) {
            planned.effects.push(effect);
        }
    }

    fn acted(&mut self, _: Timestamp, _: &PlannedStep, _: &Action, _: &Outcome) {}
    fn waiting(&mut self, _: Timestamp, _: &BTreeMap<String, Pending>, _: Timestamp) {}
    fn way_back(&mut self, _: Timestamp, _: &Memory) {}
    fn ask(&mut self, _: &str, _: &str, _: &str) -> Option<Approval> {
        None
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
