//! How far a walk goes, how it ends, and who watches it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::store::{Brake, StoreError};
use crate::playbook::PlannedStep;
use crate::step::{Approval, Finding, Memory, Next, Question, Wait};
use crate::world::{Action, Outcome};

/// How far to go.
#[derive(Clone, Debug)]
pub struct Options {
    /// Wait in this process, or end and say when to come back.
    pub wait: bool,
    /// Stop when this step is done.
    pub until: Option<String>,
    /// How often to look while others have to do something.
    pub poll: Duration,
    /// Looks in a row that could not tell before the run stops.
    pub patience: u32,
    /// How often to hear what people say while standing still; `None` in a world without people.
    pub listen: Option<Duration>,
    /// Looks after which the walk gives up: a plan must end.
    pub looks: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            wait: true,
            until: None,
            poll: Duration::from_secs(10),
            patience: 3,
            listen: Some(Duration::from_secs(5)),
            looks: None,
        }
    }
}

/// A step that is not done, and what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "pending", rename_all = "kebab-case")]
pub enum Pending {
    /// It waits.
    Wait(Wait),
    /// A person is asked.
    Ask(Question),
    /// Findings stop it.
    Blocked {
        /// What was found.
        findings: Vec<Finding>,
    },
}

/// How a walk ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// Every step is done (or every one up to `until`).
    Done,
    /// Right, but not yet: come back at `wake`, if somebody can say when.
    NotYet {
        /// What each step waits for.
        pending: BTreeMap<String, Pending>,
        /// When it is worth coming back; `None` when only a person can go on.
        wake: Option<Timestamp>,
    },
    /// Findings forbid going on.
    Blocked {
        /// The findings of each step.
        pending: BTreeMap<String, Pending>,
        /// Whether all that stops it is that something could not be told.
        could_not_tell: bool,
    },
    /// A person said pause, or abort.
    Braked(Brake),
    /// The process was asked to stop; the run goes on when it is called again.
    Interrupted,
}

/// Watches a walk: the terminal, a plan, a test.
pub trait Observer: Send {
    /// A step became active, or says something new.
    fn step(&mut self, at: Timestamp, step: &PlannedStep, next: &Next);
    /// An effect begins.
    fn acting(&mut self, at: Timestamp, step: &PlannedStep, action: &Action);
    /// An effect ended.
    fn acted(&mut self, at: Timestamp, step: &PlannedStep, action: &Action, outcome: &Outcome);
    /// The walk stands still until `wake`.
    fn waiting(&mut self, at: Timestamp, pending: &BTreeMap<String, Pending>, wake: Timestamp);
    /// What is needed to go back, before the first change (S8).
    fn way_back(&mut self, at: Timestamp, memory: &Memory);
    /// A person at a terminal may answer a gate at once.
    fn ask(&mut self, gate: &str, about: &str, effect: &str) -> Option<Approval>;
}

/// Watches nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn step(&mut self, _: Timestamp, _: &PlannedStep, _: &Next) {}
    fn acting(&mut self, _: Timestamp, _: &PlannedStep, _: &Action) {}
    fn acted(&mut self, _: Timestamp, _: &PlannedStep, _: &Action, _: &Outcome) {}
    fn waiting(&mut self, _: Timestamp, _: &BTreeMap<String, Pending>, _: Timestamp) {}
    fn way_back(&mut self, _: Timestamp, _: &Memory) {}
    fn ask(&mut self, _: &str, _: &str, _: &str) -> Option<Approval> {
        None
    }
}

/// The walk could not be kept safe to resume.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The journal could not be written, so nothing more may be done.
    #[error(transparent)]
    Store(#[from] StoreError),
}
