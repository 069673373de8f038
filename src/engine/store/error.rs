//! What can go wrong in a store, in sentences for people.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;

use super::entry::{Kind, Recorded};
use super::ids::{Fence, IntentId, RunId};
use super::lease::Owner;
use super::run::Status;

/// Why a store refused or failed. Nothing was written when one of these is returned by a write.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No place for the state file is known.
    #[error(
        "cannot tell where to keep the state: neither ROLLOUT_STATE, XDG_STATE_HOME nor HOME is set; \
         name a directory with --state DIR"
    )]
    NoPlace,

    /// The state directory or file cannot be made or written.
    #[error(
        "cannot write the state file {}: {source}; make its directory writable for this user, \
         or name another one with --state DIR or ROLLOUT_STATE",
        path.display()
    )]
    Unwritable {
        /// The state file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// The state file cannot be looked at.
    #[error("cannot look at the state file {}: {source}; make it readable for this user", path.display())]
    Unreachable {
        /// The state file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// The history could not be written to where it should go.
    #[error("cannot write the history: {source}; the state file itself is unharmed")]
    Export {
        /// What the operating system said.
        source: std::io::Error,
    },

    /// The state directory lets other users replace files.
    #[error(
        "the directory of the state file {} can be written by other users (mode {mode:o}), who could replace it; \
         run chmod 700 on it or name another one with --state DIR",
        path.display()
    )]
    OpenDirectory {
        /// The state file.
        path: PathBuf,
        /// The directory's permission bits.
        mode: u32,
    },

    /// The file system cannot share memory between processes.
    #[error(
        "the file system of the state file {} cannot keep several processes apart, as network file systems often \
         cannot; name a directory on a local disk with --state DIR",
        path.display()
    )]
    NoSharedMemory {
        /// The state file.
        path: PathBuf,
    },

    /// The file was written by a later version of this tool.
    #[error(
        "the state file {} was made by a newer rollout (schema {found}; this one knows up to {known}); \
         nothing was changed; use that newer rollout",
        path.display()
    )]
    NewerSchema {
        /// The state file.
        path: PathBuf,
        /// The schema version in the file.
        found: i64,
        /// The latest schema version known here.
        known: i64,
    },

    /// The file is a database of another program, or no database.
    #[error("{} is not a state file of rollout; nothing was changed; name another directory with --state DIR", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },

    /// The database lacks the files beside it that belong to it.
    #[error(
        "the state file {} cannot be read without writing: it was copied without the -shm file beside it; \
         copy it with all files of the same name, or run `rollout resume` once, which repairs it",
        path.display()
    )]
    NeedsRecovery {
        /// The state file.
        path: PathBuf,
    },

    /// Another process kept the database locked for too long.
    #[error("the state file is locked by another process while trying to {doing}; run again")]
    Busy {
        /// What was to be done.
        doing: &'static str,
    },

    /// SQLite failed otherwise.
    #[error("the state file failed while trying to {doing}: {source}")]
    Sqlite {
        /// What was to be done.
        doing: &'static str,
        /// What SQLite said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A stored value is not what this tool writes.
    #[error(
        "the state of run {run} cannot be read: {what}; check it with `rollout history`, restore it from a backup"
    )]
    Unreadable {
        /// The run, or what stands in its place.
        run: String,
        /// What is wrong.
        what: String,
    },

    /// Somebody else drives the run.
    #[error("{0}")]
    Held(Box<Held>),

    /// The lease under which a write was tried is over.
    #[error(
        "refused to write to run {run} under fence {fence}: {because}; nothing was written; claim the run again"
    )]
    Fenced {
        /// The run.
        run: RunId,
        /// The fence that was shown.
        fence: Fence,
        /// Why it is no good.
        because: FencedBecause,
    },

    /// The domain already has a run.
    #[error(
        "{domain} already has an unfinished run, {run}; go on with that one, or give it up with `rollout abort {domain}`"
    )]
    UnfinishedRun {
        /// The domain.
        domain: String,
        /// Its run.
        run: RunId,
    },

    /// The domain has no run to go on with.
    #[error("{domain} has no unfinished run; start one with `rollout apply`")]
    NoUnfinishedRun {
        /// The domain.
        domain: String,
    },

    /// The store has no such run.
    #[error("there is no run {0} in this state file; `rollout status` lists those that are")]
    NoSuchRun(RunId),

    /// The run is over.
    #[error("run {run} of {domain} is {status}; there is nothing left to do in it")]
    Finished {
        /// The run.
        run: RunId,
        /// Its domain.
        domain: String,
        /// How it ended.
        status: Status,
    },

    /// An outcome names no intent of this run, or one that has an outcome.
    #[error("refused an outcome in run {run}: intent {intent} {}", if *.answered { "already has one" } else { "is not in its journal" })]
    WrongIntent {
        /// The run.
        run: RunId,
        /// The intent named.
        intent: IntentId,
        /// It exists, and has an outcome.
        answered: bool,
    },

    /// The journal is not what was written.
    #[error(
        "the journal of run {run} is not what was written, from entry {seq} on: {what}; do not go on with it, restore a backup"
    )]
    ChainBroken {
        /// The run.
        run: RunId,
        /// The first entry that does not fit; 0 for the run itself.
        seq: u64,
        /// What does not fit.
        what: &'static str,
    },

    /// A secret was about to be written.
    #[error("refused to write {what} of run {run}: a secret is in it; nothing was written")]
    SecretInText {
        /// The run.
        run: RunId,
        /// Which text.
        what: &'static str,
    },

    /// The store's own thread failed.
    #[error(
        "the store stopped while trying to {doing}; run again, and report it if it happens again"
    )]
    Stopped {
        /// What was to be done.
        doing: &'static str,
    },
}

