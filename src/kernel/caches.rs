//! What may be in caches, and the actors outside the DNS that the cached records lead to.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::History;

/// A host name: lower case, without the final dot. A copy shares the text: each look copies many.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Host(Arc<str>);

// By hand, because most names that are compared are copies of one another.
impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Host {}

impl PartialOrd for Host {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Host {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            Ordering::Equal
        } else {
            self.0.cmp(&other.0)
        }
    }
}

impl Hash for Host {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Host {
    /// Normalises a name to lower case without the final dot.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.trim_end_matches('.').to_ascii_lowercase().into())
    }

    /// The name, without the final dot; empty for the root (a null MX).
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this name equals `zone` or lies below it.
    #[must_use]
    pub fn is_within(&self, zone: &str) -> bool {
        *self.0 == *zone
            || self
                .0
                .strip_suffix(zone)
                .is_some_and(|rest| rest.ends_with('.'))
    }
}

impl From<String> for Host {
    fn from(name: String) -> Self {
        Self::new(&name)
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.as_str().to_owned()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "." } else { &self.0 })
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One MX record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mx {
    /// Lower is tried first (RFC 5321 section 5.1).
    pub preference: u16,
    /// The mail exchanger.
    pub host: Host,
}

/// An MX RRset without its TTL; empty when the name has none. A copy shares the records.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MxSet(Arc<BTreeSet<Mx>>);

impl MxSet {
    /// Collects records; equal ones are one.
    pub fn new<'a>(records: impl IntoIterator<Item = (u16, &'a str)>) -> Self {
        records
            .into_iter()
            .map(|(preference, host)| Mx {
                preference,
                host: Host::new(host),
            })
            .collect()
    }

    /// The records, most preferred first.
    pub fn iter(&self) -> impl Iterator<Item = &Mx> {
        self.0.iter()
    }

    /// The hosts, most preferred first.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.0.iter().map(|mx| &mx.host)
    }

    /// Whether there is no MX record at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether this is `0 .`: the domain takes no mail (RFC 7505).
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.hosts().any(|host| host.as_str().is_empty())
    }

    /// The preference of a host, if listed.
    #[must_use]
    pub fn preference_of(&self, host: &Host) -> Option<u16> {
        self.0
            .iter()
            .find(|mx| mx.host == *host)
            .map(|mx| mx.preference)
    }
}

impl FromIterator<Mx> for MxSet {
    fn from_iter<I: IntoIterator<Item = Mx>>(records: I) -> Self {
        Self(Arc::new(records.into_iter().collect()))
    }
}

impl fmt::Display for MxSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no MX");
        }
        for (index, mx) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{} {}", mx.preference, mx.host)?;
        }
        Ok(())
    }
}

/// Names a key so that a DS and a DNSKEY can be matched: key tag, algorithm and SHA-256 digest as text. A copy shares it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// The key of this text.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether answers of the zone are signed, and by which keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZoneKeys {
    /// Without signatures.
    Unsigned,
    /// Signed by keys of which these are the entry points.
    Signed(BTreeSet<KeyId>),
}

/// What the parent says of the zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delegation {
    /// No DS: validators take the zone as insecure.
    Insecure,
    /// A DS RRset naming these keys.
    Secure(BTreeSet<KeyId>),
}

/// The TLSA records of one MX host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsaSet {
    /// Proven absent, or not asked because the host is insecure.
    Absent,
    /// A secure, usable set, told from another by this fingerprint.
    Records(String),
}

/// An MTA-STS policy as far as it decides about delivery (RFC 8461 section 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// None, or `testing` or `none`: delivery does not depend on it.
    NotEnforced,
    /// `enforce` with these `mx` patterns.
    Enforced(BTreeSet<String>),
}

impl Policy {
    /// Whether a sender bound by this policy may deliver to `host`.
    #[must_use]
    pub fn admits(&self, host: &Host) -> bool {
        match self {
            Self::NotEnforced => true,
            Self::Enforced(patterns) => patterns.iter().any(|p| pattern_matches(p, host)),
        }
    }
}

