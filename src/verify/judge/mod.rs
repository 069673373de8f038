//! From what was seen to a verdict: pure, so that every row of it is a table test.
//!
//! A file per area; each adds its findings and asks nobody.

mod hosts;
mod mx;
mod opinions;
mod policy;
mod senders;
mod texts;
mod vantages;
mod zone;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::catalogue::{self, Concern};
use super::report::{Report, Verdict};
use super::rows;
use super::view::{DomainView, Wish};
use crate::dane::ProbeResult;
use crate::dane::sender::{self, Arrives, Delivery, Mail, Safety, deliver_all, deliver_sloppy};
use crate::finding::{Finding, Severity};

/// What the areas find.
#[derive(Debug, Default)]
struct Found {
    findings: Vec<Finding>,
    /// When the last cache that holds something older must have dropped it.
    not_before: Option<Timestamp>,
}

impl Found {
    fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn until(&mut self, until: Timestamp) {
        self.not_before = self.not_before.max(Some(until));
    }
}

/// Judges a look, for somebody who wants to know `wish`.
#[must_use]
pub fn judge(view: DomainView, wish: Wish, now: Timestamp) -> Report {
    let mut found = Found::default();
    mx::judge(&view, &mut found);
    zone::judge(&view, now, &mut found);
    hosts::judge(&view, now, &mut found);
    policy::judge(&view, &mut found);
    texts::judge(&view, &mut found);
    opinions::judge(&view, &mut found);
    vantages::judge(&view, now, &mut found);
    let hosts: Vec<_> = view
        .hosts
        .iter()
        .map(|host| (host.preference, &host.view))
        .collect();
    let mail = Mail {
        mx: &view.mx,
        hosts: &hosts,
        policy: &view.policy,
    };
    let senders = deliver_all(&mail);
    let sloppy = deliver_sloppy(&mail, &senders::asked_anyway(&view));
    let safety = sender::safe(&senders);
    senders::judge(&view, &senders, &mut found);
    let not_before = found.not_before;
    let mut findings = found.findings;
    if wish == Wish::Delivery {
        for finding in &mut findings {
            soften(finding);
        }
    }
    // Gravest first; among equals the order of the areas.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut seen = BTreeSet::new();
    findings.retain(|f| seen.insert((f.id.clone(), f.about.clone(), f.what.clone())));
    let verdict = verdict(&findings, not_before);
    Report {
        headline: headline(&view, wish, verdict, &findings, &senders, &safety),
        rows: rows::rows(&view),
        verdict,
        findings,
        senders,
        sloppy,
        safety,
        view,
    }
}

/// Where only arrival is asked for, missing protection is worth knowing and no more.
fn soften(finding: &mut Finding) {
    let protects =
        catalogue::rule(&finding.id).is_some_and(|rule| rule.concern == Concern::Protection);
    if protects && finding.severity > Severity::Warning {
        finding.severity = Severity::Warning;
    }
}

fn verdict(findings: &[Finding], not_before: Option<Timestamp>) -> Verdict {
    let worst = findings.iter().map(|finding| finding.severity).max();
    match (worst, not_before) {
        (Some(Severity::Blocker), _) => Verdict::Forbidden,
        (Some(Severity::CouldNotTell), _) => Verdict::CouldNotTell,
        (_, Some(from)) => Verdict::NotYet { from },
        _ => Verdict::Safe,
    }
}

/// The answer in a sentence: what it is worth, then the gravest reason.
///
/// That mail arrives is said only where hosts were asked and every one of them told.
fn headline(
    view: &DomainView,
    wish: Wish,
    verdict: Verdict,
    findings: &[Finding],
    senders: &[Delivery],
    safety: &Safety,
) -> String {
    let first = findings.first().map(|finding| finding.what.as_str());
    let probed = view.extent == super::Extent::Full;
    match verdict {
        Verdict::Safe if probed => format!(
            "mail arrives from every sender{}{}",
            match safety {
                Safety::Late { .. } => ", some of it late",
                _ => "",
            },
            match wish {
                Wish::Dane => ", protected by DANE where the sender uses it",
                Wish::Delivery => "",
            }
        ),
        Verdict::Safe => format!(
            "the DNS {} right for mail{}; no host was probed",
            if with_captured_chains(view) {
                "and the captured chains are"
            } else {
                "is"
            },
            match wish {
                Wish::Dane => " protected by DANE",
                Wish::Delivery => "",
            }
        ),
        Verdict::NotYet { from } => {
            format!(
                "right, but some caches may hold what was before until {}{}",
                crate::kernel::utc(from),
                if probed { "" } else { "; no host was probed" }
            )
        }
        Verdict::CouldNotTell => first.unwrap_or("nothing usable was seen").to_owned(),
        Verdict::Forbidden => {
            let arrival = |severity| {
                findings.iter().any(|finding| {
                    finding.severity == severity
                        && catalogue::rule(&finding.id)
                            .is_none_or(|rule| rule.concern == Concern::Arrival)
                })
            };
            let lost = |sender: &Delivery| sender.arrives == Arrives::No;
            // Where anything else stands in the way, it is not the senders' fault.
            let only_senders = || {
                let mut stopping = findings.iter().filter(|finding| finding.stops());
                stopping.all(|finding| finding.id.starts_with("sender."))
            };
            let what = if matches!(safety, Safety::Fragile { .. }) && only_senders() {
                "conformant but fragile"
            } else if probed && !senders.is_empty() && senders.iter().all(lost) {
                "mail does not arrive"
            } else if arrival(Severity::Blocker) {
                "mail does not arrive from every sender"
            } else if arrival(Severity::CouldNotTell) {
                "mail is not protected by DANE, and whether it arrives could not be told"
            } else if probed {
                "mail arrives, but is not protected by DANE"
            } else {
                "mail is not protected by DANE (no host was probed)"
            };
            format!("{what}: {}", first.unwrap_or("see the findings"))
        }
    }
}

/// Whether a chain that was captured elsewhere stands for at least one address.
fn with_captured_chains(view: &DomainView) -> bool {
    view.hosts
        .iter()
        .flat_map(|host| &host.view.addresses)
        .any(|address| matches!(address.probe.result, ProbeResult::Given { .. }))
}
