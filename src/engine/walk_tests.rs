//! The loop against a scripted world: what is written when, what a crash leaves, what people and services do.

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

    async fn asked(&mut self, goal: Goal, instructions: &Instructions) {
        self.0.lock().await.model.asked(goal, instructions).await;
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

#[tokio::test]
async fn s6_s8_intent_before_effect_outcome_after_and_the_way_back_before_all() {
    let stage = Stage::new(&Start::default());
    let mut watcher = Watcher::default();
    let left = stage.walk(&mut watcher, Stage::options()).await.unwrap();
    assert_eq!(left.ending, Ending::Done, "{:?}", watcher.shown.last());
    assert_eq!(stage.effects().await, each_once());

    let journal = stage.journal().await;
    let kinds: Vec<_> = journal
        .iter()
        .filter(|e| matches!(e.kind, Kind::Intent | Kind::Outcome | Kind::WayBack))
        .map(|e| (e.kind, e.intent))
        .collect();
    assert_eq!(kinds[0].0, Kind::WayBack, "S8: before the first change");
    assert_eq!(kinds.iter().filter(|(k, _)| *k == Kind::WayBack).count(), 1);
    for pair in kinds[1..].chunks(2) {
        assert_eq!((pair[0].0, pair[1].0), (Kind::Intent, Kind::Outcome));
        assert_eq!(pair[0].1, pair[1].1);
    }
    let way_back = journal.iter().find(|e| e.kind == Kind::WayBack).unwrap();
    assert_eq!(way_back.body["mx"]["ttl"], 3600);
    assert!(way_back.body["mx"].to_string().contains(LEGACY));
    for part in ["parent", "provider", "exchange"] {
        assert!(way_back.body[part].is_object(), "{part}");
    }
    // And shown before the first effect, once.
    let shown = |what: &str| watcher.shown.iter().filter(|s| s.starts_with(what)).count();
    assert!(watcher.shown[0].starts_with(&format!("way back to 0 {LEGACY} (TTL 3600 s)")));
    assert_eq!(shown("way back"), 1);

    // Each intent carries its evidence and what it changes.
    let writes = journal
        .iter()
        .filter(|e| e.kind == Kind::Intent && e.body["action"]["action"] == "write-mx");
    for intent in writes {
        assert!(intent.body["evidence"]["zone"].is_object());
        assert!(intent.body["action"]["before"].is_object());
    }
    stage.store.verify_chain(stage.id().await).await.unwrap();
}

#[tokio::test]
async fn s7_an_answer_that_was_not_understood_is_journalled_as_it_came() {
    let stage = Stage::new(&Start::default());
    stage.world.0.lock().await.unread = vec![crate::microsoft::Unread {
        call: crate::microsoft::Call::new("Get-X", Some("contoso.com")),
        why: "Get-X could not tell".into(),
        bytes: 17,
        body: "{\"odd\": [secret]}".into(),
    }];
    let mut watcher = Watcher::default();
    stage.walk(&mut watcher, Stage::options()).await.unwrap();
    let journal = stage.journal().await;
    let kept: Vec<_> = journal
        .iter()
        .filter(|e| e.kind == Kind::Observation && e.body.get("unread").is_some())
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].body["unread"]["body"], "{\"odd\": [secret]}");
    assert_eq!(kept[0].body["unread"]["call"]["name"], "Get-X");
    // Nobody who only watches is shown it.
    assert!(!watcher.shown.iter().any(|shown| shown.contains("odd")));
    stage.store.verify_chain(stage.id().await).await.unwrap();
}

#[tokio::test]
async fn s8_without_a_change_there_is_no_way_back_to_keep() {
    let stage = Stage::new(&Start::finished());
    let mut watcher = Watcher::default();
    let left = stage.walk(&mut watcher, Stage::options()).await.unwrap();
    assert_eq!(left.ending, Ending::Done);
    assert!(watcher.shown.is_empty(), "{:?}", watcher.shown);
    assert!(
        stage
            .journal()
            .await
            .iter()
            .all(|e| e.kind != Kind::WayBack)
    );
}

