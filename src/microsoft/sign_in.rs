//! Tokens, through azure_identity.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use azure_core::error::ErrorKind;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, ExponentialRetryOptions, HttpClient, Request, RetryOptions,
    Transport, request::Body,
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredentialOptions,
    ClientSecretCredential, ClientSecretCredentialOptions, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::calls::{CallCounter, CallKind};
use super::error::{MicrosoftError, Result};
use super::redact;
use super::settings::{Endpoint, MicrosoftSettings, SignInMethod};
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

/// A token this close to its end is replaced.
const FRESH_FOR: Duration = Duration::from_secs(300);

/// One identity in one tenant. Tokens live in memory only.
#[derive(Debug)]
pub struct SignIn {
    tenant: String,
    authority: Endpoint,
    method: SignInMethod,
    time_limit: Duration,
    retry: RetryOptions,
    door: Arc<Door>,
    state: tokio::sync::Mutex<State>,
}

struct State {
    /// `None` after a refused token, so that the next request starts with an empty cache.
    credential: Option<Arc<dyn TokenCredential>>,
    tokens: HashMap<String, AccessToken>,
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
        let door = Arc::new(Door {
            http: Arc::new(http),
            authority: settings.endpoints.authority.clone(),
            calls,
            claims: StdMutex::default(),
            last: StdMutex::default(),
        });
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
            self.door.calls.count(CallKind::SignIn);
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
        state.tokens.insert(scope.to_owned(), token);
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
                        if let Some(found) = self.from_answer(status, body) {
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
            Some((status, excerpt)) if status == 429 || status >= 500 => {
                SignInError::new(SignInReason::AuthorityBusy {
                    detail: self.clean(&format!("HTTP {status}, {excerpt}")),
                })
            }
            Some((status, excerpt)) => self.not_entra(format!("HTTP {status}, {excerpt}")),
            None => self.source_failed(error),
        }
    }

    fn from_answer(&self, status: u16, body: &[u8]) -> Option<SignInError> {
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
        if let Some(token) = state.tokens.get(scope)
            && is_fresh(token)
        {
            return Ok(SecretString::from(token.token.secret().to_owned()));
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
        if let Some(token) = state.tokens.get(scope)
            && token.token.secret() != refused.expose_secret()
        {
            return Ok(SecretString::from(token.token.secret().to_owned()));
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

fn is_fresh(token: &AccessToken) -> bool {
    let left = token.expires_on.unix_timestamp() - jiff::Timestamp::now().as_second();
    left > FRESH_FOR.as_secs().cast_signed()
}

/// The last cause of an error, without URLs.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

/// `http://127.0.0.1:8080` as `https://127.0.0.1:8080`; only the origin, the door adds the path.
fn https_form(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("https://{host}:{port}"),
        _ => url.origin().ascii_serialization(),
    }
}

/// The way out for token requests: counts them, goes to a loopback authority over plain HTTP, and adds claims.
///
/// azure_identity refuses an `http` authority and knows no claims, so both happen here.
#[derive(Debug)]
struct Door {
    http: Arc<dyn HttpClient>,
    authority: Endpoint,
    calls: Arc<CallCounter>,
    claims: StdMutex<Option<String>>,
    last: StdMutex<Option<(u16, String)>>,
}

impl Door {
    fn ask_for(&self, claims: Option<&str>) {
        *lock(&self.claims) = claims.map(str::to_owned);
    }

    fn forget(&self) {
        *lock(&self.last) = None;
    }

    fn last(&self) -> Option<(u16, String)> {
        lock(&self.last).clone()
    }

    /// Puts back the scheme and path prefix of the authority.
    fn redirect(&self, url: &mut Url) {
        let authority = self.authority.url();
        let same_host = url.host_str() == authority.host_str()
            && url.port_or_known_default() == authority.port_or_known_default();
        if !same_host {
            return;
        }
        let prefix = authority.path().trim_end_matches('/');
        if !prefix.is_empty() {
            let path = format!("{prefix}{}", url.path());
            url.set_path(&path);
        }
        if authority.scheme() == "http" {
            let port = authority.port_or_known_default();
            // Both calls can only fail for URLs without a host, and this one has the authority's.
            let _ = url.set_scheme("http");
            let _ = url.set_port(port);
        }
    }
}

fn lock<T>(mutex: &StdMutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing panics while a lock is held; if it did, the value is still whole.
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[async_trait]
impl HttpClient for Door {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut request = request.clone();
        self.redirect(request.url_mut());
        let claims = lock(&self.claims).clone();
        if let Some(claims) = claims
            && let Body::Bytes(form) = request.body().clone()
            && let Ok(extra) = Url::parse_with_params("x:y", [("claims", claims)])
        {
            let mut form = form.to_vec();
            form.push(b'&');
            form.extend_from_slice(extra.query().unwrap_or_default().as_bytes());
            request.set_body(form);
        }
        self.calls.count(CallKind::SignIn);
        let response = self.http.execute_request(&request).await?;
        // The body is small; keep its beginning in case azure cannot read it.
        let response = response.try_into_raw_response().await?;
        let (status, headers, body) = response.deconstruct();
        let bytes: &[u8] = body.as_ref();
        if !status.is_success() {
            *lock(&self.last) = Some((u16::from(status), redact::excerpt(bytes)));
        }
        let bytes = bytes.to_vec();
        Ok(AsyncRawResponse::from_bytes(status, headers, bytes))
    }
}
