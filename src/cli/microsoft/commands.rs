//! `rollout microsoft commands`: the PowerShell that a person runs, what to give back, and what proves that it was done.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::{App, CliError, Exit};
use crate::domain_file;
use crate::microsoft::Cmdlet;
use crate::microsoft::powershell::{self, ManualCommand};
use crate::output::{Line, Page};
use crate::world::live::cloud_of;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The domain file
    file: PathBuf,
}

/// # Errors
/// A domain file that cannot be used.
pub fn run(app: &App, args: &Args) -> Result<Exit, CliError> {
    let file = domain_file::load(&args.file).map_err(Box::new)?.file;
    let cloud = cloud_of(&file);
    let mut page = Page::new();
    let mut first = true;
    for cmdlet in Cmdlet::NEEDED.into_iter().chain(Cmdlet::OPTIONAL) {
        let command = powershell::command_in(cloud, cmdlet, file.domain.as_str())
            .map_err(|error| CliError::Usage(error.to_string()))?;
        if first {
            page.push(Line::at(0).plain("Once per machine, then once per window:"));
            page.push(Line::at(4).verbatim().plain(&command.module));
            page.push(Line::at(4).verbatim().plain(&command.connect));
            first = false;
        }
        show(
            &mut page,
            cmdlet,
            &command,
            &args.file.display().to_string(),
        );
        app.console.object(&json!({
            "type": "command", "cmdlet": cmdlet.name(), "reads": cmdlet.only_reads(), "command": command,
        }));
    }
    page.gap();
    page.push(Line::at(0).plain(format!(
        "{} is not among them: it may take away the host that caches still name.",
        Cmdlet::DisableDnssec
    )));
    app.console.result(page);
    Ok(Exit::Done)
}

fn show(page: &mut Page, cmdlet: Cmdlet, command: &ManualCommand, file: &str) {
    page.gap();
    let what = if cmdlet.only_reads() {
        "reads"
    } else {
        "changes"
    };
    page.push(Line::at(0).strong(cmdlet).dim(format!("  {what}")));
    page.push(Line::at(4).verbatim().plain(&command.command));
    if let Some(paste) = &command.paste_back {
        page.push(Line::at(2).dim("give back: ").plain(format!(
            "{paste} Save it and run rollout apply {file} --answer PASTED"
        )));
    }
    page.push(Line::at(2).dim("shown by: ").plain(&command.proof));
}
