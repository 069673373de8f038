//! One row per rule: what is changed in the safe domain, what it comes to, and the neighbour that is something else.

mod causes;
mod domain;
mod hosts;
mod others;
mod senders;
mod signatures;
mod smtp;
mod zone;

use std::collections::BTreeSet;

use super::scene::{judged, now, safe};
use crate::cli::Exit;
use crate::finding::Severity;
use crate::verify::catalogue::ALL;
use crate::verify::{DomainView, Report, Verdict, Wish, judge};

pub(super) type Change = fn(&mut DomainView);

pub(super) struct Row {
    pub(super) id: &'static str,
    /// Brings the finding about.
    pub(super) change: Change,
    severity: Severity,
    /// The exit code of the whole verdict, asked for DANE, and asked for delivery.
    exits: [u8; 2],
    /// Like it, and without this finding.
    near: Change,
}

pub(super) const fn row(
    id: &'static str,
    severity: Severity,
    exits: [u8; 2],
    change: Change,
    near: Change,
) -> Row {
    Row {
        id,
        change,
        severity,
        exits,
        near,
    }
}

pub(super) fn rows() -> Vec<Row> {
    [
        domain::rows(),
        zone::rows(),
        hosts::rows(),
        smtp::rows(),
        others::rows(),
        senders::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The ids with their severities, for a message.
pub(super) fn told(report: &Report) -> String {
    let all: Vec<String> = report
        .findings
        .iter()
        .map(|f| format!("{:?} {} {}: {}", f.severity, f.id, f.about, f.what))
        .collect();
    format!(
        "{:?} {}\n  {}",
        report.verdict,
        report.headline,
        all.join("\n  ")
    )
}

#[test]
fn the_domain_of_the_scene_is_safe() {
    for wish in [Wish::Dane, Wish::Delivery] {
        let view = safe();
        let report = judge(view.clone(), wish, now(&view));
        assert_eq!(report.verdict, Verdict::Safe, "{}", told(&report));
        let worst = report.findings.iter().map(|f| f.severity).max();
        assert!(worst <= Some(Severity::Note), "{}", told(&report));
    }
}

#[test]
fn each_rule_is_found_with_its_weight_and_its_neighbour_is_not() {
    let mut wrong = Vec::new();
    for row in rows() {
        let mut view = safe();
        (row.change)(&mut view);
        for (wish, exit) in [(Wish::Dane, row.exits[0]), (Wish::Delivery, row.exits[1])] {
            let report = judge(view.clone(), wish, now(&view));
            let found = report.findings.iter().find(|f| f.id == row.id);
            let weight = found.map(|f| f.severity);
            // Asked for delivery, a finding about protection may weigh less; the exit code says whether it does.
            let fits = match wish {
                Wish::Dane => weight == Some(row.severity),
                Wish::Delivery => weight.is_some(),
            };
            if !fits {
                wrong.push(format!("{} weighs {weight:?}: {}", row.id, told(&report)));
            }
            let code = Exit::of_verdict(report.verdict).code();
            if code != exit {
                wrong.push(format!(
                    "{} for {wish:?} exits {code}, not {exit}: {}",
                    row.id,
                    told(&report)
                ));
            }
        }
        let mut near = safe();
        (row.near)(&mut near);
        let report = judged(&near);
        if report.findings.iter().any(|f| f.id == row.id) {
            wrong.push(format!("{} in its neighbour: {}", row.id, told(&report)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_rule_has_a_row() {
    let rows = rows();
    let covered: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
    let known: BTreeSet<_> = ALL.iter().map(|rule| rule.id).collect();
    let missing: Vec<_> = known.difference(&covered).collect();
    let unknown: Vec<_> = covered.difference(&known).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "no row: {missing:?}; no rule: {unknown:?}"
    );
}

#[test]
fn every_finding_of_the_table_is_of_the_catalogue_and_says_something() {
    for row in rows() {
        for change in [row.change, row.near] {
            let mut view = safe();
            change(&mut view);
            for finding in judged(&view).findings {
                let rule = crate::verify::catalogue::rule(&finding.id);
                assert!(rule.is_some(), "{}", finding.id);
                assert!(
                    !finding.what.is_empty() && !finding.what.ends_with('.'),
                    "{finding:?}"
                );
            }
        }
    }
}
