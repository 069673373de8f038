//! An application with a client secret (RFC 6749 section 4.4).

use std::sync::Arc;

use azure_core::credentials::{Secret, TokenCredential};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use secrecy::{ExposeSecret as _, SecretString};

use super::ground::Ground;
use crate::microsoft::sign_in_error::SignInError;

pub(super) fn credential(
    ground: &Ground,
    client_id: &str,
    secret: &SecretString,
) -> Result<Arc<dyn TokenCredential>, SignInError> {
    let options = ClientSecretCredentialOptions {
        client_options: ground.client_options(),
    };
    let secret = Secret::new(secret.expose_secret().to_owned());
    ClientSecretCredential::new(&ground.tenant, client_id.to_owned(), secret, Some(options))
        .map(|made| made as _)
        .map_err(|error| ground.source_failed(&error.to_string()))
}
