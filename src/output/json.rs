//! JSON lines for programs: a line with the schema version and the command, then one object per event.
//!
//! Every object has a `type`; names of steps, findings and gates are stable ids. Unknown members are to be ignored,
//! an unknown schema is to be refused.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::console::Console;
use crate::engine::{Ending, Observer, Pending};
use crate::playbook::PlannedStep;
use crate::step::{Approval, Memory, Next};
use crate::world::{Action, Outcome};

/// Raised when a reader of the old lines would misunderstand the new ones.
pub const SCHEMA: u32 = 1;

/// The first line.
pub fn head(command: &str) -> Value {
    json!({"schema": SCHEMA, "command": command})
}

/// A step's decision.
pub fn next(next: &Next) -> Value {
    match next {
        Next::Done(how) => json!({"next": "done", "how": how}),
        Next::Act(action) => json!({"next": "act", "action": action}),
        Next::Wait(wait) => json!({"next": "wait", "wait": wait}),
        Next::Ask(question) => json!({"next": "ask", "question": question}),
        Next::Blocked(findings) => json!({"next": "blocked", "findings": findings}),
    }
}

/// How a run ended.
pub fn ending(ending: &Ending) -> Value {
    match ending {
        Ending::Done => json!({"ended": "done"}),
        Ending::NotYet { pending, wake } => {
            json!({"ended": "not-yet", "wake": wake, "pending": pending})
        }
        Ending::Blocked {
            pending,
            could_not_tell,
        } => json!({"ended": "blocked", "could_not_tell": could_not_tell, "pending": pending}),
        Ending::Braked(brake) => json!({"ended": "braked", "brake": brake}),
        Ending::Interrupted => json!({"ended": "interrupted"}),
    }
}

/// Writes an object per event of a walk.
#[derive(Debug)]
pub struct Events {
    console: Console,
    domain: String,
}

impl Events {
    /// For this domain's walk.
    pub fn new(console: Console, domain: &str) -> Self {
        Self {
            console,
            domain: domain.to_owned(),
        }
    }

    fn event(&self, at: Timestamp, kind: &str, members: Value) {
        let mut object = json!({"type": kind, "at": at, "domain": self.domain});
        if let (Some(object), Value::Object(members)) = (object.as_object_mut(), members) {
            object.extend(members);
        }
        self.console.object(&object);
    }
}

impl Observer for Events {
    fn step(&mut self, at: Timestamp, step: &PlannedStep, said: &Next) {
        let mut members = next(said);
        members["step"] = json!(step.id);
        self.event(at, "decision", members);
    }

    fn acting(&mut self, at: Timestamp, step: &PlannedStep, action: &Action) {
        self.event(at, "acting", json!({"step": step.id, "action": action}));
    }

    fn acted(&mut self, at: Timestamp, step: &PlannedStep, action: &Action, outcome: &Outcome) {
        let members = json!({"step": step.id, "action": action.name(), "outcome": outcome});
        self.event(at, "acted", members);
    }

    fn waiting(&mut self, at: Timestamp, pending: &BTreeMap<String, Pending>, wake: Timestamp) {
        self.event(at, "waiting", json!({"pending": pending, "wake": wake}));
    }

    fn way_back(&mut self, at: Timestamp, memory: &Memory) {
        self.event(at, "way-back", json!({"mx": memory.original}));
    }

    fn ask(&mut self, _: &str, _: &str, _: &str) -> Option<Approval> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::WaitFor;

    #[test]
    fn every_decision_names_itself() {
        assert_eq!(head("plan"), json!({"schema": 1, "command": "plan"}));
        assert_eq!(next(&Next::Done("seen".to_owned()))["next"], "done");
        let wait = next(&Next::wait(WaitFor::Visible, "ns1 lags", "ns1"));
        assert_eq!(wait["wait"]["kind"], "visible");
        assert_eq!(ending(&Ending::Interrupted)["ended"], "interrupted");
    }
}
