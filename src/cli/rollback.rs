//! `rollout rollback`: the way back, planned and shown first, then walked like any run.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use super::drive::{Approvals, Drive};
use super::lab::Running;
use super::prompt::Prompt;
use super::{App, CliError, Exit, Session, drive, plan, stop};
use crate::engine::plan::Plan;
use crate::engine::run::{Run, RunError};
use crate::engine::store::{self, NewRun, Owner, SqliteStore, StoreReader};
use crate::output::terminal::{Asker as _, is_yes};
use crate::output::{Line, messages};
use crate::step::Memory;
use crate::world::World;

/// The playbook of the way back.
const MX: &str = "rollback";
/// The playbook that takes DNSSEC away.
const DNSSEC: &str = "rollback-dnssec";

/// The playbook that turns inbound DANE off.
const DANE: &str = "dane-off";

/// Arguments of `rollback`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The domain file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Take the DS and then the signatures of the zone away instead; the MX record set stays as it is
    #[arg(long)]
    dnssec: bool,
    /// Turn inbound DANE off instead, as first aid where senders refuse the host; nothing else has to be right for it
    #[arg(long, conflicts_with = "dnssec")]
    dane: bool,
    /// Show the way back and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    waiting: drive::Waiting,
    /// Start without asking, and approve every gate
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    let playbook = match (args.dnssec, args.dane) {
        (true, _) => DNSSEC,
        (_, true) => DANE,
        _ => MX,
    };
    let session = Session::load(&args.file, &app.redactor)?.walking(playbook)?;
    let stop = stop::listen(app.console.clone());
    let _laboratory = Running::of(&session.file, !args.dry_run)?;
    let mut world = app.open(&session)?;
    go_back(app, &session, &mut world, &args, stop).await
}

/// What the domain file wants when a change turned bad while it soaked: `on_failure: rollback`.
pub(super) async fn by_itself(
    app: &App,
    file: &Path,
    world: &mut dyn World,
    stop: watch::Receiver<bool>,
    waiting: drive::Waiting,
) -> Result<Exit, CliError> {
    let session = Session::load(file, &app.redactor)?.walking(MX)?;
    app.console.result(messages::going_back(session.domain()));
    let args = Args {
        file: file.to_owned(),
        dnssec: false,
        dane: false,
        dry_run: false,
        waiting,
        yes: true,
    };
    Ok(match go_back(app, &session, world, &args, stop).await? {
        // Back is not where the run was to lead.
        Exit::Done => Exit::Failed,
        other => other,
    })
}

async fn go_back(
    app: &App,
    session: &Session,
    world: &mut dyn World,
    args: &Args,
    stop: watch::Receiver<bool>,
) -> Result<Exit, CliError> {
    let playbook = session.playbook.name.as_str();
    let reader = app.reader()?;
    let unfinished = reader.unfinished(session.domain()).await?;
    let under_way = unfinished
        .as_ref()
        .is_some_and(|run| run.playbook == playbook);
    let memory = match kept(&reader, session.domain()).await? {
        Some(memory) if under_way => memory,
        // The hosts of before count only where the way leads to them.
        Some(memory) => Memory {
            restoring: playbook == MX,
            ..memory.for_the_way_back()
        },
        None => Memory::default(),
    };
    if playbook == MX && !memory.way_back_kept {
        app.console.result(Line::from(format!(
            "No run has changed the MX record set of {}: there is nothing to go back to.",
            session.domain()
        )));
        return Ok(Exit::Done);
    }
    let owner = Owner::this_process();
    let prompt = Prompt::new(&app.console, &stop);
    let mut looked = memory.clone();
    let made = plan::make(session, world, &mut looked).await;
    plan::show(app, session, &made);
    if let Some(exit) = before_start(app, session, args, &made, prompt.clone())? {
        return Ok(exit);
    }
    let store = app.store().await?;
    if let Some(run) = unfinished.filter(|_| !under_way) {
        give_up(&store, &owner, &run).await?;
    }
    let new = NewRun {
        // In the same write as the run: a process that is killed right after leaves a run that knows where it leads.
        memory: Some(serde_json::to_value(&looked).map_err(RunError::Json)?),
        ..new_run(session, args, &made)
    };
    let run = Run::claim_or_start(&store, &owner, new).await?;
    Drive {
        app,
        session,
        store: &store,
        owner: &owner,
        approvals: Approvals::All,
        options: session.options(args.waiting.wait(&app.console), None),
        prompt,
        stop,
    }
    .walk(run, world)
    .await
}

/// What the domain's unfinished run, else its last one, kept.
async fn kept(reader: &dyn StoreReader, domain: &str) -> Result<Option<Memory>, CliError> {
    let run = match reader.unfinished(domain).await? {
        Some(run) => Some(run),
        None => reader.runs(Some(domain)).await?.into_iter().next(),
    };
    let Some(run) = run else { return Ok(None) };
    let Some(memory) = reader.memory(run.id).await? else {
        return Ok(None);
    };
    let memory = serde_json::from_value(memory.value)
        .map_err(|why| RunError::Memory { run: run.id, why })?;
    Ok(Some(memory))
}

/// Some exit code when nothing is to be changed.
fn before_start(
    app: &App,
    session: &Session,
    args: &Args,
    made: &Plan,
    prompt: Option<Prompt>,
) -> Result<Option<Exit>, CliError> {
    if plan::forbids(session, made) {
        return Ok(Some(Exit::of_plan(made, false)));
    }
    if args.dry_run || !made.changes() {
        return Ok(Some(Exit::Done));
    }
    if args.yes {
        return Ok(None);
    }
    let Some(mut prompt) = prompt else {
        return Err(CliError::Usage(
            "nobody is there to be asked; to go back as shown, say --yes".to_owned(),
        ));
    };
    let question = if args.dane {
        "Turn DANE off? [y/N]"
    } else {
        "Go back? [y/N]"
    };
    let answer = prompt.ask(&Line::at(0).strong(question));
    if answer.is_some_and(|answer| is_yes(&answer)) {
        return Ok(None);
    }
    app.console.result(Line::from(
        "Nothing was changed. The run goes on with apply or resume.",
    ));
    Ok(Some(Exit::NotYet))
}

/// The run that is gone back from ends here, whoever drives it sees it.
async fn give_up(store: &SqliteStore, owner: &Owner, run: &store::Run) -> Result<(), CliError> {
    let given_up = Run::claim(store, owner, run.id).await?;
    Ok(given_up.give_up(Timestamp::now(), "rolled back").await?)
}

fn new_run(session: &Session, args: &Args, made: &Plan) -> NewRun {
    NewRun {
        domain: session.domain().to_owned(),
        domain_file: session.path.clone(),
        playbook: session.playbook.name.clone(),
        playbook_text: session.playbook_text.clone(),
        settings: json!({
            "domain_file": session.file,
            "flags": {"yes": args.yes, "dnssec": args.dnssec, "dane": args.dane},
            "planned": drive::Planned::of(made),
        }),
        memory: None,
    }
}
