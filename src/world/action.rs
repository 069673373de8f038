//! Effects on the world, and what came of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kernel::{Host, KeyId, MxSet};

/// An MX RRset with the TTL it is, or shall be, served with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MxRrset {
    /// The records.
    pub set: MxSet,
    /// TTL in seconds; one for the whole RRset (RFC 2181 section 5.2).
    pub ttl: u32,
}

impl fmt::Display for MxRrset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (TTL {} s)", self.set, self.ttl)
    }
}

/// One effect on the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Replaces the domain's MX RRset, if it is still exactly `before`.
    WriteMx {
        /// What the RRset must be for the write to happen.
        before: MxRrset,
        /// What it becomes.
        after: MxRrset,
    },
    /// Has the provider sign the zone.
    SignZone,
    /// Brings a DS RRset to the parent.
    PublishDs {
        /// The keys it names, as DS records in presentation form.
        ds: Vec<KeyId>,
    },
    /// Takes the DS RRset from the parent, if it is still this one.
    WithdrawDs {
        /// The keys it names now.
        ds: Vec<KeyId>,
    },
    /// Has the provider stop signing the zone.
    UnsignZone,
    /// `Enable-DnssecForVerifiedDomain`: Exchange Online assigns the new MX host.
    EnableDnssec,
    /// `Enable-SmtpDaneInbound`: Microsoft publishes TLSA records for the new host.
    EnableDane,
    /// `Disable-SmtpDaneInbound`: Microsoft withdraws them.
    DisableDane,
}

impl Action {
    /// A stable name for journal and output.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::WriteMx { .. } => "write-mx",
            Self::SignZone => "sign-zone",
            Self::PublishDs { .. } => "publish-ds",
            Self::WithdrawDs { .. } => "withdraw-ds",
            Self::UnsignZone => "unsign-zone",
            Self::EnableDnssec => "enable-dnssec",
            Self::EnableDane => "enable-dane",
            Self::DisableDane => "disable-dane",
        }
    }

    /// Who is told, in words.
    #[must_use]
    pub fn told(&self) -> &'static str {
        match self {
            Self::WriteMx { .. } | Self::SignZone | Self::UnsignZone => "the DNS provider",
            Self::PublishDs { .. } | Self::WithdrawDs { .. } => "the registrar",
            Self::EnableDnssec | Self::EnableDane | Self::DisableDane => "Exchange Online",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WriteMx { before, after } => write!(f, "change MX from {before} to {after}"),
            Self::SignZone => f.write_str("sign the zone"),
            Self::PublishDs { ds } => {
                let ds: Vec<_> = ds.iter().map(|key| key.0.as_str()).collect();
                write!(f, "publish DS {} at the parent", ds.join("; "))
            }
            Self::WithdrawDs { ds } => {
                let ds: Vec<_> = ds.iter().map(|key| key.0.as_str()).collect();
                write!(f, "take DS {} from the parent", ds.join("; "))
            }
            Self::UnsignZone => f.write_str("stop signing the zone"),
            Self::EnableDnssec => f.write_str("run Enable-DnssecForVerifiedDomain"),
            Self::EnableDane => f.write_str("run Enable-SmtpDaneInbound"),
            Self::DisableDane => f.write_str("run Disable-SmtpDaneInbound"),
        }
    }
}

/// How a DS reaches the parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DelegationBy {
    /// By the registrar's API where there is one, else by CDS where the provider can, else by hand.
    #[default]
    Auto,
    /// By the registrar's API.
    Registrar,
    /// By CDS/CDNSKEY: the registry picks it up (RFC 7344, RFC 8078).
    Cds,
    /// By hand.
    Manual,
}

/// What a person is asked to do where no API can.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instructions {
    /// One sentence that says what is needed.
    pub summary: String,
    /// Lines to copy: records, commands, forms of a DS.
    pub lines: Vec<String>,
    /// How to tell what came of it, where that cannot be observed; `None`: its effect is observed.
    #[serde(default)]
    pub answer: Option<String>,
}

impl fmt::Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)?;
        for line in &self.lines {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

/// What came of an [`Action`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// Done; Exchange Online may have named the new MX host.
    Done {
        /// What was answered, in words.
        note: String,
        /// `DnssecMxValue`, where the action was to enable DNSSEC.
        mx_host: Option<Host>,
    },
    /// A person has to do it; the effect will be observed.
    Asked {
        /// What to do.
        instructions: Instructions,
    },
    /// The record set is not what it was when the change was decided; nothing was written.
    Conflict {
        /// What was found instead.
        why: String,
    },
    /// Refused for good; nothing was changed.
    Refused {
        /// By whom and why, and what to do.
        why: String,
    },
    /// Not possible just now; nothing was changed.
    Later {
        /// Why.
        why: String,
        /// Seconds until it is worth another try.
        after: u64,
    },
    /// No answer came: it may or may not have happened. It is observed, never repeated blindly.
    Unknown {
        /// What happened to the answer.
        why: String,
    },
}
