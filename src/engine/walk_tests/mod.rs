//! The loop against a scripted world: what is written when, what a crash leaves, what people and services do.

mod effects;
mod people;
mod time;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::watch;

use super::run::{LEASE, Left, Run, RunError};
use super::store::{
    Brake, GateEvent, GateVerdict, IntentId, Kind, NewRun, Owner, Recorded, RunId, Signal,
    SqliteStore, Status, Store, StoreError, StoreOptions, StoreReader, TestDatabaseClock,
};
use super::walk::{Ending, Observer, Options, Pending, WalkError};
use crate::clock::{Clock, VirtualClock};
use crate::playbook::{Goal, PlannedStep, Schedule, builtin};
use crate::step::fixture::*;
use crate::step::{Approval, Memory, Next, WaitFor};
use crate::world::{
    Action, Answer, Estimates, Fact, Facts, Instructions, Model, Needs, Outcome, SmtpOutcome, World,
};

/// What the scripted world does with one effect.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    /// Make it and say so.
    Well,
    /// Say so, but it never shows.
    NeverShows,
    /// Make it; the answer is lost.
    AnswerLost,
    /// It is lost on the way, and so is the answer.
    Lost,
    Conflict,
    Refused,
    Later(u64),
}

/// What happened, in order, as the world and the journal saw it.
#[derive(Clone, Debug, PartialEq)]
enum Event {
    Look,
    Effect(&'static str),
}

type Script = Box<dyn Fn(&Action, usize) -> Act + Send>;
type Change = Box<dyn Fn(&mut Facts, usize, Timestamp) + Send>;

/// A model that outlives the processes that drive it.
struct Outside {
    model: Model,
    script: Script,
    change: Change,
    events: Vec<Event>,
    tried: BTreeMap<&'static str, usize>,
    looks: usize,
    /// The instant of every look.
    looked: Vec<Timestamp>,
    /// What the last look asked.
    asked: Needs,
    /// What was asked right before each effect.
    rests_on: Vec<(&'static str, Needs)>,
    /// Answers that nobody understood, waiting for the journal.
    unread: Vec<crate::microsoft::Unread>,
    clock: VirtualClock,
}

impl Outside {
    fn effects(&self, name: &str) -> usize {
        let is = |e: &&Event| matches!(e, Event::Effect(n) if *n == name);
        self.events.iter().filter(is).count()
    }
}

#[derive(Clone)]
struct Scripted(Arc<tokio::sync::Mutex<Outside>>);

#[async_trait]
impl World for Scripted {
    async fn observe(&mut self, needs: &Needs, facts: &mut Facts) {
        tokio::task::yield_now().await;
        let mut outside = self.0.lock().await;
        outside.model.observe(needs, facts).await;
        outside.events.push(Event::Look);
        outside.looks += 1;
        outside.asked = needs.clone();
        let now = outside.clock.now();
        outside.looked.push(now);
        (outside.change)(facts, outside.looks, now);
        drop(outside);
        tokio::task::yield_now().await;
    }

    async fn perform(&mut self, action: &Action) -> Outcome {
        // A crash here is one before the request left.
        tokio::task::yield_now().await;
        let mut outside = self.0.lock().await;
        let count = outside.tried.entry(action.name()).or_default();
        *count += 1;
        let count = *count;
        let rests_on = std::mem::take(&mut outside.asked);
        outside.rests_on.push((action.name(), rests_on));
        let done = Outcome::Done {
            note: "taken".into(),
            mx_host: None,
        };
        let unknown = Outcome::Unknown {
            why: "the connection broke".into(),
        };
        let outcome = match (outside.script)(action, count) {
            Act::Well => {
                outside.events.push(Event::Effect(action.name()));
                outside.model.perform(action).await
            }
            Act::NeverShows => done,
            Act::AnswerLost => {
                outside.events.push(Event::Effect(action.name()));
                outside.model.perform(action).await;
                unknown
            }
            Act::Lost => unknown,
            Act::Conflict => Outcome::Conflict {
                why: "the set is another".into(),
            },
            Act::Refused => Outcome::Refused {
                why: "no right".into(),
            },
            Act::Later(after) => Outcome::Later {
                why: "busy".into(),
                after,
            },
        };
        drop(outside);
        // A crash here is one before the answer came.
        tokio::task::yield_now().await;
        outcome
    }

    fn unread(&mut self) -> Vec<crate::microsoft::Unread> {
        self.0
            .try_lock()
            .map(|mut outside| std::mem::take(&mut outside.unread))
            .unwrap_or_default()
    }

