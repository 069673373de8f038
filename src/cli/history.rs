//! `rollout history`: the audit trail.

use std::io::Write as _;

use serde_json::json;

use super::{App, CliError, Exit, runs};
use crate::domain_file::DomainName;
use crate::engine::store::{Run, RunId, StoreError, StoreReader, export_json_lines};
use crate::output::{Line, Page, Tone, journal, time};

/// So many entries are read at a time.
const PAGE: usize = 500;

/// Arguments of `history`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The domain
    #[arg(value_parser = runs::domain)]
    domain: DomainName,
    /// Recompute the hash chain; exit with 1 when the journal is not what was written
    #[arg(long)]
    verify: bool,
    /// Also show answers that were not understood, as they came, redacted
    #[arg(long)]
    raw: bool,
    /// One run only, by its id
    #[arg(long, value_name = "ID")]
    run: Option<RunId>,
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    let store = app.reader()?;
    let mut found = store.runs(Some(args.domain.as_str())).await?;
    if let Some(wanted) = args.run {
        found.retain(|run| run.id == wanted);
        if found.is_empty() {
            return Err(StoreError::NoSuchRun(wanted).into());
        }
    }
    if found.is_empty() {
        app.console
            .result(Line::from(format!("{} has no run.", args.domain)));
        return Ok(Exit::Done);
    }
    // Oldest first: it is read like a book.
    found.reverse();
    let mut exit = Exit::Done;
    for run in &found {
        if app.console.json() {
            exit = exit.and(export(app, &store, run).await?);
            continue;
        }
        show(app, &store, run, args.raw).await?;
        if args.verify {
            exit = exit.and(verify(app, &store, run).await?);
        }
    }
    Ok(exit)
}

async fn show(app: &App, store: &dyn StoreReader, run: &Run, raw: bool) -> Result<(), CliError> {
    let mut page = Page::new();
    page.push(Line::at(0).strong(format!("Run {}", run.id)).plain(format!(
        " of {}, playbook {}, begun {}, {}",
        run.domain,
        run.playbook,
        time::utc(run.created),
        run.status
    )));
    app.console.result(page);
    let mut after = 0;
    loop {
        let entries = store.journal(run.id, after, PAGE).await?;
        let Some(last) = entries.last() else {
            return Ok(());
        };
        after = last.seq;
        let mut page = Page::new();
        for entry in &entries {
            page.push(journal::line(entry));
            if raw {
                journal::raw(entry, &mut page);
            }
        }
        app.console.result(page);
    }
}

async fn verify(app: &App, store: &dyn StoreReader, run: &Run) -> Result<Exit, CliError> {
    match store.verify_chain(run.id).await {
        Ok(head) => {
            app.console.result(
                Line::at(2)
                    .tone(Tone::Good, "The chain is whole")
                    .plain(format!(": {}", json!(head))),
            );
            Ok(Exit::Done)
        }
        Err(error @ StoreError::ChainBroken { .. }) => {
            CliError::from(error).show(&app.console);
            Ok(Exit::Failed)
        }
        Err(error) => Err(error.into()),
    }
}

/// For programs: as the store exports it, chain included.
async fn export(app: &App, store: &dyn StoreReader, run: &Run) -> Result<Exit, CliError> {
    let mut lines = Vec::new();
    let exported = export_json_lines(store, run.id, &mut lines).await;
    lines
        .flush()
        .map_err(|source| StoreError::Export { source })?;
    for line in String::from_utf8_lossy(&lines).lines() {
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(line) {
            app.console.object(&value);
        }
    }
    match exported {
        Ok(_) => Ok(Exit::Done),
        Err(StoreError::ChainBroken { .. }) => Ok(Exit::Failed),
        Err(error) => Err(error.into()),
    }
}
