//! A step with its arguments filled in: what `src/step/` works towards.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kind::{ArgumentDefault, StepKind};
use super::scope::Scope;

/// When a step that changes a record set counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// Every authoritative address serves the new version.
    Visible,
    /// No correct cache can still hold the old version.
    Expired,
}

/// The MX record set that `verify-mx` must see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// The hosts that were there before the move.
    Original,
    /// Legacy host preferred, new host behind it.
    Added,
    /// New host preferred, legacy host behind it.
    Swapped,
    /// New host alone.
    Removed,
}

/// A step kind with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Goal {
    /// See [`StepKind::Preflight`].
    Preflight {
        /// What the playbook's steps are about, and so what is asked for.
        #[serde(default)]
        scope: Scope,
    },
    /// See [`StepKind::LowerTtl`].
    LowerTtl {
        /// TTL in seconds.
        ttl: u32,
        /// When it counts as done.
        until: Until,
    },
    /// See [`StepKind::SignZone`].
    SignZone,
    /// See [`StepKind::Delegate`].
    Delegate,
    /// See [`StepKind::EnableDnssec`].
    EnableDnssec,
    /// See [`StepKind::ProveHost`].
    ProveHost,
    /// See [`StepKind::MtaSts`].
    MtaSts,
    /// See [`StepKind::TlsRpt`].
    TlsRpt,
    /// See [`StepKind::MtaStsAfter`].
    MtaStsAfter,
    /// See [`StepKind::AddMx`].
    AddMx {
        /// Preference of the new host.
        preference: u16,
    },
    /// See [`StepKind::VerifyMx`].
    VerifyMx {
        /// The record set to see.
        expect: Expect,
        /// How long it must stay good.
        soak: Duration,
    },
    /// See [`StepKind::SwapMx`].
    SwapMx {
        /// Preference of the new host.
        preference: u16,
        /// Preference of the legacy host; always larger.
        legacy_preference: u16,
    },
    /// See [`StepKind::RemoveMx`].
    RemoveMx,
    /// See [`StepKind::EnableDane`].
    EnableDane,
    /// See [`StepKind::VerifyTlsa`].
    VerifyTlsa,
    /// See [`StepKind::FinalTtl`].
    FinalTtl {
        /// TTL in seconds.
        ttl: u32,
    },
    /// See [`StepKind::FinalProof`].
    FinalProof,
    /// See [`StepKind::MtaStsBack`].
    MtaStsBack,
    /// See [`StepKind::RestoreMx`].
    RestoreMx {
        /// TTL in seconds.
        ttl: u32,
    },
    /// See [`StepKind::RestoreTtl`].
    RestoreTtl,
    /// See [`StepKind::RestoreMtaSts`].
    RestoreMtaSts,
    /// See [`StepKind::WithdrawDs`].
    WithdrawDs,
    /// See [`StepKind::UnsignZone`].
    UnsignZone,
    /// See [`StepKind::DisableDane`].
    DisableDane,
    /// See [`StepKind::VerifyNoTlsa`].
    VerifyNoTlsa,
    /// See [`StepKind::ProveGateway`].
    ProveGateway,
    /// See [`StepKind::Confirm`].
    Confirm,
}

/// A resolved argument: a number in range, or one of the choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    Number(u32),
    Word(&'static str),
}

impl Goal {
    /// The preflight of a whole move: it asks for everything.
    pub const PREFLIGHT: Self = Self::Preflight { scope: Scope::Move };

    /// The kind of this goal.
    pub const fn kind(self) -> StepKind {
        match self {
            Self::Preflight { .. } => StepKind::Preflight,
            Self::LowerTtl { .. } => StepKind::LowerTtl,
            Self::SignZone => StepKind::SignZone,
            Self::Delegate => StepKind::Delegate,
            Self::EnableDnssec => StepKind::EnableDnssec,
            Self::ProveHost => StepKind::ProveHost,
            Self::TlsRpt => StepKind::TlsRpt,
            Self::MtaSts => StepKind::MtaSts,
            Self::MtaStsAfter => StepKind::MtaStsAfter,
            Self::MtaStsBack => StepKind::MtaStsBack,
            Self::RestoreMtaSts => StepKind::RestoreMtaSts,
            Self::AddMx { .. } => StepKind::AddMx,
            Self::VerifyMx { .. } => StepKind::VerifyMx,
            Self::SwapMx { .. } => StepKind::SwapMx,
            Self::RemoveMx => StepKind::RemoveMx,
            Self::EnableDane => StepKind::EnableDane,
            Self::VerifyTlsa => StepKind::VerifyTlsa,
            Self::FinalTtl { .. } => StepKind::FinalTtl,
            Self::FinalProof => StepKind::FinalProof,
            Self::RestoreMx { .. } => StepKind::RestoreMx,
            Self::RestoreTtl => StepKind::RestoreTtl,
            Self::WithdrawDs => StepKind::WithdrawDs,
            Self::UnsignZone => StepKind::UnsignZone,
            Self::DisableDane => StepKind::DisableDane,
            Self::VerifyNoTlsa => StepKind::VerifyNoTlsa,
            Self::ProveGateway => StepKind::ProveGateway,
            Self::Confirm => StepKind::Confirm,
        }
    }

