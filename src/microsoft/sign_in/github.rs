//! The token that GitHub Actions issues for a job ("OpenID Connect reference" on docs.github.com).

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core::http::ClientMethodOptions;
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions,
};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::explain::{innermost, wrapped};
use super::ground::Ground;
use crate::microsoft::cloud::Cloud;
use crate::microsoft::endpoint::is_loopback;
use crate::microsoft::redact;
use crate::microsoft::sign_in_error::{SignInError, SignInReason};

/// Where a job asks for its token, and with what.
pub(super) struct Job {
    address: Url,
    token: SecretString,
}

impl Job {
    /// What GitHub Actions put into the environment of this process; `None` outside a job.
    pub(super) fn of_process() -> Result<Option<Self>, SignInError> {
        let get = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let address = get("ACTIONS_ID_TOKEN_REQUEST_URL");
        match (address, get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")) {
            (Some(address), Some(token)) => Self::at(&address, token).map(Some),
            _ if get("GITHUB_ACTIONS").is_some() => Err(SignInError::new(SignInReason::GitHub {
                detail: "the job may not ask for one".to_owned(),
            })),
            _ => Ok(None),
        }
    }

    fn at(address: &str, token: String) -> Result<Self, SignInError> {
        let url = Url::parse(address).ok();
        // The request carries a bearer token.
        let url = url
            .filter(|url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)));
        let Some(address) = url else {
            return Err(SignInError::new(SignInReason::GitHub {
                detail: "ACTIONS_ID_TOKEN_REQUEST_URL is no https address".to_owned(),
            }));
        };
        Ok(Self {
            address,
            token: SecretString::from(token),
        })
    }
}

pub(super) fn credential(
    ground: &Ground,
    client_id: Option<&str>,
    job: Job,
) -> Result<Arc<dyn TokenCredential>, SignInError> {
    let client_id = client_id.map_or_else(
        || std::env::var("AZURE_CLIENT_ID").unwrap_or_default(),
        str::to_owned,
    );
    let mut address = job.address;
    let audience = audience(ground.cloud);
    address.query_pairs_mut().append_pair("audience", audience);
    let http = if is_loopback(&address) {
        reqwest::Client::builder().no_proxy().build().ok()
    } else {
        None
    };
    let assertion = Assertion {
        http: http.unwrap_or_else(|| ground.http.clone()),
        address,
        token: job.token,
    };
    let options = ClientAssertionCredentialOptions {
        client_options: ground.client_options(),
    };
    ClientAssertionCredential::new(ground.tenant.clone(), client_id, assertion, Some(options))
        .map(|made| made as _)
        .map_err(|error| ground.source_failed(&error.to_string()))
}

/// The audience that a federated credential of the cloud expects.
const fn audience(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Worldwide => "api://AzureADTokenExchange",
        Cloud::GccHigh | Cloud::Dod => "api://AzureADTokenExchangeUSGov",
        Cloud::China => "api://AzureADTokenExchangeChina",
    }
}

/// Asks GitHub anew for each request: its tokens live for minutes.
#[derive(Debug)]
struct Assertion {
    http: reqwest::Client,
    address: Url,
    token: SecretString,
}

#[derive(Deserialize)]
struct Answer {
    value: SecretString,
}

impl Assertion {
    async fn ask(&self) -> Result<String, String> {
        let response = self
            .http
            .get(self.address.clone())
            .bearer_auth(self.token.expose_secret())
            .header("accept", "application/json")
            .send()
            .await
            .map_err(|error| format!("it cannot be reached: {}", innermost(&error)))?;
        let status = response.status();
        let body = response
            .bytes()
            .await
            .map_err(|error| format!("its answer broke off: {}", innermost(&error)))?;
        if !status.is_success() {
            let said = redact::scrub(&String::from_utf8_lossy(&body), self.token.expose_secret());
            let said = redact::excerpt(said.as_bytes());
            return Err(format!("it answered HTTP {}, {said}", status.as_u16()));
        }
        serde_json::from_slice::<Answer>(&body)
            .map(|answer| answer.value.expose_secret().to_owned())
            .map_err(|_| "its answer holds no token".to_owned())
    }
}

#[async_trait]
impl ClientAssertion for Assertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.ask()
            .await
            .map_err(|detail| wrapped(SignInError::new(SignInReason::GitHub { detail })))
    }
}
