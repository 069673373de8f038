//! Tokens, through azure_identity.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use azure_core::error::ErrorKind;
use azure_core::http::{ClientOptions, ExponentialRetryOptions, RetryOptions, Transport};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredentialOptions,
    ClientSecretCredential, ClientSecretCredentialOptions, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use secrecy::{ExposeSecret, SecretString};

use super::calls::{CallCounter, CallKind};
use super::door::{Door, https_form};
use super::endpoint::Endpoint;
use super::error::{MicrosoftError, Result};
use super::redact;
use super::settings::{MicrosoftSettings, SignInMethod};
use super::sign_in_error::{self, SignInError, SignInReason};

/// Where a bearer token comes from.
#[async_trait]
pub trait TokenSource: Send + Sync + std::fmt::Debug {
    /// A token for a scope, from the cache while it is fresh.
    ///
    /// # Errors
    /// [`SignInError`].
    async fn token(&self, scope: &str) -> std::result::Result<SecretString, SignInError>;

    /// A new token in place of one that a service refused, meeting the claims it asked for (continuous access evaluation).
    ///
    /// When another call has already replaced `refused`, that newer token is returned.
    ///
    /// # Errors
    /// [`SignInError`].
    async fn renew(
        &self,
        scope: &str,
        refused: &SecretString,
        claims: Option<&str>,
    ) -> std::result::Result<SecretString, SignInError>;
}

/// A token this many seconds from its end is replaced, or with a tenth of its life left if that is less.
const SPARE_SECONDS: i64 = 300;

/// One identity in one tenant. Tokens live in memory only.
#[derive(Debug)]
pub struct SignIn {
    tenant: String,
    authority: Endpoint,
    method: SignInMethod,
    time_limit: Duration,
    retry: RetryOptions,
    door: Arc<Door>,
    calls: Arc<CallCounter>,
    state: tokio::sync::Mutex<State>,
}

struct State {
    /// `None` after a refused token, so that the next request starts with an empty cache.
    credential: Option<Arc<dyn TokenCredential>>,
    tokens: HashMap<String, Kept>,
}

/// A token and how long it lived when it came.
struct Kept {
    token: AccessToken,
    lifetime: i64,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("tokens", &self.tokens.len())
            .finish_non_exhaustive()
    }
}

impl SignIn {
    /// Prepares the sign-in; nothing is sent yet.
    ///
    /// # Errors
    /// [`MicrosoftError::Settings`], [`MicrosoftError::Client`], or [`MicrosoftError::SignIn`] when the method's own
    /// ingredients are missing (no token file, no managed identity of a kind we know).
    pub fn new(settings: &MicrosoftSettings, calls: Arc<CallCounter>) -> Result<Self> {
        settings.check()?;
        let limits = &settings.limits;
        let mut http = reqwest::Client::builder()
            .connect_timeout(limits.connect)
            .timeout(limits.read)
            .redirect(reqwest::redirect::Policy::none());
        if settings.endpoints.authority.is_loopback() {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| MicrosoftError::Client {
            detail: error.to_string(),
        })?;
        let door = Arc::new(Door::new(
            http,
            settings.endpoints.authority.clone(),
            Arc::clone(&calls),
        ));
        let retry = RetryOptions::exponential(ExponentialRetryOptions {
            initial_delay: limits.backoff.try_into().unwrap_or_default(),
            max_retries: limits.attempts.saturating_sub(1).min(3),
            max_total_elapsed: limits.read.try_into().unwrap_or_default(),
            max_delay: limits.longest_pause.try_into().unwrap_or_default(),
        });
        let mut sign_in = Self {
            tenant: settings.tenant.clone(),
            authority: settings.endpoints.authority.clone(),
            method: settings.sign_in.clone(),
            time_limit: limits.read,
            retry,
            door,
            calls,
            state: tokio::sync::Mutex::new(State {
                credential: None,
                tokens: HashMap::new(),
            }),
        };
        // Made once now, so that a missing ingredient is an error here and not in the middle of a run.
        let credential = sign_in.credential()?;
        sign_in.state.get_mut().credential = Some(credential);
        Ok(sign_in)
    }

