//! Runs, what changes them, and what people tell them.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::entry::{Entry, GateEvent};
use super::ids::{Fence, RunId, words};
use super::lease::LeaseState;

words!(
    /// Where a run stands.
    Status {
        /// Going on, or waiting.
        Active = "active",
        /// A person stopped it; it goes on when a person says so.
        Paused = "paused",
        /// Finished: the goal is reached.
        Done = "done",
        /// Finished: a person gave it up.
        Aborted = "aborted",
        /// A finding forbids the next step.
        Blocked = "blocked",
    }
);

impl Status {
    /// Nothing more will happen in this run.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Done | Self::Aborted)
    }
}

words!(
    /// What a person asked of a run's driver; honoured at the driver's next look.
    Brake {
        /// Start nothing new.
        Pause = "pause",
        /// Give the run up.
        Abort = "abort",
    }
);

/// A run to create.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// The domain; letter case and a final dot do not matter.
    pub domain: String,
    /// Where its domain file was.
    pub domain_file: PathBuf,
    /// The playbook's name.
    pub playbook: String,
    /// The full text of the playbook: the run goes on with this text, whatever becomes of the file.
    pub playbook_text: String,
    /// The run's settings: the domain file's wishes and the flags.
    pub settings: Value,
    /// What it remembers from its first instant on: a way back starts from what the run before it kept.
    pub memory: Option<Value>,
}

/// What a run was started with.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// The full text of the playbook.
    pub playbook_text: String,
    /// The run's settings.
    pub settings: Value,
}

/// A run as stored, without its large texts (see [`Inputs`]).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The domain, in lower case, without a final dot.
    pub domain: String,
    /// Where its domain file was when the run was created.
    pub domain_file: PathBuf,
    /// The playbook's name.
    pub playbook: String,
    /// SHA-256 of the playbook's text, in hexadecimal.
    pub playbook_digest: String,
    /// Where it stands.
    pub status: Status,
    /// When to look again; `None`: nothing to wake it but a person.
    pub wake_at: Option<Timestamp>,
    /// Why it waits or stands: written by the engine, opaque here.
    pub why: Value,
    /// What a person asked of the driver and the driver has not done yet.
    pub brake: Option<Brake>,
    /// When it was created, by the store's clock.
    pub created: Timestamp,
    /// When it was last written, by the store's clock.
    pub updated: Timestamp,
    /// Who drives it now; `None` while it waits. A lease that is over shows a driver that died.
    pub lease: Option<LeaseState>,
    /// The highest fence given out.
    pub fence: Fence,
    /// How often in a row a driver died and another took over. A run that kills its drivers should be stopped.
    pub takeovers: u32,
    /// How many signals people gave; see [`Wake::signals`].
    pub signals: u64,
    /// The sequence number of its last journal entry; 0 when there is none.
    pub last_seq: u64,
}

/// The memory of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    /// Raised by one at every write.
    pub version: u64,
    /// The value, opaque to the store.
    pub value: Value,
}

/// When a run is to be looked at again, and why it waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Wake {
    /// The instant, or `None`: only a person's signal wakes it.
    pub at: Option<Timestamp>,
    /// Why it waits, opaque here; shown by `why`.
    pub why: Value,
    /// [`Run::signals`] as read before this was decided. When a person's signal came in between, the run stays due,
    /// so that an approval given at the last moment is not slept over.
    pub signals: u64,
}

/// All that one step of the loop writes, in one transaction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transition {
    /// Journal entries, in order.
    pub entries: Vec<Entry>,
    /// The new memory; `None` leaves the old one. A memory without an entry gets a note of its own.
    pub memory: Option<Value>,
    /// When to look again and why; `None` leaves both.
    pub wake: Option<Wake>,
    /// Where the run stands now; `None` leaves it. `Done` and `Aborted` end the lease too.
    pub status: Option<Status>,
    /// The driver has done what this brake asked: clear it, unless a person asked for another one meanwhile.
    pub honoured: Option<Brake>,
    /// Give the lease back with this write: a waiting run holds no lease. Set `wake` too, or the old instant stands
    /// and the run may be due at once.
    pub release: bool,
}

impl Transition {
    /// Entries alone.
    pub fn entries(entries: Vec<Entry>) -> Self {
        Self {
            entries,
            ..Self::default()
        }
    }

    /// With a new memory.
    pub fn memory(self, memory: Value) -> Self {
        Self {
            memory: Some(memory),
            ..self
        }
    }

    /// With a wait, giving the lease back.
    pub fn wait(self, wake: Wake) -> Self {
        Self {
            wake: Some(wake),
            release: true,
            ..self
        }
    }

    /// With a new status.
    pub fn status(self, status: Status) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }
}

/// What a person tells a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Signal {
    /// A gate was approved or refused.
    Gate(GateEvent),
    /// Start nothing new.
    Pause {
        /// Who says so.
        by: String,
        /// Why.
        why: String,
    },
    /// Go on after a pause or a block.
    Continue {
        /// Who says so.
        by: String,
    },
    /// Give the run up.
    Abort {
        /// Who says so.
        by: String,
        /// Why.
        why: String,
    },
    /// A remark for the audit trail.
    Note {
        /// Who says so.
        by: String,
        /// The remark.
        text: String,
    },
}
