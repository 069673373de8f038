//! One way to talk HTTP to a provider: authentication, time limits, refusal of plain text, errors in our terms, no secret in any of them.

use std::{net::IpAddr, time::Duration};

use reqwest::{
    Certificate, Client, Method, Response, StatusCode, Url,
    header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use crate::{Call, Counter, Error, Kind, Options, Result, text::harmless};

/// Most octets of an answer that are read. The largest zones listed are far below.
const ANSWER: usize = 64 << 20;
/// Most octets of an error's body that are read.
const COMPLAINT: usize = 64 << 10;
/// Longest pause a read makes by itself; a longer one is the caller's to plan.
const PATIENCE: Duration = Duration::from_secs(10);
/// First pause before a read is sent again; it doubles.
const PAUSE: Duration = Duration::from_millis(250);

/// A client for one provider and one set of credentials.
pub(crate) struct Http {
    provider: &'static str,
    base: Url,
    client: Client,
    secrets: Vec<SecretString>,
    counter: Counter,
    read_retries: u32,
    explain: Explain,
}

/// Reads a provider's error body: its code, its words, and a kind where the status says too little.
pub(crate) type Explain = fn(status: u16, body: &[u8]) -> Explained;

/// What a provider's error body says.
#[derive(Debug, Default)]
pub(crate) struct Explained {
    pub(crate) kind: Option<Kind>,
    pub(crate) code: Option<Box<str>>,
    pub(crate) message: Option<String>,
}

/// One request.
pub(crate) struct Request {
    pub(crate) call: Call,
    /// Words after "could not".
    pub(crate) operation: String,
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// JSON.
    pub(crate) body: Option<String>,
}

impl Http {
    /// A client whose every request carries `headers`, all of them secret.
    pub(crate) fn new(
        provider: &'static str,
        base: &str,
        headers: &[(&'static str, &str, SecretString)],
        explain: Explain,
        options: &Options,
    ) -> Result<Self> {
        let wrong = |message: String| Error::new(provider, "start", Kind::Rejected, message);
        let base = checked_base(base).map_err(wrong)?;
        let mut always = HeaderMap::new();
        for (header, prefix, secret) in headers {
            let mut value = HeaderValue::try_from(format!("{prefix}{}", secret.expose_secret()))
                .map_err(|_| {
                    wrong(
                        "a credential has characters that no credential has, such as a line end"
                            .to_owned(),
                    )
                })?;
            value.set_sensitive(true);
            always.insert(HeaderName::from_static(header), value);
        }
        let mut builder = Client::builder()
            .default_headers(always)
            .user_agent(concat!("rollout/", env!("CARGO_PKG_VERSION")))
            .timeout(options.timeout)
            .connect_timeout(options.timeout.min(Duration::from_secs(10)))
            // A connection kept over a long wait is likely dead, and a write on it "unknown".
            .pool_idle_timeout(Duration::from_secs(5))
            // A redirect would carry credentials elsewhere, or send a write twice.
            .redirect(Policy::none());
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        for pem in &options.extra_roots {
            let roots = Certificate::from_pem_bundle(pem)
                .map_err(|_| wrong("a trusted root is no PEM certificate".to_owned()))?;
            builder = builder.tls_certs_merge(roots);
        }
        let client = builder
            .build()
            .map_err(|error| wrong(format!("no HTTP client could be made: {error}")))?;
        Ok(Self {
            provider,
            base,
            client,
            secrets: headers
                .iter()
                .map(|(_, _, secret)| secret.clone())
                .collect(),
            counter: options.counter.clone(),
            read_retries: options.read_retries,
            explain,
        })
    }

    /// Keeps one more text out of every message.
    pub(crate) fn hide(&mut self, secret: SecretString) {
        self.secrets.push(secret);
    }

    /// The base address with `segments` appended, each encoded, so that no name can climb out of its place.
    pub(crate) fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Sends a request and decodes the answer. A read is sent again for passing reasons, a write never.
    pub(crate) async fn json<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let body = self.send(request).await?;
        serde_json::from_slice(&body).map_err(|error| {
            // After a write the deed may be done all the same.
            let kind = if request.call.is_write() {
                Kind::Unknown
            } else {
                Kind::Protocol
            };
            self.error(
                request,
                kind,
                format!("the answer could not be read: {error}"),
            )
        })
    }

    /// Sends a request and returns the body of the answer.
    pub(crate) async fn send(&self, request: &Request) -> Result<Vec<u8>> {
        let mut pause = PAUSE;
        for _ in 0..if request.call.is_write() {
            0
        } else {
            self.read_retries
        } {
            match self.once(request).await {
                Err(error) if error.is_temporary() => {
                    let wait = error.retry_after().unwrap_or(pause);
                    if wait > PATIENCE {
                        return Err(error);
                    }
                    tracing::debug!(
                        provider = self.provider,
                        operation = request.operation,
                        "asking again"
                    );
                    tokio::time::sleep(wait).await;
                    pause *= 2;
                }
                settled => return settled,
            }
        }
        self.once(request).await
    }

    async fn once(&self, request: &Request) -> Result<Vec<u8>> {
        self.counter.on_request(request.call);
        let mut builder = self
            .client
            .request(request.method.clone(), request.url.clone());
        if let Some(body) = &request.body {
            builder = builder
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        let mut response = builder
            .send()
            .await
            .map_err(|error| self.lost(request, error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refused(request, response).await);
        }
        body(&mut response, ANSWER)
            .await
            .map_err(|error| self.lost(request, error))
    }

    /// No answer, or half of one.
    fn lost(&self, request: &Request, error: reqwest::Error) -> Error {
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
    async fn refused(&self, request: &Request, mut response: Response) -> Error {
        let status = response.status();
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let request_id = ["cf-ray", "x-request-id", "request-id"]
            .into_iter()
            .find_map(header);
        let wait = header(RETRY_AFTER.as_str())
            .and_then(|text| retry_after(&text, jiff::Timestamp::now()));
        let body = body(&mut response, COMPLAINT).await.unwrap_or_default();
        let explained = (self.explain)(status.as_u16(), &body);
        let kind = match explained.kind {
            Some(Kind::Throttled(None)) => Kind::Throttled(wait),
            Some(kind) => kind,
            None => kind_of(status, wait, request.call.is_write()),
        };
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

    fn error(&self, request: &Request, kind: Kind, message: String) -> Error {
        Error::new(
            self.provider,
            request.operation.clone(),
            kind,
            self.clean(&message),
        )
    }

    /// Foreign text without secrets and without anything a terminal would obey.
    fn clean(&self, text: &str) -> String {
        let hidden = self.secrets.iter().fold(text.to_owned(), |text, secret| {
            match secret.expose_secret() {
                "" => text,
                secret => text.replace(secret, "[secret]"),
            }
        });
        harmless(hidden.trim_end_matches('.'), 500)
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http")
            .field("provider", &self.provider)
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
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

/// Reads at most `most` octets of a body; the rest of a longer one is left.
async fn body(response: &mut Response, most: usize) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk[..chunk.len().min(most - body.len())]);
        if body.len() == most {
            break;
        }
    }
    Ok(body)
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

/// The base address of an interface. Plain HTTP is refused but to a loopback address: it would show the credentials.
pub(crate) fn checked_base(text: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .map_err(|error| format!("{:?} is no address: {error}", harmless(text, 200)))?;
    if url.host_str().is_none() || url.cannot_be_a_base() {
        return Err(format!("{:?} names no host", harmless(text, 200)));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("credentials do not belong into the address".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(format!(
            "plain HTTP to {} would show the credentials; use https, or a loopback address such as 127.0.0.1",
            url.host_str().unwrap_or_default()
        )),
        other => Err(format!("{other:?} is no way to talk to it; use https")),
    }
}

/// By address only: a name, `localhost` too, is whatever some resolver says.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_only_to_loopback_addresses() {
        for good in [
            "https://api.example/v1",
            "http://127.0.0.1:8081",
            "http://127.3.2.1",
            "http://[::1]:8081/x",
        ] {
            assert!(checked_base(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.example",
            "http://localhost:8081",
            "http://10.0.0.1",
            "http://127.0.0.1.example",
            "ftp://127.0.0.1",
            "https://user:pass@api.example",
            "127.0.0.1:8081",
            "",
            "mailto:a@b",
        ] {
            assert!(checked_base(bad).is_err(), "{bad}");
        }
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

#[cfg(test)]
#[path = "http/tests.rs"]
mod exchanges;
