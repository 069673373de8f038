//! The closed list of step kinds, as data: what each one is for, which arguments it takes.
//!
//! A playbook can only name kinds from this list. Adding one means a variant here, a row in
//! [`StepKind::about`] and [`StepKind::arguments`], an arm in [`Goal`](super::Goal) and its file under `src/step/`.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a step brings about. Written in playbooks in kebab-case, as in `step: add-mx`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// The domain is in a state from which the move is possible, and everything that is needed is at hand.
    Preflight,
    /// Senders are asked to report on TLS, where the domain file says where to. A record that is there is left alone.
    TlsRpt,
    /// The MX record set has a small TTL.
    LowerTtl,
    /// Every authoritative server serves the zone with valid signatures.
    SignZone,
    /// The parent zone publishes a DS that matches the signed zone.
    Delegate,
    /// Microsoft has assigned the domain a host under mx.microsoft.
    EnableDnssec,
    /// The new host accepts the domain's mail on every address, over STARTTLS with a valid certificate.
    ProveHost,
    /// No enforcing MTA-STS policy that a sender may hold rejects the new host.
    MtaSts,
    /// The new host is in the MX record set, less preferred than the legacy host.
    AddMx,
    /// Every vantage sees the expected MX record set and its hosts accept mail.
    VerifyMx,
    /// The new host is preferred to the legacy host, changed in one write.
    SwapMx,
    /// The legacy host is no longer in the MX record set.
    RemoveMx,
    /// The MTA-STS policy names the hosts that take the mail after the move and no other, and is enforced as it was.
    MtaStsAfter,
    /// Inbound SMTP DANE is on at Microsoft.
    EnableDane,
    /// TLSA records of the new host are published, secure, and match its certificate on every address.
    VerifyTlsa,
    /// The MX record set has its lasting TTL.
    FinalTtl,
    /// Every sender, whatever its caches hold, delivers under DANE.
    FinalProof,
    /// No enforcing MTA-STS policy that a sender may hold rejects the hosts that the way back leads to. A way back.
    MtaStsBack,
    /// The MX record set holds the records that were there before the move. A way back.
    RestoreMx,
    /// The MX record set is what it was before the move, with its TTL. A way back.
    RestoreTtl,
    /// The MTA-STS policy and its record are what they were before the move. A way back.
    RestoreMtaSts,
    /// The parent zone publishes no DS for the zone. A way back.
    WithdrawDs,
    /// No authoritative server serves signatures of the zone. A way back.
    UnsignZone,
    /// Inbound SMTP DANE is off at Microsoft. First aid.
    DisableDane,
    /// No TLSA records of the domain's host are served, or in a cache. First aid.
    VerifyNoTlsa,
    /// Each MX host of a gateway has TLSA records that match its certificate on every address.
    ProveGateway,
    /// A person has done, or seen, what nobody can see from here.
    Confirm,
}

/// The type of a step's argument, with the bounds that hold for everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentType {
    /// Seconds from `min` to `max`, both included; written as a plain number or like `5m`.
    Seconds {
        /// Smallest allowed value.
        min: u32,
        /// Largest allowed value.
        max: u32,
    },
    /// An MX preference (RFC 5321 section 5.1), 0 to 65535; smaller is preferred.
    Preference,
    /// One of a closed list of words.
    Choice(&'static [&'static str]),
}

/// The value that an argument has when the playbook leaves it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentDefault {
    /// The playbook must give it.
    Required,
    /// A number: seconds, or a preference.
    Number(u32),
    /// One of the choices.
    Word(&'static str),
}

/// One argument of a step kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// The key under `with:`.
    pub name: &'static str,
    /// Its type and bounds.
    pub ty: ArgumentType,
    /// What it is when left out.
    pub default: ArgumentDefault,
    /// One sentence about it.
    pub about: &'static str,
}

/// The largest TTL that the DNS can carry (RFC 2181 section 8: 31 bits).
pub const LARGEST_TTL: u32 = 0x7fff_ffff;
/// A soak longer than this is a mistake in the unit: 30 days.
pub const LONGEST_SOAK: u32 = 30 * 86_400;

const TTL: ArgumentType = ArgumentType::Seconds {
    min: 1,
    max: LARGEST_TTL,
};
const SOAK: ArgumentType = ArgumentType::Seconds {
    min: 0,
    max: LONGEST_SOAK,
};

