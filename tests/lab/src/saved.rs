//! Keeping a laboratory in a folder, so that a later process continues the same one at the same places.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::certificates::Certificates;
use crate::error::LabError;
use crate::faults::Faults;
use crate::lab::Lab;
use crate::log::LogEntry;
use crate::options::{Options, Places};
use crate::places::{Layout, bind};
use crate::smtp::Mail;
use crate::state::{Credentials, State};
use crate::world::World;

const FILE: &str = "laboratory.json";
/// Raised when an older file can no longer be read.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    options: Options,
    layout: Layout,
    certificates: Certificates,
    credentials: Credentials,
    state: State,
    faults: Faults,
    log: Vec<LogEntry>,
    mails: Vec<Mail>,
}

impl Lab {
    /// Writes everything (zones, keys, tenant, places, certificates, log) to one owner-only file in this folder.
    ///
    /// Left out are caches and versions still on their way to a lagging server: a restarted laboratory has none.
    ///
    /// # Errors
    /// The folder or file could not be written.
    pub fn save(&self, folder: &Path) -> Result<(), LabError> {
        let saved = Saved {
            version: VERSION,
            options: self.world.options.clone(),
            layout: self.world.layout.clone(),
            certificates: self.world.certificates.clone(),
            credentials: self.world.credentials.clone(),
            state: self.world.state().clone(),
            faults: self.faults(),
            log: self.log(),
            mails: self.mails(),
        };
        let path = folder.join(FILE);
        write(folder, &path, &saved).map_err(|reason| failed(&path, reason))
    }

    /// Starts the laboratory that was saved in this folder, at its old addresses and ports.
    ///
    /// # Errors
    /// No such file, one of another version, or places that are taken.
    pub fn load(folder: &Path) -> Result<Self, LabError> {
        let path = folder.join(FILE);
        let text = fs::read(&path).map_err(|e| failed(&path, e.to_string()))?;
        let saved: Saved =
            serde_json::from_slice(&text).map_err(|e| failed(&path, e.to_string()))?;
        if saved.version != VERSION {
            let reason = format!("it has version {}, not {VERSION}", saved.version);
            return Err(failed(&path, reason));
        }
        let places = Places {
            network: Some(saved.layout.network),
            dns_port: Some(saved.layout.dns_port),
            smtp_port: Some(saved.layout.smtp_port),
            https_port: Some(saved.layout.https_port),
            api_ports: Some(saved.layout.api_ports),
        };
        let (layout, sockets) = bind(&places, saved.options.resolvers)?;
        let world = World::new(
            saved.options,
            layout,
            saved.certificates,
            saved.credentials,
            saved.state,
        )?;
        *world.faults() = saved.faults;
        *world.log() = saved.log;
        *world.mails() = saved.mails;
        Self::run(world, sockets)
    }
}

/// Written beside and renamed, so that a crash leaves the old file whole.
fn write(folder: &Path, path: &Path, saved: &Saved) -> Result<(), String> {
    let text = serde_json::to_vec_pretty(saved).map_err(|e| e.to_string())?;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| e.to_string())?;
    let beside: PathBuf = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .map_err(|e| e.to_string())?;
    // A file left over from before may have had other rights.
    file.set_permissions(fs::Permissions::from_mode(0o600))
        .and_then(|()| file.write_all(&text))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|e| e.to_string())
}

fn failed(path: &Path, reason: String) -> LabError {
    LabError::Saved {
        path: path.to_owned(),
        reason,
    }
}
