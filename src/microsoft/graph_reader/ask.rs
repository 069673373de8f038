//! Asking Graph: one request, its repeats, and the pages of a list.

use graph_rs_sdk::GraphFailure;
use reqwest::Url;
use serde_json::Value;

use super::GraphReader;
use super::judge::{could_not_tell, failure, judge};
use crate::microsoft::calls::CallKind;
use crate::microsoft::challenge;
use crate::microsoft::error::{Call, MicrosoftError, Result, Service, UnknownWhy};
use crate::microsoft::loose::{self, Row};
use crate::microsoft::raw::Raw;
use crate::microsoft::redact;
use crate::microsoft::retry;
use crate::microsoft::sign_in_error::SignInError;

/// More than any list of ours.
const MOST_PAGES: usize = 200;
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// What to ask.
#[derive(Clone)]
pub(super) enum Question {
    Domain(String),
    Domains,
    ServiceRecords(String),
    /// A further page.
    Page(Url),
}

/// One answer.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// `Retry-After`.
    wish: Option<std::time::Duration>,
    /// Every `WWW-Authenticate`.
    challenges: Vec<String>,
}

impl GraphReader {
    /// Asks, repeating after passing faults and renewing a refused token once.
    pub(super) async fn ask(&self, question: &Question, call: &mut Call) -> Result<Reply> {
        let mut renewed = false;
        let mut attempt = 1;
        loop {
            // First, so that a failed sign-in keeps its own error; the SDK then gets it from the cache.
            let token = self.tokens.token(&self.scope).await?;
            let mut wish = None;
            let error = match self.once(question, call).await {
                Ok(reply) if reply.status == 401 && !renewed => {
                    renewed = true;
                    let claims = reply
                        .challenges
                        .iter()
                        .find_map(|challenge| challenge::claims_in(challenge));
                    self.tokens
                        .renew(&self.scope, &token, claims.as_deref())
                        .await?;
                    continue;
                }
                Ok(reply) => match self.fault(&reply, call) {
                    Some(error) => {
                        wish = reply.wish;
                        error
                    }
                    None => return Ok(reply),
                },
                Err(error) => error,
            };
            if !error.is_transient() {
                return Err(error);
            }
            attempt += 1;
            let pause = retry::pause(&self.limits, attempt, wish);
            let (true, Some(pause)) = (attempt <= self.limits.attempts, pause) else {
                return Err(error);
            };
            self.calls.count(CallKind::Retry);
            tokio::time::sleep(pause).await;
        }
    }

    /// What a status means that is no answer to the question.
    fn fault(&self, reply: &Reply, call: &Call) -> Option<MicrosoftError> {
        let call = Box::new(call.clone());
        match reply.status {
            401 => {
                let detail = failure(&reply.body).map(|failure| failure.message);
                Some(MicrosoftError::Unauthorized {
                    call,
                    service: Service::Graph,
                    detail,
                })
            }
            429 => {
                self.calls.count(CallKind::Throttled);
                Some(MicrosoftError::Throttled {
                    call,
                    retry_after: reply.wish,
                })
            }
            status @ (408 | 500..=599) => {
                let why = UnknownWhy::ServerError {
                    status,
                    detail: redact::excerpt(&reply.body),
                };
                Some(MicrosoftError::ServiceTrouble { call, why })
            }
            _ => None,
        }
    }

