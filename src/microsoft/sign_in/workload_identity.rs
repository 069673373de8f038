//! A token that somebody else issued and Entra ID trusts: Kubernetes puts one in a file, GitHub Actions hands one out.

use std::path::Path;
use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_identity::{
    ClientAssertionCredentialOptions, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};

use super::github;
use super::ground::Ground;
use crate::microsoft::sign_in_error::{SignInError, SignInReason};

pub(super) fn credential(
    ground: &Ground,
    client_id: Option<&str>,
    token_file: Option<&Path>,
) -> Result<Arc<dyn TokenCredential>, SignInError> {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if client_id.is_none() && !set("AZURE_CLIENT_ID") {
        return Err(ground.source_failed(
            "no client id is known; write `client_id` under `microsoft.sign_in`, or set AZURE_CLIENT_ID",
        ));
    }
    if token_file.is_none() && !set("AZURE_FEDERATED_TOKEN_FILE") {
        if let Some(asked) = github::Job::of_process()? {
            return github::credential(ground, client_id, asked);
        }
        return Err(SignInError::new(SignInReason::NoFederatedToken));
    }
    let options = WorkloadIdentityCredentialOptions {
        credential_options: ClientAssertionCredentialOptions {
            client_options: ground.client_options(),
        },
        client_id: client_id.map(str::to_owned),
        tenant_id: Some(ground.tenant.clone()),
        token_file_path: token_file.map(Path::to_owned),
    };
    WorkloadIdentityCredential::new(Some(options))
        .map(|made| made as _)
        .map_err(|error| ground.source_failed(&error.to_string()))
}
