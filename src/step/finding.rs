//! Judged facts.

use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth mending; does not stop the run.
    Warning,
    /// It could not be told, and without knowing it is not safe to go on.
    CouldNotTell,
    /// It must not go on like this.
    Blocker,
}

/// A judged fact: what, why it matters, how to mend it, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable id, for programs and for looking it up.
    pub id: String,
    /// How much it weighs.
    pub severity: Severity,
    /// What was found.
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// How to mend it.
    pub mend: String,
}

impl Finding {
    /// A finding that stops the run.
    #[must_use]
    pub fn blocker(id: &str, what: impl Into<String>, why: &str, mend: impl Into<String>) -> Self {
        Self::new(Severity::Blocker, id, what.into(), why, mend.into())
    }

    /// A question without a trustworthy answer.
    #[must_use]
    pub fn could_not_tell(
        id: &str,
        what: impl Into<String>,
        why: &str,
        mend: impl Into<String>,
    ) -> Self {
        Self::new(Severity::CouldNotTell, id, what.into(), why, mend.into())
    }

    /// A finding that does not stop the run.
    #[must_use]
    pub fn warning(id: &str, what: impl Into<String>, why: &str, mend: impl Into<String>) -> Self {
        Self::new(Severity::Warning, id, what.into(), why, mend.into())
    }

    /// The clock was set, by this many seconds: no instant computed before can be trusted (T5).
    #[must_use]
    pub fn clock_jumped(seconds: i64) -> Self {
        Self::blocker(
            "clock.jumped",
            format!("this machine's clock jumped by {seconds} s"),
            "waits end at absolute instants; a wrong clock ends them too early",
            "synchronise the clock, then run again",
        )
    }

    fn new(severity: Severity, id: &str, what: String, why: &str, mend: String) -> Self {
        Self {
            id: id.to_owned(),
            severity,
            what,
            why: why.to_owned(),
            mend,
        }
    }

    /// Whether the run must stop.
    #[must_use]
    pub fn stops(&self) -> bool {
        self.severity >= Severity::CouldNotTell
    }
}
