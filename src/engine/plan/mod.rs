//! A plan: the loop walked on the model, and what it came to, step by step.

mod bound;
mod essentials;
mod minutes;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::journal::NoJournal;
use super::walk::{Ending, Options, Pending, Walk};
use crate::clock::VirtualClock;
use crate::playbook::{PlannedStep, StepKind};
use crate::step::{Approval, Finding, Memory, Question, Setup, Severity, Wait, WaitFor};
use crate::world::{Action, Estimates, Facts, Instructions, Model};

pub use bound::lower_bound;
pub use essentials::{digest, essentials};
use minutes::Minutes;

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

    /// How much of the total some change waits for a window to open, or for a freeze to end.
    #[must_use]
    pub fn outside_windows(&self) -> Duration {
        let mut spans: Vec<(Duration, Duration)> = self
            .steps
            .iter()
            .flat_map(|step| &step.waits)
            .filter(|wait| wait.wait.kind == WaitFor::Window)
            .map(|wait| (wait.from, wait.from + wait.takes))
            .collect();
        spans.sort_unstable();
        let mut seen = Duration::ZERO;
        let mut sum = Duration::ZERO;
        for (from, to) in spans {
            sum += to.saturating_sub(from.max(seen));
            seen = seen.max(to);
        }
        sum
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

/// What is to be planned.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The domain.
    pub domain: &'a str,
    /// The playbook's name.
    pub playbook: &'a str,
    /// Its steps.
    pub steps: &'a [PlannedStep],
    /// The domain file's wishes.
    pub setup: &'a Setup,
}

/// Makes a plan from what was observed.
///
/// `memory` is that of a run in progress, or a fresh one. The model asks nobody: gates count as passed,
/// what a person does by hand as done after the usual time.
pub async fn plan(
    asked: Asked<'_>,
    seed: &Facts,
    memory: &Memory,
    estimates: Estimates,
    now: Timestamp,
) -> Plan {
    let Asked {
        domain,
        playbook,
        steps,
        setup,
    } = asked;
    let clock = VirtualClock::new(now);
    let mut model = Model::new(seed.clone(), clock.clone(), estimates);
    let told =
        |name: &str| memory.performed.contains_key(name) || memory.unknown.contains_key(name);
    let asked = |kind: StepKind| {
        let of_kind = |s: &&PlannedStep| s.goal.kind() == kind;
        steps
            .iter()
            .filter(of_kind)
            .any(|s| memory.asked.contains_key(&s.id))
    };
    model.under_way(
        memory.expected.as_ref().filter(|_| memory.way_back_kept),
        told("sign-zone"),
        told("publish-ds") || asked(StepKind::Delegate),
    );
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
                Action::PublishDs { .. } | Action::WithdrawDs { .. } => {
                    // The parent's DS TTL is not known before it is there; a day is what registries use.
                    Some(estimates.delegation + setup.timing.lifetime(86_400))
                }
                _ => None,
            })
            .max();
    }
}

#[cfg(test)]
#[path = "../plan_tests.rs"]
mod tests;

#[cfg(test)]
mod playbooks_tests;
#[cfg(test)]
mod rules_tests;
