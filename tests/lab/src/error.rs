//! What can keep a laboratory from starting, saving or being changed.

use std::path::PathBuf;

/// Why the laboratory could not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// No set of free ports was found on the loopback addresses.
    #[error(
        "no free loopback address and port for {service} was found: {source}; close other laboratories or name other ports"
    )]
    Bind {
        /// What was to listen there.
        service: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The background threads could not be started.
    #[error("the laboratory's threads could not be started: {0}")]
    Runtime(std::io::Error),
    /// A record's text is not a valid record.
    #[error("record {name} {rtype} \"{content}\" is not valid: {reason}")]
    Record {
        /// Owner name.
        name: String,
        /// Type mnemonic.
        rtype: String,
        /// The text that was refused.
        content: String,
        /// Why.
        reason: String,
    },
    /// A name is no domain name.
    #[error("\"{0}\" is not a domain name")]
    Name(String),
    /// A zone or domain that the laboratory does not hold.
    #[error("the laboratory holds no zone for \"{0}\"")]
    UnknownZone(String),
    /// Keys or signatures could not be made.
    #[error("zone {zone} could not be signed: {reason}")]
    Signing {
        /// The zone.
        zone: String,
        /// Why.
        reason: String,
    },
    /// Certificates could not be made or read.
    #[error("the laboratory's certificates could not be made or read: {0}")]
    Certificate(String),
    /// A saved laboratory could not be written or read.
    #[error("the saved laboratory at {path} could not be used: {reason}", path = path.display())]
    Saved {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}
