//! A world small enough to try everything in it: every interleaving, a crash anywhere, each copy fetched at any moment.
//!
//! Two authoritative addresses, a validating resolver with a DANE sender behind it, a plain resolver with a plain sender.
//! Time goes in units; a process of the engine looks at any moment, and may be killed at each of its points. What the
//! engine does depends only on what it can see and remember, so each such state is walked once, however many states of
//! the caches go with it.

mod caches;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use rollout::engine::Ending;
use rollout::playbook::{Goal, PlannedStep};
use rollout::step::{Memory, Setup};
use serde_json::Value;

use caches::{Caches, LAST, TOGETHER, VIEWS, deliver, fetches, pass};

use crate::journal::Line;
use crate::process::{Between, Driven, drive, start};
use crate::run::{planned_by, steps};
use crate::scenario::{Ms, PolicyStart, SECOND, Scenario, Start};
use crate::truth::{KEY, LEGACY, NEW, Request, Served, SetId};
use crate::world::{Shared, instant};

/// A unit of time.
const UNIT: Ms = 100 * SECOND;
/// A unit, in the seconds of a TTL.
const TTL: u32 = 100;
/// What is older than this, or further off, makes no difference any more: the engine asks at most whether something is a
/// unit old (`settle`, `overdue`), and no TTL is longer than two.
const AGES: (i64, i64) = (-1, 6);

/// From where a small world begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Small {
    /// A signed domain whose mail moves.
    Move,
    /// An unsigned domain whose mail has moved: signing, and the DS.
    Secure,
    /// A protected domain on its way back: `rollout rollback --dnssec`.
    Unsign,
}

impl Small {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Secure, Self::Move, Self::Unsign];
}

/// What is really so, and can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Small0 {
    primary: (SetId, u32, u8),
    servers: [(SetId, u32, u8); 2],
    registry: u8,
    parent: u8,
    dnssec: bool,
    dane: bool,
    tlsa: bool,
    /// A request that left before a crash: its kind, and the MX RRset it is for.
    flight: Option<(u8, (SetId, u32))>,
    claimed: bool,
}

/// What the engine can see and remember.
#[derive(Clone, Debug)]
struct Engine {
    truth: Small0,
    flight: Option<Request>,
    memory: Memory,
    open: Vec<String>,
    now: Ms,
}

/// A state: engine and caches.
type State = (u32, Caches);

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// States of engine and caches, of all groups together.
    pub states: usize,
    /// Whether it was given up before its end.
    pub cut: bool,
    /// States of the engine alone.
    pub engines: usize,
    /// Transitions.
    pub transitions: u64,
    /// States in which protection is claimed.
    pub claimed: u64,
    /// The first violation, and the way to it.
    pub violation: Option<(String, Vec<String>)>,
}

/// The built-in playbook with small numbers.
fn small_steps(small: Small) -> Vec<PlannedStep> {
    if small == Small::Unsign {
        return planned_by("rollback-dnssec").to_vec();
    }
    let mut steps = steps().to_vec();
    for step in &mut steps {
        match &mut step.goal {
            Goal::LowerTtl { ttl, .. } => *ttl = TTL,
            Goal::FinalTtl { ttl } => *ttl = 2 * TTL,
            Goal::VerifyMx { soak, .. } => *soak = std::time::Duration::ZERO,
            _ => {}
        }
    }
    steps
}

struct SmallBetween(Arc<dyn Between>);

impl Between for SmallBetween {
    fn world(&self, world: crate::world::SimWorld) -> Box<dyn rollout::world::World> {
        self.0.world(world)
    }
    fn journal(&self, journal: crate::journal::SimJournal) -> Box<dyn rollout::engine::Journal> {
        self.0.journal(journal)
    }
    fn clock(&self, clock: crate::world::SimClock) -> Box<dyn rollout::clock::Clock> {
        self.0.clock(clock)
    }
    fn setup(&self, setup: Setup) -> Setup {
        let unit = crate::facts::seconds(UNIT);
        let timing = rollout::kernel::Timing {
            resolver_floor: std::time::Duration::ZERO,
            margin: std::time::Duration::ZERO,
        };
        let setup = Setup {
            timing,
            zone_largest_ttl: 2 * TTL,
            settle: unit,
            settle_cmdlet: unit,
            overdue: unit,
            ..setup
        };
        self.0.setup(setup)
    }
    fn memory(&self, memory: Memory) -> Memory {
        self.0.memory(memory)
    }
}

