//! A verdict for people and for programs.

mod chain;
mod changes;
mod json;
mod page;
pub mod ready;

pub use chain::chain;
pub use changes::{Changes, changes};
pub use json::{objects, rule_object};
pub use page::{brief, page, rules};

use serde_json::{Value, json};

use super::page::{Line, Page, Tone};
use crate::finding::Severity;
use crate::verify::Verdict;

/// How many domains came to which verdict.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    safe: usize,
    not_yet: usize,
    could_not_tell: usize,
    forbidden: usize,
}

impl Counts {
    /// One more.
    pub fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Safe => self.safe += 1,
            Verdict::NotYet { .. } => self.not_yet += 1,
            Verdict::CouldNotTell => self.could_not_tell += 1,
            Verdict::Forbidden => self.forbidden += 1,
        }
    }

    /// All of them, in one line.
    #[must_use]
    pub fn page(&self) -> Page {
        let mut page = Page::new();
        page.push(Line::default());
        page.push(
            Line::at(0)
                .tone(Tone::Good, format!("{} safe", self.safe))
                .plain(", ")
                .tone(Tone::Warn, format!("{} not yet", self.not_yet))
                .plain(", ")
                .tone(
                    Tone::Warn,
                    format!("{} could not tell", self.could_not_tell),
                )
                .plain(", ")
                .tone(Tone::Bad, format!("{} not safe", self.forbidden)),
        );
        page
    }

    /// All of them, for programs.
    #[must_use]
    pub fn object(&self) -> Value {
        json!({
            "type": "summary",
            "safe": self.safe,
            "not_yet": self.not_yet,
            "could_not_tell": self.could_not_tell,
            "forbidden": self.forbidden,
        })
    }
}

/// A verdict's word and tone.
const fn word(verdict: Verdict) -> (&'static str, Tone) {
    match verdict {
        Verdict::Safe => ("safe", Tone::Good),
        Verdict::NotYet { .. } => ("not yet", Tone::Warn),
        Verdict::CouldNotTell => ("could not tell", Tone::Warn),
        Verdict::Forbidden => ("not safe", Tone::Bad),
    }
}

/// A severity's word and tone.
const fn weight(severity: Severity) -> (&'static str, Tone) {
    match severity {
        Severity::Note => ("note", Tone::Dim),
        Severity::Warning => ("warning", Tone::Warn),
        Severity::CouldNotTell => ("could not tell", Tone::Warn),
        Severity::Blocker => ("not safe", Tone::Bad),
    }
}

#[cfg(test)]
mod chain_tests;
#[cfg(test)]
mod changes_tests;
#[cfg(test)]
mod page_tests;
#[cfg(test)]
mod ready_tests;
