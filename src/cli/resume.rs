//! `rollout resume`: go on with every unfinished run that is due. Safe to call every minute.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use super::drive::{Approvals, Drive, Waiting};
use super::prompt::Prompt;
use super::{App, CliError, Exit, Session, stop};
use crate::clock::{Clock as _, SystemClock};
use crate::engine::run::{LEASE, Run};
use crate::engine::store::{
    Lease, Owner, Run as Stored, RunId, SqliteStore, Status, Store as _, StoreReader, Transition,
    Wake,
};
use crate::output::progress::Countdowns;
use crate::output::{Line, messages, time};

/// When a run that could not go on is tried again.
const AGAIN: Duration = Duration::from_secs(300);

/// Arguments of `resume`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    waiting: Waiting,
}

/// What walking needs, opened only when something is due.
struct Driver {
    store: SqliteStore,
    owner: Owner,
    stop: watch::Receiver<bool>,
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    let wait = args.waiting.wait(&app.console);
    let reader = app.reader()?;
    let mut driver = None;
    loop {
        let now = Timestamp::now();
        let before = unfinished(&reader).await?;
        let mut exit = Exit::Done;
        if before.iter().any(|run| is_due(run, now)) {
            let driver = opened(app, &mut driver).await?;
            exit = all_due(app, driver, now, wait && before.len() == 1).await?;
            if *driver.stop.borrow() {
                return Ok(exit);
            }
        }
        let left = unfinished(&reader).await?;
        if left.is_empty() {
            if before.is_empty() {
                say(app, "No run is unfinished.", None);
            }
            return Ok(exit);
        }
        let exit = exit.and(Exit::NotYet);
        let Some(next) = left.iter().filter_map(due_at).min() else {
            let text = "Every unfinished run waits for a person: rollout status shows what for.";
            say(app, text, None);
            return Ok(exit);
        };
        if !wait {
            let text = format!("Next due {}.", time::all_ways(next, Timestamp::now()));
            say(app, &text, Some(next));
            return Ok(exit);
        }
        let stop = opened(app, &mut driver).await?.stop.clone();
        if stand_still(app, next, stop).await {
            say(app, "Stopped. To go on: rollout resume", Some(next));
            return Ok(Exit::NotYet);
        }
    }
}

async fn opened<'d>(app: &App, driver: &'d mut Option<Driver>) -> Result<&'d Driver, CliError> {
    let opened = match driver.take() {
        Some(driver) => driver,
        None => Driver {
            store: app.store().await?,
            owner: Owner::this_process(),
            stop: stop::listen(app.console.clone()),
        },
    };
    Ok(driver.insert(opened))
}

async fn unfinished(reader: &dyn StoreReader) -> Result<Vec<Stored>, CliError> {
    let runs = reader.runs(None).await?;
    Ok(runs
        .into_iter()
        .filter(|run| !run.status.is_finished())
        .collect())
}

/// When a run can be claimed: at its time, or when the lease of a driver that died is over.
fn due_at(run: &Stored) -> Option<Timestamp> {
    match &run.lease {
        Some(lease) => Some(lease.until),
        None => run.wake_at,
    }
}

fn is_due(run: &Stored, now: Timestamp) -> bool {
    match &run.lease {
        Some(lease) => lease.expired,
        None => run.wake_at.is_some_and(|wake| wake <= now),
    }
}

fn say(app: &App, text: &str, next: Option<Timestamp>) {
    app.console.result(Line::from(text));
    app.console
        .object(&json!({"type": "next-due", "at": next, "message": text}));
}

/// Waits with a countdown; true when asked to stop.
async fn stand_still(app: &App, until: Timestamp, mut stop: watch::Receiver<bool>) -> bool {
    let mut countdowns = Countdowns::new(app.console.clone());
    countdowns.show_one("until the next run is due", until);
    let clock = SystemClock::new();
    tokio::select! {
        () = clock.sleep_until(until) => false,
        _ = stop.wait_for(|stop| *stop) => true,
    }
}

