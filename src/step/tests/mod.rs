//! Each step's answers, as tables over facts.

mod delegation;
mod exchange;
mod first_aid;
mod gateway;
mod hosts;
mod legacy;
mod mta_sts;
mod mx;
mod preflight;
mod tls_rpt;
mod unknown;
mod verdict;
mod way_back;
mod when;

use std::time::Duration;

use jiff::Timestamp;

use super::fixture::*;
use super::*;
use crate::kernel::MxSet;
use crate::playbook::{Expect, Goal, Until};
use crate::world::{Action, Answer, Fact, Facts, Instructions, MxRrset, Outcome, ZoneFacts};

/// The id of the step under test.
const STEP: &str = "the-step";

const LOWER: Goal = Goal::LowerTtl {
    ttl: 60,
    until: Until::Visible,
};
const ADD: Goal = Goal::AddMx { preference: 20 };
const SWAP: Goal = Goal::SwapMx {
    preference: 0,
    legacy_preference: 30,
};
const FINAL: Goal = Goal::FinalTtl { ttl: 3600 };

/// A world, what a run remembers of it, and the instant.
struct Case {
    facts: Facts,
    memory: Memory,
    setup: Setup,
    now: Timestamp,
}

impl Case {
    fn new(start: &Start) -> Self {
        Self {
            facts: start.facts(),
            memory: start.memory(),
            setup: setup(),
            now: at(10),
        }
    }

    /// A run that found V0 and moved to `mx`, seen on every server.
    fn moved_to(mx: &[(u16, &'static str)]) -> Self {
        let mut case = Self::new(&Start {
            ttl: 60,
            signed: true,
            delegated: true,
            dnssec: true,
            ..Start::default()
        });
        if mx != [(0, LEGACY)] {
            case.wrote(mx, 60);
            case.see(mx, 60);
        }
        case
    }

    fn context(&self) -> Context<'_> {
        Context {
            setup: &self.setup,
            facts: &self.facts,
            memory: &self.memory,
            step: STEP,
            now: self.now,
        }
    }

    fn next(&self, goal: Goal) -> Next {
        next(goal, &self.context())
    }

    fn zone(&mut self) -> &mut ZoneFacts {
        match &mut self.facts.zone {
            Fact::Known { value, .. } => value,
            other => panic!("{other:?}"),
        }
    }

    /// All servers serve this, and the run sees it.
    fn see(&mut self, mx: &[(u16, &'static str)], ttl: u32) {
        for server in 0..2 {
            self.serve(server, mx, ttl);
        }
        self.absorb();
    }

    /// One server serves this; nobody looked yet.
    fn serve(&mut self, server: usize, mx: &[(u16, &'static str)], ttl: u32) {
        self.zone().servers[server].mx = Answer::Got {
            value: MxSet::new(mx.iter().copied()),
            ttl,
        };
    }

    fn absorb(&mut self) {
        self.memory.absorb(&self.facts, &self.setup, self.now);
    }

    fn expected(&self) -> MxRrset {
        self.memory.expected.clone().unwrap()
    }

    /// The provider took this write.
    fn wrote(&mut self, mx: &[(u16, &'static str)], ttl: u32) {
        let action = Action::WriteMx {
            before: self.expected(),
            after: rrset(mx, ttl),
        };
        self.record(&action, &done());
    }

    fn record(&mut self, action: &Action, outcome: &Outcome) {
        self.memory
            .record(STEP, action, outcome, &self.setup, self.now);
    }
}

fn rrset(mx: &[(u16, &'static str)], ttl: u32) -> MxRrset {
    MxRrset {
        set: MxSet::new(mx.iter().copied()),
        ttl,
    }
}

fn done() -> Outcome {
    Outcome::Done {
        note: "taken".into(),
        mx_host: None,
    }
}

fn lost_answer() -> Outcome {
    Outcome::Unknown {
        why: "the connection broke".into(),
    }
}

fn by_hand() -> Outcome {
    Outcome::Asked {
        instructions: Instructions {
            summary: "do this".into(),
            lines: vec![],
            answer: None,
            effects: vec![],
        },
    }
}

#[track_caller]
fn wait(next: &Next) -> &Wait {
    let Next::Wait(wait) = next else {
        panic!("expected a wait, got {next:?}")
    };
    assert!(!wait.why.is_empty() && wait.why.iter().all(|why| !why.is_empty()));
    assert!(!wait.sooner.is_empty());
    wait
}

#[track_caller]
fn waits_naming(next: &Next, kind: WaitFor, names: &[&str]) {
    let wait = wait(next);
    let why = wait.why.join("; ");
    assert_eq!(wait.kind, kind, "{why}");
    for name in names {
        assert!(why.contains(name), "{name:?} is not in {why:?}");
    }
}

#[track_caller]
fn blocked_by(next: &Next, id: &str) -> Finding {
    let Next::Blocked(findings) = next else {
        panic!("expected {id}, got {next:?}")
    };
    let found = findings.iter().find(|f| f.id == id);
    found
        .unwrap_or_else(|| panic!("no {id} in {findings:?}"))
        .clone()
}

#[track_caller]
fn acts(next: &Next) -> &Action {
    let Next::Act(action) = next else {
        panic!("expected an effect, got {next:?}")
    };
    action
}

#[track_caller]
fn is_done(next: &Next) {
    assert!(
        matches!(next, Next::Done(how) if !how.is_empty()),
        "{next:?}"
    );
}
