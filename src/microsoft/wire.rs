//! One session with Exchange Online's admin API: headers, redirects, affinity, time limits, retries (`microsoft.md` 3).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::affinity::Affinity;
use super::calls::{CallCounter, CallKind};
use super::challenge;
use super::endpoint::Endpoint;
use super::error::{Call, MicrosoftError, Result, Service, UnknownWhy};
use super::redact;
use super::redirect;
use super::retry;
use super::settings::{Limits, MicrosoftSettings};
use super::sign_in::{TokenSource, user};

/// Our own name; we do not pose as PowerShell.
pub(crate) const USER_AGENT: &str = concat!("rollout/", env!("CARGO_PKG_VERSION"));

/// More hops than this is a loop.
const MOST_HOPS: usize = 8;

/// A tenant with thousands of accepted domains answers with a few megabytes; more than this is not an answer.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What to send.
pub(crate) struct Outgoing<'a> {
    /// `POST` for cmdlets, `GET` for the list of cmdlets.
    pub method: Method,
    /// The path below the endpoint.
    pub path: &'a [&'a str],
    /// The query, if any.
    pub query: Option<&'a str>,
    /// Headers of this call alone.
    pub headers: &'a [(&'static str, &'a str)],
    /// The JSON body.
    pub body: Option<String>,
    /// Whether it may be sent again.
    pub only_reads: bool,
}

/// What came back, with a status that is neither a redirect, nor 401, 429 or 5xx.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub status: u16,
    pub body: Vec<u8>,
}

/// One answer, before it is judged.
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Why one exchange of messages did not give a reply.
enum Broken {
    /// The request never left.
    NotSent(String),
    /// It left, and no whole reply came.
    Lost(UnknownWhy),
}

/// The session.
#[derive(Debug)]
pub(crate) struct Wire {
    http: reqwest::Client,
    endpoint: Endpoint,
    scope: String,
    tenant: String,
    app_only: bool,
    connection_id: String,
    tokens: Arc<dyn TokenSource>,
    limits: Limits,
    calls: Arc<CallCounter>,
    affinity: Mutex<Affinity>,
}

impl Wire {
    pub(crate) fn new(
        settings: &MicrosoftSettings,
        tokens: Arc<dyn TokenSource>,
        calls: Arc<CallCounter>,
    ) -> Result<Self> {
        let endpoint = settings.endpoints.exchange.clone();
        let mut http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(settings.limits.connect)
            // A cmdlet may think for minutes; a firewall must not take the silence for an end.
            .tcp_keepalive(Duration::from_secs(30))
            // A connection that idled may be closed under the next request, whose outcome would then be unknown.
            .pool_idle_timeout(Duration::from_secs(15))
            // Redirects are followed by hand: the bearer may only go to Microsoft, and the method must stay POST.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // Not even a refused HTTP/2 stream is repeated below us: a change is sent once.
            .retry(reqwest::retry::never());
        if endpoint.is_loopback() {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| MicrosoftError::Client {
            detail: error.to_string(),
        })?;
        Ok(Self {
            http,
            endpoint,
            scope: settings.cloud.exchange_scope(),
            tenant: settings.tenant.clone(),
            app_only: settings.sign_in.is_app_only(),
            connection_id: Uuid::new_v4().to_string(),
            tokens,
            limits: settings.limits,
            calls,
            affinity: Mutex::default(),
        })
    }

    /// Sends, following redirects, renewing a refused token once, and repeating reading calls after passing faults.
    pub(crate) async fn send(&self, out: &Outgoing<'_>, call: &mut Call) -> Result<Incoming> {
        let mut token = self.tokens.token(&self.scope).await?;
        let mut renewed = false;
        let mut attempt = 1;
        loop {
            let outcome = self.hop(out, &token, call).await?;
            let (why, wish) = match outcome {
                Ok(reply) => match reply.status {
                    401 if !renewed => {
                        // A 401 means that nothing was done, so even a change may be sent again.
                        renewed = true;
                        let claims = reply
                            .header("www-authenticate")
                            .and_then(challenge::claims_in);
                        token = self
                            .tokens
                            .renew(&self.scope, &token, claims.as_deref())
                            .await?;
                        continue;
                    }
                    401 => {
                        return Err(MicrosoftError::Unauthorized {
                            call: Box::new(call.clone()),
                            service: Service::Exchange,
                            detail: reply
                                .header("www-authenticate")
                                .and_then(challenge::complaint),
                        });
                    }
                    429 | 408 | 500..=599 => {
                        // The front end may know a better host than the one this session was moved to.
                        self.affinity().unpin();
                        let date = reply.header("date");
                        let wish = reply.header("retry-after").and_then(|text| {
                            retry::retry_after(text, date, jiff::Timestamp::now())
                        });
                        let detail = redact::excerpt(&reply.body);
                        (
                            Fault::Status {
                                status: reply.status,
                                detail,
                            },
                            wish,
                        )
                    }
                    status => {
                        return Ok(Incoming {
                            status,
                            body: reply.body,
                        });
                    }
                },
                Err(Broken::NotSent(detail)) => (Fault::NotSent(detail), None),
                Err(Broken::Lost(why)) => (Fault::Lost(why), None),
            };
            if matches!(why, Fault::Status { status: 429, .. }) {
                self.calls.count(CallKind::Throttled);
            }
            attempt += 1;
            let pause = retry::pause(&self.limits, attempt, wish);
            let may_repeat = out.only_reads && attempt <= self.limits.attempts;
            let (true, Some(pause)) = (may_repeat, pause) else {
                return Err(why.into_error(call, out.only_reads, wish));
            };
            tracing::debug!(call = %call, attempt, pause_ms = pause.as_millis(), "asking again");
            self.calls.count(CallKind::Retry);
            tokio::time::sleep(pause).await;
        }
    }

