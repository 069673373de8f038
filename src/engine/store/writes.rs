//! Writing: one function per change, each inside a transaction that the caller began and commits.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};
use serde_json::{Value, json};

use super::Result;
use super::chain::{Link, Root, digest_hex};
use super::entry::{Entry, Kind};
use super::error::{StoreError, kind_text};
use super::ids::{Fence, RunId, one_spelling};
use super::lease::{Lease, Owner, Target};
use super::rows;
use super::rows::while_doing;
use super::run::{Brake, NewRun, Run, Signal, Status, Transition};
use crate::redact::Redactor;

/// A transaction, the database's clock read inside it, and what keeps secrets out.
pub(super) struct Writer<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    /// Milliseconds since 1970, by the database's clock, read after the write lock was taken.
    pub(super) now: i64,
    pub(super) redactor: &'a Redactor,
}

impl Writer<'_> {
    pub(super) fn create_run(&self, new: &NewRun, owner: &Owner, ttl: Duration) -> Result<Lease> {
        let domain = one_spelling(&new.domain);
        if let Some(existing) = rows::unfinished(self.transaction, self.now, &domain)? {
            return Err(StoreError::UnfinishedRun {
                domain,
                run: existing.id,
            });
        }
        let run = RunId::new();
        let domain_file = self.clean(
            run,
            "the domain file's path",
            &new.domain_file.to_string_lossy(),
        )?;
        let playbook = self.clean(run, "the playbook's name", &new.playbook)?;
        let playbook_text = self.clean(run, "the playbook", &new.playbook_text)?;
        let settings = self.clean_json(run, "the settings", &new.settings)?;
        let root = Root {
            run,
            domain: &domain,
            domain_file: &domain_file,
            playbook: &playbook,
            playbook_text: &playbook_text,
            settings: &settings,
        };
        self.execute(
            "create a run",
            "INSERT INTO run (id, domain, domain_file, playbook, playbook_digest, playbook_text, settings, status, \
             created, updated, last_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10)",
            params![
                run.to_string(),
                domain,
                domain_file,
                playbook,
                digest_hex(&playbook_text),
                playbook_text,
                settings,
                Status::Active.as_str(),
                self.now,
                root.hash()
            ],
        )?;
        let lease = self.claim(&Target::Run(run), owner, ttl)?;
        if let Some(memory) = &new.memory {
            self.append(&lease, &Transition::default().memory(memory.clone()))?;
        }
        Ok(lease)
    }

    pub(super) fn append(&self, lease: &Lease, transition: &Transition) -> Result<u64> {
        let run = self.fenced(lease)?;
        let memory = match &transition.memory {
            Some(memory) => Some(self.write_memory(run.id, memory)?),
            None => None,
        };
        let mut entries = transition.entries.clone();
        if memory.is_some() && entries.is_empty() {
            // The chain vouches for the memory, so a change of it needs an entry.
            entries.push(Entry::note(
                rows::instant(self.now).unwrap_or_default(),
                json!({"memory": "written"}),
            ));
        }
        let last_seq = self.write_entries(&run, lease.fence, &entries, memory.as_deref())?;

        let id = run.id.to_string();
        if let Some(wake) = &transition.wake {
            let why = self.clean_json(run.id, "the reason for a wait", &wake.why)?;
            // A signal that the driver had not seen set wake_at already; that stands.
            self.execute(
                "write a wait",
                "UPDATE run SET why = ?2, wake_at = CASE WHEN signals > ?4 THEN wake_at ELSE ?3 END WHERE id = ?1",
                params![id, why, wake.at.map(not_before), number(wake.signals)],
            )?;
        }
        if let Some(brake) = transition.honoured {
            self.execute(
                "clear a brake",
                "UPDATE run SET brake = NULL WHERE id = ?1 AND brake = ?2",
                params![id, brake.as_str()],
            )?;
        }
        let status = transition.status.unwrap_or(run.status);
        self.execute(
            "write a status",
            "UPDATE run SET status = ?2, updated = ?3 WHERE id = ?1",
            params![id, status.as_str(), self.now],
        )?;
        if status.is_finished() {
            self.execute(
                "end a run",
                "UPDATE run SET wake_at = NULL, brake = NULL WHERE id = ?1",
                [&id],
            )?;
        }
        if transition.release || status.is_finished() {
            self.release(lease)?;
        }
        Ok(last_seq)
    }

    pub(super) fn signal(&self, run: RunId, at: Timestamp, signal: &Signal) -> Result<u64> {
        let run = self.existing(run)?;
        if run.status.is_finished() {
            return Err(StoreError::Finished {
                run: run.id,
                domain: run.domain,
                status: run.status,
            });
        }
        let (entry, brake) = match signal {
            Signal::Gate(event) => (Entry::gate(at, event), None),
            Signal::Note { by, text } => (Entry::note(at, json!({"by": by, "text": text})), None),
            Signal::Pause { by, why } => {
                // Giving up is not undone by asking for less.
                let brake = if run.brake == Some(Brake::Abort) {
                    Brake::Abort
                } else {
                    Brake::Pause
                };
                (
                    Entry::decision(at, json!({"asked": "pause", "by": by, "why": why})),
                    Some(Some(brake)),
                )
            }
            Signal::Abort { by, why } => (
                Entry::decision(at, json!({"asked": "abort", "by": by, "why": why})),
                Some(Some(Brake::Abort)),
            ),
            Signal::Continue { by } => (
                Entry::decision(at, json!({"asked": "continue", "by": by})),
                Some(None),
            ),
        };
        let last_seq = self.write_entries(&run, run.fence, &[entry], None)?;
        let id = run.id.to_string();
        if let Some(brake) = brake {
            self.execute(
                "set a brake",
                "UPDATE run SET brake = ?2 WHERE id = ?1",
                params![id, brake.map(Brake::as_str)],
            )?;
        }
        if !matches!(signal, Signal::Note { .. }) {
            self.execute(
                "wake a run",
                "UPDATE run SET signals = signals + 1, wake_at = min(coalesce(wake_at, ?2), ?2) WHERE id = ?1",
                params![id, at.as_millisecond()],
            )?;
        }
        self.execute(
            "date a run",
            "UPDATE run SET updated = ?2 WHERE id = ?1",
            params![id, self.now],
        )?;
        Ok(last_seq)
    }

    pub(super) fn existing(&self, run: RunId) -> Result<Run> {
        rows::run(self.transaction, self.now, run)?.ok_or(StoreError::NoSuchRun(run))
    }

    /// Returns the digest of what was written.
    fn write_memory(&self, run: RunId, memory: &Value) -> Result<String> {
        let json = self.clean_json(run, "the memory", memory)?;
        self.execute(
            "write the memory",
            "INSERT INTO memory (run, version, json) VALUES (?1, 1, ?2) \
             ON CONFLICT (run) DO UPDATE SET version = version + 1, json = excluded.json",
            params![run.to_string(), json],
        )?;
        Ok(digest_hex(&json))
    }

    /// Returns the sequence number of the run's last entry.
    fn write_entries(
        &self,
        run: &Run,
        fence: Fence,
        entries: &[Entry],
        memory_digest: Option<&str>,
    ) -> Result<u64> {
        let doing = while_doing("write the journal");
        let id = run.id.to_string();
        let (mut seq, mut head) = (run.last_seq, self.last_hash(run.id)?);
        for (index, entry) in entries.iter().enumerate() {
            if entry.kind == Kind::Outcome {
                self.check_outcome(run.id, entry)?;
            }
            let body = self.clean_json(run.id, kind_text(entry.kind), &entry.body)?;
            let at = entry.at.to_string();
            seq += 1;
            let link = Link {
                run: run.id,
                seq,
                fence,
                kind: entry.kind,
                at: &at,
                intent: entry.intent,
                body: &body,
                memory_digest: memory_digest.filter(|_| index + 1 == entries.len()),
                prev_hash: &head,
            };
            let hash = link.hash();
            self.transaction
                .prepare_cached(
                    "INSERT INTO journal (run, seq, fence, kind, at, intent, body, memory_digest, prev_hash, hash) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                )
                .and_then(|mut statement| {
                    statement.execute(params![
                        id,
                        number(seq),
                        number(fence.0),
                        entry.kind.as_str(),
                        at,
                        entry.intent.map(|intent| intent.to_string()),
                        body,
                        link.memory_digest,
                        head,
                        hash
                    ])
                })
                .map_err(&doing)?;
            head = hash;
        }
        if !entries.is_empty() {
            self.execute(
                "write the journal's head",
                "UPDATE run SET last_seq = ?2, last_hash = ?3 WHERE id = ?1",
                params![id, number(seq), head],
            )?;
        }
        Ok(seq)
    }

    fn last_hash(&self, run: RunId) -> Result<String> {
        self.transaction
            .query_row(
                "SELECT last_hash FROM run WHERE id = ?1",
                [run.to_string()],
                |row| row.get(0),
            )
            .map_err(while_doing("read the journal's head"))
    }

    fn check_outcome(&self, run: RunId, outcome: &Entry) -> Result<()> {
        let Some(intent) = outcome.intent else {
            return Ok(());
        };
        let (asked, answered): (bool, bool) = self
            .transaction
            .query_row(
                "SELECT count(*) FILTER (WHERE kind = 'intent') > 0, count(*) FILTER (WHERE kind = 'outcome') > 0 \
                 FROM journal WHERE run = ?1 AND intent = ?2",
                params![run.to_string(), intent.to_string()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(while_doing("look for an intent"))?
            .unwrap_or_default();
        if !asked || answered {
            return Err(StoreError::WrongIntent {
                run,
                intent,
                answered,
            });
        }
        Ok(())
    }

    fn clean(&self, run: RunId, what: &'static str, text: &str) -> Result<String> {
        self.without_secret(run, what, self.redactor.redact(text))
    }

    fn clean_json(&self, run: RunId, what: &'static str, value: &Value) -> Result<String> {
        self.without_secret(run, what, self.redactor.redact_value(value).to_string())
    }

    /// Replacing works on single texts; a secret put together from several pieces is only seen here.
    fn without_secret(&self, run: RunId, what: &'static str, text: String) -> Result<String> {
        if self.redactor.holds_secret(&text) {
            return Err(StoreError::SecretInText { run, what });
        }
        Ok(text)
    }

    pub(super) fn execute(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<()> {
        self.transaction
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params))
            .map(drop)
            .map_err(while_doing(doing))
    }
}

/// Counts stay far below the limit of SQLite's integers.
pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Milliseconds, rounded up: nothing may wake before its time.
fn not_before(at: Timestamp) -> i64 {
    let milliseconds = at.as_millisecond();
    let exact = rows::instant(milliseconds).is_some_and(|instant| instant >= at);
    if exact {
        milliseconds
    } else {
        milliseconds + 1
    }
}