/// Explores everything that can be reached.
#[must_use]
pub fn explore(small: Small, between: Arc<dyn Between>, most: usize) -> Found {
    Explorer::new(small, between).run(VIEWS, most)
}

/// The same with all caches together.
#[must_use]
pub fn explore_together(small: Small, between: Arc<dyn Between>, most: usize) -> Found {
    Explorer::new(small, between).run(TOGETHER, most)
}

struct Explorer {
    small: Small,
    scenario: Scenario,
    between: Arc<dyn Between>,
    steps: Arc<[PlannedStep]>,
    engines: Vec<Engine>,
    known: HashMap<(Small0, String), u32>,
    /// For each engine state: what can happen to it, and what is wrong with that.
    next: Vec<Option<Arc<Vec<Step>>>>,
}

/// How a state was come to.
#[derive(Clone, Copy, Debug)]
enum Label {
    Beginning,
    /// The step of this number of the engine's state before.
    Step(u16),
    Fetch(&'static str),
}

struct Step {
    label: String,
    to: u32,
    passes: bool,
    wrong: Option<String>,
}

impl Explorer {
    fn new(small: Small, between: Arc<dyn Between>) -> Self {
        let moving = small == Small::Move;
        let signed = small != Small::Secure;
        let scenario = Scenario {
            start: if moving {
                Start::Original
            } else {
                Start::Swapped
            },
            ttl: 2 * TTL,
            servers: 2,
            signed,
            delegated: signed,
            dnssec: !moving,
            dane: !moving,
            negative: TTL,
            largest: 2 * TTL,
            lists_largest: true,
            ttl_min: 1,
            parent_negative: TTL,
            ds_ttl: 2 * TTL,
            tlsa_negative: TTL,
            policy: PolicyStart::None,
            writes_policy: false,
            policy_file: false,
            tests_policy: false,
            record_ttl: TTL,
            instant: true,
            people: 0,
            poll: UNIT,
            waits: false,
            ..Scenario::calm(0)
        };
        let steps = between.steps(small_steps(small)).into();
        Self {
            small,
            scenario,
            between: Arc::new(SmallBetween(between)),
            steps,
            engines: Vec::new(),
            known: HashMap::new(),
            next: Vec::new(),
        }
    }

    fn begin(&mut self) -> u32 {
        let moving = self.small == Small::Move;
        let key = if self.scenario.signed { KEY } else { 0 };
        let set = if moving { 0 } else { LAST };
        let served = (set, 2 * TTL, key);
        let truth = Small0 {
            primary: served,
            servers: [served; 2],
            registry: key,
            parent: key,
            dnssec: !moving,
            dane: !moving,
            tlsa: !moving,
            flight: None,
            claimed: false,
        };
        self.intern(Engine {
            truth,
            flight: None,
            memory: Memory::default(),
            open: Vec::new(),
            now: 0,
        })
    }

    fn intern(&mut self, engine: Engine) -> u32 {
        // Which of the two servers is which makes no difference to anybody, but to our own validator, which asks one.
        let mut engine = engine;
        if engine.truth.servers[0].2 == engine.truth.servers[1].2 {
            engine.truth.servers.sort_unstable();
        }
        let mut memory = serde_json::to_value(&engine.memory).unwrap_or_default();
        // Since when something is overdue is only said; soaks last no time here; when an effect was answered, a gate passed, or
        // a step turned bad, is only said too.
        for name in ["expected_since", "good_since"] {
            memory[name] = Value::Null;
        }
        for name in ["performed", "approvals", "turned_bad"] {
            if let Some(map) = memory[name].as_object_mut() {
                map.values_mut().for_each(|value| *value = Value::Null);
            }
        }
        normalise(&mut memory, engine.now);
        let key = (engine.truth, format!("{memory}{:?}", engine.open));
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let number = u32::try_from(self.engines.len()).unwrap_or(u32::MAX);
        self.known.insert(key, number);
        self.engines.push(engine);
        self.next.push(None);
        number
    }