impl StepKind {
    /// Every kind, in the order of the documented procedure.
    pub const ALL: [Self; 27] = [
        Self::Preflight,
        Self::TlsRpt,
        Self::LowerTtl,
        Self::SignZone,
        Self::Delegate,
        Self::EnableDnssec,
        Self::ProveHost,
        Self::MtaSts,
        Self::AddMx,
        Self::VerifyMx,
        Self::SwapMx,
        Self::RemoveMx,
        Self::MtaStsAfter,
        Self::EnableDane,
        Self::VerifyTlsa,
        Self::FinalTtl,
        Self::FinalProof,
        Self::MtaStsBack,
        Self::RestoreMx,
        Self::RestoreTtl,
        Self::RestoreMtaSts,
        Self::WithdrawDs,
        Self::UnsignZone,
        Self::DisableDane,
        Self::VerifyNoTlsa,
        Self::ProveGateway,
        Self::Confirm,
    ];

    /// Whether it belongs to a way back: it needs no preflight, because it starts from what a run kept.
    pub const fn is_way_back(self) -> bool {
        matches!(
            self,
            Self::MtaStsBack
                | Self::RestoreMx
                | Self::RestoreTtl
                | Self::RestoreMtaSts
                | Self::WithdrawDs
                | Self::UnsignZone
        ) || self.is_first_aid()
    }

    /// Whether it helps where something is broken, so that nothing else may have to be right for it.
    pub const fn is_first_aid(self) -> bool {
        matches!(self, Self::DisableDane | Self::VerifyNoTlsa)
    }

    /// Whether its gate is the whole of it: a person's word ends it.
    pub const fn is_a_persons_word(self) -> bool {
        matches!(self, Self::Confirm)
    }

    /// Whether it changes the MX record set on the way to the new host.
    pub const fn moves_mx(self) -> bool {
        matches!(
            self,
            Self::LowerTtl | Self::AddMx | Self::SwapMx | Self::RemoveMx | Self::FinalTtl
        )
    }

