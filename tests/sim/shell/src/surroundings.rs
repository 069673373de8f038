//! What a process is given: the internet, the clock, a watcher; and what the state file says, for the oracle.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rollout::clock::Clock;
use rollout::engine::Observer;
use rollout::engine::store::{
    GateEvent, GateVerdict, Kind, Recorded, RunId, Signal, SqliteStore, Store, StoreReader,
    TestDatabaseClock,
};
use rollout::playbook::PlannedStep;
use rollout::step::{Approval, Memory, Next};
use rollout::world::{Action, Facts, Instructions, Needs, Outcome, World};

use crate::journal::Line;
use crate::process::Watcher;
use crate::scenario::{Ms, SECOND};
use crate::world::{Shared, SimClock, SimWorld};

/// How finely time passes: a heartbeat comes every 20 seconds.
const GRAIN: Ms = 10 * SECOND;

/// The three clocks: the internet's leads, tokio's and the database's follow.
#[derive(Clone)]
pub struct Time {
    pub shared: Shared,
    pub database: TestDatabaseClock,
    followed: Arc<AtomicI64>,
}

impl Time {
    pub fn new(shared: &Shared, database: &TestDatabaseClock) -> Self {
        Self {
            shared: shared.clone(),
            database: database.clone(),
            followed: Arc::default(),
        }
    }

    /// Lets tokio's clock and the database's reach the internet's, so that whatever ticks meanwhile ticks.
    pub async fn follow(&self) {
        loop {
            let left = self.shared.lock().truth.now - self.followed.load(Ordering::Relaxed);
            if left <= 0 {
                return;
            }
            let step = Duration::from_millis(u64::try_from(left.min(GRAIN)).unwrap_or(0));
            tokio::time::sleep(step).await;
            self.database.advance(step);
            self.followed.fetch_add(left.min(GRAIN), Ordering::Relaxed);
        }
    }

    /// Lets time pass.
    pub async fn pass(&self, by: Ms) {
        {
            let mut sim = self.shared.lock();
            let to = sim.truth.now + by;
            sim.truth.advance(to);
        }
        self.follow().await;
    }

    /// The machine is suspended: for it no time passes, for everybody else it does.
    pub fn suspend(&self, by: Ms) {
        let mut sim = self.shared.lock();
        let to = sim.truth.now + by;
        sim.truth.advance(to);
        self.database
            .advance(Duration::from_millis(u64::try_from(by).unwrap_or(0)));
        self.followed.fetch_add(by, Ordering::Relaxed);
    }
}

#[async_trait]
impl Clock for Time {
    fn now(&self) -> Timestamp {
        SimClock(self.shared.clone()).now()
    }

    async fn sleep_until(&self, until: Timestamp) {
        while self.shared.lock().comes_closer_to(until) {
            self.follow().await;
        }
    }

    fn jumped(&self) -> Option<SignedDuration> {
        SimClock(self.shared.clone()).jumped()
    }
}

/// The internet, and beside it a reader of the state file: what the oracle judges is what is on the disk.
pub struct ShellWorld {
    pub inner: SimWorld,
    pub time: Time,
    pub store: SqliteStore,
    pub run: RunId,
    /// Whether gates are passed by `rollout approve`, beside the process, and not at its prompt.
    pub approves: bool,
}

impl ShellWorld {
    /// Takes over what was written since.
    async fn read(&self) {
        read(&self.inner.shared, &self.store, self.run).await;
    }

    /// Passes the gates for which it is time.
    async fn approve(&self) {
        let due: Vec<String> = {
            let sim = self.inner.shared.lock();
            let now = sim.truth.now;
            let passed = sim.log.gates.iter().filter(|(_, at)| **at <= now);
            passed.map(|(gate, _)| gate.clone()).collect()
        };
        let events = self.store.gates(self.run).await.unwrap();
        for event in events {
            if event.verdict == GateVerdict::Opened && due.contains(&event.gate) {
                let approved = GateEvent {
                    verdict: GateVerdict::Approved,
                    by: "a person".to_owned(),
                    ..event
                };
                let at = self.time.now();
                self.store
                    .signal(self.run, at, Signal::Gate(approved))
                    .await
                    .unwrap();
            }
        }
    }
}

/// Takes over into the oracle's log what was written to the state file since.
pub async fn read(shared: &Shared, store: &SqliteStore, run: RunId) {
    let known = shared.lock().log.lines.len() as u64;
    let entries = store.journal(run, known, usize::MAX >> 1).await.unwrap();
    let mut sim = shared.lock();
    for entry in entries {
        assert_eq!(
            entry.seq,
            sim.log.lines.len() as u64 + 1,
            "an entry is missing"
        );
        let now = sim.truth.now;
        let fence = u32::try_from(entry.fence.0).unwrap();
        let line = match entry.kind {
            Kind::Intent => {
                let action: Action = serde_json::from_value(entry.body["action"].clone()).unwrap();
                Line::Intent {
                    id: entry.intent.unwrap(),
                    step: step_of(&entry),
                    request: sim.request(&action),
                }
            }
            Kind::Outcome => {
                let outcome = serde_json::from_value(entry.body["outcome"].clone()).unwrap();
                Line::Outcome {
                    id: entry.intent.unwrap(),
                    taken: matches!(outcome, Outcome::Done { .. } | Outcome::Asked { .. }),
                }
            }
            Kind::WayBack => {
                sim.judge_way_back(&entry.body);
                Line::WayBack
            }
            Kind::Gate => {
                let event: GateEvent = serde_json::from_value(entry.body).unwrap();
                if event.verdict == GateVerdict::Opened {
                    let people = sim.truth.scenario.people;
                    let passed = now + sim.truth.rng.range(0, people);
                    sim.log.gates.entry(event.gate).or_insert(passed);
                    Line::Note
                } else {
                    Line::Gate(event.gate)
                }
            }
            _ => Line::Note,
        };
        sim.log.lines.push((now, fence, line));
    }
}

fn step_of(entry: &Recorded) -> String {
    entry.body["step"].as_str().unwrap().to_owned()
}

#[async_trait]
impl World for ShellWorld {
    async fn observe(&mut self, needs: &Needs, facts: &mut Facts) {
        self.read().await;
        if self.approves {
            self.approve().await;
        }
        self.inner.observe(needs, facts).await;
    }

    async fn perform(&mut self, action: &Action) -> Outcome {
        self.read().await;
        let outcome = self.inner.perform(action).await;
        self.time.follow().await;
        outcome
    }

    async fn asked(&mut self, instructions: &Instructions) {
        self.inner.asked(instructions).await;
    }
}

/// Watches for the oracle; at its prompt nobody answers where gates are passed beside it.
pub struct Prompt {
    pub watcher: Watcher,
    pub answered: bool,
}

impl Observer for Prompt {
    fn step(&mut self, at: Timestamp, step: &PlannedStep, next: &Next) {
        self.watcher.step(at, step, next);
    }
    fn acting(&mut self, _: Timestamp, _: &PlannedStep, _: &Action) {}
    fn acted(&mut self, at: Timestamp, step: &PlannedStep, action: &Action, outcome: &Outcome) {
        self.watcher.acted(at, step, action, outcome);
    }
    fn waiting(
        &mut self,
        _: Timestamp,
        _: &std::collections::BTreeMap<String, rollout::engine::Pending>,
        _: Timestamp,
    ) {
    }
    fn way_back(&mut self, _: Timestamp, _: &Memory) {}
    fn ask(&mut self, gate: &str, about: &str, hint: &str) -> Option<Approval> {
        self.answered
            .then(|| self.watcher.ask(gate, about, hint))
            .flatten()
    }
}
