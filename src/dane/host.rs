//! One MX host as a DANE sender meets it: addresses, TLSA records, every address probed and judged.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::judgement::{Judgement, Outcome};
use super::probe::{KeyType, Probe, ProbeResult, TlsVersions};
use crate::dns::{Name, Status, Tlsa, Validated};

/// One look at an MX host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostView {
    /// The name in the MX record.
    pub host: Name,
    /// The mail domain, a reference name if its MX is secure.
    pub domain: Name,
    /// The IPv4 lookup.
    pub a: Validated,
    /// The IPv6 lookup.
    pub aaaa: Validated,
    /// The verdict over the addresses that decides whether TLSA is asked at all (RFC 7672, 2.2.2).
    pub security: Status,
    /// The TLSA base domain: the fully expanded name if all its aliases are secure, else the name itself.
    pub base: Name,
    /// The TLSA lookup.
    pub tlsa: TlsaView,
    /// How long "no TLSA" may be cached: the negative TTL of the zone that would contain it, seconds.
    pub negative_ttl: Option<u32>,
    /// Each address by itself.
    pub addresses: Vec<AddressView>,
    /// When the look began.
    pub at: Timestamp,
}

/// The TLSA lookup by the rule of RFC 7672, 2.2.2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum TlsaView {
    /// The host's addresses are insecure (or it has none): a sender does not ask, so neither does this program.
    NotAsked {
        /// Why, as a sentence.
        why: String,
    },
    /// Secure records.
    Secure {
        /// The name asked.
        name: Name,
        /// The records.
        records: Vec<Tlsa>,
        /// TTL in seconds.
        ttl: u32,
        /// The lookup with its aliases.
        lookup: Box<Validated>,
    },
    /// Records without security: they count for nothing.
    Insecure {
        /// The name asked.
        name: Name,
        /// The records.
        records: Vec<Tlsa>,
        /// The lookup.
        lookup: Box<Validated>,
    },
    /// There are none; [`Validated::status`] says whether that is proven.
    Absent {
        /// The name asked.
        name: Name,
        /// The lookup.
        lookup: Box<Validated>,
    },
    /// Could not tell: a sender treats the host as down (RFC 7672, 2.1.2).
    LookupError {
        /// The name asked.
        name: Name,
        /// Why, as a sentence.
        why: String,
        /// The lookup.
        lookup: Box<Validated>,
    },
}

impl TlsaView {
    /// The secure records, or none.
    #[must_use]
    pub fn secure_records(&self) -> &[Tlsa] {
        match self {
            Self::Secure { records, .. } => records,
            _ => &[],
        }
    }

    /// The lookup, if there was one.
    #[must_use]
    pub fn lookup(&self) -> Option<&Validated> {
        match self {
            Self::NotAsked { .. } => None,
            Self::Secure { lookup, .. }
            | Self::Insecure { lookup, .. }
            | Self::Absent { lookup, .. }
            | Self::LookupError { lookup, .. } => Some(lookup),
        }
    }
}

/// One address of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressView {
    /// The address.
    pub address: IpAddr,
    /// What SMTP on it did.
    pub probe: Probe,
    /// The chain against the secure TLSA records; `None` where there is no chain or the records are not known.
    pub judgement: Option<Judgement>,
    /// The chain as an MTA-STS sender sees it.
    pub webpki: WebPki,
    /// The same address with the other type of server key, without SNI, and with TLS 1.2 alone, if that was asked for; or
    /// the further chains given for it. A handshake that fails here says only that the server has no such thing; one that
    /// succeeds must match like any other.
    pub variants: Vec<Variant>,
}

impl AddressView {
    /// Whether the server has nothing to show to clients that send no name, which it must not demand (RFC 7672, 8.1): a
    /// handshake without SNI failed, and one with SNI came about in a version of TLS that the other offered as well.
    #[must_use]
    pub fn needs_sni(&self) -> bool {
        let all = || std::iter::once(&self.probe).chain(self.variants.iter().map(|v| &v.probe));
        let refused = all().filter(|p| {
            p.sni.is_none()
                && p.key == KeyType::Any
                && matches!(p.result, ProbeResult::TlsFailed { .. })
        });
        let offers = |versions, version: &str| match versions {
            TlsVersions::Both => true,
            TlsVersions::Only12 => version == "TLSv1.2",
            TlsVersions::Only13 => version == "TLSv1.3",
        };
        refused.into_iter().any(|bare| {
            all().any(|named| {
                named.sni.is_some()
                    && matches!(&named.result, ProbeResult::Ok { tls_version, .. }
                        if offers(bare.versions, tls_version))
            })
        })
    }
}

/// Another handshake with the same address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// What SMTP did.
    pub probe: Probe,
    /// The chain against the secure TLSA records.
    pub judgement: Option<Judgement>,
}

/// Whether the certificate passes ordinary (WebPKI) validation for the MX host's name, as MTA-STS demands
/// (RFC 8461, 4.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum WebPki {
    /// It does.
    Valid,
    /// It does not.
    Invalid {
        /// Why, as a sentence.
        why: String,
    },
    /// There was no chain to look at, or no roots to look with.
    NotTold {
        /// Why, as a sentence.
        why: String,
    },
}

/// The outcomes for a host that decide how a DANE sender acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostOutcome {
    /// Every address that answered is authenticated, with every certificate it was seen with.
    Authenticated,
    /// TLS demanded, peer not checked.
    Unusable,
    /// No DANE: opportunistic.
    None,
    /// At least one address does not authenticate: another certificate, or no TLS at all.
    Mismatch,
    /// The TLSA or address lookup failed: the host counts as down.
    LookupError,
    /// There are secure TLSA records, but no address could be probed, so nothing is known about the certificates.
    NotReached,
}

impl HostView {
    /// Where its TLSA records are, or would be (RFC 6698, 3).
    #[must_use]
    pub fn tlsa_name(&self) -> Name {
        match self.tlsa.lookup() {
            Some(lookup) => lookup.name.clone(),
            None => format!("_25._tcp.{}", self.base),
        }
    }

    /// What a DANE sender concludes about the host, over all its addresses: the worst of them, because a sender may meet
    /// any.
    #[must_use]
    pub fn outcome(&self) -> HostOutcome {
        if self.security.is_lookup_error() {
            return HostOutcome::LookupError;
        }
        match &self.tlsa {
            TlsaView::LookupError { .. } => return HostOutcome::LookupError,
            TlsaView::NotAsked { .. } | TlsaView::Insecure { .. } | TlsaView::Absent { .. } => {
                return HostOutcome::None;
            }
            TlsaView::Secure { .. } => {}
        }
        let refused = self.addresses.iter().any(|a| {
            matches!(
                a.probe.result,
                ProbeResult::NoStartTls { .. } | ProbeResult::TlsFailed { .. }
            )
        });
        let judged: Vec<&Outcome> = self
            .addresses
            .iter()
            .flat_map(|a| {
                let variants = a.variants.iter().filter_map(|v| v.judgement.as_ref());
                a.judgement.iter().chain(variants)
            })
            .map(|j| &j.outcome)
            .collect();
        if refused || judged.contains(&&Outcome::Mismatch) {
            HostOutcome::Mismatch
        } else if judged.is_empty() {
            HostOutcome::NotReached
        } else if judged.contains(&&Outcome::Unusable) {
            HostOutcome::Unusable
        } else {
            HostOutcome::Authenticated
        }
    }
}
