//! One domain walked through one playbook: the loop of every command.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::clock::Clock;
use super::decide;
use super::journal::{Journal, Note};
use super::store::{Brake, IntentId, StoreError};
use crate::playbook::{Goal, PlannedStep};
use crate::step::{
    self, Approval, Context, Finding, Memory, Next, Question, Setup, Severity, Wait, WaitFor,
};
use crate::world::{Action, Facts, Needs, Outcome, World};

/// How far to go.
#[derive(Clone, Debug)]
pub struct Options {
    /// Wait in this process, or end and say when to come back.
    pub wait: bool,
    /// Stop when this step is done.
    pub until: Option<String>,
    /// How often to look while others have to do something.
    pub poll: Duration,
    /// Looks in a row that could not tell before the run stops.
    pub patience: u32,
    /// How often to hear what people say while standing still; `None` in a world without people.
    pub listen: Option<Duration>,
    /// Looks after which the walk gives up: a plan must end.
    pub looks: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            wait: true,
            until: None,
            poll: Duration::from_secs(10),
            patience: 3,
            listen: Some(Duration::from_secs(5)),
            looks: None,
        }
    }
}

/// A step that is not done, and what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "pending", rename_all = "kebab-case")]
pub enum Pending {
    /// It waits.
    Wait(Wait),
    /// A person is asked.
    Ask(Question),
    /// Findings stop it.
    Blocked {
        /// What was found.
        findings: Vec<Finding>,
    },
}

/// How a walk ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// Every step is done (or every one up to `until`).
    Done,
    /// Right, but not yet: come back at `wake`, if somebody can say when.
    NotYet {
        /// What each step waits for.
        pending: BTreeMap<String, Pending>,
        /// When it is worth coming back; `None` when only a person can go on.
        wake: Option<Timestamp>,
    },
    /// Findings forbid going on.
    Blocked {
        /// The findings of each step.
        pending: BTreeMap<String, Pending>,
        /// Whether all that stops it is that something could not be told.
        could_not_tell: bool,
    },
    /// A person said pause, or abort.
    Braked(Brake),
    /// The process was asked to stop; the run goes on when it is called again.
    Interrupted,
}

/// Watches a walk: the terminal, a plan, a test.
pub trait Observer: Send {
    /// A step became active, or says something new.
    fn step(&mut self, at: Timestamp, step: &PlannedStep, next: &Next);
    /// An effect begins.
    fn acting(&mut self, at: Timestamp, step: &PlannedStep, action: &Action);
    /// An effect ended.
    fn acted(&mut self, at: Timestamp, step: &PlannedStep, action: &Action, outcome: &Outcome);
    /// The walk stands still until `wake`.
    fn waiting(&mut self, at: Timestamp, pending: &BTreeMap<String, Pending>, wake: Timestamp);
    /// What is needed to go back, before the first change (S8).
    fn way_back(&mut self, at: Timestamp, memory: &Memory);
    /// A person at a terminal may answer a gate at once.
    fn ask(&mut self, gate: &str, about: &str, effect: &str) -> Option<Approval>;
}

/// Watches nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn step(&mut self, _: Timestamp, _: &PlannedStep, _: &Next) {}
    fn acting(&mut self, _: Timestamp, _: &PlannedStep, _: &Action) {}
    fn acted(&mut self, _: Timestamp, _: &PlannedStep, _: &Action, _: &Outcome) {}
    fn waiting(&mut self, _: Timestamp, _: &BTreeMap<String, Pending>, _: Timestamp) {}
    fn way_back(&mut self, _: Timestamp, _: &Memory) {}
    fn ask(&mut self, _: &str, _: &str, _: &str) -> Option<Approval> {
        None
    }
}

/// The walk could not be kept safe to resume.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The journal could not be written, so nothing more may be done.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One run in progress.
pub struct Walk<'a> {
    /// Where it happens.
    pub world: &'a mut dyn World,
    /// Where it is written down.
    pub journal: &'a mut dyn Journal,
    /// Who watches.
    pub observer: &'a mut dyn Observer,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// The steps in order.
    pub steps: &'a [PlannedStep],
    /// The domain file's wishes.
    pub setup: &'a Setup,
    /// How far to go.
    pub options: Options,
    /// Turns true when the process shall stop.
    pub stop: watch::Receiver<bool>,
    /// What was observed.
    pub facts: Facts,
    /// What cannot be observed again.
    pub memory: Memory,
    /// Intents of an earlier process that have no outcome, by step.
    pub open: BTreeMap<String, IntentId>,
}

