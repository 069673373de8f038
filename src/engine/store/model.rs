//! The words of the store: runs, entries, leases. Data only; no SQL.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Identifies a run; ordered by creation (UUID version 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Uuid);

/// Identifies an intent; its outcome refers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IntentId(Uuid);

macro_rules! uuid_id {
    ($name:ident) => {
        impl $name {
            /// A new id, later than every id made before on this machine.
            #[expect(
                clippy::new_without_default,
                reason = "a default id would look like a constant"
            )]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The bytes of the id, for hashing.
            pub(super) fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}
uuid_id!(RunId);
uuid_id!(IntentId);

/// A fencing number: each claim of a run gets a higher one, and only the highest may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(pub u64);

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Makes an enum of fixed words: stored, shown and serialised alike.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// The word as stored and shown.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value of a stored word.
            #[allow(dead_code, reason = "not every list of words has a column of its own")]
            pub(super) fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

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

/// The lease of a run, as stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeaseState {
    /// Who holds it.
    pub owner: Owner,
    /// Until when, by the store's clock.
    pub until: Timestamp,
    /// Whether it was over when it was read.
    pub expired: bool,
}

/// The memory of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    /// Raised by one at every write.
    pub version: u64,
    /// The value, opaque to the store.
    pub value: Value,
}

/// A process that drives runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Tells this process from another with the same number, on another machine or after a restart.
    pub token: Uuid,
    /// The person or the service it runs as.
    pub user: String,
    /// The machine's name.
    pub host: String,
    /// The process number on that machine.
    pub pid: u32,
}

impl Owner {
    /// This process. A new token each time: keep the value for the life of the process.
    pub fn this_process() -> Self {
        let from = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
        };
        // std has no host name; Linux shows it as a file, other systems mostly in the environment.
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
            .ok()
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .or_else(|| from(&["HOSTNAME", "COMPUTERNAME"]));
        Self {
            token: Uuid::new_v4(),
            user: from(&["USER", "LOGNAME", "USERNAME"]).unwrap_or_else(|| "unknown".to_owned()),
            host: host.unwrap_or_else(|| "unknown".to_owned()),
            pid: std::process::id(),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}, process {}", self.user, self.host, self.pid)
    }
}

/// What to claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This run.
    Run(RunId),
    /// The unfinished run of this domain.
    Domain(String),
}

/// The right to drive one run, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run: RunId,
    /// Its domain.
    pub domain: String,
    /// Higher than every fence given out for this run before.
    pub fence: Fence,
    /// When it ends unless renewed, by the store's clock. To be shown; the store decides.
    pub until: Timestamp,
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
    /// Give the lease back with this write: a waiting run holds no lease.
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

/// One spelling per domain: lower case, no final dot.
pub(super) fn one_spelling(domain: &str) -> String {
    domain.trim_end_matches('.').to_ascii_lowercase()
}
