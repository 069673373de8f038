//! The world and the clock that the engine is given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rollout::clock::Clock;
use rollout::step::Memory;
use rollout::world::{Action, Facts, Instructions, Needs, Outcome, World};

use crate::facts::Names;
use crate::journal::{Log, LogMark};
use crate::scenario::{Ms, SECOND, Scenario};
use crate::truth::{Answer, Fate, Mark, Request, Served, Truth};

/// The second at which every run begins.
const BEGINNING: i64 = 1_800_000_000;

/// An instant of the simulation, as a time of day.
#[must_use]
pub fn timestamp(at: Ms) -> Timestamp {
    Timestamp::from_millisecond(BEGINNING * 1000 + at).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A time of day, as an instant of the simulation.
#[must_use]
pub fn instant(at: Timestamp) -> Ms {
    at.as_millisecond() - BEGINNING * 1000
}

/// Where processes are killed, and where one hangs.
#[derive(Clone, Debug, Default)]
pub struct Kills {
    /// Points passed so far, over all processes.
    pub passed: u32,
    /// Points at which the process is killed, in order; the last is first.
    pub at: Vec<u32>,
    /// The point at which a process hangs until another one has taken over.
    pub hang: Option<u32>,
    /// The process that ran last was killed.
    pub killed: bool,
    /// The process that ran last hangs.
    pub hung: bool,
    /// The name of each point, where they are wanted.
    pub names: Option<Vec<&'static str>>,
    /// What a process that is killed there would leave, where that is wanted.
    pub remains: Option<Vec<Remains>>,
    /// Who is shown the world at each point at which a kill leaves another one than at the point before.
    pub shown: Option<Shown>,
}

/// Gets the number of a point, and the world at that point.
pub type Show = Arc<dyn Fn(u32, &Sim) + Send + Sync>;

/// Who is shown worlds, and what the last one was.
#[derive(Clone)]
pub struct Shown {
    to: Show,
    last: Option<(Mark, LogMark)>,
}

impl Shown {
    /// Nothing was shown yet.
    #[must_use]
    pub fn new(to: &Show) -> Self {
        Self {
            to: Arc::clone(to),
            last: None,
        }
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.last.fmt(f)
    }
}

/// What a process leaves that is killed at a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Remains {
    /// What the provider has.
    pub primary: Served,
    /// The registry's DS.
    pub registry: u8,
    /// Whether DNSSEC and DANE are on.
    pub exchange: (bool, bool),
    /// A request that is under way.
    pub flight: Option<Request>,
    /// The memory written last.
    pub memory: Memory,
    /// Steps with an intent without an outcome.
    pub open: Vec<String>,
}

impl Sim {
    /// Shows the world at this point, unless a kill here leaves what a kill at the last one shown leaves: nothing was
    /// written since but notes, and nothing happened.
    fn show(&mut self) {
        let Some(mut shown) = self.kills.shown.take() else {
            return;
        };
        let here = self.truth.mark();
        let same = shown
            .last
            .as_ref()
            .is_some_and(|(truth, log)| *truth == here && self.log.leaves_the_same(log));
        if !same {
            (shown.to)(self.kills.passed, self);
            shown.last = Some((here, self.log.mark()));
        }
        self.kills.shown = Some(shown);
    }

    /// Shows the world at the end of a run, under a number that no point has.
    pub fn show_end(&mut self) {
        if let Some(shown) = self.kills.shown.take() {
            self.kills.passed += 1;
            (shown.to)(self.kills.passed, self);
            self.kills.shown = Some(shown);
        }
    }

    /// What there would be if the process ended here.
    #[must_use]
    pub fn remains(&self) -> Remains {
        let t = &self.truth;
        let flight = t
            .requests
            .last()
            .filter(|sent| sent.applied.is_none() && !sent.conflict && !sent.lost);
        Remains {
            primary: t.primary,
            registry: t.registry,
            exchange: (t.dnssec, t.dane),
            flight: flight.map(|sent| sent.request),
            memory: self.log.memory.clone().unwrap_or_default(),
            open: self.log.open().into_keys().collect(),
        }
    }
}

/// Everything that outlives a process.
#[derive(Clone, Debug)]
pub struct Sim {
    /// What is really so.
    pub truth: Truth,
    /// What was written down.
    pub log: Log,
    /// Kills.
    pub kills: Kills,
    /// Strings, made once.
    pub names: Names,
    /// Looks at the world, over all processes.
    pub looks: u64,
}

/// A handle on it.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Sim>>);

impl Shared {
    /// The world of a scenario.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let truth = Truth::new(scenario);
        Self(Arc::new(Mutex::new(Sim {
            names: Names::new(&truth),
            truth,
            log: Log::default(),
            kills: Kills::default(),
            looks: 0,
        })))
    }

    /// A world that was kept.
    #[must_use]
    pub fn of(sim: Sim) -> Self {
        Self(Arc::new(Mutex::new(sim)))
    }

    /// Looks into it; nobody holds it across a wait.
    pub fn lock(&self) -> MutexGuard<'_, Sim> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A point at which the process may be killed, or hang.
    pub async fn point(&self, name: &'static str) {
        let stops = {
            let mut sim = self.lock();
            let now = sim.truth.now;
            if sim.kills.remains.is_some() {
                let here = sim.remains();
                let all = sim.kills.remains.get_or_insert_default();
                if all.last() != Some(&here) {
                    all.push(here);
                }
            }
            sim.show();
            let kills = &mut sim.kills;
            let number = kills.passed;
            kills.passed += 1;
            if let Some(names) = &mut kills.names {
                names.push(name);
            }
            if kills.hang == Some(number) {
                kills.hang = None;
                kills.hung = true;
            } else if kills.at.last() == Some(&number) {
                kills.at.pop();
                kills.killed = true;
                sim.truth
                    .oracle
                    .say(now, || format!("the process is killed {name}"));
            }
            sim.kills.killed || sim.kills.hung
        };
        if !stops {
            return;
        }
        // A killed process is dropped here; a hung one is polled again.
        let mut first = true;
        std::future::poll_fn(|_| {
            if std::mem::take(&mut first) || self.lock().kills.killed {
                std::task::Poll::Pending
            } else {
                std::task::Poll::Ready(())
            }
        })
        .await;
    }
}

