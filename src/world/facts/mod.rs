//! What is observed, with when and from where.
//!
//! Plain data: a plan is seeded from it, a saved plan carries a digest of it, the journal keeps it as
//! evidence. What each server said is kept apart, never averaged.

mod dns;
mod mail;
mod service;
mod verdict;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Freeze;
use crate::kernel::Host;
use crate::world::TxtRrset;

pub use dns::{Chain, DnsHost, ParentFacts, ParentServer, ServerFacts, VantageFacts, ZoneFacts};
pub use mail::{AddressFacts, HostFacts, PolicyFacts, PolicyMode, SmtpOutcome, TlsaFacts};
pub use service::{
    Advice, Connector, ConnectorFacts, DomainFlags, ExchangeFacts, FeatureState, HandsOver,
    Listing, OnFile, ProviderFacts, SigningFacts, TenantFacts,
};
pub use verdict::{Arrives, Delivery, Profile, Verdict, VerdictFacts};

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
    /// The tenant's connectors.
    #[serde(default)]
    pub connectors: Fact<ConnectorFacts>,
    /// IPv6 for the domain's MX hosts, as Exchange Online has it; its answer can be an hour old.
    #[serde(default)]
    pub ipv6: Fact<FeatureState>,
    /// The DNS provider.
    pub provider: Fact<ProviderFacts>,
    /// The verdict on the whole domain.
    #[serde(default)]
    pub verdict: Fact<VerdictFacts>,
    /// The freezes of the freeze file, where the domain file names one.
    #[serde(default)]
    pub freezes: Fact<Vec<Freeze>>,
    /// Whether the domain asks senders for reports on TLS (RFC 8460).
    #[serde(default)]
    pub tls_reports: Fact<bool>,
    /// The policy file that the domain file names, byte for byte.
    #[serde(default)]
    pub policy_file: Fact<String>,
    /// TXT RRsets as the provider's API has them, by owner name; `None` where it has no such set.
    #[serde(default)]
    pub texts: BTreeMap<Host, Fact<Option<TxtRrset>>>,
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