    /// A credential with an empty cache.
    fn credential(&self) -> std::result::Result<Arc<dyn TokenCredential>, SignInError> {
        let mut custom = CustomConfiguration::default();
        // azure_identity wants https; the door below puts the scheme back for a loopback authority.
        custom.authority_host = https_form(self.authority.url());
        let client_options = ClientOptions {
            transport: Some(Transport::new(Arc::<Door>::clone(&self.door))),
            cloud: Some(Arc::new(CloudConfiguration::Custom(custom))),
            retry: self.retry.clone(),
            ..Default::default()
        };
        let tenant_id = Some(self.tenant.clone());
        let made: azure_core::Result<Arc<dyn TokenCredential>> = match &self.method {
            SignInMethod::ClientSecret { client_id, secret } => ClientSecretCredential::new(
                &self.tenant,
                client_id.clone(),
                Secret::new(secret.expose_secret().to_owned()),
                Some(ClientSecretCredentialOptions { client_options }),
            )
            .map(|made| made as _),
            SignInMethod::ManagedIdentity { client_id } => {
                ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                    user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                    client_options,
                }))
                .map(|made| made as _)
            }
            SignInMethod::WorkloadIdentity {
                client_id,
                token_file,
            } => WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions { client_options },
                client_id: client_id.clone(),
                tenant_id,
                token_file_path: token_file.clone(),
            }))
            .map(|made| made as _),
            SignInMethod::AzureCli => AzureCliCredential::new(Some(AzureCliCredentialOptions {
                tenant_id,
                ..Default::default()
            }))
            .map(|made| made as _),
        };
        made.map_err(|error| self.source_failed(&error))
    }

    fn source_failed(&self, error: &azure_core::Error) -> SignInError {
        SignInError::new(SignInReason::Source {
            method: self.method.name(),
            detail: self.clean(&error.to_string()),
        })
    }

    /// Text fit to be shown: our own secret is scrubbed even if the other side echoes it.
    fn clean(&self, text: &str) -> String {
        let text = match &self.method {
            SignInMethod::ClientSecret { secret, .. } => {
                redact::scrub(text, secret.expose_secret())
            }
            _ => text.to_owned(),
        };
        redact::excerpt(text.trim().trim_end_matches('.').as_bytes())
    }

    async fn fetch(
        &self,
        state: &mut State,
        scope: &str,
    ) -> std::result::Result<SecretString, SignInError> {
        self.door.forget();
        if matches!(self.method, SignInMethod::AzureCli) {
            // The CLI makes its own requests, so the door does not see them.
            self.calls.count(CallKind::SignIn);
        }
        let credential = match &state.credential {
            Some(credential) => Arc::clone(credential),
            None => Arc::clone(state.credential.insert(self.credential()?)),
        };
        let asked =
            tokio::time::timeout(self.time_limit, credential.get_token(&[scope], None)).await;
        let token = match asked {
            Ok(Ok(token)) => token,
            Ok(Err(error)) => return Err(self.explain(&error)),
            // The time may have been spent on repeats that the authority asked for.
            Err(_) if self.door.last().is_some() => {
                return Err(self.no_entra_answer(self.door.last().unwrap_or_default()));
            }
            Err(_) => {
                let detail = format!("no answer within {} seconds", self.time_limit.as_secs());
                return Err(self.down(detail));
            }
        };
        let secret = token.token.secret();
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.not_entra("the answer holds no usable token".to_owned()));
        }
        let secret = SecretString::from(secret.to_owned());
        state.tokens.insert(scope.to_owned(), Kept::new(token));
        tracing::debug!(scope, method = self.method.name(), "signed in");
        Ok(secret)
    }

    /// Finds the cause in azure's chain of errors.
    fn explain(&self, error: &azure_core::Error) -> SignInError {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        let mut unreachable = None;
        while let Some(current) = cause {
            if let Some(known) = current.downcast_ref::<azure_core::Error>() {
                match known.kind() {
                    ErrorKind::HttpResponse {
                        status,
                        raw_response: Some(response),
                        ..
                    } => {
                        let status = u16::from(*status);
                        let body: &[u8] = response.body().as_ref();
                        if let Some(found) = self.read_refusal(status, body) {
                            return found;
                        }
                    }
                    ErrorKind::Connection | ErrorKind::Io => unreachable = Some(innermost(known)),
                    _ => {}
                }
            }
            cause = current.source();
        }
        if matches!(
            self.method,
            SignInMethod::AzureCli | SignInMethod::ManagedIdentity { .. }
        ) {
            let text = error.to_string();
            return SignInError {
                code: sign_in_error::code_in(&text),
                ..self.source_failed(error)
            };
        }
        if let Some(detail) = unreachable {
            return self.down(detail);
        }
        match self.door.last() {
            Some(last) => self.no_entra_answer(last),
            None => self.source_failed(error),
        }
    }

    /// What an answer means that azure_identity could not read.
    fn no_entra_answer(&self, (status, excerpt): (u16, String)) -> SignInError {
        let detail = format!("HTTP {status}, {excerpt}");
        if status == 429 || status >= 500 {
            let detail = self.clean(&detail);
            return SignInError::new(SignInReason::AuthorityBusy { detail });
        }
        self.not_entra(detail)
    }

    fn read_refusal(&self, status: u16, body: &[u8]) -> Option<SignInError> {
        let body = String::from_utf8_lossy(body);
        let body = match &self.method {
            SignInMethod::ClientSecret { secret, .. } => {
                redact::scrub(&body, secret.expose_secret())
            }
            _ => body.into_owned(),
        };
        sign_in_error::from_answer(status, body.as_bytes())
    }

    fn down(&self, detail: String) -> SignInError {
        let authority = self.authority.url().origin().ascii_serialization();
        SignInError::new(SignInReason::AuthorityDown {
            authority,
            detail: self.clean(&detail),
        })
    }

    fn not_entra(&self, detail: String) -> SignInError {
        let authority = self.authority.url().origin().ascii_serialization();
        SignInError::new(SignInReason::NotEntra {
            authority,
            detail: self.clean(&detail),
        })
    }
}