    fn run(mut self, views: &[&[usize]], most: usize) -> Found {
        let first = self.begin();
        let mut found = Found::default();
        for view in views {
            self.follow(first, view, most, &mut found);
            if found.violation.is_some() {
                break;
            }
        }
        found.engines = self.engines.len();
        found
    }

    /// Everything that can be reached, with the copies in these slots.
    fn follow(&mut self, first: u32, view: &[usize], most: usize, found: &mut Found) {
        let first = (first, [0; 5]);
        let mut parents: HashMap<State, (State, Label)> = HashMap::new();
        parents.insert(first, (first, Label::Beginning));
        let mut queue = VecDeque::from([first]);
        while let Some(state) = queue.pop_front() {
            let truth = self.engines[state.0 as usize].truth;
            found.claimed += u64::from(truth.claimed);
            if let Some(what) = deliver(self.small, &truth, &state.1) {
                found.violation = Some((what, self.path(&parents, state)));
                break;
            }
            if truth.claimed {
                continue;
            }
            if parents.len() > most {
                found.cut = true;
                continue;
            }
            let steps = self.steps_of(state.0);
            let mut add =
                |to: State, label: Label, parents: &mut HashMap<State, (State, Label)>| {
                    found.transitions += 1;
                    if let Entry::Vacant(new) = parents.entry(to) {
                        new.insert((state, label));
                        queue.push_back(to);
                        if parents.len().is_multiple_of(1_000_000) {
                            eprintln!("{} states so far with {view:?}", parents.len());
                        }
                    }
                };
            for (number, step) in (0..).zip(steps.iter()) {
                let caches = if step.passes { pass(state.1) } else { state.1 };
                if let Some(what) = &step.wrong {
                    let mut way = self.path(&parents, state);
                    way.push(step.label.clone());
                    found.violation = Some((what.clone(), way));
                    break;
                }
                add((step.to, caches), Label::Step(number), &mut parents);
            }
            if found.violation.is_some() {
                break;
            }
            for (caches, label) in fetches(self.small, &truth, state.1, view) {
                add((state.0, caches), Label::Fetch(label), &mut parents);
            }
        }
        found.states += parents.len();
    }

    /// The way to a state, in words.
    fn path(&self, parents: &HashMap<State, (State, Label)>, mut state: State) -> Vec<String> {
        let mut way = Vec::new();
        while let Some((before, label)) = parents.get(&state) {
            way.push(match label {
                Label::Beginning => "the beginning".to_owned(),
                Label::Fetch(what) => (*what).to_owned(),
                Label::Step(number) => self.next[before.0 as usize]
                    .as_ref()
                    .and_then(|steps| Some(steps.get(usize::from(*number))?.label.clone()))
                    .unwrap_or_default(),
            });
            if *before == state {
                break;
            }
            state = *before;
        }
        way.reverse();
        way
    }

