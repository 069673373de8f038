//! The `microsoft.sign_in:` part: how to prove to Entra who we are.

use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use super::{Place, SecretRef};

/// How to sign in to Entra.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// An application with a client secret (OAuth 2.0 client credentials).
    ClientSecret {
        /// The application (client) id.
        client_id: Uuid,
        /// Its client secret.
        secret: SecretRef,
    },
    /// An application with a certificate.
    ClientCertificate {
        /// The application (client) id.
        client_id: Uuid,
        /// PEM: the certificate, and its key unless `key` is given.
        certificate: SecretRef,
        /// PEM: the private key.
        key: Option<SecretRef>,
    },
    /// The managed identity of the Azure machine this runs on.
    ManagedIdentity {
        /// The client id of a user-assigned identity; `None`: the system-assigned one.
        client_id: Option<Uuid>,
    },
    /// A federated token: of Kubernetes in a file, or of GitHub Actions.
    WorkloadIdentity {
        /// The application (client) id; `None`: `AZURE_CLIENT_ID`.
        client_id: Option<Uuid>,
        /// The file; `None`: `AZURE_FEDERATED_TOKEN_FILE`, or GitHub Actions.
        token_file: Option<Place>,
    },
    /// Whoever is signed in to the Azure CLI.
    AzureCli,
    /// A person with a code.
    DeviceCode(Person),
    /// A person in this machine's browser.
    Browser(Person),
}

/// What a person's sign-in takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The id of a public client application; `None`: that of Microsoft's Exchange module.
    pub client_id: Option<Uuid>,
    /// Where the sign-in is kept for later runs.
    pub cache: Cache,
}

/// Where a person's sign-in is kept for later runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cache {
    /// Nowhere: every command asks again.
    #[default]
    None,
    /// In an owner-only file in the state directory; `rollout microsoft sign-out` takes it away.
    File,
}

impl SignIn {
    /// The secret that is one text, if the method has one. Of a certificate's file only the key is secret: whoever reads the
    /// file tells it from the rest.
    pub const fn secret(&self) -> Option<&SecretRef> {
        match self {
            Self::ClientSecret { secret, .. } => Some(secret),
            _ => None,
        }
    }

    /// Paths are relative to this folder from now on.
    pub(super) fn anchor(&mut self, base: &Path) {
        match self {
            Self::ClientSecret { secret, .. } => secret.anchor(base),
            Self::ClientCertificate {
                certificate, key, ..
            } => {
                certificate.anchor(base);
                if let Some(key) = key {
                    key.anchor(base);
                }
            }
            Self::WorkloadIdentity {
                token_file: Some(place),
                ..
            } => place.anchor(base),
            _ => {}
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Method {
    /// An application with a client secret.
    ClientSecret,
    /// An application with a certificate, which Microsoft recommends over a secret.
    ClientCertificate,
    /// The managed identity of the Azure machine, App Service or Functions app this runs on.
    ManagedIdentity,
    /// A federated token: of Kubernetes from a file, or of GitHub Actions.
    WorkloadIdentity,
    /// Whoever is signed in to the Azure CLI (`az login`).
    AzureCli,
    /// A person at a terminal, who enters a code in any browser.
    DeviceCode,
    /// A person at a terminal, in this machine's browser; with a code where there is none.
    Browser,
}

impl Method {
    /// The keys that belong to it.
    const fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::ClientSecret => &["method", "client_id", "secret"],
            Self::ClientCertificate => &["method", "client_id", "certificate", "key"],
            Self::ManagedIdentity => &["method", "client_id"],
            Self::WorkloadIdentity => &["method", "client_id", "token_file"],
            Self::AzureCli => &["method"],
            Self::DeviceCode | Self::Browser => &["method", "client_id", "cache"],
        }
    }
}

/// How to sign in to Entra.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("allOf" = [
    {"if": {"properties": {"method": {"const": "client-secret"}}}, "then": {"required": ["client_id", "secret"]}},
    {"if": {"properties": {"method": {"const": "client-certificate"}}}, "then": {"required": ["client_id", "certificate"]}}
]))]
struct WrittenSignIn {
    /// The way to sign in.
    method: Method,
    /// The application (client) id. managed-identity: that of a user-assigned identity. workload-identity: by default
    /// AZURE_CLIENT_ID. device-code and browser: a public client application of your own, by default that of Microsoft's
    /// Exchange module.
    #[serde(
        default,
        deserialize_with = "application_id",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "String", regex(pattern = "^[0-9a-fA-F-]{36}$"))]
    client_id: Option<Uuid>,
    /// client-secret: where the client secret is kept: env:NAME or file:PATH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<SecretRef>,
    /// client-certificate: where the PEM of the certificate is kept, with its key if `key` is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<SecretRef>,
    /// client-certificate: where the PEM of the private key is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<SecretRef>,
    /// workload-identity: the file with the token, by default AZURE_FEDERATED_TOKEN_FILE, or GitHub Actions is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_file: Option<Place>,
    /// device-code and browser: keep the sign-in for later runs in an owner-only file. The operating system's keyring is
    /// not supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache: Option<Cache>,
}

