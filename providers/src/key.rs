//! Keys and their digests: what a parent zone needs to trust a signed zone.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{Name, text};

/// Why something is no key, no digest, or not the digest of that key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not four fields of DS text.
    #[error(
        "{0:?} is no DS: write key tag, algorithm, digest type and digest, like `60485 13 2 3A5C...`"
    )]
    Ds(String),
    /// Not four fields of DNSKEY text.
    #[error(
        "{0:?} is no DNSKEY: write flags, protocol, algorithm and key, like `257 3 13 mdsswUyr...`"
    )]
    Dnskey(String),
    /// A digest of a length that its type does not have.
    #[error("the DS {0} has a digest of the wrong length for its type: a character was lost")]
    Length(Ds),
    /// A reported digest that is not the digest of the reported key.
    #[error(
        "the DS {ds} does not belong to the DNSKEY with tag {key_tag} at {zone}: publishing it would break the zone"
    )]
    Mismatch {
        /// The zone.
        zone: Name,
        /// The digest that does not fit.
        ds: Ds,
        /// The key it was reported with.
        key_tag: u16,
    },
    /// A key that no DS may point to (RFC 4034, section 2.1.1; RFC 5011, section 2.1).
    #[error(
        "the DNSKEY with tag {key_tag} at {zone} is revoked or no zone key: no DS may point to it"
    )]
    NotUsable {
        /// The zone.
        zone: Name,
        /// The tag of the key.
        key_tag: u16,
    },
    /// Nothing a parent could use.
    #[error("no digest that a parent could publish is known for {0}")]
    Nothing(Name),
}

/// The digest types worth publishing (RFC 8624, section 3.3). SHA-1 is read, never made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DigestType {
    /// Type 2.
    Sha256,
    /// Type 4.
    Sha384,
}

impl DigestType {
    /// The number in a DS record.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Sha256 => 2,
            Self::Sha384 => 4,
        }
    }

    /// From the number in a DS record; `None` for the others.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            2 => Some(Self::Sha256),
            4 => Some(Self::Sha384),
            _ => None,
        }
    }
}

/// A delegation signer record (RFC 4034, section 5): the digest of a key, kept by the parent zone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ds {
    /// Tag of the key.
    pub key_tag: u16,
    /// Algorithm of the key.
    pub algorithm: u8,
    /// Type of the digest.
    pub digest_type: u8,
    /// The digest.
    pub digest: Vec<u8>,
}

impl Ds {
    /// The whole zone file line, as most registrars take it.
    #[must_use]
    pub fn line(&self, zone: &Name) -> String {
        format!("{} IN DS {self}", zone.fqdn())
    }

    /// The parts by the names that registrar forms give them.
    #[must_use]
    pub fn parts(&self) -> [(&'static str, String); 4] {
        [
            ("Key tag", self.key_tag.to_string()),
            (
                "Algorithm",
                format!("{} ({})", self.algorithm, algorithm_name(self.algorithm)),
            ),
            (
                "Digest type",
                format!("{} ({})", self.digest_type, digest_name(self.digest_type)),
            ),
            ("Digest", text::hex(&self.digest)),
        ]
    }

    /// Whether it is the digest of that key of that zone. `None` when the digest type is not one we compute.
    #[must_use]
    pub fn covers(&self, zone: &Name, key: &Dnskey) -> Option<bool> {
        let digest_type = DigestType::from_number(self.digest_type)?;
        Some(key.ds(zone, digest_type) == *self)
    }

    /// Whether the digest has the length of its type; unknown types pass.
    #[must_use]
    pub fn has_right_length(&self) -> bool {
        match self.digest_type {
            1 => self.digest.len() == 20,
            2 | 3 => self.digest.len() == 32,
            4 => self.digest.len() == 48,
            _ => true,
        }
    }
}

impl fmt::Display for Ds {
    /// `60485 13 2 3A5C...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key_tag,
            algorithm,
            digest_type,
            digest,
        } = self;
        write!(
            f,
            "{key_tag} {algorithm} {digest_type} {}",
            text::hex(digest)
        )
    }
}

impl fmt::Debug for Ds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DS {self}")
    }
}

impl FromStr for Ds {
    type Err = KeyError;

    /// Reads the four fields; an owner, TTL, class and type before them are passed over.
    fn from_str(line: &str) -> Result<Self, KeyError> {
        let wrong = || KeyError::Ds(text::harmless(line, 200));
        let ([key_tag, algorithm, digest_type], digest) = fields(line, "DS").ok_or_else(wrong)?;
        let ds = Self {
            key_tag: key_tag.parse().map_err(|_| wrong())?,
            algorithm: algorithm.parse().map_err(|_| wrong())?,
            digest_type: digest_type.parse().map_err(|_| wrong())?,
            digest: text::unhex(&digest).ok_or_else(wrong)?,
        };
        if !ds.has_right_length() {
            return Err(KeyError::Length(ds));
        }
        Ok(ds)
    }
}

/// A zone's public key (RFC 4034, section 2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dnskey {
    /// 256 signs the zone; 257 is a secure entry point besides.
    pub flags: u16,
    /// Always 3.
    pub protocol: u8,
    /// Number of the algorithm.
    pub algorithm: u8,
    /// The key itself.
    pub public_key: Vec<u8>,
}

impl Dnskey {
    const ZONE: u16 = 0x0100;
    const REVOKED: u16 = 0x0080;
    const ENTRY: u16 = 0x0001;

