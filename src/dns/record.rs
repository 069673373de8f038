//! DNS records as plain, serializable values: what the rest of the program reads.
//!
//! Names are lower case, without the final dot; the root is the empty string.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::text::safe;

/// A domain name: lower case, no final dot, escapes as in a zone file. The root is `""`.
pub type Name = String;

/// Brings a name as people write it into the form used here.
#[must_use]
pub fn normal(name: &str) -> Name {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}

/// The name one label up; `None` at the root.
#[must_use]
pub fn parent_of(name: &str) -> Option<Name> {
    if name.is_empty() {
        return None;
    }
    Some(
        name.split_once('.')
            .map_or_else(String::new, |(_, rest)| rest.to_owned()),
    )
}

/// Whether `name` is `zone` or lies below it.
#[must_use]
pub fn is_within(name: &str, zone: &str) -> bool {
    zone.is_empty()
        || name == zone
        || name
            .strip_suffix(zone)
            .is_some_and(|left| left.ends_with('.'))
}

/// The record types this program asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the names are the types' own names")]
pub enum Kind {
    A,
    Aaaa,
    Mx,
    Ns,
    Cname,
    Dname,
    Soa,
    Txt,
    Ds,
    Dnskey,
    Cds,
    Cdnskey,
    Tlsa,
    Caa,
}

impl Kind {
    /// The mnemonic, as in a zone file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Mx => "MX",
            Self::Ns => "NS",
            Self::Cname => "CNAME",
            Self::Dname => "DNAME",
            Self::Soa => "SOA",
            Self::Txt => "TXT",
            Self::Ds => "DS",
            Self::Dnskey => "DNSKEY",
            Self::Cds => "CDS",
            Self::Cdnskey => "CDNSKEY",
            Self::Tlsa => "TLSA",
            Self::Caa => "CAA",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A delegation signer: DS (RFC 4034, 5) and CDS (RFC 7344, 3.1) alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ds {
    /// Key tag of the DNSKEY meant.
    pub key_tag: u16,
    /// DNSSEC algorithm number.
    pub algorithm: u8,
    /// Digest type number: 2 is SHA-256, 4 is SHA-384.
    pub digest_type: u8,
    /// The digest, lower-case hexadecimal.
    pub digest: String,
}

/// A zone's key (RFC 4034, 2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dnskey {
    /// 256 zone key, 257 with the secure entry point bit.
    pub flags: u16,
    /// DNSSEC algorithm number.
    pub algorithm: u8,
    /// Computed key tag.
    pub key_tag: u16,
    /// The key, lower-case hexadecimal.
    pub public_key: String,
}

/// A zone's start of authority, the fields that matter here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Soa {
    /// Owner: the apex of the containing zone.
    pub zone: Name,
    /// Serial number.
    pub serial: u32,
    /// TTL of the SOA record itself, seconds.
    pub ttl: u32,
    /// Last field, seconds.
    pub minimum: u32,
    /// Seconds after which a secondary that cannot transfer stops answering.
    pub expire: i32,
}

impl Soa {
    /// How long an absence may be cached, in seconds: the smaller of TTL and minimum (RFC 2308, 5).
    #[must_use]
    pub fn negative_ttl(&self) -> u32 {
        self.ttl.min(self.minimum)
    }
}

/// A TLSA record's content (RFC 6698, 2.1), with the raw numbers as published.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tlsa {
    /// Certificate usage.
    pub usage: u8,
    /// Selector.
    pub selector: u8,
    /// Matching type.
    pub matching: u8,
    /// Certificate association data, lower-case hexadecimal.
    pub data: String,
}

impl std::fmt::Display for Tlsa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {} {} {}",
            self.usage, self.selector, self.matching, self.data
        )
    }
}

/// A record's content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    missing_docs,
    reason = "the variants are the record types of their names"
)]
pub enum Data {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Mx {
        preference: u16,
        /// Empty for a null MX (RFC 7505).
        exchange: Name,
    },
    Ns(Name),
    Cname(Name),
    Dname(Name),
    Soa(Soa),
    /// The strings joined without blanks; bytes that are not UTF-8 are replaced.
    Txt(String),
    Ds(Ds),
    Dnskey(Dnskey),
    Cds(Ds),
    Tlsa(Tlsa),
    /// Anything else, in presentation form.
    Other(String),
}

impl std::fmt::Display for Data {
    /// As in a zone file, safe for a terminal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |name: &str| format!("{}.", safe(name.as_bytes()));
        match self {
            Self::A(ip) => write!(f, "{ip}"),
            Self::Aaaa(ip) => write!(f, "{ip}"),
            Self::Mx {
                preference,
                exchange,
            } => write!(f, "{preference} {}", name(exchange)),
            Self::Ns(to) | Self::Cname(to) | Self::Dname(to) => f.write_str(&name(to)),
            Self::Soa(soa) => write!(f, "serial {}", soa.serial),
            Self::Txt(text) => write!(f, "\"{}\"", safe(text.as_bytes())),
            Self::Ds(ds) | Self::Cds(ds) => write!(
                f,
                "{} {} {} {}",
                ds.key_tag, ds.algorithm, ds.digest_type, ds.digest
            ),
            Self::Dnskey(key) => write!(
                f,
                "{} 3 {} (key tag {})",
                key.flags, key.algorithm, key.key_tag
            ),
            Self::Tlsa(tlsa) => write!(f, "{tlsa}"),
            Self::Other(text) => f.write_str(&safe(text.as_bytes())),
        }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Record {
    /// Owner.
    pub name: Name,
    /// TTL in seconds, as served.
    pub ttl: u32,
    /// Content.
    pub data: Data,
}

/// The signatures over one record set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signatures {
    /// The latest inception among them.
    pub inception: Timestamp,
    /// The earliest expiry among them: when the set can turn bogus.
    pub expires: Timestamp,
    /// Key tags that signed.
    pub key_tags: Vec<u16>,
    /// The zone that signed.
    pub signer: Name,
}
