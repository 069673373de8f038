//! Whoever is signed in to the Azure CLI.

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_identity::{AzureCliCredential, AzureCliCredentialOptions};

use super::ground::Ground;
use crate::microsoft::sign_in_error::{self, SignInError, SignInReason};

pub(super) fn credential(ground: &Ground) -> Result<Arc<dyn TokenCredential>, SignInError> {
    let options = AzureCliCredentialOptions {
        tenant_id: Some(ground.tenant.clone()),
        ..Default::default()
    };
    AzureCliCredential::new(Some(options))
        .map(|made| made as _)
        .map_err(|error| ground.source_failed(&error.to_string()))
}

/// What `az` said on standard error, as a reason.
pub(super) fn failure(ground: &Ground, said: &str) -> SignInError {
    if said.contains("not found on PATH") {
        return SignInError::new(SignInReason::NoAzureCli);
    }
    let detail = ground.clean(said);
    let found = sign_in_error::from_text(&ground.scrub(said));
    // The codes that say "sign in again" are the CLI's to mend, by the command it names itself.
    if said.contains("az login") && found.as_ref().is_none_or(|found| found.wants_a_person()) {
        return SignInError {
            code: found.and_then(|found| found.code),
            ..SignInError::new(SignInReason::AzureCliSignedOut {
                tenant: ground.tenant.clone(),
                detail,
            })
        };
    }
    found.unwrap_or_else(|| ground.source_failed(said))
}
