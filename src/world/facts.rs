//! What is observed, with when and from where.
//!
//! Plain data: a plan is seeded from it, a saved plan carries a digest of it, the journal keeps it as
//! evidence. What each server said is kept apart, never averaged.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::action::MxRrset;
use crate::kernel::{Host, KeyId, MxSet, ZoneKeys};

/// Something observed, or the reason why it could not be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
pub enum Fact<T> {
    /// Nobody asked yet.
    #[default]
    Unasked,
    /// Observed.
    Known {
        /// What was seen.
        value: T,
        /// When.
        at: Timestamp,
    },
    /// The one who was asked refused to answer for good: a wrong secret, a missing right, no such zone.
    Refused {
        /// Who, why, and what to do.
        why: String,
        /// When.
        at: Timestamp,
    },
    /// The question got no trustworthy answer; never to be read as "no".
    CouldNotTell {
        /// What was asked, of whom, and what went wrong.
        why: String,
        /// When.
        at: Timestamp,
    },
}

impl<T> Fact<T> {
    /// The value, if it was observed.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            _ => None,
        }
    }

    /// When it was asked last.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Unasked => None,
            Self::Known { at, .. } | Self::Refused { at, .. } | Self::CouldNotTell { at, .. } => {
                Some(*at)
            }
        }
    }

    /// Why the value is not there, in words.
    pub fn why_unknown(&self) -> &str {
        match self {
            Self::Known { .. } => "it is known",
            Self::Unasked => "it was not asked",
            Self::Refused { why, .. } | Self::CouldNotTell { why, .. } => why,
        }
    }
}

/// One server's answer to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer<T> {
    /// It answered; an absent RRset is an empty value with the negative TTL.
    Got {
        /// The value.
        value: T,
        /// TTL in seconds.
        ttl: u32,
    },
    /// It did not answer, or answered with an error.
    Failed {
        /// How.
        why: String,
    },
}

impl<T> Answer<T> {
    /// The value and its TTL.
    pub fn got(&self) -> Option<(&T, u32)> {
        match self {
            Self::Got { value, ttl } => Some((value, *ttl)),
            Self::Failed { .. } => None,
        }
    }
}

/// One address of one authoritative server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerFacts {
    /// The server, as name and address.
    pub server: String,
    /// The domain's MX RRset as it serves it.
    pub mx: Answer<MxSet>,
    /// Whether its answers are signed, and by which keys.
    pub keys: Answer<ZoneKeys>,
    /// SOA serial, for people.
    pub serial: Option<u32>,
    /// When the first signature over the MX RRset expires.
    pub signed_until: Option<Timestamp>,
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
    pub server: String,
    /// The DS RRset; empty when it proved that there is none.
    pub ds: Answer<BTreeSet<KeyId>>,
}

/// The delegation as the parent serves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentFacts {
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
    pub vantage: String,
    /// The domain's MX RRset with the TTL left in its cache.
    pub mx: Answer<MxSet>,
    /// Whether it says that it validated the answer.
    pub authentic: bool,
    /// When it answered: what was left in its cache then says nothing of later.
    pub at: Timestamp,
}

/// What an SMTP probe of one address found (RFC 3207, RFC 7672).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "smtp", rename_all = "kebab-case")]
pub enum SmtpOutcome {
    /// STARTTLS worked and the recipient was accepted.
    Accepted {
        /// Whether the certificate chain is valid for MTA-STS senders.
        web_pki: bool,
    },
    /// It answered and refused the recipient for good.
    Rejected {
        /// Its reply.
        reply: String,
    },
    /// It asked to come back later (4xx).
    Deferred {
        /// Its reply.
        reply: String,
    },
    /// STARTTLS is not offered or failed.
    NoTls {
        /// How.
        why: String,
    },
    /// Nothing listens there: the connection was refused.
    Closed,
    /// No answer: blocked here or dead there, it could not be told which.
    Unreached {
        /// How.
        why: String,
    },
}

/// One address of a mail host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressFacts {
    /// The address.
    pub address: String,
    /// What the probe found.
    pub smtp: SmtpOutcome,
    /// Whether its certificate fits the host's TLSA set, if there is one and the handshake worked.
    pub tlsa_matches: Option<bool>,
}

/// The TLSA records of a host, by the rule of RFC 7672 section 2.2.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tlsa", rename_all = "kebab-case")]
pub enum TlsaFacts {
    /// Not asked: the host's addresses are insecure, so a sender does not ask either.
    NotAsked,
    /// Proven absent.
    Absent {
        /// How long that may be cached, in seconds.
        negative_ttl: u32,
    },
    /// A secure set.
    Records {
        /// The records in presentation form.
        records: Vec<String>,
        /// Fingerprint of the set.
        digest: String,
        /// TTL in seconds.
        ttl: u32,
        /// How long their absence may have been cached before, in seconds.
        negative_ttl: u32,
    },
    /// The lookup failed: senders treat the host as down, never as unprotected.
    Failed {
        /// How.
        why: String,
    },
}

