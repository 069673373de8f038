//! `rollout dns get`: a record set as the provider has it, and as every server serves it.

use super::live::Servers;
use super::place::{Place, Where};
use super::{App, CliError, Exit};
use crate::output::{Page, record_set as shown};

/// Arguments of `dns get`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    at: Where,
    /// Ask every authoritative server as well, and show what each serves
    #[arg(long)]
    servers: bool,
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    let place = Place::open(app, &args.at, false).await?;
    let stored = place.stored().await?;
    // Where the provider cannot be asked, the servers are all there is.
    let servers = if args.servers || stored.is_none() {
        place.servers().await?
    } else {
        Servers::default()
    };
    let (name, rtype) = (&place.name, place.rtype);
    let mut page = Page::new();
    match &stored {
        None => page.push(shown::comment(format!(
            "{} has no interface to ask",
            place.title()
        ))),
        Some(set) => {
            if args.servers {
                page.push(shown::comment(format!("{} has", place.title())));
            }
            shown::set(set.as_ref(), name, rtype, &mut page);
            app.console.object(&shown::stored(
                &place.zone.apex,
                name,
                rtype,
                place.provider.info().slug,
                set.as_ref(),
            ));
        }
    }
    for one in &servers.served {
        let same = matches!((&one.set, &stored), (Ok(set), Some(stored)) if set == stored);
        match &one.set {
            Ok(_) if same => page.push(shown::comment(format!("{} serves the same", one.server))),
            Ok(set) => {
                page.push(shown::comment(format!("{} serves", one.server)));
                shown::set(set.as_ref(), name, rtype, &mut page);
            }
            Err(why) => page.push(shown::comment(format!(
                "{}: could not tell: {why}",
                one.server
            ))),
        }
        app.console
            .object(&shown::served(name, rtype, &one.server, &one.set));
    }
    for server in &servers.out_of_reach {
        page.push(shown::comment(format!(
            "{server} was not asked: this machine has no path to it"
        )));
    }
    app.console.result(page);
    let asked = args.servers || stored.is_none();
    Ok(if asked && !servers.all_told() {
        Exit::CouldNotTell
    } else {
        Exit::Done
    })
}
