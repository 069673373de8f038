//! How mail hosts were seen to behave, and the MTA-STS policy over them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Chain;
use crate::kernel::Policy;

/// What an SMTP probe of one address found (RFC 3207, RFC 7672).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "smtp", rename_all = "kebab-case")]
pub enum SmtpOutcome {
    /// STARTTLS worked and the recipient was accepted.
    Accepted {
        /// Whether the certificate chain is valid for MTA-STS senders.
        web_pki: bool,
    },
    /// It answered and refused the recipient for good.
    Rejected {
        /// Its reply.
        reply: String,
    },
    /// It asked to come back later (4xx).
    Deferred {
        /// Its reply.
        reply: String,
    },
    /// STARTTLS is not offered or failed.
    NoTls {
        /// How.
        why: String,
    },
    /// Nothing listens there: the connection was refused.
    Closed,
    /// No answer: blocked here or dead there, it could not be told which.
    Unreached {
        /// How.
        why: String,
    },
}

/// One address of a mail host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressFacts {
    /// The address.
    pub address: String,
    /// What the probe found.
    pub smtp: SmtpOutcome,
    /// Whether its certificate fits the host's TLSA set, if there is one and the handshake worked.
    pub tlsa_matches: Option<bool>,
}

/// The TLSA records of a host, by the rule of RFC 7672 section 2.2.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tlsa", rename_all = "kebab-case")]
pub enum TlsaFacts {
    /// Not asked: the host's addresses are insecure, so a sender does not ask either.
    NotAsked,
    /// Proven absent.
    Absent {
        /// How long that may be cached, in seconds.
        negative_ttl: u32,
    },
    /// A secure set.
    Records {
        /// The records in presentation form.
        records: Vec<String>,
        /// Fingerprint of the set.
        digest: String,
        /// TTL in seconds.
        ttl: u32,
        /// How long their absence may have been cached before, in seconds.
        negative_ttl: u32,
    },
    /// The lookup failed: senders treat the host as down, never as unprotected.
    Failed {
        /// How.
        why: String,
    },
}

/// A mail host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Whether its name exists.
    pub exists: bool,
    /// Whether its addresses validate.
    pub chain: Chain,
    /// Each address; the outcome is of the last probe.
    pub addresses: Vec<AddressFacts>,
    /// Its TLSA records.
    pub tlsa: TlsaFacts,
    /// When it was probed last; `None` when only DNS was asked.
    pub probed_at: Option<Timestamp>,
}

/// How an MTA-STS policy binds (RFC 8461 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyMode {
    /// No policy, or `none`.
    None,
    /// Reported, not enforced.
    Testing,
    /// Enforced.
    Enforce,
}

impl PolicyMode {
    /// What a policy of this mode with these patterns means to a sender.
    #[must_use]
    pub fn policy(self, patterns: &BTreeSet<String>) -> Policy {
        match self {
            Self::Enforce => Policy::Enforced(patterns.clone()),
            Self::None | Self::Testing => Policy::NotEnforced,
        }
    }
}

/// The MTA-STS policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFacts {
    /// How it binds.
    pub mode: PolicyMode,
    /// Its `mx` patterns.
    pub patterns: BTreeSet<String>,
    /// How long senders may keep it, in seconds.
    pub max_age: u32,
    /// TTL of the `_mta-sts` TXT record, in seconds.
    pub record_ttl: u32,
    /// The policy's id.
    pub id: Option<String>,
    /// The policy as it was served, byte for byte; empty where there is none.
    #[serde(default)]
    pub body: String,
    /// Authoritative addresses that serve another id, or did not tell, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lagging: Vec<String>,
}
