//! Many reports as one answer for each domain.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::{Detail, Policy, PolicyKind, Report, ResultType};

/// So many different reasons of one failure are kept.
const REASONS: usize = 3;

/// Sessions, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sessions {
    /// That went as the policy wants.
    pub successful: u64,
    /// That did not.
    pub failed: u64,
}

impl Sessions {
    fn add(&mut self, policy: &Policy) {
        self.successful = self.successful.saturating_add(policy.successful);
        self.failed = self.failed.saturating_add(policy.failed);
    }

    /// All of them.
    #[must_use]
    pub const fn all(self) -> u64 {
        self.successful.saturating_add(self.failed)
    }
}

/// What makes two failures one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FailureKey {
    /// Why the sessions failed.
    pub result: ResultType,
    /// Under which policy.
    pub policy: PolicyKind,
    /// The sender's host.
    pub sending_mta: String,
    /// The domain's mail host.
    pub receiving_mx: String,
}

/// A failure, over all reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Sessions.
    pub sessions: u64,
    /// The beginning of the first report with it.
    pub from: Timestamp,
    /// The end of the last.
    pub to: Timestamp,
    /// Who reports it.
    pub organizations: BTreeSet<String>,
    /// More about it, in the senders' words; a few of them.
    pub reasons: BTreeSet<String>,
}

/// What the reports say of one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// By policy.
    pub policies: BTreeMap<PolicyKind, Sessions>,
    /// By who reports.
    pub organizations: BTreeMap<String, Sessions>,
    /// The failures of which details were given.
    pub failures: BTreeMap<FailureKey, Failure>,
    /// Failed sessions without details, by policy.
    pub unexplained: BTreeMap<PolicyKind, u64>,
    /// The beginning of the first report.
    pub from: Timestamp,
    /// The end of the last.
    pub to: Timestamp,
}

impl Domain {
    /// Over all policies.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        let mut sum = Sessions::default();
        for of in self.policies.values() {
            sum.successful = sum.successful.saturating_add(of.successful);
            sum.failed = sum.failed.saturating_add(of.failed);
        }
        sum
    }

    fn add(&mut self, report: &Report, policy: &Policy) {
        self.from = self.from.min(report.from);
        self.to = self.to.max(report.to);
        self.policies.entry(policy.kind).or_default().add(policy);
        let organization = report.organization.clone();
        self.organizations
            .entry(organization)
            .or_default()
            .add(policy);
        let mut explained = 0_u64;
        for detail in &policy.details {
            explained = explained.saturating_add(detail.sessions);
            self.fail(report, policy.kind, detail);
        }
        let left = policy.failed.saturating_sub(explained);
        if left > 0 {
            let sum = self.unexplained.entry(policy.kind).or_default();
            *sum = sum.saturating_add(left);
        }
    }

    fn fail(&mut self, report: &Report, policy: PolicyKind, detail: &Detail) {
        if detail.sessions == 0 {
            return;
        }
        let key = FailureKey {
            result: detail.result.clone(),
            policy,
            sending_mta: detail.sending_mta.clone(),
            receiving_mx: detail.receiving_mx.clone(),
        };
        let failure = self.failures.entry(key).or_insert_with(|| Failure {
            sessions: 0,
            from: report.from,
            to: report.to,
            organizations: BTreeSet::new(),
            reasons: BTreeSet::new(),
        });
        failure.sessions = failure.sessions.saturating_add(detail.sessions);
        failure.from = failure.from.min(report.from);
        failure.to = failure.to.max(report.to);
        failure.organizations.insert(report.organization.clone());
        if !detail.reason.is_empty() && failure.reasons.len() < REASONS {
            failure.reasons.insert(detail.reason.clone());
        }
    }
}

/// What all reports say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// By domain.
    pub domains: BTreeMap<String, Domain>,
    /// Reports that count.
    pub reports: u64,
    /// Reports that came again: a sender sends one to each address that the domain names.
    pub repeated: u64,
    seen: BTreeSet<(String, String, Timestamp, Timestamp)>,
}

impl Summary {
    /// Takes a report in, unless it is there.
    pub fn add(&mut self, report: &Report) {
        let name = (
            report.organization.clone(),
            report.id.clone(),
            report.from,
            report.to,
        );
        if !self.seen.insert(name) {
            self.repeated += 1;
            return;
        }
        self.reports += 1;
        for policy in &report.policies {
            self.domains
                .entry(policy.domain.clone())
                .or_insert_with(|| Domain {
                    policies: BTreeMap::new(),
                    organizations: BTreeMap::new(),
                    failures: BTreeMap::new(),
                    unexplained: BTreeMap::new(),
                    from: report.from,
                    to: report.to,
                })
                .add(report, policy);
        }
    }
}
