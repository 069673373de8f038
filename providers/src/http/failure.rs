//! A call that came to nothing: what it was, in our terms, with no secret in it and nothing that a terminal would obey.

use std::time::Duration;

use reqwest::{Response, StatusCode, header::RETRY_AFTER};
use secrecy::ExposeSecret;

use super::{Http, Request, body};
use crate::{Error, Kind, text::harmless};

/// Most octets of an error's body that are read.
pub(super) const COMPLAINT: usize = 64 << 10;
/// Headers in which vendors name a request, for their support.
const REQUEST_IDS: [&str; 6] = [
    "cf-ray",
    "x-request-id",
    "request-id",
    "x-ms-request-id",
    "x-ovh-queryid",
    "x-amzn-requestid",
];
/// Headers that say when a quota is full again, of vendors who send no `Retry-After`.
const RESETS: [&str; 3] = ["x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset"];

/// Reads a provider's error body: its code, its words, and a kind where the status says too little.
pub(crate) type Explain = fn(status: u16, body: &[u8]) -> Explained;

/// What a provider's error body says.
#[derive(Debug, Default)]
pub(crate) struct Explained {
    pub(crate) kind: Option<Kind>,
    pub(crate) code: Option<Box<str>>,
    pub(crate) message: Option<String>,
}

impl Http {
    /// An answer that makes no sense. After a write the deed may be done all the same.
    pub(crate) fn unread(&self, request: &Request, why: impl std::fmt::Display) -> Error {
        let kind = if request.call.is_write() {
            Kind::Unknown
        } else {
            Kind::Protocol
        };
        self.error(
            request,
            kind,
            format!("the answer could not be read: {why}"),
        )
    }

    /// An answer with a status of success that says in its body that it failed.
    pub(crate) fn complaint(&self, request: &Request, explained: Explained) -> Error {
        let kind = explained.kind.unwrap_or(Kind::Rejected);
        let silent = || "it says that it failed, but not why".to_owned();
        let message = explained.message.unwrap_or_else(silent);
        Error {
            code: explained.code.map(|code| self.clean(&code).into()),
            ..self.error(request, kind, message)
        }
    }

    /// No answer, or half of one.
    pub(super) fn lost(&self, request: &Request, error: reqwest::Error) -> Error {
        let never_sent = error.is_connect() || error.is_builder();
        let kind = match request.call.is_write() && !never_sent {
            true => Kind::Unknown,
            false => Kind::Transient,
        };
        let what = match (never_sent, error.is_timeout()) {
            (true, _) => "no connection could be made to",
            (false, true) => "no answer came in time from",
            (false, false) => "the connection broke to",
        };
        // The path may hold ids and names that say nothing to a reader; where it went says all.
        let place = request.url.origin().ascii_serialization();
        let message = format!("{what} {place}: {}", causes(&error.without_url()));
        self.error(request, kind, message)
    }

    /// An answer that is not a success.
    pub(super) async fn refused(&self, request: &Request, mut response: Response) -> Error {
        let status = response.status();
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let request_id = REQUEST_IDS.into_iter().find_map(header);
        let now = jiff::Timestamp::now();
        let wait = header(RETRY_AFTER.as_str())
            .and_then(|text| retry_after(&text, now))
            .or_else(|| {
                let limited = status == StatusCode::TOO_MANY_REQUESTS;
                let reset = RESETS.into_iter().find_map(header).filter(|_| limited);
                reset.and_then(|text| reset_after(&text, now))
            });
        let body = body(&mut response, COMPLAINT).await.unwrap_or_default();
        let explained = (self.explain)(status.as_u16(), &body);
        let kind = match explained.kind {
            Some(Kind::Throttled(None)) => Kind::Throttled(wait),
            Some(kind) => kind,
            None => kind_of(status, wait, request.call.is_write()),
        };
        if let Kind::Throttled(Some(wait)) = kind {
            self.account
                .close(wait, jiff::Timestamp::now().as_millisecond());
        }
        if kind == Kind::Auth
            && let Some(authorize) = &self.authorize
        {
            authorize.forget();
        }
        let message = explained.message.unwrap_or_else(|| {
            let reason = status.canonical_reason().unwrap_or("no reason given");
            if status.is_redirection() {
                format!("it redirects, which is not followed ({reason})")
            } else {
                reason.to_owned()
            }
        });
        Error {
            status: Some(status.as_u16()),
            code: explained.code.map(|code| self.clean(&code).into()),
            request_id: request_id.map(|id| self.clean(&id).into()),
            ..self.error(request, kind, message)
        }
    }

    pub(super) fn error(&self, request: &Request, kind: Kind, message: String) -> Error {
        Error::new(
            self.provider,
            request.operation.clone(),
            kind,
            self.clean(&message),
        )
    }

    /// Foreign text without secrets and without anything a terminal would obey.
    fn clean(&self, text: &str) -> String {
        let made = self
            .authorize
            .iter()
            .flat_map(|authorize| authorize.secrets());
        let secrets = self.secrets.iter().cloned().chain(made);
        let hidden = secrets.fold(text.to_owned(), |text, secret| {
            match secret.expose_secret() {
                "" => text,
                secret => text.replace(secret, "[secret]"),
            }
        });
        harmless(hidden.trim_end_matches('.'), 500)
    }
}

/// What a status means where the provider says nothing more.
fn kind_of(status: StatusCode, wait: Option<Duration>, write: bool) -> Kind {
    match status.as_u16() {
        401 => Kind::Auth,
        403 => Kind::Forbidden,
        404 | 410 => Kind::NotFound,
        409 | 412 => Kind::Conflict,
        429 => Kind::Throttled(wait),
        503 if wait.is_some() && !write => Kind::Throttled(wait),
        // A server that failed on the way may have done half or all of it.
        408 | 500..=599 if write => Kind::Unknown,
        408 | 500..=599 => Kind::Transient,
        400..=499 => Kind::Rejected,
        _ => Kind::Protocol,
    }
}

/// An error and what caused it, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

/// `Retry-After` as seconds or as date (RFC 9110, section 10.2.3).
fn retry_after(text: &str, now: jiff::Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    Some(Duration::try_from(until - now).unwrap_or_default())
}

/// When a quota is full again: seconds from now, or since 1970, which no wait is as long as.
fn reset_after(text: &str, now: jiff::Timestamp) -> Option<Duration> {
    let seconds: i64 = text.trim().parse().ok()?;
    let wait = if seconds > 1_000_000_000 {
        seconds - now.as_second()
    } else {
        seconds
    };
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_reset() {
        let now: jiff::Timestamp = "2026-11-21T21:00:00Z".parse().unwrap();
        let after = |text: &str| reset_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(after("90"), Some(90));
        assert_eq!(after(&(now.as_second() + 61).to_string()), Some(61));
        assert_eq!(after("1449836141"), Some(0), "long over");
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn both_forms_of_retry_after() {
        let now: jiff::Timestamp = "2026-11-21T21:00:00Z".parse().unwrap();
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(
            retry_after("Sat, 21 Nov 2026 21:00:30 GMT", now),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            retry_after("Sat, 21 Nov 2026 20:00:00 GMT", now),
            Some(Duration::ZERO)
        );
        assert_eq!(retry_after("soon", now), None);
    }

    #[test]
    fn a_failing_server_may_have_written() {
        for status in [408, 500, 502, 503, 504] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(kind_of(status, None, true), Kind::Unknown);
            assert_eq!(kind_of(status, None, false), Kind::Transient);
        }
    }
}
