//! The embedded laboratory behind a domain file that names one.

use std::path::{Path, PathBuf};

use rollout_lab::Lab;

use super::CliError;
use crate::domain_file::DomainFile;

/// A laboratory that runs in this process for as long as this lives.
pub(super) struct Running {
    lab: Lab,
    folder: PathBuf,
    keep: bool,
}

impl Running {
    /// Starts the laboratory that the file names; `None` when it names none, or when another process (a
    /// demo that is still open, say) already runs it. With `keep`, what changes in it is kept.
    pub(super) fn of(file: &DomainFile, keep: bool) -> Result<Option<Self>, CliError> {
        let Some(place) = &file.laboratory else {
            return Ok(None);
        };
        let folder = place.path();
        match Lab::load(&folder) {
            Ok(lab) => Ok(Some(Self { lab, folder, keep })),
            Err(_) if answers(file) => Ok(None),
            Err(error) => Err(CliError::Usage(format!(
                "the laboratory in {} cannot be started: {error}; make a new one with `rollout demo`",
                folder.display()
            ))),
        }
    }

    /// One that was just started.
    pub(super) fn new(lab: Lab, folder: &Path) -> Self {
        Self {
            lab,
            folder: folder.to_owned(),
            keep: true,
        }
    }

    pub(super) fn lab(&self) -> &Lab {
        &self.lab
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.keep
            && let Err(error) = self.lab.save(&self.folder)
        {
            tracing::warn!(%error, "the laboratory could not be kept");
        }
    }
}

/// Whether somebody listens where the file's Exchange admin API should be.
fn answers(file: &DomainFile) -> bool {
    let Some(api) = file.microsoft.api() else {
        return false;
    };
    let Some(endpoint) = &api.endpoints.exchange else {
        return false;
    };
    let url = endpoint.url();
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return false;
    };
    std::net::TcpStream::connect((host, port)).is_ok()
}