    /// One request.
    async fn once(&self, question: &Question, call: &mut Call) -> Result<Reply> {
        let request_id = uuid::Uuid::new_v4().to_string();
        *call = Call {
            host: self.endpoint.url().origin().ascii_serialization(),
            client_request_id: Some(request_id.clone()),
            ..Call::new(call.name.clone(), call.domain.as_deref())
        };
        let mut handler = match question {
            Question::Domain(name) => self.sdk.domain(name.as_str()).get_domain(),
            Question::Domains => self.sdk.domains().list_domain(),
            Question::ServiceRecords(name) => self
                .sdk
                .domain(name.as_str())
                .list_service_configuration_records(),
            Question::Page(url) => {
                let mut handler = self.sdk.domains().list_domain();
                *handler.as_mut() = url.clone();
                handler
            }
        };
        // A UUID is always a valid header value.
        if let Ok(value) = graph_rs_sdk::header::HeaderValue::from_str(&request_id) {
            handler.headers_mut().insert("client-request-id", value);
        }
        self.calls.count(CallKind::Graph);
        let mut response = handler
            .send()
            .await
            .map_err(|error| self.broken(&error, call))?;
        let status = response.status().as_u16();
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(|text| redact::excerpt(text.as_bytes()))
        };
        call.status = Some(status);
        call.request_id = header("request-id");
        call.date = header("date");
        let wish = retry::wish(
            |name| response.headers().get(name)?.to_str().ok(),
            jiff::Timestamp::now(),
        );
        // As it is: an excerpt would cut or hide the claims.
        let challenges = response
            .headers()
            .get_all("www-authenticate")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .map(str::to_owned)
            .collect();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(part)) if body.len() + part.len() <= MOST_BYTES => {
                    body.extend_from_slice(&part)
                }
                Ok(Some(_)) => {
                    return Err(
                        self.lost(call, format!("the answer has more than {MOST_BYTES} bytes"))
                    );
                }
                Ok(None) => break,
                Err(error) => return Err(self.lost(call, innermost(&error))),
            }
        }
        call.raw = Some(Raw::new(&body));
        self.ears.take(Service::Graph, call, &headers, &body);
        tracing::debug!(call = %call, status, client_request_id = %request_id, "graph answered");
        Ok(Reply {
            status,
            body,
            wish,
            challenges,
        })
    }

    fn lost(&self, call: &Call, detail: String) -> MicrosoftError {
        MicrosoftError::NoAnswer {
            call: Box::new(call.clone()),
            why: UnknownWhy::ReplyLost { detail },
        }
    }

    /// Tells a request that never left from one whose reply was lost. The SDK's own types do not say, its causes do.
    fn broken(&self, error: &GraphFailure, call: &Call) -> MicrosoftError {
        let call = Box::new(call.clone());
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        let mut never_left = false;
        while let Some(current) = cause {
            if let Some(sign_in) = current.downcast_ref::<SignInError>() {
                return sign_in.clone().into();
            }
            never_left |= current.to_string() == "client error (Connect)";
            cause = current.source();
        }
        let detail = innermost(error);
        if never_left {
            return MicrosoftError::Unreachable { call, detail };
        }
        let why = if detail.contains("timed out") {
            UnknownWhy::TimedOut {
                after: self.limits.read,
            }
        } else {
            UnknownWhy::ReplyLost { detail }
        };
        MicrosoftError::NoAnswer { call, why }
    }

    /// All rows of a collection. A next page is only followed at the endpoint itself: the request carries the token.
    pub(super) async fn collection(&self, first: Question, call: &mut Call) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let mut question = first;
        for _ in 0..MOST_PAGES {
            let Reply { status, body, .. } = self.ask(&question, call).await?;
            let Value::Object(page) = judge(status, &body, call)? else {
                return Err(could_not_tell(call, "the list", &body));
            };
            match page.get("value") {
                Some(Value::Array(items)) => {
                    for item in items {
                        let Value::Object(row) = item else {
                            return Err(could_not_tell(call, "the list", &body));
                        };
                        rows.push(row.clone());
                    }
                }
                _ => return Err(could_not_tell(call, "the list", &body)),
            }
            let Some(next) = loose::text(page.get("@odata.nextLink")) else {
                return Ok(rows);
            };
            let url = Url::parse(&next)
                .ok()
                .filter(|url| url.origin() == self.endpoint.url().origin());
            let Some(url) = url else {
                return Err(MicrosoftError::RedirectRefused {
                    call: Box::new(call.clone()),
                    to: redact::excerpt(next.split('?').next().unwrap_or_default().as_bytes()),
                    why: "a next page must be at the same host".to_owned(),
                });
            };
            question = Question::Page(url);
        }
        Err(could_not_tell(
            call,
            "the whole list",
            format!("more than {MOST_PAGES} pages").as_bytes(),
        ))
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    // graph-rs-sdk prints errors with their debug form over many lines; the innermost one is a sentence.
    redact::excerpt(last.to_string().as_bytes())
}
