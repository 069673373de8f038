//! Who may drive a run, and for how long.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::birth::Birth;
use super::ids::{Fence, RunId};

/// The lease of a run, as stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeaseState {
    /// Who holds it.
    pub owner: Owner,
    /// Until when, by the store's clock.
    pub until: Timestamp,
    /// Whether it was over when it was read: its time had passed, or its owner was [gone](Owner::is_gone).
    pub expired: bool,
}

/// A process that drives runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Tells this process from another with the same number, on another machine or after a restart.
    pub token: Uuid,
    /// The person or the service it runs as.
    pub user: String,
    /// The machine's name.
    pub host: String,
    /// The process number on that machine.
    pub pid: u32,
    /// What tells this process from every other on its machine, where the system says so.
    #[serde(default)]
    pub birth: Option<Box<Birth>>,
}

impl Owner {
    /// This process. A new token each time: keep the value for the life of the process.
    pub fn this_process() -> Self {
        let from = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
        };
        // std has no host name; Linux shows it as a file, other systems mostly in the environment.
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
            .ok()
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .or_else(|| from(&["HOSTNAME", "COMPUTERNAME"]));
        Self {
            token: Uuid::new_v4(),
            user: from(&["USER", "LOGNAME", "USERNAME"]).unwrap_or_else(|| "unknown".to_owned()),
            host: host.unwrap_or_else(|| "unknown".to_owned()),
            pid: std::process::id(),
            birth: Birth::of_this_process().map(Box::new),
        }
    }

    /// Whether this process provably runs no more, so that nobody has to wait for its lease to expire. False where
    /// that cannot be told: on another machine, in another container, on a system without `/proc`.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.birth
            .as_ref()
            .is_some_and(|birth| birth.is_over(self.pid))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}, process {}", self.user, self.host, self.pid)
    }
}

/// What to claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This run.
    Run(RunId),
    /// The unfinished run of this domain.
    Domain(String),
}

/// The right to drive one run, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run: RunId,
    /// Its domain.
    pub domain: String,
    /// Higher than every fence given out for this run before.
    pub fence: Fence,
    /// When it ends unless renewed, by the store's clock. To be shown; the store decides.
    pub until: Timestamp,
}
