//! Two ways to prove who asks: a signature over each request, or a service account's token.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use aws_lc_rs::digest;
use reqwest::{
    Method, Url,
    header::{HeaderMap, HeaderName},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{INFO, explain};
use crate::{
    Call, Error, Kind, Options, Result, Token,
    auth::{Authorize, Bearer, Issuer, secret_header},
    http::{Http, Request},
    registry::Fields,
    text,
};

/// How long the difference between the clocks is believed.
const BELIEVED: Duration = Duration::from_secs(600);

/// The proof, and the secrets it is made of.
pub(super) struct Proof {
    pub(super) authorize: Arc<dyn Authorize>,
    pub(super) identity: Vec<SecretString>,
}

/// The proof that the fields make possible.
pub(super) fn proof(fields: &Fields<'_>, options: &Options) -> Result<Proof> {
    let said = |keys: &[&str]| keys.iter().filter(|key| !fields.text(key).is_empty()).count();
    match (said(&["application-key", "application-secret", "consumer-key"]), said(&["client-id", "client-secret"])) {
        (3, 0) => {
            let identity = vec![fields.secret("application-secret"), fields.secret("consumer-key")];
            let signature = Signature {
                http: Http::new(&INFO, fields.text("url"), &[], explain, options)?,
                application: fields.text("application-key").to_owned(),
                secret: identity[0].clone(),
                consumer: identity[1].clone(),
                ahead: Mutex::new(None),
            };
            Ok(Proof { authorize: Arc::new(signature), identity })
        }
        (0, 2) => {
            let mut http = Http::new(&INFO, &token_url(fields.text("url")), &[], explain, options)?;
            let secret = fields.secret("client-secret");
            http.hide(secret.clone());
            let account = Account { http, id: fields.text("client-id").to_owned(), secret: secret.clone() };
            Ok(Proof { authorize: Arc::new(Bearer::new(account)), identity: vec![secret] })
        }
        _ => {
            let why = "say application-key, application-secret and consumer-key, or else client-id and client-secret";
            Err(fields.wrong("application-key", why))
        }
    }
}

/// An application with a consumer key. The signature holds the time, by OVHcloud's clock.
struct Signature {
    http: Http,
    application: String,
    secret: SecretString,
    consumer: SecretString,
    /// How many seconds its clock is ahead of ours, and when that was asked.
    ahead: Mutex<Option<(i64, Instant)>>,
}

impl Signature {
    async fn ahead(&self, operation: &str) -> Result<i64> {
        let known = *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((ahead, _)) = known.filter(|(_, asked)| asked.elapsed() < BELIEVED) {
            return Ok(ahead);
        }
        let theirs: i64 = self.http.json(&self.http.get(Call::SignIn, operation, &["auth", "time"])).await?;
        let ahead = theirs - jiff::Timestamp::now().as_second();
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some((ahead, Instant::now()));
        Ok(ahead)
    }
}

#[async_trait]
impl Authorize for Signature {
    async fn headers(&self, request: &Request) -> Result<HeaderMap> {
        let time = jiff::Timestamp::now().as_second() + self.ahead(&request.operation).await?;
        let signature = signature(self.secret.expose_secret(), self.consumer.expose_secret(), request, time);
        let header = |name, value: &str| secret_header(HeaderName::from_static(name), value, request);
        [
            header("x-ovh-application", &self.application),
            header("x-ovh-consumer", self.consumer.expose_secret()),
            header("x-ovh-timestamp", &time.to_string()),
            header("x-ovh-signature", &signature),
        ]
        .into_iter()
        .collect()
    }

    fn forget(&self) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// <https://github.com/ovh/go-ovh>: the first version, SHA-1 over all that must not be changed.
fn signature(secret: &str, consumer: &str, request: &Request, time: i64) -> String {
    let (method, url, body) = (request.method.as_str(), request.url.as_str(), request.text());
    let signed = format!("{secret}+{consumer}+{method}+{url}+{body}+{time}");
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, signed.as_bytes());
    format!("$1${}", text::hex(digest.as_ref()).to_lowercase())
}

/// A service account (OAuth2 client credentials, RFC 6749, section 4.4).
struct Account {
    http: Http,
    id: String,
    secret: SecretString,
}

#[async_trait]
impl Issuer for Account {
    async fn issue(&self) -> Result<Token> {
        #[derive(Deserialize)]
        struct Wire {
            access_token: String,
            expires_in: u64,
        }
        let request = self.http.request(Call::SignIn, "sign in", Method::POST, &[]).form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &self.id),
            ("client_secret", self.secret.expose_secret()),
            ("scope", "all"),
        ]);
        let wire: Wire = self.http.json(&request).await.map_err(|error| match error.kind {
            // RFC 6749, section 5.2: a wrong client is told with 400 or 401.
            Kind::Rejected => Error { kind: Kind::Auth, ..error },
            _ => error,
        })?;
        Ok(Token { secret: wire.access_token.into(), good_for: Duration::from_secs(wire.expires_in) })
    }
}

/// Where tokens come from: each region's own place; for others, such as stand-ins, below the interface's origin.
fn token_url(url: &str) -> String {
    let url = Url::parse(url).ok();
    let origin = match url.as_ref().and_then(Url::host_str) {
        Some("eu.api.ovh.com") => "https://www.ovh.com".to_owned(),
        Some("ca.api.ovh.com") => "https://ca.ovh.com".to_owned(),
        Some("api.us.ovhcloud.com") => "https://us.ovhcloud.com".to_owned(),
        _ => url.map_or_else(String::new, |url| url.origin().ascii_serialization()),
    };
    format!("{origin}/auth/oauth2/token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_of_the_vendors_own_example() {
        // As printed in OVHcloud's guide to the first steps with its interface.
        let url = "https://eu.api.ovh.com/1.0/domains/".parse().unwrap();
        let request = Request::new(Call::Read, "x", Method::GET, url);
        let made = signature("EXEgWIz07P0HYwtQDs7cNIqCiQaWSuHF", "MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1", &request, 1_366_560_945);
        assert_eq!(made, "$1$d3705e8afb27a0d2970a322b96550abfc67bb798");
    }

    #[test]
    fn each_region_has_its_own_tokens() {
        assert_eq!(token_url("https://ca.api.ovh.com/1.0"), "https://ca.ovh.com/auth/oauth2/token");
        assert_eq!(token_url("http://127.0.0.1:8080/1.0"), "http://127.0.0.1:8080/auth/oauth2/token");
    }
}
