//! Calls to INWX: a session, a method with its parameters, and an answer that says in its body what came of it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::{
    Method,
    header::{COOKIE, HeaderMap, SET_COOKIE},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::INFO;
use crate::{
    Call, Error, Kind, Result, Token,
    auth::{Authorize, Bearer, Issuer, secret_header, totp},
    http::{Explained, Http, Request},
};

/// How long a session is used; how long it lives is not documented.
const SESSION: Duration = Duration::from_secs(600);

/// A number, or a text that is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub(super) struct Loose(pub(super) u64);

impl TryFrom<Value> for Loose {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
        number.map(Self).ok_or_else(|| "a number is expected".to_owned())
    }
}

#[derive(Deserialize)]
struct WireAnswer {
    code: Loose,
    #[serde(default)]
    msg: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default, rename = "resData")]
    data: Value,
}

impl WireAnswer {
    /// 1000 is done, 1001 taken and on its way (RFC 5730, section 3, whose codes these are).
    fn is_success(&self) -> bool {
        (1000..2000).contains(&self.code.0)
    }

    fn explained(self, write: bool) -> Explained {
        let kind = match self.code.0 {
            2200 | 2501 => Kind::Auth,
            2201 => Kind::Forbidden,
            2302 => Kind::Conflict,
            2303 => Kind::NotFound,
            2502 => Kind::Throttled(None),
            // It failed on the way.
            2400 | 2500 if write => Kind::Unknown,
            2400 | 2500 => Kind::Transient,
            _ => Kind::Rejected,
        };
        let words: Vec<_> = [self.msg, self.reason].into_iter().flatten().filter(|words| !words.is_empty()).collect();
        let message = (!words.is_empty()).then(|| words.join(": "));
        Explained { kind: Some(kind), code: Some(self.code.0.to_string().into()), message }
    }
}

/// What came with another status than success is not from the interface.
pub(super) fn explain(_: u16, _: &[u8]) -> Explained {
    Explained::default()
}

/// A request for one method.
fn request(http: &Http, call: Call, operation: &str, method: &str, mut params: Value) -> Request {
    params["lang"] = "en".into();
    // The address ends with a slash.
    http.request(call, operation, Method::POST, &[""]).json(&json!({ "method": method, "params": params }))
}

/// Calls within a session.
pub(super) struct Rpc {
    pub(super) http: Http,
    pub(super) session: Arc<Bearer<SignIn>>,
}

impl std::fmt::Debug for Rpc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rpc").field("http", &self.http).finish_non_exhaustive()
    }
}

impl Rpc {
    /// Calls a method. A read that finds the session ended opens another, once.
    pub(super) async fn call<T: DeserializeOwned>(&self, call: Call, operation: &str, method: &str, params: Value) -> Result<T> {
        let request = request(&self.http, call, operation, method, params);
        match self.once(&request).await {
            Err(error) if error.kind == Kind::Auth && error.code.is_some() => {
                self.session.forget();
                if call.is_write() { Err(error) } else { self.once(&request).await }
            }
            settled => settled,
        }
    }

    async fn once<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let answer: WireAnswer = self.http.json(request).await?;
        if !answer.is_success() {
            return Err(self.http.complaint(request, answer.explained(request.call.is_write())));
        }
        serde_json::from_value(answer.data).map_err(|error| self.http.unread(request, error))
    }
}

/// Opens sessions. What is handed out is the cookie.
pub(super) struct SignIn {
    pub(super) http: Http,
    pub(super) user: String,
    pub(super) password: SecretString,
    pub(super) shared: Option<SecretString>,
}

impl SignIn {
    async fn send(&self, request: &Request) -> Result<(HeaderMap, Value)> {
        let answer = self.http.send(request).await?;
        let said: WireAnswer = serde_json::from_slice(&answer.body).map_err(|error| self.http.unread(request, error))?;
        if said.is_success() {
            return Ok((answer.headers, said.data));
        }
        Err(self.http.complaint(request, said.explained(false)))
    }
}

#[async_trait]
impl Issuer for SignIn {
    async fn issue(&self) -> Result<Token> {
        let operation = "sign in";
        let refuse = |message: &str| Err(Error::new(INFO.slug, operation, Kind::Auth, message));
        let params = json!({ "user": self.user, "pass": self.password.expose_secret() });
        let (headers, data) = self.send(&request(&self.http, Call::SignIn, operation, "account.login", params)).await?;
        let cookies = headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
        let cookie = cookies.collect::<Vec<_>>().join("; ");
        if cookie.is_empty() {
            return Err(Error::new(INFO.slug, operation, Kind::Protocol, "it opened no session"));
        }
        match (data["tfa"].as_str(), &self.shared) {
            (None | Some("" | "0"), _) => {}
            (Some("GOOGLE-AUTH"), Some(shared)) => {
                let Some(code) = totp(shared, jiff::Timestamp::now().as_second()) else {
                    return refuse("the shared secret is no base32 text");
                };
                let mut unlock = request(&self.http, Call::SignIn, operation, "account.unlock", json!({ "tan": code }));
                let session = secret_header(COOKIE, &cookie, &unlock)?;
                unlock.headers.extend([(Some(session.0), session.1)]);
                self.send(&unlock).await?;
            }
            (Some("GOOGLE-AUTH"), None) => return refuse("the account asks for a one-time code; say its \"shared-secret\""),
            (Some(_), _) => return refuse("the account has a second factor that is not known here"),
        }
        Ok(Token { secret: cookie.into(), good_for: SESSION })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_texts_at_times() {
        let loose = |json: Value| serde_json::from_value::<Loose>(json).ok().map(|loose| loose.0);
        assert_eq!((loose(json!(7)), loose(json!("7")), loose(json!(" 7"))), (Some(7), Some(7), Some(7)));
        assert_eq!((loose(json!(-7)), loose(json!("x")), loose(json!(null))), (None, None, None));
    }
}
