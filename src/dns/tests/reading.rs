//! What the tests read out of a survey and a chain.

use crate::dns::chain::ChainOfTrust;
use crate::dns::survey::{Denial, DsFit, DsLink};
use crate::dns::{Kind, Outcome, ServerSurvey, Status};

impl Denial {
    /// Whether this is an absence that validates.
    pub(in crate::dns) fn is_proven(&self) -> bool {
        self.status.is_secure()
            && matches!(self.answer.outcome, Outcome::NoData | Outcome::NxDomain)
    }
}

impl DsLink {
    /// Whether a validator can go through this DS to the zone as this address serves it.
    pub(in crate::dns) fn holds(&self) -> bool {
        self.fit == DsFit::Fits && self.signs_keys
    }
}

impl ServerSurvey {
    /// Our verdict about `kind`, as this address serves it.
    pub(in crate::dns) fn verdict(&self, kind: Kind) -> Option<&Status> {
        self.verdicts
            .iter()
            .find(|set| set.kind == kind)
            .map(|set| &set.status)
    }

    /// The worst of its verdicts, absences included.
    pub(in crate::dns) fn status(&self) -> Status {
        let sets = self.verdicts.iter().map(|set| &set.status);
        let denials = self.denials.iter().map(|denial| &denial.status);
        sets.chain(denials)
            .fold(Status::Secure, |all, next| all.and(next.clone()))
    }
}

impl ChainOfTrust {
    /// The status of the zone that holds the name: that of the last link.
    pub(in crate::dns) fn status(&self) -> Status {
        match (self.zones.last(), &self.trouble) {
            (Some(last), None) => last.status.clone(),
            (_, trouble) => Status::Indeterminate {
                why: trouble.clone().unwrap_or_default(),
            },
        }
    }
}
