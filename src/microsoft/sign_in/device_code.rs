//! A person enters a code in a browser, here or elsewhere (RFC 8628).

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::time::Instant;

use super::answer::{Granted, post, seconds};
use super::person::Asking;
use super::prompt::Invitation;
use crate::microsoft::redact;
use crate::microsoft::sign_in_error::{SignInError, SignInReason};

/// RFC 8628 section 3.5: both the usual pause and what `slow_down` adds.
const PAUSE_SECONDS: u64 = 5;
/// Entra ID's codes live for 15 minutes; none is awaited longer.
const LIFE_SECONDS: u64 = 900;
/// No longer pause is taken seriously.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The answer of the `devicecode` endpoint.
#[derive(Deserialize)]
struct Begun {
    device_code: SecretString,
    user_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: String,
    expires_in: Option<u64>,
    interval: Option<u64>,
}

pub(super) async fn ask(asking: &Asking<'_>) -> Result<Granted, SignInError> {
    let form = [("client_id", asking.client_id), ("scope", asking.scope)];
    let begun: Begun = post(asking.ground, "devicecode", &form, &[])
        .await
        .map_err(|refused| refused.why)?;
    let good_for = seconds(begun.expires_in, LIFE_SECONDS, LIFE_SECONDS);
    asking.prompt.invite(&Invitation::Code {
        page: redact::plain(&begun.verification_uri),
        code: redact::plain(&begun.user_code),
        good_for,
    });
    let device_code = begun.device_code.expose_secret();
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", asking.client_id),
        ("device_code", device_code),
    ];
    let end = Instant::now() + good_for;
    let mut pause = seconds(begun.interval, PAUSE_SECONDS, LONGEST_PAUSE.as_secs());
    loop {
        if Instant::now() + pause > end {
            return Err(SignInError::new(SignInReason::CodeExpired));
        }
        tokio::time::sleep(pause).await;
        let refused = match post(asking.ground, "token", &form, &[device_code]).await {
            Ok(granted) => return Ok(granted),
            Err(refused) => refused,
        };
        match refused.error.as_str() {
            "authorization_pending" => {}
            "slow_down" => pause += Duration::from_secs(PAUSE_SECONDS),
            "authorization_declined" | "access_denied" => {
                return Err(SignInError {
                    reason: SignInReason::Declined,
                    ..refused.why
                });
            }
            "expired_token" | "code_expired" => {
                return Err(SignInError {
                    reason: SignInReason::CodeExpired,
                    ..refused.why
                });
            }
            // The network may come back while the person types.
            _ if refused.why.is_transient() => pause = (pause * 2).min(LONGEST_PAUSE),
            _ => return Err(refused.why),
        }
    }
}
