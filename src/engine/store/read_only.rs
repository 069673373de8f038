//! A handle that cannot write: no method does, SQLite is told so, and no file is created or changed.
//!
//! SQLite's write-ahead log makes this less simple than opening the file read-only. A reader normally registers
//! itself in the `-shm` file and creates it when missing. Here:
//! - no state file: empty answers;
//! - no `-wal` file: nobody has the file open for writing, and all of it is in the main file (`immutable`);
//! - a `-wal` file: `readonly_shm`, with which a reader leaves the `-shm` file alone too;
//! - a `-shm` file that a killed writer left half-written: only then it is mended, for it is no more than an index of
//!   the `-wal` file, and nobody could read on without.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags};

use super::chain::ChainHead;
use super::entry::{GateEvent, Recorded};
use super::error::StoreError;
use super::ids::RunId;
use super::rows::while_doing;
use super::run::{Inputs, Memory, Run};
use super::sqlite::{TestDatabaseClock, blocking, database_now};
use super::{Result, StoreReader, path, rows, schema};

/// How often a reader that met a writer at a bad moment tries again, [`PAUSE`] apart.
const ATTEMPTS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(10);

/// A state file to read. Opened anew for each question, so a long-lived handle sees a file that appears later and
/// never holds a writer back. An older schema is brought up to date in memory, for the answer alone.
#[derive(Debug, Clone)]
pub struct ReadOnlyStore {
    path: PathBuf,
    test_clock: Option<TestDatabaseClock>,
}

impl ReadOnlyStore {
    /// A handle on the state file, which need not exist. Errors come with the first question.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            test_clock: None,
        }
    }

    #[doc(hidden)]
    pub fn with_test_clock(self, clock: TestDatabaseClock) -> Self {
        Self {
            test_clock: Some(clock),
            ..self
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        nothing: impl FnOnce() -> Result<T> + Send + 'static,
        work: impl Fn(&Connection, i64) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Self { path, test_clock } = self.clone();
        blocking("read the state file", move || {
            let answer = attempt(&path, |connection| {
                let found = schema::version(connection, &path)?;
                let old;
                let current = match found {
                    0 => return Ok(None),
                    schema::LATEST => connection,
                    _ => {
                        old = up_to_date_in_memory(connection, &path)?;
                        &old
                    }
                };
                let now = database_now(current, test_clock.as_ref())?;
                work(current, now).map(Some)
            })?;
            match answer.flatten() {
                Some(answer) => Ok(answer),
                None => nothing(),
            }
        })
        .await
    }
}

/// The schema version of a file, looked at without writing; 0 when there is none.
pub(super) fn version_of(file: &Path) -> Result<i64> {
    attempt(file, |connection| schema::version(connection, file)).map(Option::unwrap_or_default)
}

/// How a file can be opened without writing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Immutable,
    SharedMemory,
    MendSharedMemory,
}

/// `None` when there is no file, or an empty one.
fn way(file: &Path) -> Result<Option<Way>> {
    let size = |path: &Path| match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(source) => Err(StoreError::Unreachable {
            path: path.to_owned(),
            source,
        }),
    };
    if size(file)?.unwrap_or_default() == 0 {
        return Ok(None);
    }
    match (
        size(&path::beside(file, "-wal"))?,
        size(&path::beside(file, "-shm"))?,
    ) {
        (None, _) | (Some(0), None) => Ok(Some(Way::Immutable)),
        (Some(_), Some(_)) => Ok(Some(Way::SharedMemory)),
        (Some(_), None) => Err(StoreError::NeedsRecovery {
            path: file.to_owned(),
        }),
    }
}

