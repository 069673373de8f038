//! The mail hosts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::places::MailRole;

/// A mail that a host of the laboratory took over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// When.
    pub at: Timestamp,
    /// By which kind of host.
    pub host: MailRole,
    /// Over TLS.
    pub tls: bool,
    /// Its recipients.
    pub recipients: Vec<String>,
}
