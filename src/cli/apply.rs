//! `rollout apply`: do it; run it again to go on.

use std::path::PathBuf;

use serde_json::json;

use super::drive::{Approvals, Drive};
use super::lab::Running;
use super::prompt::Prompt;
use super::{App, CliError, Exit, Session, drive, hand, plan, stop};
use crate::engine::plan::Plan;
use crate::engine::run::Run;
use crate::engine::store::{
    NewRun, Owner, Signal, SqliteStore, Status, Store as _, StoreReader as _,
};
use crate::kernel::Host;
use crate::output::terminal::{Asker as _, is_yes};
use crate::output::{Line, time};
use crate::playbook::Goal;
use crate::step::Memory;

/// Arguments of `apply`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The domain file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Do exactly what this saved plan says, or refuse because the world has moved
    #[arg(long, value_name = "SAVED")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    waiting: drive::Waiting,
    /// Stop when this step is done
    #[arg(long, value_name = "STEP")]
    until: Option<String>,
    /// Start without asking, and approve every gate
    #[arg(long, short)]
    yes: bool,
    /// The MX host that Microsoft assigned (DnssecMxValue), where a person runs the cmdlets
    #[arg(long, value_name = "HOST", value_parser = hand::mx_host)]
    mx_host: Option<Host>,
    #[command(flatten)]
    answers: hand::Answers,
}

impl Args {
    /// What the demo calls: no questions, wait here.
    pub(super) fn of_demo(file: PathBuf) -> Self {
        Self {
            file,
            plan: None,
            waiting: drive::Waiting::here(),
            until: None,
            yes: true,
            mx_host: None,
            answers: hand::Answers::default(),
        }
    }
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    let session = Session::load(&args.file, &app.redactor)?;
    // Read first, so that a run that never starts makes no state file.
    let reader = app.reader()?;
    let (session, mut memory) = plan::of_run_in_progress(app, session, &reader).await?;
    if let Some(step) = &args.until {
        session.check_step(step)?;
    }
    hand::remember(&mut memory, args.mx_host.as_ref())?;
    let told = args.answers.read(session.domain())?;
    hand::take(&mut memory, &told)?;
    let saved = match &args.plan {
        Some(path) => Some(plan::read(path, &session)?),
        None => None,
    };
    let owner = Owner::this_process();
    let stop = stop::listen(app.console.clone());
    let prompt = Prompt::new(&app.console, &stop);
    let _laboratory = Running::of(&session.file, true)?;
    let mut world = app.open(&session)?;
    world.told(&memory.pasted);

    let unfinished = reader.unfinished(session.domain()).await?;
    let mut planned = None;
    if unfinished.is_none() || saved.is_some() {
        let plan = plan::make(&session, &mut world, &mut memory).await;
        if let Some(saved) = &saved {
            let differences = plan::differences(saved, &plan);
            if !differences.is_empty() {
                return Err(CliError::Stale(differences));
            }
        }
        planned = Some(plan);
    }
    if let (None, Some(plan)) = (&unfinished, &planned) {
        if let Some(exit) = before_start(app, &session, plan, args.yes, prompt.clone()) {
            return Ok(exit);
        }
        if *stop.borrow() {
            return Ok(Exit::NotYet);
        }
    }
    let store = app.store().await?;
    if let Some(run) = &unfinished {
        go_on(app, &store, run, &owner).await?;
    }

    let new = new_run(&session, &args, planned.as_ref());
    let mut run = Run::claim_or_start(&store, &owner, new).await?;
    // Another process may have started one since, and remembers more than this plan.
    if unfinished.is_none() && run.memory == Memory::default() {
        // What the plan saw is where the run begins: which hosts to look at, and what caches may hold.
        run.memory = memory;
    }
    hand::remember(&mut run.memory, args.mx_host.as_ref())?;
    if !told.is_empty() {
        hand::take(&mut run.memory, &told)?;
        run.keep_told(&told).await?;
    }
    world.told(&run.memory.pasted);
    if let Some(host) = host_asked_for(app, &session, &run, prompt.clone()) {
        run.memory.new_host = Some(host);
    }
    Drive {
        app,
        session: &session,
        store: &store,
        owner: &owner,
        approvals: if args.yes {
            Approvals::All
        } else {
            Approvals::DomainFile
        },
        options: session.options(args.waiting.wait(&app.console), args.until),
        prompt,
        stop,
    }
    .walk(run, &mut world)
    .await
}

/// Shows the plan; some exit code when no run is to be started.
fn before_start(
    app: &App,
    session: &Session,
    made: &Plan,
    yes: bool,
    prompt: Option<Prompt>,
) -> Option<Exit> {
    if !made.blocked() && nothing_to_do(made) {
        plan::show(app, session, made);
        return Some(Exit::Done);
    }
    if made.blocked() || !app.console.quiet() {
        plan::show(app, session, made);
    }
    if plan::forbids(session, made) {
        return Some(Exit::of_plan(made, false));
    }
    if let Some(mut prompt) = prompt
        && !yes
    {
        let answer = prompt.ask(&Line::at(0).strong("Start? [y/N]"));
        if !answer.is_some_and(|answer| is_yes(&answer)) {
            app.console
                .result(Line::from("Not started. Nothing was changed."));
            return Some(Exit::NotYet);
        }
    }
    None
}

/// Everything is there already, seen and not merely planned.
fn nothing_to_do(plan: &Plan) -> bool {
    plan.total.is_some() && plan.steps.iter().all(|step| step.done_already)
}

/// A person calls `apply`: that ends a pause.
async fn go_on(
    app: &App,
    store: &SqliteStore,
    run: &crate::engine::store::Run,
    owner: &Owner,
) -> Result<(), CliError> {
    use crate::engine::store::Brake;
    if run.status == Status::Paused || run.brake == Some(Brake::Pause) {
        let by = owner.user.clone();
        store
            .signal(run.id, jiff::Timestamp::now(), Signal::Continue { by })
            .await?;
        app.console.progress(Line::from("The pause is over."));
    }
    Ok(())
}

fn new_run(session: &Session, args: &Args, planned: Option<&Plan>) -> NewRun {
    NewRun {
        domain: session.domain().to_owned(),
        domain_file: session.path.clone(),
        playbook: session.playbook.name.clone(),
        playbook_text: session.playbook_text.clone(),
        settings: json!({
            "domain_file": session.file,
            "flags": {"yes": args.yes, "until": args.until, "mx_host": args.mx_host, "plan": args.plan},
            "planned": planned.map(drive::Planned::of),
        }),
        memory: None,
    }
}

/// A person was asked before to run the cmdlet, and sits here again.
fn host_asked_for(app: &App, session: &Session, run: &Run, prompt: Option<Prompt>) -> Option<Host> {
    let mut prompt = prompt?;
    if !session.setup.manual_exchange || run.memory.new_host.is_some() {
        return None;
    }
    let step = session
        .steps
        .iter()
        .find(|step| step.goal == Goal::EnableDnssec && run.memory.asked.contains_key(&step.id))?;
    let asked = run.memory.asked.get(&step.id)?;
    app.console.remark(Line::from(format!(
        "{} ({})",
        asked.summary,
        time::utc(jiff::Timestamp::now())
    )));
    hand::ask_host(&app.console, &mut prompt, &session.setup.domain)
}
