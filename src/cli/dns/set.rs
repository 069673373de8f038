//! `rollout dns set`: one change of one record set, shown, agreed to, and made only if nothing else came between.

use rollout_providers::{Change, Name, Outcome, RecordType, Rrset, Writes};

use super::super::prompt::Prompt;
use super::super::stop;
use super::place::{Place, Where};
use super::wanted::{self, Wanted, refusal};
use super::{App, CliError, Exit};
use crate::engine::store::StoreReader as _;
use crate::output::terminal::{Asker as _, is_yes};
use crate::output::{Line, Page, Tone, record_set as shown};

/// Arguments of `dns set`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    at: Where,
    #[command(flatten)]
    wanted: wanted::Said,
    /// Delete the set
    #[arg(long, conflicts_with_all = ["values", "ttl", "from"])]
    delete: bool,
    /// A value that must be live now, once for each; else nothing is changed [default: what is shown before]
    #[arg(long, value_name = "VALUE")]
    expect: Vec<String>,
    /// There must be no such set now; else nothing is changed
    #[arg(long, conflicts_with = "expect")]
    expect_none: bool,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
    /// Do it although a run of this tool is not finished for a domain in the zone
    #[arg(long)]
    although_a_run_is_active: bool,
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    // An effect in hand is finished when somebody presses Ctrl-C.
    let stop = stop::listen(app.console.clone());
    no_run_is_active(app, &args).await?;
    let place = Place::open(app, &args.at, true).await?;
    let (name, rtype) = (&place.name, place.rtype);
    let wanted = match args.wanted.read(&args.at.zone, name, rtype)? {
        Some(wanted) => wanted,
        None if args.delete => Wanted::NOTHING,
        None => {
            return Err(CliError::Usage(format!(
                "say what the {rtype} record set at {name} shall be: values or --from FILE; or --delete to have none"
            )));
        }
    };
    let live = place.live().await?;
    as_expected(&args, &place, live.as_ref())?;
    let after = wanted.beside(live.as_ref(), name, rtype)?;
    if live == after {
        return Ok(unchanged(app));
    }
    let change = Change::new(name.clone(), rtype, live, after)
        .map_err(|error| CliError::Usage(error.to_string()))?;
    if let Some(why) = refusal(&place.zone, &change) {
        return Err(CliError::Refused(why));
    }
    stands_alone(&place, &change).await?;
    show(app, &place, &change);
    // Where a person makes the change, the person is asked by the instructions.
    let by_hand = place.zone.writes == Writes::ByHand;
    if !by_hand && !args.yes && !agreed(app, &stop)? {
        app.console.remark(Line::from("Nothing was changed."));
        app.console
            .object(&serde_json::json!({"type": "outcome", "outcome": "declined"}));
        return Ok(Exit::Failed);
    }
    match place.provider.write(&place.zone, &change).await? {
        Outcome::Unchanged => Ok(unchanged(app)),
        Outcome::Done => {
            let mut page = Page::new();
            page.push(
                Line::at(0)
                    .tone(Tone::Good, "Done: ")
                    .plain(format!("{} has it.", place.title())),
            );
            page.push(Line::at(0).plain(
                "Its servers may need a while to serve it; rollout dns get --servers shows what each serves.",
            ));
            app.console.result(page);
            app.console
                .object(&serde_json::json!({"type": "outcome", "outcome": "done"}));
            Ok(Exit::Done)
        }
        Outcome::Asked(instructions) => {
            let mut page = Page::new();
            page.block(0, &instructions.to_string());
            app.console.result(page);
            app.console.object(&serde_json::json!({
                "type": "outcome", "outcome": "asked", "instructions": instructions,
            }));
            Ok(Exit::NotYet)
        }
    }
}

fn unchanged(app: &App) -> Exit {
    app.console
        .result(Line::from("Nothing to do: it is so already."));
    app.console
        .object(&serde_json::json!({"type": "outcome", "outcome": "unchanged"}));
    Exit::Done
}

