//! The minutes of a walk on the model: when each step acts, waits and ends.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{PlanEffect, PlanStep, PlanWait};
use crate::engine::walk::{Observer, Pending};
use crate::playbook::PlannedStep;
use crate::step::{Approval, Finding, Memory, Next, Question, Wait};
use crate::world::{Action, Outcome};

/// Takes the minutes of a walk on the model.
pub(super) struct Minutes {
    start: Timestamp,
    pub(super) steps: Vec<PlanStep>,
    pub(super) findings: Vec<Finding>,
    open: BTreeMap<String, (Timestamp, Wait)>,
}

impl Minutes {
    pub(super) fn new(start: Timestamp, steps: &[PlannedStep]) -> Self {
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