    async fn asked(&mut self, instructions: &Instructions) {
        self.0.lock().await.model.asked(instructions).await;
    }
}

/// Approves every gate but these, and writes down what it is shown.
#[derive(Default)]
struct Watcher {
    closed: BTreeSet<&'static str>,
    shown: Vec<String>,
    waits: Vec<(String, crate::step::Wait)>,
    /// The instant until which the walk stood still, each time.
    wakes: Vec<Timestamp>,
}

impl Observer for Watcher {
    fn step(&mut self, _: Timestamp, step: &PlannedStep, next: &Next) {
        if let Next::Wait(wait) = next {
            self.waits.push((step.id.clone(), wait.clone()));
        }
        if let Next::Blocked(findings) = next {
            self.shown.push(format!("blocked {}", findings[0].id));
        }
    }
    fn acting(&mut self, _: Timestamp, _: &PlannedStep, action: &Action) {
        self.shown.push(format!("acting {}", action.name()));
    }
    fn acted(&mut self, _: Timestamp, _: &PlannedStep, _: &Action, _: &Outcome) {}
    fn waiting(&mut self, _: Timestamp, _: &BTreeMap<String, Pending>, wake: Timestamp) {
        self.wakes.push(wake);
    }
    fn way_back(&mut self, _: Timestamp, memory: &Memory) {
        let original = memory.original.as_ref().unwrap();
        self.shown.push(format!("way back to {original}"));
    }
    fn ask(&mut self, gate: &str, _: &str, _: &str) -> Option<Approval> {
        (!self.closed.contains(gate)).then(|| Approval {
            by: "a person".into(),
            at: at(0),
        })
    }
}

/// Everything a run is made of but the process.
struct Stage {
    world: Scripted,
    clock: VirtualClock,
    store: SqliteStore,
    database: TestDatabaseClock,
    steps: Vec<PlannedStep>,
}

fn quick() -> Estimates {
    Estimates {
        visible: Duration::from_secs(10),
        cmdlet: Duration::from_secs(5),
        tlsa: Duration::from_secs(60),
        delegation: Duration::from_secs(20),
        negative_ttl: Duration::from_secs(300),
    }
}

impl Stage {
    fn new(start: &Start) -> Self {
        Self::with(start, |_, _| Act::Well, |_, _, _| {})
    }

    fn with(
        start: &Start,
        script: impl Fn(&Action, usize) -> Act + Send + 'static,
        change: impl Fn(&mut Facts, usize, Timestamp) + Send + 'static,
    ) -> Self {
        let clock = VirtualClock::new(at(0));
        let database = TestDatabaseClock::new(at(0));
        let store = SqliteStore::in_memory(StoreOptions {
            test_clock: Some(database.clone()),
            ..StoreOptions::default()
        })
        .unwrap();
        let playbook = builtin("exchange-dane").unwrap();
        Self {
            world: Scripted(Arc::new(tokio::sync::Mutex::new(Outside {
                model: Model::new(start.facts(), clock.clone(), quick()),
                script: Box::new(script),
                change: Box::new(change),
                events: Vec::new(),
                tried: BTreeMap::new(),
                looks: 0,
                looked: Vec::new(),
                asked: Needs::default(),
                rests_on: Vec::new(),
                unread: Vec::new(),
                clock: clock.clone(),
            }))),
            clock,
            store,
            database,
            steps: playbook.planned(Schedule::Overlap, &playbook.defaults()),
        }
    }

    async fn run(&self) -> Run {
        let new = NewRun {
            domain: DOMAIN.into(),
            domain_file: "domain.yml".into(),
            playbook: "exchange-dane".into(),
            playbook_text: String::new(),
            settings: Value::Null,
            memory: None,
        };
        Run::claim_or_start(&self.store, &Owner::this_process(), new)
            .await
            .unwrap()
    }

    fn options() -> Options {
        Options {
            listen: None,
            looks: Some(5_000),
            ..Options::default()
        }
    }

    async fn walk(&self, watcher: &mut Watcher, options: Options) -> Result<Left, RunError> {
        let (_keep, stop) = watch::channel(false);
        let mut world = self.world.clone();
        self.run()
            .await
            .walk(
                &mut world,
                watcher,
                &self.clock,
                &self.steps,
                &setup(),
                options,
                stop,
            )
            .await
    }

    async fn id(&self) -> RunId {
        self.store.runs(None).await.unwrap()[0].id
    }

    async fn journal(&self) -> Vec<Recorded> {
        self.store
            .journal(self.id().await, 0, 100_000)
            .await
            .unwrap()
    }

    async fn effects(&self) -> BTreeMap<&'static str, usize> {
        let outside = self.world.0.lock().await;
        [
            "write-mx",
            "sign-zone",
            "publish-ds",
            "enable-dnssec",
            "enable-dane",
        ]
        .into_iter()
        .map(|name| (name, outside.effects(name)))
        .collect()
    }
}

/// Five writes of the MX RRset, and one of everything else.
fn each_once() -> BTreeMap<&'static str, usize> {
    [
        ("write-mx", 5),
        ("sign-zone", 1),
        ("publish-ds", 1),
        ("enable-dnssec", 1),
        ("enable-dane", 1),
    ]
    .into()
}
