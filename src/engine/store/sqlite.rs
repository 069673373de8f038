//! The store of one machine: SQLite, compiled in, with a write-ahead log that is on the disk at every commit.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::Mutex;

use super::chain::ChainHead;
use super::entry::{GateEvent, Recorded};
use super::error::StoreError;
use super::ids::RunId;
use super::lease::{Lease, Owner, Target};
use super::rows::while_doing;
use super::run::{Inputs, Memory, NewRun, Run, Signal, Transition};
use super::writes::Writer;
use super::{Result, Store, StoreReader, path, read_only, rows, schema};
use crate::redact::Redactor;

/// How long a writer waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(15);

/// How to open a store.
#[derive(Debug, Clone, Default)]
pub struct StoreOptions {
    /// Knows the secrets of this process. Clone the one that is filled as secrets are read.
    pub redactor: Redactor,
    /// For tests only: stands in for the database's clock.
    #[doc(hidden)]
    pub test_clock: Option<TestDatabaseClock>,
}

/// Stands in for the database's clock, which decides leases. For tests only.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct TestDatabaseClock(Arc<AtomicI64>);

impl TestDatabaseClock {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(start.as_millisecond())))
    }

    /// Let time pass.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(
            i64::try_from(by.as_millis()).unwrap_or(i64::MAX),
            Ordering::SeqCst,
        );
    }
}

/// Milliseconds since 1970 by the database's clock: several machines on one database must not each use their own.
pub(super) fn database_now(
    connection: &Connection,
    test_clock: Option<&TestDatabaseClock>,
) -> Result<i64> {
    match test_clock {
        Some(clock) => Ok(clock.0.load(Ordering::SeqCst)),
        None => connection
            .query_row(
                "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)",
                [],
                |row| row.get(0),
            )
            .map_err(while_doing("read the database's clock")),
    }
}

/// A state file, open for writing. Clones share one connection; calls wait for each other, not for the runtime.
#[derive(Clone)]
pub struct SqliteStore {
    connection: Arc<Mutex<Connection>>,
    options: Arc<StoreOptions>,
    /// Beside the state file; none for a store in memory.
    stop_file: Option<Arc<Path>>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SqliteStore")
    }
}

impl SqliteStore {
    /// Open the state file, making it (and its directory) when missing, and bring its schema up to date. A copy of
    /// an older file is kept beside it.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`], [`StoreError::NewerSchema`], [`StoreError::NotOurs`]: each names the file.
    pub async fn open(path: impl Into<PathBuf>, options: StoreOptions) -> Result<Self> {
        let path = path.into();
        let stop_file = Some(Arc::from(super::stop_file(&path)));
        let connection = blocking("open the state file", move || open_file(&path)).await?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            options: Arc::new(options),
            stop_file,
        })
    }

    /// A store in memory, gone with its last clone: for a plan, which writes nothing anywhere.
    pub fn in_memory(options: StoreOptions) -> Result<Self> {
        let mut connection =
            Connection::open_in_memory().map_err(while_doing("open a store in memory"))?;
        schema::migrate(&mut connection, "in memory".as_ref(), |_| Ok(()))?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            options: Arc::new(options),
            stop_file: None,
        })
    }

    /// Why every run of this state stands still: there is a stop file.
    pub fn stopped(&self) -> Option<String> {
        self.stop_file.as_deref().and_then(super::stopped)
    }

    /// Run `work` on the connection, off the async threads. A caller that goes away does not stop the work: it is
    /// committed or rolled back as a whole.
    async fn call<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Connection, &StoreOptions) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut connection = Arc::clone(&self.connection).lock_owned().await;
        let options = Arc::clone(&self.options);
        // spawn_blocking and not a thread of our own: it also holds a paused test clock back until the work is done.
        blocking(doing, move || work(&mut connection, &options)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, i64) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.call("read", move |connection, options| {
            let transaction = connection
                .transaction()
                .map_err(while_doing("begin to read"))?;
            let now = database_now(&transaction, options.test_clock.as_ref())?;
            work(&transaction, now)
        })
        .await
    }

    async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Writer<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.call(doing, move |connection, options| {
            let failed = while_doing(doing);
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(&failed)?;
            let now = database_now(&transaction, options.test_clock.as_ref())?;
            let done = work(&Writer {
                transaction: &transaction,
                now,
                redactor: &options.redactor,
            })?;
            transaction.commit().map_err(failed)?;
            Ok(done)
        })
        .await
    }
}

/// Run blocking work off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| StoreError::Stopped { doing })?
}

fn open_file(file: &Path) -> Result<Connection> {
    path::prepare(file)?;
    // Look without writing first: a file that is not ours, or newer, is left as it is to the byte.
    match read_only::version_of(file) {
        Ok(_) | Err(StoreError::NeedsRecovery { .. }) => {}
        Err(error) => return Err(error),
    }
    let doing = while_doing("open the state file");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags).map_err(&doing)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(&doing)?;
    // SQLite falls back to reading when it may not write.
    if connection.is_readonly("main").map_err(&doing)? {
        let source = ErrorKind::PermissionDenied.into();
        return Err(StoreError::Unwritable {
            path: file.to_owned(),
            source,
        });
    }
    let found = schema::version(&connection, file)?;
    configure(&connection, file)?;
    if found < schema::LATEST {
        schema::migrate(&mut connection, file, |version| keep_copy(file, version))?;
    }
    Ok(connection)
}

