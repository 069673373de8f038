//! The Graph client, on graph-rs-sdk: its retries are off, its answers are checked, its pages are followed by us.

use std::sync::Arc;

use async_trait::async_trait;
use graph_core::identity::{ClientApplication, ForceTokenRefresh};
use graph_rs_sdk::error::{AuthExecutionError, AuthExecutionResult};
use graph_rs_sdk::{GraphClient, GraphClientConfiguration, GraphFailure};
use reqwest::Url;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::calls::{CallCounter, CallKind};
use super::challenge;
use super::endpoint::Endpoint;
use super::error::{Call, CmdletFailure, MicrosoftError, Result, Service, UnknownWhy};
use super::graph::{GraphApi, GraphDomain, GraphMx};
use super::host::domain_name;
use super::loose::{self, Row};
use super::redact;
use super::retry;
use super::settings::{Limits, MicrosoftSettings};
use super::sign_in::TokenSource;
use super::sign_in_error::SignInError;

/// Hands our tokens to graph-rs-sdk.
#[derive(Clone)]
struct TokenBridge {
    tokens: Arc<dyn TokenSource>,
    scope: String,
}

#[async_trait]
impl ClientApplication for TokenBridge {
    fn get_token_silent(&mut self) -> AuthExecutionResult<String> {
        Err(AuthExecutionError::Other(
            "the blocking client is not used".into(),
        ))
    }

    async fn get_token_silent_async(&mut self) -> AuthExecutionResult<String> {
        match self.tokens.token(&self.scope).await {
            Ok(token) => Ok(token.expose_secret().to_owned()),
            Err(error) => Err(AuthExecutionError::Other(Box::new(error))),
        }
    }

    // A refused token is renewed by the client below, which knows the claims.
    fn with_force_token_refresh(&mut self, _: ForceTokenRefresh) {}
}

/// The client for Graph, on graph-rs-sdk.
#[derive(Clone)]
pub struct GraphReader {
    sdk: GraphClient,
    endpoint: Endpoint,
    tokens: Arc<dyn TokenSource>,
    scope: String,
    limits: Limits,
    calls: Arc<CallCounter>,
}

impl std::fmt::Debug for GraphReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GraphReader")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// What to ask.
#[derive(Clone)]
enum Question {
    Domain(String),
    Domains,
    ServiceRecords(String),
    /// A further page.
    Page(Url),
}

/// One answer.
struct Reply {
    status: u16,
    body: Vec<u8>,
    /// `Retry-After`.
    wish: Option<std::time::Duration>,
    /// `WWW-Authenticate`.
    challenge: Option<String>,
}

impl GraphReader {
    /// Prepares the client; nothing is sent yet.
    #[must_use]
    pub fn new(
        settings: &MicrosoftSettings,
        tokens: Arc<dyn TokenSource>,
        calls: Arc<CallCounter>,
    ) -> Self {
        let endpoint = settings.endpoints.graph.clone();
        let scope = settings.cloud.graph_scope();
        let mut config = GraphClientConfiguration::new()
            .client_application(TokenBridge {
                tokens: Arc::clone(&tokens),
                scope: scope.clone(),
            })
            .timeout(settings.limits.read)
            .connect_timeout(settings.limits.connect)
            // The endpoint type has already refused plain HTTP to anything but loopback.
            .https_only(!endpoint.is_loopback())
            .user_agent(graph_rs_sdk::header::HeaderValue::from_static(
                super::wire::USER_AGENT,
            ));
        if endpoint.is_loopback() {
            config = config.proxy(graph_rs_sdk::http::Proxy::custom(|_| None::<String>));
        }
        let mut sdk = GraphClient::from(config);
        // `use_endpoint` panics for unknown hosts; the check is ours, in `Endpoint`.
        sdk.use_test_endpoint(&endpoint.join(&["v1.0"]));
        Self {
            sdk,
            endpoint,
            tokens,
            scope,
            limits: settings.limits,
            calls,
        }
    }

