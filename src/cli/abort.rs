//! `rollout abort`: the run is given up. Needs no lease: whoever drives it sees it.

use jiff::Timestamp;
use serde_json::json;

use super::{App, CliError, Exit, approve, runs};
use crate::domain_file::DomainName;
use crate::engine::store::{Signal, Store as _};
use crate::output::Line;

/// Arguments of `abort`.
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
    let signal = Signal::Abort {
        by: App::who(),
        why: args.why,
    };
    app.store()
        .await?
        .signal(run.id, Timestamp::now(), signal)
        .await?;
    app.console.result(Line::at(0).strong(&run.domain).plain(format!(
        ": asked to give up. {} Nothing is undone; the way back is in the journal: rollout history {}",
        approve::goes_on(&run),
        run.domain
    )));
    app.console
        .object(&json!({"type": "abort", "domain": run.domain, "run": run.id}));
    Ok(Exit::Done)
}
