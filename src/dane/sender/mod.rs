//! Kinds of senders: what each makes of the same records and hosts, because they differ today.

use serde::{Deserialize, Serialize};

use super::{HostView, MtaStsView};
use crate::dns::Validated;

/// A kind of sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// RFC 7672 to the letter.
    Rfc,
    /// Postfix with `dane`: no local roots, half-dane for an insecure MX.
    Postfix,
    /// Exchange Online: all MX must fail before it gives up, then mail bounces.
    Exo,
    /// Any record may match, no digest agility.
    AnyMatch,
    /// Usage 2 by WebPKI rules: no common name, serverAuth.
    WebPki,
    /// DANE mandatory (RFC 7672, 6).
    Mandatory,
    /// No DANE: MTA-STS only.
    StsOnly,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Rfc,
        Self::Postfix,
        Self::Exo,
        Self::AnyMatch,
        Self::WebPki,
        Self::Mandatory,
        Self::StsOnly,
    ];

    /// Its stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rfc => "rfc",
            Self::Postfix => "postfix",
            Self::Exo => "exo",
            Self::AnyMatch => "any-match",
            Self::WebPki => "webpki",
            Self::Mandatory => "mandatory",
            Self::StsOnly => "sts-only",
        }
    }
}

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

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// What one kind of sender makes of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Which.
    pub profile: Profile,
    /// Whether its mail arrives.
    pub arrives: Arrives,
    /// How it is protected, at the least protected host that it may use.
    pub protection: Protection,
    /// Why, in a sentence.
    pub why: String,
}

/// What senders look at.
#[derive(Debug, Clone, Copy)]
pub struct Mail<'a> {
    /// The mail domain.
    pub domain: &'a str,
    /// The MX lookup.
    pub mx: &'a Validated,
    /// The hosts in order of preference.
    pub hosts: &'a [(Option<u16>, &'a HostView)],
    /// MTA-STS.
    pub policy: &'a MtaStsView,
}

/// What each kind of sender makes of a domain.
#[must_use]
pub fn deliver_all(_: &Mail<'_>) -> Vec<Delivery> {
    Vec::new()
}
