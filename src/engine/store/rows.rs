//! Reading: one function per question, on any connection. Used by the store and by the read-only handle.

use std::path::PathBuf;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Params, Row};
use serde_json::Value;

use super::Result;
use super::chain::{ChainHead, Link, Root, digest_hex};
use super::entry::{GateEvent, Kind, Recorded};
use super::error::{StoreError, unreadable};
use super::ids::{Fence, RunId, one_spelling};
use super::lease::{LeaseState, Owner};
use super::run::{Brake, Inputs, Memory, Run, Status};

/// Turns a SQLite error into ours, saying what was to be done.
pub(super) fn while_doing(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            StoreError::Busy { doing }
        }
        _ => StoreError::Sqlite {
            doing,
            source: Box::new(source),
        },
    }
}

const RUN_COLUMNS: &str = "id, domain, domain_file, playbook, playbook_digest, status, wake_at, why, brake, created, \
                           updated, owner, lease_until, fence, takeovers, signals, last_seq";
const ENTRY_COLUMNS: &str = "seq, at, kind, fence, intent, body, memory_digest, prev_hash, hash";

pub(super) fn run(connection: &Connection, now: i64, run: RunId) -> Result<Option<Run>> {
    runs_where(connection, now, "id = ?1", [run.to_string()]).map(|mut found| found.pop())
}

pub(super) fn unfinished(connection: &Connection, now: i64, domain: &str) -> Result<Option<Run>> {
    let condition = "domain = ?1 AND status NOT IN ('done', 'aborted')";
    runs_where(connection, now, condition, [one_spelling(domain)]).map(|mut found| found.pop())
}

pub(super) fn runs(connection: &Connection, now: i64, domain: Option<&str>) -> Result<Vec<Run>> {
    // Ids are made in the order of time.
    match domain {
        Some(domain) => runs_where(
            connection,
            now,
            "domain = ?1 ORDER BY id DESC",
            [one_spelling(domain)],
        ),
        None => runs_where(connection, now, "TRUE ORDER BY id DESC", []),
    }
}

fn runs_where(
    connection: &Connection,
    now: i64,
    condition: &str,
    params: impl Params,
) -> Result<Vec<Run>> {
    let doing = while_doing("read runs");
    let sql = format!("SELECT {RUN_COLUMNS} FROM run WHERE {condition}");
    let mut statement = connection.prepare_cached(&sql).map_err(&doing)?;
    let mut rows = statement.query(params).map_err(&doing)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(&doing)? {
        found.push(read_run(row, now)?);
    }
    Ok(found)
}

fn read_run(row: &Row<'_>, now: i64) -> Result<Run> {
    let columns = Columns {
        row,
        run: text(row, 0)?,
    };
    let owner: Option<String> = columns.get(11)?;
    let lease = match (owner, columns.get::<Option<i64>>(12)?) {
        (Some(owner), Some(until)) => {
            let owner: Owner =
                serde_json::from_str(&owner).map_err(|error| columns.bad("owner", error))?;
            Some(LeaseState {
                until: columns.instant(until)?,
                expired: until <= now || owner.is_gone(),
                owner,
            })
        }
        _ => None,
    };
    Ok(Run {
        id: columns.parse("id", &columns.run)?,
        domain: columns.get(1)?,
        domain_file: PathBuf::from(columns.get::<String>(2)?),
        playbook: columns.get(3)?,
        playbook_digest: columns.get(4)?,
        status: columns.word(5, Status::from_word)?,
        wake_at: columns
            .get::<Option<i64>>(6)?
            .map(|at| columns.instant(at))
            .transpose()?,
        why: columns.json(7)?,
        brake: match columns.get::<Option<String>>(8)? {
            Some(_) => Some(columns.word(8, Brake::from_word)?),
            None => None,
        },
        created: columns.instant(columns.get(9)?)?,
        updated: columns.instant(columns.get(10)?)?,
        lease,
        fence: Fence(columns.count(13)?),
        takeovers: u32::try_from(columns.count(14)?)
            .map_err(|error| columns.bad("takeovers", error))?,
        signals: columns.count(15)?,
        last_seq: columns.count(16)?,
    })
}

