//! The ways back: `rollout rollback`, and its `--dnssec` and `--dane`, from what a run left at some point.

use std::sync::{Arc, LazyLock};

use rollout::playbook::PlannedStep;
use rollout::step::Memory;

use crate::journal::{Line, Log};
use crate::rng::Rng;
use crate::run::{Begun, How, Report, after_a_kill, limit, planned_by, report, until_done};
use crate::scenario::{HOUR, MINUTE, Ms, Scenario};
use crate::truth::{ByKind, Event, Served};
use crate::world::{Kills, Shared, Sim};

/// A way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// To the MX RRset that was found.
    Mx,
    /// The DS is withdrawn, then the zone unsigned.
    Dnssec,
    /// Inbound DANE is turned off.
    Dane,
}

impl Back {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mx, Self::Dnssec, Self::Dane];

    /// Its playbook, with its defaults.
    fn steps(self) -> &'static [PlannedStep] {
        static STEPS: LazyLock<[Arc<[PlannedStep]>; 3]> =
            LazyLock::new(|| ["rollback", "rollback-dnssec", "dane-off"].map(planned_by));
        &STEPS[self as usize]
    }

    /// The kinds of requests that it may send.
    fn may(self) -> &'static [&'static str] {
        match self {
            Self::Mx => &["write-mx", "write-policy", "write-policy-record"],
            Self::Dnssec => &["withdraw-ds", "unsign-zone"],
            Self::Dane => &["disable-dane"],
        }
    }
}

/// Goes back from what a process left that was killed at a point of a run of this scenario, or from its end. `None` where
/// there is nothing to go back to: no record was changed yet, or no host has TLSA records that could be withdrawn.
#[must_use]
pub fn go_back(scenario: &Scenario, how: &How, left: &Sim, back: Back) -> Option<Report> {
    let mut sim = left.clone();
    let point = sim.kills.passed;
    let mut rng = Rng::new(scenario.seed, 8 + u64::from(point));
    sim.kills = Kills {
        at: kills(how, &mut rng),
        ..Kills::default()
    };
    sim.truth.oracle.protocol = how.protocol.then(Vec::new);
    sim.truth.forget_orders();
    let memory = sim.log.memory.take().unwrap_or_default();
    let something = match back {
        Back::Mx => memory.way_back_kept,
        Back::Dnssec => true,
        Back::Dane => sim.truth.dnssec && memory.new_host.is_some(),
    };
    if !something {
        return None;
    }
    let to = sim.truth.now + since(&mut sim, back, &mut rng);
    sim.truth.advance(to);
    let memory = Memory {
        restoring: back == Back::Mx,
        ..memory.for_the_way_back()
    };
    // A run of its own, with a journal of its own, and with what the one before kept from its first instant on.
    let fence = sim.log.fence;
    sim.log = Log {
        lines: if memory.way_back_kept {
            vec![(to, fence, Line::WayBack)]
        } else {
            Vec::new()
        },
        memory: Some(memory.clone()),
        fence,
        ..Log::default()
    };
    let before = sent(&sim);
    let begun = Begun {
        memory,
        processes: 0,
        limit: to + limit(scenario) + patience(back),
    };
    let steps: Arc<[PlannedStep]> = how.between.steps(back.steps().to_vec()).into();
    let shared = Shared::of(sim);
    let (done, processes) = until_done(&shared, &steps, scenario, how, begun);
    let mut sim = shared.lock();
    let now = sim.truth.now;
    if done {
        sim.judge_back(back);
        if back == Back::Mx {
            sim.truth.drop_asked();
        }
    } else {
        let what = format!("not back after {processes} processes");
        sim.truth.oracle.violation(now, "time", what);
    }
    sim.judge_requests(back, &before);
    sim.judge_journal(back.steps());
    sim.settle();
    if done {
        sim.judge_lasting(back);
    }
    Some(report(scenario, &mut sim, now, processes))
}