/// Why a fence is no good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FencedBecause {
    /// Another process claimed the run since.
    TakenOver {
        /// The fence now current.
        current: Fence,
        /// Its holder; `None` when given back already.
        by: Option<Owner>,
    },
    /// The lease ended by time.
    Expired {
        /// When, by the store's clock.
        at: Timestamp,
    },
    /// The lease was given back.
    Released,
}

impl fmt::Display for FencedBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TakenOver {
                current,
                by: Some(owner),
            } => {
                write!(
                    f,
                    "it was taken over under fence {current} by {}",
                    Printable(&owner.to_string())
                )
            }
            Self::TakenOver { current, by: None } => {
                write!(f, "it was taken over under fence {current}")
            }
            Self::Expired { at } => write!(f, "its lease ended at {at:.0}"),
            Self::Released => f.write_str("its lease was given back"),
        }
    }
}

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The run.
    pub run: RunId,
    /// Its domain.
    pub domain: String,
    /// Who holds it, with host and process number.
    pub owner: Owner,
    /// Until when unless renewed, by the store's clock.
    pub until: Timestamp,
    /// The last journal entry: what the holder did last.
    pub last: Option<Recorded>,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "run {} of {} is driven by {} until {:.0}; wait for it, or stop that process and run again after that time",
            self.run,
            Printable(&self.domain),
            Printable(&self.owner.to_string()),
            self.until
        )?;
        if let Some(last) = &self.last {
            write!(f, "; last entry: {}", Line(last))?;
        }
        Ok(())
    }
}

/// A journal entry in one line.
struct Line<'a>(&'a Recorded);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 120;
        let Recorded {
            seq,
            at,
            kind,
            body,
            ..
        } = self.0;
        let body = body.to_string();
        write!(f, "{seq} at {at:.0}: {kind} ")?;
        match body.char_indices().nth(LONGEST) {
            Some((end, _)) => write!(f, "{}...", Printable(&body[..end])),
            None => write!(f, "{}", Printable(&body)),
        }
    }
}

/// Text that may come from elsewhere, with all that could drive a terminal made visible (S12).
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            // Bidirectional controls could make a line read as another one.
            let bidi = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if c.is_control() || bidi {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

impl StoreError {
    /// Worth trying again unchanged, soon.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }
}

/// A stored word that is none of ours.
pub(super) fn unreadable(run: impl fmt::Display, what: impl Into<String>) -> StoreError {
    StoreError::Unreadable {
        run: run.to_string(),
        what: what.into(),
    }
}

/// Which kind of text held a secret.
pub(super) fn kind_text(kind: Kind) -> &'static str {
    match kind {
        Kind::Intent => "an intent",
        Kind::Outcome => "an outcome",
        Kind::Observation => "an observation",
        Kind::Decision => "a decision",
        Kind::Gate => "a gate event",
        Kind::Note => "a note",
        Kind::WayBack => "the way back",
    }
}
