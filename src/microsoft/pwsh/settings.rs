//! How the official module is started and signed in.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::super::cloud::Cloud;
use super::super::powershell::{environment_name, quote};
use super::super::settings::Limits;
use super::error::PwshError;

/// The oldest module that speaks REST only, for every cmdlet here (module notes, `microsoft.md` 3).
pub const LEAST_MODULE: &str = "3.2.0";

/// How `Connect-ExchangeOnline` signs in (its own parameter sets).
#[derive(Clone, Debug)]
pub enum Connect {
    /// An application with a certificate in the store of this Windows machine.
    Thumbprint {
        /// The application (client) id.
        client_id: String,
        /// The certificate's SHA-1 thumbprint.
        thumbprint: String,
    },
    /// An application with a certificate in a PFX file.
    CertificateFile {
        /// The application (client) id.
        client_id: String,
        /// The file.
        file: PathBuf,
        /// Its password, if it has one.
        password: Option<SecretString>,
    },
    /// The managed identity of the Azure machine this runs on; `None` is the system-assigned one.
    ManagedIdentity {
        /// The client id of a user-assigned identity.
        client_id: Option<String>,
    },
    /// A person, with a code that is entered in a browser anywhere.
    Device,
}

impl Connect {
    /// The name of the method for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Thumbprint { .. } => "certificate thumbprint",
            Self::CertificateFile { .. } => "certificate file",
            Self::ManagedIdentity { .. } => "managed identity",
            Self::Device => "device code",
        }
    }
}

/// Passes on what PowerShell says to a person while it signs in: the device code.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Everything needed to run the module for one tenant.
#[derive(Clone)]
pub struct PwshSettings {
    /// The program.
    pub program: PathBuf,
    /// The tenant: its initial domain, or its id where a person signs in.
    pub tenant: String,
    /// The cloud.
    pub cloud: Cloud,
    /// How to sign in.
    pub connect: Connect,
    /// Time limits.
    pub limits: Limits,
    /// How long a sign-in may take.
    pub sign_in: Duration,
    /// Who is told what PowerShell says meanwhile.
    pub tell: Tell,
}

impl fmt::Debug for PwshSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PwshSettings")
            .field("program", &self.program)
            .field("tenant", &self.tenant)
            .field("cloud", &self.cloud)
            .field("connect", &self.connect)
            .finish_non_exhaustive()
    }
}

impl PwshSettings {
    /// With `pwsh` from the path and the usual limits. What PowerShell says is logged as a warning, so that it is seen.
    #[must_use]
    pub fn new(tenant: impl Into<String>, connect: Connect) -> Self {
        Self {
            program: PathBuf::from("pwsh"),
            tenant: tenant.into(),
            cloud: Cloud::Worldwide,
            sign_in: match connect {
                // A device code lives for 15 minutes.
                Connect::Device => Duration::from_secs(16 * 60),
                _ => Duration::from_secs(5 * 60),
            },
            connect,
            limits: Limits::default(),
            tell: Arc::new(|said| tracing::warn!("PowerShell says: {said}")),
        }
    }

    /// Checks what the types cannot.
    ///
    /// # Errors
    /// [`PwshError::Settings`] when an application is to sign in to a tenant that is named by its id: `-Organization`
    /// takes a domain name only.
    pub fn check(&self) -> Result<(), PwshError> {
        let by_person = matches!(self.connect, Connect::Device);
        if !by_person && !self.tenant.contains('.') {
            return Err(PwshError::Settings(
                "`backend: pwsh` needs the tenant's initial domain, as in contoso.onmicrosoft.com, not its id: \
                 Connect-ExchangeOnline takes -Organization as a domain. Correct `microsoft.tenant`.",
            ));
        }
        Ok(())
    }

    /// The parameters of `Connect-ExchangeOnline`, without the password.
    pub(super) fn parameters(&self) -> Map<String, Value> {
        let mut out = Map::new();
        let mut add = |name: &str, value: Value| out.insert(name.to_owned(), value);
        match &self.connect {
            Connect::Thumbprint {
                client_id,
                thumbprint,
            } => {
                add("AppId", json!(client_id));
                add("CertificateThumbprint", json!(thumbprint));
                add("Organization", json!(self.tenant));
            }
            Connect::CertificateFile {
                client_id, file, ..
            } => {
                add("AppId", json!(client_id));
                add("CertificateFilePath", json!(file.to_string_lossy()));
                add("Organization", json!(self.tenant));
            }
            Connect::ManagedIdentity { client_id } => {
                add("ManagedIdentity", json!(true));
                if let Some(id) = client_id {
                    add("ManagedIdentityAccountId", json!(id));
                }
                add("Organization", json!(self.tenant));
            }
            Connect::Device => {
                add("Device", json!(true));
            }
        }
        if self.cloud != Cloud::Worldwide {
            add(
                "ExchangeEnvironmentName",
                json!(environment_name(self.cloud)),
            );
        }
        out
    }

    /// The password of the certificate file.
    pub(super) fn password(&self) -> Option<&str> {
        match &self.connect {
            Connect::CertificateFile {
                password: Some(password),
                ..
            } => Some(password.expose_secret()),
            _ => None,
        }
    }

    /// The same for a person to try, without the password.
    pub(super) fn by_hand(&self) -> String {
        let mut line = "Connect-ExchangeOnline".to_owned();
        for (name, value) in self.parameters() {
            line.push_str(" -");
            line.push_str(&name);
            if let Value::String(text) = value {
                line.push(' ');
                line.push_str(&quote(&text));
            }
        }
        if self.password().is_some() {
            line.push_str(" -CertificatePassword (Read-Host -AsSecureString)");
        }
        line
    }
}
