//! One process of the product: the engine's own walk, in this world, until it ends or is killed.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;
use rollout::clock::Clock;
use rollout::engine::{Ending, Journal, Observer, Options, Pending, Walk, WalkError};
use rollout::kernel::{Host, Timing};
use rollout::playbook::PlannedStep;
use rollout::step::{Approval, DuringMove, Memory, MtaSts, Next, PolicyBy, Setup};
use rollout::world::{Action, DelegationBy, Facts, Outcome, World};
use tokio::sync::watch;

use crate::facts::{DOMAIN, seconds};
use crate::journal::SimJournal;
use crate::oracle::clock;
use crate::scenario::{MINUTE, Scenario};
use crate::world::{Shared, SimClock, SimWorld, instant};

/// What the domain file of a scenario says.
#[must_use]
pub fn setup(scenario: &Scenario) -> Setup {
    Setup {
        domain: Host::new(DOMAIN),
        probe_required: true,
        manual_exchange: false,
        delegation: DelegationBy::Auto,
        timing: Timing::default(),
        zone_largest_ttl: 86_400,
        strict_mta_sts: scenario.strict,
        // As the product sets them.
        settle: Duration::from_secs(30),
        settle_cmdlet: seconds(16 * MINUTE),
        overdue: Duration::from_secs(3600),
        tls_reports: None,
        mta_sts: MtaSts {
            policy: match (scenario.writes_policy, scenario.policy_file) {
                (false, _) => PolicyBy::Hand,
                (true, true) => PolicyBy::File("the policy file".to_owned()),
                (true, false) => PolicyBy::Program("the publisher".to_owned()),
            },
            record_by_provider: scenario.writes_policy && !scenario.manual_provider,
            during_move: if scenario.tests_policy {
                DuringMove::Testing
            } else {
                DuringMove::Enforce
            },
        },
        change: rollout::calendar::Calendar::default(),
    }
}

/// What is put between the engine and this world: nothing, or a planted bug.
pub trait Between: Send + Sync {
    /// The world that the engine gets.
    fn world(&self, world: SimWorld) -> Box<dyn World> {
        Box::new(world)
    }
    /// The journal.
    fn journal(&self, journal: SimJournal) -> Box<dyn Journal> {
        Box::new(journal)
    }
    /// The clock.
    fn clock(&self, clock: SimClock) -> Box<dyn Clock> {
        Box::new(clock)
    }
    /// The domain file's wishes.
    fn setup(&self, setup: Setup) -> Setup {
        setup
    }
    /// The playbook.
    fn steps(&self, steps: Vec<PlannedStep>) -> Vec<PlannedStep> {
        steps
    }
    /// What a process remembers when it starts.
    fn memory(&self, memory: Memory) -> Memory {
        memory
    }
    /// Whether each wait ends the process, so that [`Between::memory`] gets its turn.
    fn ends_at_waits(&self) -> bool {
        false
    }
    /// The done step at which whoever owns the legacy hosts takes them away.
    fn retired_after(&self) -> Option<&'static str> {
        None
    }
}

/// Nothing in between.
#[derive(Debug, Default)]
pub struct Honest;

impl Between for Honest {}

/// Watches for the oracle and for the protocol.
pub(crate) struct Watcher {
    pub(crate) shared: Shared,
    pub(crate) fence: u32,
    pub(crate) between: Arc<dyn Between>,
}

impl Observer for Watcher {
    fn step(&mut self, _: Timestamp, step: &PlannedStep, next: &Next) {
        let mut sim = self.shared.lock();
        let now = sim.truth.now;
        sim.truth
            .oracle
            .say(now, || format!("{} {}", step.id, words(next)));
        if matches!(next, Next::Done(_)) {
            sim.log.done.push((self.fence, step.id.clone()));
            if self.between.retired_after() == Some(step.id.as_str()) {
                sim.truth.retired = true;
            }
        }
    }
    fn acting(&mut self, _: Timestamp, _: &PlannedStep, _: &Action) {}
    fn acted(&mut self, _: Timestamp, step: &PlannedStep, _: &Action, outcome: &Outcome) {
        let mut sim = self.shared.lock();
        let now = sim.truth.now;
        sim.truth
            .oracle
            .say(now, || format!("{} answered: {outcome:?}", step.id));
    }
    fn waiting(&mut self, _: Timestamp, _: &BTreeMap<String, Pending>, _: Timestamp) {}
    fn way_back(&mut self, _: Timestamp, _: &Memory) {}
    fn ask(&mut self, gate: &str, _: &str, _: &str) -> Option<Approval> {
        let sim = self.shared.lock();
        let passed = *sim.log.gates.get(gate)?;
        (passed <= sim.truth.now).then(|| Approval {
            by: "a person".to_owned(),
            at: crate::world::timestamp(passed),
        })
    }
}

