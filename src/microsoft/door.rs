//! The way out for token requests, put under azure_identity.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azure_core::http::request::Body;
use azure_core::http::{AsyncRawResponse, HttpClient, Request};
use reqwest::Url;

use super::calls::{CallCounter, CallKind};
use super::endpoint::Endpoint;
use super::redact;

/// `http://127.0.0.1:8080` as `https://127.0.0.1:8080`; only the origin, the door adds the path.
pub(crate) fn https_form(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("https://{host}:{port}"),
        _ => url.origin().ascii_serialization(),
    }
}

/// The way out for token requests: counts them, goes to a loopback authority over plain HTTP, and adds claims.
///
/// azure_identity refuses an `http` authority and knows no claims, so both happen here.
#[derive(Debug)]
pub(crate) struct Door {
    http: Arc<dyn HttpClient>,
    /// The same client, for our own posts.
    plain: reqwest::Client,
    authority: Endpoint,
    calls: Arc<CallCounter>,
    /// Claims that the next token must meet.
    claims: Mutex<Option<String>>,
    /// Status and excerpt of the last answer that cannot have held a token.
    last: Mutex<Option<(u16, String)>>,
}

impl Door {
    pub(crate) fn new(http: reqwest::Client, authority: Endpoint, calls: Arc<CallCounter>) -> Self {
        Self {
            http: Arc::new(http.clone()),
            plain: http,
            authority,
            calls,
            claims: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// Demands claims of the tokens to come, or stops demanding them.
    pub(crate) fn ask_for(&self, claims: Option<&str>) {
        *lock(&self.claims) = claims.map(str::to_owned);
    }

    /// The claims demanded now.
    pub(crate) fn claims(&self) -> Option<String> {
        lock(&self.claims).clone()
    }

    /// Posts a form to an address of the authority's, with the claims demanded now; status and body of the answer.
    pub(crate) async fn post(
        &self,
        address: Url,
        form: &[(&str, &str)],
    ) -> reqwest::Result<(u16, Vec<u8>)> {
        let mut form = form.to_vec();
        let claims = self.claims();
        if let Some(claims) = &claims {
            form.push(("claims", claims));
        }
        self.calls.count(CallKind::SignIn);
        let answer = self
            .plain
            .post(address)
            .header("accept", "application/json")
            .form(&form)
            .send()
            .await
            .map_err(reqwest::Error::without_url)?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.map_err(reqwest::Error::without_url)?;
        Ok((status, body.to_vec()))
    }

    /// Forgets the last answer.
    pub(crate) fn forget(&self) {
        *lock(&self.last) = None;
    }

    /// Status and excerpt of the last answer that cannot have held a token.
    pub(crate) fn last(&self) -> Option<(u16, String)> {
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

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
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
        if let Some(claims) = self.claims()
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
        // A proxy's page comes with 200 as well.
        if !status.is_success() || bytes.trim_ascii_start().first() != Some(&b'{') {
            *lock(&self.last) = Some((u16::from(status), redact::page_or_excerpt(bytes)));
        }
        let bytes = bytes.to_vec();
        Ok(AsyncRawResponse::from_bytes(status, headers, bytes))
    }
}