impl WrittenSignIn {
    const fn of(method: Method) -> Self {
        Self {
            method,
            client_id: None,
            secret: None,
            certificate: None,
            key: None,
            token_file: None,
            cache: None,
        }
    }

    fn has(&self, key: &str) -> bool {
        match key {
            "client_id" => self.client_id.is_some(),
            "secret" => self.secret.is_some(),
            "certificate" => self.certificate.is_some(),
            "key" => self.key.is_some(),
            "token_file" => self.token_file.is_some(),
            "cache" => self.cache.is_some(),
            _ => false,
        }
    }
}

/// Every key but `method`.
const KEYS: [&str; 6] = [
    "client_id",
    "secret",
    "certificate",
    "key",
    "token_file",
    "cache",
];

impl<'de> Deserialize<'de> for SignIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use de::Error as _;
        let written = WrittenSignIn::deserialize(deserializer)?;
        let method = written.method;
        // A key of another method is a mistake at its own place.
        if let Some(stray) = KEYS
            .into_iter()
            .find(|key| written.has(key) && !method.allowed().contains(key))
        {
            return Err(D::Error::unknown_field(stray, method.allowed()));
        }
        let missing = |key| D::Error::missing_field(key);
        let client_id = written.client_id;
        let person = Person {
            client_id,
            cache: written.cache.unwrap_or_default(),
        };
        Ok(match method {
            Method::ClientSecret => Self::ClientSecret {
                client_id: client_id.ok_or_else(|| missing("client_id"))?,
                secret: written.secret.ok_or_else(|| missing("secret"))?,
            },
            Method::ClientCertificate => Self::ClientCertificate {
                client_id: client_id.ok_or_else(|| missing("client_id"))?,
                certificate: written.certificate.ok_or_else(|| missing("certificate"))?,
                key: written.key,
            },
            Method::ManagedIdentity => Self::ManagedIdentity { client_id },
            Method::WorkloadIdentity => Self::WorkloadIdentity {
                client_id,
                token_file: written.token_file,
            },
            Method::AzureCli => Self::AzureCli,
            Method::DeviceCode => Self::DeviceCode(person),
            Method::Browser => Self::Browser(person),
        })
    }
}

impl From<SignIn> for WrittenSignIn {
    fn from(sign_in: SignIn) -> Self {
        let person = |method, person: Person| Self {
            client_id: person.client_id,
            cache: Some(person.cache).filter(|cache| *cache != Cache::None),
            ..Self::of(method)
        };
        match sign_in {
            SignIn::ClientSecret { client_id, secret } => Self {
                client_id: Some(client_id),
                secret: Some(secret),
                ..Self::of(Method::ClientSecret)
            },
            SignIn::ClientCertificate {
                client_id,
                certificate,
                key,
            } => Self {
                client_id: Some(client_id),
                certificate: Some(certificate),
                key,
                ..Self::of(Method::ClientCertificate)
            },
            SignIn::ManagedIdentity { client_id } => Self {
                client_id,
                ..Self::of(Method::ManagedIdentity)
            },
            SignIn::WorkloadIdentity {
                client_id,
                token_file,
            } => Self {
                client_id,
                token_file,
                ..Self::of(Method::WorkloadIdentity)
            },
            SignIn::AzureCli => Self::of(Method::AzureCli),
            SignIn::DeviceCode(of) => person(Method::DeviceCode, of),
            SignIn::Browser(of) => person(Method::Browser, of),
        }
    }
}

impl Serialize for SignIn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WrittenSignIn::from(self.clone()).serialize(serializer)
    }
}

impl JsonSchema for SignIn {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SignIn".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        WrittenSignIn::json_schema(generator)
    }
}

fn application_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Uuid>, D::Error> {
    // The parser's own message would repeat parts of what may be a secret in the wrong place.
    Uuid::try_parse(&String::deserialize(deserializer)?).map(Some).map_err(|_| {
        de::Error::custom(
            "this is no application id\nit is shown on the app registration's page, as in 00000000-0000-0000-0000-000000000000",
        )
    })
}
