//! What a look came to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dane::sender::{Delivery, Safety};
use crate::finding::Finding;
use crate::verify::DomainView;

/// The answer in one word, with the exit code of the same meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// Mail arrives and is protected, whoever sends. Exit 0.
    Safe,
    /// Right, but some cache may still hold what was before. Exit 4.
    NotYet {
        /// From when on it is safe.
        from: Timestamp,
    },
    /// Could not tell. Exit 3.
    CouldNotTell,
    /// A finding forbids it. Exit 1.
    Forbidden,
}

/// A look and its judgement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was seen.
    pub view: DomainView,
    /// The answer.
    pub verdict: Verdict,
    /// The answer in a sentence.
    pub headline: String,
    /// Why, gravest first.
    pub findings: Vec<Finding>,
    /// By kind of sender; all of them count.
    pub senders: Vec<Delivery>,
    /// Those that ask unsigned hosts for TLSA too, which is wrong and in the field: never counted for the verdict.
    pub sloppy: Delivery,
    /// What the senders that count say together.
    pub safety: Safety,
    /// By (host, address, key type).
    pub rows: Vec<Row>,
}

/// One address of one host with one type of server key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The host's name in the MX record.
    pub host: String,
    /// The address.
    pub address: std::net::IpAddr,
    /// The type of the server's key: `rsa`, `ecdsa`, or what else it was; `none` where no handshake came about.
    pub key: String,
    /// `authenticated`, `unusable`, `none`, `mismatch`, `lookup-error`, `no-starttls`, `tls-failed`, `unwilling`,
    /// `could-not-tell`.
    pub outcome: String,
    /// Why, in a sentence.
    pub why: String,
    /// SHA-256 of the public key: the data of `3 1 1`.
    pub spki_sha256: Option<String>,
    /// Such as `TLSv1.3`.
    pub tls: Option<String>,
    /// The name sent as SNI.
    pub sni: Option<String>,
    /// Whether ordinary validation for the host's name succeeds, as MTA-STS senders demand.
    pub web_pki: Option<bool>,
}
