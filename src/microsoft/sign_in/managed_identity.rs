//! The managed identity of the Azure machine or App Service this runs on.

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};

use super::ground::Ground;
use crate::microsoft::sign_in_error::{SignInError, SignInReason};

pub(super) fn credential(
    ground: &Ground,
    client_id: Option<&str>,
) -> Result<Arc<dyn TokenCredential>, SignInError> {
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: client_id.map(|id| UserAssignedId::ClientId(id.to_owned())),
        client_options: ground.client_options(),
    };
    ManagedIdentityCredential::new(Some(options))
        .map(|made| made as _)
        .map_err(|error| ground.source_failed(&error.to_string()))
}

/// What went wrong between this machine and its metadata service. `status` is that of its answer, if one came.
pub(super) fn failure(
    ground: &Ground,
    client_id: Option<&str>,
    status: Option<u16>,
    said: &str,
) -> SignInError {
    let detail = ground.clean(said);
    SignInError::new(match (status, client_id) {
        (None, _) => SignInReason::NoManagedIdentity { detail },
        (Some(400 | 404), client_id) => SignInReason::IdentityNotAssigned {
            client_id: client_id.map(str::to_owned),
            detail,
        },
        (Some(429 | 500..=599), _) => SignInReason::AuthorityBusy { detail },
        (Some(status), _) => SignInReason::Source {
            method: ground.method,
            detail: format!("the identity endpoint answered HTTP {status}: {detail}"),
        },
    })
}