    /// One request with its redirects.
    async fn hop(
        &self,
        out: &Outgoing<'_>,
        token: &SecretString,
        call: &mut Call,
    ) -> Result<std::result::Result<Reply, Broken>> {
        let mut url = self.start(out);
        for hop in 0..=MOST_HOPS {
            if hop > 0 {
                self.calls.count(CallKind::Redirect);
            }
            let reply = match self.exchange(out, &url, token, call).await {
                Ok(reply) => reply,
                Err(broken) => {
                    // A pinned host that does not answer must not be asked for ever.
                    self.affinity().unpin();
                    return Ok(Err(broken));
                }
            };
            if !matches!(reply.status, 301 | 302 | 307 | 308) {
                if hop > 0 {
                    self.affinity().pin(url);
                }
                return Ok(Ok(reply));
            }
            url = redirect::target(&self.endpoint, &url, reply.header("location")).map_err(
                |refused| MicrosoftError::RedirectRefused {
                    call: Box::new(call.clone()),
                    to: refused.to,
                    why: refused.why,
                },
            )?;
        }
        Err(MicrosoftError::RedirectRefused {
            call: Box::new(call.clone()),
            to: redact::plain(&url.origin().ascii_serialization()),
            why: format!("that would be more than {MOST_HOPS} redirects in a row"),
        })
    }

    /// The address to begin with: the endpoint, or the host this session was moved to.
    fn start(&self, out: &Outgoing<'_>) -> Url {
        let mut url = self.endpoint.join(out.path);
        url.set_query(out.query);
        self.affinity().apply(url)
    }

    /// One request and its reply.
    async fn exchange(
        &self,
        out: &Outgoing<'_>,
        url: &Url,
        token: &SecretString,
        call: &mut Call,
    ) -> std::result::Result<Reply, Broken> {
        let origin = url.origin().ascii_serialization();
        let request_id = Uuid::new_v4().to_string();
        *call = Call {
            host: origin.clone(),
            client_request_id: Some(request_id.clone()),
            ..Call::new(call.name.clone(), call.domain.as_deref())
        };
        let limit = if out.only_reads {
            self.limits.read
        } else {
            self.limits.write
        };
        let mut request = self
            .http
            .request(out.method.clone(), url.clone())
            .timeout(limit)
            .headers(self.headers(out, token, &request_id, &origin));
        if let Some(body) = &out.body {
            request = request.body(body.clone());
        }
        self.calls.count(if out.only_reads {
            CallKind::ExchangeRead
        } else {
            CallKind::ExchangeWrite
        });
        let started = std::time::Instant::now();
        let response = request
            .send()
            .await
            .map_err(|error| broken(&error, limit))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        self.affinity().keep(&origin, &headers);
        let mut reply = Reply {
            status,
            headers,
            body: Vec::new(),
        };
        let named = |name: &str| {
            reply
                .header(name)
                .map(|text| redact::excerpt(text.as_bytes()))
        };
        call.status = Some(status);
        call.request_id = named("request-id").or_else(|| named("x-ms-request-id"));
        call.exception_type = named("x-exceptiontype");
        call.exception_target = named("x-exceptiontargettype");
        call.date = named("date");
        reply.body = read_body(response, limit).await?;
        tracing::debug!(
            call = %call,
            host = %call.host,
            status,
            request_id = call.request_id.as_deref().unwrap_or_default(),
            client_request_id = %request_id,
            elapsed_ms = started.elapsed().as_millis(),
            "exchange answered"
        );
        Ok(reply)
    }

