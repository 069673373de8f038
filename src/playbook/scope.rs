//! What a playbook is about, by its steps: preflight asks for what these need, and for nothing else.

use serde::{Deserialize, Serialize};

use super::Step;
use super::kind::StepKind;

/// What a playbook is about. It is read from the steps and cannot be written, so that nobody can ask for less than they need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The MX moves to the new host, or it cannot be said: everything is asked for.
    #[default]
    Move,
    /// The MX is at the new host already and stays; DANE is turned on.
    Dane {
        /// Whether the playbook itself brings the DS to the parent.
        signs: bool,
    },
    /// The MX is a gateway's and stays; what moves is where the gateway delivers to.
    Gateway {
        /// The same.
        signs: bool,
    },
    /// Signing and the DS: who takes the mail, and where, does not matter.
    Dnssec,
}

impl Scope {
    /// What these steps are about.
    pub(super) fn of(steps: &[Step]) -> Self {
        let has = |kind| steps.iter().any(|step| step.kind == kind);
        let signs = has(StepKind::Delegate);
        let only_signs = |step: &Step| {
            matches!(
                step.kind,
                StepKind::Preflight | StepKind::SignZone | StepKind::Delegate | StepKind::Confirm
            )
        };
        if steps.iter().any(|step| step.kind.moves_mx()) {
            Self::Move
        } else if has(StepKind::ProveGateway) {
            Self::Gateway { signs }
        } else if has(StepKind::EnableDane) {
            Self::Dane { signs }
        } else if signs && steps.iter().all(only_signs) {
            Self::Dnssec
        } else {
            Self::Move
        }
    }

    /// Whether the zone or its delegation is changed, so that the DNS provider is needed.
    #[must_use]
    pub const fn changes_dns(self) -> bool {
        match self {
            Self::Move | Self::Dnssec => true,
            Self::Dane { signs } | Self::Gateway { signs } => signs,
        }
    }

    /// Whether the tenant and Exchange Online are needed.
    #[must_use]
    pub const fn asks_microsoft(self) -> bool {
        !matches!(self, Self::Dnssec)
    }

    /// Whether mail enters at hosts of Microsoft's, which must be taking it now.
    #[must_use]
    pub const fn enters_at_microsoft(self) -> bool {
        matches!(self, Self::Move | Self::Dane { .. })
    }

    /// Whether the chain of trust must be there from the start, because no step brings it about.
    #[must_use]
    pub const fn must_be_signed(self) -> bool {
        matches!(
            self,
            Self::Dane { signs: false } | Self::Gateway { signs: false }
        )
    }
}