    fn steps_of(&mut self, number: u32) -> Arc<Vec<Step>> {
        if let Some(steps) = &self.next[number as usize] {
            return Arc::clone(steps);
        }
        let engine = self.engines[number as usize].clone();
        let mut steps = Vec::new();
        let mut changed =
            |explorer: &mut Self, label: &str, passes: bool, change: &dyn Fn(&mut Engine)| {
                let mut engine = engine.clone();
                change(&mut engine);
                let to = explorer.intern(engine);
                if to != number || passes {
                    steps.push(Step {
                        label: label.to_owned(),
                        to,
                        passes,
                        wrong: None,
                    });
                }
            };
        for server in 0..2 {
            changed(
                self,
                &format!("server {server} takes over what the primary has"),
                false,
                &|e| {
                    e.truth.servers[server] = e.truth.primary;
                },
            );
        }
        changed(self, "the parent publishes", false, &|e| {
            e.truth.parent = e.truth.registry
        });
        if engine.truth.dane {
            changed(self, "TLSA records appear", false, &|e| e.truth.tlsa = true);
        }
        if let Some(request) = engine.flight {
            changed(self, "the request under way is lost", false, &|e| {
                (e.flight, e.truth.flight) = (None, None);
            });
            changed(self, "the request under way is carried out", false, &|e| {
                (e.flight, e.truth.flight) = (None, None);
                carry_out(&mut e.truth, request);
            });
        } else {
            // What left shows within a unit, as the domain file grants.
            changed(self, "time passes", true, &|e| e.now += UNIT);
        }
        for step in self.slice(&engine) {
            if step.wrong.is_some() || step.to != number {
                steps.push(step);
            }
        }
        let steps = Arc::new(steps);
        self.next[number as usize] = Some(Arc::clone(&steps));
        steps
    }

    /// One process: what it comes to, and what it leaves if it is killed at any of its points.
    fn slice(&mut self, engine: &Engine) -> Vec<Step> {
        let shared = Shared::new(&self.scenario);
        self.prepare(&mut shared.lock(), engine);
        let process = start(
            &shared,
            &self.between,
            &self.steps,
            engine.memory.clone(),
            false,
            Some(50),
        );
        let Driven::Ended(left) = drive(&shared, process) else {
            unreachable!("nobody kills it")
        };
        let mut sim = shared.lock();
        let mut wrong = sim
            .truth
            .oracle
            .violations
            .first()
            .map(|v| format!("{}: {}", v.rule, v.what));
        // A registry is told again once it is overdue, which is a unit here: a DS that is there already comes to the same.
        let unknown = &engine.memory.unknown;
        let told = unknown
            .get("publish-ds")
            .or_else(|| unknown.get("withdraw-ds"));
        let overdue = told.is_some_and(|since| instant(*since) + UNIT <= engine.now);
        for sent in &sim.truth.requests {
            let granted = overdue && matches!(sent.request, Request::Ds(_) | Request::Withdraw(_));
            let again = sent.applied.is_some() && !sent.changed && !granted;
            if Some(sent.request) == engine.flight || sent.conflict || again {
                let again = || format!("S6: {:?} was sent again without need", sent.request);
                wrong.get_or_insert_with(again);
            }
        }
        let sent = sim
            .truth
            .requests
            .iter()
            .map(|sent| crate::world::describe(sent.request, &sim.truth.sets));
        let label = format!(
            "a process looks{}",
            sent.map(|what| format!(", {what}")).collect::<String>()
        );
        let killed = sim.kills.remains.take().unwrap_or_default();
        let whole = crate::world::Remains {
            memory: left.memory,
            ..sim.remains()
        };
        drop(sim);
        let done = matches!(left.ending, Ok(Ending::Done));
        let to = self.after(engine, whole, done);
        let mut steps = vec![Step {
            label: label.clone(),
            to,
            passes: false,
            wrong,
        }];
        for (point, remains) in killed.into_iter().enumerate() {
            let to = self.after(engine, remains, false);
            if steps.iter().all(|step| step.to != to) {
                let label = format!("{label}, and is killed (point {point})");
                steps.push(Step {
                    label,
                    to,
                    passes: false,
                    wrong: None,
                });
            }
        }
        steps
    }

