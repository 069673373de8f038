//! What the senders say, in words and without what they looked at: all that a rollout decides by and keeps.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Profile;
use crate::dns::Name;

/// Whether mail arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrives {
    /// At a host of the set, whichever the sender may choose.
    Yes,
    /// At some, after failing at others: late, if at all.
    Degraded,
    /// At none: it waits at the sender and then bounces.
    No,
    /// Could not tell.
    CouldNotTell,
}

/// How the connection is protected. In order: each is weaker than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// By DANE.
    Dane,
    /// By MTA-STS.
    MtaSts,
    /// Encrypted, to whoever answered.
    Opportunistic,
    /// Perhaps not even encrypted.
    None,
    /// Could not tell.
    CouldNotTell,
}

/// What becomes of mail that finds no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "fate")]
pub enum Fate {
    /// It is tried again, and bounces after this many hours.
    Waits {
        /// Hours.
        hours: u32,
    },
    /// It bounces at the first attempt that meets the failure.
    BouncesAtOnce,
}

/// What one kind of sender makes of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Which.
    pub profile: Profile,
    /// Whether its mail arrives.
    pub arrives: Arrives,
    /// How it is protected, at the least protected host that it may use. A host that the sender turns away from because
    /// it cannot be authenticated counts as what the sender demanded of it: nothing leaves unprotected.
    pub protection: Protection,
    /// The protection that this kind of sender has to find if the domain is to be safe: DANE; for one that knows no DANE
    /// MTA-STS where an enforcing policy promises it, else encryption to whoever answers.
    pub expected: Protection,
    /// What becomes of the mail that does not arrive; `None` where all of it does.
    pub fate: Option<Fate>,
    /// Why, in a sentence.
    pub why: String,
    /// Each host by itself, in order of preference.
    pub hosts: Vec<HostVerdict>,
    /// What the sender would report (RFC 8460, 4.3), without repetition. It includes what it would report if a lookup
    /// that failed here failed there too.
    pub reports: Vec<ResultType>,
}

impl Delivery {
    /// Whether all its mail arrives, with the protection to be expected.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.arrives == Arrives::Yes && self.protection == self.expected
    }

    /// Whether all its mail arrives, with the protection to be expected, and some of it late because a host puts it off
    /// without anything having failed, as greylisting does.
    #[must_use]
    pub fn is_only_late(&self) -> bool {
        let refused = |host: &HostVerdict| {
            host.arrives == Arrives::No || host.addresses.iter().any(|a| a.arrives == Arrives::No)
        };
        self.arrives == Arrives::Degraded
            && self.protection == self.expected
            && self.reports.is_empty()
            && !self.hosts.iter().any(refused)
    }

    /// Whether it is certain that some of its mail does not arrive (in time), or less protected than expected.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        matches!(self.arrives, Arrives::No | Arrives::Degraded)
            || (self.protection != Protection::CouldNotTell && self.protection != self.expected)
    }
}

/// What one kind of sender makes of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostVerdict {
    /// The host.
    pub host: Name,
    /// Its preference.
    pub preference: Option<u16>,
    /// The sender passes it over without trying, as one that makes DANE mandatory does with a host without it.
    pub passed_over: bool,
    /// Whether it takes this sender's mail.
    pub arrives: Arrives,
    /// What the sender demands of it, or gets.
    pub protection: Protection,
    /// Why, in a sentence.
    pub why: String,
    /// Each address by itself.
    pub addresses: Vec<AddressVerdict>,
}

/// What one kind of sender makes of one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressVerdict {
    /// The address.
    pub address: IpAddr,
    /// Whether it takes this sender's mail.
    pub arrives: Arrives,
    /// Why, in a sentence.
    pub why: String,
}

/// A result type of TLS-RPT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResultType {
    /// The host does not offer STARTTLS, or does not come through with it.
    #[serde(rename = "starttls-not-supported")]
    StartTlsNotSupported,
    /// The certificate is for other names.
    CertificateHostMismatch,
    /// The certificate is not valid at this time.
    CertificateExpired,
    /// No path to an anchor.
    CertificateNotTrusted,
    /// Anything else.
    ValidationFailure,
    /// No TLSA record can be used.
    TlsaInvalid,
    /// The DNS gave no valid answer.
    DnssecInvalid,
    /// The sender demands DANE and the domain has none.
    DaneRequired,
    /// The MTA-STS policy could not be fetched.
    StsPolicyFetchError,
    /// The MTA-STS policy is malformed.
    StsPolicyInvalid,
}
