//! One domain walked through one playbook: the loop of every command.

mod act;
mod stand;
mod words;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::decide;
use super::journal::Journal;
use super::store::IntentId;
use crate::clock::Clock;
use crate::playbook::{Goal, PlannedStep};
use crate::step::{self, Context, Finding, Memory, Next, Setup, WaitFor};
use crate::world::{Facts, Needs, World};

pub use words::{Ending, Observer, Options, Pending, Silent, WalkError};

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
struct Course<'a> {
    done: Vec<&'a str>,
    /// The steps that are not done yet.
    left: Vec<&'a PlannedStep>,
    /// Those of them whose turn it is.
    active: Vec<&'a PlannedStep>,
    /// What was asked since something was done or waited for: what it showed is as good as new.
    seen: Needs,
    said: BTreeMap<String, Next>,
    refused: BTreeMap<String, Finding>,
    /// How far the clock was set during an effect; the next look reports it.
    jumped: Option<SignedDuration>,
    unclear: u32,
    looks: u32,
}

impl<'a> Course<'a> {
    /// A course on which nothing is done yet.
    fn along(steps: &'a [PlannedStep]) -> Self {
        let mut course = Self {
            left: steps.iter().collect(),
            ..Self::default()
        };
        course.find_active();
        course
    }

    fn is_done(&self, step: &str) -> bool {
        self.done.contains(&step)
    }

    /// A step came to its goal.
    fn finish(&mut self, step: &'a PlannedStep) {
        self.done.push(&step.id);
        self.left.retain(|other| other.id != step.id);
    }

    /// The steps that are not done while all that they need is.
    fn find_active(&mut self) {
        let all_done = |needs: &[String]| needs.iter().all(|step| self.is_done(step));
        let ready = |step: &&PlannedStep| all_done(&step.needs);
        self.active = self.left.iter().copied().filter(ready).collect();
    }

    /// Adds to what was asked.
    fn saw(&mut self, asked: Needs) {
        if asked.smtp && !self.seen.smtp {
            // Whether port 25 answers was not asked of these.
            self.seen.hosts.clear();
        }
        self.seen = std::mem::take(&mut self.seen).and(asked);
    }

    /// Nothing counts as done, nor as good since an earlier instant.
    fn begin_again(&mut self, steps: &'a [PlannedStep], memory: &mut Memory) {
        self.done.clear();
        self.left = steps.iter().collect();
        self.find_active();
        self.seen = Needs::default();
        self.said.clear();
        memory.good_since.clear();
    }
}

/// What one look at all active steps came to.
enum Round {
    /// Something changed: look again at once.
    Progress,
    /// Nothing to do but wait.
    Stand(BTreeMap<String, Pending>),
}

