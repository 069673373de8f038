//! Proof of who sends a request, where it is not the same header every time: tokens that end, signatures over each request.

mod rsa;
mod sigv4;
mod totp;

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

pub(crate) use self::{
    rsa::sign_sha512,
    sigv4::{SigV4, canonical_query},
    totp::totp,
};
use crate::{Error, Kind, Result, http::Request};

/// A token ends this long before it does, so that none ends on its way.
const MARGIN: Duration = Duration::from_secs(60);

/// A token and how long it is good for.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub secret: SecretString,
    /// From now on.
    pub good_for: Duration,
}

/// Hands out tokens of the program's own sign-in at Microsoft Entra.
#[async_trait]
pub trait Tokens: fmt::Debug + Send + Sync {
    /// A token for `scope`, such as `https://management.azure.com/.default`.
    ///
    /// # Errors
    /// Why there is none and what to do, as sentences.
    async fn token(&self, scope: &str) -> std::result::Result<Token, String>;
}

/// Adds to a request what proves who sends it. Asked once for each sending, also when a read is sent again.
#[async_trait]
pub(crate) trait Authorize: Send + Sync {
    /// The headers.
    ///
    /// # Errors
    /// When no proof can be had; nothing was sent then.
    async fn headers(&self, request: &Request) -> Result<HeaderMap>;

    /// Secrets that were made meanwhile and must be in no message.
    fn secrets(&self) -> Vec<SecretString> {
        Vec::new()
    }

    /// The last proof was not accepted: the next shall be a new one.
    fn forget(&self) {}
}

/// Where a bearer token comes from.
#[async_trait]
pub(crate) trait Issuer: Send + Sync {
    /// Asks for a new one.
    async fn issue(&self) -> Result<Token>;
}

/// Tokens of an issuer, each kept until shortly before it ends.
pub(crate) struct Bearer<I> {
    issuer: I,
    header: HeaderName,
    prefix: &'static str,
    held: Mutex<Option<(SecretString, Instant)>>,
    /// One asks while the others wait for the same token.
    asking: tokio::sync::Mutex<()>,
}

impl<I: Issuer> Bearer<I> {
    /// Bearer tokens (RFC 6750, section 2.1).
    pub(crate) fn new(issuer: I) -> Self {
        Self::sent_as(issuer, AUTHORIZATION, "Bearer ")
    }

    /// Tokens that are sent in another header, such as the cookie of a session.
    pub(crate) fn sent_as(issuer: I, header: HeaderName, prefix: &'static str) -> Self {
        Self {
            issuer,
            header,
            prefix,
            held: Mutex::new(None),
            asking: tokio::sync::Mutex::new(()),
        }
    }

    fn held(&self) -> Option<SecretString> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref()
            .filter(|(_, until)| Instant::now() < *until)
            .map(|(secret, _)| secret.clone())
    }

    async fn token(&self) -> Result<SecretString> {
        if let Some(token) = self.held() {
            return Ok(token);
        }
        let _alone = self.asking.lock().await;
        if let Some(token) = self.held() {
            return Ok(token);
        }
        let token = self.issuer.issue().await?;
        let until = Instant::now() + token.good_for.saturating_sub(MARGIN);
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((token.secret.clone(), until));
        Ok(token.secret)
    }
}

#[async_trait]
impl<I: Issuer> Authorize for Bearer<I> {
    async fn headers(&self, request: &Request) -> Result<HeaderMap> {
        let token = self.token().await?;
        Ok(HeaderMap::from_iter([secret_header(
            self.header.clone(),
            &format!("{}{}", self.prefix, token.expose_secret()),
            request,
        )?]))
    }

    fn secrets(&self) -> Vec<SecretString> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().map(|(secret, _)| secret.clone()).collect()
    }

    fn forget(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A header whose value is in no debug output.
pub(crate) fn secret_header(
    name: HeaderName,
    value: &str,
    request: &Request,
) -> Result<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::try_from(value).map_err(|_| {
        let message = "what proves the identity has characters that no header can carry";
        Error::new("sign-in", request.operation.clone(), Kind::Auth, message)
    })?;
    value.set_sensitive(true);
    Ok((name, value))
}
