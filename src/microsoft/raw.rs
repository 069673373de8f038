//! Answers as they came, for the journal alone: what was not understood can be reported later, and is never shown otherwise.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::header::HeaderMap;

use serde::{Deserialize, Serialize};

use super::error::{Call, MicrosoftError, Service};
use super::redact;
use super::shape;
use super::tap::Tap;

/// What is held of a body until it is known whether anybody needs it.
const MOST_HELD: usize = 64 * 1024;

/// What is kept of it in a journal, in characters.
const MOST_KEPT: usize = 16 * 1024;

/// More different answers than this tell nothing new; the journal of a long run stays small.
const MOST_DIFFERENT: usize = 64;

/// An answer's body. Neither Debug nor serde show it; [`Raw::text`] redacts it first.
#[derive(Clone, PartialEq, Eq)]
pub struct Raw {
    start: Vec<u8>,
    bytes: usize,
}

impl Raw {
    /// Holds the beginning of a body.
    #[must_use]
    pub fn new(body: &[u8]) -> Self {
        Self {
            start: body[..body.len().min(MOST_HELD)].to_vec(),
            bytes: body.len(),
        }
    }

    /// How long the body was, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The body with secrets hidden and control characters escaped, cut to 16 384 characters.
    #[must_use]
    pub fn text(&self) -> String {
        redact::body(&self.start, MOST_KEPT)
    }
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Raw({} bytes)", self.bytes)
    }
}

/// An answer that was not understood, or that reported a failure, as a journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The call, with the ids for a support case.
    pub call: Call,
    /// What it led to, as the sentence for people.
    pub why: String,
    /// How long the body was, in bytes.
    pub bytes: usize,
    /// The body: redacted, at most 16 384 characters.
    pub body: String,
}

/// Keeps such answers until a journal takes them. The same shape of the same call is kept once, so that a run that asks
/// every minute for days does not write the same answer every time.
#[derive(Debug, Default)]
pub struct RawKeeper(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    waiting: Vec<Unread>,
    known: BTreeSet<String>,
}

impl RawKeeper {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Nothing panics while the lock is held; if it did, the lists are still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a call's answer, if there was one and its shape is new.
    pub fn keep(&self, call: &Call, why: &str) {
        let Some(raw) = &call.raw else {
            return;
        };
        let key = format!(
            "{} {:?} {:?} {}",
            call.name,
            call.domain,
            call.status,
            shape::of(&raw.start)
        );
        let mut kept = self.lock();
        if kept.known.len() >= MOST_DIFFERENT || !kept.known.insert(key) {
            return;
        }
        kept.waiting.push(Unread {
            call: call.clone(),
            why: why.to_owned(),
            bytes: raw.bytes,
            body: raw.text(),
        });
    }

    /// Keeps the answer behind an error. A throttled or refused call has no answer worth keeping.
    pub fn note<T>(&self, outcome: Result<T, MicrosoftError>) -> Result<T, MicrosoftError> {
        if let Err(error) = &outcome
            && !matches!(
                error,
                MicrosoftError::Throttled { .. } | MicrosoftError::Unauthorized { .. }
            )
            && let Some(call) = error.call()
        {
            self.keep(call, &error.to_string());
        }
        outcome
    }

    /// What waits for the journal of a domain's run: answers about it, and those about the tenant as a whole.
    #[must_use]
    pub fn take(&self, domain: &str) -> Vec<Unread> {
        let mut kept = self.lock();
        let (mine, others) = std::mem::take(&mut kept.waiting)
            .into_iter()
            .partition(|one| one.call.domain.as_deref().is_none_or(|of| of == domain));
        kept.waiting = others;
        mine
    }
}

/// Who listens to the answers of a tenant's services besides the clients themselves.
#[derive(Clone, Debug, Default)]
pub struct Ears {
    /// What was not understood, for the journal.
    pub keeper: Arc<RawKeeper>,
    /// Everything, while answers are recorded.
    pub tap: Option<Arc<Tap>>,
}

impl Ears {
    /// One answer came.
    pub(crate) fn take(&self, service: Service, call: &Call, headers: &HeaderMap, body: &[u8]) {
        if let Some(tap) = &self.tap {
            tap.take(service, call, headers, body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(domain: &str, body: &str) -> Call {
        Call {
            status: Some(200),
            raw: Some(Raw::new(body.as_bytes())),
            ..Call::new("Get-X", Some(domain))
        }
    }

    #[test]
    fn one_shape_is_kept_once_and_goes_to_its_own_run() {
        let keeper = RawKeeper::default();
        keeper.keep(&call("contoso.com", r#"{"at":"08:00","n":1}"#), "odd");
        keeper.keep(&call("contoso.com", r#"{"at":"08:01","n":2}"#), "odd");
        keeper.keep(&call("contoso.com", r#"{"at":"08:01","n":"2"}"#), "odd");
        keeper.keep(&call("fabrikam.com", r#"{"at":"08:00","n":1}"#), "odd");
        keeper.keep(&Call::new("Get-X", None), "no answer at all");
        assert_eq!(keeper.take("contoso.com").len(), 2);
        assert!(keeper.take("contoso.com").is_empty());
        assert_eq!(keeper.take("fabrikam.com").len(), 1);
    }

    #[test]
    fn a_body_is_redacted_cut_and_not_in_debug() {
        let secret = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovLw.c2lnbmF0dXJl";
        let raw = Raw::new(format!("{{\"token\":\"{secret}\"}}{}", "x".repeat(100_000)).as_bytes());
        assert!(!raw.text().contains("eyJhdWQ"));
        assert!(raw.text().chars().count() < MOST_KEPT + 60);
        assert_eq!(format!("{raw:?}"), "Raw(100068 bytes)");
        assert_eq!(Raw::new(&[0; 64]).text(), "(64 NUL bytes)");
    }

    #[test]
    fn the_number_of_shapes_is_bounded() {
        let keeper = RawKeeper::default();
        for n in 0..200 {
            keeper.keep(&call("contoso.com", &format!("{{\"k{n}\":1}}")), "odd");
        }
        assert_eq!(keeper.take("contoso.com").len(), MOST_DIFFERENT);
    }
}
