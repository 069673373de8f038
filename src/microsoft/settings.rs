//! Which tenant, which cloud, which endpoints, and how to sign in.
//!
//! Everything here is checked before the first byte leaves the machine: a cloud in which Microsoft does not support
//! inbound DANE is refused unless it is forced by its own name, and an endpoint without TLS is refused unless it is a
//! loopback address, because every call carries a bearer token.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// A Microsoft 365 cloud.
///
/// Host names: Exchange Online Admin API page for the Exchange hosts, Graph "national cloud deployments" page for the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cloud {
    /// Worldwide, and GCC (which shares its endpoints). The only one in which `mx.microsoft` is known to exist.
    #[default]
    Worldwide,
    /// GCC High.
    GccHigh,
    /// The US Department of Defense.
    Dod,
    /// Microsoft 365 operated by 21Vianet.
    #[serde(rename = "21vianet")]
    China,
}

impl Cloud {
    /// The name used in a domain file and after a force flag.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Worldwide => "worldwide",
            Self::GccHigh => "gcc-high",
            Self::Dod => "dod",
            Self::China => "21vianet",
        }
    }

    /// The cloud with this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Worldwide, Self::GccHigh, Self::Dod, Self::China]
            .into_iter()
            .find(|cloud| cloud.name().eq_ignore_ascii_case(name))
    }

    fn hosts(self) -> [&'static str; 3] {
        match self {
            Self::Worldwide => [
                "https://login.microsoftonline.com",
                "https://graph.microsoft.com",
                "https://outlook.office365.com",
            ],
            Self::GccHigh => [
                "https://login.microsoftonline.us",
                "https://graph.microsoft.us",
                "https://outlook.office365.us",
            ],
            Self::Dod => [
                "https://login.microsoftonline.us",
                "https://dod-graph.microsoft.us",
                "https://outlook-dod.office365.us",
            ],
            Self::China => [
                "https://login.chinacloudapi.cn",
                "https://microsoftgraph.chinacloudapi.cn",
                "https://outlook.office365.cn",
            ],
        }
    }

    /// The scope of a Graph token. It names the service, not the endpoint, so a laboratory sees the real one.
    #[must_use]
    pub fn graph_scope(self) -> String {
        format!("{}/.default", self.hosts()[1])
    }

    /// The scope of an Exchange token. A Graph token is refused by Exchange.
    #[must_use]
    pub fn exchange_scope(self) -> String {
        format!("{}/.default", self.hosts()[2])
    }
}

impl std::fmt::Display for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The base address of a service: https to anywhere, or plain http to a loopback address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint(Url);

impl Endpoint {
    /// Checks and takes a base address.
    ///
    /// # Errors
    /// [`SettingsError::Endpoint`] when it is no URL, uses another scheme than http or https, uses http to anything but
    /// a loopback address (`127.0.0.0/8` or `[::1]`; a name such as `localhost` can point anywhere), or carries a user,
    /// a query or a fragment.
    pub fn new(address: &str) -> Result<Self, SettingsError> {
        let refuse = |why: &str| {
            Err(SettingsError::Endpoint {
                // The address may hold a password; only the part without it is shown.
                address: address
                    .rsplit('@')
                    .next()
                    .unwrap_or_default()
                    .escape_default()
                    .to_string(),
                why: why.to_owned(),
            })
        };
        let Ok(url) = Url::parse(address) else {
            return refuse("it is not a URL");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("it holds a user name or a password");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse("it holds a query or a fragment");
        }
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            "http" => refuse(
                "plain HTTP is allowed only to a loopback address such as 127.0.0.1, because the call carries a token",
            ),
            _ => refuse("its scheme is neither https nor http"),
        }
    }

    /// The address as a URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Whether the host is a loopback address: then a laboratory answers.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// The address with path segments appended; each segment is percent-encoded.
    #[must_use]
    pub fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        // An http or https URL always has path segments, so the branch is always taken.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl TryFrom<String> for Endpoint {
    type Error = SettingsError;
    fn try_from(value: String) -> Result<Self, Self::Error> {
        Self::new(&value)
    }
}

impl From<Endpoint> for String {
    fn from(value: Endpoint) -> Self {
        value.0.into()
    }
}

/// Whether a URL's host is an IP literal of the loopback range.
pub(crate) fn is_loopback(url: &Url) -> bool {
    url.host_str()
        .map(|host| host.trim_start_matches('[').trim_end_matches(']'))
        .and_then(|host| host.parse::<IpAddr>().ok())
        .is_some_and(|address| address.is_loopback())
}

