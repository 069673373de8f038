//! All kinds of senders together.

use serde::{Deserialize, Serialize};

use super::{Arrives, Delivery, Profile};

/// Whether every kind of sender is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "safety")]
pub enum Safety {
    /// All mail arrives and is protected, whoever sends.
    Safe,
    /// The same, only that a host puts mail off at first (greylisting): nothing fails, and nothing leaves unprotected.
    Late {
        /// Whose.
        late: Vec<Profile>,
    },
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
    /// Some mail does not arrive, or only after failing somewhere.
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

impl Safety {
    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Late { .. } => "late",
            Self::Fragile { .. } => "fragile",
            Self::Unprotected { .. } => "unprotected",
            Self::Undelivered { .. } => "undelivered",
            Self::CouldNotTell { .. } => "could-not-tell",
        }
    }

    /// The kinds of senders that keep it from being safe: those that fail, or are late, or of whom it is not known.
    #[must_use]
    pub fn short_of_it(&self) -> &[Profile] {
        match self {
            Self::Safe => &[],
            Self::Late { late } => late,
            Self::Fragile { failing }
            | Self::Unprotected { failing }
            | Self::Undelivered { failing } => failing,
            Self::CouldNotTell { unknown } => unknown,
        }
    }
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
    let profiles = |all: &mut dyn Iterator<Item = &Delivery>| -> Vec<Profile> {
        all.map(|delivery| delivery.profile).collect()
    };
    let failing = profiles(&mut counted().filter(|d| d.is_bad() && !d.is_only_late()));
    if failing.is_empty() {
        let unknown: Vec<Profile> = Profile::ALL
            .into_iter()
            .filter(|p| {
                let mut of_it = counted().filter(|d| d.profile == *p).peekable();
                of_it.peek().is_none() || !of_it.all(|d| d.is_good() || d.is_only_late())
            })
            .collect();
        let late = profiles(&mut counted().filter(|d| d.is_only_late()));
        return if !unknown.is_empty() {
            Safety::CouldNotTell { unknown }
        } else if !late.is_empty() {
            Safety::Late { late }
        } else {
            Safety::Safe
        };
    }
    let of_rfc = || counted().filter(|d| d.profile == Profile::Rfc);
    if of_rfc().next().is_some() && of_rfc().all(Delivery::is_good) {
        return Safety::Fragile { failing };
    }
    let lost = |d: &Delivery| {
        d.profile != Profile::Mandatory
            && matches!(d.arrives, Arrives::No | Arrives::Degraded)
            && !d.is_only_late()
    };
    if counted().any(lost) {
        Safety::Undelivered { failing }
    } else {
        Safety::Unprotected { failing }
    }
}
