//! A run from the outside: claim it or start it, walk it under a lease, leave it so that anybody can go on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::plan::essentials;
use super::store::{
    Brake, Entry, Heartbeat, IntentId, Lease, NewRun, Owner, RunId, SqliteStore, Status, Store,
    StoreError, StoreReader, Target, Transition, Wake,
};
use super::store_journal::StoreJournal;
use super::walk::{Ending, Observer, Options, Walk, WalkError};
use crate::clock::Clock;
use crate::playbook::PlannedStep;
use crate::step::{Memory, Setup};
use crate::world::{Facts, Needs, Pasted, World};

/// How long a lease lasts unless renewed; a dead driver's run is free again after that.
pub const LEASE: Duration = Duration::from_secs(60);

/// A run that this process drives.
pub struct Run {
    store: SqliteStore,
    lease: Lease,
    /// Its id.
    pub id: RunId,
    /// What it keeps.
    pub memory: Memory,
    /// Intents without an outcome, by step.
    open: BTreeMap<String, IntentId>,
}

/// A run could not be started or gone on with.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The walk could not go on.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// The run's memory cannot be read.
    #[error(
        "the memory of run {run} cannot be read ({why}); it was written by another version of rollout: use that one"
    )]
    Memory {
        /// The run.
        run: RunId,
        /// What is wrong.
        why: serde_json::Error,
    },
    /// The memory cannot be written.
    #[error("the state of the run cannot be written as JSON ({0}); nothing was done")]
    Json(#[from] serde_json::Error),
}

/// How a run stood when this process left it, and what it cost.
#[derive(Debug)]
pub struct Left {
    /// How the walk ended.
    pub ending: Ending,
    /// What was observed last.
    pub facts: Facts,
    /// What the run keeps.
    pub memory: Memory,
    /// Every step that is done or pending, for people.
    pub started: Timestamp,
    /// When it was left.
    pub at: Timestamp,
}

impl Run {
    /// Goes on with the domain's unfinished run, or starts one.
    ///
    /// # Errors
    /// When another process drives it, or the store fails.
    pub async fn claim_or_start(
        store: &SqliteStore,
        owner: &Owner,
        new: NewRun,
    ) -> Result<Self, RunError> {
        let unfinished = store.unfinished(&new.domain).await?;
        let lease = match unfinished {
            Some(run) => store.claim(&Target::Run(run.id), owner, LEASE).await?,
            None => match store.create_run(new, owner, LEASE).await {
                // Another process began it between the question and now: whoever drives it is named.
                Err(StoreError::UnfinishedRun { run, .. }) => {
                    store.claim(&Target::Run(run), owner, LEASE).await?
                }
                created => created?,
            },
        };
        Self::under(store, lease).await
    }

    /// Goes on under a lease that was already claimed.
    ///
    /// # Errors
    /// When the run's memory or journal cannot be read.
    pub async fn under(store: &SqliteStore, lease: Lease) -> Result<Self, RunError> {
        let id = lease.run;
        let memory = match store.memory(id).await? {
            Some(memory) => serde_json::from_value(memory.value)
                .map_err(|why| RunError::Memory { run: id, why })?,
            None => Memory::default(),
        }
        .taken_up();
        let mut open = BTreeMap::new();
        for recorded in store.open_intents(id).await? {
            if let (Some(intent), Some(step)) = (
                recorded.intent,
                recorded.body.get("step").and_then(Value::as_str),
            ) {
                open.insert(step.to_owned(), intent);
            }
        }
        Ok(Self {
            store: store.clone(),
            lease,
            id,
            memory,
            open,
        })
    }

    /// Takes over an unfinished run.
    ///
    /// # Errors
    /// When another process drives it, or the store fails.
    pub async fn claim(store: &SqliteStore, owner: &Owner, run: RunId) -> Result<Self, RunError> {
        let lease = store.claim(&Target::Run(run), owner, LEASE).await?;
        Self::under(store, lease).await
    }

    /// Ends the run without undoing anything.
    ///
    /// # Errors
    /// When the journal cannot be written, or the lease was lost.
    pub async fn give_up(self, at: Timestamp, why: &str) -> Result<(), RunError> {
        let transition = Transition {
            entries: vec![Entry::observation(
                at,
                json!({"left": "given-up", "why": why}),
            )],
            memory: Some(serde_json::to_value(&self.memory)?),
            wake: Some(Wake {
                at: None,
                why: json!({"ended": "aborted"}),
                signals: self.store.run(self.id).await?.map_or(0, |run| run.signals),
            }),
            status: Some(Status::Aborted),
            honoured: None,
            release: true,
        };
        self.store.append(&self.lease, transition).await?;
        Ok(())
    }

