//! `rollout why`: every pending thing of a domain's run, with full reasons. Reads the state file and nothing else.

use jiff::Timestamp;
use serde_json::json;

use super::{App, CliError, Exit, runs};
use crate::domain_file::DomainName;
use crate::engine::store::{Recorded, Run, StoreReader};
use crate::output::{Line, journal, run};

/// So many journal entries are shown.
const LAST: u64 = 8;

/// Arguments of `why`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The domain
    #[arg(value_parser = runs::domain)]
    domain: DomainName,
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    let store = app.reader()?;
    let found = runs::latest(&store, &args.domain).await?;
    let last = last_entries(&store, &found).await?;
    let open = store.open_intents(found.id).await?;
    let mut page = run::in_full(&found, Timestamp::now());
    for intent in &open {
        page.push(
            Line::at(2)
                .plain("An effect without a known outcome; what became of it is observed: ")
                .plain(journal::body(intent)),
        );
    }
    page.gap();
    page.push(Line::at(0).strong("Last journal entries:"));
    for entry in &last {
        page.push(journal::line(entry));
    }
    app.console.result(page);
    app.console.object(&json!({
        "type": "why", "run": found, "open_intents": open, "last_entries": last,
    }));
    Ok(Exit::Done)
}

async fn last_entries(store: &dyn StoreReader, run: &Run) -> Result<Vec<Recorded>, CliError> {
    let after = run.last_seq.saturating_sub(LAST);
    let mut entries = store.journal(run.id, after, 100).await?;
    // Answers as they came are for `history`, where they are asked for.
    for entry in &mut entries {
        if let Some(unread) = entry.body.get_mut("unread").and_then(|v| v.as_object_mut()) {
            unread.remove("body");
        }
    }
    Ok(entries)
}
