//! `rollout dns`: looks at one record set, or mends it by hand, under the guards of a run.

mod diff;
mod get;
mod live;
mod place;
mod set;
mod wanted;

use super::{App, CliError, Exit};

/// Look at one record set, or change it by hand under the guards of a run
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print a record set as the provider has it, in the form of a zone file
    Get(get::Args),
    /// Compare what is live with a wanted record set; exit 0 when equal, 5 when not; changes nothing
    Diff(diff::Args),
    /// Change a record set, if it is still what was shown or expected
    Set(set::Args),
}

/// # Errors
/// As the command's.
pub async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    match args.command {
        Command::Get(args) => get::run(app, args).await,
        Command::Diff(args) => diff::run(app, args).await,
        Command::Set(args) => set::run(app, args).await,
    }
}