fn configure(connection: &Connection, file: &Path) -> Result<()> {
    let doing = while_doing("set up the state file");
    if write_ahead_log(connection).map_err(&doing)? != "wal" {
        return Err(StoreError::NoSharedMemory {
            path: file.to_owned(),
        });
    }
    let set = || {
        // FULL: a commit survives a power cut. The journal is worth nothing if an intent can be lost.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        // Leaves -wal and -shm in place on closing, so that a read-only handle never has to create them.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
    };
    set().map(drop).map_err(doing)
}

/// Switch to the write-ahead log; returns the mode now in use.
fn write_ahead_log(connection: &Connection) -> rusqlite::Result<String> {
    // SQLite does not use the busy timeout for this switch.
    let give_up = Instant::now() + BUSY_TIMEOUT;
    loop {
        let mode =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0));
        let busy = mode.as_ref().is_err_and(|error: &rusqlite::Error| {
            error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
        });
        if !busy || Instant::now() >= give_up {
            return mode;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Keep a copy from before a migration beside the file. Called under the write lock, so nobody else is at it; one
/// left by a migration that failed is replaced.
fn keep_copy(file: &Path, version: i64) -> Result<()> {
    let copy = path::beside(file, &format!(".v{version}"));
    let part = path::beside(&copy, ".part");
    let unwritable = |source| StoreError::Unwritable {
        path: copy.clone(),
        source,
    };
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        other => other.map_err(unwritable)?,
    }
    // Made first, so that it is never open to others; SQLite accepts an empty file.
    path::create_private(&part).map_err(unwritable)?;
    let doing = while_doing("keep a copy of the state file before bringing it up to date");
    // Another connection: this cannot be done inside a transaction, and the writer's must stay open.
    Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .and_then(|reader| {
        reader.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        reader.execute("VACUUM INTO ?1", [part.to_string_lossy()])
    })
    .map_err(doing)?;
    let durable = || {
        std::fs::File::open(&part)?.sync_all()?;
        std::fs::rename(&part, &copy)?;
        path::sync_directory(&copy)
    };
    durable().map_err(unwritable)
}

#[async_trait]
impl StoreReader for SqliteStore {
    async fn run(&self, run: RunId) -> Result<Option<Run>> {
        self.read(move |connection, now| rows::run(connection, now, run))
            .await
    }

    async fn unfinished(&self, domain: &str) -> Result<Option<Run>> {
        let domain = domain.to_owned();
        self.read(move |connection, now| rows::unfinished(connection, now, &domain))
            .await
    }

    async fn runs(&self, domain: Option<&str>) -> Result<Vec<Run>> {
        let domain = domain.map(str::to_owned);
        self.read(move |connection, now| rows::runs(connection, now, domain.as_deref()))
            .await
    }

    async fn inputs(&self, run: RunId) -> Result<Inputs> {
        self.read(move |connection, _| rows::inputs(connection, run))
            .await
    }

    async fn memory(&self, run: RunId) -> Result<Option<Memory>> {
        self.read(move |connection, _| rows::memory(connection, run))
            .await
    }

    async fn journal(&self, run: RunId, after: u64, limit: usize) -> Result<Vec<Recorded>> {
        self.read(move |connection, _| rows::journal(connection, run, after, limit))
            .await
    }

    async fn open_intents(&self, run: RunId) -> Result<Vec<Recorded>> {
        self.read(move |connection, _| rows::open_intents(connection, run))
            .await
    }

    async fn gates(&self, run: RunId) -> Result<Vec<GateEvent>> {
        self.read(move |connection, _| rows::gates(connection, run))
            .await
    }

    async fn verify_chain(&self, run: RunId) -> Result<ChainHead> {
        self.read(move |connection, _| rows::verify_chain(connection, run))
            .await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn create_run(&self, new: NewRun, owner: &Owner, ttl: Duration) -> Result<Lease> {
        let owner = owner.clone();
        self.write("create a run", move |writer| {
            writer.create_run(&new, &owner, ttl)
        })
        .await
    }

    async fn claim(&self, target: &Target, owner: &Owner, ttl: Duration) -> Result<Lease> {
        let (target, owner) = (target.clone(), owner.clone());
        self.write("claim a run", move |writer| {
            writer.claim(&target, &owner, ttl)
        })
        .await
    }

    async fn claim_due(
        &self,
        owner: &Owner,
        now: Timestamp,
        ttl: Duration,
        limit: usize,
    ) -> Result<Vec<Lease>> {
        let owner = owner.clone();
        self.write("claim due runs", move |writer| {
            writer.claim_due(&owner, now, ttl, limit)
        })
        .await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Lease> {
        let lease = lease.clone();
        self.write("renew a lease", move |writer| writer.renew(&lease, ttl))
            .await
    }

    async fn release(&self, lease: &Lease) -> Result<()> {
        let lease = lease.clone();
        self.write("release a lease", move |writer| writer.release(&lease))
            .await
    }

    async fn append(&self, lease: &Lease, transition: Transition) -> Result<u64> {
        let lease = lease.clone();
        self.write("append to a journal", move |writer| {
            writer.append(&lease, &transition)
        })
        .await
    }

    async fn signal(&self, run: RunId, at: Timestamp, signal: Signal) -> Result<u64> {
        self.write("record a signal", move |writer| {
            writer.signal(run, at, &signal)
        })
        .await
    }
}
