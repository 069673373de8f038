//! What the token endpoint answers to a person's sign-in (RFC 6749 section 5).

use std::time::Duration;

use azure_core::credentials::AccessToken;
use azure_core::time::OffsetDateTime;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::explain::{innermost, no_entra_answer};
use super::ground::Ground;
use crate::microsoft::redact;
use crate::microsoft::sign_in_error::{self, SignInError};

/// Tokens that were granted.
#[derive(Deserialize)]
pub(super) struct Granted {
    access_token: String,
    #[serde(default = "usual_life")]
    expires_in: i64,
    /// Present when `offline_access` was asked for; a newer one replaces an older one.
    pub(super) refresh_token: Option<SecretString>,
}

/// RFC 6749 lets the server leave it out; Entra ID's shortest usual life is an hour.
const fn usual_life() -> i64 {
    3600
}

impl Granted {
    /// The access token with its end.
    pub(super) fn access(&self) -> AccessToken {
        let end = jiff::Timestamp::now()
            .as_second()
            .saturating_add(self.expires_in);
        let end =
            OffsetDateTime::from_unix_timestamp(end).unwrap_or_else(|_| OffsetDateTime::now_utc());
        AccessToken::new(self.access_token.clone(), end)
    }
}

/// Why nothing was granted.
#[derive(Debug)]
pub(super) struct Refused {
    /// The `error` of RFC 6749, such as `authorization_pending`; empty without an answer of that form.
    pub(super) error: String,
    /// What it means for people.
    pub(super) why: SignInError,
}

/// Posts a form to the tenant's `what` endpoint. `hidden` are values that the answer must not carry into an error text.
pub(super) async fn post<T: DeserializeOwned>(
    ground: &Ground,
    what: &str,
    form: &[(&str, &str)],
    hidden: &[&str],
) -> Result<T, Refused> {
    let refused = |error: String, why| Refused { error, why };
    let sent = ground.door.post(ground.oauth(what), form).await;
    let (status, body) = sent.map_err(|error| {
        let detail = if error.is_timeout() {
            "no answer in time".to_owned()
        } else {
            innermost(&error)
        };
        refused(String::new(), ground.down(&detail))
    })?;
    let text = String::from_utf8_lossy(&body).into_owned();
    if (200..300).contains(&status)
        && let Ok(read) = serde_json::from_str(&text)
    {
        return Ok(read);
    }
    let text = hidden
        .iter()
        .fold(text, |text, secret| redact::scrub(&text, secret));
    if let Some(why) = sign_in_error::from_answer(status, text.as_bytes()) {
        #[derive(Deserialize)]
        struct Code {
            #[serde(default)]
            error: String,
        }
        let code = serde_json::from_str::<Code>(&text);
        return Err(refused(
            code.map(|code| code.error).unwrap_or_default(),
            why,
        ));
    }
    let excerpt = redact::page_or_excerpt(text.as_bytes());
    Err(refused(
        String::new(),
        no_entra_answer(ground, (status, excerpt)),
    ))
}

/// A span of seconds from a service, kept within reason.
pub(super) fn seconds(asked: Option<u64>, usual: u64, most: u64) -> Duration {
    Duration::from_secs(asked.unwrap_or(usual).clamp(1, most))
}