pub(super) fn inputs(connection: &Connection, run: RunId) -> Result<Inputs> {
    let (playbook_text, settings): (String, String) = connection
        .query_row(
            "SELECT playbook_text, settings FROM run WHERE id = ?1",
            [run.to_string()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .map_err(while_doing("read a run's inputs"))?
        .ok_or(StoreError::NoSuchRun(run))?;
    let settings = serde_json::from_str(&settings)
        .map_err(|error| unreadable(run, format!("settings: {error}")))?;
    Ok(Inputs {
        playbook_text,
        settings,
    })
}

pub(super) fn memory(connection: &Connection, run: RunId) -> Result<Option<Memory>> {
    let Some((version, json)) = memory_text(connection, run)? else {
        return Ok(None);
    };
    let value =
        serde_json::from_str(&json).map_err(|error| unreadable(run, format!("memory: {error}")))?;
    Ok(Some(Memory { version, value }))
}

fn memory_text(connection: &Connection, run: RunId) -> Result<Option<(u64, String)>> {
    connection
        .query_row(
            "SELECT version, json FROM memory WHERE run = ?1",
            [run.to_string()],
            |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?)),
        )
        .optional()
        .map_err(while_doing("read a run's memory"))
}

pub(super) fn journal(
    connection: &Connection,
    run: RunId,
    after: u64,
    limit: usize,
) -> Result<Vec<Recorded>> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    entries_where(
        connection,
        run,
        "run = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        (run.to_string(), after, limit),
    )
}

pub(super) fn last_entry(connection: &Connection, run: RunId) -> Result<Option<Recorded>> {
    entries_where(
        connection,
        run,
        "run = ?1 ORDER BY seq DESC LIMIT 1",
        [run.to_string()],
    )
    .map(|mut found| found.pop())
}

pub(super) fn open_intents(connection: &Connection, run: RunId) -> Result<Vec<Recorded>> {
    let condition = "run = ?1 AND kind = 'intent' AND NOT EXISTS (SELECT 1 FROM journal AS answer \
                     WHERE answer.run = journal.run AND answer.intent = journal.intent AND answer.kind = 'outcome') \
                     ORDER BY seq";
    entries_where(connection, run, condition, [run.to_string()])
}

pub(super) fn gates(connection: &Connection, run: RunId) -> Result<Vec<GateEvent>> {
    let events = entries_where(
        connection,
        run,
        "run = ?1 AND kind = 'gate' ORDER BY seq",
        [run.to_string()],
    )?;
    let mut latest: Vec<GateEvent> = Vec::new();
    for entry in events {
        let event = entry
            .gate_event()
            .ok_or_else(|| unreadable(run, format!("entry {}: no gate event", entry.seq)))?;
        latest.retain(|earlier| earlier.gate != event.gate);
        latest.push(event);
    }
    Ok(latest)
}

fn entries_where(
    connection: &Connection,
    run: RunId,
    condition: &str,
    params: impl Params,
) -> Result<Vec<Recorded>> {
    let doing = while_doing("read a journal");
    let sql = format!("SELECT {ENTRY_COLUMNS} FROM journal WHERE {condition}");
    let mut statement = connection.prepare_cached(&sql).map_err(&doing)?;
    let mut rows = statement.query(params).map_err(&doing)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(&doing)? {
        let columns = Columns {
            row,
            run: run.to_string(),
        };
        found.push(Recorded {
            seq: columns.count(0)?,
            at: columns.parse("at", &columns.get::<String>(1)?)?,
            kind: columns.word(2, Kind::from_word)?,
            fence: Fence(columns.count(3)?),
            intent: columns
                .get::<Option<String>>(4)?
                .map(|id| columns.parse("intent", &id))
                .transpose()?,
            body: columns.json(5)?,
            memory_digest: columns.get(6)?,
            prev_hash: columns.get(7)?,
            hash: columns.get(8)?,
        });
    }
    Ok(found)
}

