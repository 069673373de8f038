//! What resolvers say.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer::{Failure, Source};
use crate::dns::record::{Kind, Name, Record};

/// What a recursive resolver said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VantageAnswer {
    /// The resolver's name in the settings.
    pub vantage: String,
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub kind: Kind,
    /// What it means.
    pub verdict: VantageVerdict,
    /// The records (of the final name, after aliases), sorted.
    pub records: Vec<Record>,
    /// The largest TTL left in the resolver's cache; for an absence what is left of that. Seconds.
    pub ttl: Option<u32>,
    /// Authentic data: the resolver says it validated. Evidence only, and without meaning on a failure.
    pub ad: bool,
    /// The response code's mnemonic; empty when no answer came.
    pub rcode: String,
    /// The extended errors (RFC 8914) that came with the answer, whatever it was; made safe for a terminal.
    #[serde(default)]
    pub explained: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub from: Source,
}

/// The meaning of a resolver's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VantageVerdict {
    /// Records came.
    Answer,
    /// The name exists, the type does not.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// It refuses, but answers the same question with checking disabled: it takes the data for bogus.
    Bogus {
        /// Extended error (RFC 8914), if one came along.
        explained: Option<String>,
    },
    /// Could not tell: the servers behind it, or the resolver itself, are dead.
    Failed(Failure),
}
