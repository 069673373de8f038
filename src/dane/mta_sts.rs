//! MTA-STS (RFC 8461): the TXT record, the policy behind it, and whether a pattern matches a host.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dns::{Name, Validated};

/// What is known about a domain's MTA-STS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum MtaStsView {
    /// There is no record: senders look for no policy (but may still hold one).
    None {
        /// The TXT lookup.
        lookup: Box<Validated>,
    },
    /// A record and a policy.
    Found {
        /// The record.
        record: StsRecord,
        /// The policy.
        policy: Policy,
        /// TTL of the TXT record, seconds.
        ttl: u32,
        /// When it was fetched.
        at: Timestamp,
    },
    /// The record, or the policy behind it, is there and wrong: senders ignore it, or go on with the one they hold.
    Invalid {
        /// The record, if it could be read.
        record: Option<StsRecord>,
        /// What is wrong, as a sentence.
        why: String,
        /// TTL of the TXT record, seconds.
        ttl: u32,
        /// When.
        at: Timestamp,
    },
    /// Could not tell.
    Unknown {
        /// The record, if it could be read.
        record: Option<StsRecord>,
        /// Why, as a sentence.
        why: String,
        /// When.
        at: Timestamp,
    },
}

impl MtaStsView {
    /// The policy, if there is one.
    #[must_use]
    pub const fn policy(&self) -> Option<&Policy> {
        match self {
            Self::Found { policy, .. } => Some(policy),
            _ => None,
        }
    }
}

/// The `_mta-sts` TXT record (RFC 8461, 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StsRecord {
    /// 1 to 32 letters and digits; a change makes senders fetch again.
    pub id: String,
    /// The TXT record as served.
    pub text: String,
}

/// A policy (RFC 8461, 3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What a sender does when the host does not fit.
    pub mode: Mode,
    /// Seconds that a sender may keep it.
    pub max_age: u32,
    /// Host patterns, lower case.
    pub patterns: Vec<Name>,
    /// The body as fetched.
    pub body: String,
}

impl Policy {
    /// Whether one of the patterns matches `host`.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        self.patterns.iter().any(|p| matches(p, host))
    }
}

/// A policy's mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Do not deliver where it does not fit.
    Enforce,
    /// Report only.
    Testing,
    /// No policy.
    None,
}

/// Whether an `mx` pattern covers a host (RFC 8461, 4.1): a leading `*.` stands for exactly one label.
#[must_use]
pub fn matches(pattern: &str, host: &str) -> bool {
    let pattern = crate::dns::normal(pattern);
    let host = crate::dns::normal(host);
    match pattern.strip_prefix("*.") {
        Some(rest) => host
            .split_once('.')
            .is_some_and(|(first, tail)| !first.is_empty() && tail == rest),
        None => !host.is_empty() && pattern == host,
    }
}
