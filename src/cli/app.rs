//! What every command is given.

use std::path::PathBuf;

use super::CliError;
use crate::engine::store::{
    Owner, ReadOnlyStore, SqliteStore, StoreOptions, default_path, path_in, stop_file, stopped,
};
use crate::output::Console;
use crate::redact::Redactor;
use crate::world::live::Tenants;

/// The console, the secrets to keep out of it, and where the state is.
#[derive(Clone, Debug)]
pub struct App {
    /// Where people and programs read.
    pub console: Console,
    /// Every secret of this process.
    pub redactor: Redactor,
    /// What is asked once for all domains of a tenant.
    pub tenants: Tenants,
    /// `--state`.
    pub state: Option<PathBuf>,
}

impl App {
    /// The state file.
    ///
    /// # Errors
    /// When no place for it is known.
    pub fn state_file(&self) -> Result<PathBuf, CliError> {
        match &self.state {
            Some(directory) => Ok(path_in(directory)),
            None => Ok(default_path()?),
        }
    }

    /// Why no run makes a change now: there is a stop file.
    ///
    /// # Errors
    /// When no place for the state is known.
    pub fn stopped(&self) -> Result<Option<String>, CliError> {
        Ok(stopped(&stop_file(&self.state_file()?)))
    }

    /// The state, to be read only.
    ///
    /// # Errors
    /// When no place for it is known; everything else comes with the first question.
    pub fn reader(&self) -> Result<ReadOnlyStore, CliError> {
        Ok(ReadOnlyStore::new(self.state_file()?))
    }

    /// The state, to be written.
    ///
    /// # Errors
    /// When it cannot be written, or belongs to a newer version.
    pub async fn store(&self) -> Result<SqliteStore, CliError> {
        let options = StoreOptions {
            redactor: self.redactor.clone(),
            ..StoreOptions::default()
        };
        Ok(SqliteStore::open(self.state_file()?, options).await?)
    }

    /// Who works here, as far as the system tells.
    pub fn who() -> String {
        Owner::this_process().user
    }
}
