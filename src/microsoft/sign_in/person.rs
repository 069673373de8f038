//! A person's session: asked for once, then kept up with the refresh token, which serves both services.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use secrecy::{ExposeSecret as _, SecretString};

use super::answer::{Granted, Refused, post};
use super::cache::TokenFile;
use super::explain::wrapped;
use super::ground::Ground;
use super::prompt::Prompt;
use super::{browser, device_code, user};
use crate::microsoft::settings::{EXCHANGE_MODULE, MicrosoftSettings, Person, TokenCache};
use crate::microsoft::sign_in_error::{SignInError, SignInReason};

/// How a person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    DeviceCode,
    Browser,
}

/// One person's sign-in.
#[derive(Debug)]
pub(super) struct Session {
    ground: Arc<Ground>,
    way: Way,
    client_id: String,
    /// The default client belongs to Exchange, so Exchange is what a person is asked for; Graph comes by refreshing.
    first_scope: String,
    prompt: Option<Arc<dyn Prompt>>,
    file: Option<TokenFile>,
    kept: tokio::sync::Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    refresh: Option<SecretString>,
    /// The access token that came with the person's sign-in, until it is asked for.
    spare: Option<(String, AccessToken)>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept")
            .field("refresh", &self.refresh.is_some())
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Fails at once where a person is needed and none is there.
    pub(super) fn new(
        settings: &MicrosoftSettings,
        ground: Arc<Ground>,
        person: &Person,
        way: Way,
    ) -> Result<Self, SignInError> {
        let client_id = person.client_id.as_deref().unwrap_or(EXCHANGE_MODULE);
        let file = match (person.cache, &settings.token_folder) {
            (TokenCache::File, Some(folder)) => Some(TokenFile::new(
                folder,
                &ground.authority,
                &ground.tenant,
                client_id,
            )),
            (TokenCache::File, None) => {
                return Err(ground.source_failed(
                    "no folder for the token cache is known; name the state directory with --state or ROLLOUT_STATE",
                ));
            }
            (TokenCache::Memory, _) => None,
        };
        let refresh = match &file {
            Some(file) => file.read().map_err(SignInError::new)?,
            None => None,
        };
        if refresh.is_none() && settings.prompt.is_none() {
            return Err(SignInError::new(SignInReason::NobodyThere {
                method: ground.method,
            }));
        }
        Ok(Self {
            way,
            client_id: client_id.to_owned(),
            first_scope: settings.cloud.exchange_scope(),
            prompt: settings.prompt.clone(),
            file,
            kept: tokio::sync::Mutex::new(Kept {
                refresh,
                spare: None,
            }),
            ground,
        })
    }

    async fn token(&self, scope: &str) -> Result<AccessToken, SignInError> {
        let mut kept = self.kept.lock().await;
        if kept.spare.as_ref().is_some_and(|(of, _)| of == scope)
            && let Some((_, token)) = kept.spare.take()
        {
            return Ok(token);
        }
        if let Some(refresh) = kept.refresh.clone() {
            match self.refresh(&mut kept, &refresh, scope).await {
                Ok(token) => return Ok(token),
                // What the person did is over, or the service wants more of it.
                Err(Refused { error, why })
                    if why.wants_a_person() || (error == "invalid_grant" && why.code.is_none()) =>
                {
                    if self.prompt.is_none() {
                        return Err(SignInError {
                            reason: SignInReason::SessionOver {
                                method: self.ground.method,
                                detail: self.ground.clean(&why.reason.to_string()),
                            },
                            ..why
                        });
                    }
                    tracing::debug!(code = why.code, "the person has to sign in again");
                }
                Err(refused) => return Err(refused.why),
            }
        }
        self.ask(&mut kept).await?;
        match (kept.spare.take(), &kept.refresh) {
            (Some((of, token)), _) if of == scope => Ok(token),
            (spare, Some(refresh)) => {
                let refresh = refresh.clone();
                let token = self
                    .refresh(&mut kept, &refresh, scope)
                    .await
                    .map_err(|refused| refused.why)?;
                kept.spare = spare;
                Ok(token)
            }
            _ => Err(self.ground.not_entra(
                "the answer holds no refresh token, so only one of the two services could be used",
            )),
        }
    }

    /// RFC 6749 section 6.
    async fn refresh(
        &self,
        kept: &mut Kept,
        refresh: &SecretString,
        scope: &str,
    ) -> Result<AccessToken, Refused> {
        let scope = asked(scope);
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.client_id),
            ("refresh_token", refresh.expose_secret()),
            ("scope", &scope),
        ];
        let hidden = [refresh.expose_secret()];
        let mut pauses = self.ground.pauses();
        let granted: Granted = loop {
            let refused = match post(&self.ground, "token", &form, &hidden).await {
                Ok(granted) => break granted,
                Err(refused) => refused,
            };
            match pauses.next().filter(|_| refused.why.is_transient()) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(refused),
            }
        };
        self.keep(kept, &granted).map_err(|why| Refused {
            error: String::new(),
            why,
        })?;
        Ok(granted.access())
    }

    async fn ask(&self, kept: &mut Kept) -> Result<(), SignInError> {
        let Some(prompt) = &self.prompt else {
            return Err(SignInError::new(SignInReason::NobodyThere {
                method: self.ground.method,
            }));
        };
        let scope = asked(&self.first_scope);
        let asking = Asking {
            ground: &self.ground,
            client_id: &self.client_id,
            scope: &scope,
            prompt: prompt.as_ref(),
        };
        let granted = match self.way {
            Way::DeviceCode => device_code::ask(&asking).await?,
            Way::Browser => match browser::ask(&asking).await? {
                Some(granted) => granted,
                None => device_code::ask(&asking).await?,
            },
        };
        self.keep(kept, &granted)?;
        let token = granted.access();
        prompt.welcome(user::of_token(&SecretString::from(token.token.secret())).as_deref());
        kept.spare = Some((self.first_scope.clone(), token));
        Ok(())
    }

    fn keep(&self, kept: &mut Kept, granted: &Granted) -> Result<(), SignInError> {
        if let Some(refresh) = &granted.refresh_token {
            if let Some(file) = &self.file {
                file.write(refresh).map_err(SignInError::new)?;
            }
            kept.refresh = Some(refresh.clone());
        }
        Ok(())
    }
}

/// The scope with what a refresh token takes. `openid` and `profile` name the person in the token's claims.
fn asked(scope: &str) -> String {
    format!("{scope} offline_access openid profile")
}

/// What a way of asking is given.
pub(super) struct Asking<'a> {
    pub(super) ground: &'a Ground,
    pub(super) client_id: &'a str,
    pub(super) scope: &'a str,
    pub(super) prompt: &'a dyn Prompt,
}

#[async_trait]
impl TokenCredential for Session {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.token(scopes.first().copied().unwrap_or_default())
            .await
            .map_err(wrapped)
    }
}
