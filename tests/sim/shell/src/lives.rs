//! Process after process on one state file, each killed, suspended or left alone.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rollout::engine::run::{Run, RunError};
use rollout::engine::store::{
    NewRun, Owner, SqliteStore, StoreError, StoreOptions, StoreReader, TestDatabaseClock,
};
use rollout::engine::{Ending, Options, WalkError};
use tokio::sync::watch;

use crate::facts::{DOMAIN, seconds};
use crate::process::{Honest, Watcher, setup};
use crate::rng::Rng;
use crate::run::{LEASE, Report, after_a_kill, between_processes, judged, limit, steps};
use crate::scenario::{HOUR, MINUTE, Ms, SECOND, Scenario};
use crate::surroundings::{Prompt, ShellWorld, Time, read};
use crate::world::{Shared, SimWorld, timestamp};

/// What a run came to, with what only this ring knows.
#[derive(Debug)]
pub struct Lived {
    /// What the oracle says.
    pub report: Report,
    /// What happened to its processes.
    pub counts: Counts,
    /// Entries of the journal.
    pub entries: u64,
}

/// What happened to the processes of a run.
#[derive(Debug, Default)]
pub struct Counts {
    /// Processes that were killed.
    pub killed: u32,
    /// Processes that were suspended while another took over, and were refused when they came to.
    pub fenced: u32,
    /// Claims that were refused because the lease of a dead process was not over.
    pub held: u32,
    /// Errors with which a process ended that nobody disturbed: a lease that was not kept alive, for instance.
    pub broke: Vec<String>,
}

type Process = Pin<Box<dyn Future<Output = Result<Ending, Box<RunError>>>>>;

/// How a process stopped.
enum Stopped {
    Ended(Result<Ending, Box<RunError>>),
    /// Whoever has it may drop it, as a kill does, or go on with it.
    Killed(Process),
    Hangs(Process),
}

/// Polls a process until it ends, is killed or hangs. `polls`: it is killed when it waits for something for the time of
/// that number, which is mostly the state file.
async fn drive(shared: &Shared, mut process: Process, mut polls: Option<u32>) -> Stopped {
    enum Why {
        Ended(Result<Ending, Box<RunError>>),
        Killed,
        Hangs,
    }
    let why = std::future::poll_fn(|context| match process.as_mut().poll(context) {
        Poll::Ready(left) => Poll::Ready(Why::Ended(left)),
        Poll::Pending => {
            let mut sim = shared.lock();
            if std::mem::take(&mut sim.kills.killed) {
                return Poll::Ready(Why::Killed);
            }
            if std::mem::take(&mut sim.kills.hung) {
                return Poll::Ready(Why::Hangs);
            }
            match &mut polls {
                Some(0) => Poll::Ready(Why::Killed),
                Some(left) => {
                    *left -= 1;
                    Poll::Pending
                }
                None => Poll::Pending,
            }
        }
    })
    .await;
    match why {
        Why::Ended(left) => Stopped::Ended(left),
        Why::Killed => Stopped::Killed(process),
        Why::Hangs => Stopped::Hangs(process),
    }
}