/// See [`super::StoreReader::verify_chain`]. Works on the stored bytes, not on what they parse to.
pub(super) fn verify_chain(connection: &Connection, run: RunId) -> Result<ChainHead> {
    let doing = while_doing("verify a journal");
    let broken = |seq, what| StoreError::ChainBroken { run, seq, what };
    let (root, playbook_fits, last_seq, last_hash) = connection
        .query_row(
            "SELECT domain, domain_file, playbook, playbook_text, settings, playbook_digest, last_seq, last_hash \
             FROM run WHERE id = ?1",
            [run.to_string()],
            |row| {
                let field = |index| row.get::<_, String>(index);
                let (domain, file, playbook, playbook_text, settings) =
                    (field(0)?, field(1)?, field(2)?, field(3)?, field(4)?);
                let root = Root {
                    run,
                    domain: &domain,
                    domain_file: &file,
                    playbook: &playbook,
                    playbook_text: &playbook_text,
                    settings: &settings,
                };
                let playbook_fits = field(5)? == digest_hex(&playbook_text);
                Ok((root.hash(), playbook_fits, row.get::<_, i64>(6)?.unsigned_abs(), field(7)?))
            },
        )
        .optional()
        .map_err(&doing)?
        .ok_or(StoreError::NoSuchRun(run))?;
    if !playbook_fits {
        return Err(broken(
            0,
            "the playbook is not the one the run was started with",
        ));
    }

    let mut head = ChainHead {
        entries: 0,
        hash: root,
    };
    let mut memory_digest = None;
    let sql = format!("SELECT {ENTRY_COLUMNS} FROM journal WHERE run = ?1 ORDER BY seq");
    let mut statement = connection.prepare_cached(&sql).map_err(&doing)?;
    let mut rows = statement.query([run.to_string()]).map_err(&doing)?;
    while let Some(row) = rows.next().map_err(&doing)? {
        let seq = head.entries + 1;
        let columns = Columns {
            row,
            run: run.to_string(),
        };
        if columns.count(0)? != seq {
            return Err(broken(seq, "an entry is missing"));
        }
        if columns.get::<String>(7)? != head.hash {
            let what = if seq == 1 {
                "the run's inputs were changed"
            } else {
                "it does not follow the entry before"
            };
            return Err(broken(seq, what));
        }
        let changed = |_| broken(seq, "it was changed");
        let (at, body, digest): (String, String, Option<String>) =
            (columns.get(1)?, columns.get(5)?, columns.get(6)?);
        let intent = columns
            .get::<Option<String>>(4)?
            .map(|id| columns.parse("intent", &id))
            .transpose();
        let link = Link {
            run,
            seq,
            fence: Fence(columns.count(3)?),
            kind: columns.word(2, Kind::from_word).map_err(changed)?,
            at: &at,
            intent: intent.map_err(changed)?,
            body: &body,
            memory_digest: digest.as_deref(),
            prev_hash: &head.hash,
        };
        let hash = link.hash();
        if hash != columns.get::<String>(8)? {
            return Err(broken(seq, "it was changed"));
        }
        head = ChainHead { entries: seq, hash };
        memory_digest = digest.or(memory_digest);
    }
    if (last_seq, &last_hash) != (head.entries, &head.hash) {
        return Err(broken(
            head.entries + 1,
            "entries at the end are missing, or were added by other means",
        ));
    }
    let memory = memory_text(connection, run)?.map(|(_, json)| digest_hex(&json));
    // A memory from before digests were kept has none in the journal.
    if memory_digest.is_some() && memory != memory_digest {
        return Err(broken(0, "the memory is not the one last written"));
    }
    Ok(head)
}

/// The instant of a stored number of milliseconds.
pub(super) fn instant(milliseconds: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(milliseconds).ok()
}

fn text(row: &Row<'_>, index: usize) -> Result<String> {
    row.get(index).map_err(while_doing("read a column"))
}

/// One row, with the run it belongs to for error texts.
struct Columns<'a, 'b> {
    row: &'a Row<'b>,
    run: String,
}

impl Columns<'_, '_> {
    fn get<T: rusqlite::types::FromSql>(&self, index: usize) -> Result<T> {
        self.row.get(index).map_err(while_doing("read a column"))
    }

    fn bad(&self, column: &str, error: impl std::fmt::Display) -> StoreError {
        unreadable(&self.run, format!("{column}: {error}"))
    }

    fn count(&self, index: usize) -> Result<u64> {
        let number: i64 = self.get(index)?;
        u64::try_from(number).map_err(|_| self.bad("a count", format!("{number} is negative")))
    }

    fn instant(&self, milliseconds: i64) -> Result<Timestamp> {
        instant(milliseconds)
            .ok_or_else(|| self.bad("an instant", format!("{milliseconds} ms is out of range")))
    }

    fn json(&self, index: usize) -> Result<Value> {
        let json: String = self.get(index)?;
        serde_json::from_str(&json).map_err(|error| self.bad("a JSON column", error))
    }

    fn word<T>(&self, index: usize, from_word: fn(&str) -> Option<T>) -> Result<T> {
        let word: String = self.get(index)?;
        from_word(&word).ok_or_else(|| self.bad("a word", format!("{word:?} is unknown")))
    }

    fn parse<T: FromStr<Err: std::fmt::Display>>(&self, column: &str, text: &str) -> Result<T> {
        text.parse().map_err(|error| self.bad(column, error))
    }
}