    /// Asks, repeating after passing faults and renewing a refused token once.
    async fn ask(&self, question: &Question, call: &mut Call) -> Result<Reply> {
        let mut renewed = false;
        let mut attempt = 1;
        loop {
            // First, so that a failed sign-in keeps its own error; the SDK then gets it from the cache.
            let token = self.tokens.token(&self.scope).await?;
            let mut wish = None;
            let error = match self.once(question, call).await {
                Ok(reply) if reply.status == 401 && !renewed => {
                    renewed = true;
                    let claims = reply.challenge.as_deref().and_then(challenge::claims_in);
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
        let wish = header("retry-after").and_then(|text| {
            retry::retry_after(&text, call.date.as_deref(), jiff::Timestamp::now())
        });
        // As it is: an excerpt would cut or hide the claims.
        let challenge = response.headers().get("www-authenticate");
        let challenge = challenge
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
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
        tracing::debug!(call = %call, status, client_request_id = %request_id, "graph answered");
        Ok(Reply {
            status,
            body,
            wish,
            challenge,
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
    async fn collection(&self, first: Question, call: &mut Call) -> Result<Vec<Row>> {
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

/// More than any list of ours.
const MOST_PAGES: usize = 200;
const MOST_BYTES: usize = 32 * 1024 * 1024;

fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    // graph-rs-sdk prints errors with their debug form over many lines; the innermost one is a sentence.
    redact::excerpt(last.to_string().as_bytes())
}

fn could_not_tell(call: &Call, what: &str, body: &[u8]) -> MicrosoftError {
    MicrosoftError::CouldNotTell {
        call: Box::new(call.clone()),
        what: what.to_owned(),
        excerpt: redact::excerpt(body),
    }
}

/// The failure in a Graph error body: `{"error": {"code": …, "message": …}}`.
fn failure(body: &[u8]) -> Option<CmdletFailure> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let error = value.get("error")?;
    let part = |name: &str| {
        error
            .get(name)
            .and_then(Value::as_str)
            .map(|text| redact::excerpt(text.as_bytes()))
    };
    let message =
        part("message").or_else(|| error.as_str().map(|text| redact::excerpt(text.as_bytes())))?;
    Some(CmdletFailure {
        exception: part("code"),
        message,
    })
}

/// The body of a good answer, or what a bad one means. 404 is a failure here; the caller knows what was looked for.
fn judge(status: u16, body: &[u8], call: &Call) -> Result<Value> {
    let parsed = serde_json::from_slice::<Value>(body).ok();
    match (status, failure(body), parsed) {
        (200..=299, None, Some(value)) => Ok(value),
        (403, failure, _) => Err(MicrosoftError::MissingRole {
            call: Box::new(call.clone()),
            service: Service::Graph,
            detail: failure.map(|failure| failure.message),
        }),
        (_, Some(failure), _) => Err(MicrosoftError::Failed {
            call: Box::new(call.clone()),
            failure,
        }),
        (_, None, _) => Err(could_not_tell(call, "what was asked", body)),
    }
}

/// Whether Graph itself, and not some proxy, says that there is no such object.
fn is_absent(error: &MicrosoftError) -> bool {
    let MicrosoftError::Failed { call, failure } = error else {
        return false;
    };
    call.status == Some(404)
        && failure
            .exception
            .as_deref()
            .is_some_and(|code| code.to_ascii_lowercase().contains("notfound"))
}

#[async_trait]
impl GraphApi for GraphReader {
    async fn domain(&self, name: &str) -> Result<Option<GraphDomain>> {
        let name = domain_name(name)?;
        let mut call = Call::new("Graph GET /domains/{id}", Some(&name));
        let Reply { status, body, .. } =
            self.ask(&Question::Domain(name.clone()), &mut call).await?;
        match judge(status, &body, &call) {
            Ok(Value::Object(row)) => match GraphDomain::from_row(&row) {
                Some(domain) if domain.name == name => Ok(Some(domain)),
                _ => Err(could_not_tell(&call, "which domain it answered for", &body)),
            },
            Ok(_) => Err(could_not_tell(&call, "the domain", &body)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn domains(&self) -> Result<Vec<GraphDomain>> {
        let mut call = Call::new("Graph GET /domains", None);
        let rows = self.collection(Question::Domains, &mut call).await?;
        rows.iter()
            .map(|row| {
                GraphDomain::from_row(row).ok_or_else(|| {
                    could_not_tell(
                        &call,
                        "the name of a domain",
                        Value::Object(row.clone()).to_string().as_bytes(),
                    )
                })
            })
            .collect()
    }

    async fn service_configuration_records(&self, name: &str) -> Result<Vec<GraphMx>> {
        let name = domain_name(name)?;
        let mut call = Call::new(
            "Graph GET /domains/{id}/serviceConfigurationRecords",
            Some(&name),
        );
        let rows = match self
            .collection(Question::ServiceRecords(name), &mut call)
            .await
        {
            Err(error) if is_absent(&error) => {
                return Err(MicrosoftError::NotInTenant {
                    call: Box::new(call),
                });
            }
            other => other?,
        };
        rows.iter()
            .filter(|row| GraphMx::is_mx(row))
            .map(|row| {
                GraphMx::from_row(row).ok_or_else(|| {
                    could_not_tell(
                        &call,
                        "an expected MX",
                        Value::Object(row.clone()).to_string().as_bytes(),
                    )
                })
            })
            .collect()
    }
}
