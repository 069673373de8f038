//! An answer, who gave it, and how far it can be trusted.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dns::record::{Kind, Name, Record, Signatures, Soa};

/// Who gave an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// The server's name, where it has one.
    pub server: Option<Name>,
    /// The address asked.
    pub address: SocketAddr,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.server {
            Some(name) => write!(f, "{name} ({})", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

/// The four states of RFC 4035, 4.3.
///
/// `Bogus` and `Indeterminate` together are what RFC 7672, 2.1.1 calls a lookup error: never an absence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Status {
    /// Signed, and the signatures lead to the trust anchor. Also a proven absence.
    Secure,
    /// The zone is proven to be unsigned, or signed by algorithms nobody can check.
    Insecure,
    /// Ought to be signed and is not validly so.
    Bogus {
        /// What is wrong, as a sentence.
        why: String,
    },
    /// Could not tell.
    Indeterminate {
        /// What failed, as a sentence.
        why: String,
    },
}

impl Status {
    /// Whether this is `Secure`.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        matches!(self, Self::Secure)
    }

    /// Whether this is `Insecure`.
    #[must_use]
    pub const fn is_insecure(&self) -> bool {
        matches!(self, Self::Insecure)
    }

    /// Whether this is a lookup error in the sense of RFC 7672, 2.1.1.
    #[must_use]
    pub const fn is_lookup_error(&self) -> bool {
        matches!(self, Self::Bogus { .. } | Self::Indeterminate { .. })
    }

    /// The reason, where there is one.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Bogus { why } | Self::Indeterminate { why } => Some(why),
            Self::Secure | Self::Insecure => None,
        }
    }

    /// The weaker of two links of a chain: one insecure link makes all after it insecure (RFC 7672, 2.1.3).
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        match (&self, &next) {
            (Self::Bogus { .. } | Self::Indeterminate { .. }, _) => self,
            (_, Self::Bogus { .. } | Self::Indeterminate { .. }) | (_, Self::Insecure) => next,
            _ => self,
        }
    }
}

/// What an answer contains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The record set asked for, sorted.
    Records(Vec<Record>),
    /// The name exists, the type does not.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// Nobody answered usably: not an absence.
    Unknown,
}

impl Answer {
    /// The records, or none.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        match self {
            Self::Records(records) => records,
            _ => &[],
        }
    }

    /// Whether the set is known not to exist (proven or insecure; see the status beside it).
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::NoData | Self::NxDomain)
    }
}

/// One link of a CNAME chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// Owner of the alias.
    pub from: Name,
    /// Where it points.
    pub to: Name,
    /// TTL in seconds.
    pub ttl: u32,
    /// This link's own status.
    pub status: Status,
}

/// An answer with this program's own verdict about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validated {
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub kind: Kind,
    /// The verdict over the whole chain.
    pub status: Status,
    /// The content at the end of the chain. With a status of `Bogus` it is what was served, for the report only.
    pub answer: Answer,
    /// Aliases followed, in order.
    pub aliases: Vec<Alias>,
    /// Largest TTL of the final record set, or how long its absence may be cached. Seconds.
    pub ttl: Option<u32>,
    /// The SOA that came with an absence.
    pub soa: Option<Soa>,
    /// The earliest time at which a signature over the answer expires.
    pub signatures: Option<Signatures>,
    /// When.
    pub at: Timestamp,
    /// From whom the final answer came.
    pub from: Option<Source>,
}

impl Validated {
    /// The name at the end of the chain.
    #[must_use]
    pub fn final_name(&self) -> &str {
        self.aliases
            .last()
            .map_or(self.name.as_str(), |alias| alias.to.as_str())
    }

    /// The records, or none.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        self.answer.records()
    }
}

/// Why a question got no usable answer. None of these says that a record does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Failure {
    /// An error code such as SERVFAIL, REFUSED, NOTIMP.
    #[error("answered {code}{}", .explained.as_deref().map(|e| format!(" ({e})")).unwrap_or_default())]
    Rcode {
        /// The mnemonic, upper case.
        code: String,
        /// Extended error (RFC 8914), if one came along; made safe for a terminal.
        explained: Option<String>,
    },
    /// No answer in time.
    #[error("did not answer in time")]
    Timeout,
    /// Nothing listens there.
    #[error("refused the connection")]
    ConnectionRefused,
    /// This machine has no path to the address, for instance no IPv6. Not the server's fault.
    #[error("cannot be reached from this machine ({detail})")]
    NoRoute {
        /// The operating system's words.
        detail: String,
    },
    /// The server answered, but points elsewhere instead of answering: it does not serve the zone.
    #[error("does not serve the zone (it answered with a referral or without authority)")]
    Lame,
    /// The answer could not be read.
    #[error("answered with something that cannot be read ({detail})")]
    Malformed {
        /// What.
        detail: String,
    },
    /// There is nobody to ask.
    #[error("no name server with a known address ({detail})")]
    NoServer {
        /// Which zone, and why.
        detail: String,
    },
}