/// A run counts on what it saw; whoever changes the zone under it stops it, at best.
async fn no_run_is_active(app: &App, args: &Args) -> Result<(), CliError> {
    let zone = &args.at.zone;
    let touches = |domain: &str| {
        Name::parse(domain).is_ok_and(|domain| domain.is_within(zone) || zone.is_within(&domain))
    };
    let runs = app.reader()?.runs(None).await?;
    let active: Vec<&str> = runs
        .iter()
        .filter(|run| !run.status.is_finished() && touches(&run.domain))
        .map(|run| run.domain.as_str())
        .collect();
    if active.is_empty() {
        return Ok(());
    }
    let active = active.join(", ");
    if !args.although_a_run_is_active {
        return Err(CliError::Refused(format!(
            "the run of {active} is not finished, and counts on the records of {zone} as it saw them. Finish it, or give it up \
             with rollout abort, or say --although-a-run-is-active"
        )));
    }
    app.console.remark(Line::at(0).tone(
        Tone::Warn,
        format!("The run of {active} is not finished; a record that it counts on stops it when it changes."),
    ));
    Ok(())
}

/// Whether what is live is what the caller says that it must be.
fn as_expected(args: &Args, place: &Place, live: Option<&Rrset>) -> Result<(), CliError> {
    if args.expect.is_empty() && !args.expect_none {
        return Ok(());
    }
    let expected = Wanted {
        values: wanted::values(&args.expect, place.rtype)?,
        ttl: None,
    };
    if expected.is(live) {
        return Ok(());
    }
    let lines = shown::lines(live);
    Err(CliError::Refused(format!(
        "what is live is not what was expected, so nothing was changed; live is {}",
        if lines.is_empty() {
            "no record".to_owned()
        } else {
            lines.join(", ")
        }
    )))
}

/// A name with a CNAME has nothing else (RFC 1034, section 3.6.2). Not every provider refuses it.
async fn stands_alone(place: &Place, change: &Change) -> Result<(), CliError> {
    if change.before().is_some() || change.after().is_none() || !place.reads() {
        return Ok(());
    }
    let others = match change.rtype() {
        RecordType::Cname => &[RecordType::Mx, RecordType::Txt][..],
        RecordType::Mx | RecordType::Txt => &[RecordType::Cname],
    };
    for other in others {
        let beside = place.provider.read(&place.zone, change.name(), *other);
        if beside.await?.is_some() {
            return Err(CliError::Refused(format!(
                "{} has a {other} record, and a CNAME has nothing beside it (RFC 1034, section 3.6.2)",
                change.name()
            )));
        }
    }
    Ok(())
}

fn show(app: &App, place: &Place, change: &Change) {
    let mut page = Page::new();
    page.push(Line::at(0).strong(format!(
        "{} at {}, in the zone {} at {}",
        change.rtype(),
        change.name(),
        place.zone.apex,
        place.title()
    )));
    for (title, side) in [("now:", change.before()), ("then:", change.after())] {
        page.push(Line::at(0).plain(title));
        shown::set_at(2, side, change.name(), change.rtype(), &mut page);
    }
    let guard = match place.zone.writes {
        Writes::Guarded | Writes::Atomic | Writes::ByHand => None,
        Writes::Stepwise => Some(
            "This provider changes one record at a time, additions before deletions; the set is never empty between.",
        ),
        Writes::WholeZone => Some(
            "This provider takes only whole zones: what somebody else changes in the zone at the same moment could be lost.",
        ),
    };
    for note in place.zone.notes.iter().map(String::as_str).chain(guard) {
        page.push(Line::at(0).tone(Tone::Warn, note));
    }
    app.console.result(page);
    app.console.object(&serde_json::json!({
        "type": "change", "provider": place.provider.info().slug, "zone": place.zone, "change": change,
    }));
}

fn agreed(app: &App, stop: &tokio::sync::watch::Receiver<bool>) -> Result<bool, CliError> {
    let Some(mut person) = Prompt::new(&app.console, stop) else {
        return Err(CliError::Usage(
            "nobody is there to be asked; nothing was changed. Say --yes to do it without asking"
                .to_owned(),
        ));
    };
    let answer = person.ask(&Line::at(0).strong("Change it? [y/N]"));
    Ok(answer.is_some_and(|answer| is_yes(&answer)))
}
