//! `rollout pause`: the run starts nothing new. Needs no lease: whoever drives it sees it.

use jiff::Timestamp;
use serde_json::json;

use super::{App, CliError, Exit, approve, runs};
use crate::domain_file::DomainName;
use crate::engine::store::{Signal, Store as _};
use crate::output::Line;

/// Arguments of `pause`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The domain
    #[arg(value_parser = runs::domain)]
    domain: DomainName,
    /// Kept in the journal
    #[arg(long, value_name = "TEXT", default_value = "no reason given")]
    why: String,
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    let run = runs::unfinished(&app.reader()?, &args.domain).await?;
    let signal = Signal::Pause {
        by: App::who(),
        why: args.why,
    };
    app.store()
        .await?
        .signal(run.id, Timestamp::now(), signal)
        .await?;
    app.console
        .result(Line::at(0).strong(&run.domain).plain(format!(
            ": asked to pause. {} What was changed stays as it is; to go on: rollout apply {}",
            approve::goes_on(&run),
            run.domain_file.display()
        )));
    app.console
        .object(&json!({"type": "pause", "domain": run.domain, "run": run.id}));
    Ok(Exit::Done)
}
