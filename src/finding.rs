//! Judged facts.

use jiff::Timestamp;
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
    /// What it is about: a host, an address, a record. Empty: the domain as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// What shows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

/// What somebody was seen to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Who: a server with its address, a resolver, our own validator.
    pub from: String,
    /// What was asked or looked at, as in `TLSA _25._tcp.mx.example.com`.
    pub about: String,
    /// What came, in words or in presentation form.
    pub said: String,
    /// The response code's mnemonic (RFC 1035, 4.1.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rcode: Option<String>,
    /// Whether it was marked as validated (RFC 4035, 3.2.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ad: Option<bool>,
    /// Extended errors (RFC 8914).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained: Option<String>,
    /// The TTL that was left, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// SHA-256 of the certificate or key, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
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

    /// A finding worth knowing.
    #[must_use]
    pub fn note(id: &str, what: impl Into<String>, why: &str, mend: impl Into<String>) -> Self {
        Self::new(Severity::Note, id, what.into(), why, mend.into())
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
            about: String::new(),
            evidence: Vec::new(),
        }
    }

    /// The same, weighing otherwise than its kind usually does.
    #[must_use]
    pub fn weighing(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// The same, with what mends it in this case.
    #[must_use]
    pub fn mending(mut self, mend: impl Into<String>) -> Self {
        self.mend = mend.into();
        self
    }

    /// The same, about this host, address or record.
    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }

    /// The same, with what shows it.
    #[must_use]
    pub fn shown_by(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// Whether the run must stop.
    #[must_use]
    pub fn stops(&self) -> bool {
        self.severity >= Severity::CouldNotTell
    }
}
