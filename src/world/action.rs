//! Effects on the world, and what came of them.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::PolicyMode;
use crate::kernel::{Host, KeyId, MxSet, Policy};

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

/// A TXT RRset as a provider has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxtRrset {
    /// Its values as zone files write them, in their canonical order: character strings in quotes (RFC 1035 section 5.1).
    pub values: Vec<String>,
    /// TTL in seconds; one for the whole RRset (RFC 2181 section 5.2).
    pub ttl: u32,
}

impl TxtRrset {
    /// A set of one value that is plain text.
    #[must_use]
    pub fn of(text: &str, ttl: u32) -> Self {
        Self {
            values: vec![format!("\"{text}\"")],
            ttl,
        }
    }

    /// The text, where the set is one value in one character string without escapes.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        let [value] = self.values.as_slice() else {
            return None;
        };
        let inner = value.strip_prefix('"')?.strip_suffix('"')?;
        (!inner.contains(['"', '\\'])).then_some(inner)
    }

    /// The id, where the set is one MTA-STS record (RFC 8461 section 3.1).
    #[must_use]
    pub fn policy_id(&self) -> Option<&str> {
        let mut fields = self.text()?.split(';');
        if fields.next()?.trim() != "v=STSv1" {
            return None;
        }
        fields.find_map(|field| {
            let (name, value) = field.split_once('=')?;
            (name.trim() == "id").then(|| value.trim())
        })
    }
}

impl fmt::Display for TxtRrset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (TTL {} s)", self.values.join(", "), self.ttl)
    }
}

/// An MTA-STS policy as it is published, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyText {
    /// The whole file, byte for byte.
    pub text: String,
    /// Its `mode`.
    pub mode: PolicyMode,
    /// Its `mx` patterns.
    pub patterns: BTreeSet<String>,
}

impl PolicyText {
    /// What it means to a sender.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.mode.policy(&self.patterns)
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
    /// Replaces the policy that the domain's policy host serves, if it is still exactly `before`.
    WritePolicy {
        /// The text that must be there for the write to happen.
        before: String,
        /// What it becomes.
        after: PolicyText,
    },
    /// Replaces a TXT RRset of the domain's, if it is still exactly `before`.
    WriteTxt {
        /// Its owner name, as in `_mta-sts.contoso.com`.
        name: Host,
        /// What must be there for the write to happen; `None`: no such set.
        before: Option<TxtRrset>,
        /// What it becomes; `None`: no such set.
        after: Option<TxtRrset>,
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
    /// The name of [`Action::WritePolicy`].
    pub const WRITE_POLICY: &str = "write-policy";
    /// The name of [`Action::WriteTxt`] at `_mta-sts`.
    pub const WRITE_POLICY_RECORD: &str = "write-policy-record";
    /// The name of [`Action::WriteTxt`] at `_smtp._tls`.
    pub const WRITE_TLS_REPORTS: &str = "write-tls-reports";

    /// A stable name for journal and output.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::WriteMx { .. } => "write-mx",
            Self::WritePolicy { .. } => Self::WRITE_POLICY,
            Self::WriteTxt { name, .. } if name.as_str().starts_with("_smtp._tls.") => {
                Self::WRITE_TLS_REPORTS
            }
            Self::WriteTxt { .. } => Self::WRITE_POLICY_RECORD,
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
            Self::WriteMx { .. } | Self::WriteTxt { .. } | Self::SignZone | Self::UnsignZone => {
                "the DNS provider"
            }
            Self::WritePolicy { .. } => "whatever publishes the MTA-STS policy",
            Self::PublishDs { .. } | Self::WithdrawDs { .. } => "the registrar",
            Self::EnableDnssec | Self::EnableDane | Self::DisableDane => "Exchange Online",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WriteMx { before, after } => write!(f, "change MX from {before} to {after}"),
            Self::WritePolicy { after, .. } => {
                let lines: Vec<_> = after.text.lines().collect();
                write!(f, "publish the MTA-STS policy `{}`", lines.join("; "))
            }
            Self::WriteTxt {
                name,
                before,
                after,
            } => match (before, after) {
                (Some(before), Some(after)) => {
                    write!(f, "change TXT {name} from {before} to {after}")
                }
                (None, Some(after)) => write!(f, "add TXT {name} {after}"),
                (Some(before), None) => write!(f, "delete TXT {name} {before}"),
                (None, None) => write!(f, "leave TXT {name} away"),
            },
            Self::SignZone => f.write_str("sign the zone"),
            Self::PublishDs { ds } => {
                let ds: Vec<_> = ds.iter().map(|key| key.as_str()).collect();
                write!(f, "publish DS {} at the parent", ds.join("; "))
            }
            Self::WithdrawDs { ds } => {
                let ds: Vec<_> = ds.iter().map(|key| key.as_str()).collect();
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
    /// What a person who follows them brings about, where that is what an action would do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Action>,
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
