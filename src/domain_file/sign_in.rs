//! The `microsoft.sign_in:` part: how to prove to Entra who we are.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use uuid::Uuid;

use super::SecretRef;

/// How the application signs in to Entra.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "WrittenSignIn", into = "WrittenSignIn")]
pub enum SignIn {
    /// The OAuth 2.0 client credentials grant with a client secret.
    ClientSecret {
        /// The application (client) id.
        client_id: Uuid,
        /// Its client secret.
        secret: SecretRef,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Method {
    /// An application with a client secret.
    ClientSecret,
}

/// How the application signs in.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenSignIn {
    /// The way to sign in.
    method: Method,
    /// The application (client) id.
    #[serde(deserialize_with = "application_id")]
    #[schemars(with = "String", regex(pattern = "^[0-9a-fA-F-]{36}$"))]
    client_id: Uuid,
    /// Where the client secret is kept: env:NAME or file:PATH.
    secret: SecretRef,
}

impl From<WrittenSignIn> for SignIn {
    fn from(written: WrittenSignIn) -> Self {
        match written.method {
            Method::ClientSecret => Self::ClientSecret {
                client_id: written.client_id,
                secret: written.secret,
            },
        }
    }
}

impl From<SignIn> for WrittenSignIn {
    fn from(sign_in: SignIn) -> Self {
        match sign_in {
            SignIn::ClientSecret { client_id, secret } => Self {
                method: Method::ClientSecret,
                client_id,
                secret,
            },
        }
    }
}

fn application_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
    // The parser's own message would repeat parts of what may be a secret in the wrong place.
    Uuid::try_parse(&String::deserialize(deserializer)?).map_err(|_| {
        de::Error::custom(
            "this is no application id\nit is shown on the app registration's page, as in 00000000-0000-0000-0000-000000000000",
        )
    })
}
