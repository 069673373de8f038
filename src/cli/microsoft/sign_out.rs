//! `rollout microsoft sign-out`: forgets a person's sign-in.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::{App, CliError, Exit, error};
use crate::domain_file;
use crate::output::{Line, Page};
use crate::world::live::token_file;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The domain file
    file: PathBuf,
}

/// # Errors
/// A domain file that cannot be used, or a cache that cannot be taken away.
pub fn run(app: &App, args: &Args) -> Result<Exit, CliError> {
    let loaded = domain_file::load(&args.file).map_err(Box::new)?;
    let state = app.state_file()?;
    let state = state.parent().unwrap_or_else(|| std::path::Path::new(""));
    let kept = match loaded.file.microsoft.api() {
        Some(api) => token_file(api, state)?,
        None => None,
    };
    let forgotten = match &kept {
        Some(kept) => kept
            .forget()
            .map_err(error::file("take away the token cache", kept.path()))?,
        None => false,
    };
    let mut page = Page::new();
    page.push(Line::at(0).plain(match (&kept, forgotten) {
        (None, _) => "The sign-in method of this file keeps nothing.".to_owned(),
        (Some(_), false) => "No sign-in was kept.".to_owned(),
        (Some(kept), true) => format!("Forgotten: {} is gone.", kept.path().display()),
    }));
    if forgotten {
        page.push(Line::at(0).plain(
            "At Microsoft the sign-in ends by itself, or at once with \"Revoke sessions\" on the user's page in the Entra admin \
             center, or \"Sign out everywhere\" at https://mysignins.microsoft.com.",
        ));
    }
    app.console.result(page);
    app.console.object(&json!({
        "type": "sign-out", "forgotten": forgotten,
        "path": kept.as_ref().map(|kept| kept.path().display().to_string()),
    }));
    Ok(Exit::Done)
}
