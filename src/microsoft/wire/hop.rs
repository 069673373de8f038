//! One request with its redirects, and its reply.

use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{Outgoing, Wire};
use crate::microsoft::anchor::anchor;
use crate::microsoft::calls::CallKind;
use crate::microsoft::error::{Call, MicrosoftError, Result, Service, UnknownWhy};
use crate::microsoft::raw::Raw;
use crate::microsoft::redact;
use crate::microsoft::redirect;

/// More hops than this is a loop.
const MOST_HOPS: usize = 8;

/// A tenant with thousands of accepted domains answers with a few megabytes; more than this is not an answer.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// One answer, before it is judged.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Every `WWW-Authenticate` header: each scheme may have one of its own.
    pub(super) fn challenges(&self) -> impl Iterator<Item = &str> {
        self.headers
            .get_all("www-authenticate")
            .iter()
            .filter_map(|value| value.to_str().ok())
    }
}

/// Why one exchange of messages did not give a reply.
pub(super) enum Broken {
    /// The request never left.
    NotSent(String),
    /// It left, and no whole reply came.
    Lost(UnknownWhy),
}

impl Wire {
    /// One request with its redirects.
    pub(super) async fn hop(
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
        call.raw = Some(Raw::new(&reply.body));
        self.ears
            .take(Service::Exchange, call, &reply.headers, &reply.body);
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
        let anchor = anchor(&self.tenant, self.app_only, token);
        set("x-anchormailbox", &anchor);
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
