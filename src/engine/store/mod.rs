//! The state store: runs, their journals, their memory, and the leases that keep two processes off one domain.
//!
//! A run is data with a schema version, never replayed code, so it can sleep for days across upgrades. What can
//! be observed again is not stored. What cannot, is: the *journal* (hash-chained, append-only) and the *memory*
//! (one JSON value per run, opaque here), written in one transaction.
//!
//! Every write of a driving process carries the fence of its lease; a writer whose lease is over gets
//! [`StoreError::Fenced`] and nothing is written. People who approve or pause need no lease: see [`Store::signal`].
//!
//! [`SqliteStore`] is the store of one machine. [`Store`] is small enough for PostgreSQL to implement as well.
//! [`ReadOnlyStore`] has no write methods and creates no file; `plan`, `status`, `why` and `history` take it.

mod birth;
mod chain;
mod entry;
mod error;
mod export;
mod heartbeat;
mod ids;
mod lease;
mod lease_writes;
mod path;
mod read_only;
mod rows;
mod run;
mod schema;
mod sqlite;
mod stop;
#[cfg(test)]
mod tests;
mod writes;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

pub use birth::Birth;
pub use chain::ChainHead;
pub use entry::{Entry, GateEvent, GateVerdict, Kind, Recorded};
pub use error::{FencedBecause, Held, StoreError};
pub use export::export_json_lines;
pub use heartbeat::Heartbeat;
pub use ids::{Fence, IntentId, RunId};
pub use lease::{Lease, LeaseState, Owner, Target};
pub use path::{default_path, path_in};
pub use read_only::ReadOnlyStore;
pub use run::{Brake, Inputs, Memory, NewRun, Run, Signal, Status, Transition, Wake};
pub use sqlite::{SqliteStore, StoreOptions, TestDatabaseClock};
pub use stop::{stop_file, stopped};

/// The result of every call to a store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// What a store can be asked. Nothing here writes.
#[async_trait]
pub trait StoreReader: Send + Sync {
    /// One run, or `None` when the store has no such run.
    async fn run(&self, run: RunId) -> Result<Option<Run>>;

    /// The unfinished run of a domain: there is at most one.
    async fn unfinished(&self, domain: &str) -> Result<Option<Run>>;

    /// Every run, newest first; with `domain`, only that domain's.
    async fn runs(&self, domain: Option<&str>) -> Result<Vec<Run>>;

    /// What a run was started with: the full playbook text and the settings.
    async fn inputs(&self, run: RunId) -> Result<Inputs>;

    /// The run's memory, or `None` before the first one was written.
    async fn memory(&self, run: RunId) -> Result<Option<Memory>>;

    /// At most `limit` journal entries with a sequence number above `after`, oldest first. The first entry is number 1.
    async fn journal(&self, run: RunId, after: u64, limit: usize) -> Result<Vec<Recorded>>;

    /// Intents without an outcome, oldest first. Each means "unknown": observe, never resend blindly (S6).
    async fn open_intents(&self, run: RunId) -> Result<Vec<Recorded>>;

    /// The latest event of each gate of a run, oldest first.
    async fn gates(&self, run: RunId) -> Result<Vec<GateEvent>>;

    /// Recompute the run's hash chain, and compare it with the head kept in the run and the digest of the memory.
    ///
    /// # Errors
    /// [`StoreError::ChainBroken`] names the first entry that is not what was written.
    async fn verify_chain(&self, run: RunId) -> Result<ChainHead>;
}

/// A store that can be written.
#[async_trait]
pub trait Store: StoreReader {
    /// Create a run and claim it, in one step, so that nobody can get in between.
    ///
    /// # Errors
    /// [`StoreError::UnfinishedRun`] when the domain has a run that is not finished: claim that one.
    async fn create_run(&self, new: NewRun, owner: &Owner, ttl: Duration) -> Result<Lease>;

    /// Take the lease of an unfinished run. A lease that has expired, or whose owner is [gone](Owner::is_gone), is
    /// taken over with a higher fence.
    ///
    /// # Errors
    /// [`StoreError::Held`] says who holds it until when; [`StoreError::Finished`], [`StoreError::NoSuchRun`] and
    /// [`StoreError::NoUnfinishedRun`] say that there is nothing to claim.
    async fn claim(&self, target: &Target, owner: &Owner, ttl: Duration) -> Result<Lease>;

    /// Take the leases of at most `limit` runs that are due, the longest due first: unfinished, not held, and
    /// `wake_at` has passed at `now`, or the last driver died holding the lease.
    async fn claim_due(
        &self,
        owner: &Owner,
        now: Timestamp,
        ttl: Duration,
        limit: usize,
    ) -> Result<Vec<Lease>>;

    /// Lengthen a lease to `ttl` from now. Call it well before the lease ends, at a third of `ttl` for instance.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the lease is over: stop, start nothing more, claim again.
    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Lease>;

    /// Give a lease back. Does nothing when the lease is over already.
    async fn release(&self, lease: &Lease) -> Result<()>;

    /// Write a transition under a lease: all of it or nothing. Returns the sequence number of the run's last entry.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the lease is over: nothing was written, and nothing may be done on its strength.
    async fn append(&self, lease: &Lease, transition: Transition) -> Result<u64>;

    /// Record what a person decided, with no lease: an approval, a refusal, a brake, a note. The run becomes due
    /// at once, so that its driver looks; only the driver changes the run's status.
    ///
    /// # Errors
    /// [`StoreError::Finished`] when there is nothing left to decide.
    async fn signal(&self, run: RunId, at: Timestamp, signal: Signal) -> Result<u64>;
}