/// The way back is killed as well, every second time, once or twice.
fn kills(how: &How, rng: &mut Rng) -> Vec<u32> {
    if !how.kills.is_empty() || rng.chance(50) {
        return Vec::new();
    }
    let mut at: Vec<u32> = (0..=rng.below(2))
        .map(|_| u32::try_from(rng.scale(1, 60)).unwrap_or(0))
        .collect();
    at.sort_unstable_by(|a, b| b.cmp(a));
    at.dedup();
    at
}

/// How long after the run somebody goes back. After its end the legacy hosts go, unless the way leads to them.
fn since(sim: &mut Sim, back: Back, rng: &mut Rng) -> Ms {
    if sim.truth.claimed.take().is_none() {
        return after_a_kill(sim);
    }
    if back != Back::Mx {
        let keep = if sim.truth.scenario.stale {
            72 * HOUR
        } else {
            0
        };
        sim.truth.later(keep, Event::Retire);
    }
    rng.scale(MINUTE, 48 * HOUR)
}

/// How much longer than a move it may take: a DS that was told and never appeared is waited for.
fn patience(back: Back) -> Ms {
    match back {
        Back::Dnssec => 72 * HOUR,
        Back::Mx | Back::Dane => 0,
    }
}

/// How many requests of each kind were sent.
fn sent(sim: &Sim) -> ByKind {
    let mut all = ByKind::default();
    for sent in &sim.truth.requests {
        all[sent.request.kind()] += 1;
    }
    all
}

impl Sim {
    /// Whether it is there, when it says so.
    fn judge_back(&mut self, back: Back) {
        let t = &self.truth;
        let now = t.now;
        let right = match back {
            // The set is again what was found, everywhere, with its TTL. What a person has just written at the provider,
            // and no server serves yet, nobody could see.
            Back::Mx => {
                let is_it = |served: &Served| (served.set, served.ttl) == t.original;
                t.servers.iter().all(is_it)
                    && (is_it(&t.primary) || t.scenario.manual_provider)
                    // While an MX set that was asked for may yet come, the policy goes on admitting its hosts; the run says so.
                    && (t.is_published_as_found()
                        || (t.admits_what_was_found()
                            && t.has_asked_for_mx()))
            }
            Back::Dnssec => {
                t.parent.iter().all(|ds| *ds == 0) && t.servers.iter().all(|s| s.key == 0)
            }
            Back::Dane => !t.dane && !t.tlsa,
        };
        let holder = (back == Back::Dane)
            .then(|| t.senders.iter().position(|s| s.resolver.holds_tlsa(now)))
            .flatten();
        if !right {
            let what = format!("went back to {}", self.end());
            self.truth.oracle.violation(now, "end", what);
        }
        if let Some(sender) = holder {
            let what = format!(
                "it is said that no cache holds TLSA records, and that of sender {sender} does"
            );
            self.truth.oracle.violation(now, "I3", what);
        }
        let open = self.log.open();
        if !open.is_empty() {
            let what = format!("intents without an outcome: {open:?}");
            self.truth.oracle.violation(now, "S6", what);
        }
    }

    /// It changed nothing else: going back from the new MX leaves DNSSEC alone, and the other way round.
    fn judge_requests(&mut self, back: Back, before: &ByKind) {
        let after = sent(self);
        let now = self.truth.now;
        for (kind, name) in crate::truth::KINDS.iter().enumerate() {
            if after[kind] != before[kind] && !back.may().contains(name) {
                let what = format!("{back:?} asked for {name}");
                self.truth.oracle.violation(now, "S1", what);
            }
        }
    }

    /// Whether it lasts, when all that was under way has arrived.
    fn judge_lasting(&mut self, back: Back) {
        let t = &self.truth;
        let now = t.now;
        let lasts = match back {
            Back::Mx => (t.primary.set, t.primary.ttl) == t.original,
            Back::Dnssec => t.parent.iter().all(|ds| *ds == 0),
            Back::Dane => !t.dane && !t.tlsa,
        };
        if !lasts {
            let what = format!("after all has arrived, it is {}", self.end());
            self.truth.oracle.violation(now, "end", what);
        }
    }
}
