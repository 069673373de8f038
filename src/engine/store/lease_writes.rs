//! Claiming, renewing and giving back; and the fence that every other write must pass.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::params;

use super::error::{FencedBecause, Held, StoreError, unreadable};
use super::ids::{Fence, RunId, one_spelling};
use super::lease::{Lease, Owner, Target};
use super::rows::while_doing;
use super::run::Run;
use super::writes::{Writer, number};
use super::{Result, rows};

impl Writer<'_> {
    pub(super) fn claim(&self, target: &Target, owner: &Owner, ttl: Duration) -> Result<Lease> {
        let run = match target {
            Target::Run(id) => self.existing(*id)?,
            Target::Domain(domain) => rows::unfinished(self.transaction, self.now, domain)?
                .ok_or_else(|| StoreError::NoUnfinishedRun {
                    domain: one_spelling(domain),
                })?,
        };
        if run.status.is_finished() {
            return Err(StoreError::Finished {
                run: run.id,
                domain: run.domain,
                status: run.status,
            });
        }
        if let Some(lease) = run.lease.as_ref().filter(|lease| !lease.expired) {
            return Err(StoreError::Held(Box::new(Held {
                run: run.id,
                domain: run.domain,
                owner: lease.owner.clone(),
                until: lease.until,
                last: rows::last_entry(self.transaction, run.id)?,
            })));
        }
        let taken_over = run.lease.is_some();
        let fence = Fence(run.fence.0 + 1);
        let (until, shown) = self.after(ttl);
        let owner = serde_json::to_string(owner)
            .map_err(|error| unreadable(run.id, format!("owner: {error}")))?;
        self.execute(
            "claim a run",
            "UPDATE run SET owner = ?2, lease_until = ?3, fence = ?4, updated = ?5, \
             takeovers = CASE WHEN ?6 THEN takeovers + 1 ELSE takeovers END WHERE id = ?1",
            params![
                run.id.to_string(),
                owner,
                until,
                number(fence.0),
                self.now,
                taken_over
            ],
        )?;
        Ok(Lease {
            run: run.id,
            domain: run.domain,
            fence,
            until: shown,
        })
    }

    pub(super) fn claim_due(
        &self,
        owner: &Owner,
        now: Timestamp,
        ttl: Duration,
        limit: usize,
    ) -> Result<Vec<Lease>> {
        let doing = while_doing("look for due runs");
        let mut statement = self
            .transaction
            .prepare_cached(
                "SELECT id FROM run WHERE status NOT IN ('done', 'aborted') \
                 AND (lease_until IS NOT NULL OR wake_at <= ?1) \
                 ORDER BY coalesce(wake_at, lease_until), id",
            )
            .map_err(&doing)?;
        let candidates: Vec<String> = statement
            .query_map(params![now.as_millisecond()], |row| row.get(0))
            .and_then(Iterator::collect)
            .map_err(&doing)?;
        let mut claimed = Vec::new();
        for id in &candidates {
            if claimed.len() >= limit {
                break;
            }
            let id: RunId = id
                .parse()
                .map_err(|error| unreadable(id, format!("id: {error}")))?;
            // Whether an owner is gone is not for SQL to say.
            if self.existing(id)?.lease.is_none_or(|lease| lease.expired) {
                claimed.push(self.claim(&Target::Run(id), owner, ttl)?);
            }
        }
        Ok(claimed)
    }

    pub(super) fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Lease> {
        self.fenced(lease)?;
        let (until, shown) = self.after(ttl);
        self.execute(
            "renew a lease",
            "UPDATE run SET lease_until = ?2 WHERE id = ?1",
            params![lease.run.to_string(), until],
        )?;
        Ok(Lease {
            until: shown,
            ..lease.clone()
        })
    }

    pub(super) fn release(&self, lease: &Lease) -> Result<()> {
        self.execute(
            "release a lease",
            "UPDATE run SET owner = NULL, lease_until = NULL, takeovers = 0, updated = ?3 \
             WHERE id = ?1 AND fence = ?2 AND lease_until > ?3",
            params![lease.run.to_string(), number(lease.fence.0), self.now],
        )
    }

    /// The run, when this lease may still write to it.
    pub(super) fn fenced(&self, lease: &Lease) -> Result<Run> {
        let run = self.existing(lease.run)?;
        let because = match &run.lease {
            _ if run.fence != lease.fence => FencedBecause::TakenOver {
                current: run.fence,
                by: run.lease.map(|current| current.owner),
            },
            None => FencedBecause::Released,
            Some(current) if current.expired => FencedBecause::Expired { at: current.until },
            Some(_) => return Ok(run),
        };
        Err(StoreError::Fenced {
            run: lease.run,
            fence: lease.fence,
            because,
        })
    }

    /// `ttl` from now, as stored and as shown.
    fn after(&self, ttl: Duration) -> (i64, Timestamp) {
        let until = self
            .now
            .saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
        let shown = rows::instant(until).unwrap_or(Timestamp::MAX);
        (until.min(Timestamp::MAX.as_millisecond()), shown)
    }
}
