//! `rollout doctor`: is everything there that a rollout needs? Changes nothing.

use std::path::{Path, PathBuf};

use super::lab::Running;
use super::{App, CliError, Exit};
use crate::doctor::catalogue::{self, FILE_LOADS};
use crate::doctor::{Check, Mend, Tally, Tool, gather, judge};
use crate::domain_file::{self, DomainFile};
use crate::output::{Line, doctor as shown};

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Domain files
    #[arg(value_name = "FILE", required_unless_present = "rules")]
    files: Vec<PathBuf>,
    /// Show commands for these tools only
    #[arg(long, value_name = "TOOL", value_enum, value_delimiter = ',')]
    snippets: Vec<Tool>,
    /// Show no commands
    #[arg(long, conflicts_with = "snippets")]
    no_snippets: bool,
    /// List every check that there is, with its source, and ask nobody
    #[arg(long, conflicts_with_all = ["files", "snippets", "no_snippets"])]
    rules: bool,
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    if args.rules {
        app.console.result(shown::rules());
        for rule in catalogue::ALL {
            app.console.object(&shown::rule_object(rule));
        }
        return Ok(Exit::Done);
    }
    let tools = match (args.snippets.as_slice(), args.no_snippets) {
        (_, true) => Vec::new(),
        ([], false) => vec![Tool::Az, Tool::Powershell, Tool::Graph, Tool::Shell],
        (some, false) => some.to_vec(),
    };
    let mut exit = Exit::Done;
    for (index, path) in args.files.iter().enumerate() {
        if index > 0 {
            app.console.result(Line::default());
        }
        let (domain, checks, one) = match domain_file::load(path) {
            Ok(loaded) => {
                let domain = loaded.file.domain.as_str().to_owned();
                let checks = look(app, &loaded.file).await?;
                let exit = Exit::of_checks(&checks);
                (domain, checks, exit)
            }
            Err(rejected) => {
                // Where the mistakes are is said as everywhere; the other files are looked at all the same.
                CliError::Rejected(Box::new(rejected)).show(&app.console);
                (String::new(), vec![rejected_file(path)], Exit::Usage)
            }
        };
        exit = exit.and(one);
        let file = path.display().to_string();
        let name = if domain.is_empty() { &file } else { &domain };
        app.console
            .result(shown::page(name, &file, &checks, &tools));
        for object in shown::objects(&domain, &file, &checks, one.code()) {
            app.console.object(&object);
        }
    }
    Ok(exit)
}

async fn look(app: &App, file: &DomainFile) -> Result<Vec<Check>, CliError> {
    let _laboratory = Running::of(file, false)?;
    let state = app.state_file().map_err(|error| error.to_string());
    let view = gather(file, &app.redactor, app.at_terminal(), state)
        .await
        .map_err(|error| CliError::Usage(error.to_string()))?;
    Ok(judge(&view))
}

fn rejected_file(path: &Path) -> Check {
    FILE_LOADS
        .failed("The domain file has mistakes, or cannot be read; nothing else was checked.")
        .about(path.display().to_string())
        .mend(Mend::new(
            "Whoever wrote the domain file",
            "corrects the places that are shown. `rollout schema domain` prints what an editor can check it with.",
        ))
}

impl Exit {
    /// What checks come to.
    pub(crate) fn of_checks(checks: &[Check]) -> Self {
        match Tally::of(checks) {
            Tally { failed: 1.., .. } => Self::Failed,
            Tally {
                could_not_tell: 1..,
                ..
            } => Self::CouldNotTell,
            _ => Self::Done,
        }
    }
}
