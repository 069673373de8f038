//! Journal entries: what is written, and what it reads like afterwards.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::{Fence, IntentId, words};

words!(
    /// What a journal entry tells.
    Kind {
        /// An effect is about to be performed. Written before it.
        Intent = "intent",
        /// What became of an intent.
        Outcome = "outcome",
        /// Something seen that cannot be seen again.
        Observation = "observation",
        /// What was decided, by the kernel or by a person.
        Decision = "decision",
        /// A gate was opened, approved or refused: the body is a [`GateEvent`].
        Gate = "gate",
        /// Anything else worth keeping.
        Note = "note",
        /// What is needed to go back (S8). Written before the first change.
        WayBack = "way_back",
    }
);

words!(
    /// What happened at a gate.
    GateVerdict {
        /// The run waits here for a person.
        Opened = "opened",
        /// A person let the run pass.
        Approved = "approved",
        /// A person said no.
        Refused = "refused",
    }
);

/// What happened at a gate, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateEvent {
    /// The gate's id in the playbook.
    pub gate: String,
    /// What happened.
    pub verdict: GateVerdict,
    /// Who did it: a person, or `rollout` for an opening.
    pub by: String,
    /// What that person wrote beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A journal entry to write.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub(super) at: Timestamp,
    pub(super) kind: Kind,
    pub(super) intent: Option<IntentId>,
    pub(super) body: Value,
}

impl Entry {
    /// An effect about to be performed, and the id its outcome must name.
    pub fn intent(at: Timestamp, body: Value) -> (IntentId, Self) {
        let id = IntentId::new();
        (
            id,
            Self {
                at,
                kind: Kind::Intent,
                intent: Some(id),
                body,
            },
        )
    }

    /// What became of an intent: from the call itself, or found out by observing later.
    pub fn outcome(at: Timestamp, intent: IntentId, body: Value) -> Self {
        Self {
            at,
            kind: Kind::Outcome,
            intent: Some(intent),
            body,
        }
    }

    /// Something seen that cannot be seen again.
    pub fn observation(at: Timestamp, body: Value) -> Self {
        Self::plain(at, Kind::Observation, body)
    }

    /// What was decided, and on what evidence.
    pub fn decision(at: Timestamp, body: Value) -> Self {
        Self::plain(at, Kind::Decision, body)
    }

    /// Something happened at a gate.
    pub fn gate(at: Timestamp, event: &GateEvent) -> Self {
        let body = serde_json::json!({
            "gate": event.gate, "verdict": event.verdict, "by": event.by, "note": event.note,
        });
        Self::plain(at, Kind::Gate, body)
    }

    /// Anything else worth keeping.
    pub fn note(at: Timestamp, body: Value) -> Self {
        Self::plain(at, Kind::Note, body)
    }

    /// What is needed to go back (S8).
    pub fn way_back(at: Timestamp, body: Value) -> Self {
        Self::plain(at, Kind::WayBack, body)
    }

    fn plain(at: Timestamp, kind: Kind, body: Value) -> Self {
        Self {
            at,
            kind,
            intent: None,
            body,
        }
    }
}

/// A journal entry as written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recorded {
    /// Its place in the run's journal; the first is 1, and none is missing.
    pub seq: u64,
    /// When, by the clock of the process that wrote it.
    pub at: Timestamp,
    /// What it tells.
    pub kind: Kind,
    /// The fence under which it was written; for a person's signal, the fence current at that time.
    pub fence: Fence,
    /// The intent's own id, or the one an outcome answers; `None` in all other kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<IntentId>,
    /// What was written, secrets replaced.
    pub body: Value,
    /// The digest of the memory written with this entry, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_digest: Option<String>,
    /// The hash of the entry before, in hexadecimal; for the first, the hash of the run's inputs.
    pub prev_hash: String,
    /// This entry's hash, in hexadecimal.
    pub hash: String,
}

impl Recorded {
    /// The gate event, when this entry tells one.
    pub fn gate_event(&self) -> Option<GateEvent> {
        if self.kind != Kind::Gate {
            return None;
        }
        serde_json::from_value(self.body.clone()).ok()
    }
}