/// Drops the future after `polls` polls, as a crash does; `None` when it ended before.
async fn crash<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// S6: killed at any await, and gone on with by another process: the same end, every effect once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s6_a_crash_at_any_await_changes_neither_the_end_nor_the_effects() {
    // From where both chains have most in common: seven effects, each with its waits.
    let mut crashes = 0;
    let mut at_poll = 1;
    loop {
        let stage = Stage::new(&Start {
            ttl: 60,
            ..Start::default()
        });
        let mut watcher = Watcher::default();
        let ended = crash(stage.walk(&mut watcher, Stage::options()), at_poll).await;
        if ended.is_some() {
            break;
        }
        crashes += 1;
        // The dead driver's lease runs out; a write it had handed over is finished by then.
        // What the other process does first is decided before any effect had time to show.
        stage.database.advance(LEASE * 2);
        let left = stage
            .walk(&mut Watcher::default(), Stage::options())
            .await
            .unwrap();
        assert_eq!(left.ending, Ending::Done, "killed at poll {at_poll}");
        let mut once = each_once();
        once.insert("write-mx", 4);
        assert_eq!(stage.effects().await, once, "killed at poll {at_poll}");
        let open = stage.store.open_intents(stage.id().await).await.unwrap();
        assert!(open.is_empty(), "killed at poll {at_poll}: {open:?}");
        stage.store.verify_chain(stage.id().await).await.unwrap();
        // Every await of the beginning, then wider apart: waits repeat themselves.
        at_poll += if at_poll < 60 { 1 } else { 1 + at_poll / 10 };
    }
    assert!(crashes > 60, "{crashes}");
}

