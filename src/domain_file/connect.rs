//! The `microsoft.connect:` part: how the module ExchangeOnlineManagement signs in, where it is the backend.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use uuid::Uuid;

use super::{Place, SecretRef};

/// How `Connect-ExchangeOnline` signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenConnect", into = "WrittenConnect")]
pub enum Connect {
    /// An application with a certificate in the store of this Windows machine.
    Thumbprint {
        /// The application (client) id.
        client_id: Uuid,
        /// The SHA-1 thumbprint, 40 hexadecimal digits in upper case.
        thumbprint: String,
    },
    /// An application with a certificate in a PFX file.
    CertificateFile {
        /// The application (client) id.
        client_id: Uuid,
        /// The file.
        file: Place,
        /// Its password, if it has one.
        password: Option<SecretRef>,
    },
    /// The managed identity of the Azure machine this runs on.
    ManagedIdentity {
        /// A user-assigned identity; without it, the system-assigned one.
        client_id: Option<Uuid>,
    },
    /// A person, with a code that is entered in a browser anywhere.
    Device,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Method {
    /// An application with a certificate in the store of this Windows machine.
    CertificateThumbprint,
    /// An application with a certificate in a PFX file.
    CertificateFile,
    /// The managed identity of the Azure machine this runs on.
    ManagedIdentity,
    /// A person, with a code that is entered in a browser anywhere.
    Device,
}

/// How the module ExchangeOnlineManagement signs in.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenConnect {
    /// The way to sign in.
    method: Method,
    /// The application (client) id.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "application_id"
    )]
    #[schemars(with = "Option<String>", regex(pattern = "^[0-9a-fA-F-]{36}$"))]
    client_id: Option<Uuid>,
    /// The SHA-1 thumbprint of the certificate in the store of this Windows machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thumbprint: Option<String>,
    /// The PFX file with certificate and key, relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<Place>,
    /// Where the password of the PFX file is kept: env:NAME or file:PATH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<SecretRef>,
}

impl TryFrom<WrittenConnect> for Connect {
    type Error = &'static str;

    fn try_from(written: WrittenConnect) -> Result<Self, &'static str> {
        const NO_ID: &str = "`client_id` is missing\nit is the application (client) id of the app registration in Entra";
        const STRAY: &str = "this method of `connect` takes fewer keys\n\
             certificate-thumbprint takes client_id and thumbprint; certificate-file takes client_id, file and password; \
             managed-identity takes client_id; device takes none";
        let WrittenConnect {
            method,
            client_id,
            thumbprint,
            file,
            password,
        } = written;
        match (method, client_id, thumbprint, file, password) {
            (Method::CertificateThumbprint, client_id, Some(thumbprint), None, None) => {
                // Copied from a certificate's dialog it has spaces, or an invisible mark before it.
                let digits: String = thumbprint
                    .chars()
                    .filter(|c| !c.is_whitespace() && *c != ':' && *c != '\u{200e}')
                    .collect();
                if digits.len() != 40 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
                    return Err(
                        "this is no thumbprint\nit has 40 hexadecimal digits, as Get-ChildItem Cert:\\CurrentUser\\My shows it",
                    );
                }
                Ok(Self::Thumbprint {
                    client_id: client_id.ok_or(NO_ID)?,
                    thumbprint: digits.to_ascii_uppercase(),
                })
            }
            (Method::CertificateThumbprint, _, None, None, None) => Err(
                "`thumbprint` is missing\nit is the SHA-1 thumbprint of a certificate in the store of this Windows machine",
            ),
            (Method::CertificateFile, client_id, None, Some(file), password) => {
                Ok(Self::CertificateFile {
                    client_id: client_id.ok_or(NO_ID)?,
                    file,
                    password,
                })
            }
            (Method::CertificateFile, _, None, None, _) => Err(
                "`file` is missing\nit is the PFX file with certificate and key, relative to this file",
            ),
            (Method::ManagedIdentity, client_id, None, None, None) => {
                Ok(Self::ManagedIdentity { client_id })
            }
            (Method::Device, None, None, None, None) => Ok(Self::Device),
            _ => Err(STRAY),
        }
    }
}

impl From<Connect> for WrittenConnect {
    fn from(connect: Connect) -> Self {
        let of = |method, client_id| Self {
            method,
            client_id,
            thumbprint: None,
            file: None,
            password: None,
        };
        match connect {
            Connect::Thumbprint {
                client_id,
                thumbprint,
            } => Self {
                thumbprint: Some(thumbprint),
                ..of(Method::CertificateThumbprint, Some(client_id))
            },
            Connect::CertificateFile {
                client_id,
                file,
                password,
            } => Self {
                file: Some(file),
                password,
                ..of(Method::CertificateFile, Some(client_id))
            },
            Connect::ManagedIdentity { client_id } => of(Method::ManagedIdentity, client_id),
            Connect::Device => of(Method::Device, None),
        }
    }
}

fn application_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Uuid>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    // The parser's own message would repeat parts of what may be a secret in the wrong place.
    Uuid::try_parse(&text).map(Some).map_err(|_| {
        de::Error::custom(
            "this is no application id\nit is shown on the app registration's page, as in 00000000-0000-0000-0000-000000000000",
        )
    })
}
