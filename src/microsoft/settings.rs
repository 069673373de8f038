//! Which tenant, which cloud, which endpoints, and how to sign in.
//!
//! Everything here is checked before the first byte leaves the machine: a cloud in which Microsoft does not support
//! inbound DANE is refused unless it is forced by its own name, and an endpoint without TLS is refused unless it is a
//! loopback address, because every call carries a bearer token.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::cloud::Cloud;
use super::endpoint::Endpoints;
use super::sign_in::Prompt;

/// How to prove who we are to Entra ID. Each method has a file of its own under `sign_in/`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SignInMethod {
    /// An application with a client secret.
    ClientSecret {
        /// The application (client) id.
        client_id: String,
        /// The value of the secret, not its id.
        secret: SecretString,
    },
    /// An application with a certificate, whose RSA key signs an assertion in place of a secret.
    ClientCertificate {
        /// The application (client) id.
        client_id: String,
        /// PEM: the certificate, and its key unless that is given apart. Secret, as it may hold the key.
        certificate: SecretString,
        /// PEM: the private key, if it is not beside the certificate.
        key: Option<SecretString>,
    },
    /// The managed identity of the Azure machine this runs on; `None` means the system-assigned one.
    ManagedIdentity {
        /// The client id of a user-assigned identity.
        client_id: Option<String>,
    },
    /// A token that somebody else issued and Entra ID trusts: from a file (Kubernetes), or asked of GitHub Actions.
    WorkloadIdentity {
        /// The application (client) id; `None` reads `AZURE_CLIENT_ID`.
        client_id: Option<String>,
        /// The file with the token; `None` reads `AZURE_FEDERATED_TOKEN_FILE`, and where that is not set either asks
        /// GitHub Actions, if this is one of its jobs.
        token_file: Option<PathBuf>,
    },
    /// Whoever is signed in to the Azure CLI (`az login`).
    AzureCli,
    /// A person who enters a code in a browser, here or elsewhere (RFC 8628).
    DeviceCode(Person),
    /// A person who signs in in this machine's browser (RFC 6749 section 4.1 with PKCE, RFC 7636); with a code where
    /// no browser can be opened.
    Browser(Person),
}

/// What a person's sign-in needs.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// The id of a public client application; `None` is [`EXCHANGE_MODULE`].
    pub client_id: Option<String>,
    /// Where the refresh token outlives this process.
    pub cache: TokenCache,
}

/// The public client of Microsoft's own Exchange module (`microsoft.md` 3.3).
pub const EXCHANGE_MODULE: &str = "fb78d390-0c51-40cd-8e17-fdbfab77341b";

/// Where a person's refresh token is kept. Access tokens are never kept outside memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenCache {
    /// In memory only: every process asks again.
    #[default]
    Memory,
    /// In an owner-only file below [`MicrosoftSettings::token_folder`].
    File,
}

impl SignInMethod {
    /// The name of the method for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => "client secret",
            Self::ClientCertificate { .. } => "client certificate",
            Self::ManagedIdentity { .. } => "managed identity",
            Self::WorkloadIdentity { .. } => "workload identity",
            Self::AzureCli => "Azure CLI",
            Self::DeviceCode(_) => "device code",
            Self::Browser(_) => "browser",
        }
    }

    /// Whether the token speaks for an application, as far as the method tells; behind the Azure CLI can be either.
    /// Exchange routes the two differently, and goes by the token.
    #[must_use]
    pub fn is_app_only(&self) -> bool {
        !matches!(
            self,
            Self::AzureCli | Self::DeviceCode(_) | Self::Browser(_)
        )
    }

    /// The application (client) id, where the method names one.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::ClientSecret { client_id, .. } | Self::ClientCertificate { client_id, .. } => {
                Some(client_id)
            }
            Self::ManagedIdentity { client_id } | Self::WorkloadIdentity { client_id, .. } => {
                client_id.as_deref()
            }
            Self::DeviceCode(person) | Self::Browser(person) => {
                Some(person.client_id.as_deref().unwrap_or(EXCHANGE_MODULE))
            }
            Self::AzureCli => None,
        }
    }
}

/// How long to wait and how often to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time to connect, TLS included.
    pub connect: Duration,
    /// Time for one reading call, answer included.
    pub read: Duration,
    /// Time for one changing cmdlet, answer included. Exchange itself gives up after 15 minutes and
    /// `Enable-DnssecForVerifiedDomain` takes a few, so a shorter limit would only produce unknown outcomes.
    pub write: Duration,
    /// How often a reading call is sent at most. A changing call is sent once.
    pub attempts: u32,
    /// The first pause between attempts; it doubles each time and is jittered.
    pub backoff: Duration,
    /// The longest pause that is slept here. A longer `Retry-After` ends the call with an error that says when to return.
    pub longest_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            read: Duration::from_secs(120),
            write: Duration::from_secs(15 * 60),
            attempts: 5,
            backoff: Duration::from_secs(1),
            longest_pause: Duration::from_secs(60),
        }
    }
}

/// Everything needed to talk to one tenant.
#[derive(Clone, Debug)]
pub struct MicrosoftSettings {
    /// The tenant's id, or one of its domain names.
    pub tenant: String,
    /// The cloud the tenant lives in.
    pub cloud: Cloud,
    /// The cloud whose refusal a person overrode by naming it.
    pub forced_cloud: Option<Cloud>,
    /// Where the services are.
    pub endpoints: Endpoints,
    /// How to sign in.
    pub sign_in: SignInMethod,
    /// Time limits and retries.
    pub limits: Limits,
    /// How a person at a terminal is shown where to sign in; `None` where nobody is there.
    pub prompt: Option<Arc<dyn Prompt>>,
    /// Where refresh tokens are kept for those who asked for it.
    pub token_folder: Option<PathBuf>,
}

