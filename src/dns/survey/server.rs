//! What one address of one authoritative server was found to serve.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dns::keys::DsFit;
use crate::dns::record::{Ds, Kind, Name, is_within};
use crate::dns::view::{Failure, Outcome, ServerAnswer, Status};

/// One address of one authoritative server of the zone, by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSurvey {
    /// Name of the server.
    pub server: Name,
    /// The address.
    pub address: SocketAddr,
    /// Our own verdict on what this address serves, held against the parent's DS: DNSKEY, SOA, NS and MX.
    pub verdicts: Vec<ServedSet>,
    /// The same questions over TCP.
    pub tcp: TcpView,
    /// Questions that it ought to deny, and how it does.
    pub denials: Vec<Denial>,
    /// `_tcp.<domain>`, asked only where `_25._tcp.<domain>` exists: then it exists too, if only as an empty non-terminal,
    /// and "no such name" is wrong (RFC 8020, 2; RFC 4592, 2.2.2).
    pub empty_non_terminal: Option<ServerAnswer>,
    /// Every signature that came with its answers, the one that expires first in front.
    pub signed: Vec<Signed>,
    /// The keys it serves.
    pub keys: Vec<KeyView>,
    /// Every DS that some address of the parent serves, held against these keys.
    pub links: Vec<DsLink>,
    /// Wildcards whose existence its answers give away, as in `*.example.com`.
    pub wildcards: Vec<Name>,
    /// When.
    pub at: Timestamp,
}

/// One record set as one address serves it, with our verdict on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedSet {
    /// The name.
    pub name: Name,
    /// The type.
    pub kind: Kind,
    /// Our verdict. `Indeterminate`: this address gave no usable answer.
    pub status: Status,
}

/// What TCP gave (RFC 7766): one connection, all questions on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpView {
    /// The answers, in the order asked; each a failure where TCP does not work.
    pub answers: Vec<ServerAnswer>,
    /// Why TCP does not work at this address at all. `None`: it answered something.
    pub failure: Option<Failure>,
    /// How many connections it took: more than one where the server closes it before all is answered.
    pub connections: u8,
    /// The types for which UDP and TCP gave different contents, or a different outcome; both answered.
    pub differs: Vec<Kind>,
}

/// What a denial was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// TLSA at `_25._tcp` of the domain: what every DANE sender asks. (It may exist.)
    TlsaOfDomain,
    /// TLSA at a random name below the domain: no such name.
    RandomName,
    /// TLSA at the apex: the name exists, the type does not.
    TypeAtApex,
}

/// How one absence is answered and proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// Why it was asked.
    pub probe: Probe,
    /// The answer, with its rcode.
    pub answer: ServerAnswer,
    /// Our verdict on it: `Secure` means proven (or, where records exist, validated).
    pub status: Status,
    /// By which kind of record, as served.
    pub by: ProvenBy,
}

impl Denial {
    /// Whether it says that the apex of its own zone does not exist.
    #[must_use]
    pub fn denies_the_apex(&self) -> bool {
        self.probe == Probe::TypeAtApex && self.answer.outcome == Outcome::NxDomain
    }
}

/// The records that came to prove an absence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum ProvenBy {
    /// None.
    Nothing,
    /// NSEC (RFC 4034, 4).
    Nsec {
        /// The bit map says "no such name" although the response code does not (compact denial, RFC 9824).
        compact: bool,
    },
    /// NSEC3 (RFC 5155).
    Nsec3 {
        /// Additional iterations: must be 0 (RFC 9276, 3.1).
        iterations: u16,
        /// Octets of salt: should be 0 (RFC 9276, 3.1).
        salt_length: u8,
        /// The opt-out flag of any of them: names without DS below may exist without proof.
        opt_out: bool,
    },
}

