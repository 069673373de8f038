//! A whole run: process after process until it is done, then what became of the mail.

use std::sync::{Arc, LazyLock};

use rollout::engine::Ending;
use rollout::playbook::{PlannedStep, Schedule, builtin};
use rollout::step::Memory;

use crate::journal::Log;
use crate::oracle::Oracle;
use crate::process::{Between, Driven, Honest, drive, start};
use crate::rng::Rng;
use crate::scenario::{HOUR, MINUTE, Ms, SECOND, Scenario};
use crate::truth::{ByKind, Event, Measured};
use crate::world::{Kills, Shared, Show, Shown, Sim};

/// How long a lease lasts: after that, another process may take over.
pub const LEASE: Ms = 60 * SECOND;

/// How to walk a scenario.
#[derive(Clone)]
pub struct How {
    /// What is put in between.
    pub between: Arc<dyn Between>,
    /// Points at which processes are killed.
    pub kills: Vec<u32>,
    /// Keeps a protocol.
    pub protocol: bool,
    /// Keeps the names of the points.
    pub points: bool,
    /// Who is shown what a kill at each point leaves, where it leaves something else than at the point before.
    pub show: Option<Show>,
}

impl Default for How {
    fn default() -> Self {
        Self {
            between: Arc::new(Honest),
            kills: Vec::new(),
            protocol: false,
            points: false,
            show: None,
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What was found wrong, and how much mail there was.
    pub oracle: Oracle,
    /// When it was done.
    pub elapsed: Ms,
    /// The least time it could have taken, given how slow the others were.
    pub least: Ms,
    /// Processes that were needed.
    pub processes: u32,
    /// Looks at the world.
    pub looks: u64,
    /// Points at which a process could have been killed.
    pub points: u32,
    /// Their names, if they were kept.
    pub names: Vec<&'static str>,
    /// Changes that were made, by kind.
    pub changes: ByKind,
    /// The state in which it ended.
    pub end: String,
}

impl Report {
    /// Whether nothing was wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.oracle.count == 0
    }
}

/// The built-in playbook with its defaults.
pub fn steps() -> Arc<[PlannedStep]> {
    static STEPS: LazyLock<Arc<[PlannedStep]>> = LazyLock::new(|| planned_by("exchange-dane"));
    Arc::clone(&STEPS)
}

/// A built-in playbook with its defaults.
pub(crate) fn planned_by(playbook: &str) -> Arc<[PlannedStep]> {
    builtin(playbook)
        .map(|playbook| playbook.planned(Schedule::Overlap, &playbook.defaults()))
        .unwrap_or_default()
        .into()
}

/// Walks the scenario of a seed.
#[must_use]
pub fn run(seed: u64, how: &How) -> Report {
    walk(&Scenario::new(seed), how)
}

/// Walks a scenario.
#[must_use]
pub fn walk(scenario: &Scenario, how: &How) -> Report {
    let shared = Shared::new(scenario);
    let steps: Arc<[PlannedStep]> = how.between.steps(steps().to_vec()).into();
    let mut rng = Rng::new(scenario.seed, 4);
    {
        let mut sim = shared.lock();
        sim.kills = kills(scenario, how, &mut rng);
        sim.kills.shown = how.show.as_ref().map(Shown::new);
        if how.protocol {
            sim.truth.oracle.protocol = Some(vec![format!("{scenario:?}")]);
        }
    }
    let begun = Begun {
        memory: Memory::default(),
        processes: 0,
        limit: limit(scenario),
    };
    finish(&shared, &steps, scenario, how, begun)
}

/// Goes on from what a process left that was killed at a point of a run of this scenario.
#[must_use]
pub fn go_on(scenario: &Scenario, how: &How, left: &Sim) -> Report {
    let steps: Arc<[PlannedStep]> = how.between.steps(steps().to_vec()).into();
    let mut sim = left.clone();
    sim.kills = Kills {
        passed: sim.kills.passed + 1,
        ..Kills::default()
    };
    let begun = Begun {
        memory: sim.log.memory.clone().unwrap_or_default(),
        processes: sim.log.fence,
        limit: limit(scenario),
    };
    let wait = after_a_kill(&mut sim);
    let to = sim.truth.now + wait;
    sim.truth.advance(to);
    finish(&Shared::of(sim), &steps, scenario, how, begun)
}

/// How long until another process takes over from one that was killed.
pub(crate) fn after_a_kill(sim: &mut Sim) -> Ms {
    LEASE + sim.truth.rng.range(0, 2 * MINUTE)
}

/// Where the next process takes over.
pub(crate) struct Begun {
    /// What it remembers.
    pub memory: Memory,
    /// How many processes there were.
    pub processes: u32,
    /// When it has to be done.
    pub limit: Ms,
}

/// Walks to the end, and judges it.
fn finish(
    shared: &Shared,
    steps: &Arc<[PlannedStep]>,
    scenario: &Scenario,
    how: &How,
    begun: Begun,
) -> Report {
    let (done, processes) = until_done(shared, steps, scenario, how, begun);
    judged(shared, scenario, done, processes)
}

/// What a run came to, when the mail that is under way has arrived.
pub(crate) fn judged(shared: &Shared, scenario: &Scenario, done: bool, processes: u32) -> Report {
    let sim = &mut *shared.lock();
    let elapsed = sim.truth.now;
    sim.truth.claimed = done.then_some(elapsed);
    sim.judge_end(done, scenario, processes);
    sim.judge_journal(&crate::run::steps());
    if done {
        sim.show_end();
    }
    sim.afterwards();
    report(scenario, sim, elapsed, processes)
}

pub(crate) fn report(scenario: &Scenario, sim: &mut Sim, elapsed: Ms, processes: u32) -> Report {
    Report {
        seed: scenario.seed,
        elapsed,
        least: least(scenario, &sim.truth.measured),
        processes,
        looks: sim.looks,
        points: sim.kills.passed,
        names: sim.kills.names.take().unwrap_or_default(),
        changes: changes(sim),
        end: sim.end(),
        oracle: std::mem::take(&mut sim.truth.oracle),
    }
}

fn kills(scenario: &Scenario, how: &How, rng: &mut Rng) -> Kills {
    let mut at = how.kills.clone();
    if how.kills.is_empty() && scenario.faults.crash {
        at = (0..1 + rng.below(4))
            .map(|_| u32::try_from(rng.scale(1, 250)).unwrap_or(0))
            .collect();
    }
    at.sort_unstable_by(|a, b| b.cmp(a));
    at.dedup();
    let hang = (how.kills.is_empty() && scenario.faults.zombie)
        .then(|| u32::try_from(rng.range(5, 150)).unwrap_or(0));
    Kills {
        at,
        hang,
        names: how.points.then(Vec::new),
        ..Kills::default()
    }
}

/// Starts process after process. Returns whether it is done, and how many there were.
pub(crate) fn until_done(
    shared: &Shared,
    steps: &Arc<[PlannedStep]>,
    scenario: &Scenario,
    how: &How,
    begun: Begun,
) -> (bool, u32) {
    let Begun {
        mut memory,
        mut processes,
        limit,
    } = begun;
    let mut hanging = None;
    loop {
        processes += 1;
        let extra = Ms::from(processes) * 15 * MINUTE;
        if shared.lock().truth.now > limit + extra.min(24 * HOUR) || processes > 20_000 {
            return (false, processes);
        }
        {
            let Sim { kills, log, .. } = &mut *shared.lock();
            log.keeps_memory =
                kills.shown.is_some() || !kills.at.is_empty() || kills.hang.is_some();
        }
        let looks = if hanging.is_some() {
            Some(6)
        } else {
            Some(30_000)
        };
        let process = start(shared, &how.between, steps, memory, scenario.waits, looks);
        let driven = drive(shared, process);
        // Whoever hung comes to after the other one went on for a while, and finds itself fenced.
        if let Some(hung) = hanging.take()
            && let Driven::Ended(left) = drive(shared, hung)
        {
            let mut sim = shared.lock();
            let now = sim.truth.now;
            sim.truth.oracle.say(now, || {
                format!("the process that hung ends: {:?}", left.ending)
            });
        }
        let kept = |shared: &Shared| shared.lock().log.memory.clone().unwrap_or_default();
        let (left, wait) = match driven {
            Driven::Killed => (kept(shared), after_a_kill(&mut shared.lock())),
            Driven::Hangs(process) => {
                hanging = Some(process);
                let wait = LEASE + shared.lock().truth.rng.range(0, MINUTE);
                (kept(shared), wait)
            }
            Driven::Ended(left) => match left.ending {
                Ok(Ending::Done) => return (true, processes),
                Ok(ending) => {
                    let wait = between_processes(shared, scenario, &ending);
                    (left.memory, wait)
                }
                Err(error) => {
                    let mut sim = shared.lock();
                    let now = sim.truth.now;
                    sim.truth
                        .oracle
                        .say(now, || format!("the process ends: {error}"));
                    drop(sim);
                    (kept(shared), LEASE)
                }
            },
        };
        memory = left;
        let mut sim = shared.lock();
        let to = sim.truth.now + wait;
        sim.truth.advance(to);
    }
}

/// What people and timers do with a run that did not end: how long until the next process starts.
pub(crate) fn between_processes(shared: &Shared, scenario: &Scenario, ending: &Ending) -> Ms {
    let mut sim = shared.lock();
    let now = sim.truth.now;
    let clock = now + sim.truth.clock_off;
    let gate = sim
        .log
        .gates
        .values()
        .filter(|at| **at > now)
        .min()
        .map(|at| at - now);
    match ending {
        Ending::NotYet {
            wake: Some(wake), ..
        } => {
            let until = (crate::world::instant(*wake) - clock).max(scenario.timer);
            gate.map_or(until, |gate| gate.min(until))
        }
        Ending::NotYet { wake: None, .. } => gate.unwrap_or(0).max(SECOND),
        Ending::Blocked {
            could_not_tell: true,
            ..
        } => 5 * MINUTE,
        Ending::Blocked { pending, .. } => {
            sim.truth
                .oracle
                .say(now, || format!("a person looks after it: {pending:?}"));
            sim.truth.put_right();
            sim.truth.rng.range(MINUTE, scenario.people.max(2 * MINUTE))
        }
        _ => SECOND,
    }
}

/// When a run has to be done, whatever failed before all was healed.
pub(crate) fn limit(s: &Scenario) -> Ms {
    let life = |ttl: u32| Ms::from(ttl.max(300)) * SECOND;
    let secure = if s.delegated {
        0
    } else {
        life(s.largest.max(86_400)) + life(s.parent_negative) + s.registrar + 2 * s.batch
    };
    let policy = if s.strict { s.max_age } else { s.record_ttl };
    let physical = life(s.ttl).max(secure)
        + life(policy)
        + life(s.tlsa_negative)
        + 8 * s.propagation
        + s.cmdlet * 2
        + s.ready
        + s.tlsa
        + life(7200);
    s.heal + physical + 8 * s.people + 4 * HOUR
}

/// The least time, by the formula of the design: the physical limit of each chain.
fn least(s: &Scenario, m: &Measured) -> Ms {
    use crate::scenario::Start;
    let life = |ttl: u32| Ms::from(ttl.max(300)) * SECOND + 5 * SECOND;
    let low = s.ttl.min(60_u32.max(s.ttl_min));
    let lowers = usize::from(s.ttl > 60_u32.max(s.ttl_min));
    let skip = match s.start {
        Start::Original | Start::TwoHosts => 0,
        Start::Added => 1,
        Start::Swapped => 2,
    };
    let mut writes = m.visible.iter().copied();
    let d0 = if lowers == 1 {
        writes.next().unwrap_or(0)
    } else {
        0
    };
    let mut visible = |stage| {
        if stage < skip {
            0
        } else {
            writes.next().unwrap_or(0)
        }
    };
    let (d1, d2, d3) = (visible(0), visible(1), visible(2));
    let t1 = if s.dnssec { 0 } else { m.enabling };
    let t2 = if skip >= 2 { 0 } else { t1 + d1 + MINUTE };
    let policy = if m.policy > 0 {
        m.enabling + m.policy + life(if s.strict { s.max_age } else { s.record_ttl })
    } else {
        0
    };
    let t3 = (t2 + d2 + 5 * MINUTE).max(policy);
    let t4 = t3 + d3;
    let secure = if s.delegated {
        0
    } else {
        let unsigned = if s.signed {
            0
        } else {
            let largest = if s.lists_largest { s.largest } else { 86_400 };
            m.signing + life(largest.max(s.negative))
        };
        unsigned + m.delegation + life(s.parent_negative)
    };
    let tlsa = if s.dane {
        0
    } else {
        t4 + m.tlsa + life(s.tlsa_negative)
    };
    [
        d0 + life(s.ttl),
        t1 + d1 + life(low),
        t2 + d2 + life(low),
        t3 + d3 + life(low),
        tlsa,
        secure,
    ]
    .into_iter()
    .max()
    .unwrap_or(0)
}

fn changes(sim: &Sim) -> ByKind {
    let mut changes = ByKind::default();
    for sent in sim.truth.requests.iter().filter(|sent| sent.changed) {
        changes[sent.request.kind()] += 1;
    }
    changes
}

impl Sim {
    /// The end state in one line.
    pub(crate) fn end(&self) -> String {
        let t = &self.truth;
        format!(
            "{:?} ttl {} key {} ds {} dnssec {} dane {} tlsa {} policy {:?}",
            t.sets.get(t.primary.set),
            t.primary.ttl,
            t.primary.key,
            t.registry,
            t.dnssec,
            t.dane,
            t.tlsa,
            t.policies[usize::from(t.policy_served)].patterns
        )
    }

