//! The Graph client, on graph-rs-sdk: its retries are off, its answers are checked, its pages are followed by us.

mod ask;
mod judge;

use std::sync::Arc;

use async_trait::async_trait;
use graph_core::identity::{ClientApplication, ForceTokenRefresh};
use graph_rs_sdk::error::{AuthExecutionError, AuthExecutionResult};
use graph_rs_sdk::{GraphClient, GraphClientConfiguration};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::calls::CallCounter;
use super::endpoint::Endpoint;
use super::error::{Call, MicrosoftError, Result};
use super::graph::{GraphApi, GraphDomain, GraphMx};
use super::host::domain_name;
use super::raw::Ears;
use super::settings::{Limits, MicrosoftSettings};
use super::sign_in::TokenSource;
use ask::{Question, Reply};
use judge::{could_not_tell, is_absent, judge};

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
    ears: Ears,
}

impl std::fmt::Debug for GraphReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GraphReader")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl GraphReader {
    /// Prepares the client; nothing is sent yet.
    #[must_use]
    pub fn new(
        settings: &MicrosoftSettings,
        tokens: Arc<dyn TokenSource>,
        calls: Arc<CallCounter>,
        ears: Ears,
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
            ears,
        }
    }

    async fn one(&self, name: &str) -> Result<Option<GraphDomain>> {
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

    async fn all(&self) -> Result<Vec<GraphDomain>> {
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

    async fn records(&self, name: &str) -> Result<Vec<GraphMx>> {
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

#[async_trait]
impl GraphApi for GraphReader {
    async fn domain(&self, name: &str) -> Result<Option<GraphDomain>> {
        self.ears.keeper.note(self.one(name).await)
    }

    async fn domains(&self) -> Result<Vec<GraphDomain>> {
        self.ears.keeper.note(self.all().await)
    }

    async fn service_configuration_records(&self, name: &str) -> Result<Vec<GraphMx>> {
        self.ears.keeper.note(self.records(name).await)
    }
}
