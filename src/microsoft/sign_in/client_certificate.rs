//! An application with a certificate: an assertion signed with its key stands in for a secret (RFC 7523 section 2.2).
//!
//! Claims and header: "Microsoft identity platform application authentication certificate credentials" on
//! learn.microsoft.com. azure_identity's own credential for certificates brings OpenSSL and takes PKCS#12 alone.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core::http::ClientMethodOptions;
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use uuid::Uuid;

use super::certificate::Certificate;
use super::explain::wrapped;
use super::ground::Ground;
use crate::microsoft::sign_in_error::{SignInError, SignInReason};

/// Long enough for repeats after a busy answer; Microsoft advises 5 to 10 minutes.
const LIFE_SECONDS: i64 = 600;

pub(super) fn credential(
    ground: &Ground,
    client_id: &str,
    certificate: &SecretString,
    key: Option<&SecretString>,
) -> Result<Arc<dyn TokenCredential>, SignInError> {
    let pem = certificate.expose_secret();
    let key = key.map_or(pem, |key| key.expose_secret());
    let certificate = Certificate::read(pem, key).map_err(SignInError::new)?;
    certificate
        .check(Timestamp::now())
        .map_err(SignInError::new)?;
    let assertion = Assertion {
        certificate,
        client_id: client_id.to_owned(),
        audience: ground.oauth("token").to_string(),
    };
    let options = ClientAssertionCredentialOptions {
        client_options: ground.client_options(),
    };
    ClientAssertionCredential::new(
        ground.tenant.clone(),
        client_id.to_owned(),
        assertion,
        Some(options),
    )
    .map(|made| made as _)
    .map_err(|error| ground.source_failed(&error.to_string()))
}

/// Makes a new assertion for each request, so that none is used twice.
#[derive(Debug)]
struct Assertion {
    certificate: Certificate,
    client_id: String,
    audience: String,
}

impl Assertion {
    fn signed(&self, now: Timestamp) -> Result<String, SignInReason> {
        // A run lives for days, a certificate may end meanwhile.
        self.certificate.check(now)?;
        let header =
            json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.certificate.thumbprint()});
        let now = now.as_second();
        let claims = json!({
            "aud": self.audience, "iss": self.client_id, "sub": self.client_id,
            "jti": Uuid::new_v4().to_string(), "iat": now, "nbf": now, "exp": now + LIFE_SECONDS,
        });
        let body = format!(
            "{}.{}",
            BASE64.encode(header.to_string()),
            BASE64.encode(claims.to_string())
        );
        let signature = self.certificate.sign(&body)?;
        Ok(format!("{body}.{signature}"))
    }
}

#[async_trait]
impl ClientAssertion for Assertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.signed(Timestamp::now())
            .map_err(|reason| wrapped(SignInError::new(reason)))
    }
}