    /// When the run was created, by the store's clock.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn started(&self) -> Result<Option<Timestamp>, RunError> {
        Ok(self.store.run(self.id).await?.map(|run| run.created))
    }

    /// Journals what a person pasted of a cmdlet's output, together with the memory that took it in.
    ///
    /// # Errors
    /// When the journal cannot be written, or the lease was lost.
    pub async fn keep_told(&self, told: &[Pasted]) -> Result<(), RunError> {
        let mut transition = Transition::entries(vec![Entry::observation(
            Timestamp::now(),
            json!({"pasted": told}),
        )]);
        transition.memory = Some(serde_json::to_value(&self.memory)?);
        self.store.append(&self.lease, transition).await?;
        Ok(())
    }

    /// Looks at everything once, for a plan or for comparing with a saved one; writes nothing.
    pub async fn observe(
        world: &mut dyn World,
        setup: &Setup,
        memory: &mut Memory,
        clock: &dyn Clock,
    ) -> Facts {
        let mut facts = Facts::default();
        // Which hosts to ask is known only once the MX set is.
        for _ in 0..2 {
            let now = clock.now();
            let mut hosts: Vec<_> = memory.hosts(now).cloned().collect();
            hosts.sort();
            hosts.dedup();
            let needs = if facts == Facts::default() {
                Needs {
                    smtp: false,
                    hosts: Default::default(),
                    ..Needs::everything(hosts).and(crate::step::publishing(setup))
                }
            } else {
                Needs {
                    smtp: true,
                    hosts: hosts.into_iter().collect(),
                    ..Needs::default()
                }
            };
            world.observe(&needs, &mut facts).await;
            memory.absorb(&facts, setup, clock.now());
        }
        facts
    }

    /// Walks on until done, blocked, stopped, or not yet; leaves the run so that anybody can go on.
    ///
    /// # Errors
    /// When the journal cannot be written, or the lease was lost to another process.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is one thing the loop is made of"
    )]
    pub async fn walk(
        mut self,
        world: &mut dyn World,
        observer: &mut dyn Observer,
        clock: &dyn Clock,
        steps: &[PlannedStep],
        setup: &Setup,
        options: Options,
        stop: watch::Receiver<bool>,
    ) -> Result<Left, RunError> {
        let started = self.started().await?.unwrap_or_else(|| clock.now());
        // A cmdlet may take a quarter of an hour: the lease is renewed beside it.
        let heartbeat = Heartbeat::start(Arc::new(self.store.clone()), self.lease.clone(), LEASE);
        let mut journal = StoreJournal {
            store: self.store.clone(),
            lease: self.lease.clone(),
        };
        let poll = options.poll;
        // A run that was asked to stop early is not finished: whoever goes on needs its memory.
        let stops_at = options
            .until
            .clone()
            .filter(|until| steps.last().is_some_and(|last| last.id != *until));
        let mut walk = Walk {
            world,
            journal: &mut journal,
            observer,
            clock,
            steps,
            setup,
            options,
            stop,
            facts: Facts::default(),
            memory: std::mem::take(&mut self.memory),
            open: std::mem::take(&mut self.open),
        };
        let ending = walk.run().await;
        let (facts, memory) = (walk.facts, walk.memory);
        drop(heartbeat);
        let ending = ending?;
        let at = clock.now();
        self.leave(&ending, &facts, &memory, at, poll, stops_at)
            .await?;
        Ok(Left {
            ending,
            facts,
            memory,
            started,
            at,
        })
    }

    async fn leave(
        &self,
        ending: &Ending,
        facts: &Facts,
        memory: &Memory,
        at: Timestamp,
        poll: Duration,
        stops_at: Option<String>,
    ) -> Result<(), RunError> {
        let signals = self.store.run(self.id).await?.map_or(0, |run| run.signals);
        let (status, wake_at, why, honoured) = match ending {
            Ending::Done if stops_at.is_some() => (
                Status::Active,
                None,
                json!({"ended": "until", "step": stops_at}),
                None,
            ),
            Ending::Done => (Status::Done, None, json!({"ended": "done"}), None),
            Ending::NotYet { pending, wake } => (
                Status::Active,
                *wake,
                json!({"ended": "not-yet", "pending": pending}),
                None,
            ),
            Ending::Blocked {
                pending,
                could_not_tell,
            } => {
                // What could not be told is worth another look; what is forbidden waits for a person.
                let again = at.checked_add(poll.max(Duration::from_secs(300))).ok();
                (
                    if *could_not_tell {
                        Status::Active
                    } else {
                        Status::Blocked
                    },
                    again.filter(|_| *could_not_tell),
                    json!({"ended": "blocked", "pending": pending}),
                    None,
                )
            }
            Ending::Braked(Brake::Pause) => (
                Status::Paused,
                None,
                json!({"ended": "paused"}),
                Some(Brake::Pause),
            ),
            Ending::Braked(Brake::Abort) => (
                Status::Aborted,
                None,
                json!({"ended": "aborted"}),
                Some(Brake::Abort),
            ),
            Ending::Interrupted => (
                Status::Active,
                Some(at),
                json!({"ended": "interrupted"}),
                None,
            ),
        };
        let evidence = json!({"left": why.get("ended"), "observed": essentials(facts)});
        let transition = Transition {
            entries: vec![Entry::observation(at, evidence)],
            memory: Some(serde_json::to_value(memory)?),
            wake: Some(Wake {
                at: wake_at,
                why,
                signals,
            }),
            status: Some(status),
            honoured,
            release: true,
        };
        self.store.append(&self.lease, transition).await?;
        Ok(())
    }
}