/// The world as the engine sees it.
#[derive(Clone, Debug)]
pub struct SimWorld {
    /// Everything.
    pub shared: Shared,
    /// The fence of the process that looks and acts.
    pub fence: u32,
}

#[async_trait]
impl World for SimWorld {
    async fn observe(&mut self, needs: &Needs, facts: &mut Facts) {
        let mut sim = self.shared.lock();
        sim.looks += 1;
        sim.observe(needs, facts);
    }

    async fn perform(&mut self, action: &Action) -> Outcome {
        let (request, fate) = {
            let mut sim = self.shared.lock();
            let request = sim.request(action);
            let fate = sim.truth.fate(request);
            (request, fate)
        };
        self.shared.point("before the request leaves").await;
        let number = {
            let mut sim = self.shared.lock();
            // A process that hung between its intent and its effect sends it when it comes to, lease or no lease: only
            // compare-and-set, and effects that come to the same when made twice, keep that from doing harm.
            let current = sim.log.fence == self.fence;
            if current {
                sim.judge_before_effect(request);
                sim.judge_asked_again(request, fate.answer == Answer::ByHand);
            }
            let now = sim.truth.now;
            let names = sim.truth.sets.clone();
            sim.truth.oracle.say(now, || {
                format!("REQUEST {} ({fate:?})", describe(request, &names))
            });
            sim.truth.send(request, fate, current)
        };
        self.shared.point("after the request left").await;
        if let Some(applied) = fate.applied
            && applied <= fate.answered
        {
            self.shared.lock().truth.advance(applied);
            self.shared
                .point("after it was made, before the answer")
                .await;
        }
        self.shared.lock().truth.advance(fate.answered);
        self.shared.point("after the answer").await;
        let sim = self.shared.lock();
        sim.outcome(number, request, fate.answer)
    }

    async fn asked(&mut self, instructions: &Instructions) {
        self.shared.lock().ask(instructions);
    }
}

impl SimWorld {
    /// Makes a change at once that no engine answers for: part of what a planted bug does.
    pub fn make_unseen(&self, action: &Action) {
        let mut sim = self.shared.lock();
        let request = sim.request(action);
        let now = sim.truth.now;
        let fate = Fate {
            applied: Some(now),
            answered: now,
            answer: Answer::Honest,
        };
        sim.truth.oracle.say(now, || format!("UNSEEN {request:?}"));
        sim.truth.send(request, fate, false);
        sim.truth.advance(now);
    }
}

/// A request in words.
#[must_use]
pub fn describe(request: Request, sets: &crate::truth::Sets) -> String {
    match request {
        Request::Mx { before, after } => format!(
            "MX {:?} ttl {} -> {:?} ttl {}",
            sets.get(before.0),
            before.1,
            sets.get(after.0),
            after.1
        ),
        other => format!("{other:?}"),
    }
}

impl Sim {
    fn outcome(&self, number: u32, request: Request, answer: Answer) -> Outcome {
        let sent = self.truth.requests.get(number as usize);
        match answer {
            Answer::ByHand => Outcome::Asked {
                instructions: Instructions {
                    summary: "do it".to_owned(),
                    ..Instructions::default()
                },
            },
            Answer::None => Outcome::Unknown {
                why: "no answer in time".to_owned(),
            },
            Answer::Later(after) => Outcome::Later {
                why: "too many requests".to_owned(),
                after: u64::try_from(after / SECOND).unwrap_or(1),
            },
            Answer::Refused => Outcome::Refused {
                why: "no".to_owned(),
            },
            Answer::Honest if sent.is_some_and(|sent| sent.conflict) => Outcome::Conflict {
                why: "it is another".to_owned(),
            },
            Answer::Honest => Outcome::Done {
                note: "taken".to_owned(),
                mx_host: (request == Request::Dnssec && self.truth.named_from <= self.truth.now)
                    .then(|| self.names.new_host()),
            },
        }
    }
}

impl Sim {
    /// Lets time pass to the next event, and no further than to an instant of the machine's clock; false when that is there.
    /// The clock may be set meanwhile: it is the one that has to reach the instant.
    pub fn comes_closer_to(&mut self, until: Timestamp) -> bool {
        let truth = &mut self.truth;
        let left = instant(until) - (truth.now + truth.clock_off);
        if left <= 0 {
            return false;
        }
        let to = truth.now + left;
        let next = truth.next_event().filter(|event| *event < to);
        truth.advance(next.unwrap_or(to));
        true
    }
}

/// The machine's clock.
#[derive(Clone, Debug)]
pub struct SimClock(pub Shared);

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let sim = self.0.lock();
        timestamp(sim.truth.now + sim.truth.clock_off)
    }

    async fn sleep_until(&self, until: Timestamp) {
        while self.0.lock().comes_closer_to(until) {}
    }

    fn jumped(&self) -> Option<SignedDuration> {
        let jump = std::mem::take(&mut self.0.lock().truth.clock_jumped);
        (jump != 0).then(|| SignedDuration::from_millis(jump))
    }
}
