//! `rollout plan`: every step, exact record changes, every wait, total. Writes nothing but the file of `--out`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::error::{self, CliError};
use super::{App, Exit, Session, hand};
use crate::clock::{Clock as _, SystemClock};
use crate::engine::plan::{self as planning, PLAN_SCHEMA, Plan};
use crate::engine::run::{Run, RunError};
use crate::engine::store::StoreReader;
use crate::kernel::Host;
use crate::output::{Line, messages, plan as shown, time};
use crate::step::Memory;
use crate::world::World;

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Domain files
    #[arg(required_unless_present = "rules", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print every finding that a plan or a run can come to, and what mends it
    #[arg(long, conflicts_with_all = ["files", "out", "mx_host"])]
    rules: bool,
    /// Save the plan here, readable by its owner only; `apply --plan` then does exactly this or refuses
    #[arg(long, value_name = "PLAN")]
    out: Option<PathBuf>,
    /// Exit with 5 when changes are pending
    #[arg(long)]
    detailed_exitcode: bool,
    /// The MX host that Microsoft assigned (DnssecMxValue), where a person runs the cmdlets
    #[arg(long, value_name = "HOST", value_parser = hand::mx_host)]
    mx_host: Option<Host>,
    #[command(flatten)]
    answers: hand::Answers,
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    if args.rules {
        app.console.result(crate::output::rules::page());
        for rule in crate::step::catalogue::ALL {
            app.console.object(&crate::output::rules::object(rule));
        }
        return Ok(Exit::Done);
    }
    let of_one = args.out.is_some() || args.mx_host.is_some() || !args.answers.is_empty();
    if args.files.len() > 1 && of_one {
        return Err(CliError::Usage(
            "--out, --mx-host and --answer belong to one domain; name one file".to_owned(),
        ));
    }
    let mut exit = Exit::Done;
    for (index, file) in args.files.iter().enumerate() {
        if index > 0 {
            app.console.result(Line::default());
        }
        match one(app, &args, file).await {
            Ok(one) => exit = exit.and(one),
            // The other files have plans of their own.
            Err(error) if args.files.len() > 1 => {
                error.show(&app.console);
                exit = exit.and(error.exit());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(exit)
}

async fn one(app: &App, args: &Args, file: &Path) -> Result<Exit, CliError> {
    let session = Session::load(file, &app.redactor)?;
    let (session, mut memory) = of_run_in_progress(app, session, &app.reader()?).await?;
    hand::remember(&mut memory, args.mx_host.as_ref())?;
    hand::take(&mut memory, &args.answers.read(session.domain())?)?;
    let _laboratory = super::lab::Running::of(&session.file, false)?;
    let mut world = app.open(&session)?;
    world.told(&memory.pasted);
    let plan = make(&session, &mut world, &mut memory).await;
    show(app, &session, &plan);
    if let Some(path) = &args.out {
        if plan.blocked() {
            app.console.remark(Line::from(format!(
                "The plan was not saved to {}: it is blocked.",
                path.display()
            )));
        } else {
            save(&plan, path)?;
            app.console.remark(Line::from(format!(
                "Saved. To do exactly this: rollout apply {} --plan {}",
                file.display(),
                path.display()
            )));
        }
    }
    Ok(Exit::of_plan(&plan, args.detailed_exitcode))
}

/// With the playbook and the memory of the domain's unfinished run, if it has one.
pub(super) async fn of_run_in_progress(
    app: &App,
    session: Session,
    store: &dyn StoreReader,
) -> Result<(Session, Memory), CliError> {
    let Some(run) = store.unfinished(session.domain()).await? else {
        return Ok((session, Memory::default()));
    };
    let (session, changed) = session.of_run(&store.inputs(run.id).await?)?;
    if changed {
        app.console
            .remark(messages::playbook_changed(&session.playbook.name));
    }
    let memory = match store.memory(run.id).await? {
        Some(memory) => serde_json::from_value(memory.value)
            .map_err(|why| RunError::Memory { run: run.id, why })?,
        None => Memory::default(),
    }
    .taken_up();
    let begun = format!(
        "The run that began at {} goes on from here.",
        time::utc(run.created)
    );
    app.console.remark(Line::from(begun));
    Ok((session, memory))
}

/// Looks at everything once and walks the rest on the model. `memory` takes in what was seen.
pub(super) async fn make(session: &Session, world: &mut dyn World, memory: &mut Memory) -> Plan {
    let clock = SystemClock::new();
    let facts = Run::observe(world, &session.setup, memory, &clock).await;
    planning::plan(
        planning::Asked {
            domain: session.domain(),
            playbook: &session.playbook.name,
            steps: &session.steps,
            setup: &session.setup,
        },
        &facts,
        memory,
        session.estimates,
        clock.now(),
    )
    .await
}

/// Whether a plan forbids its run. First aid starts all the same: what is broken may be what it is for.
pub(super) fn forbids(session: &Session, plan: &Plan) -> bool {
    plan.blocked() && !session.playbook.is_first_aid()
}

/// Shows a plan to people and programs.
pub(super) fn show(app: &App, session: &Session, plan: &Plan) {
    app.console.result(shown::page(plan, &session.steps));
    if session.goes_back_by_itself() {
        app.console.result(messages::goes_back_by_itself());
    }
    app.console.object(&json!({
        "type": "plan", "blocked": plan.blocked(), "could_not_tell": plan.could_not_tell(),
        "changes": plan.changes(), "goes_back_by_itself": session.goes_back_by_itself(), "plan": plan,
    }));
}

fn save(plan: &Plan, path: &Path) -> Result<(), CliError> {
    let failed = || error::file("save the plan as", path);
    let text = serde_json::to_string_pretty(plan)
        .map_err(|error| failed()(std::io::Error::other(error)))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // A temporary file is made with mode 0600; renaming it leaves a whole plan or none.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed())?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .map_err(failed())?;
    file.persist(path)
        .map_err(|error| failed()(error.error))
        .map(drop)
}

/// Reads a saved plan.
///
/// # Errors
/// When it is none, is of another version, or of another domain or playbook.
pub(super) fn read(path: &Path, session: &Session) -> Result<Plan, CliError> {
    let text = std::fs::read_to_string(path).map_err(error::file("read the plan", path))?;
    check(&text, session.domain(), &session.playbook.name)
        .map_err(|why| CliError::Usage(format!("{} cannot be applied: {why}", path.display())))
}

fn check(text: &str, domain: &str, playbook: &str) -> Result<Plan, String> {
    let none = |error| format!("it is no saved plan ({error}); make one with rollout plan --out");
    let value: serde_json::Value = serde_json::from_str(text).map_err(none)?;
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(schema) if schema == u64::from(PLAN_SCHEMA) => {}
        Some(schema) => {
            return Err(format!(
                "it has schema {schema}, but this version knows {PLAN_SCHEMA}; plan again"
            ));
        }
        None => return Err("it is no saved plan; make one with rollout plan --out".to_owned()),
    }
    let plan: Plan = serde_json::from_value(value).map_err(none)?;
    if plan.digest != planning::digest(&plan.observed) {
        return Err("what it observed was edited by hand; plan again".to_owned());
    }
    if plan.domain != domain {
        return Err(format!("it is for {}, not for {domain}", plan.domain));
    }
    if plan.playbook != playbook {
        return Err(format!(
            "it walks the playbook {}, but the domain file says {playbook}; plan again",
            plan.playbook
        ));
    }
    Ok(plan)
}

/// What is no longer as the saved plan says: the world, or, after a change of the files, the steps.
pub(super) fn differences(saved: &Plan, now: &Plan) -> Vec<String> {
    let mut found = saved.differences(&now.observed);
    let promise = |plan: &Plan| -> Vec<String> {
        plan.steps
            .iter()
            .flat_map(|step| {
                let gate = step.gate.iter().map(|gate| format!("gate {gate}"));
                let acts = step.effects.iter().map(|effect| effect.action.to_string());
                let hand = step.by_hand.iter().map(|by| by.summary.clone());
                gate.chain(acts)
                    .chain(hand)
                    .map(|what| format!("step {}: {what}", step.id))
                    .collect::<Vec<_>>()
            })
            .collect()
    };
    if found.is_empty() {
        let (old, new) = (promise(saved), promise(now));
        let gone = old.iter().filter(|line| !new.contains(line));
        found.extend(gone.map(|line| format!("{line}: planned then, not now")));
        let come = new.iter().filter(|line| !old.contains(line));
        found.extend(come.map(|line| format!("{line}: planned now, not then")));
    }
    found
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
