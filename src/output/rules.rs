//! The catalogue of a run's findings, as `rollout plan --rules` prints it.

use serde_json::{Value, json};

use super::{Line, Page, Tone};
use crate::step::Severity;
use crate::step::catalogue::{ALL, Rule};

/// All of them.
#[must_use]
pub fn page() -> Page {
    page_of(ALL)
}

/// A catalogue of the same kind.
#[must_use]
pub fn page_of(rules: &[&Rule]) -> Page {
    let mut page = Page::new();
    for rule in rules {
        let (word, tone) = match rule.severity {
            Severity::Note => ("note", Tone::Dim),
            Severity::Warning => ("warning", Tone::Warn),
            Severity::CouldNotTell => ("could not tell", Tone::Warn),
            Severity::Blocker => ("blocker", Tone::Bad),
        };
        page.push(
            Line::at(0)
                .strong(rule.id)
                .plain("  ")
                .tone(tone, word)
                .dim(format!("  {}", rule.source)),
        );
        page.push(Line::at(4).plain(rule.why));
        page.push(Line::at(4).dim("mend: ").plain(rule.mend));
    }
    page
}

/// One of them.
#[must_use]
pub fn object(rule: &Rule) -> Value {
    let mut object = json!(rule);
    object["type"] = json!("rule");
    object
}