/// A mail host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Whether its name exists.
    pub exists: bool,
    /// Whether its addresses validate.
    pub chain: Chain,
    /// Each address; the outcome is of the last probe.
    pub addresses: Vec<AddressFacts>,
    /// Its TLSA records.
    pub tlsa: TlsaFacts,
    /// When it was probed last; `None` when only DNS was asked.
    pub probed_at: Option<Timestamp>,
}

/// How an MTA-STS policy binds (RFC 8461 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyMode {
    /// No policy, or `none`.
    None,
    /// Reported, not enforced.
    Testing,
    /// Enforced.
    Enforce,
}

/// The MTA-STS policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFacts {
    /// How it binds.
    pub mode: PolicyMode,
    /// Its `mx` patterns.
    pub patterns: BTreeSet<String>,
    /// How long senders may keep it, in seconds.
    pub max_age: u32,
    /// TTL of the `_mta-sts` TXT record, in seconds.
    pub record_ttl: u32,
    /// The policy's id.
    pub id: Option<String>,
}

/// The tenant's domain as Microsoft Graph knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantFacts {
    /// Whether the tenant has the domain.
    pub exists: bool,
    /// Whether it is verified.
    pub verified: bool,
    /// Whether it is the initial `onmicrosoft.com` domain.
    pub initial: bool,
    /// False when DNS is delegated to Microsoft 365.
    pub admin_managed: bool,
    /// Whether the domain has the Email service.
    pub email: bool,
    /// MX hosts that Graph names for it.
    pub mx_hosts: Vec<Host>,
}

/// On or off at Exchange Online.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureState {
    /// On.
    Enabled,
    /// Off.
    Disabled,
    /// The service did not say in a way that is understood.
    Unknown,
}

/// The domain as Exchange Online knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeFacts {
    /// True when a person runs the cmdlets: nothing below was asked.
    pub manual: bool,
    /// Whether it is an accepted domain.
    pub accepted: bool,
    /// `Authoritative` or `InternalRelay`.
    pub domain_type: String,
    /// DNSSEC for the domain's MX host.
    pub dnssec: FeatureState,
    /// Inbound SMTP DANE.
    pub dane: FeatureState,
    /// The MX host Exchange Online expects, once assigned.
    pub expected_mx: Option<Host>,
    /// Advice of the service's own validation, shown as it is.
    pub advice: Vec<String>,
}

/// Signing at the DNS provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "signing", rename_all = "kebab-case")]
pub enum SigningFacts {
    /// Its API cannot sign: a person, or the server's configuration, has to.
    Elsewhere,
    /// Off, and the API can turn it on.
    Off,
    /// Being turned on.
    Pending,
    /// On.
    On {
        /// The DS records the provider reports.
        ds: Vec<KeyId>,
    },
}

/// The DNS provider's view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderFacts {
    /// Its name in the registry.
    pub provider: String,
    /// Whether it can write at all, or a person has to.
    pub manual: bool,
    /// Lowest TTL it takes.
    pub ttl_min: u32,
    /// Highest TTL it takes.
    pub ttl_max: u32,
    /// The MX RRset as its API has it; `None` for manual providers.
    pub mx: Option<MxRrset>,
    /// Signing.
    pub signing: SigningFacts,
    /// The largest TTL in the zone, where the API can list it, in seconds.
    pub largest_ttl: Option<u32>,
    /// Whether it can bring a DS to the parent.
    pub registrar: bool,
}

/// Everything observed of one domain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The zone.
    pub zone: Fact<ZoneFacts>,
    /// The delegation.
    pub parent: Fact<ParentFacts>,
    /// Our validator's verdict on the domain's MX.
    pub chain: Fact<Chain>,
    /// The resolvers' answers.
    pub vantages: Vec<VantageFacts>,
    /// Mail hosts.
    pub hosts: BTreeMap<Host, Fact<HostFacts>>,
    /// The MTA-STS policy.
    pub policy: Fact<PolicyFacts>,
    /// The tenant.
    pub tenant: Fact<TenantFacts>,
    /// Exchange Online.
    pub exchange: Fact<ExchangeFacts>,
    /// The DNS provider.
    pub provider: Fact<ProviderFacts>,
    /// A wall clock that jumped against the monotonic one, in seconds.
    pub clock_jumped: Option<i64>,
}

impl Facts {
    /// A host's facts, if observed.
    #[must_use]
    pub fn host(&self, host: &Host) -> Option<&HostFacts> {
        self.hosts.get(host)?.known()
    }
}
