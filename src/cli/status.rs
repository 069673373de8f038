//! `rollout status`: where each run is. Reads the state file and nothing else, so it answers at once.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::{App, CliError, Exit};
use crate::engine::store::StoreReader as _;
use crate::output::{Line, Page, messages, run};

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show it again whenever it changes, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    const LOOK: Duration = Duration::from_secs(1);
    let store = app.reader()?;
    let mut before = None;
    loop {
        let stopped = app.stopped()?;
        let runs = store.runs(None).await?;
        let now = Timestamp::now();
        let page = run::table(&runs, now);
        // Countdowns change every second, which is of interest to a person at a terminal only.
        let same = before.as_ref() == Some(&(runs.clone(), stopped.clone()));
        if !same || (args.watch && app.console.clears()) {
            if args.watch {
                app.console.clear();
            }
            if let Some(why) = &stopped {
                app.console.result(messages::stopped(why));
            }
            app.console.result(if runs.is_empty() {
                Page::from(Line::from(
                    "There is no run. To start one: rollout apply FILE",
                ))
            } else {
                page
            });
        }
        if !same {
            if let Some(why) = &stopped {
                app.console.object(&json!({"type": "stop", "why": why}));
            }
            for run in &runs {
                app.console.object(&json!({"type": "run", "run": run}));
            }
            app.console
                .object(&json!({"type": "end", "at": now, "runs": runs.len()}));
        }
        if !args.watch {
            return Ok(Exit::Done);
        }
        before = Some((runs, stopped));
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
    }
}
