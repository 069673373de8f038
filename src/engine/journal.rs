//! Where the loop writes down what it does, before and after it does it.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::step::{Approval, Memory, Next};
use crate::world::{Action, Fact, Facts, Outcome, Unread, VerdictFacts};

use super::store::{Brake, IntentId, StoreError};

/// Something worth keeping beside effects.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// A step's decision changed.
    Decision(Box<Decision>),
    /// A gate was opened.
    GateOpened {
        /// Its name.
        gate: String,
        /// What is agreed to, and the effect.
        about: String,
    },
    /// A gate was passed.
    GateApproved {
        /// Its name.
        gate: String,
        /// By whom and when.
        approval: Approval,
    },
    /// What is needed to go back (S8).
    WayBack(Value),
    /// An answer that was not understood, as it came (redacted): what could not be told can be reported later (S7).
    Unread(Box<Unread>),
}

/// What a step says to do next, and on what verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The step's id.
    pub step: String,
    /// What it says.
    pub next: Next,
    /// The verdict on the whole domain that it rests on, where its step asks for one.
    pub verdict: Option<Fact<VerdictFacts>>,
}

impl Decision {
    /// As it is written down.
    #[must_use]
    pub fn body(&self) -> Value {
        let id = &self.step;
        let mut said = match &self.next {
            Next::Done(how) => json!({"step": id, "next": "done", "how": how}),
            Next::Act(action) => json!({"step": id, "next": "act", "action": action}),
            Next::Wait(wait) => json!({"step": id, "next": "wait", "wait": wait}),
            Next::Ask(question) => json!({"step": id, "next": "ask", "question": question}),
            Next::Blocked(findings) => json!({"step": id, "next": "blocked", "findings": findings}),
        };
        if let Some(verdict) = &self.verdict {
            said["verdict"] = json!(verdict);
        }
        said
    }
}

/// What people asked of the run since it looked last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signals {
    /// Stop, for now or for good.
    pub brake: Option<Brake>,
    /// Gates that were answered: name, approved, by whom.
    pub gates: Vec<(String, bool, String)>,
}

/// The journal of one run. Every write carries the lease's fence; when the lease is over, nothing more may
/// be done on its strength.
#[async_trait]
pub trait Journal: Send {
    /// Before an effect: what, for which step, on what evidence.
    async fn intent(
        &mut self,
        at: Timestamp,
        step: &str,
        action: &Action,
        facts: &Facts,
        memory: &Memory,
    ) -> Result<IntentId, StoreError>;

    /// After it.
    async fn outcome(
        &mut self,
        at: Timestamp,
        intent: IntentId,
        step: &str,
        outcome: &Outcome,
        memory: &Memory,
    ) -> Result<(), StoreError>;

    /// Anything else, with the memory as it is now.
    async fn note(
        &mut self,
        at: Timestamp,
        notes: Vec<Note>,
        memory: &Memory,
    ) -> Result<(), StoreError>;

    /// What people asked for meanwhile.
    async fn signals(&mut self) -> Result<Signals, StoreError>;

    /// Why no run may make a change now, asked right before each: a person put a stop file beside the state.
    fn stopped(&self) -> Option<String> {
        None
    }
}

/// A journal that keeps nothing: a plan writes nothing anywhere, by type.
#[derive(Debug, Default)]
pub struct NoJournal;

#[async_trait]
impl Journal for NoJournal {
    async fn intent(
        &mut self,
        _: Timestamp,
        _: &str,
        _: &Action,
        _: &Facts,
        _: &Memory,
    ) -> Result<IntentId, StoreError> {
        Ok(IntentId::new())
    }

    async fn outcome(
        &mut self,
        _: Timestamp,
        _: IntentId,
        _: &str,
        _: &Outcome,
        _: &Memory,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    async fn note(&mut self, _: Timestamp, _: Vec<Note>, _: &Memory) -> Result<(), StoreError> {
        Ok(())
    }

    async fn signals(&mut self) -> Result<Signals, StoreError> {
        Ok(Signals::default())
    }
}
