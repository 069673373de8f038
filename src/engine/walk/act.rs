//! Effects: journal the intent, perform, journal the outcome.

use super::{Walk, WalkError};
use crate::engine::journal::{Decision, Note};
use crate::playbook::PlannedStep;
use crate::step::{Finding, Next, Question};
use crate::world::{Action, Fact, Outcome, VerdictFacts};

use jiff::{SignedDuration, Timestamp};

impl Walk<'_> {
    /// Tells the observer and the journal what a step says now.
    pub(super) async fn say(
        &mut self,
        now: Timestamp,
        step: &PlannedStep,
        next: &Next,
    ) -> Result<(), WalkError> {
        self.observer.step(now, step, next);
        // A step that is taken, or an effect that is about to be: on what verdict.
        let verdict = match next {
            Next::Done(_) | Next::Act(_) => self.verdict_for(step, now),
            _ => None,
        };
        let decision = Decision {
            step: step.id.clone(),
            next: next.clone(),
            verdict: verdict.cloned(),
        };
        let mut notes = vec![Note::Decision(Box::new(decision))];
        match next {
            Next::Ask(Question::Approve {
                gate,
                about,
                effect,
            }) => notes.push(Note::GateOpened {
                gate: gate.clone(),
                about: format!("{about} ({effect})"),
            }),
            Next::Ask(Question::ByHand { instructions }) => {
                // What a person is about to do is a change as well.
                self.keep_way_back(now).await?;
                self.world.asked(instructions).await;
            }
            _ => {}
        }
        self.journal.note(now, notes, &self.memory).await?;
        Ok(())
    }

    /// The verdict that a decision rests on, where its step asks for one.
    fn verdict_for(&self, step: &PlannedStep, now: Timestamp) -> Option<&Fact<VerdictFacts>> {
        // To find out what a step needs is not free, and most are taken before anything asks for a verdict.
        if matches!(self.facts.verdict, Fact::Unasked) {
            return None;
        }
        let asked = crate::step::needs(step.goal, &self.context(&step.id, now)).verdict;
        asked.then_some(&self.facts.verdict)
    }

    /// Gives an intent of an earlier process its outcome, now that it was observed.
    pub(super) async fn close(&mut self, step: &str) -> Result<(), WalkError> {
        if let Some(intent) = self.open.remove(step) {
            let outcome = Outcome::Done {
                note: "its effect was observed".to_owned(),
                mx_host: None,
            };
            self.journal
                .outcome(self.clock.now(), intent, step, &outcome, &self.memory)
                .await?;
        }
        Ok(())
    }

    /// Before the first change, all that is needed to go back is journalled and shown (S8).
    async fn keep_way_back(&mut self, at: Timestamp) -> Result<(), WalkError> {
        if self.memory.way_back_kept {
            return Ok(());
        }
        self.memory.way_back_kept = true;
        self.observer.way_back(at, &self.memory);
        let way_back = Note::WayBack(serde_json::json!({
            "mx": self.memory.original,
            "mta_sts": self.memory.mta_sts.found,
            "parent": self.facts.parent,
            "provider": self.facts.provider,
            "exchange": self.facts.exchange,
        }));
        self.journal.note(at, vec![way_back], &self.memory).await?;
        Ok(())
    }

    /// Journals the answers that were not understood, as they came.
    pub(super) async fn keep_unread(&mut self) -> Result<(), WalkError> {
        let notes: Vec<_> = self
            .world
            .unread()
            .into_iter()
            .map(|unread| Note::Unread(Box::new(unread)))
            .collect();
        if !notes.is_empty() {
            let at = self.clock.now();
            self.journal.note(at, notes, &self.memory).await?;
        }
        Ok(())
    }

    /// Journal the intent, perform, journal the outcome. A refusal is returned: it is not tried again by
    /// this process.
    pub(super) async fn act(
        &mut self,
        step: &PlannedStep,
        action: &Action,
        jumped: &mut Option<SignedDuration>,
    ) -> Result<Option<Finding>, WalkError> {
        if let Some(intent) = self.open.remove(&step.id) {
            let lost = Outcome::Later {
                why: "it was observed to be lost, and is made anew".to_owned(),
                after: 0,
            };
            self.journal
                .outcome(self.clock.now(), intent, &step.id, &lost, &self.memory)
                .await?;
        }
        let at = self.clock.now();
        self.keep_way_back(at).await?;
        // Until the outcome is known it counts as unknown, also for whoever resumes after a crash.
        let mut before = self.memory.clone();
        let lost = Outcome::Unknown {
            why: "the process ended before the answer".to_owned(),
        };
        before.record(&step.id, action, &lost, self.setup, at);
        let intent = self
            .journal
            .intent(at, &step.id, action, &self.facts, &before)
            .await?;
        self.observer.acting(at, step, action);
        let outcome = self.world.perform(action).await;
        // A clock that was set meanwhile would date the outcome wrong, also for whoever goes on when it is right again (T5).
        *jumped = self.clock.jumped();
        let now = self.clock.now();
        let at = match *jumped {
            Some(by) => now.checked_sub(by).unwrap_or(now),
            None => now,
        };
        self.memory
            .record(&step.id, action, &outcome, self.setup, at);
        self.observer.acted(at, step, action, &outcome);
        self.journal
            .outcome(at, intent, &step.id, &outcome, &self.memory)
            .await?;
        self.keep_unread().await?;
        Ok(match outcome {
            Outcome::Conflict { why } => Some(Finding::blocker(
                "effect.conflict",
                format!("to {action}: {why}"),
                "somebody else changed the record; nothing was overwritten",
                "look what it is now, then run again to plan from there",
            )),
            // No field tells the domains that Microsoft does not support; its cmdlet does.
            Outcome::Refused { why } if *action == Action::EnableDnssec => Some(Finding::blocker(
                "effect.refused",
                format!("to {action}: {why}"),
                "the service refused it; nothing was changed",
                "mend what it names, then run again. Microsoft supports neither initial, nor fully delegated domains, nor those of self-service (viral) tenants: these are taken over by an admin first",
            )),
            Outcome::Refused { why } => Some(Finding::blocker(
                "effect.refused",
                format!("to {action}: {why}"),
                "the service refused it; nothing was changed",
                "mend what it names, then run again",
            )),
            _ => None,
        })
    }
}
