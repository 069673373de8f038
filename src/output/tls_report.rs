//! Merged TLS reports for people and programs.

use serde_json::{Value, json};

use super::page::{Line, Page, Tone};
use super::{messages, rules, text, time};
use crate::finding::Finding;
use crate::tls_report::{Domain, Summary, catalogue};

/// So many failures of a domain are shown; programs get all of them.
const SHOWN: usize = 30;

/// By domain: sessions, failures, and what they mean.
#[must_use]
pub fn page(summary: &Summary, findings: &[Finding]) -> Page {
    let mut page = Page::new();
    for (name, domain) in &summary.domains {
        page.gap();
        sessions(name, domain, &mut page);
        failures(domain, &mut page);
        for finding in findings.iter().filter(|finding| finding.about == *name) {
            page.extend(messages::finding(2, finding));
        }
    }
    let of_files = findings
        .iter()
        .filter(|finding| !summary.domains.contains_key(&finding.about));
    for finding in of_files {
        page.gap();
        page.extend(messages::finding(0, finding));
    }
    page.gap();
    let mut counted = format!("{} counted", reports(summary.reports));
    if summary.repeated > 0 {
        counted += &format!("; {} came more than once", reports(summary.repeated));
    }
    page.push(Line::at(0).plain(format!("{counted}.")));
    page
}

fn reports(count: u64) -> String {
    match count {
        1 => "1 report".to_owned(),
        more => format!("{more} reports"),
    }
}

fn sessions(name: &str, domain: &Domain, page: &mut Page) {
    let all = domain.sessions();
    let line = Line::at(0).strong(name).plain(format!(
        ": {} sessions, {} to {}: ",
        all.all(),
        time::utc(domain.from),
        time::utc(domain.to)
    ));
    page.push(match all.failed {
        0 => line.tone(Tone::Good, "none failed"),
        failed => line.tone(Tone::Bad, format!("{failed} failed")),
    });
    for (kind, of) in &domain.policies {
        page.push(Line::at(2).plain(format!(
            "{}: {} well, {} failed",
            kind.words(),
            of.successful,
            of.failed
        )));
    }
    let by: Vec<String> = domain
        .organizations
        .iter()
        .map(|(name, of)| format!("{} ({})", unless_empty(name), of.all()))
        .collect();
    page.push(Line::at(2).dim("reported by: ").plain(by.join(", ")));
}

fn failures(domain: &Domain, page: &mut Page) {
    let mut sorted: Vec<_> = domain.failures.iter().collect();
    sorted.sort_by(|a, b| b.1.sessions.cmp(&a.1.sessions).then_with(|| a.0.cmp(b.0)));
    if sorted.is_empty() {
        return;
    }
    let rows: Vec<[String; 5]> = sorted
        .iter()
        .take(SHOWN)
        .map(|(key, failure)| {
            [
                failure.sessions.to_string(),
                text::clean(key.result.as_str()),
                key.policy.words().to_owned(),
                text::clean(unless_empty(&key.receiving_mx)),
                text::clean(unless_empty(&key.sending_mta)),
            ]
        })
        .collect();
    let head = ["FAILED", "RESULT", "POLICY", "AT", "FROM"];
    let mut widths = head.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; 5]| {
        let padded = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    page.push(Line::at(2).verbatim().dim(line(head)));
    for row in &rows {
        page.push(
            Line::at(2)
                .verbatim()
                .plain(line(row.each_ref().map(String::as_str))),
        );
    }
    let more = sorted.len().saturating_sub(SHOWN);
    if more > 0 {
        page.push(Line::at(2).dim(format!("and {more} more; --json has all of them")));
    }
}

fn unless_empty(text: &str) -> &str {
    if text.is_empty() { "(not told)" } else { text }
}

/// An object for each domain and finding, and one at the end.
#[must_use]
pub fn objects(summary: &Summary, findings: &[Finding], exit: u8) -> Vec<Value> {
    let mut all: Vec<Value> = summary
        .domains
        .iter()
        .map(|(name, of)| domain(name, of))
        .collect();
    all.extend(findings.iter().map(|finding| {
        let mut object = json!(finding);
        object["type"] = json!("finding");
        object
    }));
    all.push(json!({
        "type": "end", "reports": summary.reports, "repeated": summary.repeated, "exit": exit,
    }));
    all
}

fn domain(name: &str, domain: &Domain) -> Value {
    let policies: Vec<_> = domain
        .policies
        .iter()
        .map(|(policy, of)| {
            let unexplained = domain.unexplained.get(policy).copied().unwrap_or_default();
            json!({"policy": policy, "successful": of.successful, "failed": of.failed, "unexplained": unexplained})
        })
        .collect();
    let organizations: Vec<_> = domain
        .organizations
        .iter()
        .map(|(name, of)| json!({"organization": name, "successful": of.successful, "failed": of.failed}))
        .collect();
    let failures: Vec<_> = domain
        .failures
        .iter()
        .map(|(key, failure)| {
            let mut object = json!(failure);
            object["result"] = json!(key.result);
            object["policy"] = json!(key.policy);
            object["sending_mta"] = json!(key.sending_mta);
            object["receiving_mx"] = json!(key.receiving_mx);
            object
        })
        .collect();
    let all = domain.sessions();
    json!({
        "type": "tls-reports", "domain": name, "from": domain.from, "to": domain.to,
        "successful": all.successful, "failed": all.failed, "policies": policies,
        "organizations": organizations, "failures": failures,
    })
}

/// The catalogue, as `--rules` prints it.
#[must_use]
pub fn catalogue_page() -> Page {
    rules::page_of(catalogue::ALL)
}
