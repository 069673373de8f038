//! One way to talk HTTP to a provider: authentication, time limits, refusal of plain text, errors in our terms, no secret in any of them.

mod base;
mod failure;
mod page;
mod request;

use std::{sync::Arc, time::Duration};

use reqwest::{
    Certificate, Client, Method, Response, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use self::base::is_loopback;
pub(crate) use self::{
    base::checked_base,
    failure::{Explain, Explained},
    page::{next_page, onward},
    request::Request,
};
use crate::{Call, Counter, Error, Info, Kind, Options, Result, auth::Authorize, budget::Account};

/// Most octets of an answer that are read. The largest zones listed are far below.
const ANSWER: usize = 64 << 20;
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
    authorize: Option<Arc<dyn Authorize>>,
    account: Account,
    counter: Counter,
    read_retries: u32,
    explain: Explain,
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
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http")
            .field("provider", &self.provider)
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
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

#[cfg(test)]
#[path = "http/tests.rs"]
mod exchanges;
