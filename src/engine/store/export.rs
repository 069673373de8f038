//! A run's history as JSON lines: for auditors, and for keeping the head of the chain in another place.

use std::io::Write;

use serde_json::json;

use super::error::StoreError;
use super::ids::RunId;
use super::{Result, StoreReader};

/// Raised in its first part when a reader of the old lines would misunderstand the new ones.
const SCHEMA: &str = "1.0";

/// How many entries are read at a time.
const PAGE: usize = 500;

/// Write a run's history: a line with the schema version and the run, a line per journal entry, and a line with the
/// head of the chain or with what is wrong with it. Each line is one JSON object. Returns the number of entries.
///
/// # Errors
/// [`StoreError::NoSuchRun`]; [`StoreError::Export`] when `out` fails. A broken chain is written, then returned.
pub async fn export_json_lines(
    store: &dyn StoreReader,
    run: RunId,
    out: &mut (dyn Write + Send),
) -> Result<u64> {
    let mut line = |value: serde_json::Value| {
        writeln!(out, "{value}").map_err(|source| StoreError::Export { source })
    };
    let found = store.run(run).await?.ok_or(StoreError::NoSuchRun(run))?;
    line(json!({"schema": SCHEMA, "type": "run", "run": found}))?;
    let mut after = 0;
    loop {
        let page = store.journal(run, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        for entry in &page {
            line(json!({"type": "entry", "entry": entry}))?;
        }
    }
    match store.verify_chain(run).await {
        Ok(head) => line(json!({"type": "chain", "whole": true, "head": head}))?,
        Err(error) => {
            line(json!({"type": "chain", "whole": false, "what": error.to_string()}))?;
            return Err(error);
        }
    }
    Ok(after)
}
