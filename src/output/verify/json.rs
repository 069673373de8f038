//! One object per finding, per (domain, host, address, key type), per kind of sender, and one for the verdict.

use serde::Serialize;
use serde_json::{Value, json};

use crate::verify::catalogue::{self, Rule};
use crate::verify::{Report, Verdict};

/// All objects of a report, the verdict last.
#[must_use]
pub fn objects(report: &Report, exit: u8) -> Vec<Value> {
    let domain = &report.view.domain;
    let mut all = Vec::new();
    for row in &report.rows {
        all.push(of("address", domain, row));
    }
    for sender in report.senders.iter().chain([&report.sloppy]) {
        all.push(of("sender", domain, sender));
    }
    for finding in &report.findings {
        let mut object = of("finding", domain, finding);
        object["source"] = json!(catalogue::rule(&finding.id).map(|rule| rule.source));
        all.push(object);
    }
    all.push(verdict(report, exit));
    all
}

/// The verdict alone.
pub(super) fn verdict(report: &Report, exit: u8) -> Value {
    let from = match report.verdict {
        Verdict::NotYet { from } => Some(from),
        _ => None,
    };
    json!({
        "type": "verdict",
        "domain": report.view.domain,
        "verdict": word(report.verdict),
        "from": from,
        "headline": report.headline,
        "safety": report.safety.name(),
        "short_of_it": report.safety.short_of_it(),
        "mx": report.view.hosts.iter().map(|host| json!({
            "host": host.view.host,
            "preference": host.preference,
            "outcome": host.view.outcome(),
        })).collect::<Vec<_>>(),
        "extent": report.view.extent,
        "at": report.view.at,
        "exit": exit,
    })
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Safe => "safe",
        Verdict::NotYet { .. } => "not-yet",
        Verdict::CouldNotTell => "could-not-tell",
        Verdict::Forbidden => "forbidden",
    }
}

/// A rule of the catalogue.
#[must_use]
pub fn rule_object(rule: &Rule) -> Value {
    let mut object = json!(rule);
    object["type"] = json!("rule");
    object
}

pub(super) fn of(kind: &str, domain: &str, value: &impl Serialize) -> Value {
    let mut object = json!({"type": kind, "domain": domain});
    if let (Some(object), Value::Object(members)) = (object.as_object_mut(), json!(value)) {
        object.extend(members);
    }
    object
}
