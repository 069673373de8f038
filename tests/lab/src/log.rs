//! What reached the laboratory's APIs, so that a test can count effects.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One request that reached an API of the laboratory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When its answer was decided.
    pub at: Timestamp,
    /// Which service it reached.
    pub service: Service,
    /// The cmdlet, or method and resource: `Enable-SmtpDaneInbound`, `PATCH zone`, `GET domains`, `token`.
    pub operation: String,
    /// The domain or zone it was about, without a final dot.
    pub domain: Option<String>,
    /// Whether it changed something. A refused or failed change is no effect.
    pub effect: bool,
    /// How it ended: a status and a few words.
    pub outcome: String,
}

/// A service of the laboratory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Sign-in.
    Entra,
    /// Microsoft Graph.
    Graph,
    /// Exchange admin.
    Exchange,
    /// The DNS provider.
    PowerDns,
    /// The MTA-STS policy host.
    MtaSts,
    /// A parent zone changing a DS.
    Parent,
    /// A person editing behind everybody's back.
    Person,
}
