//! How a service account signs in: a statement about itself, signed with its key, is exchanged for a token that ends (RFC 7523).
//! <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::INFO;
use crate::{
    Call, Error, Kind, Result, Token,
    auth::Issuer,
    http::{Http, checked_base},
};

/// How long a statement is good for, in seconds; Google takes no longer one.
const STATEMENT: i64 = 3600;
const OPERATION: &str = "sign in at Google";

/// A service account's key, as Google's console makes it in JSON.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(default)]
    project_id: String,
    #[serde(default)]
    private_key_id: String,
    private_key: String,
    client_email: String,
    token_uri: String,
}

pub(super) struct Account {
    /// Empty where the key does not say.
    pub(super) project: String,
    /// Where tokens are handed out.
    pub(super) token_address: String,
    /// The key as it was given, to be kept out of every message.
    pub(super) private_key: SecretString,
    email: String,
    key_id: String,
    key: RsaKeyPair,
}

impl Account {
    /// Reads the key. What is said of a wrong one shows nothing of it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let file: KeyFile = serde_json::from_str(text)
            .map_err(|_| "it is not the JSON key of a service account, with client_email, private_key and token_uri")?;
        checked_base(&file.token_uri).map_err(|_| "its token_uri is no address that begins with https")?;
        let lines = file.private_key.lines().map(str::trim);
        let body: String = lines.filter(|line| !line.starts_with("-----")).collect();
        let key = STANDARD.decode(body).ok().and_then(|der| RsaKeyPair::from_pkcs8(&der).ok());
        Ok(Self {
            project: file.project_id,
            token_address: file.token_uri,
            private_key: file.private_key.into(),
            email: file.client_email,
            key_id: file.private_key_id,
            key: key.ok_or("its private_key is no RSA key in PKCS#8")?,
        })
    }

    /// The signed statement. `now` in seconds since 1970.
    fn statement(&self, scope: &str, now: i64) -> Result<String, aws_lc_rs::error::Unspecified> {
        let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let head = part(json!({ "alg": "RS256", "typ": "JWT", "kid": self.key_id }));
        let claims = part(json!({
            "iss": self.email, "scope": scope, "aud": self.token_address, "iat": now, "exp": now + STATEMENT,
        }));
        let signed = format!("{head}.{claims}");
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Tokens of one scope.
pub(super) struct SignIn {
    pub(super) http: Http,
    pub(super) account: Arc<Account>,
    pub(super) scope: &'static str,
}

#[async_trait]
impl Issuer for SignIn {
    async fn issue(&self) -> Result<Token> {
        #[derive(Deserialize)]
        struct Answer {
            access_token: SecretString,
            expires_in: u64,
        }
        let now = jiff::Timestamp::now().as_second();
        let statement = self
            .account
            .statement(self.scope, now)
            .map_err(|_| Error::new(INFO.slug, OPERATION, Kind::Auth, "nothing could be signed with the service account's key"))?;
        // Of its letters none has to be encoded.
        let form = format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={statement}");
        let request = self.http.request(Call::SignIn, OPERATION, Method::POST, &[]);
        let Answer { access_token, expires_in } = self.http.json(&request.body("application/x-www-form-urlencoded", form)).await?;
        Ok(Token { secret: access_token, good_for: Duration::from_secs(expires_in) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_cannot_be_used_is_told_without_being_shown() {
        let file = |token_uri: &str, private_key: &str| {
            json!({ "client_email": "a@b.test", "token_uri": token_uri, "private_key": private_key }).to_string()
        };
        let google = "https://oauth2.googleapis.test/token";
        for (text, says) in [
            ("hush".to_owned(), "JSON key"),
            (json!({ "type": "authorized_user", "refresh_token": "hush" }).to_string(), "JSON key"),
            (file("http://oauth2.googleapis.test/token", "hush"), "https"),
            (file(google, "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----"), "PKCS#8"),
            (file(google, "hush!"), "PKCS#8"),
        ] {
            let why = Account::parse(&text).err().unwrap();
            assert!(why.contains(says) && !why.contains("hush"), "{why}");
        }
    }
}