    /// Puts the small world into the large one's place.
    fn prepare(&self, sim: &mut crate::world::Sim, engine: &Engine) {
        sim.names.without_vantages();
        let t = &mut sim.truth;
        // The same numbers for the same sets, whoever comes first.
        t.sets = crate::truth::Sets::default();
        t.sets.id(vec![(0, LEGACY)]);
        t.sets.id(vec![(0, LEGACY), (20, NEW)]);
        t.sets.id(vec![(0, NEW), (30, LEGACY)]);
        t.sets.id(vec![(0, NEW)]);
        let moving = self.small == Small::Move;
        t.original = (if moving { 0 } else { LAST }, 2 * TTL);
        t.mail_goes_on = false;
        t.forget_events();
        let served = |(set, ttl, key)| Served { set, ttl, key };
        t.now = engine.now;
        t.primary = served(engine.truth.primary);
        t.servers = engine.truth.servers.map(served).to_vec();
        t.signing = (engine.truth.primary.2 != 0).then_some(0);
        t.registry = engine.truth.registry;
        t.parent = vec![engine.truth.parent; 2];
        (t.dnssec, t.dane, t.tlsa) = (engine.truth.dnssec, engine.truth.dane, engine.truth.tlsa);
        t.readiness = if t.dnssec { 3 } else { 0 };
        sim.kills.remains = Some(Vec::new());
        sim.log.keeps_memory = true;
        sim.log.memory = Some(engine.memory.clone());
        if engine.memory.way_back_kept {
            sim.log.lines.push((0, 0, Line::WayBack));
        }
        for step in &engine.open {
            let id = rollout::engine::store::IntentId::new();
            let line = Line::Intent {
                id,
                step: step.clone(),
                request: Request::Sign,
            };
            sim.log.lines.push((0, 0, line));
        }
    }

    /// The state after a process that left this.
    fn after(&mut self, engine: &Engine, remains: crate::world::Remains, claimed: bool) -> u32 {
        let flight = remains.flight.or(engine.flight);
        let served = remains.primary;
        let next = Engine {
            truth: Small0 {
                primary: (served.set, served.ttl, served.key),
                registry: remains.registry,
                dnssec: remains.exchange.0,
                dane: remains.exchange.1,
                flight: flight.map(|request| match request {
                    Request::Mx { after, .. } => (0, after),
                    other => (u8::try_from(other.kind()).unwrap_or(0), (0, 0)),
                }),
                claimed,
                ..engine.truth
            },
            flight,
            memory: remains.memory,
            open: remains.open,
            now: engine.now,
        };
        self.intern(next)
    }
}

/// Times become ages, and what only words are made of goes away. A copy that ended is none: nothing asks when it did.
fn normalise(value: &mut Value, now: Ms) {
    match value {
        Value::Object(map) => {
            map.remove("seen");
            map.remove("by");
            map.values_mut().for_each(|value| normalise(value, now));
            if let Some(until) = map.get_mut("cached_until")
                && until.as_i64().is_some_and(|left| left <= 0)
            {
                *until = Value::Null;
            }
            if let Some(Value::Array(versions)) = map.get_mut("versions") {
                versions.retain(|v| v["served"] != Value::Null || v["cached_until"] != Value::Null);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| normalise(value, now)),
        Value::String(text) => {
            if let Ok(at) = text.parse() {
                let units = (instant(at) - now).div_euclid(UNIT).clamp(AGES.0, AGES.1);
                *value = Value::from(units);
            }
        }
        _ => {}
    }
}

fn carry_out(truth: &mut Small0, request: Request) {
    match request {
        Request::Mx { before, after } => {
            if (truth.primary.0, truth.primary.1) == before {
                (truth.primary.0, truth.primary.1) = after;
            }
        }
        Request::Sign => truth.primary.2 = KEY,
        Request::Ds(key) => truth.registry = key,
        Request::Dnssec => truth.dnssec = true,
        Request::Dane => truth.dane = true,
        Request::Withdraw(_) => truth.registry = 0,
        Request::Unsign => truth.primary.2 = 0,
        Request::DaneOff => truth.dane = false,
        Request::Policy { .. } | Request::Record { .. } => {
            unreachable!("there is no policy in the small world")
        }
    }
}

/// How often each label occurs, for people.
#[must_use]
pub fn summary(found: &Found) -> String {
    let mut words = BTreeMap::new();
    words.insert("states", found.states.to_string());
    words.insert("states of the engine", found.engines.to_string());
    words.insert("transitions", found.transitions.to_string());
    words.insert("states with a claim", found.claimed.to_string());
    words.insert("to its end", (!found.cut).to_string());
    words
        .into_iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect::<Vec<_>>()
        .join(", ")
}