#[tokio::test]
async fn s6_a_lost_answer_is_observed_and_the_effect_made_once() {
    for name in [
        "write-mx",
        "sign-zone",
        "publish-ds",
        "enable-dnssec",
        "enable-dane",
    ] {
        // The effect was made, its answer lost: it is seen, not sent again.
        let stage = Stage::with(
            &Start::default(),
            move |action, count| {
                if action.name() == name && count == 1 {
                    Act::AnswerLost
                } else {
                    Act::Well
                }
            },
            |_, _, _| {},
        );
        let left = stage
            .walk(&mut Watcher::default(), Stage::options())
            .await
            .unwrap();
        assert_eq!(left.ending, Ending::Done, "{name}");
        assert_eq!(
            stage.effects().await,
            each_once(),
            "{name}: made, answer lost"
        );

        // Neither was made: it is sent again once that is proven, and only after it had time to show.
        let stage = Stage::with(
            &Start::default(),
            move |action, count| {
                if action.name() == name && count == 1 {
                    Act::Lost
                } else {
                    Act::Well
                }
            },
            |_, _, _| {},
        );
        let left = stage
            .walk(&mut Watcher::default(), Stage::options())
            .await
            .unwrap();
        assert_eq!(left.ending, Ending::Done, "{name}");
        assert_eq!(stage.effects().await, each_once(), "{name}: lost");
        let journal = stage.journal().await;
        let times: Vec<_> = journal
            .iter()
            .filter(|e| e.kind == Kind::Intent && e.body["action"]["action"] == name)
            .map(|e| e.at)
            .collect();
        assert!(
            times[1].duration_since(times[0]) >= SignedDuration::from_secs(30),
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_effect_that_never_shows_is_not_made_again_and_does_not_spin() {
    for name in [
        "write-mx",
        "sign-zone",
        "publish-ds",
        "enable-dnssec",
        "enable-dane",
    ] {
        let stage = Stage::with(
            &Start::default(),
            move |action, _| {
                if action.name() == name {
                    Act::NeverShows
                } else {
                    Act::Well
                }
            },
            |_, _, _| {},
        );
        let options = Options {
            looks: Some(600),
            ..Stage::options()
        };
        let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
        assert!(
            matches!(left.ending, Ending::NotYet { .. }),
            "{name}: {:?}",
            left.ending
        );
        let outside = stage.world.0.lock().await;
        assert_eq!(outside.tried[name], 1, "{name}");
        // Time passed between the looks: 600 of them are not 600 in the same instant.
        let passed = outside.clock.now().duration_since(at(0)).as_secs();
        assert!(
            passed > 3_000,
            "{name}: {passed} s in {} looks",
            outside.looks
        );
    }
}

#[tokio::test]
async fn a_service_that_asks_for_patience_gets_it() {
    let stage = Stage::with(
        &Start::default(),
        |action, count| match (action, count) {
            (Action::EnableDnssec, 1) => Act::Later(120),
            (Action::EnableDnssec, 2) => Act::Later(0),
            _ => Act::Well,
        },
        |_, _, _| {},
    );
    let mut watcher = Watcher::default();
    let left = stage.walk(&mut watcher, Stage::options()).await.unwrap();
    assert_eq!(left.ending, Ending::Done);
    let times: Vec<_> = stage
        .journal()
        .await
        .iter()
        .filter(|e| e.kind == Kind::Intent && e.body["action"]["action"] == "enable-dnssec")
        .map(|e| e.at)
        .collect();
    assert!(times[1].duration_since(times[0]).as_secs() >= 120);
    assert!(times[2].duration_since(times[1]).as_secs() >= 1);
    assert!(
        watcher
            .waits
            .iter()
            .any(|(step, wait)| step == "enable-dnssec"
                && wait.kind == WaitFor::Service
                && wait.why[0].contains("busy"))
    );
}

#[tokio::test]
async fn s1_conflicts_and_refusals_stop_the_run_and_are_not_tried_again() {
    for (act, id) in [
        (Act::Conflict, "effect.conflict"),
        (Act::Refused, "effect.refused"),
    ] {
        let stage = Stage::with(
            &Start::default(),
            move |action, _| {
                if action.name() == "write-mx" {
                    act
                } else {
                    Act::Well
                }
            },
            |_, _, _| {},
        );
        let left = stage
            .walk(&mut Watcher::default(), Stage::options())
            .await
            .unwrap();
        let Ending::Blocked {
            pending,
            could_not_tell,
        } = left.ending
        else {
            panic!("{:?}", left.ending)
        };
        assert!(!could_not_tell);
        assert!(format!("{pending:?}").contains(id));
        assert_eq!(stage.world.0.lock().await.tried["write-mx"], 1);
        let run = stage.store.run(stage.id().await).await.unwrap().unwrap();
        assert_eq!(run.status, Status::Blocked);
    }
}

/// S1 and T4: somebody adds an MX during a wait. The look after the wait sees it, and nothing is written.
#[tokio::test]
async fn s1_t4_the_world_is_looked_at_before_every_effect_and_drift_stops_it() {
    let stage = Stage::with(
        &Start::default(),
        |_, _| Act::Well,
        |facts, _, now| {
            if now > at(40)
                && let crate::world::Fact::Known { value, .. } = &mut facts.zone
            {
                for server in &mut value.servers {
                    if let Answer::Got { value, .. } = &mut server.mx {
                        *value = value
                            .iter()
                            .cloned()
                            .chain([crate::kernel::Mx {
                                preference: 50,
                                host: crate::kernel::Host::new("backup.example"),
                            }])
                            .collect();
                    }
                }
            }
        },
    );
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert!(matches!(
        left.ending,
        Ending::Blocked {
            could_not_tell: false,
            ..
        }
    ));
    let journal = stage.journal().await;
    let late = |e: &&Recorded| {
        e.kind == Kind::Intent && e.at > at(40) && e.body["action"]["action"] == "write-mx"
    };
    assert_eq!(journal.iter().filter(late).count(), 0);
    // No two effects without a look between them.
    let outside = stage.world.0.lock().await;
    for pair in outside.events.windows(2) {
        assert!(
            !matches!(pair, [Event::Effect(_), Event::Effect(_)]),
            "{pair:?}"
        );
    }
}

/// T4: whenever standing still ends, the world is looked at before anything else.
#[tokio::test]
async fn t4_every_time_the_walk_wakes_it_looks() {
    let stage = Stage::new(&Start::default());
    let mut watcher = Watcher::default();
    let left = stage.walk(&mut watcher, Stage::options()).await.unwrap();
    assert_eq!(left.ending, Ending::Done);
    assert!(watcher.wakes.len() > 5, "{:?}", watcher.wakes);
    let outside = stage.world.0.lock().await;
    for wake in &watcher.wakes {
        assert!(outside.looked.contains(wake), "no look at {wake}");
    }
}

/// T4: when a computed wait is over but the world is not as it was, the observation decides.
#[tokio::test]
async fn t4_a_wait_that_is_over_permits_nothing_by_itself() {
    // The new host stops taking mail while the swap soaks.
    let stage = Stage::with(
        &Start {
            signed: true,
            delegated: true,
            ..Start::default()
        },
        |_, _| Act::Well,
        |facts, _, now| {
            if now > at(100) {
                for (host, fact) in &mut facts.hosts {
                    if let crate::world::Fact::Known { value, .. } = fact
                        && host.is_within("mx.microsoft")
                    {
                        value.addresses[0].smtp = SmtpOutcome::Closed;
                    }
                }
            }
        },
    );
    let options = Options {
        looks: Some(300),
        ..Stage::options()
    };
    let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
    assert!(
        matches!(left.ending, Ending::NotYet { .. }),
        "{:?}",
        left.ending
    );
    let journal = stage.journal().await;
    let removed = journal
        .iter()
        .any(|e| e.kind == Kind::Intent && e.body["step"] == "remove-mx");
    assert!(!removed);
}

#[tokio::test]
async fn t5_a_clock_that_jumped_is_a_finding_at_any_step_and_nothing_is_done_on_it() {
    for jump in [
        SignedDuration::from_hours(5),
        SignedDuration::from_hours(-5),
    ] {
        let stage = Stage::new(&Start::default());
        let options = Options {
            until: Some("enable-dnssec".into()),
            ..Stage::options()
        };
        let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
        assert_eq!(left.ending, Ending::Done);
        let before = stage.effects().await;
        stage.clock.jump(jump);
        let mut watcher = Watcher::default();
        // Preflight is asked anew by every process; here it is behind, as in a run that goes on waiting.
        let mut steps = stage.steps.clone();
        steps.retain(|s| s.goal != Goal::PREFLIGHT);
        for step in &mut steps {
            step.needs.retain(|need| need != "preflight");
        }
        let stage = Stage { steps, ..stage };
        let left = stage.walk(&mut watcher, Stage::options()).await.unwrap();
        assert!(
            matches!(
                left.ending,
                Ending::Blocked {
                    could_not_tell: false,
                    ..
                }
            ),
            "{:?}",
            left.ending
        );
        assert!(
            watcher.shown.iter().all(|s| s == "blocked clock.jumped"),
            "{:?}",
            watcher.shown
        );
        assert_eq!(stage.effects().await, before);
        let evidence = stage.journal().await;
        assert!(
            evidence
                .iter()
                .any(|e| e.body.to_string().contains("clock.jumped"))
        );
        // Looked at by a person and called again, it goes on.
        let left = stage
            .walk(&mut Watcher::default(), Stage::options())
            .await
            .unwrap();
        assert_eq!(left.ending, Ending::Done);
    }
}

/// T5: what was seen under a clock that was set is not taken in: it would end what caches hold, for good.
#[tokio::test]
async fn t5_a_clock_that_jumped_ends_nothing_that_caches_hold() {
    let stage = Stage::new(&Start::default());
    let options = Options {
        until: Some("remove-mx".into()),
        ..Stage::options()
    };
    let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
    assert_eq!(left.ending, Ending::Done);
    let before = left.memory.caches;
    assert!(
        before.mx.versions().len() > 1,
        "the first set is cached still"
    );
    // Set forward by more than any TTL.
    stage.clock.jump(SignedDuration::from_hours(48));
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert!(matches!(left.ending, Ending::Blocked { .. }));
    assert_eq!(left.memory.caches, before);
}

/// T5: a clock that is set during an effect does not date its outcome, and nothing more is done on it.
#[tokio::test]
async fn t5_a_clock_set_during_an_effect_does_not_date_its_outcome() {
    let stage = Stage::new(&Start::default());
    let clock = stage.clock.clone();
    let before = clock.now();
    stage.world.0.lock().await.script = Box::new(move |_, _| {
        clock.jump(SignedDuration::from_hours(30));
        Act::Lost
    });
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert!(matches!(left.ending, Ending::Blocked { .. }));
    let since = left.memory.unknown["write-mx"];
    assert!(since.duration_since(before) < SignedDuration::from_hours(1));
    assert_eq!(stage.world.0.lock().await.tried.len(), 1);
}

/// What stopped a run before its first change may be put right: the same run goes on from what is there then.
#[tokio::test]
async fn a_run_stopped_by_the_mx_set_it_found_goes_on_when_that_is_put_right() {
    let foreign = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let there = Arc::clone(&foreign);
    let stage = Stage::with(
        &Start::default(),
        |_, _| Act::Well,
        move |facts, _, _| {
            if there.load(std::sync::atomic::Ordering::Relaxed)
                && let Fact::Known { value, .. } = &mut facts.zone
            {
                for server in &mut value.servers {
                    server.mx = Answer::Got {
                        value: crate::kernel::MxSet::new([(0, LEGACY), (90, "backup.example.net")]),
                        ttl: 3600,
                    };
                }
            }
        },
    );
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert!(matches!(left.ending, Ending::Blocked { .. }));
    foreign.store(false, std::sync::atomic::Ordering::Relaxed);
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert_eq!(left.ending, Ending::Done);
}

/// S9: another process took the run over while this one was in the middle of an effect.
#[tokio::test]
async fn s9_a_writer_whose_lease_is_over_does_nothing_more() {
    let stage = Stage::new(&Start::default());
    let database = stage.database.clone();
    let store = stage.store.clone();
    let taken = Arc::new(Mutex::new(None));
    {
        let mut outside = stage.world.0.lock().await;
        let taken = Arc::clone(&taken);
        outside.script = Box::new(move |_, count| {
            let mut taken = taken.lock().unwrap();
            if taken.is_none() && count == 1 {
                // The lease ends during the effect.
                database.advance(LEASE * 2);
                *taken = Some(());
            }
            Act::Well
        });
    }
    // The heartbeat must not renew in time: it is the database's clock that decides, and it has moved on.
    let other = {
        let store = store.clone();
        let taken = Arc::clone(&taken);
        async move {
            loop {
                if taken.lock().unwrap().is_some() {
                    let id = store.runs(None).await.unwrap()[0].id;
                    let target = super::store::Target::Run(id);
                    return store.claim(&target, &Owner::this_process(), LEASE).await;
                }
                tokio::task::yield_now().await;
            }
        }
    };
    let mut watcher = Watcher::default();
    let (walked, claimed) = tokio::join!(stage.walk(&mut watcher, Stage::options()), other);
    claimed.unwrap();
    let error = walked.unwrap_err();
    assert!(
        matches!(
            &error,
            RunError::Walk(WalkError::Store(StoreError::Fenced { .. }))
                | RunError::Store(StoreError::Fenced { .. })
        ),
        "{error}"
    );
    let outside = stage.world.0.lock().await;
    let effects = outside
        .events
        .iter()
        .filter(|e| matches!(e, Event::Effect(_)));
    assert_eq!(effects.count(), 1, "the one in flight, and no other");
}

#[tokio::test]
async fn s9_a_second_process_cannot_claim_a_run_that_is_driven() {
    let stage = Stage::new(&Start::default());
    let _driver = stage.run().await;
    let new = NewRun {
        domain: DOMAIN.into(),
        domain_file: "domain.yml".into(),
        playbook: "exchange-dane".into(),
        playbook_text: String::new(),
        settings: Value::Null,
        memory: None,
    };
    let second = Run::claim_or_start(&stage.store, &Owner::this_process(), new).await;
    assert!(matches!(
        second,
        Err(RunError::Store(StoreError::Held { .. }))
    ));
}

#[tokio::test]
async fn gates_hold_until_a_person_agrees_and_a_refusal_closes_them_again() {
    let stage = Stage::new(&Start {
        signed: true,
        delegated: true,
        ..Start::default()
    });
    let closed = || Watcher {
        closed: ["swap"].into(),
        ..Watcher::default()
    };
    let left = stage.walk(&mut closed(), Stage::options()).await.unwrap();
    let Ending::NotYet { pending, wake } = left.ending else {
        panic!("{:?}", left.ending)
    };
    assert_eq!((pending.len(), wake), (1, None));
    assert!(pending.values().any(|p| matches!(
        p,
        Pending::Ask(crate::step::Question::Approve { gate, .. }) if gate == "swap"
    )));
    assert_eq!(
        stage.effects().await["write-mx"],
        2,
        "lowered and added, not swapped"
    );

    let id = stage.id().await;
    let say = |verdict| {
        Signal::Gate(GateEvent {
            gate: "swap".into(),
            verdict,
            by: "ada".into(),
            note: None,
        })
    };
    for verdict in [GateVerdict::Approved, GateVerdict::Refused] {
        stage
            .store
            .signal(id, stage.clock.now(), say(verdict))
            .await
            .unwrap();
    }
    let left = stage.walk(&mut closed(), Stage::options()).await.unwrap();
    assert!(matches!(left.ending, Ending::NotYet { wake: None, .. }));
    assert_eq!(stage.effects().await["write-mx"], 2);

    stage
        .store
        .signal(id, stage.clock.now(), say(GateVerdict::Approved))
        .await
        .unwrap();
    let left = stage.walk(&mut closed(), Stage::options()).await.unwrap();
    assert_eq!(left.ending, Ending::Done);
    assert_eq!(left.memory.approvals["swap"].by, "ada");
}

/// A run that was told to stop early keeps what it knows: the TTL that caches may still hold (T1), the way
/// back (S8), the approvals.
#[tokio::test]
async fn until_stops_there_and_the_same_run_goes_on_later() {
    let stage = Stage::new(&Start::default());
    let options = Options {
        until: Some("lower-ttl".into()),
        ..Stage::options()
    };
    let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
    assert_eq!(left.ending, Ending::Done);
    let effects = stage.effects().await;
    assert_eq!((effects["write-mx"], effects["publish-ds"]), (1, 0));
    let id = stage.id().await;
    let run = stage.store.run(id).await.unwrap().unwrap();
    assert_eq!((run.status, run.wake_at), (Status::Active, None));
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert_eq!((left.ending, stage.id().await), (Ending::Done, id));
    assert_eq!(left.memory.original.unwrap().ttl, 3600);
    let run = stage.store.run(id).await.unwrap().unwrap();
    assert_eq!(run.status, Status::Done);
}

#[tokio::test]
async fn brakes_stop_before_anything_new() {
    for (signal, brake, status) in [
        (
            Signal::Pause {
                by: "ada".into(),
                why: "lunch".into(),
            },
            Brake::Pause,
            Status::Paused,
        ),
        (
            Signal::Abort {
                by: "ada".into(),
                why: "no".into(),
            },
            Brake::Abort,
            Status::Aborted,
        ),
    ] {
        let stage = Stage::new(&Start::default());
        let options = Options {
            until: Some("enable-dnssec".into()),
            ..Stage::options()
        };
        stage.walk(&mut Watcher::default(), options).await.unwrap();
        let id = stage.id().await;
        stage
            .store
            .signal(id, stage.clock.now(), signal)
            .await
            .unwrap();
        let before = stage.effects().await;
        let left = stage
            .walk(&mut Watcher::default(), Stage::options())
            .await
            .unwrap();
        assert_eq!(left.ending, Ending::Braked(brake));
        assert_eq!(stage.effects().await, before);
        assert_eq!(stage.store.run(id).await.unwrap().unwrap().status, status);
    }
}

#[tokio::test]
async fn s7_could_not_tell_is_asked_again_a_few_times_and_then_ends_as_such() {
    let failing = |from: i64, to: i64| {
        move |facts: &mut Facts, _: usize, now: Timestamp| {
            if now > at(from) && now < at(to) {
                facts.zone = could_not_tell();
            }
        }
    };
    let start = || Start {
        signed: true,
        delegated: true,
        ..Start::default()
    };
    // For a moment: the run goes on by itself.
    let stage = Stage::with(&start(), |_, _| Act::Well, failing(20, 35));
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert_eq!(left.ending, Ending::Done);
    // For good: it ends, says so, and comes back by itself.
    let stage = Stage::with(&start(), |_, _| Act::Well, failing(20, 1_000_000));
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert!(matches!(
        left.ending,
        Ending::Blocked {
            could_not_tell: true,
            ..
        }
    ));
    let run = stage.store.run(stage.id().await).await.unwrap().unwrap();
    assert_eq!(run.status, Status::Active);
    assert!(run.wake_at.is_some());
}

#[tokio::test]
async fn without_waiting_it_says_when_to_come_back_and_goes_on_there() {
    let stage = Stage::new(&Start::default());
    let mut calls = 0;
    loop {
        calls += 1;
        assert!(calls < 5_000);
        let options = Options {
            wait: false,
            ..Stage::options()
        };
        let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
        match left.ending {
            Ending::Done => break,
            Ending::NotYet {
                wake: Some(wake), ..
            } => {
                assert!(wake > stage.clock.now(), "never at once: that would spin");
                stage.clock.sleep_until(wake).await;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stage.effects().await, each_once());
    let _ = (IntentId::new(), Instructions::default());
}

/// A soak is watched along its way: what turns bad in the middle starts it anew.
#[tokio::test]
async fn a_soak_that_turns_bad_in_its_middle_begins_again() {
    let start = Start {
        ttl: 60,
        signed: true,
        delegated: true,
        ..Start::default()
    };
    let took = |bad: bool| {
        let start = Start {
            mx: start.mx.clone(),
            ..start
        };
        async move {
            let stage = Stage::with(
                &start,
                |_, _| Act::Well,
                move |facts, looks, _| {
                    // Every look of one stretch sees the new host refusing mail.
                    if bad && (30..33).contains(&looks) {
                        for (host, fact) in &mut facts.hosts {
                            if let crate::world::Fact::Known { value, .. } = fact
                                && host.is_within("mx.microsoft")
                            {
                                value.addresses[0].smtp = SmtpOutcome::Closed;
                            }
                        }
                    }
                },
            );
            let left = stage
                .walk(&mut Watcher::default(), Stage::options())
                .await
                .unwrap();
            assert_eq!(left.ending, Ending::Done);
            stage.clock.now()
        }
    };
    assert!(took(true).await > took(false).await);
}

/// The stop file holds up every effect of every run, and nothing else; taken away, the run goes on and does nothing twice.
#[tokio::test]
async fn a_stop_file_halts_before_the_next_effect_until_it_is_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(&Start::default());
    let options = StoreOptions {
        test_clock: Some(stage.database.clone()),
        ..StoreOptions::default()
    };
    let state = folder.path().join("rollout.db");
    stage.store = SqliteStore::open(&state, options).await.unwrap();
    let options = Options {
        until: Some("enable-dnssec".into()),
        ..Stage::options()
    };
    stage.walk(&mut Watcher::default(), options).await.unwrap();
    let before = stage.effects().await;

    let file = super::store::stop_file(&state);
    std::fs::write(&file, "mail outage\u{1b}[2J, ask Ada\n").unwrap();
    let options = Options {
        looks: Some(60),
        ..Stage::options()
    };
    let left = stage.walk(&mut Watcher::default(), options).await.unwrap();
    assert_eq!(stage.effects().await, before);
    let Ending::NotYet { pending, wake } = left.ending else {
        panic!("{:?}", left.ending)
    };
    assert!(wake.is_some(), "a timer looks again");
    let stopped = |pending: &Pending| match pending {
        Pending::Wait(wait) => wait.kind == WaitFor::Stop && wait.why[0].contains("ask Ada"),
        _ => false,
    };
    assert!(pending.values().any(stopped), "{pending:?}");
    // What is shown drives no terminal.
    let runs = stage.store.runs(None).await.unwrap();
    let shown = crate::output::run::table(&runs, stage.clock.now()).plain();
    assert!(
        shown.contains("ask Ada") && !shown.contains('\u{1b}'),
        "{shown}"
    );
    assert!(shown.contains("taken away"), "{shown}");

    std::fs::remove_file(&file).unwrap();
    let left = stage
        .walk(&mut Watcher::default(), Stage::options())
        .await
        .unwrap();
    assert_eq!(left.ending, Ending::Done);
    assert_eq!(stage.effects().await, each_once());
}

/// A write of the run before arrives while the way back soaks on what it had found to be there: it is gone back from again,
/// by the same process, and the soak begins anew.
#[tokio::test]
async fn what_was_under_way_and_arrives_on_the_way_back_is_taken_back() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let start = Start {
        ttl: 60,
        signed: true,
        delegated: true,
        dnssec: true,
        ..Start::default()
    };
    let added = Start {
        mx: vec![(0, LEGACY), (20, NEW)],
        ..Start {
            ttl: 60,
            ..Start::default()
        }
    };
    let back = Arc::new(AtomicBool::new(false));
    let written = Arc::clone(&back);
    let stage = Stage::with(
        &start,
        move |_, _| {
            written.store(true, Ordering::Relaxed);
            Act::NeverShows
        },
        move |facts, _, now| {
            let arrived = now >= at(60) && !back.load(Ordering::Relaxed);
            if let (true, Fact::Known { value, .. }) = (arrived, &mut facts.zone) {
                for server in &mut value.servers {
                    server.mx = Answer::Got {
                        value: added.rrset().set,
                        ttl: 60,
                    };
                }
            }
        },
    );
    let mut memory = start.memory();
    memory.way_back_kept = true;
    let new = NewRun {
        domain: DOMAIN.into(),
        domain_file: "domain.yml".into(),
        playbook: "rollback".into(),
        playbook_text: String::new(),
        settings: Value::Null,
        memory: Some(serde_json::to_value(memory.for_the_way_back()).unwrap()),
    };
    let run = Run::claim_or_start(&stage.store, &Owner::this_process(), new)
        .await
        .unwrap();
    let playbook = builtin("rollback").unwrap();
    let steps = playbook.planned(Schedule::Overlap, &playbook.defaults());
    let mut watcher = Watcher::default();
    let (_keep, stop) = watch::channel(false);
    let mut world = stage.world.clone();
    let left = run
        .walk(
            &mut world,
            &mut watcher,
            &stage.clock,
            &steps,
            &setup(),
            Stage::options(),
            stop,
        )
        .await
        .unwrap();
    assert_eq!(left.ending, Ending::Done, "{:?}", watcher.shown);
    assert_eq!(watcher.shown, ["acting write-mx"]);
    assert!(left.at >= at(60 + 300), "it soaks anew: {}", left.at);
}