impl<'a> Walk<'a> {
    /// Walks until done, blocked, stopped, or, without `wait`, until the first wait.
    ///
    /// # Errors
    /// When the journal cannot be written: then nothing more is done.
    pub async fn run(&mut self) -> Result<Ending, WalkError> {
        let mut course = Course::along(self.steps);
        loop {
            if *self.stop.borrow() {
                return Ok(Ending::Interrupted);
            }
            if let Some(brake) = self.listen().await? {
                return Ok(Ending::Braked(brake));
            }
            let far_enough = |until: &String| course.is_done(until);
            if course.active.is_empty() || self.options.until.as_ref().is_some_and(far_enough) {
                return Ok(Ending::Done);
            }
            // A step whose turn came since the last look begins with what that one saw, and asks for what it did not.
            let anew = course.seen == Needs::default();
            let needs = self.needs(&course.active).without(&course.seen);
            if anew || needs != Needs::default() {
                course.looks += 1;
                if self.options.looks.is_some_and(|most| course.looks > most) {
                    return Ok(Ending::NotYet {
                        pending: BTreeMap::new(),
                        wake: None,
                    });
                }
                self.look(needs, &mut course).await;
                self.keep_unread().await?;
                if self.has_to_go_back_again(&course) {
                    course.begin_again(self.steps, &mut self.memory);
                    continue;
                }
            }
            let done = course.done.len();
            let pending = match self.round(anew, &mut course).await? {
                Round::Progress => {
                    course.unclear = 0;
                    if course.done.len() > done {
                        course.find_active();
                    }
                    continue;
                }
                Round::Stand(pending) => pending,
            };
            course.seen = Needs::default();
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

    /// Whether the records that the way back had brought are gone again: then it is walked anew, as by a new process.
    fn has_to_go_back_again(&self, course: &Course<'_>) -> bool {
        let brought = |step: &PlannedStep| {
            matches!(step.goal, Goal::RestoreMx { .. }) && course.is_done(&step.id)
        };
        self.steps.iter().any(brought) && self.memory.was_moved_on()
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
    async fn look(&mut self, needs: Needs, course: &mut Course<'_>) {
        self.world.observe(&needs, &mut self.facts).await;
        course.saw(needs);
        let earlier = course.jumped.take();
        self.facts.clock_jumped = self.clock.jumped().or(earlier).map(|jump| jump.as_secs());
        if self.facts.clock_jumped.is_some() {
            // What was seen bears the instants of a clock that was set: taken in, it would end what caches hold too
            // early, also for whoever goes on when the clock is right again (T5).
            return;
        }
        self.memory
            .absorb(&self.facts, self.setup, self.clock.now());
        let left = self.needs(&course.active).without(&course.seen);
        let more = Needs {
            hosts: left.hosts,
            smtp: left.smtp,
            verdict: left.verdict,
            ..Needs::default()
        };
        if more != Needs::default() {
            self.world.observe(&more, &mut self.facts).await;
            course.saw(more);
            self.facts.clock_jumped = self.clock.jumped().map(|jump| jump.as_secs());
            if self.facts.clock_jumped.is_none() {
                self.memory
                    .absorb_hosts(&self.facts, self.setup, self.clock.now());
            }
        }
    }

    fn needs(&self, active: &[&PlannedStep]) -> Needs {
        let now = self.clock.now();
        active
            .iter()
            .map(|step| step::needs(step.goal, &self.context(&step.id, now)))
            .reduce(Needs::and)
            .unwrap_or_default()
    }

    /// Says so when others are late with what is waited for: a reason for standing
    /// still belongs on every status line.
    fn mark_overdue(&mut self, step: &str, next: &mut Next, now: Timestamp) {
        let Next::Wait(wait) = next else {
            self.memory.expected_since.remove(step);
            return;
        };
        if !wait.kind.worth_polling() {
            self.memory.expected_since.remove(step);
            return;
        }
        let since = *self
            .memory
            .expected_since
            .entry(step.to_owned())
            .or_insert(now);
        if now.duration_since(since).unsigned_abs() >= self.setup.overdue {
            wait.why.push(format!(
                "this is overdue: it has been expected since {}",
                crate::kernel::utc(since)
            ));
        }
    }

    /// Asks every active step once; the first effect ends the round, because it changes the world. An effect is made on what
    /// was seen `anew` alone.
    async fn round(&mut self, anew: bool, course: &mut Course<'a>) -> Result<Round, WalkError> {
        let mut pending = BTreeMap::new();
        let mut progress = false;
        for index in 0..course.active.len() {
            let step = course.active[index];
            let now = self.clock.now();
            let mut next = decide(step, &self.context(&step.id, now));
            if let (Next::Act(_), Some(finding)) = (&next, course.refused.get(&step.id)) {
                next = Next::blocked(finding.clone());
            }
            if matches!(next, Next::Act(_))
                && let Some(why) = self.journal.stopped()
            {
                next = Next::wait(WaitFor::Stop, why, "the stop file being taken away");
            }
            if matches!(next, Next::Act(_)) && !anew {
                course.seen = Needs::default();
                return Ok(Round::Progress);
            }
            self.mark_overdue(&step.id, &mut next, now);
            self.memory.stands(&step.id, &next, now);
            if course.said.get(&step.id) != Some(&next) {
                self.say(now, step, &next).await?;
                // What is done is not asked again, and an effect is said anew.
                if !matches!(next, Next::Done(_) | Next::Act(_)) {
                    course.said.insert(step.id.clone(), next.clone());
                }
            }
            match next {
                Next::Done(_) => {
                    course.finish(step);
                    self.memory.asked.remove(&step.id);
                    self.close(&step.id).await?;
                    progress = true;
                }
                Next::Act(action) => {
                    if let Some(finding) = self.act(step, &action, &mut course.jumped).await? {
                        course.refused.insert(step.id.clone(), finding);
                    }
                    course.said.remove(&step.id);
                    course.seen = Needs::default();
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
}
