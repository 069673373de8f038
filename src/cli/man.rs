//! `rollout man`: manual pages.

use std::path::PathBuf;

use super::error::{self, CliError};
use super::{App, Exit};

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write the page of every command into this directory, instead of printing the first
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(super) fn run(app: &App, args: &Args, command: clap::Command) -> Result<Exit, CliError> {
    match &args.directory {
        Some(directory) => {
            std::fs::create_dir_all(directory)
                .and_then(|()| clap_mangen::generate_to(command, directory))
                .map_err(error::file("write manual pages into", directory))?;
        }
        None => {
            let mut out = Vec::new();
            clap_mangen::Man::new(command)
                .render(&mut out)
                .map_err(error::file("write the manual page to", "standard output"))?;
            app.console.document(&String::from_utf8_lossy(&out));
        }
    }
    Ok(Exit::Done)
}
