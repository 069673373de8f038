//! What Entra ID knows of the application beside its secret, of the person, and what is wrong with their sign-in.

use std::collections::{BTreeMap, BTreeSet};

use crate::dns::keys::hex;
use crate::error::LabError;
use crate::lab::Lab;
use crate::microsoft::token;
use crate::places::random;

/// What Entra ID knows, and what it refuses at the moment. Not kept when a laboratory is saved.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Certificates registered with the application: DER.
    pub certificates: Vec<Vec<u8>>,
    /// Federated credentials of the application.
    pub federated: Vec<Federated>,
    /// Client ids of the user-assigned identities of "this machine"; it has a system-assigned one as well.
    pub identities: BTreeSet<String>,
    /// The person at the browser.
    pub person: Person,
    /// Client ids of further public clients; the Exchange module's is one.
    pub public_clients: BTreeSet<String>,
    /// What every token request meets instead of an answer of its own.
    pub fault: Option<SignInFault>,
    /// The same, for token requests that have refresh tokens to show.
    pub refresh_fault: Option<SignInFault>,
    /// By how many seconds Entra's clock is ahead of everybody else's.
    pub ahead: i64,
    /// Pause that the device code endpoint asks for, in seconds.
    pub interval: u64,
    pub(super) pending: BTreeMap<String, Pending>,
    pub(super) codes: BTreeMap<String, Code>,
    /// Refresh tokens, by the client they were issued to.
    pub(super) refresh: BTreeMap<String, String>,
}

/// A federated credential: whose tokens are taken, about whom, meant for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Federated {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `aud`.
    pub audience: String,
}

/// The person at the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The sign-in name.
    pub name: String,
    /// What they do.
    pub does: PersonDoes,
}

/// What the person at the browser does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonDoes {
    /// Signs in; a device code only after being asked for so many times.
    SignsIn {
        /// How often the answer is `authorization_pending` first.
        after: u32,
    },
    /// The same, and the first poll is told to slow down.
    SignsInSlowly,
    /// Says no.
    Declines,
    /// Never comes; the code has expired at the first poll.
    StaysAway,
}

/// What is wrong with the sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInFault {
    /// AADSTS7000222.
    SecretExpired,
    /// AADSTS65001.
    ConsentMissing,
    /// AADSTS65002.
    NotPreauthorized,
    /// AADSTS53003.
    Blocked,
    /// AADSTS50076.
    InteractionRequired,
    /// AADSTS7000112.
    ApplicationDisabled,
    /// AADSTS50057.
    UserDisabled,
    /// AADSTS700082.
    SessionOver,
    /// HTTP 429 with `Retry-After: 1`.
    Throttled,
    /// HTTP 503 with a page.
    Down,
    /// HTTP 200 with a proxy's sign-in page.
    ProxyPage,
    /// HTTP 200 with JSON that is no token.
    NoToken,
    /// The connection breaks.
    Breaks,
}

/// A device code that waits for the person.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) client_id: String,
    pub(super) scope: String,
    pub(super) polls: u32,
}

/// An authorization code, good once.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) client_id: String,
    pub(super) redirect: String,
    pub(super) challenge: String,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            certificates: Vec::new(),
            federated: Vec::new(),
            identities: BTreeSet::new(),
            person: Person {
                name: "admin@contoso.com".to_owned(),
                does: PersonDoes::SignsIn { after: 0 },
            },
            public_clients: BTreeSet::from(["fb78d390-0c51-40cd-8e17-fdbfab77341b".to_owned()]),
            fault: None,
            refresh_fault: None,
            ahead: 0,
            interval: 1,
            pending: BTreeMap::new(),
            codes: BTreeMap::new(),
            refresh: BTreeMap::new(),
        }
    }
}

impl Directory {
    /// A new refresh token for a client.
    pub(super) fn new_refresh(&mut self, client_id: &str) -> String {
        let token = format!("1.AX{}", hex(&random::<24>()));
        self.refresh.insert(token.clone(), client_id.to_owned());
        token
    }
}

/// Secret that the identity endpoint of "App Service" wants in `X-IDENTITY-HEADER`.
pub const IDENTITY_HEADER: &str = "laboratory-identity-header-4711";
/// Token with which a job of "GitHub Actions" asks for its own.
pub const GITHUB_REQUEST_TOKEN: &str = "laboratory-github-request-token-4711";
/// Issuer and subject of the job's token.
pub const GITHUB_JOB: (&str, &str) = (
    "https://token.actions.githubusercontent.com",
    "repo:contoso/mail:ref:refs/heads/main",
);

impl Lab {
    /// Changes what Entra ID knows and refuses; takes effect at once.
    pub fn change_directory(&self, change: impl FnOnce(&mut Directory)) {
        change(&mut self.world.directory());
    }

    /// Registers a certificate (PEM) with the application.
    ///
    /// # Errors
    /// Text that is no certificate.
    pub fn register_certificate(&self, pem: &str) -> Result<(), LabError> {
        use rustls_pki_types::pem::PemObject as _;
        let der = rustls_pki_types::CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| LabError::Certificate(error.to_string()))?;
        self.world.directory().certificates.push(der.to_vec());
        Ok(())
    }

    /// A token as another issuer would sign it, good for `seconds`; Entra ID can verify it.
    #[must_use]
    pub fn federated_token(&self, of: &Federated, seconds: i64) -> String {
        let now = jiff::Timestamp::now().as_second();
        token::sign(
            &self.world,
            &serde_json::json!({
                "iss": of.issuer, "sub": of.subject, "aud": of.audience,
                "iat": now - 60, "nbf": now - 60, "exp": now + seconds,
            }),
        )
    }

    /// An access token as the application gets it, for a tool that a test puts in its place. `resource` is
    /// `https://graph.microsoft.com` or `https://outlook.office365.com`.
    #[must_use]
    pub fn access_token(&self, resource: &str) -> Option<String> {
        let scope = format!("{}/.default", resource.trim_end_matches('/'));
        let audience = token::Audience::of_scope(&self.world, &scope)?;
        Some(token::issue(&self.world, audience))
    }
}