#[async_trait]
impl TokenSource for SignIn {
    async fn token(&self, scope: &str) -> std::result::Result<SecretString, SignInError> {
        let mut state = self.state.lock().await;
        if let Some(kept) = state.tokens.get(scope)
            && kept.is_fresh()
        {
            return Ok(kept.secret());
        }
        self.fetch(&mut state, scope).await
    }

    async fn renew(
        &self,
        scope: &str,
        refused: &SecretString,
        claims: Option<&str>,
    ) -> std::result::Result<SecretString, SignInError> {
        let mut state = self.state.lock().await;
        if let Some(kept) = state.tokens.get(scope)
            && kept.token.token.secret() != refused.expose_secret()
        {
            return Ok(kept.secret());
        }
        state.tokens.remove(scope);
        // The credential keeps its own cache and offers no way to empty it, so it is made anew.
        state.credential = None;
        self.door.ask_for(claims);
        let fetched = self.fetch(&mut state, scope).await;
        self.door.ask_for(None);
        fetched
    }
}

impl Kept {
    fn new(token: AccessToken) -> Self {
        let lifetime = seconds_left(&token);
        Self { token, lifetime }
    }

    fn is_fresh(&self) -> bool {
        seconds_left(&self.token) > SPARE_SECONDS.min(self.lifetime / 10)
    }

    fn secret(&self) -> SecretString {
        SecretString::from(self.token.token.secret().to_owned())
    }
}

fn seconds_left(token: &AccessToken) -> i64 {
    token.expires_on.unix_timestamp() - jiff::Timestamp::now().as_second()
}

/// The last cause of an error, without URLs.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
