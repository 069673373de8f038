//! `rollout dns diff`: what is live beside what is wanted. Changes nothing.

use rollout_providers::Rrset;

use super::place::{Place, Where};
use super::wanted::{self, Wanted};
use super::{App, CliError, Exit};
use crate::output::{Page, record_set as shown};

/// Arguments of `dns diff`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    at: Where,
    #[command(flatten)]
    wanted: wanted::Said,
    /// Wanted is that there is no such set
    #[arg(long, conflicts_with_all = ["values", "ttl", "from"])]
    none: bool,
    /// Compare what every authoritative server serves as well
    #[arg(long)]
    servers: bool,
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    let place = Place::open(app, &args.at, false).await?;
    let (name, rtype) = (&place.name, place.rtype);
    let wanted = match args.wanted.read(&args.at.zone, name, rtype)? {
        Some(wanted) => wanted,
        None if args.none => Wanted::NOTHING,
        None => {
            return Err(CliError::Usage(
                "say what is wanted: values, --from FILE, or --none".to_owned(),
            ));
        }
    };
    let mut sides: Vec<(String, Result<Option<Rrset>, String>)> = Vec::new();
    let stored = place.stored().await?;
    let without = stored.is_none();
    if let Some(set) = stored {
        sides.push((place.title().to_owned(), Ok(set)));
    }
    if args.servers || without {
        let servers = place.servers().await?;
        let served = servers.served.into_iter();
        sides.extend(served.map(|one| (one.server, one.set)));
    }
    let mut exit = if sides.is_empty() {
        Exit::CouldNotTell
    } else {
        Exit::Done
    };
    let mut page = Page::new();
    for (whose, live) in &sides {
        let equal = live.as_ref().map(|live| wanted.is(live.as_ref()));
        exit = exit.and(match equal {
            Ok(true) => Exit::Done,
            Ok(false) => Exit::Changes,
            Err(_) => Exit::CouldNotTell,
        });
        match (live, equal) {
            (Ok(_), Ok(true)) => page.push(shown::comment(format!("{whose}: as wanted"))),
            (Ok(live), _) => {
                page.push(shown::comment(format!("{whose}:")));
                let before = shown::lines(live.as_ref());
                let ttl = wanted.ttl.or_else(|| live.as_ref().map(Rrset::ttl));
                let after = shown::wanted(name, rtype, ttl, &wanted.values);
                shown::difference(&before, &after, &mut page);
            }
            (Err(why), _) => page.push(shown::comment(format!("{whose}: could not tell: {why}"))),
        }
        app.console.object(&shown::compared(
            name,
            rtype,
            whose,
            live,
            &wanted.values,
            wanted.ttl,
            equal.ok(),
        ));
    }
    app.console.result(page);
    Ok(exit)
}
