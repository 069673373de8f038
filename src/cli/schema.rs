//! `rollout schema`: JSON Schema for editors.

use clap::ValueEnum;

use super::{App, Exit};
use crate::{domain_file, playbook};

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Of which file
    file: Of,
}

/// The files that people write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Of {
    /// The domain file
    Domain,
    /// A playbook
    Playbook,
}

pub(super) fn run(app: &App, args: &Args) -> Exit {
    let schema = match args.file {
        Of::Domain => domain_file::schema(),
        Of::Playbook => playbook::schema(),
    };
    app.console.document(&format!("{schema:#}\n"));
    Exit::Done
}
