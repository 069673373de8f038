//! Why a server could not be started or told something.

use std::path::PathBuf;

/// What went wrong with a server, with what it said itself.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A program is not installed.
    #[error("{program} is not installed; run tests/install-servers.sh")]
    Missing {
        /// The program's name.
        program: String,
    },
    /// The server's folder or process could not be set up.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A helper program of the server refused.
    #[error("{command} failed ({status}): {output}")]
    Command {
        /// The command line.
        command: String,
        /// Its exit status.
        status: String,
        /// Both its outputs.
        output: String,
    },
    /// The server ended, or did not answer in time.
    #[error("{server} {what}; its log ({}):\n{log}", folder.display())]
    NotRunning {
        /// Which server.
        server: String,
        /// What it failed to do.
        what: String,
        /// Its folder, kept while the server's value lives.
        folder: PathBuf,
        /// The end of its log.
        log: String,
    },
    /// The machine or the caller does not fit, for example no rights for a namespace.
    #[error("{0}")]
    Unfit(String),
}

impl ServerError {
    /// For `map_err`: an input or output failure while doing `what`.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