    /// Whether it ended, and where it should.
    fn judge_end(&mut self, done: bool, s: &Scenario, processes: u32) {
        let now = self.truth.now;
        if !done {
            let what = format!(
                "not done after {processes} processes; all was healed at {} ms",
                s.heal
            );
            self.truth.oracle.violation(now, "time", what);
            return;
        }
        let t = &self.truth;
        let right = *t.sets.get(t.primary.set) == [(swapped(s), crate::truth::NEW)]
            && (t.primary.ttl == 3600.max(s.ttl_min) || t.own_ttl == Some(t.primary.ttl))
            && t.primary.key == crate::truth::KEY
            && t.servers.iter().all(|served| *served == t.primary)
            && t.parent.iter().all(|ds| *ds == crate::truth::KEY)
            && (t.dane && t.tlsa && t.dnssec)
            && self.policy_fits(s);
        let made = changes(self);
        let planned = planned(s, &made);
        let open = Log::open(&self.log);
        if !right {
            let what = format!("the end is {}", self.end());
            self.truth.oracle.violation(now, "end", what);
        }
        if made != planned && !self.truth.meddled {
            let what = format!("changes made {made:?}, planned {planned:?}");
            self.truth.oracle.violation(now, "writes", what);
        }
        if !open.is_empty() {
            let what = format!("intents without an outcome: {open:?}");
            self.truth.oracle.violation(now, "S6", what);
        }
    }

