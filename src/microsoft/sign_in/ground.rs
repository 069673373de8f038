//! What every method builds on: the tenant, the authority, and the way there.

use std::sync::Arc;
use std::time::Duration;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::http::{ClientOptions, ExponentialRetryOptions, RetryOptions, Transport};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use crate::microsoft::calls::CallCounter;
use crate::microsoft::cloud::Cloud;
use crate::microsoft::door::{Door, https_form};
use crate::microsoft::endpoint::Endpoint;
use crate::microsoft::error::MicrosoftError;
use crate::microsoft::redact;
use crate::microsoft::settings::{Limits, MicrosoftSettings, SignInMethod};
use crate::microsoft::sign_in_error::{SignInError, SignInReason};

/// The instance metadata service answers on the machine itself, so it answers at once or not at all.
const METADATA_CONNECT: Duration = Duration::from_secs(3);

/// The tenant, the authority, and the way there.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) tenant: String,
    pub(super) cloud: Cloud,
    pub(super) authority: Endpoint,
    pub(super) door: Arc<Door>,
    pub(super) http: reqwest::Client,
    pub(super) method: &'static str,
    /// What must never be shown, even if the other side echoes it.
    secrets: Vec<SecretString>,
    retry: RetryOptions,
    limits: Limits,
}

impl Ground {
    pub(super) fn new(
        settings: &MicrosoftSettings,
        calls: Arc<CallCounter>,
    ) -> Result<Self, MicrosoftError> {
        let limits = &settings.limits;
        let metadata = matches!(settings.sign_in, SignInMethod::ManagedIdentity { .. });
        let connect = if metadata {
            limits.connect.min(METADATA_CONNECT)
        } else {
            limits.connect
        };
        let mut http = reqwest::Client::builder()
            .connect_timeout(connect)
            .timeout(limits.read)
            .redirect(reqwest::redirect::Policy::none());
        // A proxy reaches neither this machine's loopback nor its metadata service.
        if metadata || settings.endpoints.authority.is_loopback() {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| MicrosoftError::Client {
            detail: error.to_string(),
        })?;
        let authority = settings.endpoints.authority.clone();
        Ok(Self {
            tenant: settings.tenant.clone(),
            cloud: settings.cloud,
            door: Arc::new(Door::new(http.clone(), authority.clone(), calls)),
            authority,
            http,
            method: settings.sign_in.name(),
            secrets: match &settings.sign_in {
                SignInMethod::ClientSecret { secret, .. } => vec![secret.clone()],
                _ => Vec::new(),
            },
            limits: *limits,
            retry: RetryOptions::exponential(ExponentialRetryOptions {
                initial_delay: limits.backoff.try_into().unwrap_or_default(),
                max_retries: limits.attempts.saturating_sub(1).min(3),
                max_total_elapsed: limits.read.try_into().unwrap_or_default(),
                max_delay: limits.longest_pause.try_into().unwrap_or_default(),
            }),
        })
    }

    /// For azure_identity: our own way out, and the authority of the domain file.
    pub(super) fn client_options(&self) -> ClientOptions {
        let mut custom = CustomConfiguration::default();
        // azure_identity wants https; the door puts the scheme back for a loopback authority.
        custom.authority_host = https_form(self.authority.url());
        ClientOptions {
            transport: Some(Transport::new(Arc::<Door>::clone(&self.door))),
            cloud: Some(Arc::new(CloudConfiguration::Custom(custom))),
            retry: self.retry.clone(),
            ..Default::default()
        }
    }

    /// The pauses before each repeat of a request of our own after a passing fault; as many as azure_identity makes.
    pub(super) fn pauses(&self) -> impl Iterator<Item = Duration> + use<> {
        let (first, longest) = (self.limits.backoff, self.limits.longest_pause);
        (0..self.limits.attempts.saturating_sub(1).min(3))
            .map(move |n| (first * 2u32.pow(n)).min(longest))
    }

    /// An address of the tenant's below the v2.0 endpoint: `token`, `devicecode`, `authorize`.
    pub(super) fn oauth(&self, what: &str) -> Url {
        self.authority.join(&[&self.tenant, "oauth2", "v2.0", what])
    }

    /// The machine, tool or file that should supply the identity does not.
    pub(super) fn source_failed(&self, detail: &str) -> SignInError {
        SignInError::new(SignInReason::Source {
            method: self.method,
            detail: self.clean(detail),
        })
    }

    /// No connection to the authority.
    pub(super) fn down(&self, detail: &str) -> SignInError {
        SignInError::new(SignInReason::AuthorityDown {
            authority: self.authority.url().origin().ascii_serialization(),
            detail: self.clean(detail),
        })
    }

    /// Something answered, but not as Entra ID does.
    pub(super) fn not_entra(&self, detail: &str) -> SignInError {
        SignInError::new(SignInReason::NotEntra {
            authority: self.authority.url().origin().ascii_serialization(),
            detail: self.clean(detail),
        })
    }

    /// Text fit to be shown: our own secrets are scrubbed even if the other side echoes them.
    pub(super) fn clean(&self, text: &str) -> String {
        redact::excerpt(self.scrub(text).trim().trim_end_matches('.').as_bytes())
    }

    pub(super) fn scrub(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| {
            redact::scrub(&text, secret.expose_secret())
        })
    }
}
