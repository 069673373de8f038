//! The schema's versions: how a state file is recognised, and how an old one is brought up to date.
//!
//! A migration is never edited once released: add another file. Every old version is tested.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::Result;
use super::error::StoreError;
use super::rows::while_doing;

/// Marks the file as ours ("roll" in ASCII), in SQLite's application id.
const APPLICATION_ID: i64 = 0x726f_6c6c;

/// What brings version N-1 to version N; the first makes an empty file version 1.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_runs_and_journals.sql"),
    include_str!("migrations/0002_signals.sql"),
];

/// The version this tool writes.
pub(super) const LATEST: i64 = MIGRATIONS.len() as i64;

/// The version of an open database; 0 for an empty one.
///
/// # Errors
/// [`StoreError::NotOurs`] and [`StoreError::NewerSchema`]: leave the file alone.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<i64> {
    let doing = while_doing("read the schema version");
    let not_ours = || StoreError::NotOurs {
        path: path.to_owned(),
    };
    // One statement, so one instant: another process may be bringing the file up to date.
    let sql = "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master) \
               FROM pragma_application_id, pragma_user_version";
    let read = connection.query_row(sql, [], |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, i64>(1)?,
            row.get::<_, i64>(2)?,
        ))
    });
    let (application, found, objects) = match read {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            return Err(not_ours());
        }
        other => other.map_err(&doing)?,
    };
    match (application, found) {
        (APPLICATION_ID, 1..) if found > LATEST => Err(StoreError::NewerSchema {
            path: path.to_owned(),
            found,
            known: LATEST,
        }),
        (APPLICATION_ID, 1..) => Ok(found),
        (0, 0) if objects == 0 => Ok(0),
        _ => Err(not_ours()),
    }
}

/// Bring the database to the latest version, in one transaction that other processes wait for. `keep_copy` is called
/// under the lock, before anything of an older version is changed.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    keep_copy: impl FnOnce(i64) -> Result<()>,
) -> Result<()> {
    let doing = while_doing("bring the state file up to date");
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(&doing)?;
    // Read again under the lock: another process may have done it meanwhile.
    let from = version(&transaction, path)?;
    if (1..LATEST).contains(&from) {
        keep_copy(from)?;
    }
    run_migrations(&transaction, from, LATEST).map_err(&doing)?;
    transaction.commit().map_err(doing)
}

/// Apply the migrations after version `from` up to version `to`.
pub(super) fn run_migrations(
    transaction: &Transaction<'_>,
    from: i64,
    to: i64,
) -> rusqlite::Result<()> {
    for (number, sql) in (1_i64..).zip(MIGRATIONS) {
        if number > from && number <= to {
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", number)?;
        }
    }
    Ok(())
}
