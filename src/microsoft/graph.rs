//! Microsoft Graph's side of a domain: is it verified, who hosts its DNS, which MX does the tenant expect
//! (`microsoft.md` section 4).

use std::sync::Arc;

use async_trait::async_trait;
use graph_core::identity::{ClientApplication, ForceTokenRefresh};
use graph_rs_sdk::error::{AuthExecutionError, AuthExecutionResult};
use graph_rs_sdk::{GraphClient, GraphClientConfiguration, GraphFailure};
use reqwest::Url;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::calls::{CallCounter, CallKind};
use super::error::{Call, CmdletFailure, MicrosoftError, Result, Service, UnknownWhy};
use super::host::{domain_name, host_name};
use super::loose::{self, Row, get};
use super::redact;
use super::retry;
use super::settings::{Endpoint, Limits, MicrosoftSettings};
use super::sign_in::TokenSource;
use super::sign_in_error::SignInError;

/// What a rollout needs from Graph. All of it only reads; the least permission is `Domain.Read.All`.
#[async_trait]
pub trait GraphApi: Send + Sync + std::fmt::Debug {
    /// One domain; `None` when the tenant surely does not have it.
    async fn domain(&self, name: &str) -> Result<Option<GraphDomain>>;

    /// Every domain of the tenant.
    async fn domains(&self) -> Result<Vec<GraphDomain>>;

    /// The MX records that the tenant expects for a domain. Empty when it does not have the Email service.
    ///
    /// A cross-check only: what it shows right after `Enable-DnssecForVerifiedDomain`, and when, is not documented.
    async fn service_configuration_records(&self, name: &str) -> Result<Vec<GraphMx>>;
}

/// A `domain` resource. A missing boolean is `None`, never `false`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphDomain {
    /// The domain name, lower case.
    pub name: String,
    /// Whether the tenant proved that it owns the domain.
    pub is_verified: Option<bool>,
    /// Whether it is the tenant's `onmicrosoft.com` domain, which cannot be migrated.
    pub is_initial: Option<bool>,
    /// Whether it is the default domain.
    pub is_default: Option<bool>,
    /// Whether it is verified itself, not through its parent.
    pub is_root: Option<bool>,
    /// `Some(false)`: its DNS is delegated to Microsoft 365, where inbound DANE is not supported.
    pub is_admin_managed: Option<bool>,
    /// `Managed` or `Federated`.
    pub authentication_type: Option<String>,
    /// The services it is used for (`Email`, …).
    pub supported_services: Vec<String>,
}

impl GraphDomain {
    /// Whether mail for the domain goes to Exchange Online.
    #[must_use]
    pub fn has_email(&self) -> bool {
        self.supported_services
            .iter()
            .any(|service| service.eq_ignore_ascii_case("Email"))
    }

    /// Reads a resource. `None` when it has no usable name.
    #[must_use]
    pub fn from_row(row: &Row) -> Option<Self> {
        let flag = |name| loose::flag(get(row, name));
        Some(Self {
            name: host_name(&loose::text(get(row, "id"))?).ok()?,
            is_verified: flag("isVerified"),
            is_initial: flag("isInitial"),
            is_default: flag("isDefault"),
            is_root: flag("isRoot"),
            is_admin_managed: flag("isAdminManaged"),
            authentication_type: loose::text(get(row, "authenticationType")),
            supported_services: loose::texts(get(row, "supportedServices")).unwrap_or_default(),
        })
    }
}

/// A `domainDnsMxRecord` of the Email service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphMx {
    /// The owner: the full domain name, not `@`.
    pub label: String,
    /// The host, lower case, without trailing dot.
    pub mail_exchange: String,
    /// The preference.
    pub preference: Option<u16>,
    /// The TTL in seconds.
    pub ttl: Option<u32>,
}

impl GraphMx {
    /// Whether a record of the mixed list is an MX record of the Email service.
    fn is_mx(row: &Row) -> bool {
        // The documentation prints the type without `#`, the wire has it.
        let kind = loose::text(get(row, "@odata.type")).unwrap_or_default();
        let is_mx = kind
            .trim_start_matches('#')
            .eq_ignore_ascii_case("microsoft.graph.domainDnsMxRecord")
            || loose::text(get(row, "recordType"))
                .is_some_and(|kind| kind.eq_ignore_ascii_case("Mx"));
        is_mx
            && loose::text(get(row, "supportedService"))
                .is_some_and(|name| name.eq_ignore_ascii_case("Email"))
    }

    fn from_row(row: &Row) -> Option<Self> {
        let number = |name| get(row, name).and_then(Value::as_u64);
        Some(Self {
            label: host_name(&loose::text(get(row, "label"))?).ok()?,
            mail_exchange: host_name(&loose::text(get(row, "mailExchange"))?).ok()?,
            preference: number("preference").and_then(|n| u16::try_from(n).ok()),
            ttl: number("ttl").and_then(|n| u32::try_from(n).ok()),
        })
    }
}

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

/// A status and a body.
type Reply = (u16, Vec<u8>);

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
            let (error, wish) = match self.once(question, call).await {
                Ok((reply, wish)) => match reply.0 {
                    401 if !renewed => {
                        renewed = true;
                        self.tokens.renew(&self.scope, &token, None).await?;
                        continue;
                    }
                    401 => {
                        let detail = failure(&reply.1).map(|failure| failure.message);
                        let call = Box::new(call.clone());
                        return Err(MicrosoftError::Unauthorized {
                            call,
                            service: Service::Graph,
                            detail,
                        });
                    }
                    429 => {
                        self.calls.count(CallKind::Throttled);
                        (
                            MicrosoftError::Throttled {
                                call: Box::new(call.clone()),
                                retry_after: wish,
                            },
                            wish,
                        )
                    }
                    status @ (408 | 500..=599) => {
                        let why = UnknownWhy::ServerError {
                            status,
                            detail: redact::excerpt(&reply.1),
                        };
                        (
                            MicrosoftError::ServiceTrouble {
                                call: Box::new(call.clone()),
                                why,
                            },
                            wish,
                        )
                    }
                    _ => return Ok(reply),
                },
                Err(error) if error.is_transient() => (error, None),
                Err(error) => return Err(error),
            };
            attempt += 1;
            let pause = retry::pause(&self.limits, attempt, wish);
            let (true, Some(pause)) = (attempt <= self.limits.attempts, pause) else {
                return Err(error);
            };
            self.calls.count(CallKind::Retry);
            tokio::time::sleep(pause).await;
        }
    }

    /// One request.
    async fn once(
        &self,
        question: &Question,
        call: &mut Call,
    ) -> Result<(Reply, Option<std::time::Duration>)> {
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
        Ok(((status, body), wish))
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
            let (status, body) = self.ask(&question, call).await?;
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
        let (status, body) = self.ask(&Question::Domain(name.clone()), &mut call).await?;
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