/// Walks the scenario of a seed to its end, on a state file in this folder.
///
/// # Panics
/// When the store refuses what no fault explains.
pub async fn live(seed: u64, folder: &Path) -> Lived {
    let scenario = Scenario::new(seed);
    let shared = Shared::new(&scenario);
    let mut rng = Rng::new(seed, 9);
    {
        let kills = &mut shared.lock().kills;
        // Around the effects; a kill in between is one by the number of polls.
        kills.at = (0..if seed.is_multiple_of(3) { 2 } else { 0 })
            .map(|_| draw(&mut rng, 0, 40))
            .collect();
        kills.at.sort_unstable_by(|a, b| b.cmp(a));
        kills.at.dedup();
        kills.hang = (seed % 4 == 2).then(|| draw(&mut rng, 0, 30));
    }
    let database = TestDatabaseClock::new(timestamp(0));
    let time = Time::new(&shared, &database);
    let state = folder.join(format!("{seed}.db"));
    let steps = steps();
    let approves = seed % 2 == 1;

    let mut lived = Counts::default();
    let (mut processes, mut hanging): (u32, Option<Process>) = (0, None);
    let mut polls_left = if seed % 3 == 1 { 3 } else { 0 };
    let (done, run) = loop {
        processes += 1;
        // The database is opened anew by each process, as on a machine.
        let store = SqliteStore::open(
            &state,
            StoreOptions {
                test_clock: Some(database.clone()),
                ..StoreOptions::default()
            },
        )
        .await
        .expect("the state file opens");
        let claimed = Run::claim_or_start(&store, &Owner::this_process(), new_run()).await;
        let run = match claimed {
            Ok(run) => run,
            Err(RunError::Store(StoreError::Held(_))) => {
                lived.held += 1;
                time.pass(10 * SECOND).await;
                continue;
            }
            Err(error) => panic!("seed {seed}: {error}"),
        };
        let id = run.id;
        read(&shared, &store, id).await;
        let extra = Ms::from(processes) * 15 * MINUTE;
        if shared.lock().truth.now > limit(&scenario) + extra.min(24 * HOUR) || processes > 20_000 {
            break (false, id);
        }
        let fence = store.run(id).await.unwrap().unwrap().fence;
        let fence = u32::try_from(fence.0).unwrap();
        {
            let mut sim = shared.lock();
            sim.log.fence = fence;
            (sim.truth.clock_off, sim.truth.clock_jumped) = (0, 0);
        }
        let process: Process = {
            let (shared, time, steps) = (shared.clone(), time.clone(), Arc::clone(&steps));
            let (scenario, store) = (scenario.clone(), store.clone());
            Box::pin(async move {
                let mut world = ShellWorld {
                    inner: SimWorld {
                        shared: shared.clone(),
                        fence,
                    },
                    time: time.clone(),
                    store,
                    run: id,
                    approves,
                };
                let mut prompt = Prompt {
                    watcher: Watcher {
                        shared,
                        fence,
                        between: Arc::new(Honest),
                    },
                    answered: !approves,
                };
                let options = Options {
                    wait: scenario.waits,
                    poll: seconds(scenario.poll),
                    listen: Some(Duration::from_secs(300)),
                    looks: Some(30_000),
                    ..Options::default()
                };
                let (_keep, stop) = watch::channel(false);
                let setup = setup(&scenario);
                run.walk(
                    &mut world,
                    &mut prompt,
                    &time,
                    &steps,
                    &setup,
                    options,
                    stop,
                )
                .await
                .map(|left| left.ending)
                .map_err(Box::new)
            })
        };
        let polls = (polls_left > 0).then(|| {
            polls_left -= 1;
            u32::try_from(rng.scale(1, 3000)).unwrap_or(0)
        });
        let stopped = match hanging.take() {
            None => drive(&shared, process, polls).await,
            // Whoever was suspended comes to while the other one goes on and holds the lease, and is refused.
            Some(hung) => match drive(&shared, process, Some(draw(&mut rng, 3, 40))).await {
                Stopped::Killed(process) => {
                    match drive(&shared, hung, None).await {
                        Stopped::Ended(Err(error)) if is_fenced(&error) => lived.fenced += 1,
                        Stopped::Ended(Err(error)) => lived.broke.push(error.to_string()),
                        _ => lived
                            .broke
                            .push("it went on after another took over".to_owned()),
                    }
                    drive(&shared, process, None).await
                }
                ended => {
                    hanging = Some(hung);
                    ended
                }
            },
        };
        let wait = match stopped {
            Stopped::Killed(_) => {
                lived.killed += 1;
                let mut sim = shared.lock();
                // Others come sooner than the lease ends, and have to wait for it.
                after_a_kill(&mut sim) / 2
            }
            Stopped::Hangs(process) => {
                hanging = Some(process);
                let wait = LEASE + shared.lock().truth.rng.range(0, MINUTE);
                time.suspend(wait);
                0
            }
            Stopped::Ended(Ok(Ending::Done)) => break (true, id),
            Stopped::Ended(Ok(ending)) => between_processes(&shared, &scenario, &ending),
            Stopped::Ended(Err(error)) => {
                lived.broke.push(error.to_string());
                LEASE
            }
        };
        time.pass(wait).await;
    };
    let store = SqliteStore::open(&state, StoreOptions::default())
        .await
        .expect("the state file opens");
    read(&shared, &store, run).await;
    store.verify_chain(run).await.expect("an unbroken journal");
    let entries = store.run(run).await.unwrap().unwrap().last_seq;
    Lived {
        report: judged(&shared, &scenario, done, processes),
        counts: lived,
        entries,
    }
}

/// Whether a process was refused because its lease is over.
fn is_fenced(error: &RunError) -> bool {
    matches!(
        error,
        RunError::Walk(WalkError::Store(StoreError::Fenced { .. }))
            | RunError::Store(StoreError::Fenced { .. })
    )
}

fn draw(rng: &mut Rng, from: Ms, to: Ms) -> u32 {
    u32::try_from(rng.range(from, to)).unwrap_or(0)
}

fn new_run() -> NewRun {
    NewRun {
        domain: DOMAIN.to_owned(),
        domain_file: "domain.yml".into(),
        playbook: "exchange-dane".to_owned(),
        playbook_text: String::new(),
        settings: serde_json::Value::Null,
        memory: None,
    }
}
