//! `rollout dane`: what a DANE sender makes of records and certificates from files.

mod match_;
mod plan;

use super::{App, CliError, Exit};

/// Arguments of `dane`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Hold a certificate chain against TLSA records (RFC 7671, RFC 7672)
    Match(match_::Args),
    /// Show what a DANE sender would do with a mail domain, by DNS records from a file
    Plan(plan::Args),
}

pub(super) async fn run(app: &App, args: &Args) -> Result<Exit, CliError> {
    match &args.what {
        What::Match(args) => match_::run(app, args),
        What::Plan(args) => plan::run(app, args).await,
    }
}