    /// Whether it is meant as secure entry point (a key-signing key).
    #[must_use]
    pub const fn is_entry_point(&self) -> bool {
        self.flags & Self::ENTRY != 0
    }

    /// Whether a DS may point to it: a zone key, not revoked, protocol 3.
    #[must_use]
    pub const fn is_usable(&self) -> bool {
        self.flags & Self::ZONE != 0 && self.flags & Self::REVOKED == 0 && self.protocol == 3
    }

    /// The record data on the wire (RFC 4034, section 2.1).
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        let mut wire = self.flags.to_be_bytes().to_vec();
        wire.extend([self.protocol, self.algorithm]);
        wire.extend_from_slice(&self.public_key);
        wire
    }

    /// The key tag (RFC 4034, appendix B).
    #[must_use]
    pub fn key_tag(&self) -> u16 {
        if self.algorithm == 1 {
            // RSA/MD5 has a formula of its own (appendix B.1).
            return match self.public_key.as_slice() {
                [.., high, low, _] => u16::from_be_bytes([*high, *low]),
                _ => 0,
            };
        }
        let sum: u64 = self
            .to_wire()
            .chunks(2)
            .map(|pair| u64::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u64::from))
            .sum();
        // The carries of a 32 bit sum, folded once, cut to 16 bits: as the appendix says.
        ((sum + (sum >> 16 & 0xFFFF)) & 0xFFFF) as u16
    }

    /// Its digest for the parent (RFC 4034, section 5.1.4; RFC 4509; RFC 6605).
    #[must_use]
    pub fn ds(&self, zone: &Name, digest_type: DigestType) -> Ds {
        let algorithm = match digest_type {
            DigestType::Sha256 => &digest::SHA256,
            DigestType::Sha384 => &digest::SHA384,
        };
        let mut input = zone.to_wire();
        input.extend(self.to_wire());
        Ds {
            key_tag: self.key_tag(),
            algorithm: self.algorithm,
            digest_type: digest_type.number(),
            digest: digest::digest(algorithm, &input).as_ref().to_vec(),
        }
    }

    /// The whole zone file line, for registrars that take the key and make the digest themselves.
    #[must_use]
    pub fn line(&self, zone: &Name) -> String {
        format!("{} IN DNSKEY {self}", zone.fqdn())
    }

    /// The parts by the names that registrar forms give them.
    #[must_use]
    pub fn parts(&self) -> [(&'static str, String); 4] {
        [
            ("Flags", self.flags.to_string()),
            ("Protocol", self.protocol.to_string()),
            (
                "Algorithm",
                format!("{} ({})", self.algorithm, algorithm_name(self.algorithm)),
            ),
            ("Public key", STANDARD.encode(&self.public_key)),
        ]
    }
}

impl fmt::Display for Dnskey {
    /// `257 3 13 mdsswUyr...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            flags,
            protocol,
            algorithm,
            public_key,
        } = self;
        write!(
            f,
            "{flags} {protocol} {algorithm} {}",
            STANDARD.encode(public_key)
        )
    }
}

impl fmt::Debug for Dnskey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DNSKEY {self}")
    }
}

impl FromStr for Dnskey {
    type Err = KeyError;

    /// Reads the four fields; an owner, TTL, class and type before them are passed over.
    fn from_str(line: &str) -> Result<Self, KeyError> {
        let wrong = || KeyError::Dnskey(text::harmless(line, 600));
        let ([flags, protocol, algorithm], key) = fields(line, "DNSKEY").ok_or_else(wrong)?;
        Ok(Self {
            flags: flags.parse().map_err(|_| wrong())?,
            protocol: protocol.parse().map_err(|_| wrong())?,
            algorithm: algorithm.parse().map_err(|_| wrong())?,
            public_key: STANDARD
                .decode(key)
                .ok()
                .filter(|key| !key.is_empty())
                .ok_or_else(wrong)?,
        })
    }
}

/// Three words and the rest joined; everything up to the word `rtype` is passed over.
fn fields<'a>(line: &'a str, rtype: &str) -> Option<([&'a str; 3], String)> {
    let words: Vec<&str> = line
        .split_whitespace()
        .filter(|word| !matches!(*word, "(" | ")"))
        .collect();
    let start = words
        .iter()
        .position(|word| word.eq_ignore_ascii_case(rtype))
        .map_or(0, |at| at + 1);
    match words.get(start..)? {
        [a, b, c, rest @ ..] if !rest.is_empty() => Some(([*a, *b, *c], rest.concat())),
        _ => None,
    }
}

const fn algorithm_name(number: u8) -> &'static str {
    match number {
        5 | 7 => "RSA/SHA-1",
        8 => "RSA/SHA-256",
        10 => "RSA/SHA-512",
        13 => "ECDSA P-256 with SHA-256",
        14 => "ECDSA P-384 with SHA-384",
        15 => "Ed25519",
        16 => "Ed448",
        _ => "other",
    }
}

const fn digest_name(number: u8) -> &'static str {
    match number {
        1 => "SHA-1",
        2 => "SHA-256",
        4 => "SHA-384",
        _ => "other",
    }
}

macro_rules! text_form {
    ($($type:ty),+) => {$(
        impl TryFrom<String> for $type {
            type Error = KeyError;

            fn try_from(text: String) -> Result<Self, KeyError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    )+};
}

text_form!(Ds, Dnskey);

#[cfg(test)]
mod tests;