/// Whether a pattern of a policy admits a host: a wildcard stands for exactly one label, the left-most (RFC 8461 section 4.1).
#[must_use]
pub fn pattern_matches(pattern: &str, host: &Host) -> bool {
    let pattern = pattern.trim_end_matches('.').to_ascii_lowercase();
    match pattern.strip_prefix("*.") {
        Some(rest) => host
            .as_str()
            .split_once('.')
            .is_some_and(|(label, parent)| !label.is_empty() && parent == rest),
        None => host.as_str() == pattern,
    }
}

/// Every record set that decides about the domain's mail, with the versions caches may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caches {
    /// The domain's MX RRset.
    pub mx: History<MxSet>,
    /// Signatures of the domain's zone; its TTL is the largest of the zone, or the negative one if larger.
    pub keys: History<ZoneKeys>,
    /// The DS RRset at the parent, or its absence (with the parent's negative TTL).
    pub delegation: History<Delegation>,
    /// TLSA of each MX host.
    pub tlsa: BTreeMap<Host, History<TlsaSet>>,
    /// MTA-STS policies senders may hold.
    pub policy: History<Policy>,
}

/// Whether a host takes the domain's mail now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accepts {
    /// Proven by a probe, or vouched for where probing is advisory.
    Yes,
    /// It answers and refuses for good (5xx): worse than a dead host, mail bounces at once.
    Rejects,
    /// It does not resolve or does not answer.
    Down,
    /// Could not tell.
    Unknown,
}

/// A mail host as it behaves now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostState {
    /// Whether it takes the domain's mail.
    pub accepts: Accepts,
    /// Whether its certificate satisfies MTA-STS senders; `None` when unknown.
    pub web_pki: Option<bool>,
    /// For each TLSA set seen, by fingerprint: whether every address presents a certificate that the set
    /// accepts. A set without an entry was not proven either way.
    #[serde(default)]
    pub tlsa: BTreeMap<String, bool>,
}

impl HostState {
    /// A host of which nothing is known.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            accepts: Accepts::Unknown,
            web_pki: None,
            tlsa: BTreeMap::new(),
        }
    }
}

/// Everything outside the DNS that records lead to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actors(pub BTreeMap<Host, HostState>);

impl Actors {
    /// What is known of a host; unknown when nothing was observed.
    #[must_use]
    pub fn get(&self, host: &Host) -> &HostState {
        static UNKNOWN: HostState = HostState::unknown();
        self.0.get(host).unwrap_or(&UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_covers_exactly_one_label() {
        let host = Host::new("contoso-com.o-v1.mx.microsoft.");
        let policy = |p: &str| Policy::Enforced([p.to_owned()].into());
        assert!(!policy("*.mx.microsoft").admits(&host));
        assert!(policy("*.o-v1.mx.microsoft").admits(&host));
        assert!(policy("Contoso-com.o-v1.mx.microsoft").admits(&host));
        assert!(!policy("o-v1.mx.microsoft").admits(&host));
        assert!(Policy::NotEnforced.admits(&host));
    }

    #[test]
    fn a_name_is_the_same_whether_it_is_a_copy_or_was_read_again() {
        let host = Host::new("MX.contoso.com.");
        let (copy, again) = (host.clone(), Host::new("mx.contoso.com"));
        let later = Host::new("mx.contoso.net");
        for same in [&copy, &again] {
            assert_eq!(host, *same);
            assert_eq!(host.cmp(same), Ordering::Equal);
            assert_eq!(same.cmp(&later), Ordering::Less);
            assert_ne!(*same, later);
        }
        let hashed = std::collections::HashSet::from([host, copy, again, later]);
        assert_eq!(hashed.len(), 2);
    }

    #[test]
    fn within_means_below_a_label_boundary() {
        assert!(Host::new("a.mx.microsoft").is_within("mx.microsoft"));
        assert!(!Host::new("evil-mx.microsoft").is_within("mx.microsoft"));
    }
}
