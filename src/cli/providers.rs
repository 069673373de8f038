//! `rollout providers`: who can serve the zone, what each needs and can do.

use rollout_providers::{Info, registry};

use super::{App, Exit};
use crate::output::providers as shown;

/// Arguments of `providers`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Everything about this one
    #[arg(value_name = "PROVIDER", value_parser = known())]
    name: Option<String>,
}

fn known() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(registry().iter().map(|info| info.slug))
}

pub(super) fn run(app: &App, args: &Args) -> Exit {
    let chosen: Vec<&Info> = registry()
        .iter()
        .filter(|info| args.name.as_deref().is_none_or(|name| name == info.slug))
        .copied()
        .collect();
    for info in &chosen {
        app.console.object(&shown::object(info));
    }
    match (&args.name, chosen.as_slice()) {
        (Some(_), [info]) => app.console.result(shown::details(info)),
        _ => app.console.result(shown::table(&chosen)),
    }
    Exit::Done
}
