//! One way to talk HTTP to a provider: authentication, time limits, refusal of plain text, errors in our terms, no secret in any of them.

mod base;
mod page;
mod request;

use std::{sync::Arc, time::Duration};

use reqwest::{
    Certificate, Client, Method, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use self::base::is_loopback;
pub(crate) use self::{
    base::checked_base,
    page::{next_page, onward},
    request::Request,
};
use crate::{
    Call, Counter, Error, Info, Kind, Options, Result, auth::Authorize, budget::Account,
    text::harmless,
};

/// Most octets of an answer that are read. The largest zones listed are far below.
const ANSWER: usize = 64 << 20;
/// Most octets of an error's body that are read.
const COMPLAINT: usize = 64 << 10;
/// Longest pause a read makes by itself; a longer one is the caller's to plan.
const PATIENCE: Duration = Duration::from_secs(10);
/// First pause before a read is sent again; it doubles.
const PAUSE: Duration = Duration::from_millis(250);

/// Headers that say when a quota is full again, of vendors who send no `Retry-After`.
const RESETS: [&str; 3] = ["x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset"];

/// A client for one provider and one set of credentials.
pub(crate) struct Http {
    provider: &'static str,
    base: Url,
    client: Client,
    secrets: Vec<SecretString>,
    authorize: Option<Arc<dyn Authorize>>,
    account: Account,
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

/// What was answered.
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Http {
    /// A client whose every request carries `headers`, all of them secret.
    pub(crate) fn new(
        info: &'static Info,
        base: &str,
        headers: &[(&'static str, &str, SecretString)],
        explain: Explain,
        options: &Options,
    ) -> Result<Self> {
        let provider = info.slug;
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
        let secrets: Vec<_> = headers
            .iter()
            .map(|(_, _, secret)| secret.clone())
            .collect();
        Ok(Self {
            provider,
            base,
            client,
            account: options.budget.account(provider, &secrets, info.limits),
            secrets,
            authorize: None,
            counter: options.counter.clone(),
            read_retries: options.read_retries,
            explain,
        })
    }

    /// Proves who sends each request in another way than by the same header. `identity` is what the proof is made of: it is in no
    /// message, and quotas are counted for it.
    pub(crate) fn authorized(
        self,
        info: &'static Info,
        authorize: Arc<dyn Authorize>,
        identity: &[SecretString],
        options: &Options,
    ) -> Self {
        Self {
            authorize: Some(authorize),
            ..self.identified(info, identity, options)
        }
    }

    /// What proves who sends is in the body of each request: it is in no message, and quotas are counted for it.
    pub(crate) fn identified(
        mut self,
        info: &'static Info,
        identity: &[SecretString],
        options: &Options,
    ) -> Self {
        self.secrets.extend_from_slice(identity);
        self.account = options
            .budget
            .account(info.slug, &self.secrets, info.limits);
        self
    }

    /// A client for another interface of the same vendor, over the same connections and as yet without proof of who asks.
    /// Loopback and elsewhere are not mixed: who replaced one address and forgot the other would talk to the real vendor.
    pub(crate) fn beside(&self, base: &str) -> Result<Self> {
        let wrong = |message: String| Error::new(self.provider, "start", Kind::Rejected, message);
        let base = checked_base(base).map_err(wrong)?;
        if is_loopback(&base) != is_loopback(&self.base) {
            let [here, there] = [&self.base, &base].map(|url| url.origin().ascii_serialization());
            return Err(wrong(format!(
                "{here} and {there} do not go together: either all addresses are on loopback, or none is"
            )));
        }
        Ok(Self {
            provider: self.provider,
            base,
            client: self.client.clone(),
            secrets: self.secrets.clone(),
            authorize: None,
            account: self.account.clone(),
            counter: self.counter.clone(),
            read_retries: self.read_retries,
            explain: self.explain,
        })
    }

    /// Counts quotas for something that is no secret, such as an account's id.
    pub(crate) fn counted_for(
        mut self,
        info: &'static Info,
        what: &str,
        options: &Options,
    ) -> Self {
        let what = [&self.secrets[..], &[what.to_owned().into()]].concat();
        self.account = options.budget.account(info.slug, &what, info.limits);
        self
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

    /// A request for `segments` below the base address.
    pub(crate) fn request(
        &self,
        call: Call,
        operation: &str,
        method: Method,
        segments: &[&str],
    ) -> Request {
        Request::new(call, operation, method, self.url(segments, &[]))
    }

    /// The same, to ask.
    pub(crate) fn get(&self, call: Call, operation: &str, segments: &[&str]) -> Request {
        self.request(call, operation, Method::GET, segments)
    }

    /// As [`json`](Self::json), where what is not there is no error.
    pub(crate) async fn found<T: DeserializeOwned>(&self, request: &Request) -> Result<Option<T>> {
        match self.json(request).await {
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            answered => answered.map(Some),
        }
    }

    /// Sends a request and decodes the answer. A read is sent again for passing reasons, a write never.
    pub(crate) async fn json<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let answer = self.send(request).await?;
        serde_json::from_slice(&answer.body).map_err(|error| self.unread(request, error))
    }

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

    /// A refusal that came with a status of success.
    pub(crate) fn told(&self, request: &Request, explained: Explained) -> Error {
        let message = explained
            .message
            .unwrap_or_else(|| "it says that it failed, but not why".to_owned());
        Error {
            code: explained.code.map(|code| self.clean(&code).into()),
            ..self.error(request, explained.kind.unwrap_or(Kind::Rejected), message)
        }
    }

    /// Sends a request and returns the answer.
    pub(crate) async fn send(&self, request: &Request) -> Result<Answer> {
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

    async fn once(&self, request: &Request) -> Result<Answer> {
        let mut headers = request.headers.clone();
        if let Some(authorize) = &self.authorize {
            headers.extend(authorize.headers(request).await?);
        }
        self.within_budget(request).await?;
        self.counter.on_request(request.call);
        let mut builder = self
            .client
            .request(request.method.clone(), request.url.clone())
            .headers(headers);
        if let Some((content, body)) = &request.body {
            builder = builder.header(CONTENT_TYPE, *content).body(body.clone());
        }
        let mut response = builder
            .send()
            .await
            .map_err(|error| self.lost(request, error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refused(request, response).await);
        }
        let headers = response.headers().clone();
        let body = body(&mut response, ANSWER)
            .await
            .map_err(|error| self.lost(request, error))?;
        Ok(Answer { headers, body })
    }

    /// Spends one request of the vendor's quota. A short wait is waited out here, a longer one is the caller's to plan.
    async fn within_budget(&self, request: &Request) -> Result<()> {
        let mut patience = PATIENCE;
        loop {
            let now = jiff::Timestamp::now().as_millisecond();
            let Err(spent) = self
                .account
                .spend(request.call, request.zone.as_deref(), now)
            else {
                return Ok(());
            };
            if spent.wait > patience {
                let why = match spent.limit {
                    Some(limit) => format!("the quota of {limit} is spent, so nothing was sent"),
                    None => "it asked for a pause that is not over, so nothing was sent".to_owned(),
                };
                return Err(self.error(request, Kind::Throttled(Some(spent.wait)), why));
            }
            tokio::time::sleep(spent.wait).await;
            patience = patience.saturating_sub(spent.wait);
        }
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
        let request_id = [
            "cf-ray",
            "x-request-id",
            "request-id",
            "x-ms-request-id",
            "x-ovh-queryid",
        ]
        .into_iter()
        .find_map(header);
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

#[cfg(test)]
#[path = "http/tests.rs"]
mod exchanges;
