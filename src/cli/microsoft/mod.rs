//! `rollout microsoft`: what concerns the Microsoft side alone.

mod commands;
mod record;
mod sign_out;

use super::{App, CliError, Exit};

/// What concerns the Microsoft side alone
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the PowerShell for each cmdlet, what to give back, and what proves that it was done
    Commands(commands::Args),
    /// Write the shapes that the tenant answers with, scrubbed, for a report; only reads
    Record(record::Args),
    /// Forget the sign-in that `cache: file` keeps for later runs
    SignOut(sign_out::Args),
}

/// # Errors
/// As the command's.
pub async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    match args.command {
        Command::Commands(args) => commands::run(app, &args),
        Command::Record(args) => record::run(app, &args).await,
        Command::SignOut(args) => sign_out::run(app, &args),
    }
}