/// What a walk knows of its own course; observed anew by whoever resumes.
#[derive(Default)]
struct Course {
    done: BTreeSet<String>,
    said: BTreeMap<String, Next>,
    refused: BTreeMap<String, Finding>,
    unclear: u32,
    looks: u32,
}

/// What one look at all active steps came to.
enum Round {
    /// Something changed: look again at once.
    Progress,
    /// Nothing to do but wait.
    Stand(BTreeMap<String, Pending>),
}

impl Walk<'_> {
    /// Walks until done, blocked, stopped, or, without `wait`, until the first wait.
    ///
    /// # Errors
    /// When the journal cannot be written: then nothing more is done.
    pub async fn run(&mut self) -> Result<Ending, WalkError> {
        let mut course = Course::default();
        loop {
            if *self.stop.borrow() {
                return Ok(Ending::Interrupted);
            }
            if let Some(brake) = self.listen().await? {
                return Ok(Ending::Braked(brake));
            }
            let active = self.active(&course.done);
            let far_enough = |until: &String| course.done.contains(until);
            if active.is_empty() || self.options.until.as_ref().is_some_and(far_enough) {
                return Ok(Ending::Done);
            }
            course.looks += 1;
            if self.options.looks.is_some_and(|most| course.looks > most) {
                return Ok(Ending::NotYet {
                    pending: BTreeMap::new(),
                    wake: None,
                });
            }
            self.look(&active).await;
            let pending = match self.round(&active, &mut course).await? {
                Round::Progress => {
                    course.unclear = 0;
                    continue;
                }
                Round::Stand(pending) => pending,
            };
            if let Some(ending) = self.blocked(&pending, &mut course.unclear) {
                return Ok(ending);
            }
            if self.answer_gates(&pending).await? {
                continue;
            }
            let wake = self.wake(&pending);
            let last = self.options.looks.is_some_and(|most| course.looks >= most);
            match wake {
                Some(wake) if self.options.wait && !last => {
                    self.observer.waiting(self.clock.now(), &pending, wake);
                    if let Some(brake) = self.stand_still(wake).await? {
                        return Ok(Ending::Braked(brake));
                    }
                }
                wake => return Ok(Ending::NotYet { pending, wake }),
            }
        }
    }

    fn active(&self, done: &BTreeSet<String>) -> Vec<PlannedStep> {
        self.steps
            .iter()
            .filter(|s| !done.contains(&s.id) && s.needs.iter().all(|need| done.contains(need)))
            .cloned()
            .collect()
    }

    fn context<'c>(&'c self, step: &'c str, now: Timestamp) -> Context<'c> {
        Context {
            setup: self.setup,
            facts: &self.facts,
            memory: &self.memory,
            step,
            now,
        }
    }

    /// Observes what the active steps need and takes it in. Which hosts to ask is known only once the MX
    /// RRset is, so hosts that come to light are asked right after.
    async fn look(&mut self, active: &[PlannedStep]) {
        let needs = self.needs(active);
        self.world.observe(&needs, &mut self.facts).await;
        self.facts.clock_jumped = self.clock.jumped().map(|jump| jump.as_secs());
        self.memory
            .absorb(&self.facts, self.setup, self.clock.now());
        let all = self.needs(active);
        let hosts: BTreeSet<_> = all.hosts.difference(&needs.hosts).cloned().collect();
        if !hosts.is_empty() {
            let more = Needs {
                hosts,
                smtp: all.smtp,
                ..Needs::default()
            };
            self.world.observe(&more, &mut self.facts).await;
            self.memory
                .absorb(&self.facts, self.setup, self.clock.now());
        }
    }

    fn needs(&self, active: &[PlannedStep]) -> Needs {
        let now = self.clock.now();
        active
            .iter()
            .map(|step| step::needs(step.goal, &self.context(&step.id, now)))
            .fold(Needs::default(), Needs::and)
    }

    /// Asks every active step once; the first effect ends the round, because it changes the world.
    async fn round(
        &mut self,
        active: &[PlannedStep],
        course: &mut Course,
    ) -> Result<Round, WalkError> {
        let mut pending = BTreeMap::new();
        let mut progress = false;
        for step in active {
            let now = self.clock.now();
            let mut next = decide(step, &self.context(&step.id, now));
            if let (Next::Act(_), Some(finding)) = (&next, course.refused.get(&step.id)) {
                next = Next::blocked(finding.clone());
            }
            let soaking = matches!(&next, Next::Wait(wait) if wait.kind == WaitFor::Soak);
            if soaking {
                self.memory.good_since.entry(step.id.clone()).or_insert(now);
            } else if !matches!(next, Next::Done(_)) {
                self.memory.good_since.remove(&step.id);
            }
            if course.said.get(&step.id) != Some(&next) {
                self.say(now, step, &next).await?;
                course.said.insert(step.id.clone(), next.clone());
            }
            match next {
                Next::Done(_) => {
                    course.done.insert(step.id.clone());
                    self.memory.asked.remove(&step.id);
                    self.close(&step.id, "its effect was observed").await?;
                    progress = true;
                }
                Next::Act(action) => {
                    if let Some(finding) = self.act(step, &action).await? {
                        course.refused.insert(step.id.clone(), finding);
                    }
                    course.said.remove(&step.id);
                    return Ok(Round::Progress);
                }
                Next::Wait(wait) => {
                    pending.insert(step.id.clone(), Pending::Wait(wait));
                }
                Next::Ask(question) => {
                    pending.insert(step.id.clone(), Pending::Ask(question));
                }
                Next::Blocked(findings) => {
                    pending.insert(step.id.clone(), Pending::Blocked { findings });
                }
            }
        }
        Ok(if progress {
            Round::Progress
        } else {
            Round::Stand(pending)
        })
    }

    /// Tells the observer and the journal what a step says now.
    async fn say(
        &mut self,
        now: Timestamp,
        step: &PlannedStep,
        next: &Next,
    ) -> Result<(), WalkError> {
        self.observer.step(now, step, next);
        let mut notes = vec![Note::Decision(describe(step, next))];
        match next {
            Next::Ask(Question::Approve {
                gate,
                about,
                effect,
            }) => notes.push(Note::GateOpened {
                gate: gate.clone(),
                about: format!("{about} ({effect})"),
            }),
            Next::Ask(Question::ByHand { .. }) => self.world.asked(step.goal).await,
            _ => {}
        }
        self.journal.note(now, notes, &self.memory).await?;
        Ok(())
    }

    /// Gives an intent of an earlier process its outcome, now that it was observed.
    async fn close(&mut self, step: &str, why: &str) -> Result<(), WalkError> {
        if let Some(intent) = self.open.remove(step) {
            let outcome = Outcome::Done {
                note: why.to_owned(),
                mx_host: None,
            };
            self.journal
                .outcome(self.clock.now(), intent, step, &outcome, &self.memory)
                .await?;
        }
        Ok(())
    }

    /// Journal the intent, perform, journal the outcome. A refusal is returned: it is not tried again by
    /// this process.
    async fn act(
        &mut self,
        step: &PlannedStep,
        action: &Action,
    ) -> Result<Option<Finding>, WalkError> {
        self.close(&step.id, "it was observed to be lost").await?;
        let at = self.clock.now();
        if !self.memory.way_back_kept {
            self.memory.way_back_kept = true;
            self.observer.way_back(at, &self.memory);
            let way_back = Note::WayBack(serde_json::json!({
                "mx": self.memory.original,
                "parent": self.facts.parent,
                "provider": self.facts.provider,
                "exchange": self.facts.exchange,
            }));
            self.journal.note(at, vec![way_back], &self.memory).await?;
        }
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
        let at = self.clock.now();
        self.memory
            .record(&step.id, action, &outcome, self.setup, at);
        self.observer.acted(at, step, action, &outcome);
        self.journal
            .outcome(at, intent, &step.id, &outcome, &self.memory)
            .await?;
        Ok(match outcome {
            Outcome::Conflict { why } => Some(Finding::blocker(
                "effect.conflict",
                format!("to {action}: {why}"),
                "somebody else changed the record; nothing was overwritten",
                "look what it is now, then run again to plan from there",
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

    /// What people said meanwhile.
    async fn listen(&mut self) -> Result<Option<Brake>, WalkError> {
        let signals = self.journal.signals().await?;
        for (gate, approved, by) in signals.gates {
            if approved {
                let at = self.clock.now();
                self.memory
                    .approvals
                    .entry(gate)
                    .or_insert(Approval { by, at });
            } else {
                self.memory.approvals.remove(&gate);
            }
        }
        Ok(signals.brake)
    }

    /// Lets a person at the terminal answer open gates.
    async fn answer_gates(
        &mut self,
        pending: &BTreeMap<String, Pending>,
    ) -> Result<bool, WalkError> {
        let mut answered = false;
        for waiting in pending.values() {
            let Pending::Ask(Question::Approve {
                gate,
                about,
                effect,
            }) = waiting
            else {
                continue;
            };
            if let Some(approval) = self.observer.ask(gate, about, effect) {
                let at = self.clock.now();
                self.memory.approvals.insert(gate.clone(), approval.clone());
                let note = Note::GateApproved {
                    gate: gate.clone(),
                    approval,
                };
                self.journal.note(at, vec![note], &self.memory).await?;
                answered = true;
            }
        }
        Ok(answered)
    }

    /// Whether findings end the walk. A question without an answer is asked again a few times first.
    fn blocked(&self, pending: &BTreeMap<String, Pending>, unclear: &mut u32) -> Option<Ending> {
        let stopping: BTreeMap<_, _> = pending
            .iter()
            .filter(|(_, p)| matches!(p, Pending::Blocked { .. }))
            .map(|(id, p)| (id.clone(), p.clone()))
            .collect();
        if stopping.is_empty() {
            *unclear = 0;
            return None;
        }
        let could_not_tell = stopping.values().all(|p| {
            let Pending::Blocked { findings } = p else {
                return false;
            };
            findings
                .iter()
                .filter(|f| f.stops())
                .all(|f| f.severity == Severity::CouldNotTell)
        });
        *unclear += 1;
        let at_start = stopping.keys().any(|id| {
            self.steps
                .iter()
                .any(|s| s.id == *id && s.goal == Goal::Preflight)
        });
        if could_not_tell && !at_start && self.options.wait && *unclear < self.options.patience {
            return None;
        }
        Some(Ending::Blocked {
            pending: stopping,
            could_not_tell,
        })
    }

    /// When the next look is worth it; `None` when only a person can go on.
    fn wake(&self, pending: &BTreeMap<String, Pending>) -> Option<Timestamp> {
        let now = self.clock.now();
        let poll = now.checked_add(self.options.poll).unwrap_or(now);
        pending
            .values()
            .filter_map(|p| match p {
                Pending::Wait(wait) if wait.kind.worth_polling() => {
                    Some(wait.until.map_or(poll, |until| until.min(poll)))
                }
                Pending::Wait(wait) => wait.until,
                Pending::Ask(Question::ByHand { .. }) | Pending::Blocked { .. } => Some(poll),
                Pending::Ask(Question::Approve { .. }) => None,
            })
            .min()
            .map(|wake| wake.max(now))
    }

    /// Stands still until `wake`, hearing people meanwhile.
    async fn stand_still(&mut self, wake: Timestamp) -> Result<Option<Brake>, WalkError> {
        loop {
            let now = self.clock.now();
            let slice = match self.options.listen {
                Some(listen) => now.checked_add(listen).unwrap_or(wake).min(wake),
                None => wake,
            };
            let mut stop = self.stop.clone();
            tokio::select! {
                () = self.clock.sleep_until(slice) => {}
                stopped = stop.wait_for(|stop| *stop) => {
                    if stopped.is_ok() {
                        return Ok(None);
                    }
                    // Nobody can stop this walk any more: only time can end the wait.
                    self.clock.sleep_until(slice).await;
                }
            }
            let approvals = self.memory.approvals.len();
            if let Some(brake) = self.listen().await? {
                return Ok(Some(brake));
            }
            if slice >= wake || approvals != self.memory.approvals.len() {
                return Ok(None);
            }
        }
    }
}

fn describe(step: &PlannedStep, next: &Next) -> serde_json::Value {
    let id = &step.id;
    match next {
        Next::Done(how) => serde_json::json!({"step": id, "next": "done", "how": how}),
        Next::Act(action) => serde_json::json!({"step": id, "next": "act", "action": action}),
        Next::Wait(wait) => serde_json::json!({"step": id, "next": "wait", "wait": wait}),
        Next::Ask(question) => serde_json::json!({"step": id, "next": "ask", "question": question}),
        Next::Blocked(findings) => {
            serde_json::json!({"step": id, "next": "blocked", "findings": findings})
        }
    }
}
