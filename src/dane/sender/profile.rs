//! The kinds of senders, and in what they differ.

use serde::{Deserialize, Serialize};

/// A kind of sender. Which software it stands for is in `docs/senders.md`.
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
    #[serde(rename = "webpki")]
    WebPki,
    /// DANE mandatory (RFC 7672, 6).
    Mandatory,
    /// No DANE: MTA-STS only.
    StsOnly,
    /// Asks an unsigned host for TLSA too, and defers the mail when the answer is an error. Wrong (RFC 7672, 2.2.2), and
    /// in the field; never counted for "safe".
    Sloppy,
}

impl Profile {
    /// All that count for "safe".
    pub const ALL: [Self; 7] = [
        Self::Rfc,
        Self::Postfix,
        Self::Exo,
        Self::AnyMatch,
        Self::WebPki,
        Self::Mandatory,
        Self::StsOnly,
    ];

    /// Its name, as in JSON.
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
            Self::Sloppy => "sloppy",
        }
    }

    /// Whether it looks at TLSA records at all.
    pub(super) const fn does_dane(self) -> bool {
        !matches!(self, Self::StsOnly)
    }

    /// Whether it looks at a host's TLSA records though the MX that names it is unsigned. RFC 7672, 2.2.1 permits it and
    /// demands nothing; Postfix does it by default.
    pub(super) const fn half_dane(self) -> bool {
        matches!(self, Self::Postfix)
    }

    /// Whether it follows MTA-STS where DANE does not apply (RFC 8461, 2).
    pub(super) const fn follows_policy(self) -> bool {
        matches!(
            self,
            Self::Exo | Self::AnyMatch | Self::WebPki | Self::StsOnly
        )
    }

    /// Whether a failed authentication bounces the mail instead of having it wait.
    pub(super) const fn bounces_at_mismatch(self) -> bool {
        matches!(self, Self::WebPki)
    }

    /// For how many hours it tries again: Exchange Online a day, the others the four to five days of RFC 5321, 4.5.4.1,
    /// of which this is the lower end; Postfix five (`maximal_queue_lifetime`).
    #[must_use]
    pub const fn patience_hours(self) -> u32 {
        match self {
            Self::Exo => 24,
            Self::Postfix => 120,
            _ => 96,
        }
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
