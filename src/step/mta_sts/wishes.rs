//! Who publishes a domain's MTA-STS policy, as the domain file says.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::Setup;

/// Who publishes the policy and the record, and what the policy does during the move.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MtaSts {
    /// Who writes the policy.
    pub policy: PolicyBy,
    /// Whether the DNS provider's API writes the TXT record at `_mta-sts`; else a person does.
    pub record_by_provider: bool,
    /// The mode of the policy while the MX moves.
    pub during_move: DuringMove,
}

impl MtaSts {
    /// How long a policy whose write was never answered has to show before it counts as lost.
    #[must_use]
    pub fn settle(&self, setup: &Setup) -> Duration {
        match self.policy {
            // What an executable began, others may still be carrying on.
            PolicyBy::Program(_) => setup.settle_cmdlet,
            PolicyBy::Hand | PolicyBy::File(_) => setup.settle,
        }
    }

    /// Whether nothing is left to a person.
    #[must_use]
    pub fn writes_all(&self) -> bool {
        self.policy != PolicyBy::Hand && self.record_by_provider
    }
}

/// Who writes the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyBy {
    /// A person.
    #[default]
    Hand,
    /// This program, into a file that a web server serves.
    File(String),
    /// An executable that is given the policy.
    Program(String),
}

/// The mode of an enforcing policy while the MX moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DuringMove {
    /// It stays enforced, and names old and new hosts: protection never drops (RFC 8461 section 8.1).
    #[default]
    Enforce,
    /// It only tests, as Microsoft's page has it.
    Testing,
}
