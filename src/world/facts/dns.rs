//! What name servers and resolvers were seen to serve.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Answer;
use crate::kernel::{Host, KeyId, MxSet, ZoneKeys};
use crate::world::MxRrset;

/// One address of one authoritative server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerFacts {
    /// The server, as name and address.
    pub server: Arc<str>,
    /// The domain's MX RRset as it serves it.
    pub mx: Answer<MxSet>,
    /// Whether its answers are signed, and by which keys.
    pub keys: Answer<ZoneKeys>,
    /// SOA serial, for people.
    pub serial: Option<u32>,
    /// When the first signature over the MX RRset expires.
    pub signed_until: Option<Timestamp>,
}

/// A DNS host, as far as the names of its servers tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsHost {
    /// Its name for people, as the provider's facts have it.
    pub host: String,
    /// The name servers that look like its own.
    pub servers: Vec<String>,
}

/// The zone the domain's MX lives in, as every authoritative address serves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZoneFacts {
    /// The zone's name.
    pub apex: Host,
    /// One entry for each address.
    pub servers: Vec<ServerFacts>,
    /// How long a denial may be cached, in seconds (RFC 2308 section 5).
    pub negative_ttl: u32,
    /// The largest TTL seen in the zone, in seconds; a lower limit unless the provider can list it.
    pub largest_ttl: u32,
    /// Name servers that parent and child do not agree on, in words.
    pub delegation_differs: Vec<String>,
    /// Servers whose addresses this machine has no path to (mostly IPv6): not asked, nothing is known of them.
    #[serde(default)]
    pub out_of_reach: Vec<String>,
    /// The known hosts that the parent's delegation is split between; empty where it is not.
    #[serde(default)]
    pub split_between: Vec<DnsHost>,
    /// Whether the zone asks the parent for a DS by CDS (RFC 7344).
    pub publishes_cds: bool,
}

impl ZoneFacts {
    /// Whether every address answered for its MX RRset.
    #[must_use]
    pub fn complete(&self) -> bool {
        !self.servers.is_empty() && self.servers.iter().all(|s| s.mx.got().is_some())
    }

    /// The MX RRset if every address serves the same, with the largest TTL.
    #[must_use]
    pub fn agreed_mx(&self) -> Option<MxRrset> {
        let mut answers = self.servers.iter().map(|s| s.mx.got());
        let (set, mut ttl) = answers.next()??;
        for answer in answers {
            let (other, other_ttl) = answer?;
            if other != set {
                return None;
            }
            ttl = ttl.max(other_ttl);
        }
        Some(MxRrset {
            set: set.clone(),
            ttl,
        })
    }

    /// The signing keys if every address serves the same.
    #[must_use]
    pub fn agreed_keys(&self) -> Option<&ZoneKeys> {
        let mut answers = self.servers.iter().map(|s| s.keys.got().map(|(k, _)| k));
        let first = answers.next()??;
        answers.all(|other| other == Some(first)).then_some(first)
    }
}

/// One address of one of the parent's servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentServer {
    /// The server, as name and address.
    pub server: Arc<str>,
    /// The DS RRset; empty when it proved that there is none.
    pub ds: Answer<BTreeSet<KeyId>>,
}

/// The delegation as the parent serves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentFacts {
    /// How long the registry wants to see an announcement (CDS or CDNSKEY) unchanged before it publishes the DS by itself, in
    /// seconds; `None` where it is not known to look for one (RFC 8078, section 3).
    #[serde(default)]
    pub scans_after: Option<u64>,
    /// The parent zone's name.
    pub zone: Host,
    /// One entry for each address.
    pub servers: Vec<ParentServer>,
    /// How long the absence of a DS may be cached, in seconds.
    pub negative_ttl: u32,
}

impl ParentFacts {
    /// The DS RRset if every address serves the same.
    #[must_use]
    pub fn agreed_ds(&self) -> Option<&BTreeSet<KeyId>> {
        let mut answers = self.servers.iter().map(|s| s.ds.got().map(|(ds, _)| ds));
        let first = answers.next()??;
        answers.all(|other| other == Some(first)).then_some(first)
    }
}

/// A verdict of our own validator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "chain", rename_all = "kebab-case")]
pub enum Chain {
    /// Validated up to the trust anchor.
    Secure,
    /// Proven to be unsigned.
    Insecure,
    /// Signatures or DS do not fit.
    Bogus {
        /// What does not.
        why: String,
    },
}

/// What a resolver out there says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VantageFacts {
    /// Its name and address.
    pub vantage: Arc<str>,
    /// The domain's MX RRset with the TTL left in its cache.
    pub mx: Answer<MxSet>,
    /// Whether it says that it validated the answer.
    pub authentic: bool,
    /// When it answered: what was left in its cache then says nothing of later.
    pub at: Timestamp,
}
