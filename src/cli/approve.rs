//! `rollout approve`: answers a gate. Needs no lease: whoever drives the run sees it.

use jiff::Timestamp;
use serde_json::json;

use super::{App, CliError, Exit, runs};
use crate::domain_file::DomainName;
use crate::engine::store::{GateEvent, GateVerdict, Signal, Store as _, StoreReader as _};
use crate::output::{Line, Tone};
use crate::playbook;

/// Arguments of `approve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The domain
    #[arg(value_parser = runs::domain)]
    domain: DomainName,
    /// The gate, as `rollout why` names it
    gate: String,
    /// Refuse it, or take an approval back that has not been used yet
    #[arg(long)]
    refuse: bool,
    /// Kept in the journal beside the answer
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    // Read first, so that a wrong domain makes no state file.
    let run = runs::unfinished(&app.reader()?, &args.domain).await?;
    let store = app.store().await?;
    let inputs = store.inputs(run.id).await?;
    let playbook = playbook::from_text(&run.playbook, &inputs.playbook_text).map_err(Box::new)?;
    let gates = playbook.gates();
    if !gates.contains(&args.gate.as_str()) {
        return Err(CliError::Usage(format!(
            "the playbook {} has no gate {}; {}",
            run.playbook,
            crate::source::quoted(&args.gate),
            crate::source::one_of(&args.gate, &gates)
        )));
    }
    let verdict = if args.refuse {
        GateVerdict::Refused
    } else {
        GateVerdict::Approved
    };
    let event = GateEvent {
        gate: args.gate.clone(),
        verdict,
        by: App::who(),
        note: args.note,
    };
    store
        .signal(run.id, Timestamp::now(), Signal::Gate(event))
        .await?;
    let line = Line::at(0).strong(&run.domain);
    let line = if args.refuse {
        line.tone(Tone::Warn, format!(": gate {} refused", args.gate))
    } else {
        line.tone(Tone::Good, format!(": gate {} approved", args.gate))
    };
    app.console
        .result(line.plain(format!(". {}", goes_on(&run))));
    app.console.object(&json!({
        "type": "gate", "domain": run.domain, "run": run.id, "gate": args.gate, "verdict": verdict,
    }));
    Ok(Exit::Done)
}

/// Who takes a signal up.
pub(super) fn goes_on(run: &crate::engine::store::Run) -> String {
    match run.lease.as_ref().filter(|lease| !lease.expired) {
        Some(lease) => format!(
            "It is driven by {}, who sees it within seconds.",
            lease.owner
        ),
        None => "It is taken up by the next rollout resume or rollout apply.".to_owned(),
    }
}
