//! Tokens: through azure_identity wherever it has the credential; a file per method.

mod answer;
mod azure_cli;
mod browser;
mod cache;
mod certificate;
mod client_certificate;
mod client_secret;
mod device_code;
mod explain;
mod github;
mod ground;
mod managed_identity;
mod person;
mod prompt;
pub(crate) mod user;
mod workload_identity;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential};
use secrecy::{ExposeSecret, SecretString};

pub use cache::TokenFile;
pub use prompt::{Invitation, Prompt};

use self::explain::{explain, no_entra_answer};
use self::ground::Ground;
use self::person::{Session, Way};
use super::calls::{CallCounter, CallKind};
use super::error::Result;
use super::redact;
use super::settings::{MicrosoftSettings, SignInMethod};
use super::sign_in_error::SignInError;

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

/// A person needs longer than a machine: the longest life of a code, and the requests around it.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// One identity in one tenant. Access tokens live in memory only.
#[derive(Debug)]
pub struct SignIn {
    ground: Arc<Ground>,
    method: SignInMethod,
    /// A person's session outlives the tokens that a service refuses.
    person: Option<Arc<Session>>,
    time_limit: Duration,
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
    /// [`MicrosoftError::Settings`](super::MicrosoftError::Settings),
    /// [`MicrosoftError::Client`](super::MicrosoftError::Client), or
    /// [`MicrosoftError::SignIn`](super::MicrosoftError::SignIn) when the method's own ingredients are missing or cannot
    /// work: no token file, a certificate that has expired or whose key is another's, nobody at the terminal.
    pub fn new(settings: &MicrosoftSettings, calls: Arc<CallCounter>) -> Result<Self> {
        settings.check()?;
        let ground = Arc::new(Ground::new(settings, Arc::clone(&calls))?);
        let person = match &settings.sign_in {
            SignInMethod::DeviceCode(person) => Some((person, Way::DeviceCode)),
            SignInMethod::Browser(person) => Some((person, Way::Browser)),
            _ => None,
        };
        let person = person
            .map(|(person, way)| Session::new(settings, Arc::clone(&ground), person, way))
            .transpose()?
            .map(Arc::new);
        let limit = settings.limits.read;
        let mut sign_in = Self {
            time_limit: if person.is_some() {
                limit.max(PATIENCE)
            } else {
                limit
            },
            ground,
            method: settings.sign_in.clone(),
            person,
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
        let ground = &self.ground;
        match &self.method {
            SignInMethod::ClientSecret { client_id, secret } => {
                client_secret::credential(ground, client_id, secret)
            }
            SignInMethod::ClientCertificate {
                client_id,
                certificate,
                key,
            } => client_certificate::credential(ground, client_id, certificate, key.as_ref()),
            SignInMethod::ManagedIdentity { client_id } => {
                managed_identity::credential(ground, client_id.as_deref())
            }
            SignInMethod::WorkloadIdentity {
                client_id,
                token_file,
            } => workload_identity::credential(ground, client_id.as_deref(), token_file.as_deref()),
            SignInMethod::AzureCli => azure_cli::credential(ground),
            SignInMethod::DeviceCode(_) | SignInMethod::Browser(_) => match &self.person {
                Some(session) => Ok(Arc::<Session>::clone(session) as _),
                None => Err(ground.source_failed("the session was not prepared")),
            },
        }
    }

    async fn fetch(
        &self,
        state: &mut State,
        scope: &str,
    ) -> std::result::Result<SecretString, SignInError> {
        self.ground.door.forget();
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
            Ok(Err(error)) => return Err(explain(&self.ground, &self.method, &error)),
            // The time may have been spent on repeats that the authority asked for.
            Err(_) if self.ground.door.last().is_some() => {
                let last = self.ground.door.last().unwrap_or_default();
                return Err(no_entra_answer(&self.ground, last));
            }
            Err(_) => {
                let detail = format!("no answer within {} seconds", self.time_limit.as_secs());
                return Err(self.ground.down(&detail));
            }
        };
        let secret = token.token.secret();
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.ground.not_entra("the answer holds no usable token"));
        }
        let secret = SecretString::from(secret.to_owned());
        state.tokens.insert(scope.to_owned(), Kept::new(token));
        tracing::debug!(scope, method = self.method.name(), "signed in");
        Ok(secret)
    }

    /// The error with the identity it was about, so that an admin finds the place.
    fn about(&self, mut error: SignInError) -> SignInError {
        error.about.application = self.method.client_id().map(redact::plain);
        error.about.tenant = Some(self.ground.tenant.clone());
        error
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
        self.fetch(&mut state, scope)
            .await
            .map_err(|error| self.about(error))
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
        self.ground.door.ask_for(claims);
        let fetched = self.fetch(&mut state, scope).await;
        self.ground.door.ask_for(None);
        fetched.map_err(|error| self.about(error))
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