fn words(next: &Next) -> String {
    match next {
        Next::Done(how) => format!("done: {how}"),
        Next::Act(action) => format!("acts: {action}"),
        Next::Wait(wait) => format!(
            "waits until {}: {}",
            wait.until
                .map_or_else(|| "it is seen".to_owned(), |until| clock(instant(until))),
            wait.why.join("; ")
        ),
        Next::Ask(question) => format!("asks: {question:?}"),
        Next::Blocked(findings) => {
            let all: Vec<_> = findings
                .iter()
                .map(|f| format!("{}: {}", f.id, f.what))
                .collect();
            format!("blocked: {}", all.join("; "))
        }
    }
}

/// What a process leaves.
pub struct Left {
    /// How it ended.
    pub ending: Result<Ending, WalkError>,
    /// What it knew.
    pub memory: Memory,
}

/// A process that was started.
pub type Process = Pin<Box<dyn Future<Output = Left>>>;

/// Starts a process on what the one before left.
pub fn start(
    shared: &Shared,
    between: &Arc<dyn Between>,
    steps: &Arc<[PlannedStep]>,
    memory: Memory,
    wait: bool,
    looks: Option<u32>,
) -> Process {
    let (scenario, fence, open) = {
        let mut sim = shared.lock();
        sim.log.fence += 1;
        // The clock is watched from the start of a process on. One that is wrong by then is not noticed by the product, so
        // here somebody has set it right.
        (sim.truth.clock_off, sim.truth.clock_jumped) = (0, 0);
        (sim.truth.scenario.clone(), sim.log.fence, sim.log.open())
    };
    let (shared, between, steps) = (shared.clone(), Arc::clone(between), Arc::clone(steps));
    Box::pin(async move {
        let setup = between.setup(setup(&scenario));
        let mut world = between.world(SimWorld {
            shared: shared.clone(),
            fence,
        });
        let mut journal = between.journal(SimJournal {
            shared: shared.clone(),
            fence,
            told: Vec::new(),
        });
        let clock = between.clock(SimClock(shared.clone()));
        let mut observer = Watcher {
            shared,
            fence,
            between: Arc::clone(&between),
        };
        let (_keep, stop) = watch::channel(false);
        let mut walk = Walk {
            world: world.as_mut(),
            journal: journal.as_mut(),
            observer: &mut observer,
            clock: clock.as_ref(),
            steps: &steps,
            setup: &setup,
            options: Options {
                wait: wait && !between.ends_at_waits(),
                poll: seconds(scenario.poll),
                listen: None,
                looks,
                ..Options::default()
            },
            stop,
            facts: Facts::default(),
            memory: between.memory(memory).taken_up(),
            open,
        };
        let ending = walk.run().await;
        let memory = std::mem::take(&mut walk.memory);
        Left { ending, memory }
    })
}

/// What a process came to when it was driven on.
#[expect(
    clippy::large_enum_variant,
    reason = "made once for each life of a process, and taken apart at once"
)]
pub enum Driven {
    /// It ended by itself.
    Ended(Left),
    /// It was killed.
    Killed,
    /// It hangs.
    Hangs(Process),
}

/// Drives a process on. Everything it waits for is there at once, so it is never asked twice, but where it hangs.
pub fn drive(shared: &Shared, mut process: Process) -> Driven {
    let mut context = Context::from_waker(Waker::noop());
    match process.as_mut().poll(&mut context) {
        Poll::Ready(left) => Driven::Ended(left),
        Poll::Pending => {
            let mut sim = shared.lock();
            if std::mem::take(&mut sim.kills.killed) {
                Driven::Killed
            } else if std::mem::take(&mut sim.kills.hung) {
                drop(sim);
                Driven::Hangs(process)
            } else {
                unreachable!("only kills and hangs leave a process pending")
            }
        }
    }
}