/// One signature over one record set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Owner of the set.
    pub name: Name,
    /// Its type's mnemonic, as in `NSEC3`.
    pub kind: String,
    /// TTL of the records as served, seconds.
    pub ttl: u32,
    /// When the signature starts to hold.
    pub inception: Timestamp,
    /// When it ends to hold.
    pub expires: Timestamp,
    /// DNSSEC algorithm number.
    pub algorithm: u8,
    /// The key.
    pub key_tag: u16,
}

impl Signed {
    /// Whether a cache that fetches the set at `at` may hold it longer than this signature holds.
    #[must_use]
    pub fn is_outlived(&self, at: Timestamp) -> bool {
        at.as_second().saturating_add(i64::from(self.ttl)) > self.expires.as_second()
    }
}

/// One DNSKEY as one address serves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// Computed key tag.
    pub tag: u16,
    /// DNSSEC algorithm number; see [`crate::dns::algorithm`].
    pub algorithm: u8,
    /// Size in bits, where the algorithm is known.
    pub bits: Option<u32>,
    /// The flags as served.
    pub flags: u16,
    /// The zone-key flag (RFC 4034, 2.1.1): without it no DS may point here.
    pub zone_key: bool,
    /// The secure-entry-point flag: a key-signing key by convention.
    pub entry_point: bool,
    /// The revoked flag (RFC 5011, 3).
    pub revoked: bool,
    /// It validly signs the DNSKEY set: the signature was checked.
    pub signs_keys: bool,
    /// It signs other sets seen here (by key tag and algorithm).
    pub signs_zone: bool,
}

/// One DS held against the keys that one address serves (RFC 4035, 2.4 and 5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DsLink {
    /// The DS.
    pub ds: Ds,
    /// The addresses of the parent that serve it.
    pub parents: Vec<SocketAddr>,
    /// Whether it fits.
    pub fit: DsFit,
    /// The key that it fits signs the DNSKEY set.
    pub signs_keys: bool,
    /// Its algorithm signs every set seen here (RFC 4035, 2.2; RFC 6840, 5.11). `None`: nothing was signed, or seen.
    pub zone_wide: Option<bool>,
}

impl ServerSurvey {
    /// The denial asked for this reason.
    #[must_use]
    pub fn denial(&self, probe: Probe) -> Option<&Denial> {
        self.denials.iter().find(|denial| denial.probe == probe)
    }

    /// The wildcard seen that answers for `name`, unless `name`, or one between the two, exists by itself: the nearest above.
    #[must_use]
    pub fn wildcard_over(&self, name: &str) -> Option<&Name> {
        self.wildcards
            .iter()
            .filter(|wildcard| {
                let parent = wildcard.strip_prefix("*.").unwrap_or_default();
                name != parent && is_within(name, parent)
            })
            .max_by_key(|wildcard| wildcard.len())
    }

    /// Whether it calls a name absent below which names exist.
    #[must_use]
    pub fn cuts_off_names(&self) -> bool {
        self.empty_non_terminal
            .as_ref()
            .is_some_and(|answer| answer.outcome == Outcome::NxDomain)
    }

    /// Per set the signature that ends last: with it the set ceases to validate, whatever ended before.
    ///
    /// Each algorithm is a set of its own (RFC 6840, 5.11), and so is each signature over the keys: not all of them are by a
    /// key that a DS leads to.
    pub fn last_signatures(&self) -> impl Iterator<Item = &Signed> {
        let mut last = BTreeMap::new();
        for signed in &self.signed {
            let over_keys = (signed.kind == "DNSKEY").then_some(signed.key_tag);
            let set = (&signed.name, &signed.kind, signed.algorithm, over_keys);
            let known = last.entry(set).or_insert(signed);
            if known.expires < signed.expires {
                *known = signed;
            }
        }
        last.into_values()
    }

    /// The sets that caches may hold beyond the end of their last signature.
    pub fn outlived(&self) -> impl Iterator<Item = &Signed> {
        self.last_signatures().filter(|s| s.is_outlived(self.at))
    }
}
