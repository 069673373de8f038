//! What is known about a domain's MTA-STS.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Policy, StsRecord};
use crate::dns::Validated;

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
    /// The record, if there is one that could be read.
    #[must_use]
    pub const fn record(&self) -> Option<&StsRecord> {
        match self {
            Self::None { .. } => None,
            Self::Found { record, .. } => Some(record),
            Self::Invalid { record, .. } | Self::Unknown { record, .. } => record.as_ref(),
        }
    }

    /// The policy, if there is one.
    #[must_use]
    pub const fn policy(&self) -> Option<&Policy> {
        match self {
            Self::Found { policy, .. } => Some(policy),
            _ => None,
        }
    }
}