/// Every run that was due at `now`, one after the other.
async fn all_due(app: &App, driver: &Driver, now: Timestamp, wait: bool) -> Result<Exit, CliError> {
    let Driver { store, owner, stop } = driver;
    let mut exit = Exit::Done;
    let mut seen: BTreeSet<RunId> = BTreeSet::new();
    while !*stop.borrow() {
        let Some(lease) = store.claim_due(owner, now, LEASE, 1).await?.pop() else {
            break;
        };
        if !seen.insert(lease.run) {
            // Whatever is left in it is later than `now`, unless a write failed.
            store.release(&lease).await?;
            break;
        }
        match one(app, driver, &lease, wait).await {
            Ok(one) => exit = exit.and(one),
            Err(error) => {
                // One run that cannot go on keeps no other from it.
                put_off(store, &lease, &error).await;
                app.console
                    .remark(Line::at(0).strong(&lease.domain).plain(" cannot go on:"));
                error.show(&app.console);
                exit = exit.and(error.exit());
            }
        }
    }
    Ok(exit)
}

async fn one(app: &App, driver: &Driver, lease: &Lease, wait: bool) -> Result<Exit, CliError> {
    let Driver { store, owner, stop } = driver;
    let Some(stored) = store.run(lease.run).await? else {
        store.release(lease).await?;
        return Ok(Exit::Done);
    };
    if stored.status == Status::Paused && stored.brake.is_none() {
        return still_paused(app, store, lease, &stored).await;
    }
    let session = Session::load(&stored.domain_file, &app.redactor)?;
    if session.domain() != stored.domain {
        return Err(CliError::Usage(format!(
            "{} is for {} now, but the run is of {}; restore the file, or give the run up with rollout abort {}",
            stored.domain_file.display(),
            session.domain(),
            stored.domain,
            stored.domain
        )));
    }
    let (session, changed) = session.of_run(&store.inputs(stored.id).await?)?;
    if changed {
        app.console
            .remark(messages::playbook_changed(&session.playbook.name));
    }
    let _laboratory = super::lab::Running::of(&session.file, true)?;
    let mut world = app.open(&session)?;
    let run = Run::under(store, lease.clone()).await?;
    world.told(&run.memory.pasted);
    Drive {
        app,
        session: &session,
        store,
        owner,
        approvals: Approvals::DomainFile,
        options: session.options(wait, None),
        prompt: Prompt::new(&app.console, stop),
        stop: stop.clone(),
    }
    .walk(run, &mut world)
    .await
}

/// An answer at a gate makes a run due, but only `apply` ends a pause.
async fn still_paused(
    app: &App,
    store: &SqliteStore,
    lease: &Lease,
    stored: &Stored,
) -> Result<Exit, CliError> {
    let transition = Transition {
        wake: Some(Wake {
            at: None,
            why: stored.why.clone(),
            signals: stored.signals,
        }),
        release: true,
        ..Transition::default()
    };
    store.append(lease, transition).await?;
    app.console
        .result(Line::at(0).strong(&stored.domain).plain(format!(
            ": paused; to go on: rollout apply {}",
            stored.domain_file.display()
        )));
    Ok(Exit::NotYet)
}

/// Gives a run back that could not be walked, to be tried again a little later.
async fn put_off(store: &SqliteStore, lease: &Lease, error: &CliError) {
    let given_back: Result<(), CliError> = async {
        let Some(stored) = store.run(lease.run).await? else {
            return Ok(());
        };
        let mut why = json!({"ended": "failed", "message": error.to_string()});
        if let Some(pending) = stored.why.get("pending") {
            why["pending"] = pending.clone();
        }
        let transition = Transition {
            wake: Some(Wake {
                at: Timestamp::now().checked_add(AGAIN).ok(),
                why,
                signals: stored.signals,
            }),
            release: true,
            ..Transition::default()
        };
        store.append(lease, transition).await?;
        Ok(())
    }
    .await;
    if let Err(error) = given_back {
        // The lease was lost on the way, or ends by itself: then the run is due again.
        tracing::debug!(domain = lease.domain, %error, "a run could not be given back");
    }
}
