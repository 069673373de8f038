//! All kinds of senders together.

use serde::{Deserialize, Serialize};

use super::{Arrives, Delivery, Profile};

/// Whether every kind of sender is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "safety")]
pub enum Safety {
    /// All mail arrives and is protected, whoever sends.
    Safe,
    /// Conformant but fragile: a sender by the RFC is served, another kind is not.
    Fragile {
        /// Which.
        failing: Vec<Profile>,
    },
    /// All mail arrives, not all of it protected. A sender that makes DANE mandatory delivers nothing to such a domain,
    /// which is what it is told to do.
    Unprotected {
        /// Whose.
        failing: Vec<Profile>,
    },
    /// Some mail does not arrive, or late.
    Undelivered {
        /// Whose.
        failing: Vec<Profile>,
    },
    /// Nothing is known to be wrong, and not all is known.
    CouldNotTell {
        /// Of whom.
        unknown: Vec<Profile>,
    },
}

/// Whether the domain is safe: every profile's mail arrives, protected as is to be expected.
///
/// Only [`Profile::ALL`] count, and one of them that is missing counts as not known.
#[must_use]
pub fn safe(deliveries: &[Delivery]) -> Safety {
    let counted = || {
        deliveries
            .iter()
            .filter(|d| Profile::ALL.contains(&d.profile))
    };
    let failing: Vec<Profile> = counted()
        .filter(|d| d.is_bad())
        .map(|d| d.profile)
        .collect();
    if failing.is_empty() {
        let unknown: Vec<Profile> = Profile::ALL
            .into_iter()
            .filter(|p| {
                let mut of_it = counted().filter(|d| d.profile == *p).peekable();
                of_it.peek().is_none() || !of_it.all(Delivery::is_good)
            })
            .collect();
        return if unknown.is_empty() {
            Safety::Safe
        } else {
            Safety::CouldNotTell { unknown }
        };
    }
    let of_rfc = || counted().filter(|d| d.profile == Profile::Rfc);
    if of_rfc().next().is_some() && of_rfc().all(Delivery::is_good) {
        return Safety::Fragile { failing };
    }
    let lost = |d: &Delivery| {
        d.profile != Profile::Mandatory && matches!(d.arrives, Arrives::No | Arrives::Degraded)
    };
    if counted().any(lost) {
        Safety::Undelivered { failing }
    } else {
        Safety::Unprotected { failing }
    }
}
