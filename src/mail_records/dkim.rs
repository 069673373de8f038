//! DKIM (RFC 6376): the two selectors that Microsoft 365 signs with, and the keys behind them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer as _, SubjectPublicKeyInfo};
use x509_parser::public_key::PublicKey;

use super::grammar::{TagFault, tag, tags};
use super::seen::Seen;
use crate::dns::Name;
use crate::dns::text::safe;

/// The selectors of Microsoft 365.
pub const SELECTORS: [&str; 2] = ["selector1", "selector2"];

/// One selector, and where it leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// The name asked for, as in `selector1._domainkey.contoso.com`.
    pub name: Name,
    /// Where its CNAME points.
    pub target: SelectorTarget,
    /// The key record at the end.
    pub key: Seen<DkimKey, DkimError>,
}

/// Where a selector's CNAME points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectorTarget {
    /// There is none.
    NoAlias,
    /// To Microsoft, in the form of older domains: below the tenant's `onmicrosoft.com`.
    Tenant(Name),
    /// To Microsoft, in the form of domains since 2025: below `dkim.mail.microsoft`.
    Partition(Name),
    /// To somebody else.
    Elsewhere(Name),
    /// Could not tell.
    CouldNotTell,
}

impl SelectorTarget {
    /// What the target of a selector's CNAME is.
    #[must_use]
    pub fn of(target: &str) -> Self {
        let target = crate::dns::normal(target);
        let below = |zone: &str| {
            target
                .strip_suffix(zone)
                .is_some_and(|head| head.len() > 1 && head.ends_with('.'))
        };
        let names_key = target.split('.').nth(1) == Some("_domainkey");
        if names_key && TENANT_ZONES.iter().any(|zone| below(zone)) {
            Self::Tenant(target)
        } else if names_key && below(PARTITION_ZONE) {
            Self::Partition(target)
        } else {
            Self::Elsewhere(target)
        }
    }
}

const TENANT_ZONES: [&str; 3] = ["onmicrosoft.com", "onmicrosoft.us", "onmicrosoft.cn"];
const PARTITION_ZONE: &str = "dkim.mail.microsoft";

/// A key record (RFC 6376, 3.6.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DkimKey {
    /// `rsa` or `ed25519` (RFC 8463); another word makes the key useless to verifiers that do not know it.
    pub kind: String,
    /// The public key, base64 without blanks. Empty: the key is revoked.
    pub key: String,
    /// Size of an RSA key, in bits; `None` where it cannot be read. Below 1024, verifiers refuse it (RFC 8301, 3.2).
    pub bits: Option<usize>,
    /// The domain says that it is only testing (`t=y`).
    pub testing: bool,
}

/// The record as one would publish it.
impl std::fmt::Display for DkimKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let testing = if self.testing { " t=y;" } else { "" };
        write!(f, "v=DKIM1; k={};{testing} p={}", self.kind, self.key)
    }
}

/// What is wrong with a key record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "error", content = "text")]
pub enum DkimError {
    /// More than one TXT record: what verifiers do then is open (RFC 6376, 3.6.2.2).
    #[error("there are {0} TXT records where one key should be; verifiers may take any: leave one")]
    Several(usize),
    /// Not a list of tags.
    #[error("the DKIM key record cannot be read: {0}")]
    Tags(TagFault),
    /// Another version, or the version is not first.
    #[error("the DKIM key record must begin with v=DKIM1, not {0:?}")]
    Version(String),
    /// No `p`.
    #[error("the DKIM key record has no key (tag p)")]
    NoKey,
    /// Not base64, or no key of its type.
    #[error("the key in the DKIM record (tag p) is no {0} key in base64")]
    Key(String),
    /// The key type is no word.
    #[error("{0:?} is no key type")]
    Kind(String),
}

/// Reads the key record. `None`: there is none.
///
/// # Errors
/// When there are several, or the one is malformed: signatures with this selector then fail.
pub fn parse(texts: &[&str]) -> Result<Option<DkimKey>, DkimError> {
    match texts {
        [] => Ok(None),
        [one] => key(one).map(Some),
        several => Err(DkimError::Several(several.len())),
    }
}

fn key(text: &str) -> Result<DkimKey, DkimError> {
    let tags = tags(text).map_err(DkimError::Tags)?;
    if let Some(version) = tag(&tags, "v") {
        // If it is there, it is the first.
        if tags.first().map(|(name, _)| *name) != Some("v") || version != "DKIM1" {
            return Err(DkimError::Version(safe(version.as_bytes())));
        }
    }
    let kind = tag(&tags, "k").unwrap_or("rsa");
    let is_word = kind.starts_with(|c: char| c.is_ascii_alphabetic())
        && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !is_word {
        return Err(DkimError::Kind(safe(kind.as_bytes())));
    }
    let key: String = tag(&tags, "p")
        .ok_or(DkimError::NoKey)?
        .split([' ', '\t', '\r', '\n'])
        .collect();
    let bits = if key.is_empty() {
        None
    } else {
        check(kind, &key)?
    };
    Ok(DkimKey {
        kind: kind.to_owned(),
        key,
        bits,
        testing: tag(&tags, "t")
            .unwrap_or_default()
            .split(':')
            .any(|flag| flag.trim() == "y"),
    })
}

/// Whether the bytes are a key of the type; the size of an RSA key.
fn check(kind: &str, key: &str) -> Result<Option<usize>, DkimError> {
    let bad = || DkimError::Key(kind.to_owned());
    let bytes = STANDARD.decode(key).map_err(|_| bad())?;
    match kind {
        "rsa" => {
            let Ok(([], info)) = SubjectPublicKeyInfo::from_der(&bytes) else {
                return Err(bad());
            };
            match info.parsed() {
                Ok(PublicKey::RSA(rsa)) => Ok(Some(rsa.key_size())),
                _ => Err(bad()),
            }
        }
        // The bare 32 bytes (RFC 8463, 3).
        "ed25519" if bytes.len() != 32 => Err(bad()),
        _ => Ok(None),
    }
}