/// Open, ask, close; again when a writer came in between.
pub(super) fn attempt<T>(file: &Path, ask: impl Fn(&Connection) -> Result<T>) -> Result<Option<T>> {
    let mut attempts = 0;
    let mut mend = false;
    loop {
        attempts += 1;
        let answer = match way(file) {
            Ok(None) => return Ok(None),
            Ok(Some(chosen)) => {
                let chosen = match chosen {
                    Way::SharedMemory if mend => Way::MendSharedMemory,
                    chosen => chosen,
                };
                let before = (chosen == Way::Immutable).then(|| stamp(file));
                let answer = open(file, chosen).and_then(|connection| snapshot(&connection, &ask));
                // An immutable file is read without locks: the answer counts only if nobody began to write.
                let undisturbed = before.is_none_or(|before| {
                    matches!(way(file), Ok(Some(Way::Immutable))) && stamp(file) == before
                });
                if undisturbed {
                    answer
                } else {
                    Err(StoreError::Busy {
                        doing: "read the state file",
                    })
                }
            }
            // A writer makes -wal a moment before -shm.
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => return Ok(Some(answer)),
            Err(error) if !mend && is_torn(&error) => mend = true,
            Err(error) if attempts < ATTEMPTS && passes(&error) => std::thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
}

fn snapshot<T>(connection: &Connection, ask: impl Fn(&Connection) -> Result<T>) -> Result<T> {
    let transaction = connection
        .unchecked_transaction()
        .map_err(while_doing("begin to read"))?;
    ask(&transaction)
}

fn open(file: &Path, way: Way) -> Result<Connection> {
    let doing = while_doing("open the state file for reading");
    let query = match way {
        Way::Immutable => "mode=ro&immutable=1",
        Way::SharedMemory => "mode=ro&readonly_shm=1",
        Way::MendSharedMemory => "mode=ro",
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(format!("{}?{query}", uri(file)), flags).map_err(&doing)?;
    connection.busy_timeout(PAUSE).map_err(&doing)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(&doing)?;
    connection
        .pragma_update(None, "trusted_schema", false)
        .map_err(&doing)?;
    Ok(connection)
}

/// The path as a URI (RFC 8089), byte for byte.
fn uri(file: &Path) -> String {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    #[cfg(unix)]
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(absolute.as_os_str()).to_vec();
    #[cfg(not(unix))]
    let bytes = format!("/{}", absolute.to_string_lossy().replace('\\', "/")).into_bytes();
    bytes.iter().fold("file://".to_owned(), |mut uri, &byte| {
        if byte.is_ascii_alphanumeric() || b"/-._~:".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02x}"));
        }
        uri
    })
}

/// What changes when somebody writes the main file.
fn stamp(file: &Path) -> Option<(u64, std::time::SystemTime)> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

/// What SQLite itself said.
fn sqlite(error: &StoreError) -> Option<&rusqlite::Error> {
    match error {
        StoreError::Sqlite { source, .. } => source.downcast_ref(),
        _ => None,
    }
}

/// The `-shm` file made no sense, however often it was read.
fn is_torn(error: &StoreError) -> bool {
    sqlite(error).and_then(rusqlite::Error::sqlite_error_code)
        == Some(rusqlite::ErrorCode::FileLockingProtocolFailed)
}

/// A writer at work, or one that has just made the file: wait a little.
fn passes(error: &StoreError) -> bool {
    match error {
        StoreError::Busy { .. } | StoreError::NeedsRecovery { .. } => true,
        StoreError::Sqlite { .. } => matches!(
            sqlite(error)
                .and_then(rusqlite::Error::sqlite_error)
                .map(|error| error.extended_code),
            Some(
                rusqlite::ffi::SQLITE_READONLY_CANTINIT
                    | rusqlite::ffi::SQLITE_READONLY_RECOVERY
                    | rusqlite::ffi::SQLITE_CANTOPEN
            )
        ),
        _ => false,
    }
}

/// A copy of an older database in memory, brought up to date there.
fn up_to_date_in_memory(old: &Connection, file: &Path) -> Result<Connection> {
    let doing = while_doing("read an older state file");
    let mut copy = Connection::open_in_memory().map_err(&doing)?;
    copy_into(old, &copy).map_err(&doing)?;
    schema::migrate(&mut copy, file, |_| Ok(()))?;
    Ok(copy)
}

fn copy_into(old: &Connection, copy: &Connection) -> rusqlite::Result<()> {
    for pragma in ["application_id", "user_version"] {
        let value: i64 = old.pragma_query_value(None, pragma, |row| row.get(0))?;
        copy.pragma_update(None, pragma, value)?;
    }
    let mut objects = old.prepare(
        // Tables first, then what refers to them; SQLite's own objects come by themselves.
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type <> 'table', rowid",
    )?;
    let mut objects = objects.query([])?;
    while let Some(object) = objects.next()? {
        copy.execute_batch(&object.get::<_, String>(2)?)?;
        if object.get::<_, String>(0)? != "table" {
            continue;
        }
        let table = object.get::<_, String>(1)?.replace('"', "\"\"");
        let mut rows = old.prepare(&format!("SELECT * FROM \"{table}\""))?;
        let places = vec!["?"; rows.column_count()].join(", ");
        let mut insert = copy.prepare(&format!("INSERT INTO \"{table}\" VALUES ({places})"))?;
        let columns = rows.column_count();
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|index| row.get::<_, rusqlite::types::Value>(index));
            insert.execute(rusqlite::params_from_iter(
                values.collect::<rusqlite::Result<Vec<_>>>()?,
            ))?;
        }
    }
    Ok(())
}

#[async_trait]
impl StoreReader for ReadOnlyStore {
    async fn run(&self, run: RunId) -> Result<Option<Run>> {
        self.ask(
            || Ok(None),
            move |connection, now| rows::run(connection, now, run),
        )
        .await
    }

    async fn unfinished(&self, domain: &str) -> Result<Option<Run>> {
        let domain = domain.to_owned();
        self.ask(
            || Ok(None),
            move |connection, now| rows::unfinished(connection, now, &domain),
        )
        .await
    }

    async fn runs(&self, domain: Option<&str>) -> Result<Vec<Run>> {
        let domain = domain.map(str::to_owned);
        self.ask(
            || Ok(Vec::new()),
            move |connection, now| rows::runs(connection, now, domain.as_deref()),
        )
        .await
    }

    async fn inputs(&self, run: RunId) -> Result<Inputs> {
        self.ask(
            move || Err(StoreError::NoSuchRun(run)),
            move |connection, _| rows::inputs(connection, run),
        )
        .await
    }

    async fn memory(&self, run: RunId) -> Result<Option<Memory>> {
        self.ask(
            || Ok(None),
            move |connection, _| rows::memory(connection, run),
        )
        .await
    }

    async fn journal(&self, run: RunId, after: u64, limit: usize) -> Result<Vec<Recorded>> {
        self.ask(
            || Ok(Vec::new()),
            move |connection, _| rows::journal(connection, run, after, limit),
        )
        .await
    }

    async fn open_intents(&self, run: RunId) -> Result<Vec<Recorded>> {
        self.ask(
            || Ok(Vec::new()),
            move |connection, _| rows::open_intents(connection, run),
        )
        .await
    }

    async fn gates(&self, run: RunId) -> Result<Vec<GateEvent>> {
        self.ask(
            || Ok(Vec::new()),
            move |connection, _| rows::gates(connection, run),
        )
        .await
    }

    async fn verify_chain(&self, run: RunId) -> Result<ChainHead> {
        self.ask(
            move || Err(StoreError::NoSuchRun(run)),
            move |connection, _| rows::verify_chain(connection, run),
        )
        .await
    }
}