    /// The word used in playbooks, output and the journal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::LowerTtl => "lower-ttl",
            Self::SignZone => "sign-zone",
            Self::Delegate => "delegate",
            Self::EnableDnssec => "enable-dnssec",
            Self::ProveHost => "prove-host",
            Self::TlsRpt => "tls-rpt",
            Self::MtaSts => "mta-sts",
            Self::MtaStsAfter => "mta-sts-after",
            Self::MtaStsBack => "mta-sts-back",
            Self::RestoreMtaSts => "restore-mta-sts",
            Self::AddMx => "add-mx",
            Self::VerifyMx => "verify-mx",
            Self::SwapMx => "swap-mx",
            Self::RemoveMx => "remove-mx",
            Self::EnableDane => "enable-dane",
            Self::VerifyTlsa => "verify-tlsa",
            Self::FinalTtl => "final-ttl",
            Self::FinalProof => "final-proof",
            Self::RestoreMx => "restore-mx",
            Self::RestoreTtl => "restore-ttl",
            Self::WithdrawDs => "withdraw-ds",
            Self::UnsignZone => "unsign-zone",
            Self::DisableDane => "disable-dane",
            Self::VerifyNoTlsa => "verify-no-tlsa",
            Self::ProveGateway => "prove-gateway",
            Self::Confirm => "confirm",
        }
    }

    /// The goal state, in one sentence.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Preflight => {
                "The domain is in a state from which the move is possible, and everything that is needed is at hand."
            }
            Self::TlsRpt => {
                "Senders are asked to report on TLS, where the domain file says where to. A record that is there is left alone."
            }
            Self::LowerTtl => "The MX record set has a small TTL.",
            Self::SignZone => "Every authoritative server serves the zone with valid signatures.",
            Self::Delegate => "The parent zone publishes a DS that matches the signed zone.",
            Self::EnableDnssec => "Microsoft has assigned the domain a host under mx.microsoft.",
            Self::ProveHost => {
                "The new host accepts the domain's mail on every address, over STARTTLS with a valid certificate."
            }
            Self::MtaSts => {
                "No enforcing MTA-STS policy that a sender may hold rejects the new host."
            }
            Self::MtaStsAfter => {
                "The MTA-STS policy names the hosts that take the mail after the move and no other, and is enforced as it was."
            }
            Self::MtaStsBack => {
                "No enforcing MTA-STS policy that a sender may hold rejects the hosts that the way back leads to. A way back."
            }
            Self::RestoreMtaSts => {
                "The MTA-STS policy and its record are what they were before the move. A way back."
            }
            Self::AddMx => {
                "The new host is in the MX record set, less preferred than the legacy host."
            }
            Self::VerifyMx => {
                "Every vantage sees the expected MX record set and its hosts accept mail."
            }
            Self::SwapMx => "The new host is preferred to the legacy host, changed in one write.",
            Self::RemoveMx => "The legacy host is no longer in the MX record set.",
            Self::EnableDane => "Inbound SMTP DANE is on at Microsoft.",
            Self::VerifyTlsa => {
                "TLSA records of the new host are published, secure, and match its certificate on every address."
            }
            Self::FinalTtl => "The MX record set has its lasting TTL.",
            Self::FinalProof => "Every sender, whatever its caches hold, delivers under DANE.",
            Self::RestoreMx => {
                "The MX record set holds the records that were there before the move. A way back."
            }
            Self::RestoreTtl => {
                "The MX record set is what it was before the move, with its TTL. A way back."
            }
            Self::WithdrawDs => "The parent zone publishes no DS for the zone. A way back.",
            Self::UnsignZone => {
                "No authoritative server serves signatures of the zone. A way back."
            }
            Self::DisableDane => "Inbound SMTP DANE is off at Microsoft. First aid.",
            Self::VerifyNoTlsa => {
                "No TLSA records of the domain's host are served, or in a cache. First aid."
            }
            Self::ProveGateway => {
                "Each MX host of a gateway has TLSA records that match its certificate on every address."
            }
            Self::Confirm => "A person has done, or seen, what nobody can see from here.",
        }
    }

    /// The arguments this kind takes under `with:`.
    pub const fn arguments(self) -> &'static [Argument] {
        match self {
            Self::LowerTtl => &[
                Argument {
                    name: "ttl",
                    ty: TTL,
                    default: ArgumentDefault::Number(60),
                    about: "TTL of the MX record set during the move, in seconds.",
                },
                Argument {
                    name: "until",
                    ty: ArgumentType::Choice(&["visible", "expired"]),
                    default: ArgumentDefault::Word("visible"),
                    about: "Done when every authoritative address serves the new TTL, or when the old TTL has expired everywhere.",
                },
            ],
            Self::AddMx => &[Argument {
                name: "preference",
                ty: ArgumentType::Preference,
                default: ArgumentDefault::Number(20),
                about: "Preference of the new host when added. It is always written larger than that of the legacy host.",
            }],
            Self::VerifyMx => &[
                Argument {
                    name: "expect",
                    ty: ArgumentType::Choice(&["original", "added", "swapped", "removed"]),
                    default: ArgumentDefault::Required,
                    about: "The MX record set that must be seen.",
                },
                Argument {
                    name: "soak",
                    ty: SOAK,
                    default: ArgumentDefault::Number(0),
                    about: "How long it must stay good, in seconds, before the next step.",
                },
            ],
            Self::SwapMx => &[
                Argument {
                    name: "preference",
                    ty: ArgumentType::Preference,
                    default: ArgumentDefault::Number(0),
                    about: "Preference of the new host after the swap.",
                },
                Argument {
                    name: "legacy_preference",
                    ty: ArgumentType::Preference,
                    default: ArgumentDefault::Number(30),
                    about: "Preference of the legacy host after the swap.",
                },
            ],
            Self::FinalTtl => &[Argument {
                name: "ttl",
                ty: TTL,
                default: ArgumentDefault::Number(3600),
                about: "Lasting TTL of the MX record set, in seconds.",
            }],
            Self::RestoreMx => &[Argument {
                name: "ttl",
                ty: TTL,
                default: ArgumentDefault::Number(60),
                about: "TTL of the restored MX record set until it is proven, in seconds; never above the original one.",
            }],
            Self::Preflight
            | Self::RestoreTtl
            | Self::WithdrawDs
            | Self::UnsignZone
            | Self::DisableDane
            | Self::VerifyNoTlsa
            | Self::ProveGateway
            | Self::Confirm
            | Self::SignZone
            | Self::Delegate
            | Self::EnableDnssec
            | Self::ProveHost
            | Self::TlsRpt
            | Self::MtaSts
            | Self::MtaStsAfter
            | Self::MtaStsBack
            | Self::RestoreMtaSts
            | Self::RemoveMx
            | Self::EnableDane
            | Self::VerifyTlsa
            | Self::FinalProof => &[],
        }
    }

    /// Whether a playbook may hold several steps of this kind: those that only look.
    pub const fn repeatable(self) -> bool {
        matches!(
            self,
            Self::ProveHost
                | Self::MtaSts
                | Self::VerifyMx
                | Self::VerifyTlsa
                | Self::ProveGateway
                | Self::Confirm
        )
    }

    /// The argument of this name.
    pub fn argument(self, name: &str) -> Option<&'static Argument> {
        self.arguments()
            .iter()
            .find(|argument| argument.name == name)
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The word is no step kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no step kind")]
pub struct UnknownStepKind;

impl FromStr for StepKind {
    type Err = UnknownStepKind;

    fn from_str(text: &str) -> Result<Self, UnknownStepKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or(UnknownStepKind)
    }
}