    /// Whether the policy is as it should be in the end: enforced as it was found, with the new host, and, where the run writes
    /// it, without those that are gone.
    fn policy_fits(&self, s: &Scenario) -> bool {
        use crate::scenario::PolicyStart;
        use crate::truth::{LEGACY, NEW};
        let t = &self.truth;
        let policy = &t.policies[usize::from(t.policy_served)];
        let by_tool = s.writes_policy && !s.manual_provider;
        match s.policy {
            PolicyStart::None => true,
            PolicyStart::Testing => {
                !by_tool || (t.admits(policy, NEW) && !t.admits(policy, LEGACY))
            }
            _ => {
                policy.enforced
                    && t.admits(policy, NEW)
                    && (!by_tool || !t.admits(policy, LEGACY))
                    && t.announced
                        .last()
                        .is_some_and(|(_, known)| *known == t.policy_served)
            }
        }
    }

    /// Protection was claimed: the legacy hosts go, and all the mail that is under way arrives.
    fn afterwards(&mut self) {
        let keep = if self.truth.scenario.stale {
            72 * HOUR
        } else {
            0
        };
        self.truth.later(keep, Event::Retire);
        self.settle();
    }

    /// All the mail that is under way arrives.
    pub(crate) fn settle(&mut self) {
        let to = self.truth.now + HOUR;
        self.truth.advance(to);
        self.truth.mail_goes_on = false;
        while let Some(next) = self.truth.next_event() {
            self.truth.advance(next);
        }
    }
}

/// The preference of the new host at the end.
fn swapped(_: &Scenario) -> u16 {
    0
}

/// What the plan is made of, by kind: counted from what is found, not by the engine.
fn planned(s: &Scenario, made: &ByKind) -> ByKind {
    use crate::scenario::{PolicyStart, Start};
    let low = 60_u32.max(s.ttl_min);
    let last = 3600_u32.max(s.ttl_min);
    let lowers = u32::from(s.ttl > low);
    let moves = match s.start {
        Start::Original | Start::TwoHosts => 3,
        Start::Added => 2,
        Start::Swapped => 1,
    };
    let raises = u32::from(s.ttl.min(low) != last);
    let enforced = !matches!(s.policy, PolicyStart::None | PolicyStart::Testing);
    // Before the move where the policy would reject the new host, or is to test only; after it in any case.
    let before = enforced && (s.tests_policy || s.policy != PolicyStart::Admits);
    let after = s.policy != PolicyStart::None;
    let policies = u32::from(before) + u32::from(after);
    let by_tool = s.writes_policy && !s.manual_provider;
    [
        lowers + moves + raises,
        u32::from(!s.signed),
        u32::from(!s.delegated),
        u32::from(!s.dnssec),
        u32::from(!s.dane),
        0,
        0,
        0,
        if by_tool { policies } else { made[8] },
        if by_tool { policies } else { made[9] },
    ]
}