/// The three base addresses. Each can be replaced, so that a laboratory answers instead of Microsoft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Where tokens come from (`https://login.microsoftonline.com`).
    pub authority: Endpoint,
    /// Microsoft Graph without the version (`https://graph.microsoft.com`).
    pub graph: Endpoint,
    /// Exchange Online (`https://outlook.office365.com`).
    pub exchange: Endpoint,
}

impl Endpoints {
    /// The endpoints of a cloud.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the addresses are the constants above; a test builds every one"
    )]
    pub fn of(cloud: Cloud) -> Self {
        let [authority, graph, exchange] = cloud
            .hosts()
            .map(|host| Endpoint::new(host).expect("a constant https address"));
        Self {
            authority,
            graph,
            exchange,
        }
    }
}

/// How to prove who we are to Entra ID.
///
/// Certificate and device code come later; each is one more variant here and one more arm in `sign_in.rs`.
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
    /// The managed identity of the Azure machine this runs on; `None` means the system-assigned one.
    ManagedIdentity {
        /// The client id of a user-assigned identity.
        client_id: Option<String>,
    },
    /// A federated token in a file (Kubernetes workload identity, or GitHub OIDC written to a file).
    WorkloadIdentity {
        /// The application (client) id; `None` reads `AZURE_CLIENT_ID`.
        client_id: Option<String>,
        /// The file with the token; `None` reads `AZURE_FEDERATED_TOKEN_FILE`.
        token_file: Option<PathBuf>,
    },
    /// Whoever is signed in to the Azure CLI (`az login`).
    AzureCli,
}

impl SignInMethod {
    /// The name of the method for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => "client secret",
            Self::ManagedIdentity { .. } => "managed identity",
            Self::WorkloadIdentity { .. } => "workload identity",
            Self::AzureCli => "Azure CLI",
        }
    }

    /// Whether the token speaks for an application, not for a person. Exchange routes the two differently.
    #[must_use]
    pub fn is_app_only(&self) -> bool {
        !matches!(self, Self::AzureCli)
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
        if let SignInMethod::ClientSecret { client_id, secret } = &self.sign_in {
            use secrecy::ExposeSecret;
            if client_id.trim().is_empty() {
                return Err(SettingsError::NoClientId);
            }
            if secret.expose_secret().trim().is_empty() {
                return Err(SettingsError::NoSecret);
            }
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
         If Microsoft told you otherwise, force it by naming it: force-cloud {cloud}."
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
    fn every_cloud_has_valid_endpoints_and_scopes() {
        for cloud in [Cloud::Worldwide, Cloud::GccHigh, Cloud::Dod, Cloud::China] {
            let endpoints = Endpoints::of(cloud);
            assert_eq!(endpoints.exchange.url().scheme(), "https");
            assert!(cloud.graph_scope().ends_with("/.default"));
            assert!(cloud.exchange_scope().ends_with("/.default"));
            assert_eq!(Cloud::from_name(cloud.name()), Some(cloud));
        }
        assert_eq!(
            Cloud::Worldwide.exchange_scope(),
            "https://outlook.office365.com/.default"
        );
    }

    #[test]
    fn plain_http_only_to_loopback_addresses() {
        for good in [
            "http://127.0.0.1:8080",
            "http://127.8.9.1/x",
            "http://[::1]:1/",
            "https://example.com",
        ] {
            assert!(Endpoint::new(good).is_ok(), "{good}");
        }
        for bad in [
            "http://localhost:1",
            "http://127.0.0.1.example.com",
            "http://example.com",
            "http://[::ffff:10.0.0.1]/",
            "http://0.0.0.0/",
            "ftp://127.0.0.1",
            "https://user:pw@example.com",
            "https://example.com/?a=b",
            "nonsense",
        ] {
            assert!(Endpoint::new(bad).is_err(), "{bad}");
        }
        let text = Endpoint::new("https://user:hunter2@example.com")
            .unwrap_err()
            .to_string();
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_serialized_endpoint_is_checked_again() {
        assert!(serde_json::from_str::<Endpoint>("\"http://example.com\"").is_err());
        let endpoint = Endpoint::new("http://127.0.0.1:5").unwrap();
        let text = serde_json::to_string(&endpoint).unwrap();
        assert_eq!(serde_json::from_str::<Endpoint>(&text).unwrap(), endpoint);
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
    fn joining_encodes_segments() {
        let endpoint = Endpoint::new("http://127.0.0.1:9/base").unwrap();
        assert_eq!(
            endpoint.join(&["adminapi", "a b/c"]).as_str(),
            "http://127.0.0.1:9/base/adminapi/a%20b%2Fc"
        );
    }

    #[test]
    fn settings_never_print_the_secret() {
        let settings = MicrosoftSettings::new("contoso.com", secret_method());
        assert!(!format!("{settings:?}{settings:#?}").contains("s3cret-value"));
    }
}
