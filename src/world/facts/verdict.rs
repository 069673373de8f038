//! The verdict on the whole domain, as `rollout verify` gives it.

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Severity};
use crate::verify::Report;

// What a verdict is made of: the steps take these words from the world, and need not know who found them out.
pub use crate::dane::sender::{Arrives, Delivery, Profile};
pub use crate::verify::Verdict;

/// What a look at the whole domain came to: kept in the journal beside each decision that rests on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictFacts {
    /// The answer.
    pub verdict: Verdict,
    /// The answer in a sentence.
    pub headline: String,
    /// What stands in the way or is worth mending; notes are left out.
    pub findings: Vec<Finding>,
    /// By kind of sender.
    pub senders: Vec<Delivery>,
}

impl VerdictFacts {
    /// What of a report a rollout decides by.
    #[must_use]
    pub fn of(report: Report) -> Self {
        let mut findings = report.findings;
        findings.retain(|finding| finding.severity > Severity::Note);
        Self {
            verdict: report.verdict,
            headline: report.headline,
            findings,
            senders: report.senders,
        }
    }

    /// What a plan foresees: nothing stands in the way.
    #[must_use]
    pub fn foreseen() -> Self {
        Self {
            verdict: Verdict::Safe,
            headline: "as planned".to_owned(),
            findings: Vec::new(),
            senders: Vec::new(),
        }
    }
}
