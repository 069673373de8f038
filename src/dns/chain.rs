//! The chain of trust as a table: from the root down, a link per zone, then the record sets themselves.

mod walk;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{Dnskey, Ds, Kind, Name, Signatures};
use super::view::{Status, Validated};

/// From the trust anchor to a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainOfTrust {
    /// The name.
    pub name: Name,
    /// The zones from the root to the one that holds the name.
    pub zones: Vec<ZoneLink>,
    /// The record sets at its end, aliases followed.
    pub sets: Vec<Validated>,
    /// Why the zones could not be found out, or not all.
    pub trouble: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// One zone of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneLink {
    /// Its name; the root is empty.
    pub zone: Name,
    /// Its servers' names, as the parent delegates them.
    pub servers: Vec<Name>,
    /// How it is entered from above.
    pub entry: Entry,
    /// Its keys, as one of its servers gave them.
    pub keys: Vec<ChainKey>,
    /// TTL of the DNSKEY set, seconds.
    pub keys_ttl: Option<u32>,
    /// The signatures over the DNSKEY set.
    pub keys_signatures: Option<Signatures>,
    /// The status of this link: with a chain broken further up, that of the link above.
    pub status: Status,
}

/// What leads into a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Entry {
    /// A trust anchor.
    Anchor {
        /// The tags of the keys of the zone that are configured as trust anchors.
        tags: Vec<u16>,
    },
    /// A DS set in the parent.
    Ds {
        /// Each DS and the key that it fits.
        set: Vec<ChainDs>,
        /// TTL of the DS set, seconds.
        ttl: Option<u32>,
        /// The signatures over the DS set, by the parent.
        signatures: Option<Signatures>,
    },
    /// No DS, and the parent proves it.
    NoDs {
        /// By which record, as a sentence.
        proof: String,
        /// How long the absence may be cached, seconds.
        ttl: Option<u32>,
    },
    /// Not known: see the status.
    Unknown,
}

/// One DS of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainDs {
    /// The DS.
    pub ds: Ds,
    /// Tag of the key that it fits; `None`: none.
    pub key: Option<u16>,
}

/// One key of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainKey {
    /// The key.
    pub key: Dnskey,
    /// What it does.
    pub role: Role,
    /// It validly signs the DNSKEY set.
    pub signs_keys: bool,
}

/// What a key is for, by its flags (RFC 4034, 2.1.1; RFC 5011, 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// With the secure-entry-point flag: signs the keys.
    Ksk,
    /// Without it: signs the zone.
    Zsk,
    /// Revoked.
    Revoked,
    /// No zone key at all.
    NotAZoneKey,
}

/// The types that matter at `name`: a TLSA name has TLSA; any other may have MX, A and AAAA.
#[must_use]
pub fn kinds_at(name: &str) -> &'static [Kind] {
    if name.starts_with('_') {
        &[Kind::Tlsa]
    } else {
        &[Kind::Mx, Kind::A, Kind::Aaaa]
    }
}
