//! What the merged reports mean: a finding for each domain and reason, with who met it where.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::{self, Rule};
use super::{Domain, Failure, FailureKey, PolicyKind, ReportError, Summary};
use crate::finding::{Evidence, Finding, Severity};
use crate::kernel::utc;

/// So many lines of evidence a finding carries; the counts are of all.
const SHOWN: usize = 20;

/// A failure and what makes it one.
type Met<'a> = (&'a FailureKey, &'a Failure);

/// Every finding, the gravest first.
#[must_use]
pub fn judge(summary: &Summary) -> Vec<Finding> {
    let mut found: Vec<Finding> = summary
        .domains
        .iter()
        .flat_map(|(name, domain)| of_domain(name, domain))
        .collect();
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}

/// That a file is no report.
#[must_use]
pub fn unreadable(file: &str, error: &ReportError) -> Finding {
    catalogue::UNREADABLE
        .found(format!("{file} was not counted: {error}"))
        .about(file)
}

fn of_domain(name: &str, domain: &Domain) -> Vec<Finding> {
    let mut by_rule: BTreeMap<&str, (&Rule, Vec<Met<'_>>)> = BTreeMap::new();
    for (key, failure) in &domain.failures {
        let rule = catalogue::of(&key.result);
        let entry = by_rule.entry(rule.id).or_insert_with(|| (rule, Vec::new()));
        entry.1.push((key, failure));
    }
    let mut found: Vec<Finding> = by_rule
        .into_values()
        .map(|(rule, failures)| failed(name, rule, &failures))
        .collect();
    found.extend(domain.unexplained.iter().map(|(kind, sessions)| {
        let what = format!(
            "{sessions} sessions failed without a reason, under {}",
            kind.words()
        );
        of(name, &catalogue::UNEXPLAINED, what)
    }));
    if let Some(bare) = domain.policies.get(&PolicyKind::NoPolicyFound)
        && bare.all() > 0
    {
        let what = format!(
            "in {} of {} sessions the sender found no policy",
            bare.all(),
            domain.sessions().all()
        );
        found.push(of(name, &catalogue::UNPROTECTED, what));
    }
    found
}

fn of(domain: &str, rule: &Rule, what: String) -> Finding {
    let finding = rule.found(format!("{domain}: {what}")).about(domain);
    let mend = finding.mend.replace("DOMAIN", domain);
    finding.mending(mend)
}

fn failed(domain: &str, rule: &Rule, failures: &[Met<'_>]) -> Finding {
    let sessions = failures.iter().fold(0_u64, |sum, (_, failure)| {
        sum.saturating_add(failure.sessions)
    });
    let distinct = |of: fn(&FailureKey) -> &str| -> BTreeSet<&str> {
        failures
            .iter()
            .map(|(key, _)| of(key))
            .filter(|text| !text.is_empty())
            .collect()
    };
    let hosts = distinct(|key| &key.receiving_mx);
    let senders = distinct(|key| &key.sending_mta);
    let results = distinct(|key| key.result.as_str());
    let from = failures.iter().map(|(_, failure)| failure.from).min();
    let to = failures.iter().map(|(_, failure)| failure.to).max();
    let mut what = format!(
        "{sessions} sessions failed with {}",
        results.into_iter().collect::<Vec<_>>().join(", ")
    );
    if !hosts.is_empty() {
        let few: Vec<_> = hosts.iter().copied().take(3).collect();
        let more = hosts.len().saturating_sub(few.len());
        what += &format!(" at {}", few.join(", "));
        if more > 0 {
            what += &format!(" and {more} more");
        }
    }
    if !senders.is_empty() {
        what += &format!(", from {} sending hosts", senders.len());
    }
    if let (Some(from), Some(to)) = (from, to) {
        what += &format!(", reported for {} to {}", utc(from), utc(to));
    }
    let mut finding = of(domain, rule, what).shown_by(evidence(failures));
    // Without a policy that demands TLS the mail went out all the same.
    let kept = failures.iter().any(|(key, _)| key.policy.demands_tls());
    if !kept {
        finding = finding.weighing(rule.severity.min(Severity::Warning));
    }
    finding
}

/// The failures with most sessions first.
fn evidence(failures: &[Met<'_>]) -> Vec<Evidence> {
    let mut sorted: Vec<_> = failures.to_vec();
    sorted.sort_by(|a, b| b.1.sessions.cmp(&a.1.sessions).then_with(|| a.0.cmp(b.0)));
    let unless_empty = |text: &str| match text {
        "" => "a host that is not named".to_owned(),
        text => text.to_owned(),
    };
    sorted
        .into_iter()
        .take(SHOWN)
        .map(|(key, failure)| {
            let names: Vec<_> = failure
                .organizations
                .iter()
                .map(|name| unless_empty(name))
                .collect();
            let reasons: Vec<_> = failure.reasons.iter().map(String::as_str).collect();
            let mut said = format!("{} sessions: {}", failure.sessions, key.result);
            if !reasons.is_empty() {
                said += &format!(" ({})", reasons.join(" | "));
            }
            Evidence {
                from: names.join(", "),
                about: format!(
                    "{} to {}, {}",
                    unless_empty(&key.sending_mta),
                    unless_empty(&key.receiving_mx),
                    key.policy.words()
                ),
                said,
                at: Some(failure.to),
                ..Evidence::default()
            }
        })
        .collect()
}