    fn headers(
        &self,
        out: &Outgoing<'_>,
        token: &SecretString,
        request_id: &str,
        origin: &str,
    ) -> HeaderMap {
        let mut headers = HeaderMap::new();
        // Each value was checked to be printable ASCII when it was made, so no header is left out.
        let mut set = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        set("accept", "application/json");
        set("content-type", "application/json");
        set("connection-id", &self.connection_id);
        set("client-request-id", request_id);
        let user = user::of_token(token);
        set(
            "x-anchormailbox",
            &anchor(&self.tenant, self.app_only, user.as_deref()),
        );
        set("x-responseformat", "json");
        set("prefer", "odata.maxpagesize=1000");
        for (name, value) in out.headers {
            set(name, value);
        }
        if let Some(cookies) = self.affinity().header(origin) {
            set("cookie", &cookies);
        }
        if let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        {
            bearer.set_sensitive(true);
            headers.insert(reqwest::header::AUTHORIZATION, bearer);
        }
        headers
    }

    fn affinity(&self) -> std::sync::MutexGuard<'_, Affinity> {
        // Nothing panics while the lock is held; if it did, the cookies are still whole.
        self.affinity
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A fault that may pass.
enum Fault {
    NotSent(String),
    Lost(UnknownWhy),
    Status { status: u16, detail: String },
}

impl Fault {
    fn into_error(
        self,
        call: &Call,
        only_reads: bool,
        retry_after: Option<Duration>,
    ) -> MicrosoftError {
        let call = Box::new(call.clone());
        match self {
            Self::NotSent(detail) => MicrosoftError::Unreachable { call, detail },
            Self::Status { status: 429, .. } => MicrosoftError::Throttled { call, retry_after },
            Self::Status { status, detail } => {
                let why = UnknownWhy::ServerError { status, detail };
                // A front end may give up on a cmdlet that goes on behind it.
                if only_reads {
                    MicrosoftError::ServiceTrouble { call, why }
                } else {
                    MicrosoftError::Unknown { call, why }
                }
            }
            Self::Lost(why) if only_reads => MicrosoftError::NoAnswer { call, why },
            Self::Lost(why) => MicrosoftError::Unknown { call, why },
        }
    }
}

/// The routing hint: the mailbox in whose place the cmdlet runs, a person's own if the token speaks for one
/// (`microsoft.md` 3.1).
fn anchor(tenant: &str, app_only: bool, user: Option<&str>) -> String {
    const SYSTEM: &str = "SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}";
    if let Some(user) = user {
        return format!("UPN:{user}");
    }
    match (Uuid::try_parse(tenant).is_ok(), app_only) {
        (true, true) => format!("APP:{SYSTEM}@{tenant}"),
        (true, false) => format!("TID:{tenant}"),
        (false, _) => format!("UPN:{SYSTEM}@{tenant}"),
    }
}

/// Tells a request that never left from one whose reply was lost.
fn broken(error: &reqwest::Error, limit: Duration) -> Broken {
    let detail = cause(error);
    if error.is_connect() || error.is_builder() {
        Broken::NotSent(detail)
    } else if error.is_timeout() {
        Broken::Lost(UnknownWhy::TimedOut { after: limit })
    } else {
        Broken::Lost(UnknownWhy::ReplyLost { detail })
    }
}

/// The innermost cause of an error, without addresses.
fn cause(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(next) = last.source() {
        last = next;
    }
    redact::excerpt(last.to_string().as_bytes())
}

async fn read_body(
    mut response: reqwest::Response,
    limit: Duration,
) -> std::result::Result<Vec<u8>, Broken> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(part)) if body.len() + part.len() > MOST_BYTES => {
                return Err(Broken::Lost(UnknownWhy::Unreadable {
                    excerpt: format!("more than {MOST_BYTES} bytes"),
                }));
            }
            Ok(Some(part)) => body.extend_from_slice(&part),
            Ok(None) => return Ok(body),
            Err(error) => {
                // The request was sent, whatever the error calls itself.
                return Err(match broken(&error, limit) {
                    Broken::NotSent(detail) => Broken::Lost(UnknownWhy::ReplyLost { detail }),
                    lost => lost,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors() {
        let id = "11111111-2222-3333-4444-555555555555";
        assert_eq!(
            anchor(id, true, None),
            format!("APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{id}")
        );
        assert_eq!(anchor(id, false, None), format!("TID:{id}"));
        assert_eq!(
            anchor("contoso.com", true, None),
            "UPN:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@contoso.com"
        );
        assert_eq!(
            anchor(id, false, Some("admin@contoso.com")),
            "UPN:admin@contoso.com"
        );
    }
}
