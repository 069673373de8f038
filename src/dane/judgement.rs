//! The outcome of holding a server's certificate chain against its TLSA records.

use serde::{Deserialize, Serialize};

use crate::dns::Tlsa;

/// What a sender that follows RFC 7671 and RFC 7672 concludes for one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The conclusion.
    pub outcome: Outcome,
    /// For each record, in the order given: what came of it.
    pub records: Vec<RecordVerdict>,
}

/// The conclusion (RFC 7672, 2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// A record matches: the peer is who it should be.
    Authenticated {
        /// The record that matched, the first one in the order given.
        record: Tlsa,
        /// Position of the certificate it matched: 0 is the server's own. For a key that is only in the DNS it is
        /// the number of certificates sent.
        depth: usize,
    },
    /// There are records, but none that can be used: TLS is demanded, the peer is not checked.
    Unusable,
    /// There are no records: old-style opportunistic TLS.
    None,
    /// There are usable records and none matches: the sender treats the host as down.
    Mismatch,
}

/// What came of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordVerdict {
    /// The record.
    pub record: Tlsa,
    /// What came of it.
    pub result: RecordResult,
}

/// What came of one record, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum RecordResult {
    /// It matches the certificate at this depth.
    Matches {
        /// See [`Outcome::Authenticated`].
        depth: usize,
    },
    /// It is ignored (RFC 6698, 4.1; RFC 7672, 3.1.3).
    Unusable {
        /// Why, as a sentence.
        why: String,
    },
    /// It is usable, but a stronger digest for the same usage and selector stands beside it (RFC 7671, 9).
    Superseded {
        /// The matching type that counts instead.
        by: u8,
    },
    /// It is usable and does not authenticate this chain.
    Differs {
        /// Why, as a sentence.
        why: String,
    },
}
