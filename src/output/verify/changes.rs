//! What differs between two looks at the same domain.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::page::{Line, Page, Tone};
use super::super::{text, time};
use super::{json as objects, weight, word};
use crate::finding::Finding;
use crate::verify::{Report, Row};

/// What came, went, or is otherwise now.
#[derive(Debug, Default)]
pub struct Changes {
    verdict: bool,
    came: Vec<Finding>,
    went: Vec<Finding>,
    rows: Vec<(Option<Row>, Option<Row>)>,
}

/// Compares two looks. Times and evidence alone are no change.
#[must_use]
pub fn changes(before: &Report, after: &Report) -> Changes {
    let key = |f: &Finding| (f.id.clone(), f.about.clone(), f.severity);
    let without = |some: &[Finding], others: &[Finding]| -> Vec<Finding> {
        some.iter()
            .filter(|f| !others.iter().any(|other| key(other) == key(f)))
            .cloned()
            .collect()
    };
    let by_place = |report: &Report| -> BTreeMap<_, Row> {
        report
            .rows
            .iter()
            .map(|row| {
                let place = (row.host.clone(), row.address, row.key.clone());
                (place, row.clone())
            })
            .collect()
    };
    let (old, mut new) = (by_place(before), by_place(after));
    let mut rows = Vec::new();
    for (place, row) in old {
        match new.remove(&place) {
            Some(now) if same(&row, &now) => {}
            now => rows.push((Some(row), now)),
        }
    }
    rows.extend(new.into_values().map(|row| (None, Some(row))));
    Changes {
        verdict: std::mem::discriminant(&before.verdict) != std::mem::discriminant(&after.verdict),
        came: without(&after.findings, &before.findings),
        went: without(&before.findings, &after.findings),
        rows,
    }
}

fn same(before: &Row, after: &Row) -> bool {
    before.outcome == after.outcome
        && before.spki_sha256 == after.spki_sha256
        && before.web_pki == after.web_pki
}

impl Changes {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.verdict && self.came.is_empty() && self.went.is_empty() && self.rows.is_empty()
    }

    /// For people: a line each, with the time.
    #[must_use]
    pub fn page(&self, report: &Report) -> Page {
        let mut page = Page::new();
        let line = || {
            Line::at(0)
                .dim(time::clock(report.view.at))
                .plain(" ")
                .strong(&report.view.domain)
                .plain(" ")
        };
        if self.verdict {
            let (word, tone) = word(report.verdict);
            page.push(line().tone(tone, word).plain(": ").plain(&report.headline));
        }
        for finding in &self.came {
            let (word, tone) = weight(finding.severity);
            page.push(
                line()
                    .plain("+ ")
                    .tone(tone, word)
                    .plain(format!(" {}: ", finding.id))
                    .plain(&finding.what),
            );
        }
        for finding in &self.went {
            page.push(
                line()
                    .plain("- ")
                    .tone(Tone::Good, "over")
                    .plain(format!(" {}: ", finding.id))
                    .plain(&finding.what),
            );
        }
        for (before, after) in &self.rows {
            let (Some(row), said) = (
                after.as_ref().or(before.as_ref()),
                match (before, after) {
                    (Some(before), Some(after)) => {
                        format!("{} before, {} now", before.outcome, after.outcome)
                    }
                    (None, Some(after)) => format!("new: {}", after.outcome),
                    (_, None) => "gone".to_owned(),
                },
            ) else {
                continue;
            };
            page.push(line().plain(format!(
                "{} {} ({}): {said}",
                text::clean(&row.host),
                row.address,
                row.key
            )));
        }
        page
    }

    /// For programs.
    #[must_use]
    pub fn objects(&self, report: &Report, exit: u8) -> Vec<Value> {
        let domain = &report.view.domain;
        let mut all = Vec::new();
        let change = |kind: &str, mut object: Value| {
            object["change"] = json!(kind);
            object
        };
        for finding in &self.came {
            all.push(change("came", objects::of("finding", domain, finding)));
        }
        for finding in &self.went {
            all.push(change("went", objects::of("finding", domain, finding)));
        }
        for (before, after) in &self.rows {
            let (kind, row) = match (before, after) {
                (Some(_), Some(row)) => ("changed", row),
                (None, Some(row)) => ("came", row),
                (Some(row), None) => ("went", row),
                (None, None) => continue,
            };
            all.push(change(kind, objects::of("address", domain, row)));
        }
        if !self.is_empty() {
            all.push(objects::verdict(report, exit));
        }
        all
    }
}