    /// Why its arguments cannot go together: a sentence, after a line break the help.
    pub(super) fn contradiction(self) -> Option<String> {
        match self {
            Self::SwapMx {
                preference,
                legacy_preference,
            } if preference >= legacy_preference => Some(format!(
                "after the swap the new host must be preferred, but {preference} is not smaller than {legacy_preference}\n\
                 the smaller number is preferred; Microsoft's page takes 0 for the new host and 30 for the legacy one"
            )),
            _ => None,
        }
    }

    /// Fills the arguments in. `given` answers by argument name with values that passed the bounds of
    /// [`StepKind::arguments`]; whatever it leaves out takes the default of that table.
    pub(super) fn new(kind: StepKind, given: impl Fn(&str) -> Option<Given>) -> Self {
        let number = |name: &str| match (given(name), kind.argument(name).map(|a| a.default)) {
            (Some(Given::Number(number)), _) | (_, Some(ArgumentDefault::Number(number))) => number,
            _ => 0,
        };
        let preference = |name: &str| u16::try_from(number(name)).unwrap_or(u16::MAX);
        let word = |name: &str| match (given(name), kind.argument(name).map(|a| a.default)) {
            (Some(Given::Word(word)), _) | (_, Some(ArgumentDefault::Word(word))) => word,
            _ => "",
        };
        match kind {
            StepKind::Preflight => Self::PREFLIGHT,
            StepKind::LowerTtl => Self::LowerTtl {
                ttl: number("ttl"),
                until: if word("until") == "expired" {
                    Until::Expired
                } else {
                    Until::Visible
                },
            },
            StepKind::SignZone => Self::SignZone,
            StepKind::Delegate => Self::Delegate,
            StepKind::EnableDnssec => Self::EnableDnssec,
            StepKind::ProveHost => Self::ProveHost,
            StepKind::TlsRpt => Self::TlsRpt,
            StepKind::MtaSts => Self::MtaSts,
            StepKind::MtaStsAfter => Self::MtaStsAfter,
            StepKind::MtaStsBack => Self::MtaStsBack,
            StepKind::RestoreMtaSts => Self::RestoreMtaSts,
            StepKind::AddMx => Self::AddMx {
                preference: preference("preference"),
            },
            StepKind::VerifyMx => Self::VerifyMx {
                expect: match word("expect") {
                    "original" => Expect::Original,
                    "added" => Expect::Added,
                    "swapped" => Expect::Swapped,
                    _ => Expect::Removed,
                },
                soak: Duration::from_secs(number("soak").into()),
            },
            StepKind::SwapMx => Self::SwapMx {
                preference: preference("preference"),
                legacy_preference: preference("legacy_preference"),
            },
            StepKind::RemoveMx => Self::RemoveMx,
            StepKind::EnableDane => Self::EnableDane,
            StepKind::VerifyTlsa => Self::VerifyTlsa,
            StepKind::FinalTtl => Self::FinalTtl { ttl: number("ttl") },
            StepKind::FinalProof => Self::FinalProof,
            StepKind::RestoreMx => Self::RestoreMx { ttl: number("ttl") },
            StepKind::RestoreTtl => Self::RestoreTtl,
            StepKind::WithdrawDs => Self::WithdrawDs,
            StepKind::UnsignZone => Self::UnsignZone,
            StepKind::DisableDane => Self::DisableDane,
            StepKind::VerifyNoTlsa => Self::VerifyNoTlsa,
            StepKind::ProveGateway => Self::ProveGateway,
            StepKind::Confirm => Self::Confirm,
        }
    }
}