impl MicrosoftSettings {
    /// Settings for a tenant of the worldwide cloud.
    #[must_use]
    pub fn new(tenant: impl Into<String>, sign_in: SignInMethod) -> Self {
        Self {
            tenant: tenant.into(),
            cloud: Cloud::Worldwide,
            forced_cloud: None,
            endpoints: Endpoints::of(Cloud::Worldwide),
            sign_in,
            limits: Limits::default(),
            prompt: None,
            token_folder: None,
        }
    }

    /// Moves to another cloud and its endpoints. `forced` must name the same cloud, or [`check`](Self::check) refuses it.
    #[must_use]
    pub fn in_cloud(mut self, cloud: Cloud, forced: Option<Cloud>) -> Self {
        self.cloud = cloud;
        self.forced_cloud = forced;
        self.endpoints = Endpoints::of(cloud);
        self
    }

    /// Replaces the endpoints, for a laboratory.
    #[must_use]
    pub fn at(mut self, endpoints: Endpoints) -> Self {
        self.endpoints = endpoints;
        self
    }

    /// Checks what the types cannot.
    ///
    /// # Errors
    /// [`SettingsError`] for a cloud that is not supported and not forced, a tenant that is neither an id nor a domain
    /// name, an empty client id or an empty secret.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.cloud != Cloud::Worldwide && self.forced_cloud != Some(self.cloud) {
            return Err(SettingsError::Cloud { cloud: self.cloud });
        }
        let tenant_is_sane = !self.tenant.is_empty()
            && self.tenant.len() <= 253
            && self
                .tenant
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
        if !tenant_is_sane {
            return Err(SettingsError::Tenant {
                tenant: self.tenant.escape_default().to_string(),
            });
        }
        if self
            .sign_in
            .client_id()
            .is_some_and(|id| id.trim().is_empty())
        {
            return Err(SettingsError::NoClientId);
        }
        if let SignInMethod::ClientSecret { secret, .. } = &self.sign_in
            && secret.expose_secret().trim().is_empty()
        {
            return Err(SettingsError::NoSecret);
        }
        Ok(())
    }
}

/// Settings that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A cloud without known support.
    #[error(
        "The cloud \"{cloud}\" is refused: no Microsoft source describes mx.microsoft or inbound DANE there. \
         Leave the MX of this domain as it is. `microsoft.cloud` in the domain file can be worldwide, which GCC shares; \
         to override this refusal of {cloud}, and of nothing else, write `cloud_forced: {cloud}` below it."
    )]
    Cloud {
        /// The cloud that was asked for.
        cloud: Cloud,
    },
    /// An address that must not be used.
    #[error(
        "The endpoint \"{address}\" is refused: {why}. Correct it in the domain file or the environment."
    )]
    Endpoint {
        /// The address, without user and password.
        address: String,
        /// Why not.
        why: String,
    },
    /// A tenant that is neither an id nor a name.
    #[error(
        "The tenant \"{tenant}\" is neither a tenant id nor a domain name. \
         The id is shown in the Entra admin center under Overview."
    )]
    Tenant {
        /// What was given, escaped.
        tenant: String,
    },
    /// No application id.
    #[error(
        "No client id was given. It is the application (client) id of the app registration in Entra ID."
    )]
    NoClientId,
    /// No secret.
    #[error(
        "The client secret is empty. Give the secret's value, through the environment variable or file that the domain file names."
    )]
    NoSecret,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret_method() -> SignInMethod {
        SignInMethod::ClientSecret {
            client_id: "11111111-2222-3333-4444-555555555555".into(),
            secret: SecretString::from("s3cret-value"),
        }
    }

    #[test]
    fn another_cloud_needs_its_own_name_as_force() {
        let settings = MicrosoftSettings::new("contoso.com", secret_method());
        assert!(settings.clone().check().is_ok());
        let refused = settings.clone().in_cloud(Cloud::GccHigh, None);
        assert_eq!(
            refused.check(),
            Err(SettingsError::Cloud {
                cloud: Cloud::GccHigh
            })
        );
        let wrong_force = settings.clone().in_cloud(Cloud::GccHigh, Some(Cloud::Dod));
        assert!(wrong_force.check().is_err());
        assert!(
            settings
                .in_cloud(Cloud::GccHigh, Some(Cloud::GccHigh))
                .check()
                .is_ok()
        );
    }

    #[test]
    fn tenants_and_empty_credentials_are_checked() {
        for bad in ["", "a/b", "con toso", "x\u{7}y", "../common"] {
            let settings = MicrosoftSettings::new(bad, secret_method());
            assert!(settings.check().is_err(), "{bad:?}");
        }
        let empty = SignInMethod::ClientSecret {
            client_id: "a".into(),
            secret: SecretString::from(" "),
        };
        assert_eq!(
            MicrosoftSettings::new("t", empty).check(),
            Err(SettingsError::NoSecret)
        );
        let nobody = SignInMethod::ClientSecret {
            client_id: "".into(),
            secret: SecretString::from("x"),
        };
        assert_eq!(
            MicrosoftSettings::new("t", nobody).check(),
            Err(SettingsError::NoClientId)
        );
    }

    #[test]
    fn settings_never_print_the_secret() {
        let settings = MicrosoftSettings::new("contoso.com", secret_method());
        assert!(!format!("{settings:?}{settings:#?}").contains("s3cret-value"));
    }
}
